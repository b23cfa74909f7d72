//! How long a request to the API may take.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use linkhop::{accounts::ApiKey, http::Settings, store::Options};
use sea_orm::{
    ConnectionTrait as _, DatabaseBackend, DatabaseConnection, DatabaseTransaction, TransactionTrait as _,
};
use serde_json::{Value, json};

use crate::support::{Answer, CREATE, REPORT, Setup, TestApp};

/// A server whose requests may take hardly any time: what such a test asks for can never be done in time.
async fn hasty() -> TestApp {
    let settings = Settings {
        request_timeout: Duration::from_millis(20),
        ..Settings::default()
    };
    TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await
}

fn expect_late(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.error_code(), "TIMEOUT");
    assert!(answer.json().get("data").is_none());
    assert_ne!(answer.header("x-request-id"), "");
}

#[tokio::test]
async fn a_body_that_never_ends_is_a_408() {
    let app = hasty().await;
    let headers = [("content-type", "application/json")];
    let begun = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"{\"query\":")) });
    let slow = begun.chain(stream::pending());
    let answer = app.post(&headers, Body::from_stream(slow)).await;
    assert_eq!(answer.status, 408);
    assert_eq!(answer.error_code(), "TIMEOUT");
    assert_eq!(answer.header("connection"), "close");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_400() {
    let app = TestApp::start().await;
    let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::other("gone")) });
    let answer = app
        .post(&[("content-type", "application/json")], Body::from_stream(broken))
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.error_code(), "BAD_REQUEST");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_stopped_and_asks_the_database_for_nothing_more() {
    let app = hasty().await;
    // Nobody can read while all connections are held here.
    let held = hold_all(&app).await;
    let before = app.reads();
    let query = "{ offers { nodes { id } } viewer { account { id } } }";
    for accept in ["application/json", "application/graphql-response+json"] {
        let headers = [
            ("content-type", "application/json"),
            ("accept", accept),
            ("x-api-key", app.tenant.key.as_str()),
        ];
        let answer = app.post(&headers, json!({"query": query}).to_string()).await;
        expect_late(&answer);
        assert!(answer.header("content-type").starts_with(accept));
    }
    drop(held);
    // Keys are read in the order in which they are asked for, those that nobody waits for any more too: once this one
    // is answered, so are they. Whatever else was asked for waits for a connection before this test does.
    let key = ApiKey::parse(&app.tenant.key).expect("a key");
    let known = app.app.authenticator.authenticate(&key, app.app.clock.now());
    known.await.expect("the tenant's key");
    hold_all(&app).await;
    assert!(app.reads() - before <= 3, "{} reads", app.reads() - before);
}

/// Takes all connections that read, once nobody else waits for one.
async fn hold_all(app: &TestApp) -> Vec<DatabaseTransaction> {
    let mut held = Vec::new();
    for _ in 0..Options::default().readers {
        held.push(app.store().read.begin().await.expect("a connection"));
    }
    held
}

/// Lets nobody else make links until this is over.
pub(super) async fn hold_links(app: &TestApp) -> DatabaseTransaction {
    let held = app.store().write.begin().await.expect("a transaction");
    let lock = match held.get_database_backend() {
        DatabaseBackend::Postgres => "LOCK TABLE idempotency_key, short_link IN EXCLUSIVE MODE",
        _ => "UPDATE account SET name = name",
    };
    held.execute_unprepared(lock).await.expect("a lock");
    held
}

#[tokio::test]
async fn a_mutation_that_takes_too_long_is_stored_whole_or_not_at_all_and_can_be_sent_again() {
    let app = hasty().await;
    let patient = app.neighbour().await;
    let held = hold_links(&app).await;
    let input =
        json!({"input": {"url": "https://example.com/", "listId": 42, "idempotencyKey": "order-1017"}});
    let answer = app.graphql(CREATE, input.clone()).await;
    expect_late(&answer);
    let message = answer.json()["errors"][0]["message"].to_string();
    assert!(message.contains("idempotencyKey"), "{message}");
    held.rollback().await.expect("an end");
    app.app.writer.drained().await;

    let made = patient.graphql(CREATE, input).await.data("createShortLink");
    assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
    assert_eq!(app.count_links().await, 1);
    let answer = patient
        .get(
            "go.example.com",
            &format!("/{}", made["linkId"].as_str().expect("a code")),
        )
        .await;
    assert_eq!(answer.location(), "https://example.com/");
}

/// Ends what waits for a lock on what reports are made of, as `PostgreSQL` itself does once it has taken too long.
async fn end_whoever_waits(db: &DatabaseConnection) {
    let end = "SELECT pg_cancel_backend(pid) FROM pg_locks WHERE NOT granted
        AND relation IN ('click_column'::regclass, 'click_summing'::regclass)
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    db.execute_unprepared(end).await.expect("an end");
}

#[tokio::test]
async fn a_report_that_the_database_gives_up_has_taken_too_long() {
    let app = TestApp::start().await;
    let db = &app.store().write;
    if db.get_database_backend() != DatabaseBackend::Postgres {
        // SQLite works for its reader alone and gives nothing up.
        return;
    }
    let held = db.begin().await.expect("a transaction");
    let lock = "LOCK TABLE click_column, click_summing IN ACCESS EXCLUSIVE MODE";
    held.execute_unprepared(lock).await.expect("a lock");
    for (query, variables) in [
        (REPORT, json!({"groupBy": [{"metadataKey": "campaign"}]})),
        ("{ clicks { nodes { id } } }", Value::Null),
        ("{ sendingLists { nodes { stats { clicks } } } }", Value::Null),
    ] {
        let mut asked = Box::pin(app.graphql(query, variables));
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut asked => break answer,
                () = end_whoever_waits(db) => {}
            }
        };
        assert_eq!(answer.error_code(), "TIMEOUT", "{query}: {}", answer.body);
    }
    held.rollback().await.expect("no lock");
    let query = "{ sendingLists { nodes { stats { clicks } } } }";
    let answer = app.graphql(query, Value::Null).await;
    assert!(answer.json().get("errors").is_none(), "{}", answer.body);
}

#[tokio::test]
async fn a_request_that_is_done_in_time_is_answered() {
    let app = TestApp::start().await;
    let answer = app.graphql("{ viewer { account { id } } }", Value::Null).await;
    assert_eq!(
        answer.data("viewer")["account"]["id"],
        app.tenant.account.id.to_string()
    );
}
