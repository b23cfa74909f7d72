//! What was answered is stored, however the server ends.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use entity::{ShortLinkId, audit_entry, click, idempotency_key, short_link};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc::{self, UnboundedSender},
    task::JoinSet,
};

use super::{client::Client, process::Program};
use crate::support::{Database, START, Tenant, items};

/// How many ask at the same time: at most so many requests are on their way when the server ends.
const CLIENTS: usize = 8;

/// How many answers a server gives before it is ended.
const ANSWERS: usize = 300;

const HOST: &str = "go.example.com";

/// A link that a client was answered.
struct Made {
    answer: Value,
    /// How many redirects from it were answered.
    clicks: usize,
}

impl Made {
    fn text(&self, field: &str) -> &str {
        self.answer[field].as_str().expect("a text")
    }
}

/// All that the database holds more than was answered.
#[derive(Debug, PartialEq, Eq)]
struct Unanswered {
    links: usize,
    clicks: usize,
}

/// Makes links and clicks each twice, until the server answers no more.
async fn work(client: Client, name: String, answered: UnboundedSender<()>) -> Vec<Made> {
    let mut all = Vec::new();
    let tell = || answered.send(()).expect("somebody counts");
    loop {
        let url = format!("https://example.com/{name}/{}", all.len());
        let Ok(answer) = client.create(json!({"url": url, "listId": 42})).await else {
            return all;
        };
        tell();
        assert_eq!(answer["destinationUrl"], url);
        all.push(Made { answer, clicks: 0 });
        for _ in 0..2 {
            let made = all.last_mut().expect("the link just made");
            let Ok(location) = client.visit(HOST, made.text("linkId")).await else {
                return all;
            };
            tell();
            assert_eq!(location, url);
            made.clicks += 1;
        }
    }
}

/// A database with a tenant, and all that was ever answered over it.
struct Record {
    database: Database,
    tenant: Tenant,
    made: Vec<Made>,
}

impl Record {
    async fn new() -> Self {
        let database = Database::migrated().await;
        let tenant = Tenant::make(&database.store().await, HOST, START).await;
        Self {
            database,
            tenant,
            made: Vec::new(),
        }
    }

    /// Starts a server, lets clients load it, ends it after so many answers and notes all that were given.
    async fn load_until(&mut self, end: impl AsyncFnOnce(Program)) {
        let (program, url) = Program::serve(&self.database);
        let (answered, mut answers) = mpsc::unbounded_channel();
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let client = Client::new(&url, &self.tenant.key);
            let name = format!("{}-{number}", self.made.len());
            clients.spawn(work(client, name, answered.clone()));
        }
        // With the last sender the channel closes: clients that fail are seen and not waited for.
        drop(answered);
        for _ in 0..ANSWERS {
            assert!(answers.recv().await.is_some(), "every client stopped");
        }
        end(program).await;
        // Each client stops at its first request without an answer.
        while let Some(done) = clients.join_next().await {
            self.made.extend(done.expect("a client without complaint"));
        }
    }

    /// Expects that a new server knows every link that was answered, and that every answered click is stored.
    async fn expect_all_stored(&self) -> Unanswered {
        let (_program, url) = Program::serve(&self.database);
        let client = Client::new(&url, &self.tenant.key);
        let query = "query($url: String!) { shortLink(by: {shortUrl: $url}) { id destinationUrl } }";
        let clicks = self.stored_clicks().await;
        for made in &self.made {
            let short_url = made.text("shortUrl");
            let found = client.graphql(query, json!({"url": short_url})).await;
            let link = found.expect("an answer")["shortLink"].take();
            assert_eq!(
                link["destinationUrl"], made.answer["destinationUrl"],
                "{short_url}"
            );
            let id: ShortLinkId = link["id"].as_str().expect("an id").parse().expect("an id");
            let stored = clicks.get(&id).copied().unwrap_or_default();
            assert!(stored >= made.clicks, "{short_url}: {stored} of {}", made.clicks);
        }
        let answered: usize = self.made.iter().map(|made| made.clicks).sum();
        let store = self.database.store().await;
        let links = short_link::Entity::find().all(&store.read).await;
        Unanswered {
            links: links.expect("links").len() - self.made.len(),
            clicks: clicks.values().sum::<usize>() - answered,
        }
    }

    async fn stored_clicks(&self) -> HashMap<ShortLinkId, usize> {
        let store = self.database.store().await;
        let mut count = HashMap::new();
        let mut seen = HashSet::new();
        for click in click::Entity::find().all(&store.read).await.expect("clicks") {
            // One that waited for the database for too long is there twice: from the spool too. It counts once.
            if seen.insert(click.id) {
                *count.entry(click.short_link_id).or_default() += 1;
            }
        }
        count
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_nothing_that_it_answered() {
    let mut record = Record::new().await;
    for round in 1..=3 {
        record.load_until(async |program| program.kill()).await;
        let unanswered = record.expect_all_stored().await;
        let in_flight = unanswered.links + unanswered.clicks;
        assert!(in_flight <= round * CLIENTS, "round {round}: {unanswered:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_answers_what_it_has_begun() {
    let mut record = Record::new().await;
    let stop = async |program: Program| {
        program.terminate();
        let ended = program.end_within(Duration::from_secs(15)).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.stderr.contains("cut off"), "{ended:?}");
        // How it went is the last that the log is told.
        assert!(
            ended.stderr.contains("storing clicks has ended lost=0"),
            "{ended:?}"
        );
    };
    record.load_until(stop).await;
    let unanswered = record.expect_all_stored().await;
    assert_eq!(unanswered, Unanswered { links: 0, clicks: 0 });
}

#[tokio::test]
async fn a_request_that_had_begun_when_the_server_was_told_to_stop_is_answered() {
    let database = Database::migrated().await;
    let (program, url) = Program::serve(&database);
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let body = json!({"query": "{ __typename }"}).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    // The server asks for the body once it has begun to read it.
    let go_on = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut asked = vec![0; go_on.len()];
    stream.read_exact(&mut asked).await.expect("an answer");
    assert_eq!(asked, go_on);
    program.terminate();
    // It takes no connection from when it stops, and has the time in which another server takes its place.
    while TcpStream::connect(address).await.is_ok() {}
    let _next = Program::serve(&database);
    stream.write_all(body.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let ended = program.end_within(Duration::from_secs(15)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// Makes a thousand links by one call, and answers their ids and how many were made before.
async fn make_a_thousand(client: &Client, key: usize) -> reqwest::Result<(Vec<Value>, usize)> {
    let query = "mutation($input: CreateShortLinksInput!) { createShortLinks(input: $input) {
        ... on CreateShortLinksSuccess { results { ... on CreateShortLinkSuccess { replayed shortLink { id } } } } } }";
    let defaults = json!({"url": format!("https://example.com/{key}"), "listId": 42});
    let input =
        json!({"defaults": defaults, "items": vec![json!({}); 1000], "idempotencyKey": key.to_string()});
    let answer = client.graphql(query, json!({"input": input})).await?;
    let results: Vec<_> = items(&answer["createShortLinks"]["results"]).collect();
    let ids = results.iter().map(|result| result["shortLink"]["id"].clone());
    let replayed = results.iter().filter(|result| result["replayed"] == true);
    Ok((ids.collect(), replayed.count()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_for_many_links_that_a_kill_cut_short_is_finished_by_the_same_call() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let tenant = Tenant::make(&store, HOST, START).await;
    let links = async || {
        short_link::Entity::find()
            .count(&store.read)
            .await
            .expect("a count")
    };
    let (program, url) = Program::serve(&database);
    let mut calls = JoinSet::new();
    for key in 0..5 {
        let client = Client::new(&url, &tenant.key);
        calls.spawn(async move { make_a_thousand(&client, key).await });
    }
    while links().await == 0 {}
    program.kill();
    let answered = calls.join_all().await.into_iter().flatten().count();
    let before = links().await;
    assert!(answered < 5 && before < 5000, "the kill came too late: {before}");
    let keys = idempotency_key::Entity::find().count(&store.read).await;
    assert_eq!(keys.expect("a count"), before);
    let told = async || {
        let of_links = audit_entry::Column::Action.eq(audit_entry::Action::ShortLinksCreated);
        let entries = audit_entry::Entity::find()
            .filter(of_links)
            .all(&store.read)
            .await;
        let affected = entries.expect("entries").into_iter().map(|entry| entry.affected);
        affected.sum::<i32>()
    };
    assert_eq!(u64::try_from(told().await), Ok(before));

    let (_program, url) = Program::serve(&database);
    let client = Client::new(&url, &tenant.key);
    let mut found = 0;
    for key in 0..5 {
        let (ids, replayed) = make_a_thousand(&client, key).await.expect("an answer");
        found += replayed;
        assert_eq!(ids.len(), 1000);
        assert_eq!(
            make_a_thousand(&client, key).await.expect("an answer"),
            (ids, 1000)
        );
    }
    assert_eq!(u64::try_from(found), Ok(before));
    assert_eq!((links().await, told().await), (5000, 5000));
}
