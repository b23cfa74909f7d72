//! Who keeps a connection and says nothing, or says too much, is refused in time: the real server, by bare TCP.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::process::Program;
use crate::support::Database;

/// How long the server may take for what is to be refused within a second: these machines are busy.
const SOON: Duration = Duration::from_secs(20);

/// A server that waits a second for headers, and for bodies.
struct Hasty {
    _program: Program,
    _database: Database,
    address: String,
}

impl Hasty {
    async fn start() -> Self {
        let database = Database::migrated().await;
        let more = ["--header-timeout", "1", "--request-timeout", "1"];
        let (program, url) = Program::serve_with(&database, &more);
        Self {
            address: url.trim_start_matches("http://").to_owned(),
            _program: program,
            _database: database,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.expect("a connection")
    }

    /// Sends this and answers all that comes until the server closes the connection.
    async fn closed(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.expect("it is sent");
        rest(&mut stream).await
    }
}

/// All that comes until the server closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut bytes))
        .await
        .expect("an end in time");
    // A reset is an end too: what was sent and not read makes one.
    let _ = read;
    String::from_utf8_lossy(&bytes).into_owned()
}

fn expect_status(answer: &str, status: u16) {
    let line = answer.lines().next().unwrap_or_default();
    assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{answer:.500}");
}

/// The JSON that an answer holds.
fn json(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {answer}"))
}

#[tokio::test]
async fn who_does_not_send_headers_in_time_is_cut_off() {
    let server = Hasty::start().await;
    for begun in [
        "",
        "GET / HT",
        "GET / HTTP/1.1\r\nHost: go.example.com\r\nX-Slow: ",
    ] {
        let began = Instant::now();
        server.closed(begun).await;
        assert!(began.elapsed() >= Duration::from_millis(900), "{begun:?}");
    }
    // A byte now and then changes nothing.
    let mut stream = server.connect().await;
    let (mut reading, mut writing) = stream.split();
    let trickling = async {
        for byte in "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ".bytes().cycle() {
            if writing.write_all(&[byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    let mut bytes = Vec::new();
    let ended = async {
        let _ = timeout(SOON, reading.read_to_end(&mut bytes))
            .await
            .expect("an end in time");
    };
    tokio::select! { () = trickling => {}, () = ended => {} }
    // An open connection that asks for nothing more is closed too, after its answer.
    let answer = server.closed("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await;
    expect_status(&answer, 200);
}

#[tokio::test]
async fn who_does_not_send_a_body_in_time_is_told_so_and_cut_off() {
    let server = Hasty::start().await;
    let head = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    for rest in [
        "Content-Length: 1000\r\n\r\n{\"query\":",
        "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"q\r\n",
    ] {
        let answer = server.closed(&format!("{head}{rest}")).await;
        expect_status(&answer, 408);
        assert_eq!(json(&answer)["errors"][0]["extensions"]["code"], "TIMEOUT");
    }
}

#[tokio::test]
async fn a_body_of_a_hundred_megabytes_is_refused_before_it_is_sent() {
    let server = Hasty::start().await;
    let head = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let answer = server
        .closed(&format!(
            "{head}Content-Length: 104857600\r\nConnection: close\r\n\r\n{{"
        ))
        .await;
    expect_status(&answer, 413);
    let message = json(&answer)["errors"][0]["message"].to_string();
    assert!(
        message.contains("262144 bytes") && message.contains("without an API key"),
        "{message}"
    );
}

#[tokio::test]
async fn a_flood_of_headers_is_a_431() {
    let server = Hasty::start().await;
    let request =
        |headers: &str| format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{headers}Connection: close\r\n\r\n");
    let long = format!("X-Long: {}\r\n", "x".repeat(40_000));
    let answer = server.closed(&request(&long)).await;
    expect_status(&answer, 431);
    assert!(answer.contains("over 32768 bytes; send fewer"), "{answer}");
    let many: Vec<_> = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect();
    let many = many.concat();
    expect_status(&server.closed(&request(&many)).await, 431);
    let endless = format!("X-Long: {}", "x".repeat(300_000));
    let mut stream = server.connect().await;
    // It may be closed while this is still being sent.
    let _ = stream.write_all(request(&endless).as_bytes()).await;
    let answer = rest(&mut stream).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
        "{answer:.500}"
    );
    let fine = format!("X-Long: {}\r\n", "x".repeat(30_000));
    expect_status(&server.closed(&request(&fine)).await, 200);
}
