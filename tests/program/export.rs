//! `linkhop links export` and `linkhop clicks export`: what an account has, as files.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use entity::{ClickId, ShortLinkId, Timestamp, click, short_link};
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};
use serde_json::{Value, json};

use super::{
    client::Client,
    process::{Ended, Program, run},
};
use crate::support::{Database, START, Tenant, a_click};

const BROWSER: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 \
    Mobile Safari/537.36";

/// A served database with an account, and a folder for files.
pub(super) struct Place {
    pub(super) database: Database,
    pub(super) tenant: Tenant,
    client: Client,
    _server: Program,
    folder: tempfile::TempDir,
}

impl Place {
    pub(super) async fn start() -> Self {
        let database = Database::migrated().await;
        let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
        let (server, url) = Program::serve(&database);
        let client = Client::new(&url, &tenant.key);
        Self {
            database,
            tenant,
            client,
            _server: server,
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    pub(super) async fn link(&self, code: &str, mut fields: Value) -> Value {
        fields["code"] = json!(code);
        if fields.get("offerId").is_none() {
            fields["url"] = json!("https://example.com/?u={{query.utm}}");
        }
        if fields.get("listId").is_none() {
            fields["listId"] = json!(42);
        }
        self.client.create(fields).await.expect("a link")
    }

    pub(super) async fn stored(&self, code: &str) -> short_link::Model {
        let link = short_link::Entity::find().filter(short_link::Column::Code.eq(code));
        let link = link.one(&self.database.store().await.read).await;
        link.expect("an answer").expect("a link")
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command on the account.
    pub(super) fn run(&self, words: [&str; 2], more: &[&str]) -> Ended {
        let account = self.tenant.account.id.to_string();
        let arguments = [words.as_slice(), &["--account", &account], more].concat();
        run(arguments, [("LINKHOP_DATABASE_URL", self.database.url.as_str())])
    }

    fn import(&self, file: &str) -> Value {
        let printed = self
            .run(["clicks", "import"], &["--json", "--file", file])
            .printed();
        serde_json::from_str(&printed).expect("JSON")
    }

    /// All that the server counts, in all the ways in which a campaign is looked at.
    async fn figures(&self) -> Value {
        let query = "{
            shortLinks(orderBy: OLDEST_FIRST) { nodes { linkId
                stats { clicks humanClicks botClicks uniqueClicks firstClickedAt lastClickedAt }
                clicks { nodes { id clickedAt method isBot botReason botKind isUnique userAgent country referrer } } } }
            byCountry: clickReport(groupBy: [{dimension: COUNTRY}, {dimension: DEVICE}]) { rows { keys { value }
                counts { clicks humanClicks botClicks uniqueClicks } } }
            bySub: clickReport(groupBy: [{dimension: SUB1}, {dimension: SOURCE}]) { rows { keys { value }
                counts { clicks humanClicks botClicks uniqueClicks } } }
            byReason: clickReport(groupBy: [{dimension: BOT_REASON}, {dimension: BOT_KIND}]) { rows { keys { value }
                counts { clicks humanClicks botClicks uniqueClicks } } }
        }";
        self.client.graphql(query, json!({})).await.expect("figures")
    }
}

/// The lines of NDJSON.
pub(super) fn objects(text: &str) -> Vec<Value> {
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object"));
    lines.collect()
}

/// The rows of CSV below the names, each as an object of texts.
fn records(text: &str) -> Vec<Value> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().expect("names").clone();
    let rows = reader.records().map(|row| {
        let row = row.expect("a row");
        let cells = names
            .iter()
            .zip(&row)
            .map(|(name, cell)| (name.to_owned(), json!(cell)));
        Value::Object(cells.collect())
    });
    rows.collect()
}

/// Whether a text of CSV says the same as some objects, in their order.
pub(super) fn expect_same(text: &str, objects: &[Value]) {
    let rows = records(text);
    assert_eq!(rows.len(), objects.len());
    for (row, object) in rows.iter().zip(objects) {
        for (name, cell) in row.as_object().expect("a row") {
            let expected = match &object[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(cell.as_str(), Some(expected.as_str()), "{name}");
        }
    }
}

#[tokio::test]
async fn links_are_written_with_all_that_they_were_made_with_and_their_figures() {
    let place = Place::start().await;
    let store = place.database.store().await;
    let offer = place
        .tenant
        .offer(&store, None, "https://offer.example/?p={{contact.phone}}")
        .await;
    let fields = json!({
        "offerId": offer.id.to_string(), "contactPhone": "+12025550143", "metadata": {"campaign": "spring, \"early\"", "n": 1},
        "filterBots": true, "expiresAt": "2099-01-01T00:00:00Z", "maxClicks": 9, "fallbackUrl": "https://example.com/late",
    });
    place.link("full", fields).await;
    place.link("plain", json!({})).await;
    let clicks = [("full", BROWSER), ("full", "curl/8.5.0"), ("plain", BROWSER)].map(|(code, agent)| {
        let url = format!("https://go.example.com/{code}");
        json!({"shortUrl": url, "clickedAt": "2025-11-16T21:00:00Z", "userAgent": agent, "ip": "203.0.113.7"})
            .to_string()
    });
    let file = place.file("history.ndjson");
    fs::write(&file, clicks.join("\n")).expect("a file");
    assert_eq!(place.import(file.to_str().expect("UTF-8"))["imported"], 3);
    fs::remove_file(&file).expect("removed");
    let printed = place.run(["links", "export"], &[]).printed();
    let links = objects(&printed);
    let (full, plain) = (place.stored("full").await, place.stored("plain").await);
    let made_at = |link: &short_link::Model| {
        json!(
            link.created_at
                .utc()
                .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
        )
    };
    assert_eq!(
        links,
        [
            json!({
                "shortUrl": "https://go.example.com/full", "shortLinkId": full.id.to_string(),
                "url": "https://offer.example/?p=%2B12025550143", "offerId": offer.id.to_string(), "listId": 42,
                "contactPhone": "+12025550143", "code": "full", "filterBots": true, "expiresAt": "2099-01-01T00:00:00.000Z",
                "maxClicks": 9, "fallbackUrl": "https://example.com/late",
                "metadata": {"campaign": "spring, \"early\"", "n": 1}, "status": "ACTIVE", "createdAt": made_at(&full),
                "clicks": 2, "humanClicks": 1, "uniqueClicks": 1,
            }),
            json!({
                "shortUrl": "https://go.example.com/plain", "shortLinkId": plain.id.to_string(),
                "url": plain.destination, "listId": 42, "code": "plain", "filterBots": false, "metadata": {},
                "status": "ACTIVE", "createdAt": made_at(&plain), "clicks": 1, "humanClicks": 1, "uniqueClicks": 1,
            }),
        ]
    );
    // The same as CSV, in a file that is there once it is whole.
    let file = place.file("links.csv");
    let path = file.to_str().expect("UTF-8");
    assert_eq!(place.run(["links", "export"], &["--output", path]).printed(), "");
    let text = fs::read_to_string(&file).expect("a file");
    assert!(
        text.starts_with("shortUrl,shortLinkId,url,offerId,listId,contactPhone,code,"),
        "{text}"
    );
    expect_same(&text, &links);
    let left: Vec<_> = fs::read_dir(place.folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test]
async fn links_are_narrowed_down_and_another_account_s_are_never_among_them() {
    let place = Place::start().await;
    let store = place.database.store().await;
    let offer = place.tenant.offer(&store, None, "https://offer.example/").await;
    place
        .tenant
        .more_list(&store, 43, "+18005551235", Some(place.tenant.domain.id))
        .await;
    let other = Tenant::make(&store, "go.other.example", START).await;
    for (code, fields) in [
        ("one", json!({})),
        ("two", json!({"listId": 43})),
        ("three", json!({"offerId": offer.id.to_string()})),
        ("four", json!({})),
    ] {
        place.link(code, fields).await;
    }
    let mut four = place.stored("four").await.into_active_model();
    four.status = sea_orm::ActiveValue::Set(short_link::Status::Archived);
    sea_orm::ActiveModelTrait::update(four, &store.write)
        .await
        .expect("archived");
    let offer = offer.id.to_string();
    for (more, expected) in [
        ([].as_slice(), ["one", "two", "three"].as_slice()),
        (&["--list-id", "43"], &["two"]),
        (&["--offer", &offer], &["three"]),
        (
            &["--domain", "GO.example.com", "--list-id", "42"],
            &["one", "three"],
        ),
        (&["--status", "archived"], &["four"]),
        (
            &["--status", "archived", "--status", "active", "--list-id", "42"],
            &["one", "three", "four"],
        ),
        (&["--created-from", "2099-01-01T00:00:00Z"], &[]),
        (
            &["--created-to", "2099-01-01T00:00:00+01:00", "--list-id", "43"],
            &["two"],
        ),
    ] {
        let printed = place.run(["links", "export"], more).printed();
        let codes: Vec<_> = objects(&printed)
            .iter()
            .map(|link| link["code"].clone())
            .collect();
        assert_eq!(codes, expected, "{more:?}");
    }
    let domain = other.domain.host.as_str();
    for (more, message) in [
        (
            ["--list-id", "44"],
            "--list-id: the account has no list with the number 44",
        ),
        (
            ["--offer", "offer_00000000000070008000000000000000"],
            "--offer: the account has no offer with the id offer_00000000000070008000000000000000",
        ),
        (
            ["--domain", domain],
            "--domain: the account has no domain with the host go.other.example",
        ),
    ] {
        for command in [["links", "export"], ["clicks", "export"]] {
            let ended = place.run(command, &more);
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{more:?}");
            assert!(ended.stderr.contains(message), "{}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn clicks_that_are_exported_and_brought_along_elsewhere_give_the_same_figures() {
    let (from, to) = (Place::start().await, Place::start().await);
    for place in [&from, &to] {
        place.link("one", json!({})).await;
        place.link("two", json!({})).await;
    }
    let line = |code: &str, second: u32, more: Value| {
        let mut line = json!({
            "shortUrl": format!("https://go.example.com/{code}"),
            "clickedAt": format!("2025-11-16T21:00:{second:02}.250Z"),
        });
        for (name, value) in more.as_object().expect("fields") {
            line[name] = value.clone();
        }
        line.to_string()
    };
    let history = [
        line(
            "one",
            0,
            json!({"userAgent": BROWSER, "ip": "203.0.113.7", "country": "US", "sub1": "a b", "sub2": "",
            "source": "ä", "query": "utm=x%26y&other=1", "referrer": "https://news.example.com/a", "language": "de-ch"}),
        ),
        // The same visitor again, and another one of that network.
        line(
            "one",
            1,
            json!({"userAgent": BROWSER, "ip": "203.0.113.7", "country": "US"}),
        ),
        line("one", 2, json!({"userAgent": BROWSER, "ip": "203.0.113.8"})),
        line(
            "two",
            3,
            json!({"userAgent": BROWSER, "ip": "2001:db8:1:2::3", "method": "POST"}),
        ),
        line("two", 4, json!({"userAgent": "curl/8.5.0", "ip": "203.0.113.7"})),
        line(
            "two",
            5,
            json!({"userAgent": BROWSER, "method": "HEAD", "isPrefetch": true}),
        ),
        line(
            "two",
            6,
            json!({"isBot": true, "botReason": "BURST", "botKind": "SCANNER", "userAgent": "a, \"b\"\t=1"}),
        ),
        line("two", 7, json!({"userAgent": "curl/8.5.0", "isBot": false})),
        line("two", 8, json!({})),
    ];
    let file = from.file("history.ndjson");
    fs::write(&file, history.join("\n")).expect("a file");
    assert_eq!(from.import(file.to_str().expect("UTF-8"))["imported"], 9);
    let expected = from.figures().await;
    for name in ["clicks.ndjson", "clicks.csv"] {
        let file = from.file(name);
        let file = file.to_str().expect("UTF-8");
        assert_eq!(from.run(["clicks", "export"], &["--output", file]).printed(), "");
    }
    let ndjson = fs::read_to_string(from.file("clicks.ndjson")).expect("a file");
    assert!(
        !ndjson.contains("203.0.113.7"),
        "an address is not kept: {ndjson}"
    );
    let csv = fs::read_to_string(from.file("clicks.csv")).expect("a file");
    assert_eq!((objects(&ndjson).len(), records(&csv).len()), (9, 9));
    let import = |name: &str| to.import(from.file(name).to_str().expect("UTF-8"));
    let done = import("clicks.csv");
    assert_eq!(
        (&done["imported"], &done["rejected"]),
        (&json!(9), &json!(0)),
        "{done}"
    );
    assert_eq!(to.figures().await, expected);
    // From either format each is the same click.
    let done = import("clicks.ndjson");
    assert_eq!(
        (&done["imported"], &done["skipped"]),
        (&json!(0), &json!(9)),
        "{done}"
    );
    // And what is exported there says the same.
    let again = to.run(["clicks", "export"], &["--format", "ndjson"]).printed();
    assert_eq!(objects(&again), objects(&ndjson));
}

#[tokio::test]
async fn clicks_are_narrowed_down_and_each_is_there_once() {
    let place = Place::start().await;
    let store = place.database.store().await;
    place
        .tenant
        .more_list(&store, 43, "+18005551235", Some(place.tenant.domain.id))
        .await;
    let other = Tenant::make(&store, "go.other.example", START).await;
    place.link("one", json!({})).await;
    place.link("two", json!({"listId": 43})).await;
    let (one, two) = (place.stored("one").await, place.stored("two").await);
    let theirs = short_link::Model {
        id: ShortLinkId::at(START),
        account_id: other.account.id,
        domain_id: other.domain.id,
        sending_list_id: other.list.id,
        ..one.clone()
    };
    short_link::Entity::insert(theirs.clone().into_active_model())
        .exec_without_returning(&store.write)
        .await
        .expect("a link");
    let rows: Vec<_> = [(one.id, 1), (two.id, 2), (theirs.id, 3), (one.id, 4)]
        .map(|(link, seconds)| a_click(link, seconds))
        .into();
    // The last one twice, as a spool that is played back may write it.
    let again = rows[3].clone();
    for row in rows.iter().chain([&again]) {
        insert(&store, row).await;
    }
    // Once they are summed it is known which is written twice.
    let nothing = place.file("nothing.ndjson");
    fs::write(&nothing, "").expect("a file");
    place.import(nothing.to_str().expect("UTF-8"));
    let id = |at: usize| rows[at].id.to_string();
    let second = |seconds: i64| {
        let time = Timestamp::from_millis(START.millis() + seconds * 1000);
        time.utc().to_rfc3339()
    };
    let (two_seconds, four_seconds) = (second(2), second(4));
    for (more, expected) in [
        ([].as_slice(), vec![id(0), id(1), id(3)]),
        (&["--list-id", "43"], vec![id(1)]),
        (&["--from", &two_seconds], vec![id(1), id(3)]),
        (&["--from", &two_seconds, "--to", &four_seconds], vec![id(1)]),
        (
            &["--domain", "go.example.com", "--list-id", "42"],
            vec![id(0), id(3)],
        ),
    ] {
        let printed = place.run(["clicks", "export"], more).printed();
        let found: Vec<_> = objects(&printed)
            .iter()
            .map(|click| click["id"].clone())
            .collect();
        assert_eq!(found, expected, "{more:?}");
    }
}

async fn insert(store: &linkhop::store::Store, row: &click::Model) {
    let mut row = row.clone().into_active_model();
    row.seq = sea_orm::ActiveValue::NotSet;
    click::Entity::insert(row)
        .exec_without_returning(&store.write)
        .await
        .expect("a click");
}

#[tokio::test]
async fn whoever_stops_reading_ends_an_export_quietly() {
    let place = Place::start().await;
    let store = place.database.store().await;
    place.link("one", json!({})).await;
    let link = place.stored("one").await;
    let rows: Vec<_> = (0..20_000)
        .map(|_| {
            let mut row = a_click(link.id, 1).into_active_model();
            row.seq = sea_orm::ActiveValue::NotSet;
            row.id = sea_orm::ActiveValue::Set(ClickId::at(START));
            row
        })
        .collect();
    for lot in rows.chunks(1000) {
        click::Entity::insert_many(lot.to_vec())
            .exec_without_returning(&store.write)
            .await
            .expect("clicks");
    }
    let account = place.tenant.account.id.to_string();
    let mut program = Command::new(env!("CARGO_BIN_EXE_linkhop"))
        .args(["clicks", "export", "--account", &account])
        .env("LINKHOP_DATABASE_URL", &place.database.url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut first = String::new();
    let mut reader = BufReader::new(program.stdout.take().expect("its output"));
    reader.read_line(&mut first).expect("a line");
    drop(reader);
    let ended = program.wait_with_output().expect("its end");
    assert_eq!(
        (ended.status.code(), ended.stderr.as_slice()),
        (Some(0), b"".as_slice())
    );
}

#[tokio::test]
async fn what_can_t_be_written_leaves_no_file() {
    let place = Place::start().await;
    place.link("one", json!({})).await;
    let missing = place.file("missing/links.csv");
    let ended = place.run(
        ["links", "export"],
        &["--output", missing.to_str().expect("UTF-8")],
    );
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("can't write"), "{}", ended.stderr);
    // A folder is in the place of the file: all is written, and nothing is left of it.
    let folder = place.file("links.csv");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("x"), "").expect("a file in it");
    let ended = place.run(
        ["links", "export"],
        &["--output", folder.to_str().expect("UTF-8")],
    );
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let left: Vec<_> = fs::read_dir(place.folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let unknown = run(
        [
            "links",
            "export",
            "--account",
            "acct_00000000000070008000000000000000",
        ],
        [("LINKHOP_DATABASE_URL", place.database.url.as_str())],
    );
    assert!(
        unknown.stderr.contains("`linkhop account list`"),
        "{}",
        unknown.stderr
    );
}
