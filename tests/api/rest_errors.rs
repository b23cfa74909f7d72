//! `POST /v2/links/shorten`: what is wrong, in its envelope.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::Method,
};
use entity::{Timestamp, account, api_key::Scope};
use futures_util::{StreamExt as _, stream};
use linkhop::{app::Options, http::Settings, links::code::CodeSpace};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, TransactionTrait as _};
use serde_json::{Value, json};

use super::rest::{post, shorten_as};
use crate::support::{Answer, START, Setup, TestApp, text};

const URL: &str = "https://example.com/";

/// Status and code of an envelope that has a message and nothing else.
fn outline(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_ne!(answer.header("x-request-id"), "");
    let envelope = answer.json();
    let fields = envelope.as_object().expect("an envelope");
    assert_eq!(fields.len(), 2, "{envelope}");
    assert!(text(&envelope["error"]).len() > 10, "{envelope}");
    (answer.status.as_u16(), text(&envelope["code"]).to_owned())
}

/// Expects that both doors refuse an input for the same reason, and that the document has it.
async fn refused(app: &TestApp, input: Value, status: u16, code: &str) {
    let links = app.count_links().await;
    let answer = shorten_as(app, &app.tenant.key, &input).await;
    assert_eq!(outline(&answer), (status, code.to_owned()), "{input}");
    let by_mutation = app.create(input.clone()).await;
    assert_eq!(by_mutation["code"], code.to_uppercase(), "{input}");
    assert_eq!(by_mutation["httpStatus"], status, "{input}");
    assert_eq!(by_mutation["message"], answer.json()["error"], "{input}");
    assert_eq!(app.count_links().await, links, "{input}");
    assert_documented(status, code);
}

fn assert_documented(status: u16, code: &str) {
    let document: Value = linkhop::http::openapi().parse().expect("JSON");
    let response = &document["paths"]["/v2/links/shorten"]["post"]["responses"][status.to_string()];
    let codes = &response["content"]["application/json"]["schema"]["properties"]["code"]["enum"];
    let codes = codes.as_array().unwrap_or_else(|| panic!("no {status}"));
    assert!(codes.contains(&json!(code)), "{status} {code}");
}

#[tokio::test]
async fn each_reason_has_its_code_and_its_status() {
    let app = TestApp::start().await;
    app.tenant.more_list(app.store(), 43, "+18005551235", None).await;
    app.create(json!({"url": URL, "listId": 42, "code": "taken"}))
        .await;
    app.create(json!({"url": URL, "listId": 42, "idempotencyKey": "used"}))
        .await;
    for (input, status, code) in [
        (json!({"listId": 42}), 400, "missing_url_or_offer"),
        (json!({}), 400, "missing_url_or_offer"),
        (json!({"url": URL}), 400, "missing_list_identifier"),
        (json!({"url": "example.com", "listId": 42}), 400, "invalid_url"),
        (
            json!({"url": "https://go.example.com/x", "listId": 42}),
            400,
            "invalid_url",
        ),
        (
            json!({"url": URL, "phoneNumber": "18005551234"}),
            400,
            "invalid_phone",
        ),
        (
            json!({"url": URL, "listId": 42, "contactPhone": "+1 800"}),
            400,
            "invalid_phone",
        ),
        (
            json!({"url": URL, "listId": 42, "metadata": ["spring"]}),
            400,
            "invalid_metadata",
        ),
        (
            json!({"url": URL, "listId": 42, "metadata": "spring"}),
            400,
            "invalid_metadata",
        ),
        (
            json!({"url": URL, "listId": 42, "code": "openapi.json"}),
            400,
            "invalid_code",
        ),
        (
            json!({"url": URL, "listId": 42, "maxClicks": 0}),
            400,
            "invalid_expiry",
        ),
        (
            json!({"url": URL, "listId": 42, "expiresAt": "2026-11-23T12:00:00Z"}),
            400,
            "invalid_expiry",
        ),
        (
            json!({"url": URL, "listId": 42, "idempotencyKey": ""}),
            400,
            "invalid_idempotency_key",
        ),
        (
            json!({"offerId": "offer_1", "listId": 42}),
            404,
            "offer_not_found",
        ),
        (json!({"url": URL, "listId": 7}), 404, "list_not_found"),
        (
            json!({"url": URL, "phoneNumber": "+18005551299"}),
            404,
            "list_not_found",
        ),
        (json!({"url": URL, "listId": 43}), 409, "no_domain_configured"),
        (
            json!({"url": URL, "listId": 42, "code": "taken"}),
            409,
            "code_taken",
        ),
        (
            json!({"url": "https://example.com/other", "listId": 42, "idempotencyKey": "used"}),
            422,
            "idempotency_conflict",
        ),
    ] {
        refused(&app, input, status, code).await;
    }
    let mut account = app.tenant.account.clone();
    account.products.0.clear();
    app.save(account).await;
    refused(
        &app,
        json!({"url": URL, "listId": 42}),
        403,
        "product_not_enabled",
    )
    .await;
}

#[tokio::test]
async fn a_full_space_of_codes_is_a_500_that_says_to_try_again() {
    let app = TestApp::with(Setup {
        options: Options {
            codes: CodeSpace {
                alphabet: vec!['a', 'b'],
                length: 1,
                draws: 2,
                random: |bytes| vec![0; bytes],
                ..CodeSpace::default()
            },
            ..Options::default()
        },
        ..Setup::default()
    })
    .await;
    for code in ["a", "aa"] {
        assert_eq!(app.link(URL).await, code);
    }
    refused(&app, json!({"url": URL, "listId": 42}), 500, "id_collision").await;
}

#[tokio::test]
async fn a_missing_key_and_one_that_does_not_work_are_told_apart() {
    let app = TestApp::start().await;
    // Before anything else: nobody else's body is read.
    for headers in [vec![], vec![("content-type", "application/json")]] {
        let answer = post(&app, &headers, "{").await;
        assert_eq!(outline(&answer), (401, "missing_api_key".to_owned()));
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    for (name, value) in [
        ("x-api-key", "trk_0123456789abcdefghijklmnopqrstuv"),
        ("x-api-key", ""),
        ("authorization", "Basic dHJrXzox"),
        ("authorization", "Bearer"),
    ] {
        let answer = post(&app, &[(name, value)], "{").await;
        assert_eq!(outline(&answer), (401, "invalid_api_key".to_owned()), "{value}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let end = Timestamp::from_millis(START.millis() + 1000);
    let key = app.tenant.key(app.store(), &[Scope::Admin], Some(end)).await;
    let input = json!({"url": URL, "listId": 42});
    assert_eq!(shorten_as(&app, &key, &input).await.status, 200);
    app.advance_seconds(1);
    let answer = shorten_as(&app, &key, &input).await;
    assert_eq!(outline(&answer), (401, "invalid_api_key".to_owned()));
    assert_documented(401, "missing_api_key");
    assert_documented(401, "invalid_api_key");
}

#[tokio::test]
async fn a_suspended_account_and_a_key_without_the_scope_are_forbidden() {
    let app = TestApp::start().await;
    let input = json!({"url": URL, "listId": 42});
    for scope in [Scope::Read, Scope::CatalogWrite] {
        let key = app.tenant.key(app.store(), &[scope], None).await;
        let answer = shorten_as(&app, &key, &input).await;
        assert_eq!(outline(&answer), (403, "forbidden".to_owned()));
        assert!(answer.body.contains("LINKS_WRITE"), "{}", answer.body);
    }
    let mut row = app.tenant.account.clone();
    row.status = account::Status::Suspended;
    app.save(row).await;
    let answer = shorten_as(&app, &app.tenant.key, &input).await;
    assert_eq!(outline(&answer), (403, "account_suspended".to_owned()));
    assert_eq!(app.count_links().await, 0);
    assert_documented(403, "forbidden");
    assert_documented(403, "account_suspended");
}

#[tokio::test]
async fn a_field_of_the_wrong_type_is_named() {
    let app = TestApp::start().await;
    for (field, value) in [
        ("url", json!(5)),
        ("offerId", json!(101)),
        ("listId", json!("42")),
        ("listId", json!(4.2)),
        ("phoneNumber", json!(18_005_551_234_i64)),
        ("contactPhone", json!([])),
        ("code", json!(12345)),
        ("filterBots", json!("true")),
        ("expiresAt", json!("tomorrow")),
        ("maxClicks", json!("5")),
        ("fallbackUrl", json!(false)),
        ("idempotencyKey", json!(1)),
    ] {
        let mut input = json!({"url": URL, "listId": 42});
        input[field] = value;
        let answer = shorten_as(&app, &app.tenant.key, &input).await;
        assert_eq!(outline(&answer), (400, "bad_request".to_owned()), "{field}");
        let message = answer.json()["error"].clone();
        assert!(
            text(&message).starts_with(&format!("{field} must be ")),
            "{message}"
        );
    }
    assert_eq!(app.count_links().await, 0);
}

#[tokio::test]
async fn a_body_that_can_t_be_read_is_refused_by_its_status() {
    let settings = Settings {
        body_limit: 1000,
        ..Settings::default()
    };
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    let key = ("x-api-key", app.tenant.key.as_str());
    let body = json!({"url": URL, "listId": 42}).to_string();
    for media_type in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
    ] {
        let answer = post(&app, &[key, ("content-type", media_type)], body.clone()).await;
        assert_eq!(outline(&answer), (415, "bad_request".to_owned()), "{media_type}");
    }
    let json = ("content-type", "application/json");
    let packed = post(&app, &[key, json, ("content-encoding", "gzip")], body.clone()).await;
    assert_eq!(outline(&packed), (415, "bad_request".to_owned()));
    for body in [
        &b""[..],
        b"{",
        b"null",
        b"[]",
        b"[{}]",
        b"{\"url\": \"\xff\"}",
        b"{\"url\": \"\\ud800\"}",
    ] {
        let answer = post(&app, &[key, json], body.to_vec()).await;
        assert_eq!(outline(&answer), (400, "bad_request".to_owned()), "{body:?}");
    }
    for (bytes, status) in [(1000, 200), (1001, 413)] {
        let body = body.clone() + &" ".repeat(bytes - body.len());
        let answer = post(&app, &[key, json], body).await;
        assert_eq!(answer.status.as_u16(), status);
        if status == 413 {
            assert_eq!(outline(&answer), (413, "bad_request".to_owned()));
        }
    }
    for status in [400, 413, 415] {
        assert_documented(status, "bad_request");
    }
}

#[tokio::test]
async fn other_methods_are_a_405() {
    let app = TestApp::start().await;
    for method in [
        Method::GET,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::OPTIONS,
    ] {
        let path = "/v2/links/shorten";
        let answer = app.visit(method.clone(), "go.example.com", path, &[]).await;
        assert_eq!(outline(&answer), (405, "bad_request".to_owned()), "{method}");
        assert_eq!(answer.header("allow"), "POST");
    }
}

#[tokio::test]
async fn what_takes_too_long_is_a_408_or_a_503() {
    let settings = Settings {
        request_timeout: Duration::from_secs(2),
        ..Settings::default()
    };
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    let headers = [
        ("x-api-key", app.tenant.key.as_str()),
        ("content-type", "application/json"),
    ];
    let begun = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"{\"url\":")) });
    let slow = Body::from_stream(begun.chain(stream::pending()));
    let answer = post(&app, &headers, slow).await;
    assert_eq!(outline(&answer), (408, "timeout".to_owned()));
    // Nobody else can write until this is over.
    let held = app.store().write.begin().await.expect("a transaction");
    let lock = match held.get_database_backend() {
        DatabaseBackend::Postgres => "LOCK TABLE short_link IN EXCLUSIVE MODE",
        _ => "UPDATE account SET name = name",
    };
    held.execute_unprepared(lock).await.expect("a lock");
    let answer = post(&app, &headers, json!({"url": URL, "listId": 42}).to_string()).await;
    assert_eq!(outline(&answer), (503, "timeout".to_owned()));
    held.rollback().await.expect("an end");
    assert_documented(408, "timeout");
    assert_documented(503, "timeout");
}

#[tokio::test]
async fn what_goes_wrong_inside_is_masked() {
    let app = TestApp::start().await;
    let broken = "ALTER TABLE offer RENAME TO elsewhere";
    let store = &app.store().write;
    store.execute_unprepared(broken).await.expect("a broken database");
    let offer = "offer_0123456789abcdef0123456789abcdef";
    let answer = shorten_as(&app, &app.tenant.key, &json!({"offerId": offer, "listId": 42})).await;
    assert_eq!(outline(&answer), (500, "internal".to_owned()));
    assert_eq!(
        answer.json()["error"],
        "Something went wrong on our side; try again."
    );
    let broken = "ALTER TABLE api_key RENAME TO keys";
    store.execute_unprepared(broken).await.expect("a broken database");
    let answer = shorten_as(&app, &app.tenant.key, &json!({})).await;
    assert_eq!(outline(&answer), (500, "internal".to_owned()));
    assert_documented(500, "internal");
}
