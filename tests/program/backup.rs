//! A copy of the database beside a running server, and a server over that copy.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnectionTrait as _, SqliteTransactionMode, TransactionOptions, TransactionTrait as _};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc::{self, UnboundedSender},
    task::JoinSet,
    time::timeout,
};

use super::{
    client::Client,
    process::{Ended, Program, run},
};
use crate::support::{Database, START, Tenant, text};

const HOST: &str = "go.example.com";

/// How many load the server at the same time.
const CLIENTS: usize = 6;

/// How many answers it gives before the backup begins.
const ANSWERS: usize = 300;

/// All that is told of what there is.
const EVERYTHING: &str = "{
    viewer { account { id name } }
    shortLinks(first: 100) { totalCount nodes {
        id shortUrl destinationUrl metadata status stats { clicks humanClicks botClicks uniqueClicks } } }
    clickReport(groupBy: [{dimension: SHORT_LINK}], first: 100) {
        total { clicks humanClicks botClicks uniqueClicks } rows { keys { value } counts { clicks uniqueClicks } } }
    sendingLists(first: 10) { nodes { listId phoneNumber } } domains(first: 10) { nodes { host } }
    auditLog(first: 100) { nodes { id action subjectId } }
}";

/// A database in a file, a folder for copies, and an account.
struct Original {
    database: Database,
    tenant: Tenant,
    copies: tempfile::TempDir,
}

impl Original {
    /// `None` where the tests' databases are no files.
    async fn new() -> Option<Self> {
        let database = Database::migrated().await;
        if !database.url.starts_with("sqlite:") {
            return None;
        }
        Some(Self {
            tenant: Tenant::make(&database.store().await, HOST, START).await,
            copies: tempfile::tempdir().expect("a folder"),
            database,
        })
    }

    fn copy(&self, name: &str) -> PathBuf {
        self.copies.path().join(name)
    }

    /// Runs the command.
    fn back_up(&self, to: &Path) -> Ended {
        let spool = self.database.spool();
        let variables = [
            ("LINKHOP_DATABASE_URL", self.database.url.as_str()),
            ("LINKHOP_SPOOL", spool.to_str().expect("UTF-8")),
        ];
        run(
            ["backup", "--json", "--to", to.to_str().expect("UTF-8")],
            variables,
        )
    }

    /// The names of what lies beside copies.
    fn written(&self) -> Vec<String> {
        let entries = fs::read_dir(self.copies.path()).expect("a folder");
        let names = entries.map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        });
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

/// A server over a copy as it lies there, with nothing but its name.
fn serve(copy: &Path) -> (Program, String) {
    let url = format!("sqlite://{}", copy.display());
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--database-url", &url];
    let mut program = Program::start(arguments, []);
    let line = program.line();
    let address = line.strip_prefix("Linkhop listens on ").expect("an address");
    (program, address.to_owned())
}

fn said(ended: Ended) -> Value {
    serde_json::from_str(&ended.printed()).expect("JSON")
}

/// What a client was answered.
enum Answered {
    Link(String),
    Click(String),
}

/// Makes links and clicks each twice, until it is told to stop.
async fn work(client: Client, stop: Arc<AtomicBool>, answered: UnboundedSender<Answered>) {
    while !stop.load(Ordering::Relaxed) {
        let made = client
            .create(json!({"url": "https://example.com/", "listId": 42}))
            .await;
        let made = made.expect("an answer");
        let code = text(&made["linkId"]);
        answered
            .send(Answered::Link(text(&made["shortUrl"]).to_owned()))
            .expect("somebody notes it");
        for _ in 0..2 {
            client.visit(HOST, code).await.expect("an answer");
            answered
                .send(Answered::Click(text(&made["shortUrl"]).to_owned()))
                .expect("somebody notes it");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_made_under_writes_has_all_that_was_answered_before_it_began() {
    let Some(original) = Original::new().await else {
        return;
    };
    let (_program, url) = Program::serve(&original.database);
    let client = Client::new(&url, &original.tenant.key);
    let stop = Arc::new(AtomicBool::new(false));
    let (answered, mut answers) = mpsc::unbounded_channel();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(work(client.clone(), Arc::clone(&stop), answered.clone()));
    }
    drop(answered);
    let mut clicks: HashMap<String, i64> = HashMap::new();
    for _ in 0..ANSWERS {
        match answers.recv().await.expect("clients work") {
            Answered::Link(url) => clicks.insert(url, 0),
            Answered::Click(url) => clicks.insert(url.clone(), clicks[&url] + 1),
        };
    }
    let copy = original.copy("linkhop.db");
    let (original, ended) = {
        let copy = copy.clone();
        let backing_up = tokio::task::spawn_blocking(move || {
            let ended = original.back_up(&copy);
            (original, ended)
        });
        backing_up.await.expect("an end")
    };
    // They have gone on all the while.
    let during = answers.len();
    stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    assert!(during > 0, "nobody wrote while the copy was made");

    let said = said(ended);
    let (restored, address) = serve(&copy);
    let of_copy = Client::new(&address, &original.tenant.key);
    let query = "query($url: String!) { shortLink(by: {shortUrl: $url}) { stats { clicks } } }";
    for (url, answered) in &clicks {
        let found = of_copy
            .graphql(query, json!({"url": url}))
            .await
            .expect("an answer");
        let kept = found["shortLink"]["stats"]["clicks"].as_i64();
        assert!(
            kept.is_some_and(|kept| kept >= *answered),
            "{url}: {kept:?} of {answered}"
        );
    }
    // What it answers fits together.
    let query = "{ shortLinks(first: 1) { totalCount } clickReport { total { clicks } } }";
    let all = of_copy.graphql(query, json!({})).await.expect("an answer");
    assert_eq!(all["shortLinks"]["totalCount"], said["links"], "{said}");
    let total = all["clickReport"]["total"]["clicks"].as_i64().expect("a number");
    let rows = said["clicks"].as_i64().expect("a number");
    // One that waited too long is there twice, and counts once.
    assert!(total <= rows && total >= clicks.values().sum(), "{all} {said}");
    // It goes on by itself.
    let made = of_copy
        .create(json!({"url": "https://example.com/on", "listId": 42}))
        .await;
    let made = made.expect("an answer");
    of_copy
        .visit(HOST, text(&made["linkId"]))
        .await
        .expect("an answer");
    restored.terminate();
    assert_eq!(restored.end().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_over_a_copy_answers_what_the_original_does() {
    let Some(original) = Original::new().await else {
        return;
    };
    // However busy the machine is, no click goes to the spool.
    let (_program, url) = Program::serve_with(&original.database, &["--click-wait", "20000"]);
    let client = Client::new(&url, &original.tenant.key);
    for number in 0..20 {
        let input =
            json!({"url": format!("https://example.com/{number}"), "listId": 42, "metadata": {"n": number}});
        let made = client.create(input).await.expect("an answer");
        for _ in 0..number % 4 {
            client
                .visit(HOST, text(&made["linkId"]))
                .await
                .expect("an answer");
        }
    }
    let copy = original.copy("a copy?of#100%.db");
    let said = said(original.back_up(&copy));
    let expected = json!({
        "file": copy.to_str(), "bytes": fs::metadata(&copy).expect("a file").len(),
        "accounts": 1, "links": 20, "clicks": 30, "spool": null, "spoolFiles": 0,
    });
    assert_eq!(said, expected);
    // It is one file, and nobody else's to read.
    assert_eq!(original.written(), ["a copy?of#100%.db"]);
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&copy).expect("a file"));
        assert_eq!(mode & 0o777, 0o600);
    }
    let plain = original.copy("plain.db");
    fs::copy(&copy, &plain).expect("a copy of the copy");
    let (_restored, address) = serve(&plain);
    let of_copy = Client::new(&address, &original.tenant.key);
    let ask = async |client: &Client| client.graphql(EVERYTHING, json!({})).await.expect("an answer");
    let answer = ask(&of_copy).await;
    assert_eq!(answer, ask(&client).await);
    assert_eq!(answer["clickReport"]["total"]["clicks"], 30, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_in_the_spool_are_kept_beside_the_copy_and_stored_by_the_server_that_starts_there() {
    let Some(original) = Original::new().await else {
        return;
    };
    let (_program, url) = Program::serve(&original.database);
    let client = Client::new(&url, &original.tenant.key);
    let made = client
        .create(json!({"url": "https://example.com/", "listId": 42}))
        .await;
    let made = made.expect("an answer");
    let store = original.database.store().await;
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let held = store
        .write
        .begin_with_options(options)
        .await
        .expect("a transaction");
    for _ in 0..3 {
        client
            .visit(HOST, text(&made["linkId"]))
            .await
            .expect("an answer");
    }
    let copy = original.copy("linkhop.db");
    let said = said(original.back_up(&copy));
    held.rollback().await.expect("let go");
    let spool = original.copy("linkhop.db-spool");
    assert_eq!(said["clicks"], 0, "{said}");
    assert_eq!(said["spool"], spool.to_str().expect("UTF-8"));
    assert_eq!(original.written(), ["linkhop.db", "linkhop.db-spool"]);
    // Another of that name would be found by the same server.
    fs::remove_file(&copy).expect("removed");
    let again = original.back_up(&copy);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(
        again.stderr.contains("linkhop.db-spool is there already"),
        "{again:?}"
    );
    fs::remove_dir_all(&spool).expect("removed");

    let held = store
        .write
        .begin_with_options(options)
        .await
        .expect("a transaction");
    client
        .visit(HOST, text(&made["linkId"]))
        .await
        .expect("an answer");
    self::said(original.back_up(&copy));
    held.rollback().await.expect("let go");
    let (_restored, address) = serve(&copy);
    let of_copy = Client::new(&address, &original.tenant.key);
    let query = "query($url: String!) { shortLink(by: {shortUrl: $url}) { stats { clicks } } }";
    let stored = async {
        let mut kept = Value::Null;
        while kept != 4 {
            let found = of_copy.graphql(query, json!({"url": made["shortUrl"]})).await;
            kept = found.expect("an answer")["shortLink"]["stats"]["clicks"].take();
        }
    };
    timeout(Duration::from_mins(1), stored)
        .await
        .expect("all four clicks");
}

#[tokio::test]
async fn a_copy_takes_nobody_s_place_and_what_was_begun_is_removed() {
    let Some(original) = Original::new().await else {
        return;
    };
    let copy = original.copy("linkhop.db");
    fs::write(&copy, "somebody's").expect("a file");
    let refused = |ended: &Ended, why: &str| {
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.stderr.contains(why), "{ended:?}");
    };
    refused(&original.back_up(&copy), "linkhop.db is there already");
    assert_eq!(fs::read_to_string(&copy).expect("a file"), "somebody's");
    refused(&original.back_up(&original.copy("no/linkhop.db")), "can't write");
    // An index that says other than its table.
    let store = original.database.store().await;
    for statement in [
        "CREATE INDEX broken ON account (name)",
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX broken ON account (status)' WHERE name = 'broken'",
    ] {
        store.write.execute_unprepared(statement).await.expect("done");
    }
    refused(&original.back_up(&original.copy("damaged.db")), "damaged: ");
    assert_eq!(original.written(), ["linkhop.db"]);
    let nowhere = run(
        [
            "backup",
            "--to",
            "linkhop-copy.db",
            "--database-url",
            "sqlite:///nowhere/linkhop.db",
        ],
        [],
    );
    refused(&nowhere, "is the SQLite file there?");
}

#[tokio::test]
async fn an_operator_of_postgresql_is_told_of_its_own_tools() {
    let database = Database::migrated().await;
    let url = if database.url.starts_with("sqlite:") {
        // Nobody listens there, and nobody is asked.
        "postgres://linkhop:s3cret@127.0.0.1:1/linkhop"
    } else {
        &database.url
    };
    let ended = run(["backup", "--to", "linkhop-copy.db", "--database-url", url], []);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.stderr.contains("pg_dump"), "{ended:?}");
    assert!(!ended.stderr.contains("s3cret"), "{ended:?}");
    assert!(!Path::new("linkhop-copy.db").exists());
}
