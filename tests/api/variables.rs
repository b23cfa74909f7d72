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

/// Sends a document that stores an offer first, and expects that nothing of it is executed.
async fn expect_unstored(app: &TestApp, declared: &str, second: &str, variables: &Value, complaint: &str) {
    let first = "createOffer(input: {name: \"First\", trackingUrl: \"https://example.com/\"}) { __typename }";
    let query = format!("mutation{declared} {{ first: {first} {second} }}");
    let headers = [
        ("content-type", "application/json"),
        ("accept", "application/graphql-response+json"),
        ("x-api-key", app.tenant.key.as_str()),
    ];
    // The second time it would be remembered, if it had been taken.
    for _ in 0..2 {
        let body = json!({"query": query, "variables": variables}).to_string();
        let answer = app.post(&headers, body).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{query}");
        let message = answer.json()["errors"][0]["message"].to_string();
        assert!(message.contains(complaint), "{query}: {message}");
    }
    let offers = app.graphql("{ offers { totalCount } }", json!({})).await;
    assert_eq!(offers.data("offers")["totalCount"], 0, "{query}");
}

#[tokio::test]
async fn literals_of_another_form_than_their_type_s_stop_a_request_before_it_changes_anything() {
    let app = TestApp::start().await;
    let int = "is no whole number from -2147483648 to 2147483647.";
    let time = "is no time of RFC 3339, such as 2027-01-31T12:00:00Z.";
    for (fields, complaint) in [
        ("listId: 99999999999", format!("The argument input.listId {int}")),
        ("listId: \"42\"", format!("The argument input.listId {int}")),
        (
            "expiresAt: \"garbage\"",
            format!("The argument input.expiresAt {time}"),
        ),
        ("expiresAt: 5", format!("The argument input.expiresAt {time}")),
        ("url: 5", "The argument input.url is no String.".to_owned()),
        ("nope: 5", "The argument input has no field nope".to_owned()),
        // Variables beside it keep the library from looking at it.
        (
            "url: $x, code: 5",
            "The argument input.code is no String.".to_owned(),
        ),
    ] {
        let declared = if fields.contains("$x") { "($x: String)" } else { "" };
        let second = format!("second: createShortLink(input: {{{fields}}}) {{ __typename }}");
        expect_unstored(&app, declared, &second, &json!({}), &complaint).await;
        let spread = format!("...F }} fragment F on Mutation {{ ... on Mutation {{ {second} }}");
        expect_unstored(&app, declared, &spread, &json!({}), &complaint).await;
    }
    for (second, complaint) in [
        (
            "createShortLink(input: 5) { __typename }",
            "The argument input is no CreateShortLinkInput",
        ),
        (
            "createShortLink(input: null) { __typename }",
            "The argument input must not be null",
        ),
        (
            "createOffer(input: {name: \"A\", trackingUrl: \"https://example.com/\", payoutType: NOPE}) { __typename }",
            "The argument input.payoutType is none of ",
        ),
        ("archiveOffer(id: {}) { __typename }", "The argument id is no ID."),
        (
            "archiveOffer(id: \"a\") @skip(if: 1) { __typename }",
            "The argument if is no Boolean.",
        ),
    ] {
        let second = format!("second: {second}");
        expect_unstored(&app, "", &second, &json!({}), complaint).await;
    }
}

#[tokio::test]
async fn default_values_of_another_form_than_their_type_s_stop_a_request_before_it_changes_anything() {
    let app = TestApp::start().await;
    for (declared, fields, complaint) in [
        (
            "($x: Int = 99999999999)",
            "listId: $x",
            "The default value of $x is no whole number",
        ),
        (
            "($x: DateTime = \"nope\")",
            "expiresAt: $x",
            "The default value of $x is no time",
        ),
        (
            "($x: [Int!] = [1, null])",
            "metadata: $x",
            "The default value of $x[1] must not be null",
        ),
    ] {
        let second = format!("second: createShortLink(input: {{{fields}}}) {{ __typename }}");
        for variables in [json!({}), json!({"x": null})] {
            expect_unstored(&app, declared, &second, &variables, complaint).await;
        }
    }
}

#[tokio::test]
async fn variables_that_may_be_null_where_none_may_stop_a_request_before_it_changes_anything() {
    let app = TestApp::start().await;
    let archive = "second: archiveOffer(id: $x) { __typename }";
    let spread = "...F } fragment F on Mutation { ...G } fragment G on Mutation { second: archiveOffer(id: $x) { __typename }";
    let skipped = "second: archiveOffer(id: \"a\") @include(if: $x) { __typename }";
    for (declared, second, place) in [
        ("($x: ID)", archive, "ID!"),
        ("($x: ID = null)", archive, "ID!"),
        ("($x: ID)", spread, "ID!"),
        ("($x: Boolean)", skipped, "Boolean!"),
        (
            "($x: CreateOfferInput)",
            "second: createOffer(input: $x) { __typename }",
            "CreateOfferInput!",
        ),
    ] {
        let complaint = format!("The variable $x may be null, but stands where a {place} is required");
        for variables in [json!({}), json!({"x": null})] {
            expect_unstored(&app, declared, second, &variables, &complaint).await;
        }
    }
    // A default value stands in for what is left out, and not for a null.
    for (declared, second) in [
        ("($x: ID = \"a\")", archive),
        ("($x: ID = \"a\")", spread),
        ("($x: Boolean = true)", skipped),
    ] {
        let complaint = "is required: leave it out, or give one.";
        expect_unstored(&app, declared, second, &json!({"x": null}), complaint).await;
        let query = format!("mutation{declared} {{ {second} }}");
        let answer = app.graphql(&query, json!({})).await;
        assert_eq!(
            answer.data("second")["__typename"],
            "OfferNotFoundError",
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_default_value_of_a_type_that_there_is_not_is_refused() {
    let app = TestApp::start().await;
    for (ty, value) in [("Nope", "1"), ("Nope!", "{a: 1}"), ("[Nope!]!", "[\"x\"]")] {
        let query = format!("query($a: {ty} = {value}) {{ __typename }}");
        let answer = app.graphql_as(None, &query, json!({})).await;
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{query}");
        let json = answer.json();
        assert_eq!(json["errors"][0]["message"], "There is no type Nope.", "{json}");
    }
}
