//! Who is let in, and what each scope may do.

use entity::{Timestamp, account, api_key::Scope};
use serde_json::{Value, json};

use crate::support::{Answer, START, Schema, TestApp, items, text};

const NEW: &str = "application/graphql-response+json";
const OLD: &str = "application/json";

const VIEWER: &str = "{ viewer { account { id } } }";

/// Sends an operation with this header, wanting this media type.
async fn ask(app: &TestApp, header: Option<(&str, &str)>, accept: &str, query: &str) -> Answer {
    let mut headers = vec![("content-type", "application/json"), ("accept", accept)];
    headers.extend(header);
    app.post(&headers, json!({"query": query}).to_string()).await
}

/// What an answer says in short: its status, media type and error code.
fn outline(answer: &Answer) -> (u16, &str, String) {
    let media_type = answer.header("content-type").trim_end_matches("; charset=utf-8");
    (answer.status.as_u16(), media_type, answer.error_code())
}

#[tokio::test]
async fn a_missing_key_is_an_error_of_each_field_that_needs_one() {
    let app = TestApp::start().await;
    let answer = ask(&app, None, OLD, "{ __typename viewer { account { id } } }").await;
    assert_eq!(outline(&answer), (200, OLD, "UNAUTHENTICATED".to_owned()));
    assert_eq!(answer.json()["data"], Value::Null);
    let error = &answer.json()["errors"][0];
    assert_eq!(error["path"], json!(["viewer"]));
    assert!(text(&error["message"]).contains("X-Api-Key"));
    // The field may be null, so the rest of the answer stands.
    let answer = ask(&app, None, OLD, "{ __typename offer(id: \"offer_1\") { id } }").await;
    assert_eq!(outline(&answer), (200, OLD, "UNAUTHENTICATED".to_owned()));
    assert_eq!(
        answer.json()["data"],
        json!({"__typename": "Query", "offer": null})
    );
    // What was read before or beside it is not lost.
    let query =
        "{ __schema { queryType { name } } offer(id: \"offer_1\") { id } shortLink(by: {id: \"\"}) { id } }";
    let answer = ask(&app, None, OLD, query).await.json();
    assert_eq!(items(&answer["errors"]).count(), 2);
    assert_eq!(
        answer["data"],
        json!({"__schema": {"queryType": {"name": "Query"}}, "offer": null, "shortLink": null})
    );
    // The operation was executed, so this is no 4xx under the new media type either.
    let answer = ask(&app, None, NEW, VIEWER).await;
    assert_eq!(outline(&answer), (200, NEW, "UNAUTHENTICATED".to_owned()));
}

#[tokio::test]
async fn the_schema_may_be_asked_for_without_a_key() {
    let app = TestApp::start().await;
    let answer = ask(&app, None, OLD, "{ __typename __type(name: \"Offer\") { name } }").await;
    assert_eq!(
        answer.json(),
        json!({"data": {"__typename": "Query", "__type": {"name": "Offer"}}})
    );
}

#[tokio::test]
async fn a_key_is_taken_from_either_header() {
    let app = TestApp::start().await;
    let key = &app.tenant.key;
    let account = json!({"account": {"id": app.tenant.account.id.to_string()}});
    for (name, value) in [
        ("x-api-key", key.clone()),
        ("X-Api-Key", format!(" {key} ")),
        ("authorization", format!("Bearer {key}")),
        ("Authorization", format!("bearer  {key}")),
    ] {
        let answer = ask(&app, Some((name, &value)), OLD, VIEWER).await;
        assert_eq!(answer.data("viewer"), account, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_key_that_does_not_work_is_a_401_under_every_media_type() {
    let app = TestApp::start().await;
    let unknown = "trk_0123456789abcdefghijklmnopqrstuv";
    for (name, value) in [
        ("x-api-key", unknown),
        ("x-api-key", ""),
        ("x-api-key", "trk_short"),
        ("x-api-key", "trk_0123456789abcdefghijklmnopqrst\u{e9}"),
        ("authorization", "Bearer trk_0123456789abcdefghijklmnopqrstuv"),
        ("authorization", "Bearer"),
        ("authorization", "Basic dHJrXzox"),
        ("authorization", unknown),
    ] {
        for media_type in [OLD, NEW] {
            // Also for what needs no key: whoever sends one means to be known by it.
            for query in [VIEWER, "{ __typename }"] {
                let answer = ask(&app, Some((name, value)), media_type, query).await;
                let expected = (401, media_type, "UNAUTHENTICATED".to_owned());
                assert_eq!(outline(&answer), expected, "{name}: {value}");
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            }
        }
    }
}

#[tokio::test]
async fn a_key_works_until_the_very_moment_it_expires() {
    let app = TestApp::start().await;
    let end = Timestamp::from_millis(START.millis() + 3_600_000);
    let key = app.tenant.key(app.store(), &[Scope::Admin], Some(end)).await;
    let answer = app.graphql_as(Some(&key), VIEWER, Value::Null).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json().get("errors").is_none());
    app.advance_hours(1);
    let answer = app.graphql_as(Some(&key), VIEWER, Value::Null).await;
    assert_eq!(outline(&answer), (401, OLD, "UNAUTHENTICATED".to_owned()));
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_the_next_request() {
    let app = TestApp::start().await;
    app.graphql(VIEWER, Value::Null).await.data("viewer");
    let mut row = app.tenant.key_row.clone();
    row.revoked_at = Some(START);
    app.save(row).await;
    let answer = app.graphql(VIEWER, Value::Null).await;
    assert_eq!(outline(&answer), (401, OLD, "UNAUTHENTICATED".to_owned()));
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn a_suspended_account_is_refused_at_the_next_request() {
    let app = TestApp::start().await;
    app.graphql(VIEWER, Value::Null).await.data("viewer");
    let mut row = app.tenant.account.clone();
    row.status = account::Status::Suspended;
    let mut row = app.save(row).await;
    for media_type in [OLD, NEW] {
        let answer = ask(&app, Some(("x-api-key", &app.tenant.key)), media_type, VIEWER).await;
        assert_eq!(
            outline(&answer),
            (403, media_type, "ACCOUNT_SUSPENDED".to_owned())
        );
    }
    row.status = account::Status::Active;
    app.save(row).await;
    app.graphql(VIEWER, Value::Null).await.data("viewer");
}

#[tokio::test]
async fn what_can_t_be_executed_is_a_400_only_under_the_new_media_type() {
    let app = TestApp::start().await;
    let key = Some(("x-api-key", app.tenant.key.as_str()));
    for query in [
        "{ viewer {",
        "{ nothing }",
        "{ viewer }",
        "query A { __typename } query B { __typename }",
        "query($first: Int!) { offers(first: $first) { edges { cursor } } }",
        "{ sendingList(by: {listId: 1, phoneNumber: \"+1\"}) { id } }",
        "{ offers(first: 2147483648) { edges { cursor } } }",
    ] {
        for (accept, status, media_type) in [
            (OLD, 200, OLD),
            (NEW, 400, NEW),
            ("*/*", 200, OLD),
            (
                "application/json;q=0.5, application/graphql-response+json",
                400,
                NEW,
            ),
            (
                "application/graphql-response+json;q=0.5, application/json",
                200,
                OLD,
            ),
        ] {
            let answer = ask(&app, key, accept, query).await;
            let expected = (status, media_type, "BAD_REQUEST".to_owned());
            assert_eq!(outline(&answer), expected, "{query}");
            assert!(answer.json().get("data").is_none(), "{}", answer.body);
        }
    }
}

/// What each field needs: the field, an operation, and which of [`SCOPES`] may run it.
const FIELDS: [(&str, &str, [bool; 4]); 34] = {
    let reading = [true, true, true, true];
    let writing_links = [false, true, false, true];
    let writing_the_catalogue = [false, false, true, true];
    let for_admins = [false, false, false, true];
    [
        ("viewer", "{ viewer { account { id } } }", reading),
        ("node", "{ node(id: \"offer_1\") { id } }", reading),
        ("shortLink", "{ shortLink(by: {id: \"link_1\"}) { id } }", reading),
        ("shortLinks", "{ shortLinks { edges { cursor } } }", reading),
        ("offer", "{ offer(id: \"offer_1\") { id } }", reading),
        ("offers", "{ offers { edges { cursor } } }", reading),
        ("sendingList", "{ sendingList(by: {listId: 1}) { id } }", reading),
        ("sendingLists", "{ sendingLists { edges { cursor } } }", reading),
        ("domains", "{ domains { edges { cursor } } }", reading),
        ("apiKeys", "{ apiKeys { edges { cursor } } }", for_admins),
        ("auditLog", "{ auditLog { edges { cursor } } }", for_admins),
        ("clickReport", "{ clickReport { rowCount } }", reading),
        ("clicks", "{ clicks { edges { cursor } } }", reading),
        (
            "createShortLink",
            "mutation { createShortLink(input: {}) { __typename } }",
            writing_links,
        ),
        (
            "createShortLinks",
            "mutation { createShortLinks(input: {items: []}) { __typename } }",
            writing_links,
        ),
        (
            "updateShortLink",
            "mutation { updateShortLink(input: {id: \"\"}) { __typename } }",
            writing_links,
        ),
        (
            "disableShortLink",
            "mutation { disableShortLink(id: \"\") { __typename } }",
            writing_links,
        ),
        (
            "enableShortLink",
            "mutation { enableShortLink(id: \"\") { __typename } }",
            writing_links,
        ),
        (
            "archiveShortLink",
            "mutation { archiveShortLink(id: \"\") { __typename } }",
            writing_links,
        ),
        (
            "archiveShortLinks",
            "mutation { archiveShortLinks(filter: {}) { __typename } }",
            writing_links,
        ),
        (
            "createOffer",
            "mutation { createOffer(input: {name: \"\", trackingUrl: \"\"}) { __typename } }",
            writing_the_catalogue,
        ),
        (
            "updateOffer",
            "mutation { updateOffer(input: {id: \"\"}) { __typename } }",
            writing_the_catalogue,
        ),
        (
            "archiveOffer",
            "mutation { archiveOffer(id: \"\") { __typename } }",
            writing_the_catalogue,
        ),
        (
            "createSendingList",
            "mutation { createSendingList(input: {phoneNumber: \"\", brandName: \"\"}) { __typename } }",
            writing_the_catalogue,
        ),
        (
            "updateSendingList",
            "mutation { updateSendingList(input: {id: \"\"}) { __typename } }",
            writing_the_catalogue,
        ),
        (
            "archiveSendingList",
            "mutation { archiveSendingList(id: \"\") { __typename } }",
            writing_the_catalogue,
        ),
        (
            "createDomain",
            "mutation { createDomain(input: {host: \"\"}) { __typename } }",
            for_admins,
        ),
        (
            "updateDomain",
            "mutation { updateDomain(input: {id: \"\"}) { __typename } }",
            for_admins,
        ),
        (
            "archiveDomain",
            "mutation { archiveDomain(id: \"\") { __typename } }",
            for_admins,
        ),
        (
            "updateAccountSettings",
            "mutation { updateAccountSettings(input: {}) { __typename } }",
            for_admins,
        ),
        (
            "createApiKey",
            "mutation { createApiKey(input: {name: \"\", scopes: []}) { __typename } }",
            for_admins,
        ),
        (
            "rotateApiKey",
            "mutation { rotateApiKey(input: {id: \"\"}) { __typename } }",
            for_admins,
        ),
        (
            "revokeApiKey",
            "mutation { revokeApiKey(id: \"\") { __typename } }",
            for_admins,
        ),
        (
            "eraseContact",
            "mutation { eraseContact(phoneNumber: \"\") { __typename } }",
            for_admins,
        ),
    ]
};

const SCOPES: [(Scope, &str); 4] = [
    (Scope::Read, "READ"),
    (Scope::LinksWrite, "LINKS_WRITE"),
    (Scope::CatalogWrite, "CATALOG_WRITE"),
    (Scope::Admin, "ADMIN"),
];

#[tokio::test]
async fn each_scope_opens_the_fields_that_it_should_and_no_others() {
    let app = TestApp::start().await;
    let schema = Schema::read(&app).await;
    let fields: Vec<_> = schema.roots().map(|(_, field)| text(&field["name"])).collect();
    assert_eq!(
        fields,
        FIELDS.map(|(field, ..)| field),
        "say who may use a new field"
    );
    let scopes: Vec<_> = items(&schema.named("Scope")["enumValues"])
        .map(|scope| text(&scope["name"]))
        .collect();
    assert_eq!(scopes, SCOPES.map(|(_, name)| name), "say what a new scope opens");

    for (at, (scope, name)) in SCOPES.into_iter().enumerate() {
        let key = app.tenant.key(app.store(), &[scope], None).await;
        for (field, operation, allowed) in FIELDS {
            let answer = app.graphql_as(Some(&key), operation, Value::Null).await;
            assert_eq!(answer.status, 200);
            let opens = answer.json().get("errors").is_none();
            assert_eq!(opens, allowed[at], "{field} with {name}: {}", answer.body);
            if !opens {
                assert_eq!(answer.error_code(), "FORBIDDEN");
                assert_eq!(answer.json()["errors"][0]["path"], json!([field]));
            }
        }
    }
    // No key is made like this, but one may have been once.
    let mut row = app.tenant.key_row.clone();
    row.scopes.0.clear();
    app.save(row).await;
    for (field, operation, _) in FIELDS {
        let answer = app.graphql(operation, Value::Null).await;
        assert_eq!(answer.error_code(), "FORBIDDEN", "{field}");
    }
}
