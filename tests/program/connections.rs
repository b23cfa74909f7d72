//! How many connections there may be, and that each is good for something: the real server, by bare TCP.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::process::Program;
use crate::support::{Database, Metrics, START, Socket, Tenant};

/// How long the server may take for what it is to do at once: these machines are busy.
const SOON: Duration = Duration::from_secs(20);

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

/// A file of a megabyte, on a connection that stays open.
const LARGE: &str = "GET /graphql/assets/graphiql.min.js HTTP/1.1\r\nHost: a\r\n\r\n";

/// How often it is asked for: far more than the system keeps for a reader who does not read.
const TIMES: usize = 60;

/// How long one that says nothing more is let be at most where there is no place, and a little.
const LET_BE: u64 = 4000;

/// The start of a request whose answer waits for the rest.
const HALF_ASKED: &str = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
    Content-Length: 26\r\n\r\n{\"query\": ";

/// The rest of it.
const OTHER_HALF: &str = "\"{__typename}\" }";

/// A server, and where it says what it has done.
struct Server {
    _program: Program,
    database: Database,
    address: SocketAddr,
    metrics: SocketAddr,
}

impl Server {
    async fn start(more: &[&str]) -> Self {
        let database = Database::migrated().await;
        let arguments = [&["--metrics-listen", "127.0.0.1:0"], more].concat();
        let (mut program, url) = Program::serve_with(&database, &arguments);
        let line = program.line();
        let metrics = line.strip_prefix("Metrics are at http://").expect("an address");
        let metrics = metrics.strip_suffix("/metrics").expect("a path");
        Self {
            address: url.trim_start_matches("http://").parse().expect("an address"),
            metrics: metrics.parse().expect("an address"),
            _program: program,
            database,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// A connection on which this was said.
    async fn say(&self, text: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.expect("it is sent");
        stream
    }

    async fn metrics(&self) -> Metrics {
        let mut stream = TcpStream::connect(self.metrics).await.expect("a connection");
        let request = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.expect("it is sent");
        let answer = String::from_utf8(rest(&mut stream).await).expect("UTF-8");
        Metrics::parse(answer.split_once("\r\n\r\n").expect("a body").1)
    }

    /// Waits until the server says that so many connections are open.
    async fn expect_open(&self, expected: f64) {
        let end = Instant::now() + SOON;
        loop {
            let open = self.metrics().await.get("linkhop_http_connections");
            if (open - expected).abs() < f64::EPSILON {
                return;
            }
            assert!(Instant::now() < end, "{open} are open, not {expected}");
        }
    }
}

/// All that comes until the server closes the connection.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = timeout(SOON, stream.read_to_end(&mut bytes))
        .await
        .expect("an end in time");
    bytes
}

/// Reads an answer of `/healthz`, and leaves the connection open.
async fn expect_healthy(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    while !answer.contains("\r\n\r\n") {
        let mut bytes = [0; 1024];
        let read = timeout(SOON, stream.read(&mut bytes))
            .await
            .expect("an answer in time");
        let read = read.expect("an answer");
        assert!(read > 0, "the connection is closed: {answer:?}");
        answer.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer
}

/// Whether nothing at all comes for a while.
async fn is_silent(stream: &mut TcpStream, millis: u64) -> bool {
    let mut byte = [0; 1];
    timeout(Duration::from_millis(millis), stream.read(&mut byte))
        .await
        .is_err()
}

#[tokio::test]
async fn who_asks_and_never_reads_is_cut_off_and_a_slow_reader_is_not() {
    let server = Server::start(&["--header-timeout", "3"]).await;
    let mut deaf = server.say(&LARGE.repeat(TIMES)).await;
    let mut slow = server.say(&LARGE.repeat(TIMES)).await;
    let mut all = Vec::new();
    for _ in 0..8 {
        // Each is far shorter than the patience, all of them are longer.
        sleep(Duration::from_millis(600)).await;
        let mut some = vec![0; 4 << 20];
        let read = slow.read_exact(&mut some).await.expect("some of it");
        all.extend_from_slice(&some[..read]);
    }
    all.extend(rest(&mut slow).await);
    let whole = all.len() / TIMES;
    let answers = all.windows(13).filter(|part| part == b"HTTP/1.1 200 ").count();
    assert_eq!(answers, TIMES, "{} bytes", all.len());
    server.expect_open(0.0).await;
    let got = rest(&mut deaf).await.len();
    assert!(got < whole * (TIMES - 1), "{got} of {whole} bytes, {TIMES} times");
}

#[tokio::test]
async fn a_live_stream_may_be_silent_for_longer_than_a_write_may_wait() {
    let server = Server::start(&["--header-timeout", "1"]).await;
    let tenant = Tenant::make(&server.database.store().await, "go.example.com", START).await;
    let mut socket = Socket::open(server.address, json!({"X-Api-Key": tenant.key})).await;
    let body = json!({"query": "subscription { clicks { __typename } }"}).to_string();
    let mut events = server
        .say(&format!(
            "POST /graphql HTTP/1.1\r\nHost: a\r\nX-Api-Key: {}\r\nAccept: text/event-stream\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            tenant.key,
            body.len()
        ))
        .await;
    let mut head = [0; 13];
    timeout(SOON, events.read_exact(&mut head))
        .await
        .expect("in time")
        .expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 200 ");
    // What is left of the head.
    while !is_silent(&mut events, 500).await {}
    assert!(
        is_silent(&mut events, 2500).await,
        "it is closed, or something happened"
    );
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await["type"], "pong");
    // Both are open, the one that became a WebSocket too, until they are not.
    server.expect_open(2.0).await;
    drop(socket);
    server.expect_open(1.0).await;
    drop(events);
    server.expect_open(0.0).await;
}

#[tokio::test]
async fn who_comes_while_all_connections_are_at_work_waits_for_one_to_end() {
    let server = Server::start(&["--connections", "2", "--request-timeout", "60"]).await;
    let busy = [server.say(HALF_ASKED).await, server.say(HALF_ASKED).await];
    server.expect_open(2.0).await;
    let most = server.metrics().await.get("linkhop_http_connections_max");
    assert!((most - 2.0).abs() < f64::EPSILON, "{most}");
    let mut late = server.say(HEALTH).await;
    assert!(is_silent(&mut late, LET_BE).await, "it is answered, or refused");
    drop(busy);
    expect_healthy(&mut late).await;
}

#[tokio::test]
async fn idle_connections_make_room_for_new_ones_and_those_at_work_are_let_be() {
    let server = Server::start(&["--connections", "3", "--request-timeout", "60"]).await;
    let mut busy = server.say(HALF_ASKED).await;
    let mut idle = server.say(HEALTH).await;
    expect_healthy(&mut idle).await;
    let mut silent = server.connect().await;
    server.expect_open(3.0).await;
    // None of them is closed by its client.
    let mut others = Vec::new();
    for _ in 0..10 {
        let mut other = server.say(HEALTH).await;
        expect_healthy(&mut other).await;
        others.push(other);
    }
    for ended in [&mut idle, &mut silent] {
        assert_eq!(rest(ended).await, b"");
    }
    // It is asked to end too, and is answered before it does.
    assert!(is_silent(&mut busy, LET_BE).await, "it is closed");
    busy.write_all(OTHER_HALF.as_bytes()).await.expect("it is sent");
    let answer = String::from_utf8(rest(&mut busy).await).expect("UTF-8");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn who_has_just_come_in_is_answered_however_many_wait_for_the_place() {
    let server = Server::start(&["--connections", "2"]).await;
    let _half = server.say("GET /healthz HTTP/1.1\r\n").await;
    server.expect_open(1.0).await;
    let mut visitors = JoinSet::new();
    for number in 0_u64..100 {
        let address = server.address;
        visitors.spawn(async move {
            // The first come at once, the others one after another.
            sleep(Duration::from_millis(number.saturating_sub(50) * 20)).await;
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            // Some speak as soon as they may, others take a moment.
            sleep(Duration::from_millis(number % 3 * 20)).await;
            stream.write_all(HEALTH.as_bytes()).await.expect("it is sent");
            // Which the server has to close: nobody goes by themselves.
            (expect_healthy(&mut stream).await, stream)
        });
    }
    let answers = visitors.join_all().await;
    let says_last = |answer: &str| answer.to_lowercase().contains("connection: close");
    // Who takes a moment while others wait is told that it is the last answer.
    assert!(answers.iter().any(|(answer, _)| says_last(answer)));
}

#[tokio::test]
async fn one_byte_keeps_no_place_for_long() {
    let server = Server::start(&["--connections", "2"]).await;
    let mut begun = [server.say("G").await, server.say("G").await];
    server.expect_open(2.0).await;
    expect_healthy(&mut server.say(HEALTH).await).await;
    for ended in &mut begun {
        assert_eq!(rest(ended).await, b"");
    }
}

#[tokio::test]
async fn what_is_refused_before_its_route_is_looked_for_is_counted() {
    let server = Server::start(&[]).await;
    let request =
        |line: &str, headers: &str| format!("{line}\r\nHost: a\r\n{headers}Connection: close\r\n\r\n");
    let many: Vec<_> = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect();
    let many = many.concat();
    let get = "GET /healthz HTTP/1.1";
    for text in [
        request(get, &format!("X-Long: {}\r\n", "x".repeat(40_000))),
        request(get, &many),
        request(&format!("GET /{} HTTP/1.1", "x".repeat(70_000)), ""),
        "nothing that is HTTP\r\n\r\n".to_owned(),
        request(get, ""),
    ] {
        let answer = rest(&mut server.say(&text).await).await;
        assert!(answer.starts_with(b"HTTP/1.1 "), "{text:.40}");
    }
    server.expect_open(0.0).await;
    let page = server.metrics().await;
    for (route, status, count) in [
        ("none", 431, 2.0),
        ("none", 414, 1.0),
        ("none", 400, 1.0),
        ("/healthz", 200, 1.0),
    ] {
        let series = format!("linkhop_http_requests_total{{route=\"{route}\",status=\"{status}\"}}");
        assert!(
            (page.get(&series) - count).abs() < f64::EPSILON,
            "{series}: {}",
            page.get(&series)
        );
    }
}

#[tokio::test]
async fn who_says_nothing_to_the_listener_for_metrics_is_cut_off_too() {
    let server = Server::start(&["--header-timeout", "1"]).await;
    for begun in ["", "GET /metrics HT"] {
        let mut stream = TcpStream::connect(server.metrics).await.expect("a connection");
        stream.write_all(begun.as_bytes()).await.expect("it is sent");
        rest(&mut stream).await;
    }
}
