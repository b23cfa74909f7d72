//! Idempotency keys: one call, however often it is sent.

use std::sync::Arc;

use entity::{account, domain, short_link};
use serde_json::{Value, json};

use crate::support::{START, Tenant, TestApp};

/// An input with the key `k`, changed and completed by `fields`.
fn keyed(fields: &Value) -> Value {
    let mut input = json!({"url": "https://example.com/", "listId": 42, "idempotencyKey": "k"});
    for (name, value) in fields.as_object().expect("fields") {
        input[name] = value.clone();
    }
    input
}

/// The same success, found again.
fn replayed(success: &Value) -> Value {
    let mut again = success.clone();
    assert_eq!(again["replayed"], false, "{success}");
    again["replayed"] = json!(true);
    again
}

#[tokio::test]
async fn the_same_call_again_finds_the_first_link() {
    let app = TestApp::start().await;
    let input = keyed(&json!({"metadata": {"a": {"x": 1, "y": 2}}, "maxClicks": 3}));
    let first = app.create(input.clone()).await;
    assert_eq!(app.create(input.clone()).await, replayed(&first));
    assert_eq!(app.create(input).await, replayed(&first));
    assert_eq!(app.count_links().await, 1);
}

#[tokio::test]
async fn null_is_as_good_as_absent_and_order_makes_no_difference() {
    let app = TestApp::start().await;
    let first = app
        .create(keyed(&json!({"metadata": {"a": {"x": 1, "y": 2}, "b": 3}})))
        .await;
    let same = "mutation { createShortLink(input: {
        idempotencyKey: \"k\", code: null, filterBots: null, expiresAt: null, maxClicks: null, offerId: null,
        phoneNumber: null, contactPhone: null, fallbackUrl: null,
        metadata: {b: 3, a: {y: 2, x: 1}}, listId: 42, url: \"https://example.com/\" }) {
        ... on CreateShortLinkSuccess { linkId replayed } } }";
    let again = app.graphql(same, json!({})).await.data("createShortLink");
    assert_eq!(again, json!({"linkId": first["linkId"], "replayed": true}));
}

#[tokio::test]
async fn the_same_moment_written_otherwise_is_the_same_input() {
    let app = TestApp::start().await;
    let first = app
        .create(keyed(&json!({"expiresAt": "2026-12-24T18:00:00Z"})))
        .await;
    let again = app
        .create(keyed(&json!({"expiresAt": "2026-12-24T20:00:00+02:00"})))
        .await;
    assert_eq!(again, replayed(&first));
}

#[tokio::test]
async fn any_other_input_is_a_conflict() {
    let app = TestApp::start().await;
    app.create(keyed(&json!({"metadata": {"a": 1}}))).await;
    for other in [
        json!({}),
        json!({"metadata": {"a": 2}}),
        json!({"metadata": {"a": "1"}}),
        json!({"metadata": {"a": 1}, "url": "https://example.com/other"}),
        json!({"metadata": {"a": 1}, "url": null}),
        json!({"metadata": {"a": 1}, "listId": 43}),
        json!({"metadata": {"a": 1}, "offerId": "offer_x"}),
        json!({"metadata": {"a": 1}, "phoneNumber": "+18005551234"}),
        json!({"metadata": {"a": 1}, "contactPhone": "+14155552671"}),
        json!({"metadata": {"a": 1}, "code": "spring"}),
        json!({"metadata": {"a": 1}, "filterBots": false}),
        json!({"metadata": {"a": 1}, "expiresAt": "2026-12-24T18:00:00Z"}),
        json!({"metadata": {"a": 1}, "maxClicks": 1}),
        json!({"metadata": {"a": 1}, "fallbackUrl": "https://example.com/over"}),
    ] {
        let answer = app.create(keyed(&other)).await;
        assert_eq!(answer["code"], "IDEMPOTENCY_CONFLICT", "{other} {answer}");
    }
    assert_eq!(app.count_links().await, 1);
}

#[tokio::test]
async fn keys_that_differ_in_any_character_are_two_calls() {
    let app = TestApp::start().await;
    for key in ["k", "K", " k", "k ", "k\u{301}"] {
        let made = app.create(keyed(&json!({ "idempotencyKey": key }))).await;
        assert_eq!(made["replayed"], false, "{key:?} {made}");
    }
    assert_eq!(app.count_links().await, 5);
}

/// What would refuse a new call does not touch one that was answered: the client asks for its link.
#[tokio::test]
async fn the_first_link_is_found_whatever_became_of_it() {
    let app = TestApp::start().await;
    let input = keyed(&json!({"code": "spring", "expiresAt": "2026-11-23T13:00:00Z"}));
    let first = app.create(input.clone()).await;
    let mut link = app.stored("spring").await;
    for status in [short_link::Status::Disabled, short_link::Status::Archived] {
        link.status = status;
        link = app.save(link).await;
        assert_eq!(app.create(input.clone()).await, replayed(&first));
    }
    app.advance_hours(2);
    assert_eq!(app.create(input.clone()).await, replayed(&first));
    let mut domain = app.tenant.domain.clone();
    domain.status = domain::Status::Archived;
    app.save(domain).await;
    let mut account = app.tenant.account.clone();
    account.products = account::Products::default();
    app.save(account).await;
    assert_eq!(app.create(input).await, replayed(&first));
    assert_eq!(
        app.create(keyed(&json!({}))).await["code"],
        "IDEMPOTENCY_CONFLICT"
    );
}

#[tokio::test]
async fn only_successes_are_kept() {
    let app = TestApp::start().await;
    app.create(json!({"url": "https://example.com/", "listId": 42, "code": "taken"}))
        .await;
    for (wrong, code) in [
        (json!({"url": "nowhere"}), "INVALID_URL"),
        (json!({"listId": 43}), "LIST_NOT_FOUND"),
        (json!({"code": "taken"}), "CODE_TAKEN"),
        (json!({"code": "taken"}), "CODE_TAKEN"),
    ] {
        assert_eq!(app.create(keyed(&wrong)).await["code"], code);
    }
    let made = app.create(keyed(&json!({}))).await;
    assert_eq!(made["replayed"], false, "{made}");
    assert_eq!(app.count_links().await, 2);
}

#[tokio::test]
async fn a_key_is_forgotten_after_24_hours() {
    let app = TestApp::start().await;
    let input = keyed(&json!({}));
    let first = app.create(input.clone()).await;
    app.advance_hours(23);
    assert_eq!(app.create(input.clone()).await, replayed(&first));
    app.advance_hours(1);
    let second = app.create(keyed(&json!({"maxClicks": 1}))).await;
    assert_eq!(second["replayed"], false, "{second}");
    assert_ne!(second["linkId"], first["linkId"]);
    assert_eq!(
        app.create(keyed(&json!({"maxClicks": 1}))).await,
        replayed(&second)
    );
    assert_eq!(app.create(input).await["code"], "IDEMPOTENCY_CONFLICT");
    assert_eq!(app.count_links().await, 2);
}

#[tokio::test]
async fn a_key_is_the_account_s_own() {
    let app = TestApp::start().await;
    let other = Tenant::make(app.store(), "other.example.com", START).await;
    let first = app.create(keyed(&json!({}))).await;
    let second = app.create_as(&other.key, keyed(&json!({}))).await;
    assert_eq!(
        (&second["replayed"], &second["domain"]),
        (&json!(false), &json!("other.example.com"))
    );
    assert_eq!(app.create(keyed(&json!({}))).await, replayed(&first));
    assert_eq!(
        app.create_as(&other.key, keyed(&json!({}))).await,
        replayed(&second)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_calls_at_once_with_one_key_make_one_link() {
    let app = Arc::new(TestApp::start().await);
    let answers = app
        .create_at_once((0..200).map(|_| keyed(&json!({"metadata": {"a": 1}}))))
        .await;
    let first = answers.iter().find(|answer| answer["replayed"] == false);
    let first = first.expect("a link that was made");
    let again = replayed(first);
    assert_eq!(answers.iter().filter(|answer| **answer == again).count(), 199);
    assert_eq!(app.count_links().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_with_one_key_and_two_inputs_make_one_link_and_conflicts() {
    let app = Arc::new(TestApp::start().await);
    let answers = app
        .create_at_once((0..200).map(|n| keyed(&json!({"maxClicks": n % 2 + 1}))))
        .await;
    let count = |field: &str, value: Value| answers.iter().filter(|answer| answer[field] == value).count();
    assert_eq!(count("replayed", json!(false)), 1);
    assert_eq!(count("replayed", json!(true)), 99);
    assert_eq!(count("__typename", json!("IdempotencyConflictError")), 100);
    assert_eq!(app.count_links().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_with_one_key_that_all_fail_are_each_told_why() {
    let app = Arc::new(TestApp::start().await);
    app.create(json!({"url": "https://example.com/", "listId": 42, "code": "taken"}))
        .await;
    let answers = app
        .create_at_once((0..100).map(|_| keyed(&json!({"code": "taken"}))))
        .await;
    for answer in answers {
        assert_eq!(answer["__typename"], "CodeTakenError", "{answer}");
    }
    assert_eq!(app.count_links().await, 1);
}
