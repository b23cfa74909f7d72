//! Documents that are asked for by their hash, and those that are the only ones to be run.

use std::{fs, path::Path, sync::Arc};

use axum::http::Method;
use linkhop::{
    graphql::{DocumentId, Limits, Trusted},
    http::Settings,
};
use serde_json::{Value, json};

use crate::support::{Answer, CREATE, INTROSPECTION, Setup, Socket, TestApp, call};

const JSON: (&str, &str) = ("content-type", "application/json");

const QUERY: &str = "query Who { viewer { account { name } } }";

/// Sends a request as it stands, with the tenant's key.
async fn send(app: &TestApp, request: Value) -> Answer {
    let key = ("x-api-key", app.tenant.key.as_str());
    app.post(&[JSON, key], request.to_string()).await
}

fn id(text: &str) -> String {
    DocumentId::of(text).to_string()
}

/// The extension that names a document.
fn persisted(hash: impl Into<Value>) -> Value {
    json!({"persistedQuery": {"version": 1, "sha256Hash": hash.into()}})
}

#[tokio::test]
async fn a_document_that_was_sent_with_its_hash_may_be_left_out_afterwards() {
    let app = TestApp::start().await;
    let asked = json!({"extensions": persisted(id(QUERY))});
    let answer = send(&app, asked.clone()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.error_code()),
        (200, "PERSISTED_QUERY_NOT_FOUND".to_owned())
    );
    // What clients look for.
    assert_eq!(answer.json()["errors"][0]["message"], "PersistedQueryNotFound");
    let sent = json!({"query": QUERY, "extensions": persisted(id(QUERY))});
    send(&app, sent).await.data("viewer");
    send(&app, asked).await.data("viewer");
    // However it is asked for.
    for request in [
        json!({"documentId": id(QUERY)}),
        json!({"documentId": format!("sha256:{}", id(QUERY)), "query": null}),
        json!({"extensions": persisted(id(QUERY).to_uppercase()), "query": "", "operationName": "Who"}),
        json!({"extensions": persisted(id(QUERY)), "documentId": id(QUERY)}),
        json!({"extensions": {"persistedQuery": null}, "query": QUERY}),
    ] {
        send(&app, request).await.data("viewer");
    }
    let key = ("x-api-key", app.tenant.key.as_str());
    for url in [
        format!("/graphql?documentId={}", id(QUERY)),
        format!(
            "/graphql?extensions=%7B%22persistedQuery%22:%7B%22version%22:1,%22sha256Hash%22:%22{}%22%7D%7D",
            id(QUERY)
        ),
    ] {
        let headers = [key, ("accept", "application/json")];
        let answer = app.visit(Method::GET, "go.example.com", &url, &headers).await;
        answer.data("viewer");
    }
    let address = app.listen().await;
    let mut socket = Socket::open(address, json!({"X-Api-Key": app.tenant.key})).await;
    socket
        .say(json!({"type": "subscribe", "id": "1", "payload": {"extensions": persisted(id(QUERY))}}))
        .await;
    let result = socket.result("1").await;
    assert!(result["data"]["viewer"].is_object(), "{result}");
}

#[tokio::test]
async fn a_hash_that_is_not_the_text_s_is_refused_and_nothing_is_remembered() {
    let app = TestApp::start().await;
    let other = "{ __typename }";
    let answer = send(&app, json!({"query": QUERY, "extensions": persisted(id(other))})).await;
    assert_eq!(answer.error_code(), "BAD_REQUEST");
    assert!(answer.body.contains("SHA-256"), "{}", answer.body);
    for hash in [id(other), id(QUERY)] {
        let answer = send(&app, json!({"extensions": persisted(hash)})).await;
        assert_eq!(answer.error_code(), "PERSISTED_QUERY_NOT_FOUND");
    }
    // Nor is what could not be run.
    for wrong in ["{", "query { ...A } fragment A on Query { ...A }"] {
        send(&app, json!({"query": wrong, "extensions": persisted(id(wrong))})).await;
        let answer = send(&app, json!({"extensions": persisted(id(wrong))})).await;
        assert_eq!(answer.error_code(), "PERSISTED_QUERY_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_hash_that_is_none_is_a_400() {
    let app = TestApp::start().await;
    for request in [
        json!({"extensions": persisted("abc")}),
        json!({"extensions": persisted(1)}),
        json!({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": id(QUERY)}}}),
        json!({"extensions": {"persistedQuery": {"version": 1}}}),
        json!({"extensions": {"persistedQuery": "x"}, "query": QUERY}),
        json!({"documentId": "Who"}),
        json!({"documentId": 7, "query": QUERY}),
        json!({"documentId": id(QUERY), "extensions": persisted(id("{ __typename }"))}),
        json!({"extensions": {}}),
    ] {
        let answer = send(&app, request.clone()).await;
        assert_eq!(answer.status, 400, "{request}: {}", answer.body);
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{request}");
    }
}

#[tokio::test]
async fn a_mutation_by_its_hash_is_still_none_for_get() {
    let app = TestApp::start().await;
    let sent = json!({"query": CREATE, "extensions": persisted(id(CREATE)),
        "variables": {"input": {"url": "https://example.com/", "listId": 42}}});
    send(&app, sent).await.data("createShortLink");
    let url = format!(
        "/graphql?documentId={}&variables=%7B%22input%22:%7B%7D%7D",
        id(CREATE)
    );
    let answer = app
        .visit(
            Method::GET,
            "go.example.com",
            &url,
            &[("accept", "application/json")],
        )
        .await;
    assert_eq!(answer.status, 405, "{}", answer.body);
}

/// A server that trusts these documents.
async fn trusting(documents: &[(&str, &str)]) -> TestApp {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in documents {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    let trusted = Trusted::read(folder.path(), &Limits::default()).expect("documents");
    let settings = Settings {
        trusted: Some(Arc::new(trusted)),
        ..Settings::default()
    };
    TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await
}

#[tokio::test]
async fn where_documents_are_trusted_no_others_are_run() {
    let file = "# Who am I?\nquery Who {\n  viewer { account { name } }\n}\n\nquery Offers { offers { totalCount } }\n";
    let app = trusting(&[
        ("Who.graphql", file),
        ("Create.gql", CREATE),
        ("notes.txt", "{ __typename }"),
    ])
    .await;
    let who = json!("Who");
    for request in [
        json!({"query": file, "operationName": who}),
        // But for what means nothing.
        json!({"query": "query Who{viewer{account{name}}} query Offers{offers{totalCount}}", "operationName": who}),
        json!({"documentId": id(file), "operationName": who}),
        json!({"documentId": id(file.trim()), "operationName": who}),
        json!({"extensions": persisted(id(file)), "operationName": who}),
        // A client of automatic persisted queries sends the hash of its own text along.
        json!({"query": file.trim(), "extensions": persisted(id(file.trim())), "operationName": who}),
        json!({"query": file.trim(), "documentId": id(file), "operationName": who}),
    ] {
        let answer = send(&app, request).await;
        answer.data("viewer");
    }
    let input = json!({"input": {"url": "https://example.com/", "listId": 42}});
    app.graphql(CREATE, input).await.data("createShortLink");
    for request in [
        json!({"query": "{ __typename }"}),
        json!({"query": INTROSPECTION}),
        json!({"query": "query Who { viewer { account { name } } }"}),
        json!({"query": format!("{file} query More {{ __typename }}"), "operationName": who}),
        json!({"documentId": id("{ __typename }")}),
        json!({"extensions": persisted(id("{ __typename }"))}),
        json!({"query": "{ __typename }", "extensions": persisted(id("{ __typename }"))}),
        json!({"query": "{ __typename }", "documentId": id(file)}),
        json!({"query": "{"}),
        json!({"query": "{ a(b: \""}),
    ] {
        let answer = send(&app, request.clone()).await;
        assert_eq!(answer.error_code(), "DOCUMENT_NOT_TRUSTED", "{request}");
        assert!(answer.body.contains("ask the operator"), "{}", answer.body);
    }
    let wrong = json!({"query": file, "documentId": id("{ __typename }"), "operationName": who});
    assert_eq!(send(&app, wrong).await.error_code(), "BAD_REQUEST");
}

#[tokio::test]
async fn the_tools_of_agents_need_no_trust() {
    let app = trusting(&[("Name.graphql", "{ viewer { account { name } } }")]).await;
    let agent = app.agent(&app.tenant.key).await;
    let lists = call(&agent, "list_sending_lists", json!({})).await;
    assert_eq!(lists.is_error, Some(false), "{lists:?}");
}

#[test]
fn a_folder_that_can_t_be_trusted_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let read = |folder: &Path| {
        Trusted::read(folder, &Limits::default())
            .expect_err("it can't")
            .to_string()
    };
    assert!(read(folder.path()).contains("no file in"));
    fs::write(folder.path().join("A.graphql"), "{ a }").expect("a file");
    for text in ["{", "", "fragment F on Query { ...F } query { ...F }"] {
        fs::write(folder.path().join("B.graphql"), text).expect("a file");
        let error = read(folder.path());
        assert!(error.contains("B.graphql is no GraphQL document"), "{error}");
    }
    assert!(read(Path::new("/nowhere")).contains("/nowhere"));
}
