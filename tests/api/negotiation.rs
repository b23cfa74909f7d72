//! GraphQL over HTTP: what is sent as what, and with which status; queries in a URL.

use axum::http::{Method, Request};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const NEW: &str = "application/graphql-response+json";

const OLD: &str = "application/json";

const JSON: (&str, &str) = ("content-type", OLD);

/// What `POST` is answered when it says that it accepts this; the status, and the media type without its charset.
async fn accept(app: &TestApp, headers: &[&str], query: &str) -> (u16, String) {
    let mut all = vec![JSON];
    all.extend(headers.iter().map(|value| ("accept", *value)));
    let answer = app.post(&all, json!({"query": query}).to_string()).await;
    let (media_type, charset) = answer
        .header("content-type")
        .split_once(';')
        .expect("a media type with its charset");
    assert_eq!(charset, " charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    if answer.status == 406 {
        assert_eq!(answer.error_code(), "BAD_REQUEST");
    }
    (answer.status.as_u16(), media_type.to_owned())
}

/// `GET /graphql` with a query of the URL.
async fn get(app: &TestApp, query: &str, accept: Option<&str>) -> Answer {
    let mut headers = vec![("x-api-key", app.tenant.key.as_str())];
    headers.extend(accept.map(|accept| ("accept", accept)));
    let path = format!("/graphql?{query}");
    let answer = app.visit(Method::GET, "go.example.com", &path, &headers).await;
    assert_eq!(answer.header("vary"), "accept");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer
}

#[tokio::test]
async fn the_media_type_is_the_one_that_the_caller_likes_best() {
    let app = TestApp::start().await;
    for (headers, expected) in [
        (&[][..], OLD),
        (&[""], OLD),
        (&["*/*"], OLD),
        (&["application/*"], OLD),
        (&["Application/JSON"], OLD),
        (&[NEW], NEW),
        // Both as well: the new one if it is named.
        (&["application/json, application/graphql-response+json"], NEW),
        (
            &["application/graphql-response+json; charset=utf-8, application/json; charset=utf-8"],
            NEW,
        ),
        (&["application/graphql-response+json, */*"], NEW),
        (&["application/json, text/plain, */*"], OLD),
        (&["application/*, text/html"], OLD),
        // Several lines are one list.
        (&["text/html", NEW], NEW),
        (
            &[
                "application/graphql-response+json;q=0.5",
                "application/json;q=0.6",
            ],
            OLD,
        ),
        (
            &["application/json;q=0.5, application/graphql-response+json;q=0.501"],
            NEW,
        ),
        (&["application/graphql-response+json;Q=0.1, */*;q=0.2"], OLD),
        (&["application/json;q=0.2, application/*"], NEW),
        // The most precise range counts, wherever it stands.
        (&["*/*, application/json;q=0"], NEW),
        (&["application/graphql-response+json;q=0, */*"], OLD),
        (&["application/*;q=0, application/json"], OLD),
        (&["application/json;q=0.3, application/json;q=0"], OLD),
        // What is no media range says nothing.
        (&["json"], OLD),
        (&["application/graphql-response+json;q=2, application/json"], OLD),
        (&["application/graphql-response+json; profile=\"a,b;q=0\""], NEW),
        (
            &["application/graphql-response+json; charset=latin1, application/json"],
            OLD,
        ),
    ] {
        let answer = accept(&app, headers, "{ __typename }").await;
        assert_eq!(answer, (200, expected.to_owned()), "{headers:?}");
    }
}

#[tokio::test]
async fn who_accepts_neither_media_type_is_told_so_and_nothing_is_done() {
    let app = TestApp::start().await;
    for refused in [
        "text/html",
        "image/png, text/*",
        "*/*;q=0",
        "application/json;q=0.000",
        "application/json;q=0, application/graphql-response+json;q=0",
        "application/*;q=0, */*",
        "text/event-stream;q=0",
        "multipart/mixed",
        "application/xml",
    ] {
        let mutation =
            "mutation { createShortLink(input: {url: \"https://example.com/\", listId: 42}) { __typename } }";
        let answer = accept(&app, &[refused], mutation).await;
        assert_eq!(answer, (406, OLD.to_owned()), "{refused}");
        let answer = get(&app, "query=%7B__typename%7D", Some(refused)).await;
        assert_eq!(answer.status, 406, "{refused}");
    }
    assert_eq!(app.count_links().await, 0);
}

#[tokio::test]
async fn each_media_type_has_its_status_for_what_could_not_be_executed() {
    let app = TestApp::start().await;
    for query in [
        "{",
        "{ nothing }",
        "query A { __typename } query B { __typename }",
        "subscription { __typename }",
        "query($id: ID!) { node(id: $id) { id } }",
    ] {
        assert_eq!(
            accept(&app, &[OLD], query).await,
            (200, OLD.to_owned()),
            "{query}"
        );
        assert_eq!(
            accept(&app, &[NEW], query).await,
            (400, NEW.to_owned()),
            "{query}"
        );
        let answer = app
            .post(&[JSON, ("accept", NEW)], json!({"query": query}).to_string())
            .await;
        assert!(answer.json().get("data").is_none(), "{}", answer.body);
    }
}

#[tokio::test]
async fn what_was_executed_is_a_200_whatever_became_of_its_fields() {
    let app = TestApp::start().await;
    // No key: a field that may be null is null, and one that may not takes all of its parent away.
    for (query, data) in [
        (
            "{ __typename offer(id: \"x\") { id } }",
            json!({"__typename": "Query", "offer": null}),
        ),
        ("{ __typename viewer { __typename } }", Value::Null),
    ] {
        for media_type in [OLD, NEW] {
            let body = json!({"query": query}).to_string();
            let answer = app.post(&[JSON, ("accept", media_type)], body).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.error_code(), "UNAUTHENTICATED");
            assert_eq!(answer.json()["data"], data);
            assert!(
                answer
                    .json()
                    .as_object()
                    .is_some_and(|answer| answer.contains_key("data"))
            );
        }
    }
}

#[tokio::test]
async fn a_query_in_the_url_is_answered() {
    let app = TestApp::start().await;
    let query = "query=query+A($n:Int!)%7Boffers(first:$n)%7Bnodes%7Bid%7D%7D%7D+query+B%7Bviewer%7Baccount%7Bid%7D%7D%7D";
    let first = get(
        &app,
        &format!("{query}&operationName=A&variables=%7B%22n%22%3A1%7D"),
        Some(NEW),
    )
    .await;
    assert_eq!(
        first.header("content-type"),
        "application/graphql-response+json; charset=utf-8"
    );
    assert_eq!(first.data("offers"), json!({"nodes": []}));
    let second = get(
        &app,
        &format!("{query}&operationName=B&variables=%7B%22n%22%3A1%7D&extensions=%7B%7D&other=1"),
        None,
    )
    .await;
    assert_eq!(
        second.data("viewer")["account"]["id"],
        app.tenant.account.id.to_string()
    );
    // An empty name is none, and `null` is a name.
    let anonymous = get(&app, "query=%7B__typename%7D&operationName=&variables=", None).await;
    assert_eq!(anonymous.data("__typename"), "Query");
    assert_eq!(
        get(&app, "query=%7B__typename%7D&operationName=null", None)
            .await
            .error_code(),
        "BAD_REQUEST"
    );
}

#[tokio::test]
async fn a_query_in_the_url_that_can_t_be_read_is_a_400() {
    let app = TestApp::start().await;
    for query in [
        "",
        "query=",
        "Query=%7B__typename%7D",
        "variables=%7B%7D",
        "query=%FF",
        "query=%ED%A0%80",
        "query=%7B__typename%7D&query=%7B__typename%7D",
        "query=%7B__typename%7D&variables=1",
        "query=%7B__typename%7D&variables=%5B%5D",
        "query=%7B__typename%7D&variables=%7B",
        "query=%7B__typename%7D&variables=%22%7B%7D%22",
        "query=%7B__typename%7D&variables=%FF",
        "query=%7B__typename%7D&extensions=%22x%22",
    ] {
        for media_type in [OLD, NEW] {
            let answer = get(&app, query, Some(media_type)).await;
            assert_eq!(answer.status, 400, "{query}: {}", answer.body);
            assert_eq!(answer.error_code(), "BAD_REQUEST", "{query}");
        }
    }
}

#[tokio::test]
async fn a_mutation_in_the_url_is_never_executed() {
    let app = TestApp::start().await;
    let create =
        "%7BcreateShortLink(input:%7Burl:%22https://example.com/%22,listId:42%7D)%7B__typename%7D%7D";
    for query in [
        format!("query=mutation{create}"),
        format!("query=mutation+M{create}"),
        format!("query=mutation+M{create}+query+Q%7B__typename%7D&operationName=M"),
        format!("query=fragment+F+on+Query%7B__typename%7D+mutation+M{create}&operationName=M"),
    ] {
        // The second time the document is known.
        for _ in 0..2 {
            let answer = get(&app, &query, Some("text/html, */*;q=0.1")).await;
            assert_eq!(answer.status, 405, "{query}: {}", answer.body);
            assert_eq!(answer.header("allow"), "POST");
            assert_eq!(answer.error_code(), "BAD_REQUEST");
        }
        let path = format!("/graphql?{query}");
        let key = ("x-api-key", app.tenant.key.as_str());
        assert_eq!(
            app.visit(Method::HEAD, "go.example.com", &path, &[key])
                .await
                .status,
            405
        );
    }
    let other = format!("query=mutation+M{create}+query+Q%7B__typename%7D&operationName=Q");
    assert_eq!(get(&app, &other, None).await.data("__typename"), "Query");
    assert_eq!(app.count_links().await, 0);
    // And the same text may change something when it is posted.
    let posted = app.graphql(
        "mutation{createShortLink(input:{url:\"https://example.com/\",listId:42}){__typename}}",
        json!({}),
    );
    assert_eq!(
        posted.await.data("createShortLink")["__typename"],
        "CreateShortLinkSuccess"
    );
    assert_eq!(app.count_links().await, 1);
}

#[tokio::test]
async fn the_playground_is_for_browsers_that_ask_for_a_page_and_no_query() {
    let app = TestApp::start().await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for accept in [browser, "text/html", "application/json;q=0.9, text/html"] {
        for query in ["", "utm_source=sms", "query="] {
            let page = get(&app, query, Some(accept)).await;
            assert_eq!(
                page.header("content-type"),
                "text/html; charset=utf-8",
                "{accept} {query}"
            );
        }
    }
    let answer = get(&app, "query=%7B__typename%7D", Some(browser)).await;
    assert_eq!(answer.data("__typename"), "Query");
    for accept in [
        None,
        Some("*/*"),
        Some("text/*"),
        Some("application/json"),
        Some("text/html;q=0.5, application/json"),
        Some("text/html, application/json"),
        Some("text/html;q=0"),
        Some("x-text/html"),
    ] {
        let answer = get(&app, "", accept).await;
        assert!(answer.header("content-type").starts_with(OLD), "{accept:?}");
        assert!([400, 406].contains(&answer.status.as_u16()), "{accept:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_packed_or_in_another_charset_is_a_415() {
    let app = TestApp::start().await;
    let body = r#"{"query": "{ __typename }"}"#;
    for headers in [
        &[("content-type", "application/json; charset=iso-8859-1")][..],
        &[("content-type", "application/json; charset=utf-16")],
        &[("content-type", "application/json; charset=utf-8; charset=latin1")],
        &[JSON, JSON],
        &[JSON, ("content-type", "text/plain")],
        &[JSON, ("content-encoding", "gzip")],
        &[JSON, ("content-encoding", "identity, br")],
        &[
            JSON,
            ("content-encoding", "identity"),
            ("content-encoding", "deflate"),
        ],
    ] {
        let answer = app.post(headers, body).await;
        assert_eq!(answer.status, 415, "{headers:?}");
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{headers:?}");
        let is_packed = headers.iter().any(|(name, _)| *name == "content-encoding");
        assert_eq!(
            answer.header("accept-encoding"),
            if is_packed { "identity" } else { "" }
        );
    }
    for headers in [
        &[("content-type", "application/json;charset=\"UTF-8\"")][..],
        &[("content-type", "application/json ; Charset = utf8")],
        &[JSON, ("content-encoding", "identity")],
    ] {
        assert_eq!(
            app.post(headers, body).await.data("__typename"),
            "Query",
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn a_body_that_begins_with_a_byte_order_mark_is_read() {
    let app = TestApp::start().await;
    let answer = app
        .post(&[JSON], "\u{feff} {\"query\": \"{ __typename }\"}")
        .await;
    assert_eq!(answer.data("__typename"), "Query");
}

#[tokio::test]
async fn a_head_is_answered_as_a_get_without_its_body() {
    let app = TestApp::start().await;
    let request = Request::head("/graphql?query=%7B__typename%7D").header("host", "go.example.com");
    let answer = app
        .send(request.body(String::new().into()).expect("a request"))
        .await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
}
