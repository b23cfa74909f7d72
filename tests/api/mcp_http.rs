//! `/mcp` as HTTP: who is let in, and what is too much.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{Method, Request},
};
use futures_util::{StreamExt as _, stream};
use linkhop::{http::Settings, values::host::Host};
use serde_json::{Value, json};

use super::time_limit::hold_links;
use crate::support::{Answer, Setup, TestApp};

const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");
const JSON: (&str, &str) = ("content-type", "application/json");

async fn with(settings: Settings) -> TestApp {
    TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await
}

async fn post(app: &TestApp, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut request = Request::post("/mcp")
        .header(JSON.0, JSON.1)
        .header(ACCEPT.0, ACCEPT.1);
    // As every client of HTTP/1.1 says it.
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "go.example.com");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request.body(body.into()).expect("a request")).await
}

/// A message that calls a tool, as a client sends it that remembers nothing either.
fn call(tool: &str, arguments: &Value) -> String {
    let params = json!({"name": tool, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}).to_string()
}

fn list_offers() -> String {
    call("list_offers", &json!({}))
}

#[tokio::test]
async fn a_call_needs_a_key_that_works_in_either_header() {
    let app = TestApp::start().await;
    let key = app.tenant.key.clone();
    let bearer = format!("Bearer {key}");
    for header in [("x-api-key", key.as_str()), ("authorization", bearer.as_str())] {
        let answer = post(&app, &[header], list_offers()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(
            (&answer.json()["id"], &answer.json()["result"]["isError"]),
            (&json!(7), &json!(false))
        );
        assert_ne!(answer.header("x-request-id"), "");
    }
    let none = "Send an API key, as the header X-Api-Key or as Authorization: Bearer.";
    let wrong = "This API key is unknown, expired or revoked; send one that works, or none.";
    let headers: [&[_]; 3] = [
        &[],
        &[("x-api-key", "trk_wrong")],
        &[("authorization", "Basic abc")],
    ];
    for (headers, message) in headers.into_iter().zip([none, wrong, wrong]) {
        let answer = post(&app, headers, list_offers()).await;
        assert_eq!(answer.status, 401);
        assert_eq!(
            (
                answer.error_code().as_str(),
                &answer.json()["errors"][0]["message"]
            ),
            ("UNAUTHENTICATED", &json!(message))
        );
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn nobody_s_message_is_read_without_a_key() {
    let app = TestApp::start().await;
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    assert_eq!(post(&app, &[], never).await.status, 401);
}

#[tokio::test]
async fn other_methods_and_other_media_types_are_refused() {
    let app = TestApp::start().await;
    let key = ("x-api-key", app.tenant.key.as_str());
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        let answer = app.visit(method, "go.example.com", "/mcp", &[key, ACCEPT]).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
        assert_eq!(answer.error_code(), "BAD_REQUEST");
    }
    let answer = app
        .visit(Method::POST, "go.example.com", "/mcp", &[key, ACCEPT])
        .await;
    assert_eq!(answer.status, 415);
}

#[tokio::test]
async fn a_body_that_is_no_message_is_told_so_in_the_words_of_json_rpc() {
    let app = TestApp::start().await;
    let key = ("x-api-key", app.tenant.key.as_str());
    for (body, code, told) in [
        ("no JSON", -32700, "This is no JSON"),
        ("{\"jsonrpc\": \"2.0\"", -32700, "This is no JSON"),
        ("", -32700, "This is no JSON"),
        ("{}", -32600, "Send one JSON-RPC message"),
        ("[]", -32600, "Send one JSON-RPC message"),
        ("7", -32600, "Send one JSON-RPC message"),
    ] {
        let answer = post(&app, &[key], body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        let json = answer.json();
        assert_eq!(
            (&json["jsonrpc"], &json["error"]["code"]),
            (&json!("2.0"), &json!(code)),
            "{body}"
        );
        assert!(json.get("id").is_none(), "{json}");
        let message = json["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(told), "{body}: {message}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_is_refused_unless_the_operator_lets_it() {
    let site = "https://app.example.com";
    let app = with(Settings {
        cors_origins: vec![site.parse().expect("an origin")],
        ..Settings::default()
    })
    .await;
    let key = ("x-api-key", app.tenant.key.as_str());
    // A name of the attacker's that leads here makes the page one of this server's own host.
    for (origin, status) in [(site, 200), ("http://evil.example:8080", 403), ("null", 403)] {
        let headers = [key, ("origin", origin), ("host", "evil.example:8080")];
        let answer = post(&app, &headers, list_offers()).await;
        assert_eq!(answer.status, status, "{origin}: {}", answer.body);
    }
}

#[tokio::test]
async fn only_the_api_s_host_answers_where_there_is_one() {
    let app = with(Settings {
        api_host: Host::parse("api.example.com"),
        ..Settings::default()
    })
    .await;
    let key = ("x-api-key", app.tenant.key.as_str());
    for (host, status) in [("api.example.com", 200), ("go.example.com", 404)] {
        let answer = post(&app, &[key, ("host", host)], list_offers()).await;
        assert_eq!(answer.status, status, "{host}");
    }
}

#[tokio::test]
async fn a_message_is_as_large_as_a_body_may_be() {
    let app = with(Settings {
        body_limit: 5_000_000,
        ..Settings::default()
    })
    .await;
    let key = ("x-api-key", app.tenant.key.as_str());
    // The library's own limit is lower.
    let large = list_offers() + &" ".repeat(4_800_000);
    assert_eq!(post(&app, &[key], large).await.status, 200);
    let answer = post(&app, &[key], " ".repeat(5_000_001)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.error_code().as_str()),
        (413, "BAD_REQUEST")
    );
}

#[tokio::test]
async fn what_takes_too_long_is_stopped() {
    let app = with(Settings {
        request_timeout: Duration::from_millis(300),
        ..Settings::default()
    })
    .await;
    let key = ("x-api-key", app.tenant.key.as_str());
    // So that the key is remembered.
    assert_eq!(post(&app, &[key], list_offers()).await.status, 200);
    let begun = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"{")) });
    let slow = Body::from_stream(begun.chain(stream::pending()));
    let answer = post(&app, &[key], slow).await;
    assert_eq!(
        (answer.status.as_u16(), answer.error_code().as_str()),
        (408, "TIMEOUT")
    );
    // A tool says so itself.
    let held = hold_links(&app).await;
    let answer = post(
        &app,
        &[key],
        call(
            "create_short_link",
            &json!({"url": "https://example.com/", "listId": 42}),
        ),
    )
    .await;
    held.rollback().await.expect("released");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let result = &answer.json()["result"];
    assert_eq!(result["isError"], true, "{result}");
    assert_eq!(result["structuredContent"]["errors"][0]["code"], "TIMEOUT");
}
