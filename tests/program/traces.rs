//! Traces of the program, for a collector in the test's own process.

use std::time::{Duration, Instant};

use reqwest::header;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::{client::Client, process::Program};
use crate::support::{Collector, Database, START, Span, Tenant};

const HOST: &str = "go.example.com";

const MUTATION: &str = "mutation MakeLink($input: CreateShortLinkInput!) {
    createShortLink(input: $input) { __typename ... on CreateShortLinkSuccess { linkId } }
}";

/// What callers say of the spans that theirs are a part of.
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER_PARENT: &str = "00-5bf92f3577b34da6a3ce929d0e0e4736-10f067aa0ba902b7-01";
const NOT_SAMPLED: &str = "00-6bf92f3577b34da6a3ce929d0e0e4736-20f067aa0ba902b7-00";

/// A server that was told where a collector is, and somebody who asks it.
struct Served {
    program: Program,
    url: String,
    http: reqwest::Client,
    key: String,
}

impl Served {
    async fn start(database: &Database, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let tenant = Tenant::make(&database.store().await, HOST, START).await;
        let spool = database.spool();
        let settings = [
            ("LINKHOP_DATABASE_URL", database.url.as_str()),
            ("LINKHOP_SPOOL", spool.to_str().expect("UTF-8")),
            ("LINKHOP_KEY_RATE", "0"),
            ("LINKHOP_ACCOUNT_RATE", "0"),
            // A collector on this machine is asked without one.
            ("NO_PROXY", "127.0.0.1"),
        ];
        let mut program = Program::start(
            ["serve", "--listen", "127.0.0.1:0"]
                .into_iter()
                .chain(arguments.iter().copied()),
            settings.into_iter().chain(variables.iter().copied()),
        );
        let line = program.line();
        let url = line.strip_prefix("Linkhop listens on ").expect("an address");
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build();
        Self {
            url: url.to_owned(),
            program,
            http: http.expect("a client"),
            key: tenant.key,
        }
    }

    /// Makes a link by a mutation with that `traceparent`, and answers its code and the request's id.
    async fn make_link(&self, input: &Value, parent: &str) -> (String, String) {
        let body = json!({"query": MUTATION, "variables": {"input": input}});
        let request = self.http.post(format!("{}/graphql", self.url));
        let request = request
            .header("x-api-key", &self.key)
            .header("traceparent", parent);
        let response = request.json(&body).send().await.expect("an answer");
        let id = response.headers()["x-request-id"]
            .to_str()
            .expect("a text")
            .to_owned();
        let answer: Value = response.json().await.expect("JSON");
        let code = answer["data"]["createShortLink"]["linkId"].as_str();
        (code.unwrap_or_else(|| panic!("{answer}")).to_owned(), id)
    }

    /// Visits a code, and answers the status and the request's id.
    async fn visit(&self, code: &str, parent: Option<&str>) -> (u16, String) {
        let request = self.http.get(format!("{}/{code}", self.url));
        let request = request
            .header(header::HOST, HOST)
            .header(header::USER_AGENT, "Mozilla/5.0 secret-agent")
            .header(header::COOKIE, "session=secret-cookie")
            .header(header::REFERER, "https://secret-referrer.example/");
        let request = match parent {
            Some(parent) => request.header("traceparent", parent),
            None => request,
        };
        let response = request.send().await.expect("an answer");
        let id = response.headers()["x-request-id"].to_str().expect("a text");
        (response.status().as_u16(), id.to_owned())
    }

    /// Stops it, and answers what it logged.
    async fn stop(self) -> String {
        self.program.terminate();
        let ended = self.program.end_within(Duration::from_secs(20)).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stderr
    }
}

fn plain() -> Value {
    json!({"url": "https://example.com/", "listId": 42})
}

fn database_of(database: &Database) -> (&'static str, &'static str) {
    if database.url.starts_with("sqlite:") {
        ("sqlite", "internal")
    } else {
        ("postgresql", "client")
    }
}

/// The one span of that name in a trace.
fn only<'a>(spans: &'a [Span], trace: &str, name: &str) -> &'a Span {
    let found: Vec<_> = spans
        .iter()
        .filter(|span| span.trace == trace && span.name == name)
        .collect();
    assert_eq!(found.len(), 1, "{name}: {spans:#?}");
    found[0]
}

#[tokio::test]
async fn a_visit_and_a_mutation_are_traced_below_their_callers_spans_and_nothing_secret_is_told() {
    let database = Database::migrated().await;
    let collector = Collector::start().await;
    let server = Served::start(&database, &["--traces-endpoint", &collector.url], &[]).await;
    let input = json!({
        "url": "https://secret-destination.example/secret-path?secret=query",
        "listId": 42,
        "contactPhone": "+12025550143",
        "metadata": {"campaign": "secret-metadata"},
        "idempotencyKey": "secret-idempotency",
    });
    let (code, made) = server.make_link(&input, PARENT).await;
    let visit = format!("{code}?phone=%2B12025550143&sub1=secret-parameter");
    let (status, visited) = server.visit(&visit, Some(OTHER_PARENT)).await;
    assert_eq!(status, 302);
    let key = server.key.clone();
    // What was not sent by now is sent at the end.
    let log = server.stop().await;
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");

    let spans = collector.spans();
    let (system, kind) = database_of(&database);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = only(&spans, trace, "POST /graphql");
    assert_eq!(
        (request.parent.as_str(), request.kind),
        ("00f067aa0ba902b7", "server")
    );
    assert_eq!(
        request.get("http.response.header.x-request-id"),
        format!("[{made}]")
    );
    let operation = only(&spans, trace, "mutation");
    assert_eq!((&operation.parent, operation.kind), (&request.id, "internal"));
    assert_eq!(operation.get("graphql.operation.type"), "mutation");
    assert_eq!(operation.get("graphql.operation.name"), "MakeLink");
    let stored = only(&spans, trace, "INSERT short_link");
    assert_eq!((&stored.parent, stored.kind), (&operation.id, kind));
    assert_eq!(stored.get("db.system.name"), system);
    // The key is looked up before the operation is known.
    assert_eq!(only(&spans, trace, "SELECT api_key").parent, request.id);

    let trace = "5bf92f3577b34da6a3ce929d0e0e4736";
    let request = only(&spans, trace, "GET /{code}");
    assert_eq!(
        (request.parent.as_str(), request.kind),
        ("10f067aa0ba902b7", "server")
    );
    let said: Vec<_> = request
        .attributes
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let id = format!("[{visited}]");
    assert_eq!(
        said,
        [
            ("http.request.method", "GET"),
            ("http.response.header.x-request-id", id.as_str()),
            ("http.response.status_code", "302"),
            ("http.route", "/{code}"),
            ("network.protocol.version", "1.1"),
            ("server.address", HOST),
            ("url.path", "/{code}"),
            ("url.scheme", "http"),
        ]
    );
    for name in ["SELECT short_link", "INSERT click"] {
        let part = only(&spans, trace, name);
        assert_eq!((&part.parent, part.kind), (&request.id, kind), "{name}");
        assert_eq!(part.get("db.system.name"), system);
    }
    assert!(spans.iter().all(|span| !span.is_failure), "{spans:#?}");

    let resource = collector.resource();
    assert_eq!(resource["service.name"], "linkhop");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    let told = collector.text();
    for secret in ["secret", "12025550143", "18005551234", &code, &key, "Mozilla"] {
        assert!(!told.contains(secret), "{secret}: {spans:#?}");
    }
}

#[tokio::test]
async fn what_an_agent_s_tool_asks_for_is_a_part_of_its_call() {
    let database = Database::migrated().await;
    let collector = Collector::start().await;
    let server = Served::start(&database, &["--traces-endpoint", &collector.url], &[]).await;
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "create_short_link", "arguments": {"url": "https://example.com/", "listId": 42}
    }});
    let request = server.http.post(format!("{}/mcp", server.url));
    let request = request
        .header("x-api-key", &server.key)
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header("traceparent", PARENT);
    let answer = request.json(&call).send().await.expect("an answer").text().await;
    assert!(
        answer.as_ref().is_ok_and(|answer| answer.contains("shortUrl")),
        "{answer:?}"
    );
    server.stop().await;
    let spans = collector.spans();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = only(&spans, trace, "POST /mcp");
    let operation = only(&spans, trace, "mutation");
    assert_eq!(operation.parent, request.id);
    assert_eq!(only(&spans, trace, "INSERT short_link").parent, operation.id);
}

#[tokio::test]
async fn what_fails_is_marked_and_health_checks_are_not_traced() {
    let database = Database::migrated().await;
    let collector = Collector::start().await;
    let server = Served::start(&database, &["--traces-endpoint", &collector.url], &[]).await;
    for path in ["healthz", "readyz"] {
        let response = server.http.get(format!("{}/{path}", server.url)).send().await;
        assert_eq!(response.expect("an answer").status(), 200);
    }
    let (status, _) = server.visit("nothing", None).await;
    assert_eq!(status, 404);
    // Without its tables the database answers nothing.
    let store = database.store().await;
    let sql = "ALTER TABLE short_link RENAME TO short_link_gone";
    sea_orm::ConnectionTrait::execute_unprepared(&store.write, sql)
        .await
        .expect("renamed");
    let (status, _) = server.visit("something", None).await;
    assert_eq!(status, 503);
    server.stop().await;

    let spans = collector.spans();
    let mut visits: Vec<_> = spans.iter().filter(|span| span.kind == "server").collect();
    visits.sort_by_key(|span| span.get("http.response.status_code").to_owned());
    let said: Vec<_> = visits
        .iter()
        .map(|span| (span.name.as_str(), span.is_failure, span.get("error.type")))
        .collect();
    assert_eq!(said, [("GET /{code}", false, ""), ("GET /{code}", true, "503")]);
    assert!(visits.iter().all(|visit| visit.parent.is_empty()), "{visits:#?}");
}

#[tokio::test]
async fn a_share_is_drawn_of_visits_whatever_their_callers_say_and_of_the_api_where_these_do_not() {
    let database = Database::migrated().await;
    let collector = Collector::start().await;
    let arguments = ["--traces-endpoint", &collector.url, "--traces-ratio", "0"];
    let server = Served::start(&database, &arguments, &[]).await;
    let (code, _) = server.make_link(&plain(), PARENT).await;
    server.make_link(&plain(), NOT_SAMPLED).await;
    for parent in [None, Some(OTHER_PARENT), Some(NOT_SAMPLED)] {
        assert_eq!(server.visit(&code, parent).await.0, 302);
    }
    server.stop().await;
    let spans = collector.spans();
    assert!(
        spans
            .iter()
            .all(|span| span.trace == "4bf92f3577b34da6a3ce929d0e0e4736"),
        "{spans:#?}"
    );
    only(&spans, "4bf92f3577b34da6a3ce929d0e0e4736", "POST /graphql");
}

#[tokio::test]
async fn the_variables_of_opentelemetry_name_the_service_and_what_the_collector_is_sent() {
    let database = Database::migrated().await;
    let collector = Collector::start().await;
    let variables = [
        ("OTEL_SERVICE_NAME", "links-eu"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=staging,service.instance.id=node-7",
        ),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=abc"),
        // What says where and how much are settings of Linkhop's own.
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
    ];
    let server = Served::start(&database, &["--traces-endpoint", &collector.url], &variables).await;
    server.visit("nothing", None).await;
    server.stop().await;
    let resource = collector.resource();
    for (name, value) in [
        ("service.name", "links-eu"),
        ("service.instance.id", "node-7"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("deployment.environment.name", "staging"),
    ] {
        assert_eq!(resource[name], value, "{resource:?}");
    }
    let headers = collector.headers();
    assert_eq!(headers["x-collector-key"], "abc");
    assert_eq!(headers[header::CONTENT_TYPE], "application/x-protobuf");
}

#[tokio::test]
async fn without_the_setting_nothing_is_sent_whatever_the_variables_of_opentelemetry_say() {
    let database = Database::migrated().await;
    let collector = Collector::start().await;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_TRACES_SAMPLER", "always_on"),
    ];
    let server = Served::start(&database, &[], &variables).await;
    let (code, _) = server.make_link(&plain(), PARENT).await;
    assert_eq!(server.visit(&code, Some(OTHER_PARENT)).await.0, 302);
    server.stop().await;
    assert_eq!(collector.begun(), 0);
}

#[tokio::test]
async fn a_collector_that_is_down_is_told_of_once_and_changes_no_answer_and_so_is_its_return() {
    let database = Database::migrated().await;
    // Nobody listens there yet, and nobody else can.
    let port = TcpSocket::new_v4().expect("a socket");
    port.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let endpoint = format!("http://{}", port.local_addr().expect("an address"));
    let server = Served::start(&database, &["--traces-endpoint", &endpoint], &[]).await;
    let (code, _) = server.make_link(&plain(), PARENT).await;
    // Each longer than spans gather, and are tried to be sent.
    for _ in 0..2 {
        for _ in 0..20 {
            assert_eq!(server.visit(&code, None).await.0, 302);
        }
        tokio::time::sleep(Duration::from_secs(7)).await;
    }
    let collector = Collector::start_on(port.listen(16).expect("a listener"));
    assert_eq!(server.visit(&code, Some(OTHER_PARENT)).await.0, 302);
    let log = server.stop().await;
    only(
        &collector.spans(),
        "5bf92f3577b34da6a3ce929d0e0e4736",
        "GET /{code}",
    );
    let said = |what: &str| -> Vec<&str> { log.lines().filter(|line| line.contains(what)).collect() };
    let told = said("the collector does not take spans");
    assert_eq!(told.len(), 1, "{log}");
    assert!(told[0].contains("refused"), "{log}");
    let told = said("the collector takes spans again");
    assert!(told.len() == 1 && told[0].contains("lost="), "{log}");
}

#[tokio::test]
async fn a_collector_that_hangs_fills_no_memory_and_changes_no_answer() {
    const VISITS: usize = 2000;
    let database = Database::migrated().await;
    let collector = Collector::hanging().await;
    let arguments = ["--traces-endpoint", &collector.url, "--burst-address", "0"];
    let server = Served::start(&database, &arguments, &[]).await;
    let (code, _) = server.make_link(&plain(), PARENT).await;
    // More spans than the queue holds while a lot of them is on its way.
    let (server_of_all, code) = (&server, &code);
    let visits = (0..8).map(|_| async move {
        for _ in 0..VISITS / 8 {
            assert_eq!(server_of_all.visit(code, None).await.0, 302);
        }
    });
    futures_util::future::join_all(visits).await;
    assert!(collector.begun() > 0, "nothing was sent");
    let (query, variables) = (
        "query($by: ShortLinkLookup!) { shortLink(by: $by) { stats { clicks } } }",
        { json!({"by": {"shortUrl": format!("https://{HOST}/{code}")}}) },
    );
    let data = Client::new(&server.url, &server.key)
        .graphql(query, variables)
        .await;
    assert_eq!(data.expect("an answer")["shortLink"]["stats"]["clicks"], VISITS);
    let begun = Instant::now();
    let log = server.stop().await;
    // What hangs is given up after ten seconds, and the stop does not wait for that.
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    let told = log
        .lines()
        .filter(|line| line.contains("dropped a Span due to queue full"));
    assert_eq!(told.count(), 1, "{log}");
}
