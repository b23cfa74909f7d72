//! Variables, as they are sent.

use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const QUERY: &str = "query($first: Int = 7) { offers(first: $first) { nodes { id } } }";

async fn send(app: &TestApp, variables: Value) -> Answer {
    let headers = [
        ("content-type", "application/json"),
        ("x-api-key", app.tenant.key.as_str()),
    ];
    app.post(
        &headers,
        json!({"query": QUERY, "variables": variables}).to_string(),
    )
    .await
}

#[tokio::test]
async fn variables_in_a_json_string_are_read_like_an_object() {
    let app = TestApp::start().await;
    for variables in [
        json!({"first": 1}),
        json!(r#"{"first": 1}"#),
        json!(" {\"first\": 1}\n"),
        json!("{}"),
        json!(""),
        json!("  "),
        json!("null"),
        json!(null),
        json!({}),
    ] {
        let answer = send(&app, variables.clone()).await;
        assert_eq!(answer.data("offers"), json!({"nodes": []}), "{variables}");
    }
    // They do arrive.
    for variables in [json!({"first": 101}), json!("{\"first\": 101}")] {
        assert_eq!(send(&app, variables).await.error_code(), "BAD_REQUEST");
    }
}

#[tokio::test]
async fn variables_that_are_no_object_are_a_400_and_nothing_is_done() {
    let app = TestApp::start().await;
    for variables in [
        json!(1),
        json!(true),
        json!([]),
        json!([{"first": 1}]),
        json!("first"),
        json!("1"),
        json!("[]"),
        json!("\"{}\""),
        json!("{\"first\": 1"),
        json!("{\"first\": 1e400}"),
        json!("{\"first\": 1}{}"),
        json!("\u{0}"),
        json!("[".repeat(100_000)),
    ] {
        let answer = send(&app, variables.clone()).await;
        assert_eq!(answer.status, 400, "{variables:.80}");
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{variables:.80}");
        let message = answer.json()["errors"][0]["message"].clone();
        assert_eq!(
            message,
            "variables must be an object, or that object as a JSON string."
        );
    }
}

#[tokio::test]
async fn every_part_of_a_request_has_its_type() {
    let app = TestApp::start().await;
    for wrong in [json!(0), json!(false), json!(["a"]), json!({"a": "b"})] {
        for part in ["query", "operationName", "extensions"] {
            if part == "extensions" && wrong.is_object() {
                continue;
            }
            let mut request = json!({"query": "{ __typename }"});
            request[part] = wrong.clone();
            let answer = app
                .post(&[("content-type", "application/json")], request.to_string())
                .await;
            assert_eq!(answer.status, 400, "{request}");
            let message = answer.json()["errors"][0]["message"].to_string();
            assert!(
                message.contains(&format!("{part} must be")),
                "{request}: {message}"
            );
        }
    }
    // Null is as good as none, an empty name too, and other parts are for other servers.
    let request = json!({
        "query": "query A { __typename }", "operationName": "", "variables": null, "extensions": null, "id": "x", "doc_id": [1],
    });
    let answer = app
        .post(&[("content-type", "application/json")], request.to_string())
        .await;
    assert_eq!(answer.data("__typename"), "Query");
}

#[tokio::test]
async fn variables_of_another_form_than_their_type_s_stop_a_request_before_it_changes_anything() {
    let app = TestApp::start().await;
    let create = "createShortLink(input: {url: \"https://example.com/\", listId: 42}) { __typename }";
    let second = "createShortLink(input: $input) { __typename }";
    for (declared, selected, variables, complaint) in [
        (
            "$input: CreateShortLinkInput!",
            second,
            json!({"input": {"expiresAt": "tomorrow"}}),
            "The variable $input.expiresAt is no time of RFC 3339, such as 2027-01-31T12:00:00Z.",
        ),
        (
            "$input: CreateShortLinkInput!",
            second,
            json!({"input": {"listId": 2_147_483_648_u32}}),
            "The variable $input.listId is no whole number from -2147483648 to 2147483647.",
        ),
        (
            "$input: CreateShortLinkInput!",
            second,
            json!({}),
            "The variable $input is required: give a CreateShortLinkInput!.",
        ),
        (
            "$input: CreateShortLinkInput!",
            second,
            json!({"input": null}),
            "The variable $input is required: give a CreateShortLinkInput!.",
        ),
        (
            "$at: DateTime",
            "createShortLink(input: {expiresAt: $at}) { __typename }",
            json!({"at": 5}),
            "The variable $at is no time of RFC 3339, such as 2027-01-31T12:00:00Z.",
        ),
        (
            "$ids: [Int!]!",
            "createShortLink(input: {metadata: $ids}) { __typename }",
            json!({"ids": [1, 1.5]}),
            "The variable $ids[1] is no whole number from -2147483648 to 2147483647.",
        ),
    ] {
        let query = format!("mutation({declared}) {{ first: {create} second: {selected} }}");
        let body = json!({"query": query, "variables": variables}).to_string();
        for (accept, status) in [
            ("application/json", 200),
            ("application/graphql-response+json", 400),
        ] {
            let headers = [
                ("content-type", "application/json"),
                ("accept", accept),
                ("x-api-key", app.tenant.key.as_str()),
            ];
            let answer = app.post(&headers, body.clone()).await;
            assert_eq!(answer.status, status, "{variables}");
            assert_eq!(answer.error_code(), "BAD_REQUEST", "{variables}");
            let json = answer.json();
            assert_eq!(json["errors"][0]["message"], complaint);
            assert!(json.get("data").is_none(), "{json}");
        }
    }
    assert_eq!(app.count_links().await, 0);
}

#[tokio::test]
async fn a_variable_that_may_be_left_out_may_be() {
    let app = TestApp::start().await;
    for query in [
        "query($first: Int) { offers(first: $first) { nodes { id } } }",
        "query($first: Int! = 5) { offers(first: $first) { nodes { id } } }",
    ] {
        let answer = app.graphql(query, json!({})).await;
        assert_eq!(answer.data("offers"), json!({"nodes": []}), "{query}");
    }
}
