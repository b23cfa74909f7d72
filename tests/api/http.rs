//! Requests to the API as HTTP sees them: methods, bodies, media types, ids, faults.

use axum::{
    body::Body,
    http::{Method, Request},
};
use linkhop::http::Settings;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::support::{Answer, INTROSPECTION, Setup, TestApp, text};

const JSON: (&str, &str) = ("content-type", "application/json");

const QUERY: &str = r#"{"query": "{ __typename }"}"#;

fn outline(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    (answer.status.as_u16(), answer.error_code())
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_413_whether_its_length_is_told_or_not() {
    let app = TestApp::start().await;
    let huge = || json!({"query": "{ __typename }", "variables": {"x": "x".repeat(10_000_000)}}).to_string();
    let length = huge().len().to_string();
    for headers in [vec![JSON], vec![JSON, ("content-length", length.as_str())]] {
        let answer = app.post(&headers, huge()).await;
        assert_eq!(outline(&answer), (413, "BAD_REQUEST".to_owned()));
        assert_ne!(answer.header("x-request-id"), "");
    }
}

#[tokio::test]
async fn the_body_limit_lets_its_last_byte_and_no_more() {
    let settings = Settings {
        body_limit: 200,
        ..Settings::default()
    };
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    for (bytes, status) in [(200, 200), (201, 413)] {
        let body = QUERY.to_owned() + &" ".repeat(bytes - QUERY.len());
        assert_eq!(app.post(&[JSON], body).await.status, status);
    }
}

#[tokio::test]
async fn without_a_key_a_body_may_have_256_kib_and_whoever_sends_more_is_told_to_send_one() {
    let app = TestApp::start().await;
    let key = ("x-api-key", app.tenant.key.as_str());
    let most = 256 * 1024;
    let body = |bytes: usize| QUERY.to_owned() + &" ".repeat(bytes - QUERY.len());
    assert_eq!(app.post(&[JSON], body(most)).await.status, 200);
    assert_eq!(app.post(&[JSON, key], body(most + 1)).await.status, 200);
    let length = (most + 1).to_string();
    for headers in [vec![JSON], vec![JSON, ("content-length", length.as_str())]] {
        let answer = app.post(&headers, body(most + 1)).await;
        assert_eq!(outline(&answer), (413, "BAD_REQUEST".to_owned()));
        let message = answer.json()["errors"][0]["message"].to_string();
        for part in ["over 262144 bytes", "without an API key", "X-Api-Key"] {
            assert!(message.contains(part), "{message}");
        }
    }
    // A wrong key is none that works, and nothing is read.
    let wrong = ("x-api-key", "trk_wrong");
    assert_eq!(app.post(&[JSON, wrong], body(most + 1)).await.status, 401);
    // What may be asked for is what it was.
    let schema = json!({"query": INTROSPECTION}).to_string();
    assert!(app.post(&[JSON], schema).await.json()["data"]["__schema"].is_object());
}

#[tokio::test]
async fn without_a_key_arguments_that_are_long_to_read_are_refused_before_they_are() {
    let app = TestApp::start().await;
    let (few, many) = (vec!["ACTIVE"; 100], vec!["ACTIVE"; 5000]);
    let one = "a: offers(filter: { status: $v }) { totalCount }";
    let two = format!("{one} {}", one.replace("a:", "b:"));
    let query = |fields: &str| format!("query($v: [OfferStatus!]) {{ {fields} }}");
    // What is soon read is answered as ever: by the field that needs a key.
    for (fields, values) in [(one, &many), (&two, &few)] {
        let answer = app.graphql_as(None, &query(fields), json!({"v": values})).await;
        assert_eq!(outline(&answer), (200, "UNAUTHENTICATED".to_owned()));
        assert_eq!(answer.json()["errors"][0]["path"][0], "a");
    }
    let literal = format!("[{}]", "ACTIVE,".repeat(2000));
    let spread = format!(
        "{{ {} }} fragment F on Query {{ a: offers(filter: {{ status: {literal} }}) {{ totalCount }} }}",
        "...F ".repeat(6)
    );
    let metadata = "mutation($v: JSON) { a: createShortLink(input: {metadata: $v}) { __typename } \
        b: createShortLink(input: {metadata: $v}) { __typename } }";
    let object: serde_json::Map<_, _> = (0..5000).map(|number| (number.to_string(), json!(1))).collect();
    for (query, variables) in [
        (query(&two).as_str(), json!({"v": many})),
        (&spread, Value::Null),
        (metadata, json!({"v": object})),
    ] {
        let answer = app.graphql_as(None, query, variables.clone()).await;
        let json = answer.json();
        assert_eq!(
            json["errors"][0]["extensions"]["code"], "UNAUTHENTICATED",
            "{json}"
        );
        // No field of it was looked at.
        assert!(
            json.get("data").is_none() && json["errors"][0].get("path").is_none(),
            "{json}"
        );
        let message = json["errors"][0]["message"].to_string();
        assert!(
            message.contains("10000 values") && message.contains("X-Api-Key"),
            "{message}"
        );
        let with_key = app.graphql(query, variables).await.json();
        assert!(with_key.get("data").is_some(), "{with_key}");
    }
}

#[tokio::test]
async fn without_a_key_arguments_count_wherever_they_stand_in_a_document_executed_or_not() {
    let app = TestApp::start().await;
    let (few, many) = (vec!["ACTIVE"; 100], vec!["ACTIVE"; 6000]);
    let one = "a: offers(filter: { status: $v }) { totalCount }";
    let two = format!("{one} {}", one.replace("a:", "b:"));
    let (first, define) = (
        two.replace("filter: { status: $v }", "first: $v"),
        "($v: [OfferStatus!]!)",
    );
    let several = format!("query A{define} {{ {two} }} query B {{ __typename }}");
    let default = format!(
        "query A($v: [OfferStatus!] = [{}]) {{ ...F ...F }} query B {{ __typename }} fragment F on Query {{ {first} }}",
        "ACTIVE,".repeat(3000)
    );
    let directives = "viewer @include(if: $v) { name @skip(if: $v) }";
    for (query, name, sent) in [
        (&several, json!("C"), true),
        (&several, Value::Null, true),
        (&several, json!("B"), true),
        (
            &format!("query{define} {{ __typename }} fragment F on Query {{ {two} }}"),
            Value::Null,
            true,
        ),
        (&format!("query{define} {{ {directives} }}"), Value::Null, true),
        (
            &format!("query{define} {{ nothing {{ ... on Query {{ {two} }} }} }}"),
            Value::Null,
            true,
        ),
        (
            &format!("query{define} {{ ...F }} fragment F on Offer {{ {first} }}"),
            Value::Null,
            true,
        ),
        (&default, json!("B"), false),
    ] {
        let body = |values: &[&str]| {
            let variables = if sent { json!({"v": values}) } else { json!({}) };
            json!({"query": query, "operationName": name, "variables": variables}).to_string()
        };
        let answer = app.post(&[JSON], body(&many)).await.json();
        let message = answer["errors"][0]["message"].to_string();
        assert!(message.contains("10000 values"), "{query} {name}: {answer}");
        if sent {
            let answer = app.post(&[JSON], body(&few)).await.json();
            assert!(
                !answer.to_string().contains("10000 values"),
                "{query} {name}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn a_large_text_is_not_used_any_number_of_times() {
    let app = TestApp::start().await;
    let query = format!(
        "query($v: String!) {{ {} }} fragment F on Query {{ offers(first: $v) {{ totalCount }} }}",
        "...F ".repeat(900)
    );
    let body = |bytes: usize| json!({"query": query, "variables": {"v": "x".repeat(bytes)}}).to_string();
    let answer = app.post(&[JSON], body(200_000)).await;
    assert_eq!(outline(&answer).1, "UNAUTHENTICATED");
    let key = ("x-api-key", app.tenant.key.as_str());
    let answer = app.post(&[JSON, key], body(200_000)).await;
    assert_eq!(outline(&answer).1, "QUERY_TOO_COMPLEX");
    let answer = app.post(&[JSON, key], body(60)).await.json();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_REQUEST");
}

#[tokio::test]
async fn a_variable_is_defined_once_or_its_value_would_be_checked_for_each_definition() {
    let app = TestApp::start().await;
    let query = format!("query({}) {{ __typename }}", "$v: [Int!] ".repeat(1000));
    let answer = app.graphql_as(None, &query, json!({"v": [1]})).await;
    assert_eq!(outline(&answer).1, "BAD_REQUEST");
    let message = answer.json()["errors"][0]["message"].to_string();
    assert!(message.contains("$v is defined twice"), "{message}");
}

#[tokio::test]
async fn a_body_of_another_media_type_is_a_415() {
    let app = TestApp::start().await;
    for media_type in [
        None,
        Some(""),
        Some("text/plain"),
        Some("text/plain; application/json"),
        Some("application/graphql"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/jsonp"),
        Some("application/octet-stream"),
    ] {
        let headers: Vec<_> = media_type
            .map(|value| ("content-type", value))
            .into_iter()
            .collect();
        let answer = app.post(&headers, QUERY).await;
        assert_eq!(
            outline(&answer),
            (415, "BAD_REQUEST".to_owned()),
            "{media_type:?}"
        );
    }
    for media_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let answer = app.post(&[("content-type", media_type)], QUERY).await;
        assert_eq!(answer.data("__typename"), "Query");
    }
}

#[tokio::test]
async fn a_body_that_is_no_request_is_a_400_under_every_media_type() {
    let app = TestApp::start().await;
    let deep = format!(
        r#"{{"query": "{{ __typename }}", "variables": {{"a": {}{}}}}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    let bodies: [&[u8]; 13] = [
        b"",
        b"{",
        b"null",
        b"5",
        b"\"{ __typename }\"",
        b"{}",
        br#"{"query": ""}"#,
        br#"{"query": null}"#,
        br#"{"query": 5}"#,
        b"{\"query\": \"{ \xff }\"}",
        b"[]",
        br#"[{"query": "{ __typename }"}, {"query": "{ __typename }"}]"#,
        deep.as_bytes(),
    ];
    for body in bodies {
        for accept in ["application/json", "application/graphql-response+json"] {
            let answer = app.post(&[JSON, ("accept", accept)], body.to_vec()).await;
            let body = String::from_utf8_lossy(body);
            assert_eq!(answer.status, 400, "{body:.60}");
            assert_eq!(answer.error_code(), "BAD_REQUEST", "{body:.60}");
            assert!(answer.header("content-type").starts_with(accept));
        }
    }
}

#[tokio::test]
async fn other_methods_than_get_and_post_are_a_405() {
    let app = TestApp::start().await;
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let answer = app.visit(method, "go.example.com", "/graphql", &[]).await;
        assert_eq!(outline(&answer), (405, "BAD_REQUEST".to_owned()));
        assert_eq!(answer.header("allow"), "GET, HEAD, POST");
    }
}

#[tokio::test]
async fn a_browser_that_opens_the_api_gets_the_playground() {
    let app = TestApp::start().await;
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let page = app
        .visit(Method::GET, "go.example.com", "/graphql", &browser)
        .await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'self'; script-src 'self';")
    );
    assert!(page.header("vary").eq_ignore_ascii_case("accept"));
    let script = app.get("go.example.com", "/graphql/assets/graphiql.min.js").await;
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert!(script.body.len() > 100_000);
    assert_eq!(
        app.get("go.example.com", "/graphql/assets/other.js").await.status,
        404
    );
}

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let app = TestApp::start().await;
    let ask = async |path: &str, id: &str| {
        let request = Request::get(path)
            .header("host", "go.example.com")
            .header("x-request-id", id);
        let answer = app.send(request.body(Body::empty()).expect("a request")).await;
        answer.header("x-request-id").to_owned()
    };
    for path in ["/graphql", "/healthz", "/nothing", "/", "/robots.txt"] {
        assert_eq!(ask(path, "3c9f.proxy_1-2").await, "3c9f.proxy_1-2", "{path}");
        for unsound in ["", "a b", "<script>", "a\"b", &"x".repeat(65), "ä"] {
            let made = ask(path, unsound).await;
            assert_eq!(made.len(), 32, "{made}");
            assert!(made.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
        }
        assert_ne!(ask(path, "").await, ask(path, "").await);
    }
}

#[tokio::test]
async fn what_goes_wrong_inside_is_masked_and_named_by_the_request_id() {
    let app = TestApp::start().await;
    let store = &app.store().write;
    let broken = "ALTER TABLE offer RENAME TO elsewhere";
    store.execute_unprepared(broken).await.expect("a broken database");
    let key = ("x-api-key", app.tenant.key.as_str());
    let id = ("x-request-id", "req-7");
    let create = r#"mutation { createShortLink(input: {offerId: "offer_0123456789abcdef0123456789abcdef", listId: 42}) {
        __typename } }"#;
    for query in ["{ offers { edges { cursor } } }", create] {
        let answer = app
            .post(&[JSON, key, id], json!({"query": query}).to_string())
            .await;
        assert_eq!(outline(&answer), (200, "INTERNAL".to_owned()));
        let error = &answer.json()["errors"][0];
        assert_eq!(
            error["extensions"],
            json!({"code": "INTERNAL", "requestId": "req-7"})
        );
        assert_eq!(error["message"], "Something went wrong on our side; try again.");
        assert!(!answer.body.contains("no such") && !answer.body.to_lowercase().contains("sql"));
    }
    // Even before it is known who asks.
    let broken = "ALTER TABLE api_key RENAME TO keys";
    store.execute_unprepared(broken).await.expect("a broken database");
    let answer = app.post(&[JSON, key, id], QUERY).await;
    assert_eq!(outline(&answer), (500, "INTERNAL".to_owned()));
    let extensions = &answer.json()["errors"][0]["extensions"];
    assert_eq!(extensions, &json!({"code": "INTERNAL", "requestId": "req-7"}));
}

#[tokio::test]
async fn a_server_is_alive_whatever_its_database_does_and_ready_only_with_it() {
    let app = TestApp::start().await;
    let ask = async |path| {
        let answer = app.get("any.example", path).await;
        (answer.status.as_u16(), answer.body)
    };
    assert_eq!(ask("/healthz").await, (200, "ok\n".to_owned()));
    let clicks = "clicks_lost 0\nclicks_unconfirmed 0\nclicks_waiting 0\n";
    assert_eq!(ask("/readyz").await, (200, format!("ready\n{clicks}")));
    let store = app.store();
    for (statement, reason) in [
        ("DELETE FROM seaql_migrations", "migrations are pending"),
        ("DROP TABLE seaql_migrations", "migrations are pending"),
    ] {
        store.write.execute_unprepared(statement).await.expect("done");
        let (status, body) = ask("/readyz").await;
        assert_eq!(status, 503);
        assert!(body.starts_with(reason), "{body}");
    }
    store.read.close_by_ref().await.expect("closed");
    assert_eq!(
        ask("/readyz").await,
        (503, format!("the database does not answer\n{clicks}"))
    );
    assert_eq!(ask("/healthz").await, (200, "ok\n".to_owned()));
}

#[tokio::test]
async fn the_api_can_be_limited_to_a_host_of_its_own() {
    let settings = Settings {
        api_host: linkhop::values::host::Host::parse("api.example.com"),
        ..Settings::default()
    };
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    for (host, is_there) in [
        ("api.example.com", true),
        ("API.example.com", true),
        ("go.example.com", false),
        ("api.example.com:8443", false),
        ("", false),
    ] {
        let request = Request::post("/graphql")
            .header("host", host)
            .header(JSON.0, JSON.1);
        let answer = app.send(request.body(QUERY.into()).expect("a request")).await;
        assert_eq!(answer.status.as_u16(), if is_there { 200 } else { 404 }, "{host}");
        for path in ["/schema.graphql", "/graphql/assets/playground.js"] {
            let answer = app.get(host, path).await;
            assert_eq!(
                answer.status.as_u16(),
                if is_there { 200 } else { 404 },
                "{host}{path}"
            );
        }
        assert_eq!(app.get(host, "/healthz").await.status, 200);
    }
}

#[tokio::test]
async fn without_introspection_the_schema_is_nowhere_to_be_had() {
    let settings = Settings {
        introspection: false,
        ..Settings::default()
    };
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    let answer = app.get("go.example.com", "/schema.graphql").await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("Introspection is off"), "{}", answer.body);
    // The playground tells nothing of it, and operations that somebody knows can be run there.
    let page = app
        .visit(
            Method::GET,
            "go.example.com",
            "/graphql",
            &[("accept", "text/html")],
        )
        .await;
    assert_eq!(
        (page.status.as_u16(), page.body.contains("playground")),
        (200, true)
    );
    for query in [
        INTROSPECTION,
        "{ __schema { queryType { name } } }",
        "{ __type(name: \"Offer\") { name } }",
    ] {
        let answer = app.graphql(query, Value::Null).await;
        assert!(
            answer.json()["data"].to_string().find("Query").is_none(),
            "{}",
            answer.body
        );
        assert!(!answer.body.contains("\"Offer\""), "{}", answer.body);
        assert_eq!(answer.error_code(), "INTROSPECTION_DISABLED");
        assert!(answer.body.contains("Introspection is off"), "{}", answer.body);
        assert!(answer.json().get("data").is_none(), "{}", answer.body);
    }
    for query in [
        "{ offer2 { id } }",
        "{ offers { nodes { nam } } }",
        "{ offers(firs: 1) { nodes { id } } }",
        "{ node(id: \"a\") { ... on Offe { id } } }",
    ] {
        let answer = app.graphql(query, Value::Null).await;
        assert_eq!(answer.error_code(), "BAD_REQUEST");
        assert!(!answer.body.contains("Did you mean"), "{}", answer.body);
    }
    let answer = app.graphql("{ __typename }", Value::Null).await;
    assert_eq!(text(&answer.data("__typename")), "Query");
}
