//! Hosts that no link may lead to.

use std::{fs, path::PathBuf, time::Duration};

use axum::http::Method;
use linkhop::{
    app::Options,
    catalog::blocked::{self, Blocked, all, block, lift},
    values::host_name::HostName,
};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::support::{Answer, Setup, TestApp, of_offer};

const HOST: &str = "go.example.com";

fn host(name: &str) -> HostName {
    HostName::parse(name).expect("a host")
}

/// Blocks a host as the operator does, beside the server.
async fn block_now(app: &TestApp, name: &str) {
    let now = app.app.clock.now();
    block(app.store(), &host(name), None, now).await.expect("a row");
    app.app.hosts.blocked().caught_up().await;
}

async fn lift_now(app: &TestApp, name: &str) {
    let now = app.app.clock.now();
    let lifted = lift(app.store(), &host(name), now).await.expect("an answer");
    assert!(lifted.is_some());
    app.app.hosts.blocked().caught_up().await;
}

/// A server with a deny list of its own.
async fn with_list(text: &str) -> (TestApp, TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("deny.txt");
    fs::write(&file, text).expect("a file");
    let blocked = blocked::Options {
        deny_list: Some(file.clone()),
        ..blocked::Options::default()
    };
    let options = Options {
        blocked,
        ..Options::default()
    };
    let app = TestApp::with(Setup {
        options,
        ..Setup::default()
    })
    .await;
    (app, folder, file)
}

async fn visit(app: &TestApp, code: &str) -> Answer {
    app.get(HOST, &format!("/{code}")).await
}

fn expect_blocked(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert!(
        answer.body.contains("This link has been blocked"),
        "{}",
        answer.body
    );
    assert_eq!(answer.header("location"), "");
    assert_eq!(answer.header("cache-control"), "private, no-store");
}

#[tokio::test]
async fn a_link_to_a_blocked_host_is_gone_at_the_next_visit_and_that_is_no_click() {
    let app = TestApp::start().await;
    let bad = app.link("https://a.phish.example/login?x=1").await;
    let good = app.link("https://good.example/").await;
    let other = app.link("https://notphish.example/").await;
    for code in [&bad, &good, &other] {
        visit(&app, code).await.location();
    }
    let clicks = app.clicks().await.len();
    block_now(&app, "phish.example").await;
    expect_blocked(&visit(&app, &bad).await, 410);
    assert_eq!(app.clicks().await.len(), clicks);
    visit(&app, &good).await.location();
    visit(&app, &other).await.location();
    let head = app.visit(Method::HEAD, HOST, &format!("/{bad}"), &[]).await;
    assert_eq!(head.status, 410);
    let post = app.visit(Method::POST, HOST, &format!("/{bad}"), &[]).await;
    assert_eq!(post.status, 405);
    // The link stays as it is, for the day that it is taken back.
    lift_now(&app, "phish.example").await;
    visit(&app, &bad).await.location();
    assert_eq!(app.clicks().await.len(), clicks + 3);
}

#[tokio::test]
async fn a_blocked_link_sends_nobody_elsewhere_and_no_link_to_a_blocked_fallback() {
    let app = TestApp::start().await;
    let input =
        json!({"url": "https://phish.example/", "listId": 42, "fallbackUrl": "https://good.example/over"});
    let bad = app.create(input).await["linkId"]
        .as_str()
        .expect("a code")
        .to_owned();
    let input = json!({"url": "https://good.example/", "listId": 42, "fallbackUrl": "https://phish.example/over",
        "expiresAt": "2026-11-23T12:30:00Z"});
    let over = app.create(input).await["linkId"]
        .as_str()
        .expect("a code")
        .to_owned();
    let input = json!({"url": "https://phish.example/", "listId": 42, "filterBots": true});
    let filtered = app.create(input).await["linkId"]
        .as_str()
        .expect("a code")
        .to_owned();
    app.advance_hours(1);
    visit(&app, &over).await.location();
    block_now(&app, "phish.example").await;
    expect_blocked(&visit(&app, &bad).await, 410);
    let answer = visit(&app, &over).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (410, ""));
    assert!(answer.body.contains("expired"), "{}", answer.body);
    expect_blocked(&visit(&app, &filtered).await, 410);
    let post = app.visit(Method::POST, HOST, &format!("/{filtered}"), &[]).await;
    expect_blocked(&post, 410);
}

#[tokio::test]
async fn a_visit_pays_nothing_for_hosts_that_are_blocked() {
    let app = TestApp::start().await;
    for number in 0..50 {
        block(
            app.store(),
            &host(&format!("bad{number}.example")),
            None,
            app.app.clock.now(),
        )
        .await
        .expect("a row");
    }
    app.app.hosts.blocked().caught_up().await;
    let code = app.link("https://good.example/").await;
    visit(&app, &code).await.location();
    let (reads, look_ups) = (app.reads(), app.app.resolver.look_ups());
    for _ in 0..20 {
        visit(&app, &code).await.location();
    }
    assert_eq!((app.reads(), app.app.resolver.look_ups()), (reads, look_ups));
}

#[tokio::test]
async fn nothing_that_leads_to_a_blocked_host_is_made_or_changed() {
    let app = TestApp::start().await;
    let offer = app
        .tenant
        .offer(app.store(), None, "https://phish.example/?a={{link.id}}")
        .await;
    let code = app.link("https://good.example/").await;
    let link = app.link_id(&code).await.to_string();
    block_now(&app, "phish.example").await;
    let bad = "https://www.PHISH.example./x";
    let domain = app.tenant.domain.id.to_string();
    let told = "blocked by the operator of this server";
    let expect = |made: &Value, ty: &str, code: &str, path: &[&str]| {
        assert_eq!(made["__typename"], ty, "{made}");
        assert_eq!(
            (&made["code"], &made["path"]),
            (&json!(code), &json!(path)),
            "{made}"
        );
        assert!(made["message"].to_string().contains(told), "{made}");
    };
    let url = ("InvalidUrlError", "INVALID_URL");
    let made = app.create(json!({"url": bad, "listId": 42})).await;
    expect(&made, url.0, url.1, &["input", "url"]);
    let made = app.create(of_offer(&offer, json!({}))).await;
    expect(&made, url.0, url.1, &["input", "offerId"]);
    let made = app
        .create(json!({"url": "https://good.example/", "listId": 42, "fallbackUrl": bad}))
        .await;
    expect(&made, url.0, url.1, &["input", "fallbackUrl"]);
    let made = app
        .mutate(
            "updateShortLink",
            "{ shortLink { id } }",
            json!({"id": link, "url": bad}),
        )
        .await;
    expect(&made, url.0, url.1, &["input", "url"]);
    let made = app
        .mutate(
            "updateDomain",
            "{ domain { id } }",
            json!({"id": domain, "rootUrl": bad}),
        )
        .await;
    expect(&made, url.0, url.1, &["input", "rootUrl"]);
    let input = json!({"name": "Bad", "trackingUrl": "https://phish.example/{{click.id}}"});
    let made = app.mutate("createOffer", "{ offer { id } }", input).await;
    expect(
        &made,
        "InvalidTrackingUrlError",
        "INVALID_TRACKING_URL",
        &["input", "trackingUrl"],
    );
    let input = json!({"id": offer.id.to_string(), "trackingUrl": "https://phish.example/2"});
    let made = app.mutate("updateOffer", "{ offer { id } }", input).await;
    expect(
        &made,
        "InvalidTrackingUrlError",
        "INVALID_TRACKING_URL",
        &["input", "trackingUrl"],
    );
    // Of many, each by itself.
    let query = "mutation($input: CreateShortLinksInput!) { createShortLinks(input: $input) {
        ... on CreateShortLinksSuccess { created results { ... on UserError { code message path } } } } }";
    let input = json!({"input": {"defaults": {"listId": 42}, "items": [{"url": "https://good.example/"}, {"url": bad}]}});
    let made = app.graphql(query, input).await.data("createShortLinks");
    assert_eq!(
        (&made["created"], &made["results"][1]["code"]),
        (&json!(1), &json!("INVALID_URL")),
        "{made}"
    );
    assert_eq!(made["results"][1]["path"], json!(["input", "items", "1", "url"]));
    // Taken back, all of it may be made.
    lift_now(&app, "phish.example").await;
    let made = app.create(json!({"url": bad, "listId": 42})).await;
    assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
}

#[tokio::test]
async fn a_domain_s_root_leads_to_no_blocked_host() {
    let app = TestApp::start().await;
    let input = json!({"id": app.tenant.domain.id.to_string(), "rootUrl": "https://shop.example/"});
    app.mutate("updateDomain", "{ domain { id } }", input).await;
    app.get(HOST, "/").await.location();
    block_now(&app, "shop.example").await;
    expect_blocked(&app.get(HOST, "/").await, 410);
}

#[tokio::test]
async fn a_deny_list_is_read_again_when_it_changes_and_its_links_are_a_451() {
    let (app, _folder, file) = with_list("# Known\nevil.example\n").await;
    let made = app
        .create(json!({"url": "https://evil.example/", "listId": 42}))
        .await;
    assert_eq!(made["code"], "INVALID_URL", "{made}");
    assert!(made["message"].to_string().contains("on the deny list"), "{made}");
    let code = app.link("https://www.worse.example/").await;
    visit(&app, &code).await.location();
    fs::write(&file, "evil.example\nworse.example # new\n").expect("a file");
    app.app.hosts.blocked().caught_up().await;
    expect_blocked(&visit(&app, &code).await, 451);
    // One with a mistake, and one that is gone, change nothing.
    fs::write(&file, "https://evil.example/\n").expect("a file");
    app.app.hosts.blocked().caught_up().await;
    expect_blocked(&visit(&app, &code).await, 451);
    fs::remove_file(&file).expect("a file");
    app.app.hosts.blocked().caught_up().await;
    expect_blocked(&visit(&app, &code).await, 451);
    // What the operator says goes first.
    block_now(&app, "www.worse.example").await;
    expect_blocked(&visit(&app, &code).await, 410);
    lift_now(&app, "www.worse.example").await;
    fs::write(&file, "").expect("a file");
    app.app.hosts.blocked().caught_up().await;
    visit(&app, &code).await.location();
}

#[tokio::test]
async fn every_server_sees_by_itself_what_was_blocked_and_taken_back() {
    let app = TestApp::start().await;
    let options = blocked::Options {
        pause: Duration::from_millis(5),
        ..blocked::Options::default()
    };
    let other = Blocked::spawn(app.store(), options, linkhop::catalog::Changes::default());
    let other = other.await.expect("no list to read");
    let sees = async |is_blocked: bool| {
        let seen = async {
            while other.list_of("a.phish.example").is_some() != is_blocked {
                // It asks the database too, and then knows.
                all(app.store()).await.expect("rows");
            }
        };
        let seen = timeout(Duration::from_mins(1), seen).await;
        seen.unwrap_or_else(|_| panic!("it is not seen that it is blocked: {is_blocked}"));
    };
    let now = app.app.clock.now();
    for _ in 0..2 {
        block(app.store(), &host("phish.example"), Some("why".to_owned()), now)
            .await
            .expect("a row");
        sees(true).await;
        lift(app.store(), &host("phish.example"), now)
            .await
            .expect("a row");
        sees(false).await;
    }
    assert!(all(app.store()).await.expect("rows").is_empty());
    assert_eq!(
        lift(app.store(), &host("phish.example"), now)
            .await
            .expect("an answer"),
        None
    );
}

#[tokio::test]
async fn hosts_stay_blocked_while_the_database_does_not_answer() {
    let app = TestApp::start().await;
    let code = app.link("https://phish.example/").await;
    block_now(&app, "phish.example").await;
    let transaction = app.store().write.begin().await.expect("a transaction");
    transaction
        .execute_unprepared("ALTER TABLE blocked_host RENAME TO gone")
        .await
        .expect("another name");
    transaction.commit().await.expect("an end");
    app.app.hosts.blocked().caught_up().await;
    expect_blocked(&visit(&app, &code).await, 410);
}
