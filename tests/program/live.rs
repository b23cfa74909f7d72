//! Clicks as they come, in clients of others.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use super::{client::Client, process::Program};
use crate::support::{Database, START, Socket, Tenant};

const CLICKS: &str = "subscription { clicks { ... on Click { sub1 isBot isUnique } } }";

/// A server over a database with one tenant: the program, its URL, and the tenant's key.
async fn serve(database: &Database) -> (Program, String, String) {
    let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
    let (program, url) = Program::serve(database);
    (program, url, tenant.key)
}

/// Makes a link and answers its code.
async fn make_link(client: &Client) -> String {
    let input = json!({"url": "https://example.com/", "listId": 42});
    let made = client.create(input).await.expect("a link");
    made["linkId"].as_str().expect("a code").to_owned()
}

#[tokio::test]
async fn curl_is_shown_a_click_as_it_comes() {
    let database = Database::migrated().await;
    let (_program, url, key) = serve(&database).await;
    let client = Client::new(&url, &key);
    let code = make_link(&client).await;
    let mut curl = Command::new("curl")
        .args(["-sSN", "--noproxy", "*", "--max-time", "30"])
        .args(["-D", "-", "-H", "Accept: text/event-stream"])
        .args([
            "-H",
            "Content-Type: application/json",
            "-H",
            &format!("X-Api-Key: {key}"),
        ])
        .args([
            "-d",
            &json!({"query": CLICKS}).to_string(),
            &format!("{url}/graphql"),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl starts");
    let mut lines = BufReader::new(curl.stdout.take().expect("a pipe")).lines();
    // The headers are there as soon as the subscription has begun.
    let mut next = move || lines.next().expect("a line").expect("UTF-8");
    assert_eq!(next().trim_end(), "HTTP/1.1 200 OK");
    while !next().trim_end().is_empty() {}
    client
        .visit("go.example.com", &format!("{code}?sub1=curl"))
        .await
        .expect("a redirect");
    let shown = loop {
        let line = next();
        if let Some(data) = line.strip_prefix("data: ") {
            break serde_json::from_str::<Value>(data).expect("JSON");
        }
    };
    // The client sends no user agent, which makes it a bot.
    let expected = json!({"sub1": "curl", "isBot": true, "isUnique": false});
    assert_eq!(shown, json!({"data": {"clicks": expected}}));
    curl.kill().expect("SIGKILL is sent");
    curl.wait().expect("an end");
}

#[tokio::test]
async fn a_websocket_client_is_shown_a_click_and_told_when_the_server_stops() {
    let database = Database::migrated().await;
    let (program, url, key) = serve(&database).await;
    let client = Client::new(&url, &key);
    let code = make_link(&client).await;
    let address = url.strip_prefix("http://").expect("a URL").parse();
    let address: SocketAddr = address.expect("an address");
    let mut socket = Socket::open(address, json!({"X-Api-Key": key})).await;
    socket.subscribe("1", CLICKS, Value::Null).await;
    // The protocol does not say when it has begun: so there is traffic meanwhile.
    let visits = async {
        let path = format!("{code}?sub1=socket");
        loop {
            let visit = client.visit("go.example.com", &path);
            visit.await.expect("a redirect");
        }
    };
    let shown = tokio::select! {
        shown = socket.click("1") => shown,
        () = visits => unreachable!("visits never end"),
    };
    assert_eq!(shown["sub1"], "socket");
    let mut idle = Socket::open(address, json!({"X-Api-Key": key})).await;
    program.terminate();
    for socket in [&mut socket, &mut idle] {
        assert_eq!(socket.closed().await, 1001);
    }
    drop((socket, idle));
    let ended = program.end_within(Duration::from_secs(5)).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}
