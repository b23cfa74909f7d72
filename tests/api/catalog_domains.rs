//! Domains as an administrator manages them, and what visitors notice.

use std::sync::Arc;

use entity::domain;
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{TestApp, user_error};

const ALL: &str = "{ domain { id host scheme status rootUrl fallbackUrl } }";

async fn count(app: &TestApp) -> u64 {
    domain::Entity::find()
        .count(&app.store().read)
        .await
        .expect("a count")
}

async fn made(app: &TestApp, input: Value) -> Value {
    let made = app.mutate("createDomain", ALL, input).await;
    assert_eq!(made["__typename"], "CreateDomainSuccess", "{made}");
    made["domain"].clone()
}

async fn changed(app: &TestApp, id: &Value, mut change: Value) -> Value {
    change["id"] = id.clone();
    let changed = app.mutate("updateDomain", ALL, change).await;
    assert_eq!(changed["__typename"], "UpdateDomainSuccess", "{changed}");
    changed["domain"].clone()
}

#[tokio::test]
async fn a_domain_is_stored_in_one_form() {
    let app = TestApp::start().await;
    for (input, host, scheme) in [
        (
            json!({"host": "Links.Example.ORG."}),
            "links.example.org",
            "HTTPS",
        ),
        (
            json!({"host": "bücher.example"}),
            "xn--bcher-kva.example",
            "HTTPS",
        ),
        (json!({"host": "a.example.org:443"}), "a.example.org", "HTTPS"),
        (
            json!({"host": "b.example.org:80", "scheme": "HTTP"}),
            "b.example.org",
            "HTTP",
        ),
        (
            json!({"host": "c.example.org:8080", "scheme": "HTTP"}),
            "c.example.org:8080",
            "HTTP",
        ),
        (
            json!({"host": "localhost:4000", "scheme": "HTTP"}),
            "localhost:4000",
            "HTTP",
        ),
    ] {
        let domain = made(&app, input).await;
        let expected = json!({
            "id": domain["id"], "host": host, "scheme": scheme, "status": "ACTIVE", "rootUrl": null,
            "fallbackUrl": null,
        });
        assert_eq!(domain, expected);
    }
    let urls = json!({"host": "d.example.org", "rootUrl": "https://example.com", "fallbackUrl": "https://example.com/ü"});
    let domain = made(&app, urls).await;
    assert_eq!(
        (&domain["rootUrl"], &domain["fallbackUrl"]),
        (
            &json!("https://example.com/"),
            &json!("https://example.com/%C3%BC")
        )
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_domain_is_told_and_nothing_is_made_or_changed() {
    let app = TestApp::start().await;
    let other = made(&app, json!({"host": "other.example.org"})).await;
    let alone = "Give the host alone, such as go.example.com, without https://, path or user.";
    let form =
        "Give a host such as go.example.com: letters, digits and hyphens, in parts of 1 to 63 between dots.";
    let port = "The port is a number from 1 to 65535; leave it out where it is the scheme's own.";
    let suffix =
        "This is a public suffix, below which anybody can have a name; give a host of your own below it.";
    let invalid = |message| user_error("InvalidHostError", "INVALID_HOST", "input.host", 400, message);
    let url = |field: &str, message: &str| {
        user_error(
            "InvalidUrlError",
            "INVALID_URL",
            &format!("input.{field}"),
            400,
            message,
        )
    };
    let circle =
        "It leads to a domain of this server, so visitors could be sent in a circle; give a page elsewhere.";
    for (change, expected) in [
        (json!({"host": ""}), invalid(form)),
        (json!({"host": "a\0b.example.org"}), invalid(form)),
        (json!({"host": "https://go.example.org"}), invalid(alone)),
        (json!({"host": "go.example.org/path"}), invalid(alone)),
        (json!({"host": "go.example.org:99999"}), invalid(port)),
        (
            json!({"host": "*.example.org"}),
            invalid("Give one host, such as go.example.com; wildcards are not taken."),
        ),
        (json!({"host": "co.uk"}), invalid(suffix)),
        (json!({"host": "x".repeat(10_000)}), invalid(form)),
        (
            json!({"host": "GO.example.com"}),
            user_error(
                "HostInUseError",
                "HOST_IN_USE",
                "input.host",
                409,
                "This host is a domain of this server already. If it is your own and archived, set its status to \
                 ACTIVE with updateDomain; else choose another host.",
            ),
        ),
        (
            json!({"rootUrl": "example.com"}),
            url(
                "rootUrl",
                "rootUrl can't be used: give an absolute URL, such as https://example.com/sale.",
            ),
        ),
        (
            json!({"fallbackUrl": "https://example.com/\0"}),
            url(
                "fallbackUrl",
                "fallbackUrl can't be used: remove control characters and white space, or percent-encode them.",
            ),
        ),
        (
            json!({"rootUrl": "https://go.example.com/x"}),
            url("rootUrl", circle),
        ),
        (
            json!({"fallbackUrl": "https://other.example.org/"}),
            url("fallbackUrl", circle),
        ),
        // Not a domain of this server yet.
        (
            json!({"host": "new.example.org", "fallbackUrl": "https://new.example.org/"}),
            url("fallbackUrl", circle),
        ),
    ] {
        let mut input = json!({"host": "new.example.org"});
        let mut update = json!({"id": other["id"], "status": "ARCHIVED"});
        for (field, value) in change.as_object().expect("an object") {
            (input[field], update[field]) = (value.clone(), value.clone());
        }
        assert_eq!(app.mutate("createDomain", ALL, input).await, expected);
        assert_eq!(app.mutate("updateDomain", ALL, update).await, expected);
    }
    assert_eq!(count(&app).await, 2);
    assert_eq!(changed(&app, &other["id"], json!({})).await, other);
}

#[tokio::test]
async fn of_domains_that_want_one_host_at_once_one_is_made() {
    let app = Arc::new(TestApp::start().await);
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let app = Arc::clone(&app);
        calls.spawn(async move {
            app.mutate("createDomain", ALL, json!({"host": "one.example.org"}))
                .await["__typename"]
                .take()
        });
    }
    let answers = calls.join_all().await;
    assert_eq!(
        answers
            .iter()
            .filter(|kind| *kind == "CreateDomainSuccess")
            .count(),
        1
    );
    assert_eq!(
        answers.iter().filter(|kind| *kind == "HostInUseError").count(),
        19
    );
}

#[tokio::test]
async fn the_next_visit_sees_a_changed_host_and_fallback() {
    let app = TestApp::start().await;
    let id = json!(app.tenant.domain.id.to_string());
    let live = app.link("https://example.com/").await;
    app.create(json!({"url": "https://example.com/", "listId": 42, "code": "gone", "expiresAt": "2026-11-23T12:30:00Z"}))
        .await;
    app.advance_hours(1);
    let visit = async |host: &str, code: &str| {
        let answer = app.get(host, &format!("/{code}")).await;
        (answer.status.as_u16(), answer.header("location").to_owned())
    };
    // Now it is remembered.
    assert_eq!(visit("go.example.com", "gone").await, (410, String::new()));
    assert_eq!(
        visit("go.example.com", &live).await,
        (302, "https://example.com/".to_owned())
    );
    changed(&app, &id, json!({"fallbackUrl": "https://example.com/late"})).await;
    assert_eq!(
        visit("go.example.com", "gone").await,
        (302, "https://example.com/late".to_owned())
    );
    changed(&app, &id, json!({"host": "new.example.com"})).await;
    assert_eq!(visit("go.example.com", &live).await.0, 404);
    assert_eq!(
        visit("new.example.com", &live).await,
        (302, "https://example.com/".to_owned())
    );
    changed(
        &app,
        &id,
        json!({"fallbackUrl": null, "rootUrl": "https://example.com/home"}),
    )
    .await;
    assert_eq!(visit("new.example.com", "gone").await.0, 410);
    assert_eq!(
        visit("new.example.com", "").await,
        (302, "https://example.com/home".to_owned())
    );
}

#[tokio::test]
async fn the_next_link_knows_a_new_host_of_the_server() {
    let app = TestApp::start().await;
    let link = async || {
        app.create(json!({"url": "https://new.example.org/x", "listId": 42}))
            .await
    };
    assert_eq!(link().await["__typename"], "CreateShortLinkSuccess");
    let domain = made(&app, json!({"host": "new.example.org"})).await;
    assert_eq!(link().await["code"], "INVALID_URL");
    changed(&app, &domain["id"], json!({"host": "newer.example.org"})).await;
    assert_eq!(link().await["__typename"], "CreateShortLinkSuccess");
}

#[tokio::test]
async fn an_archived_domain_takes_no_links_until_it_is_taken_back_and_keeps_those_it_has() {
    let app = TestApp::start().await;
    let id = app.tenant.domain.id.to_string();
    let code = app.link("https://example.com/").await;
    let link = async || {
        app.create(json!({"url": "https://example.com/", "listId": 42}))
            .await["__typename"]
            .take()
    };
    for _ in 0..2 {
        let archived = app.archive("archiveDomain", "{ domain { status } }", &id).await;
        assert_eq!(archived["domain"]["status"], "ARCHIVED", "{archived}");
        assert_eq!(link().await, "NoDomainConfiguredError");
        let visit = app.get("go.example.com", &format!("/{code}")).await;
        assert_eq!(visit.location(), "https://example.com/");
    }
    assert_eq!(
        app.mutate("createDomain", ALL, json!({"host": "go.example.com"}))
            .await["code"],
        "HOST_IN_USE"
    );
    changed(&app, &json!(id), json!({"status": "ACTIVE"})).await;
    assert_eq!(link().await, "CreateShortLinkSuccess");
}

#[tokio::test]
async fn another_scheme_keeps_the_host_and_moves_its_port() {
    let app = TestApp::start().await;
    let id = json!(app.tenant.domain.id.to_string());
    let domain = changed(&app, &id, json!({"scheme": "HTTP"})).await;
    assert_eq!(
        (&domain["host"], &domain["scheme"]),
        (&json!("go.example.com"), &json!("HTTP"))
    );
    let made = app
        .create(json!({"url": "https://example.com/", "listId": 42, "code": "spring"}))
        .await;
    assert_eq!(made["shortUrl"], "http://go.example.com/spring");
    assert_eq!(app.get("go.example.com:80", "/spring").await.status, 302);
    assert_eq!(app.get("go.example.com:443", "/spring").await.status, 404);
}

#[tokio::test]
async fn a_domain_that_is_not_there_can_be_neither_changed_nor_archived() {
    let app = TestApp::start().await;
    let message = "The account has no domain with this id; take one from the query domains.";
    let list = app.tenant.list.id.to_string();
    for id in [
        list.as_str(),
        "domain_00000000000000000000000000000000",
        "",
        "\0",
        "go.example.com",
    ] {
        let error = |path| user_error("DomainNotFoundError", "DOMAIN_NOT_FOUND", path, 404, message);
        let updated = app
            .mutate("updateDomain", ALL, json!({"id": id, "host": "new.example.org"}))
            .await;
        assert_eq!(updated, error("input.id"), "{id}");
        assert_eq!(app.archive("archiveDomain", ALL, id).await, error("id"), "{id}");
    }
}
