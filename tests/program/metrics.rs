//! Metrics of the program, on the listener that is theirs alone.

use reqwest::header;
use serde_json::json;

use super::{client::Client, process::Program};
use crate::support::{Database, Metrics, START, Tenant};

const HOST: &str = "go.example.com";

async fn get(url: &str) -> (u16, String) {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let response = http.get(url).send().await.expect("an answer");
    (response.status().as_u16(), response.text().await.expect("a text"))
}

#[tokio::test]
async fn a_server_says_on_a_listener_of_its_own_what_it_did() {
    let database = Database::migrated().await;
    let tenant = Tenant::make(&database.store().await, HOST, START).await;
    let spool = database.spool();
    let variables = [
        ("LINKHOP_DATABASE_URL", database.url.as_str()),
        ("LINKHOP_SPOOL", spool.to_str().expect("UTF-8")),
        ("LINKHOP_METRICS_LISTEN", "127.0.0.1:0"),
    ];
    let mut program = Program::start(["serve", "--listen", "127.0.0.1:0"], variables);
    let line = program.line();
    let url = line
        .strip_prefix("Linkhop listens on ")
        .expect("an address")
        .to_owned();
    let line = program.line();
    let metrics = line.strip_prefix("Metrics are at ").expect("an address");

    let client = Client::new(&url, &tenant.key);
    let made = client
        .create(json!({"url": "https://example.com/", "listId": 42}))
        .await;
    let made = made.expect("an answer");
    let code = made["linkId"].as_str().expect("a code");
    for _ in 0..7 {
        client.visit(HOST, code).await.expect("an answer");
    }
    let (status, body) = get(metrics).await;
    assert_eq!(status, 200);
    let page = Metrics::parse(&body);
    let visits = "linkhop_http_requests_total{route=\"/{code}\",status=\"302\"}";
    assert_eq!(page.get(visits).to_string(), "7");
    assert_eq!(
        page.get("linkhop_http_request_duration_seconds_count{route=\"/{code}\"}")
            .to_string(),
        "7"
    );
    let kind = if database.url.starts_with("sqlite:") {
        "sqlite"
    } else {
        "postgres"
    };
    let version = env!("CARGO_PKG_VERSION");
    let build = format!("linkhop_build_info{{version=\"{version}\",database=\"{kind}\"}}");
    assert_eq!(page.get(&build).to_string(), "1");

    // The other doors of both are closed.
    assert_eq!(get(&format!("{url}/metrics")).await.0, 404);
    assert_eq!(get(&metrics.replace("/metrics", "/graphql")).await.0, 404);
    let page = client.open(&format!("{url}/metrics")).await.expect("an answer");
    assert_eq!(
        page.headers().get(header::CONTENT_TYPE).expect("a type"),
        "text/html; charset=utf-8"
    );

    program.terminate();
    assert_eq!(program.end().code, Some(0));
}

#[tokio::test]
async fn an_address_for_metrics_that_is_in_use_stops_the_start_and_its_flag_is_named() {
    let database = Database::migrated().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken
        .local_addr()
        .map(|address| (taken, address.to_string()))
        .expect("an address");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--metrics-listen", &taken.1];
    let ended = Program::start(arguments, [("LINKHOP_DATABASE_URL", database.url.as_str())]).end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(
        ended.stderr.contains("--metrics-listen takes another address"),
        "{ended:?}"
    );
}
