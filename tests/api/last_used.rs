//! When a key was last used.

use entity::{Timestamp, account, api_key, api_key::Scope};
use linkhop::accounts;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use crate::support::{START, TestApp};

const VIEWER: &str = "{ viewer { apiKey { lastUsedAt } } }";

/// What the API says of the key that it is asked with.
async fn told(app: &TestApp) -> Value {
    app.graphql(VIEWER, Value::Null).await.data("viewer")["apiKey"]["lastUsedAt"].take()
}

/// The stored times of all keys, in milliseconds after the start, once what is remembered is stored.
async fn stored(app: &TestApp) -> Vec<Option<i64>> {
    app.app.authenticator.flushed().await;
    let mut keys = api_key::Entity::find()
        .all(&app.store().read)
        .await
        .expect("keys");
    keys.sort_by_key(|key| key.id);
    let after = |at: Timestamp| at.millis() - START.millis();
    keys.iter().map(|key| key.last_used_at.map(after)).collect()
}

#[tokio::test]
async fn a_key_s_last_use_is_stored_and_told() {
    let app = TestApp::start().await;
    assert_eq!(stored(&app).await, [None]);
    assert_eq!(told(&app).await, Value::Null);
    assert_eq!(stored(&app).await, [Some(0)]);
    assert_eq!(told(&app).await, json!("2026-11-23T12:00:00+00:00"));
}

#[tokio::test]
async fn a_use_within_a_minute_of_the_stored_one_costs_no_write() {
    let app = TestApp::start().await;
    told(&app).await;
    stored(&app).await;
    app.advance_seconds(59);
    told(&app).await;
    assert_eq!(stored(&app).await, [Some(0)]);
    app.advance_seconds(1);
    told(&app).await;
    assert_eq!(stored(&app).await, [Some(60_000)]);
}

#[tokio::test]
async fn of_uses_that_are_stored_together_the_latest_of_each_key_counts() {
    let app = TestApp::start().await;
    let mut keys = vec![app.tenant.key.clone()];
    // More than one statement writes.
    for _ in 0..130 {
        keys.push(app.tenant.key(app.store(), &[Scope::Read], None).await);
    }
    let used = async |key| {
        app.graphql_as(Some(key), VIEWER, Value::Null)
            .await
            .data("viewer")
    };
    used(&keys[1]).await;
    app.advance_seconds(7);
    for key in &keys[1..] {
        used(key).await;
    }
    let mut expected = vec![Some(7000); 131];
    expected[0] = None;
    assert_eq!(stored(&app).await, expected);
}

#[tokio::test]
async fn what_is_refused_is_no_use() {
    let app = TestApp::start().await;
    let mut key = app.tenant.key_row.clone();
    key.expires_at = Some(START);
    let mut key = app.save(key).await;
    let refused = app.graphql(VIEWER, Value::Null).await;
    assert_eq!(refused.error_code(), "UNAUTHENTICATED");
    key.expires_at = None;
    app.save(key).await;
    let mut account = app.tenant.account.clone();
    account.status = account::Status::Suspended;
    app.save(account).await;
    let refused = app.graphql(VIEWER, Value::Null).await;
    assert_eq!(refused.error_code(), "ACCOUNT_SUSPENDED");
    assert_eq!(stored(&app).await, [None]);
}

#[tokio::test]
async fn storing_a_use_leaves_a_key_revoked_that_was_revoked_meanwhile() {
    let app = TestApp::start().await;
    told(&app).await;
    let revoked = accounts::revoke_any_key(app.store(), app.tenant.key_row.id, START).await;
    assert!(revoked.expect("an answer").expect("a key").is_new);
    assert_eq!(stored(&app).await, [Some(0)]);
    let refused = app.graphql(VIEWER, Value::Null).await;
    assert_eq!(refused.error_code(), "UNAUTHENTICATED");
}
