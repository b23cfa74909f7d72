//! What nobody would send who means well: each is told what is wrong, and nothing is our fault.

use std::fmt::Write as _;

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request},
};
use serde_json::{Value, json};

use crate::support::{Answer, CREATE, TestApp};

const JSON: (&str, &str) = ("content-type", "application/json");

/// Texts that a database, a parser or a terminal might stumble over.
const TEXTS: [&str; 14] = [
    "",
    "\0",
    "a\0b",
    "+12025550143\0",
    "https://go.example.com/\0",
    "https://go.example.com/a\0b",
    "https://[::1]:99999/x",
    "offer_\0",
    "link_ffffffffffffffffffffffffffffffff",
    "\u{202e}\u{feff}",
    "\u{10ffff}",
    "１２",
    "' OR 1=1 --",
    "%00",
];

/// Expects an answer that names no fault of ours, and a code for each of its errors.
fn expect_sound(answer: &Answer, what: &dyn std::fmt::Debug) {
    assert!(
        answer.status.as_u16() < 500,
        "{what:?}: {} {}",
        answer.status,
        answer.body
    );
    let json = answer.json();
    for error in json["errors"].as_array().into_iter().flatten() {
        let code = error["extensions"]["code"].as_str().unwrap_or_default();
        assert!(!code.is_empty() && code != "INTERNAL", "{what:?}: {json}");
    }
}

/// Sends an operation, and expects a sound answer.
async fn ask(app: &TestApp, query: &str, variables: Value) -> Answer {
    let answer = app.graphql(query, variables.clone()).await;
    expect_sound(&answer, &(query, variables));
    answer
}

#[tokio::test]
async fn no_text_and_no_number_in_a_variable_is_our_fault() {
    let app = TestApp::start().await;
    let mut values: Vec<Value> = TEXTS.iter().map(|text| json!(text)).collect();
    values.push(json!("x".repeat(10_000)));
    values.extend([
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(2_147_483_648_u32),
        json!(u64::MAX),
        json!(1e300),
        json!([]),
        json!({}),
        json!(["\0"]),
        json!({"\0": "\0"}),
        json!("+262142-12-31T23:59:59Z"),
        json!("-262143-01-01T00:00:00Z"),
        json!("2026-02-30T00:00:00Z"),
    ]);
    for query in [
        "query($v: ID!) { node(id: $v) { id } }",
        "query($v: ID!) { offer(id: $v) { id } }",
        "query($v: ID!) { shortLink(by: {id: $v}) { id } }",
        "query($v: String!) { shortLink(by: {shortUrl: $v}) { id } }",
        "query($v: ID!) { sendingList(by: {id: $v}) { id } }",
        "query($v: Int!) { sendingList(by: {listId: $v}) { id } }",
        "query($v: String!) { sendingList(by: {phoneNumber: $v}) { id } }",
        "query($v: Int) { offers(first: $v) { nodes { id } } }",
        "query($v: String) { offers(after: $v) { nodes { id } } }",
        "query($v: String) { shortLinks(after: $v) { nodes { id } } }",
        "query($v: ShortLinkLookup!) { shortLink(by: $v) { id } }",
        "query($v: String!) { __type(name: $v) { name } }",
        "query($v: Boolean!) { __typename @include(if: $v) }",
        "query($v: CreateShortLinkInput!) { __typename }",
    ] {
        for value in &values {
            ask(&app, query, json!({"v": value})).await;
        }
    }
    for field in [
        "url",
        "offerId",
        "listId",
        "phoneNumber",
        "contactPhone",
        "metadata",
        "code",
        "filterBots",
        "expiresAt",
        "maxClicks",
        "fallbackUrl",
        "idempotencyKey",
    ] {
        for value in &values {
            let mut input = json!({"url": "https://example.com/", "listId": 42});
            if field == "phoneNumber" {
                input["listId"] = Value::Null;
            }
            input[field] = value.clone();
            ask(&app, CREATE, json!({"input": input})).await;
        }
    }
    // Whatever was stored can be read.
    let links = "{ shortLinks(first: 100) { nodes { metadata expiresAt maxClicks contactPhone fallbackUrl status } } }";
    ask(&app, links, json!({})).await.data("shortLinks");
}

#[tokio::test]
async fn a_state_may_be_asked_for_more_often_than_a_statement_can_have_values() {
    let app = TestApp::start().await;
    app.link("https://example.com/").await;
    for (list, ty, found) in [
        ("shortLinks", "ShortLinkStatus", 1),
        ("offers", "OfferStatus", 0),
        ("sendingLists", "SendingListStatus", 1),
        ("domains", "DomainStatus", 1),
    ] {
        let query = format!(
            "query($status: [{ty}!]) {{ {list}(filter: {{status: $status}}) {{ nodes {{ id }} totalCount }} }}"
        );
        let states = ["ACTIVE", "ARCHIVED"].repeat(35_000);
        let answer = ask(&app, &query, json!({"status": states})).await;
        assert_eq!(answer.data(list)["totalCount"], found, "{list}");
    }
}

#[tokio::test]
async fn megabytes_that_are_refused_are_not_sent_back() {
    let app = TestApp::start().await;
    let long = "x".repeat(1_000_000);
    for body in [
        json!({"query": "query A { __typename }", "operationName": long}),
        json!({"query": "query($s: [OfferStatus!]) { offers(filter: {status: $s}) { totalCount } }", "variables": {"s": [long]}}),
        json!({"query": "mutation($i: CreateDomainInput!) { createDomain(input: $i) { __typename } }", "variables": {"i": {long.clone(): 1}}}),
        json!({"query": "mutation($i: CreateOfferInput!) { createOffer(input: $i) { ... on UserError { message } } }",
            "variables": {"i": {"name": "A", "trackingUrl": "{{a}}".repeat(900_000)}}}),
    ] {
        let key = ("x-api-key", app.tenant.key.as_str());
        let answer = app.post(&[JSON, key], body.to_string()).await;
        expect_sound(&answer, &"a long text");
        assert!(answer.body.len() < 2000, "{} bytes", answer.body.len());
    }
}

#[tokio::test]
async fn no_literal_is_our_fault() {
    let app = TestApp::start().await;
    for literal in [
        "1e400",
        "-1e400",
        "99999999999999999999",
        "2147483648",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\ud83d\\ude00\"",
        "\"\\u{1F600}\"",
        "\"\"\"\\u0000\"\"\"",
        "UNKNOWN",
        "$unknown",
        "{a: 1 a: 2}",
        "[1, 2",
        "01",
        "\"\\x\"",
        "\"a\nb\"",
        "\0",
        "\"\0\"",
        "null",
    ] {
        for (before, after) in [
            ("{ offers(first: ", ") { __typename } }"),
            ("{ offer(id: ", ") { __typename } }"),
            ("{ shortLink(by: {shortUrl: ", "}) { __typename } }"),
            ("{ sendingList(by: {phoneNumber: ", "}) { __typename } }"),
            (
                "mutation { createShortLink(input: {listId: 42, url: ",
                "}) { __typename } }",
            ),
            (
                "mutation { createShortLink(input: {listId: 42, metadata: ",
                "}) { __typename } }",
            ),
            (
                "mutation { createShortLink(input: {listId: 42, expiresAt: ",
                "}) { __typename } }",
            ),
        ] {
            ask(&app, &format!("{before}{literal}{after}"), json!({})).await;
        }
    }
}

#[tokio::test]
async fn u_0000_is_refused_wherever_it_stands_outside_a_string() {
    let app = TestApp::start().await;
    for query in [
        "\0",
        "{ __typename }\0",
        "{ \0__typename }",
        "{ a\0b }",
        "query A\0 { __typename }",
    ] {
        let answer = ask(&app, query, json!({})).await;
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{query:?}");
    }
    let named = json!({"query": "query A { __typename }", "operationName": "A\0"});
    let answer = app.post(&[JSON], named.to_string()).await;
    assert_eq!(answer.error_code(), "BAD_REQUEST");
}

#[tokio::test]
async fn a_document_that_leaves_open_what_to_execute_is_refused() {
    let app = TestApp::start().await;
    let send = async |query: &str, name: Value| {
        let body = json!({"query": query, "operationName": name});
        let answer = app
            .post(
                &[JSON, ("accept", "application/graphql-response+json")],
                body.to_string(),
            )
            .await;
        assert_eq!(answer.status, 400, "{query} {name}");
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{query} {name}");
    };
    for name in [
        json!(null),
        json!(""),
        json!("C"),
        json!("a"),
        json!(" A"),
        json!("x".repeat(100_000)),
    ] {
        send("query A { __typename } query B { __typename }", name).await;
    }
    send("{ __typename }", json!("A")).await;
    for query in [
        "{ __typename } { __typename }",
        "query A { __typename } query A { __typename }",
        "fragment F on Query { __typename }",
        "type A { a: Int }",
        "#",
        " ",
    ] {
        send(query, json!(null)).await;
    }
}

#[tokio::test]
async fn json_of_doubtful_form_is_a_400_and_a_name_given_twice_counts_once() {
    let app = TestApp::start().await;
    let deep = |open: &str, close: &str| {
        let values = open.repeat(100_000) + &close.repeat(100_000);
        format!(r#"{{"query": "{{ __typename }}", "variables": {{"a": {values}}}}}"#)
    };
    let mut many = String::from(r#"{"query": "{ __typename }", "variables": {"#);
    for number in 0..100_000 {
        let _ = write!(many, r#""v{number}": null,"#);
    }
    many.push_str(r#""v": null}}"#);
    for body in [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        r#"{"query": "{ __typename }", "query": "{ __typename }"}"#.to_owned(),
        r#"{"query": "{ __typename }", "variables": {"a": 1e400}}"#.to_owned(),
        r#"{"query": "{ __typename }", "variables": {"a": "\ud800"}}"#.to_owned(),
        r#"{"query": "{ __typename }", "variables": {"\udc00": 1}}"#.to_owned(),
        r#"{"query": "\ud800"}"#.to_owned(),
        r#"{"query": "{ __typename }", "variables": {"a": NaN}}"#.to_owned(),
        r#"{"query": "{ __typename }", "variables": {"a": 01}}"#.to_owned(),
        r#"{"query": "{ __typename }"} {}"#.to_owned(),
        "{\"query\": \"{\n__typename }\"}".to_owned(),
        "{'query': '{ __typename }'}".to_owned(),
    ] {
        // Some of them are longer than who has no key may send.
        let key = ("x-api-key", app.tenant.key.as_str());
        let answer = app.post(&[JSON, key], body.clone()).await;
        assert_eq!(answer.status, 400, "{body:.80}: {}", answer.body);
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{body:.80}");
        // What was sent is not sent back.
        assert!(answer.body.len() < 300, "{}", answer.body);
    }
    // Invalid UTF-8 in a part that nobody reads is invalid all the same.
    let answer = app
        .post(
            &[JSON],
            b"{\"query\": \"{ __typename }\", \"other\": \"\xff\"}".to_vec(),
        )
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.error_code().as_str()),
        (400, "BAD_REQUEST")
    );
    // The last one counts, as everywhere in JSON; variables that nothing asks for are passed over.
    let twice = r#"{"query": "query($on: Boolean!) { viewer @include(if: $on) { __typename } }", "variables": {"on": true, "on": false}}"#;
    assert_eq!(app.post(&[JSON], twice).await.json(), json!({"data": {}}));
    let key = ("x-api-key", app.tenant.key.as_str());
    assert_eq!(app.post(&[JSON, key], many).await.data("__typename"), "Query");
}

#[tokio::test]
async fn no_header_is_our_fault() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let long = "x".repeat(5000);
    let values: [&[u8]; 8] = [
        b"",
        b"\xff",
        b"\t",
        b"a,b;c=\"",
        b"*",
        b"0",
        b"bytes=0-1",
        long.as_bytes(),
    ];
    for name in [
        "accept",
        "accept-encoding",
        "accept-language",
        "authorization",
        "content-encoding",
        "content-type",
        "cookie",
        "dnt",
        "expect",
        "forwarded",
        "host",
        "if-none-match",
        "origin",
        "range",
        "referer",
        "sec-gpc",
        "te",
        "upgrade",
        "user-agent",
        "x-api-key",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-request-id",
    ] {
        for value in values {
            for (method, path) in [
                (Method::POST, "/graphql"),
                (Method::GET, "/graphql?query=%7B__typename%7D"),
                (Method::GET, "/graphql"),
                (Method::GET, "/graphql/assets/playground.css"),
                (Method::GET, "/"),
                (Method::GET, &format!("/{code}")),
            ] {
                let mut request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header("host", "go.example.com")
                    .header(JSON.0, JSON.1)
                    .body(Body::from(r#"{"query": "{ __typename }"}"#))
                    .expect("a request");
                let value = HeaderValue::from_bytes(value).expect("a header's value");
                request.headers_mut().insert(name, value);
                let answer = app.send(request).await;
                assert!(answer.status.as_u16() < 500, "{name} {path}: {}", answer.body);
            }
        }
    }
}

#[tokio::test]
async fn no_target_and_no_method_is_our_fault() {
    let app = TestApp::start().await;
    for path in [
        "*",
        "/graphql/",
        "//graphql",
        "/%00",
        "/%FF",
        "/graphql%00",
        "/graphql?%FF=%00",
        "/graphql?&&==&",
        "/graphql/assets/%00",
        "/graphql/assets/%FF",
        "/graphql/assets/..%2F..%2Fx",
        "/a?sub1=%00%FF",
        "/schema.graphql?x",
        "http://go.example.com/graphql?query=%7B__typename%7D",
        "http://user:password@go.example.com:99/x",
        "https://[::1]/x",
        "go.example.com:443",
    ] {
        for method in [
            "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY", "x",
        ] {
            let method: Method = method.parse().expect("a method");
            let answer = app.visit(method.clone(), "go.example.com", path, &[]).await;
            assert!(answer.status.as_u16() < 500, "{method} {path}: {}", answer.body);
        }
    }
}
