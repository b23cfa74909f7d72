//! How often and how long a link lets people through.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use entity::domain;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{BROWSER, TestApp};

const HOST: &str = "go.example.com";
const BOT: [(&str, &str); 1] = [("user-agent", "curl/8.5.0")];

/// A link to `https://example.com/` with this code and these fields.
async fn link(app: &TestApp, code: &str, mut fields: Value) {
    fields["url"] = json!("https://example.com/");
    fields["listId"] = json!(42);
    fields["code"] = json!(code);
    let made = app.create(fields).await;
    assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
}

async fn status(app: &TestApp, code: &str) -> Value {
    let query = format!("{{ shortLink(by: {{shortUrl: \"https://{HOST}/{code}\"}}) {{ status }} }}");
    app.graphql(&query, Value::Null).await.data("shortLink")["status"].take()
}

#[tokio::test]
async fn of_500_people_at_once_a_link_of_100_lets_exactly_100_through() {
    let app = Arc::new(TestApp::start().await);
    link(&app, "hundred", json!({"maxClicks": 100})).await;
    let mut visits = JoinSet::new();
    for _ in 0..500 {
        let app = Arc::clone(&app);
        visits.spawn(async move { app.get(HOST, "/hundred").await.status });
    }
    let answers = visits.join_all().await;
    let count = |status| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(StatusCode::FOUND), count(StatusCode::GONE)), (100, 400));
    assert_eq!(app.clicks().await.len(), 100);
    assert_eq!(status(&app, "hundred").await, "EXHAUSTED");
    let filter = "{ shortLinks(filter: {status: [EXHAUSTED]}) { nodes { linkId } } }";
    let listed = app.graphql(filter, Value::Null).await.data("shortLinks");
    assert_eq!(listed["nodes"], json!([{"linkId": "hundred"}]));
}

#[tokio::test]
async fn the_last_one_is_let_through_and_the_next_one_is_told() {
    let app = TestApp::start().await;
    link(&app, "two", json!({"maxClicks": 2})).await;
    for _ in 0..2 {
        assert_eq!(status(&app, "two").await, "ACTIVE");
        assert_eq!(app.get(HOST, "/two").await.location(), "https://example.com/");
    }
    assert_eq!(status(&app, "two").await, "EXHAUSTED");
    // What was remembered of it is forgotten with the last place, and what is read then is remembered.
    for look_ups in [1, 0, 0] {
        let before = app.app.resolver.look_ups();
        let answer = app.get(HOST, "/two").await;
        assert_eq!(answer.status, 410);
        assert!(
            answer
                .body
                .contains("This link has been used as often as it could be.")
        );
        assert_eq!(app.app.resolver.look_ups() - before, look_ups);
    }
    assert_eq!(app.clicks().await.len(), 2);
}

#[tokio::test]
async fn another_server_counts_the_same_people() {
    let app = TestApp::start().await;
    let neighbour = app.neighbour().await;
    link(&app, "two", json!({"maxClicks": 2})).await;
    assert_eq!(app.get(HOST, "/two").await.status, 302);
    assert_eq!(neighbour.get(HOST, "/two").await.status, 302);
    for server in [&app, &neighbour] {
        assert_eq!(server.get(HOST, "/two").await.status, 410);
    }
}

#[tokio::test]
async fn bots_pass_and_use_nothing_up() {
    let app = TestApp::start().await;
    link(&app, "one", json!({"maxClicks": 1})).await;
    for _ in 0..5 {
        let answer = app.visit(Method::GET, HOST, "/one", &BOT).await;
        assert_eq!(answer.location(), "https://example.com/");
        let person = [("user-agent", BROWSER)];
        let answer = app.visit(Method::HEAD, HOST, "/one", &person).await;
        assert_eq!(answer.status, 302);
    }
    assert_eq!(app.get(HOST, "/one").await.status, 302);
    // They are told as soon as people that there is nothing left.
    assert_eq!(app.visit(Method::GET, HOST, "/one", &BOT).await.status, 410);
    assert_eq!(app.get(HOST, "/one").await.status, 410);
    assert_eq!(app.clicks().await.len(), 11);
}

#[tokio::test]
async fn who_comes_too_late_is_sent_to_the_link_s_fallback_or_else_the_domain_s() {
    let app = TestApp::start().await;
    app.save(domain::Model {
        fallback_url: Some("https://example.com/domain".to_owned()),
        ..app.tenant.domain.clone()
    })
    .await;
    link(
        &app,
        "own",
        json!({"maxClicks": 1, "fallbackUrl": "https://example.com/own"}),
    )
    .await;
    link(&app, "none", json!({"maxClicks": 1})).await;
    for (path, fallback) in [
        ("/own", "https://example.com/own"),
        ("/none", "https://example.com/domain"),
    ] {
        assert_eq!(app.get(HOST, path).await.location(), "https://example.com/");
        for _ in 0..2 {
            let answer = app.get(HOST, path).await;
            assert_eq!(answer.location(), fallback);
            assert_eq!(answer.header("cache-control"), "private, no-store");
        }
    }
    assert_eq!(app.clicks().await.len(), 2);
}

#[tokio::test]
async fn a_link_that_can_t_be_decided_about_in_time_lets_nobody_through() {
    use std::time::Duration;

    use crate::support::Setup;

    let app = TestApp::with(Setup {
        click_wait: Some(Duration::from_millis(1)),
        ..Setup::default()
    })
    .await;
    link(&app, "slow", json!({"maxClicks": 1})).await;
    link(&app, "free", json!({})).await;
    let held = app.stall().await;
    let answer = app.get(HOST, "/slow").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("location"), "");
    // Bots and links without a limit don't wait for a decision.
    assert_eq!(app.visit(Method::GET, HOST, "/slow", &BOT).await.status, 302);
    assert_eq!(app.get(HOST, "/free").await.status, 302);
    held.rollback().await.expect("let go");
    app.app.recorder.finish().await;
}

#[tokio::test]
async fn the_code_of_an_expired_or_used_up_link_is_never_given_again() {
    let app = TestApp::start().await;
    link(&app, "expired", json!({"expiresAt": "2026-11-23T13:00:00Z"})).await;
    link(&app, "used", json!({"maxClicks": 1})).await;
    app.get(HOST, "/used").await;
    app.advance_hours(1);
    for code in ["expired", "used"] {
        assert_eq!(app.get(HOST, &format!("/{code}")).await.status, 410);
        let again = json!({"url": "https://example.com/other", "listId": 42, "code": code});
        assert_eq!(app.create(again).await["code"], "CODE_TAKEN");
        let kept = app.stored(code).await;
        assert_eq!(kept.destination, "https://example.com/");
    }
}
