//! Short links as they are changed, switched off and on, and archived.

use axum::http::Method;
use entity::{
    audit_entry::{self, Action},
    short_link,
};
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use serde_json::{Value, json};

use crate::support::{BROWSER, START, Tenant, TestApp, text, user_error};

const HOST: &str = "go.example.com";
const BOT: [(&str, &str); 1] = [("user-agent", "curl/8.5.0")];
const LINK: &str =
    "{ shortLink { linkId destinationUrl status expiresAt maxClicks fallbackUrl filterBots metadata } }";

const NOT_FOUND: &str = "The account has no short link with this id; take one from the query shortLinks.";
const IS_ARCHIVED: &str =
    "This short link is archived, which is final: nothing can be changed about it; make a new one.";

/// A link to `https://example.com/` with this code and these fields; its id.
async fn link(app: &TestApp, code: &str, mut fields: Value) -> String {
    fields["url"] = json!("https://example.com/");
    fields["listId"] = json!(42);
    fields["code"] = json!(code);
    let made = app.create(fields).await;
    assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
    app.link_id(code).await.to_string()
}

/// Changes a link, and answers it.
async fn changed(app: &TestApp, id: &str, mut change: Value) -> Value {
    change["id"] = json!(id);
    let changed = app.mutate("updateShortLink", LINK, change).await;
    assert_eq!(changed["__typename"], "UpdateShortLinkSuccess", "{changed}");
    changed["shortLink"].clone()
}

/// Runs a mutation that takes the id of a link, and answers where it stands.
async fn switched(app: &TestApp, name: &str, id: &str) -> Value {
    let switched = app.archive(name, LINK, id).await;
    assert!(
        text(&switched["__typename"]).ends_with("Success"),
        "{name}: {switched}"
    );
    switched["shortLink"]["status"].clone()
}

/// What a visit of a person is answered: where it leads, or the status.
async fn visit(app: &TestApp, code: &str) -> String {
    let answer = app.get(HOST, &format!("/{code}")).await;
    if answer.status == 302 {
        answer.location().to_owned()
    } else {
        answer.status.as_u16().to_string()
    }
}

/// The log, the oldest entry first.
async fn log(app: &TestApp) -> Vec<audit_entry::Model> {
    app.audit_log_without(&[Action::ShortLinkCreated]).await
}

#[tokio::test]
async fn a_change_is_seen_by_the_very_next_visit() {
    let app = TestApp::start().await;
    let id = link(&app, "spring", json!({})).await;
    assert_eq!(visit(&app, "spring").await, "https://example.com/");

    changed(
        &app,
        &id,
        json!({"url": "HTTPS://Example.com/new sale".replace(' ', "%20")}),
    )
    .await;
    assert_eq!(visit(&app, "spring").await, "https://example.com/new%20sale");

    changed(&app, &id, json!({"filterBots": true})).await;
    assert_eq!(
        app.visit(Method::GET, HOST, "/spring", &BOT).await.status,
        200,
        "a page"
    );
    changed(&app, &id, json!({"filterBots": false})).await;
    assert_eq!(app.visit(Method::GET, HOST, "/spring", &BOT).await.status, 302);

    assert_eq!(switched(&app, "disableShortLink", &id).await, "DISABLED");
    assert_eq!(visit(&app, "spring").await, "410");
    changed(&app, &id, json!({"fallbackUrl": "https://example.com/late"})).await;
    assert_eq!(visit(&app, "spring").await, "https://example.com/late");
    assert_eq!(switched(&app, "enableShortLink", &id).await, "ACTIVE");
    assert_eq!(visit(&app, "spring").await, "https://example.com/new%20sale");

    changed(&app, &id, json!({"expiresAt": "2026-11-23T12:00:01Z"})).await;
    app.advance_seconds(1);
    assert_eq!(visit(&app, "spring").await, "https://example.com/late");
    assert_eq!(
        changed(&app, &id, json!({"expiresAt": null})).await["status"],
        "ACTIVE"
    );
    assert_eq!(visit(&app, "spring").await, "https://example.com/new%20sale");

    assert_eq!(switched(&app, "archiveShortLink", &id).await, "ARCHIVED");
    assert_eq!(visit(&app, "spring").await, "https://example.com/late");
}

#[tokio::test]
async fn what_is_left_out_stays_and_null_clears_what_may_be_empty() {
    let app = TestApp::start().await;
    let all = json!({
        "expiresAt": "2099-01-01T00:00:00Z", "maxClicks": 3, "fallbackUrl": "https://example.com/late", "filterBots": true,
        "metadata": {"kept": 1, "set": "a", "gone": true},
    });
    let id = link(&app, "spring", all).await;
    let same = changed(&app, &id, json!({})).await;
    assert_eq!(
        same,
        json!({
            "linkId": "spring", "destinationUrl": "https://example.com/", "status": "ACTIVE",
            "expiresAt": "2099-01-01T00:00:00+00:00", "maxClicks": 3, "fallbackUrl": "https://example.com/late",
            "filterBots": true, "metadata": {"kept": 1, "set": "a", "gone": true},
        })
    );
    let change = json!({
        "url": null, "filterBots": null, "expiresAt": null, "maxClicks": null, "fallbackUrl": null,
        "metadata": {"set": "b", "gone": null},
    });
    let cleared = changed(&app, &id, change).await;
    assert_eq!(
        cleared,
        json!({
            "linkId": "spring", "destinationUrl": "https://example.com/", "status": "ACTIVE", "expiresAt": null,
            "maxClicks": null, "fallbackUrl": null, "filterBots": true, "metadata": {"kept": 1, "set": "b"},
        })
    );
    // It is found by what it is now.
    let find = "query($filter: ShortLinkFilter) { shortLinks(filter: $filter) { nodes { linkId } } }";
    changed(&app, &id, json!({"url": "https://example.com/winter"})).await;
    for (filter, found) in [
        (json!({"search": "winter"}), true),
        (json!({"metadata": {"key": "set", "value": "b"}}), true),
        (json!({"metadata": {"key": "set", "value": "a"}}), false),
    ] {
        let answer = app
            .graphql(find, json!({"filter": filter}))
            .await
            .data("shortLinks");
        assert_eq!(
            answer["nodes"] == json!([{"linkId": "spring"}]),
            found,
            "{filter}"
        );
    }
    assert_eq!(
        changed(&app, &id, json!({"metadata": null})).await["metadata"],
        json!({})
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_change_is_told_and_nothing_is_changed() {
    let app = TestApp::start().await;
    let id = link(&app, "spring", json!({"metadata": {"a": "x".repeat(4000)}})).await;
    let before = app.stored("spring").await;
    let expiry = "expiresAt must be in the future and no later than the year 9999; null is for a link that does not \
        expire, and disableShortLink ends one at once.";
    let limit = "maxClicks must be at least 1; null is for any number, and disableShortLink for none.";
    let circle = "It leads to a domain of this server, so the link would lead in a circle; give its final destination.";
    for (field, value, kind, code, message) in [
        (
            "url",
            json!("javascript:alert(1)"),
            "InvalidUrlError",
            "INVALID_URL",
            "url can't be used: give an http or https URL.",
        ),
        (
            "url",
            json!("https://GO.example.com/other"),
            "InvalidUrlError",
            "INVALID_URL",
            circle,
        ),
        (
            "fallbackUrl",
            json!("example.com"),
            "InvalidUrlError",
            "INVALID_URL",
            "fallbackUrl can't be used: give an absolute URL, such as https://example.com/sale.",
        ),
        (
            "fallbackUrl",
            json!("https://go.example.com:443/"),
            "InvalidUrlError",
            "INVALID_URL",
            circle,
        ),
        (
            "expiresAt",
            json!("2026-11-23T12:00:00Z"),
            "InvalidExpiryError",
            "INVALID_EXPIRY",
            expiry,
        ),
        (
            "expiresAt",
            json!("+10000-01-01T00:00:00Z"),
            "InvalidExpiryError",
            "INVALID_EXPIRY",
            expiry,
        ),
        (
            "maxClicks",
            json!(0),
            "InvalidExpiryError",
            "INVALID_EXPIRY",
            limit,
        ),
        (
            "metadata",
            json!([]),
            "InvalidMetadataError",
            "INVALID_METADATA",
            "Metadata must be a JSON object, such as {\"campaign\": \"spring\"}.",
        ),
        (
            "metadata",
            json!({"b": "x".repeat(100)}),
            "InvalidMetadataError",
            "INVALID_METADATA",
            "Metadata may have at most 4096 bytes as JSON; this has 4115.",
        ),
    ] {
        // With something that would be right by itself.
        let mut change = json!({"id": id, "filterBots": true});
        change[field] = value;
        let answer = app.mutate("updateShortLink", LINK, change.clone()).await;
        let error = user_error(kind, code, &format!("input.{field}"), 400, message);
        assert_eq!(answer, error, "{change}");
        assert_eq!(app.stored("spring").await, before, "{change}");
    }
    assert_eq!(log(&app).await, []);
}

#[tokio::test]
async fn another_account_s_link_is_not_found_as_one_that_never_was() {
    let app = TestApp::start().await;
    let id = link(&app, "spring", json!({"maxClicks": 5})).await;
    let before = app.stored("spring").await;
    let other = Tenant::make(app.store(), "go.other.example", START).await;
    for id in [id.as_str(), "link_0", "", "link_00000000000070008000000000000000"] {
        for name in ["disableShortLink", "enableShortLink", "archiveShortLink"] {
            let query = format!(
                "mutation($id: ID!) {{ {name}(id: $id) {{ ... on UserError {{ code path httpStatus }} }} }}"
            );
            let answer = app.graphql_as(Some(&other.key), &query, json!({"id": id})).await;
            let error = json!({"code": "SHORT_LINK_NOT_FOUND", "path": ["id"], "httpStatus": 404});
            assert_eq!(answer.data(name), error, "{name} {id}");
        }
        for change in [json!({"filterBots": true}), json!({"maxClicks": 1})] {
            let mut input = change;
            input["id"] = json!(id);
            let query = "mutation($input: UpdateShortLinkInput!) {
                updateShortLink(input: $input) { ... on UserError { code path httpStatus } } }";
            let answer = app
                .graphql_as(Some(&other.key), query, json!({"input": input}))
                .await;
            let error = json!({"code": "SHORT_LINK_NOT_FOUND", "path": ["input", "id"], "httpStatus": 404});
            assert_eq!(answer.data("updateShortLink"), error, "{id}");
        }
    }
    let missing = app
        .archive("archiveShortLink", LINK, "link_00000000000070008000000000000000")
        .await;
    let error = user_error(
        "ShortLinkNotFoundError",
        "SHORT_LINK_NOT_FOUND",
        "id",
        404,
        NOT_FOUND,
    );
    assert_eq!(missing, error);
    assert_eq!(app.stored("spring").await, before);
    assert_eq!(log(&app).await, []);
}

#[tokio::test]
async fn archiving_is_final_and_safe_to_repeat() {
    let app = TestApp::start().await;
    let id = link(&app, "spring", json!({})).await;
    for _ in 0..2 {
        assert_eq!(switched(&app, "archiveShortLink", &id).await, "ARCHIVED");
    }
    let before = app.stored("spring").await;
    let refused = |path| {
        user_error(
            "ShortLinkArchivedError",
            "SHORT_LINK_ARCHIVED",
            path,
            409,
            IS_ARCHIVED,
        )
    };
    for name in ["disableShortLink", "enableShortLink"] {
        assert_eq!(app.archive(name, LINK, &id).await, refused("id"), "{name}");
    }
    for change in [
        json!({"id": id}),
        json!({"id": id, "expiresAt": null}),
        json!({"id": id, "maxClicks": 3}),
    ] {
        let answer = app.mutate("updateShortLink", LINK, change).await;
        assert_eq!(answer, refused("input.id"));
    }
    assert_eq!(app.stored("spring").await, before);
    assert_eq!(log(&app).await.len(), 1);
    let again = json!({"url": "https://example.com/", "listId": 42, "code": "spring"});
    assert_eq!(app.create(again).await["code"], "CODE_TAKEN");
}

#[tokio::test]
async fn switching_off_and_on_is_safe_to_repeat_and_written_down_once() {
    let app = TestApp::start().await;
    let id = link(&app, "spring", json!({})).await;
    for (name, status) in [("disableShortLink", "DISABLED"), ("enableShortLink", "ACTIVE")] {
        for _ in 0..3 {
            assert_eq!(switched(&app, name, &id).await, status);
        }
    }
    let log = log(&app).await;
    let told: Vec<_> = log
        .iter()
        .map(|entry| (entry.action, entry.before.clone(), entry.after.clone()))
        .collect();
    let (on, off) = (
        Some(json!({"status": "ACTIVE"})),
        Some(json!({"status": "DISABLED"})),
    );
    assert_eq!(
        told,
        [
            (Action::ShortLinkDisabled, on.clone(), off.clone()),
            (Action::ShortLinkEnabled, off, on)
        ]
    );
}

#[tokio::test]
async fn a_change_is_written_down_with_who_made_it_and_without_the_recipient() {
    let app = TestApp::start().await;
    let fields = json!({
        "contactPhone": "+12025550143", "fallbackUrl": "https://example.com/?p=12025550143",
        "metadata": {"phone": "+12025550143", "campaign": "spring"},
    });
    let id = link(&app, "spring", fields).await;
    let change = json!({
        "url": "https://example.com/sale?to=%2B12025550143", "maxClicks": 7, "expiresAt": "2099-01-01T00:00:00Z",
        "fallbackUrl": "https://example.com/12025550143?x=+12025550143",
        "metadata": {"12025550143": [12_025_550_143_i64, "tel:12025550143"]},
    });
    changed(&app, &id, change.clone()).await;
    changed(&app, &id, json!({})).await;
    changed(&app, &id, change).await;
    let log = log(&app).await;
    assert_eq!(log.len(), 1, "what changes nothing is not written down: {log:?}");
    let entry = &log[0];
    assert_eq!(
        (entry.action, entry.affected, entry.created_at),
        (Action::ShortLinkUpdated, 1, START)
    );
    assert_eq!(
        (entry.account_id, entry.api_key_id),
        (app.tenant.account.id, Some(app.tenant.key_row.id))
    );
    assert_eq!(entry.subject_id, Some(app.link_id("spring").await.into()));
    assert_eq!(
        entry.before,
        Some(json!({
            "destinationUrl": "https://example.com/", "expiresAt": null, "maxClicks": null,
            "fallbackUrl": "https://example.com/?p=…", "metadata": {"phone": "…", "campaign": "spring"},
        }))
    );
    assert_eq!(
        entry.after,
        Some(json!({
            "destinationUrl": "https://example.com/sale?to=…", "expiresAt": "2099-01-01T00:00:00Z", "maxClicks": 7,
            "fallbackUrl": "https://example.com/…?x=…",
            "metadata": {"phone": "…", "campaign": "spring", "…": ["…", "tel:…"]},
        }))
    );
    assert!(!format!("{log:?}").contains("2025550143"));
}

#[tokio::test]
async fn raising_or_clearing_the_limit_takes_an_exhausted_link_up_again() {
    let app = TestApp::start().await;
    let id = link(&app, "two", json!({"maxClicks": 2})).await;
    let ok = "https://example.com/";
    for expected in [ok, ok, "410"] {
        assert_eq!(visit(&app, "two").await, expected);
    }
    // Not above what is used.
    assert_eq!(
        changed(&app, &id, json!({"maxClicks": 1})).await["status"],
        "EXHAUSTED"
    );
    assert_eq!(visit(&app, "two").await, "410");
    assert_eq!(
        changed(&app, &id, json!({"maxClicks": 3})).await["status"],
        "ACTIVE"
    );
    for expected in [ok, "410"] {
        assert_eq!(visit(&app, "two").await, expected);
    }
    assert_eq!(
        changed(&app, &id, json!({"maxClicks": null})).await["status"],
        "ACTIVE"
    );
    for _ in 0..5 {
        assert_eq!(visit(&app, "two").await, ok);
    }
    // A limit that is given to a link without one counts from then on.
    assert_eq!(
        changed(&app, &id, json!({"maxClicks": 1})).await["status"],
        "ACTIVE"
    );
    for expected in [ok, "410"] {
        assert_eq!(visit(&app, "two").await, expected);
    }
}

#[tokio::test]
async fn lowering_the_limit_to_what_is_used_or_below_exhausts_the_link() {
    let app = TestApp::start().await;
    for (code, limit, stands) in [("a", 3, "ACTIVE"), ("b", 2, "EXHAUSTED"), ("c", 1, "EXHAUSTED")] {
        let code = format!("link-{code}");
        let id = link(&app, &code, json!({"maxClicks": 10})).await;
        for _ in 0..2 {
            assert_eq!(visit(&app, &code).await, "https://example.com/");
        }
        assert_eq!(
            changed(&app, &id, json!({"maxClicks": limit})).await["status"],
            stands
        );
        let expected = if stands == "ACTIVE" {
            "https://example.com/"
        } else {
            "410"
        };
        assert_eq!(visit(&app, &code).await, expected);
        // Bots too, who take no place that would tell them.
        assert_eq!(
            app.visit(Method::GET, HOST, &format!("/{code}"), &BOT)
                .await
                .status,
            410
        );
    }
}

#[tokio::test]
async fn a_server_that_has_not_heard_of_another_limit_goes_by_it_all_the_same() {
    let app = TestApp::start().await;
    let neighbour = app.neighbour().await;
    let person = [("user-agent", BROWSER)];
    let passes = async |code: &str| {
        let answer = neighbour.visit(Method::GET, HOST, code, &person).await;
        answer.status == 302
    };
    let raised = link(&app, "raised", json!({"maxClicks": 2})).await;
    let lowered = link(&app, "lowered", json!({"maxClicks": 5})).await;
    for code in ["/raised", "/lowered"] {
        assert!(passes(code).await, "it remembers the link as it is");
    }
    changed(&app, &raised, json!({"maxClicks": 4})).await;
    changed(&app, &lowered, json!({"maxClicks": 2})).await;
    for (code, expected) in [
        ("/raised", [true, true, true, false]),
        ("/lowered", [true, false, false, false]),
    ] {
        for expected in expected {
            assert_eq!(passes(code).await, expected, "{code}");
        }
    }
    let cleared = link(&app, "cleared", json!({"maxClicks": 2})).await;
    assert!(passes("/cleared").await);
    changed(&app, &cleared, json!({"maxClicks": null})).await;
    for _ in 0..3 {
        assert!(passes("/cleared").await);
    }
    assert_eq!(app.stored("cleared").await.exhausted_at, None);
}

#[tokio::test]
async fn archived_links_are_kept_with_all_that_they_have() {
    let app = TestApp::start().await;
    let id = link(&app, "spring", json!({})).await;
    visit(&app, "spring").await;
    switched(&app, "archiveShortLink", &id).await;
    let query = "query($id: ID!) { shortLink(by: {id: $id}) { status stats { clicks } } shortLinks { nodes { linkId } } }";
    let answer = app.graphql(query, json!({"id": id})).await.json();
    assert_eq!(
        answer["data"],
        json!({"shortLink": {"status": "ARCHIVED", "stats": {"clicks": 1}}, "shortLinks": {"nodes": []}})
    );
    let links = short_link::Entity::find().count(&app.store().read).await;
    assert_eq!(links.expect("a count"), 1);
}
