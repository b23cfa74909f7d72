//! Keys that keys make.

use entity::{Timestamp, api_key::Scope};
use linkhop::accounts;
use serde_json::{Value, json};

use crate::support::{START, TestApp, items, text, user_error};

const KEY: &str = "{ key apiKey { id name scopes status expiresAt revokedAt lastUsedAt createdAt } }";
const ROTATED: &str = "{ key apiKey { id name scopes status expiresAt }
    replacedApiKey { id status expiresAt } }";
const VIEWER: &str = "{ viewer { apiKey { id name scopes } } }";

async fn make(app: &TestApp, input: Value) -> Value {
    let made = app.mutate("createApiKey", KEY, input).await;
    assert_eq!(made["__typename"], "CreateApiKeySuccess", "{made}");
    made
}

async fn viewer(app: &TestApp, key: &Value) -> Value {
    let key = text(key);
    app.graphql_as(Some(key), VIEWER, Value::Null)
        .await
        .data("viewer")["apiKey"]
        .clone()
}

/// Whether a key is refused.
async fn is_refused(app: &TestApp, key: &Value) -> bool {
    let answer = app.graphql_as(Some(text(key)), VIEWER, Value::Null).await;
    match answer.status.as_u16() {
        200 => false,
        401 => true,
        other => panic!("{other}: {}", answer.body),
    }
}

/// The names of the listed keys with their statuses.
async fn listed(app: &TestApp, filter: Value) -> Vec<String> {
    let query = "query($filter: ApiKeyFilter) { apiKeys(filter: $filter) { nodes { name status } } }";
    let keys = app
        .graphql(query, json!({"filter": filter}))
        .await
        .data("apiKeys");
    items(&keys["nodes"])
        .map(|key| format!("{} {}", text(&key["name"]), text(&key["status"])))
        .collect()
}

#[tokio::test]
async fn a_new_key_may_do_what_it_was_given_and_no_more() {
    let app = TestApp::start().await;
    let input = json!({"name": "agent", "scopes": ["LINKS_WRITE", "LINKS_WRITE"], "expiresAt": "2027-01-01T00:00:00Z"});
    let made = make(&app, input).await;
    assert_eq!(
        made["apiKey"],
        json!({
            "id": made["apiKey"]["id"], "name": "agent", "scopes": ["LINKS_WRITE"], "status": "ACTIVE",
            "expiresAt": "2027-01-01T00:00:00+00:00", "revokedAt": null, "lastUsedAt": null,
            "createdAt": "2026-11-23T12:00:00+00:00",
        })
    );
    let seen = viewer(&app, &made["key"]).await;
    assert_eq!(
        seen,
        json!({"id": made["apiKey"]["id"], "name": "agent", "scopes": ["LINKS_WRITE"]})
    );
    let key = text(&made["key"]);
    let link = app
        .create_as(key, json!({"url": "https://example.com/", "listId": 42}))
        .await;
    assert_eq!(link["__typename"], "CreateShortLinkSuccess");
    let offers =
        "mutation { createOffer(input: {name: \"a\", trackingUrl: \"https://a.example/\"}) { __typename } }";
    let refused = app.graphql_as(Some(key), offers, Value::Null).await;
    assert_eq!(refused.error_code(), "FORBIDDEN");
}

#[tokio::test]
async fn what_is_wrong_with_a_new_key_is_told_and_none_is_made() {
    let app = TestApp::start().await;
    for (input, error) in [
        (
            json!({"name": "", "scopes": ["READ"]}),
            user_error(
                "InvalidNameError",
                "INVALID_NAME",
                "input.name",
                400,
                "A name has 1 to 255 characters and no control characters.",
            ),
        ),
        (
            json!({"name": "a", "scopes": []}),
            user_error(
                "InvalidScopesError",
                "INVALID_SCOPES",
                "input.scopes",
                400,
                "Give at least one scope: a key without any opens nothing.",
            ),
        ),
        (
            json!({"name": "a", "scopes": ["READ"], "expiresAt": "2026-11-23T12:00:00Z"}),
            user_error(
                "InvalidExpiryError",
                "INVALID_EXPIRY",
                "input.expiresAt",
                400,
                "expiresAt must be in the future and no later than the year 9999; leave it out for a key that does not expire.",
            ),
        ),
    ] {
        assert_eq!(app.mutate("createApiKey", KEY, input).await, error);
    }
    assert_eq!(listed(&app, Value::Null).await, ["test ACTIVE"]);
}

#[tokio::test]
async fn a_key_grants_none_that_outlives_it() {
    let app = TestApp::start().await;
    let end = Timestamp::from_millis(START.millis() + 3_600_000);
    let brief = app.tenant.key(app.store(), &[Scope::Admin], Some(end)).await;
    let create =
        "mutation($end: DateTime) { createApiKey(input: {name: \"a\", scopes: [ADMIN], expiresAt: $end}) {
        __typename ... on UserError { code path } } }";
    for (wanted, kind) in [
        (Value::Null, "InvalidExpiryError"),
        (json!("2026-11-23T13:00:00.001Z"), "InvalidExpiryError"),
        (json!("2026-11-23T13:00:00Z"), "CreateApiKeySuccess"),
    ] {
        let answer = app
            .graphql_as(Some(&brief), create, json!({"end": wanted}))
            .await
            .data("createApiKey");
        assert_eq!(answer["__typename"], kind, "{wanted}: {answer}");
    }
    let rotate =
        "mutation($id: ID!) { rotateApiKey(input: {id: $id}) { __typename ... on UserError { path } } }";
    let lasting = json!({"id": app.tenant.key_row.id.to_string()});
    let answer = app.graphql_as(Some(&brief), rotate, lasting).await;
    let answer = answer.data("rotateApiKey");
    assert_eq!(
        answer,
        json!({"__typename": "InvalidExpiryError", "path": ["input", "id"]})
    );
}

#[tokio::test]
async fn a_replaced_key_works_until_its_overlap_is_over() {
    let app = TestApp::start().await;
    let made = make(
        &app,
        json!({"name": "agent", "scopes": ["CATALOG_WRITE", "READ"]}),
    )
    .await;
    let rotate = json!({"id": made["apiKey"]["id"], "overlapSeconds": 3600});
    let rotated = app.mutate("rotateApiKey", ROTATED, rotate).await;
    assert_eq!(
        rotated["apiKey"],
        json!({
            "id": rotated["apiKey"]["id"], "name": "agent", "scopes": ["CATALOG_WRITE", "READ"],
            "status": "ACTIVE", "expiresAt": null,
        })
    );
    assert_eq!(
        rotated["replacedApiKey"],
        json!({"id": made["apiKey"]["id"], "status": "ACTIVE", "expiresAt": "2026-11-23T13:00:00+00:00"})
    );
    app.advance_seconds(3599);
    assert!(!is_refused(&app, &made["key"]).await);
    app.advance_seconds(1);
    assert!(is_refused(&app, &made["key"]).await);
    assert!(!is_refused(&app, &rotated["key"]).await);
    assert_eq!(
        listed(&app, json!({"status": ["EXPIRED", "ACTIVE"]})).await,
        ["agent ACTIVE", "agent EXPIRED", "test ACTIVE"]
    );
}

#[tokio::test]
async fn a_key_that_leaked_is_replaced_at_once_and_never_gets_a_later_end() {
    let app = TestApp::start().await;
    let made = make(&app, json!({"name": "agent", "scopes": ["READ"]})).await;
    let rotate = |overlap: i32| json!({"id": made["apiKey"]["id"], "overlapSeconds": overlap});
    let first = app.mutate("rotateApiKey", ROTATED, rotate(60)).await;
    // The end that it has is not put off.
    let second = app.mutate("rotateApiKey", ROTATED, rotate(3600)).await;
    assert_eq!(
        second["replacedApiKey"]["expiresAt"],
        first["replacedApiKey"]["expiresAt"]
    );
    // The new key ends when the old one would have.
    assert_eq!(
        second["apiKey"]["expiresAt"],
        first["replacedApiKey"]["expiresAt"]
    );
    let third = app.mutate("rotateApiKey", ROTATED, rotate(0)).await;
    assert_eq!(third["replacedApiKey"]["status"], "EXPIRED");
    assert!(is_refused(&app, &made["key"]).await);
}

#[tokio::test]
async fn an_overlap_is_at_most_thirty_days_and_a_day_unless_given() {
    let app = TestApp::start().await;
    let made = make(&app, json!({"name": "agent", "scopes": ["READ"]})).await;
    let id = made["apiKey"]["id"].clone();
    for overlap in [-1, i32::MIN, 2_592_001] {
        let told = app
            .mutate(
                "rotateApiKey",
                ROTATED,
                json!({"id": id, "overlapSeconds": overlap}),
            )
            .await;
        assert_eq!(told["code"], "INVALID_OVERLAP", "{overlap}: {told}");
        assert_eq!(told["path"], json!(["input", "overlapSeconds"]));
    }
    let rotated = app.mutate("rotateApiKey", ROTATED, json!({"id": id})).await;
    assert_eq!(
        rotated["replacedApiKey"]["expiresAt"],
        "2026-11-24T12:00:00+00:00"
    );
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_can_t_be_replaced() {
    let app = TestApp::start().await;
    let made = make(&app, json!({"name": "agent", "scopes": ["READ"]})).await;
    let id = text(&made["apiKey"]["id"]);
    let revoked = "{ apiKey { status revokedAt } }";
    for _ in 0..2 {
        let answer = app.archive("revokeApiKey", revoked, id).await;
        assert_eq!(
            answer["apiKey"],
            json!({"status": "REVOKED", "revokedAt": "2026-11-23T12:00:00+00:00"})
        );
        app.advance_seconds(10);
    }
    assert!(is_refused(&app, &made["key"]).await);
    for wrong in [id, "key_1", "offer_1"] {
        let told = app.mutate("rotateApiKey", ROTATED, json!({"id": wrong})).await;
        assert_eq!(told["__typename"], "ApiKeyNotFoundError", "{wrong}");
    }
    let told = app.archive("revokeApiKey", revoked, "key_1").await;
    assert_eq!(told["__typename"], "ApiKeyNotFoundError");
    assert_eq!(
        listed(&app, json!({"status": ["REVOKED"]})).await,
        ["agent REVOKED"]
    );
    assert_eq!(listed(&app, json!({"status": []})).await, [""; 0]);
}

#[tokio::test]
async fn a_key_whose_end_has_come_can_t_be_replaced_and_is_listed_as_expired_until_it_is_taken_back() {
    let app = TestApp::start().await;
    let made = make(
        &app,
        json!({"name": "agent", "scopes": ["READ"], "expiresAt": "2026-11-23T12:01:00Z"}),
    )
    .await;
    let id = text(&made["apiKey"]["id"]);
    app.advance_seconds(60);
    let told = app.mutate("rotateApiKey", ROTATED, json!({"id": id})).await;
    assert_eq!(told["__typename"], "ApiKeyNotFoundError", "{told}");
    let statuses = async || {
        let mut found = Vec::new();
        for status in ["ACTIVE", "EXPIRED", "REVOKED"] {
            found.push(listed(&app, json!({"status": [status]})).await);
        }
        found
    };
    assert_eq!(
        statuses().await,
        [vec!["test ACTIVE"], vec!["agent EXPIRED"], vec![]]
    );
    app.archive("revokeApiKey", "{ apiKey { status } }", id).await;
    assert_eq!(
        statuses().await,
        [vec!["test ACTIVE"], vec![], vec!["agent REVOKED"]]
    );
}

#[tokio::test]
async fn a_key_can_take_itself_back() {
    let app = TestApp::start().await;
    let id = app.tenant.key_row.id.to_string();
    let answer = app.archive("revokeApiKey", "{ apiKey { status } }", &id).await;
    assert_eq!(answer["apiKey"]["status"], "REVOKED");
    assert!(is_refused(&app, &json!(app.tenant.key)).await);
}

#[tokio::test]
async fn a_key_that_is_taken_back_leaves_no_other_behind() {
    let app = TestApp::start().await;
    let own = app.tenant.key_row.id.to_string();
    // Mutations of one request run one after the other, and it was let in before the first.
    for (next, field) in [
        (
            "createApiKey(input: {name: \"a\", scopes: [ADMIN]})",
            "createApiKey",
        ),
        ("rotateApiKey(input: {id: $id})", "rotateApiKey"),
    ] {
        let query = format!(
            "mutation($id: ID!) {{ revokeApiKey(id: $id) {{ __typename }} {next} {{ __typename }} }}"
        );
        let key = app.tenant.key(app.store(), &[Scope::Admin], None).await;
        let id = viewer(&app, &json!(key)).await["id"].clone();
        let answer = app.graphql_as(Some(&key), &query, json!({"id": id})).await;
        assert_eq!(answer.error_code(), "UNAUTHENTICATED", "{}", answer.body);
        assert_eq!(answer.json()["errors"][0]["path"], json!([field]));
    }
    let left = accounts::keys(&app.store().read, app.tenant.account.id).await;
    let works = |key: &&entity::api_key::Model| key.revoked_at.is_none();
    let left: Vec<_> = left
        .expect("keys")
        .iter()
        .filter(works)
        .map(|key| key.id.to_string())
        .collect();
    assert_eq!(left, [own]);
}

#[tokio::test]
async fn who_made_a_link_is_shown_to_admins_and_to_whom_it_was() {
    let app = TestApp::start().await;
    let maker = app.tenant.key(app.store(), &[Scope::LinksWrite], None).await;
    let reader = app.tenant.key(app.store(), &[Scope::Read], None).await;
    app.create_as(&maker, json!({"url": "https://example.com/", "listId": 42}))
        .await;
    let query = "{ shortLinks { nodes { createdBy { id } } } }";
    let id = viewer(&app, &json!(maker)).await["id"].clone();
    for (key, shown) in [
        (&app.tenant.key, json!({"id": id})),
        (&maker, json!({"id": id})),
        (&reader, Value::Null),
    ] {
        let links = app
            .graphql_as(Some(key), query, Value::Null)
            .await
            .data("shortLinks");
        assert_eq!(links["nodes"][0]["createdBy"], shown);
    }
}

#[tokio::test]
async fn a_key_ends_in_the_year_9999_at_the_latest() {
    let app = TestApp::start().await;
    for (end, kind) in [
        ("9999-12-31T23:59:59.999Z", "CreateApiKeySuccess"),
        ("+10000-01-01T00:00:00Z", "InvalidExpiryError"),
    ] {
        let input = json!({"name": "a", "scopes": ["READ"], "expiresAt": end});
        let made = app.mutate("createApiKey", KEY, input).await;
        assert_eq!(made["__typename"], kind, "{end}: {made}");
    }
}
