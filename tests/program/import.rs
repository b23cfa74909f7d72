//! `linkhop clicks import`: a history that is brought along, whatever is in its file.

use std::{
    collections::{BTreeSet, HashSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use entity::{click, user_agent};
use sea_orm::{ConnectionTrait as _, EntityTrait as _, PaginatorTrait as _, QueryOrder as _};
use serde_json::{Value, json};

use super::{
    client::Client,
    process::{Ended, Program, run},
};
use crate::support::{Database, START, Tenant, country, mmdb};

const BROWSER: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 \
    Mobile Safari/537.36";

/// A served database with a link, and a folder for files.
struct History {
    database: Database,
    tenant: Tenant,
    client: Client,
    _server: Program,
    link: Value,
    folder: tempfile::TempDir,
}

impl History {
    async fn start() -> Self {
        let database = Database::migrated().await;
        let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
        let (server, url) = Program::serve(&database);
        let client = Client::new(&url, &tenant.key);
        let input = json!({"url": "https://example.com/", "listId": 42});
        let link = client.create(input).await.expect("a link");
        Self {
            database,
            tenant,
            client,
            _server: server,
            link,
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    fn short_url(&self) -> &str {
        self.link["shortUrl"].as_str().expect("a URL")
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let file = self.folder.path().join(name);
        fs::write(&file, text).expect("a file");
        file
    }

    fn begin(&self, file: &Path, more: &[&str]) -> Program {
        let account = self.tenant.account.id.to_string();
        let arguments = [&arguments(&account, file), more].concat();
        Program::start(arguments, [("LINKHOP_DATABASE_URL", self.database.url.as_str())])
    }

    fn import(&self, file: &Path, more: &[&str]) -> Value {
        summary(&self.begin(file, more).end().printed())
    }

    async fn clicks(&self) -> Vec<click::Model> {
        let clicks = click::Entity::find().order_by_asc(click::Column::Seq);
        clicks
            .all(&self.database.store().await.read)
            .await
            .expect("clicks")
    }

    /// What the server says of the link.
    async fn stats(&self) -> Value {
        let query = "query($url: String!) { shortLink(by: {shortUrl: $url}) \
            { stats { clicks humanClicks botClicks uniqueClicks firstClickedAt } } }";
        let answer = self.client.graphql(query, json!({"url": self.short_url()})).await;
        answer.expect("an answer")["shortLink"]["stats"].take()
    }
}

fn arguments<'a>(account: &'a str, file: &'a Path) -> Vec<&'a str> {
    let file = file.to_str().expect("UTF-8");
    vec!["clicks", "import", "--json", "--account", account, "--file", file]
}

/// What is printed, without what depends on the machine.
fn summary(printed: &str) -> Value {
    let mut summary: Value = serde_json::from_str(printed).expect("JSON");
    let rate = summary
        .as_object_mut()
        .and_then(|summary| summary.remove("perSecond"));
    assert!(rate.is_some_and(|rate| rate.is_u64()), "{printed}");
    summary
}

fn done(imported: u64, skipped: u64) -> Value {
    json!({"dryRun": false, "imported": imported, "skipped": skipped, "rejected": 0, "wrong": []})
}

#[tokio::test]
async fn a_click_is_stored_as_if_it_had_just_been_made_and_the_same_one_from_either_format() {
    let history = History::start().await;
    let url = history.short_url();
    let countries = history.file("countries.mmdb", mmdb(&[("203.0.113.0/24", country("US"))]));
    let countries = ["--geo-database", countries.to_str().expect("UTF-8")];
    let (host, code) = url
        .trim_start_matches("https://")
        .split_once('/')
        .expect("a code");
    let id = "click_019a8e6f3c0070008000000000000001";
    let query = "query($url: String!) { shortLink(by: {shortUrl: $url}) { id } }";
    let link = history.client.graphql(query, json!({"url": url})).await;
    let link = &link.expect("an answer")["shortLink"]["id"];
    let objects = [
        json!({"shortUrl": url, "clickedAt": "2025-11-16T22:00:00+01:00", "userAgent": BROWSER, "ip": "203.0.113.7",
            "referrer": "https://News.example.com/a?b", "language": "de-ch,de;q=0.9", "query": "?other=x&sub2=q", "sub1": "a b"}),
        json!({"linkId": code, "domain": host, "clickedAt": "2025-11-16T21:00:01Z", "userAgent": "curl/8.5.0",
            "network": "198.51.100.0/24", "country": "ca", "referrer": "news.example.com", "source": "s"}),
        json!({"shortLinkId": link, "id": id, "clickedAt": "2025-11-16T21:00:02.500Z", "method": "HEAD",
            "userAgent": BROWSER, "isPrefetch": true}),
        json!({"shortUrl": url, "clickedAt": "2025-11-16T21:00:03Z", "userAgent": BROWSER, "ip": "2001:db8:1:2::3",
            "isBot": true, "botReason": "BURST", "botKind": "SCANNER"}),
        json!({"shortUrl": url, "clickedAt": "2025-11-16T21:00:04Z", "userAgent": "curl/8.5.0", "isBot": false}),
    ];
    let made_at = objects
        .each_ref()
        .map(|object| object["clickedAt"].as_str().expect("a time").to_owned());
    let lines: Vec<_> = objects.iter().map(Value::to_string).collect();
    let ndjson = history.file("history.ndjson", lines.join("\n"));
    assert_eq!(history.import(&ndjson, &countries), done(5, 0));

    let clicks = history.clicks().await;
    let store = history.database.store().await;
    let agents = user_agent::Entity::find().all(&store.read).await.expect("agents");
    let agent = |click: &click::Model| {
        let agent = agents
            .iter()
            .find(|agent| Some(agent.id) == click.user_agent_id)?;
        Some((agent.text.clone(), agent.device.clone()))
    };
    let some = |text: &str| Some(text.to_owned());
    let smartphone = Some((BROWSER.to_owned(), some("smartphone")));
    assert_eq!(agent(&clicks[0]), smartphone);
    let first = &clicks[0];
    assert_eq!((first.bot_reason, first.visitor.is_some()), (None, true));
    assert_eq!(first.address, some("203.0.113.0"));
    assert_eq!(
        (&first.country, &first.referrer),
        (&some("US"), &some("news.example.com"))
    );
    assert_eq!(first.language, some("de-CH"));
    assert_eq!(first.parameters, Some(json!({"sub1": "a b", "sub2": "q"})));
    let second = &clicks[1];
    assert_eq!(second.bot_reason, Some(click::BotReason::UserAgent));
    assert_eq!(second.bot_kind, Some(click::BotKind::HttpLibrary));
    assert_eq!((&second.address, second.visitor), (&some("198.51.100.0"), None));
    assert_eq!(
        (&second.country, &second.referrer),
        (&some("CA"), &some("news.example.com"))
    );
    let third = &clicks[2];
    assert_eq!(
        (third.id.to_string().as_str(), third.method),
        (id, click::Method::Head)
    );
    assert_eq!(
        (third.bot_reason, third.is_prefetch),
        (Some(click::BotReason::Head), true)
    );
    let brought = (Some(click::BotReason::Burst), Some(click::BotKind::Scanner));
    assert_eq!((clicks[3].bot_reason, clicks[3].bot_kind), brought);
    assert_eq!((clicks[4].bot_reason, clicks[4].bot_kind), (None, None));
    for (click, made_at) in clicks.iter().zip(&made_at) {
        assert_eq!(
            click.clicked_at.utc(),
            made_at.parse::<chrono::DateTime<chrono::Utc>>().expect("a time")
        );
    }

    // The same clicks as CSV, fields in another order, with what is empty left out.
    let names: BTreeSet<_> = objects
        .iter()
        .flat_map(|object| object.as_object().expect("an object").keys())
        .collect();
    let mut rows = csv::Writer::from_writer(b"\xEF\xBB\xBF".to_vec());
    rows.write_record(&names).expect("names");
    for object in &objects {
        let cell = |name: &&String| match &object[name.as_str()] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        rows.write_record(names.iter().map(cell)).expect("a row");
    }
    let rows = history.file("history.csv", rows.into_inner().expect("rows"));
    assert_eq!(history.import(&rows, &countries), done(0, 5));
    assert_eq!(history.clicks().await, clicks);
    let stats = json!({"clicks": 5, "humanClicks": 2, "botClicks": 3, "uniqueClicks": 1, "firstClickedAt": "2025-11-16T21:00:00+00:00"});
    assert_eq!(history.stats().await, stats);
}

/// A line of NDJSON with a good click, in which some fields are others.
fn line(history: &History, more: &Value) -> Vec<u8> {
    let mut line = json!({"shortUrl": history.short_url(), "clickedAt": "2026-01-01T00:00:00Z"});
    let fields = line.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    fields.retain(|_, value| !value.is_null());
    line.to_string().into_bytes()
}

/// Imports wrong lines with good ones between them: each is refused for its reason, and the good ones are stored.
async fn expect_refused(history: &History, wrong: &[(Vec<u8>, &str)]) {
    let before = history.clicks().await.len();
    let mut text = Vec::new();
    for (at, (wrong, _)) in wrong.iter().enumerate() {
        text.extend_from_slice(wrong);
        text.push(b'\n');
        let good = json!({"userAgent": BROWSER, "ip": format!("203.0.{before}.{at}")});
        text.extend(line(history, &good));
        text.push(b'\n');
    }
    let file = history.file("history.jsonl", text);
    let ended = history.begin(&file, &[]).end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = summary(&ended.stdout);
    let count = wrong.len();
    assert_eq!(
        (&said["imported"], &said["rejected"]),
        (&json!(count), &json!(count)),
        "{said}"
    );
    let shown = said["wrong"].as_array().expect("wrong lines");
    assert_eq!(shown.len(), count.min(20));
    for (at, (shown, (_, expected))) in shown.iter().zip(wrong).enumerate() {
        assert_eq!(shown["line"], 2 * at + 1, "{shown}");
        let reason = shown["reason"].as_str().expect("a reason");
        assert!(reason.starts_with(expected), "{reason}");
    }
    let complaint = format!("{count} lines hold no click that can be stored");
    assert!(ended.stderr.contains(&complaint), "{}", ended.stderr);
    assert_eq!(history.clicks().await.len(), before + count);
}

#[tokio::test]
async fn hostile_lines_are_counted_and_shown_and_all_others_stored() {
    let history = History::start().await;
    let with = |more: Value| line(&history, &more);
    let long = "x".repeat(70_000);
    let wrong = [
        (b"{\"shortUrl\":".to_vec(), "no click in JSON: EOF while parsing"),
        (b"[1]".to_vec(), "no click in JSON: "),
        (b"{\"shortUrl\":\"\xFF\"}".to_vec(), "the line is not UTF-8"),
        (
            with(json!({"query": long})),
            "the line is longer than 65536 bytes",
        ),
        (
            with(json!({"useragent": "x"})),
            "no click in JSON: unknown field `useragent`",
        ),
        (
            with(json!({"isBot": "yes"})),
            "no click in JSON: invalid type: string",
        ),
        (
            with(json!({"shortUrl": "https://go.example.com/nowhere"})),
            "the account has no such short link",
        ),
        (
            with(json!({"shortUrl": "not a URL"})),
            "the account has no such short link",
        ),
        (with(json!({"shortUrl": null})), "name the link: shortUrl, or "),
        (
            with(json!({"shortUrl": null, "linkId": "abc"})),
            "name the link: shortUrl, or ",
        ),
        (
            with(json!({"shortLinkId": "offer_019a8e6f3c0070008000000000000001"})),
            "shortLinkId is link_ and ",
        ),
        (
            with(json!({"id": "link_019a8e6f3c0070008000000000000001"})),
            "id is click_ and ",
        ),
        (
            with(json!({"id": "click_019a8e6f3c0070008000000000000001"})),
            "id says that the click was made at another time",
        ),
    ];
    expect_refused(&history, &wrong).await;
    let empty =
        [const { (Vec::new(), "name the link: ") }; 25].map(|(_, why): (Vec<u8>, _)| (b"{}".to_vec(), why));
    expect_refused(&history, &empty).await;

    // Another account's link is as unknown as one that never was.
    let store = history.database.store().await;
    let other = Tenant::make(&store, "other.example.com", START).await;
    let account = other.account.id.to_string();
    let good = history.file("good.ndjson", with(json!({})));
    let ended = on(&history, &arguments(&account, &good));
    assert_eq!(
        summary(&ended.stdout)["wrong"][0]["reason"],
        "the account has no such short link"
    );
}

#[tokio::test]
async fn what_no_visit_could_have_said_is_refused() {
    let history = History::start().await;
    let with = |more: Value| line(&history, &more);
    let no_bot = "botReason and botKind are a bot's";
    let wrong = [
        (with(json!({"clickedAt": null})), "clickedAt is missing"),
        (
            with(json!({"clickedAt": "2026-01-01"})),
            "clickedAt is a time with its zone",
        ),
        (
            with(json!({"clickedAt": "1969-12-31T23:59:59Z"})),
            "clickedAt is a time with its zone",
        ),
        (
            with(json!({"clickedAt": "2999-01-01T00:00:00Z"})),
            "clickedAt is in the future",
        ),
        (with(json!({"ip": "203.0.113.256"})), "ip is an address such as "),
        (
            with(json!({"network": "203.0.113.0/8"})),
            "network is one such as ",
        ),
        (with(json!({"method": "PUT"})), "method is GET, HEAD or POST"),
        (
            with(json!({"country": "USA"})),
            "country is a code of two letters",
        ),
        (
            with(json!({"referrer": "ftp://example.com/"})),
            "referrer is a URL of the web or a host",
        ),
        (
            with(json!({"language": "<script>"})),
            "language is one such as en-US",
        ),
        (
            with(json!({"botReason": "BAD"})),
            "botReason is one of HEAD, EMPTY_USER_AGENT, ",
        ),
        (
            with(json!({"botReason": "HEAD", "botKind": "BAD"})),
            "botKind is one of SOCIAL_PREVIEW, ",
        ),
        (with(json!({"isBot": true})), "isBot is true: say why"),
        (with(json!({"isBot": false, "botReason": "HEAD"})), no_bot),
        (with(json!({"botKind": "SCANNER"})), no_bot),
    ];
    expect_refused(&history, &wrong).await;
}

fn on(history: &History, arguments: &[&str]) -> Ended {
    let url = history.database.url.as_str();
    run(arguments.iter().copied(), [("LINKHOP_DATABASE_URL", url)])
}

#[tokio::test]
async fn wrong_rows_of_csv_hide_none_behind_them() {
    let history = History::start().await;
    let url = history.short_url();
    let text = format!(
        "shortUrl,clickedAt,userAgent\n{url},2026-01-01T00:00:00Z,a\n{url},2026-01-01T00:00:00Z\n{url},\"2026,b\n\
         {url},2026-01-01T00:00:00Z,\"b, \"\"c\"\"\"\n"
    );
    let file = history.file("history.csv", text);
    let ended = history.begin(&file, &[]).end();
    let said = summary(&ended.stdout);
    assert_eq!(
        (&said["imported"], &said["rejected"]),
        (&json!(2), &json!(2)),
        "{said}"
    );
    let lines = [&said["wrong"][0]["line"], &said["wrong"][1]["line"]];
    assert_eq!(lines, [&json!(3), &json!(4)], "{said}");
    let reason = &said["wrong"][1]["reason"];
    assert_eq!(reason, "the quotation mark that opens in line 4 is never closed");
    for (text, expected) in [
        ("", "the first row of CSV holds the names"),
        (
            "shortUrl,\"clickedAt\n",
            "the first row of CSV can't be read: the quotation mark that opens in line 1 is never closed",
        ),
        (
            "shortURL\n",
            "the first row of CSV names \"shortURL\", which is no field",
        ),
    ] {
        let file = history.file("wrong.csv", text);
        let ended = history.begin(&file, &[]).end();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn what_cannot_be_imported_at_all_is_said_and_nothing_is_stored() {
    let history = History::start().await;
    let account = history.tenant.account.id.to_string();
    let file = history.file("history.txt", "{}");
    let ended = on(&history, &arguments(&account, &file));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("say \"ndjson\" or \"csv\""),
        "{}",
        ended.stderr
    );
    let missing = history.folder.path().join("missing.csv");
    let ended = on(&history, &arguments(&account, &missing));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("can't read "), "{}", ended.stderr);
    let nobody = "acct_00000000000000000000000000000000";
    let file = history.file("history.ndjson", "{}");
    let ended = on(&history, &arguments(nobody, &file));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("`linkhop account list`"),
        "{}",
        ended.stderr
    );
    assert_eq!(history.clicks().await, []);
}

#[tokio::test]
async fn clicks_of_a_time_whose_clicks_were_removed_are_refused() {
    let history = History::start().await;
    let store = history.database.store().await;
    let kept_from = 1_767_225_600_000_i64;
    store
        .write
        .execute_unprepared(&format!("UPDATE click_summing SET kept_from = {kept_from}"))
        .await
        .expect("a mark");
    let at = |time: &str| json!({"shortUrl": history.short_url(), "clickedAt": time}).to_string();
    let lines = [at("2025-12-31T23:59:59.999Z"), at("2026-01-01T00:00:00Z")];
    let file = history.file("history.ndjson", lines.join("\n"));
    let ended = history.begin(&file, &[]).end();
    let said = summary(&ended.stdout);
    assert_eq!(said["imported"], 1);
    let reason = said["wrong"][0]["reason"].as_str().expect("a reason");
    assert!(
        reason.starts_with("clicks from before 2026-01-01 00:00:00 UTC have been removed"),
        "{reason}"
    );
}

/// So many clicks of a link, each twenty of one visitor, and each hundredth twice.
fn many(history: &History, count: u64) -> (String, u64) {
    let mut text = String::new();
    let mut doubles = 0;
    for number in 0..count {
        let line = json!({
            "shortUrl": history.short_url(),
            "clickedAt": chrono::DateTime::from_timestamp_millis(1_767_225_600_000 + number.cast_signed() * 1000),
            "userAgent": BROWSER,
            "ip": format!("203.0.{}.{}", number / 20 / 200, number / 20 % 200),
        });
        let _ = writeln!(text, "{line}");
        if number % 100 == 0 {
            doubles += 1;
            let _ = writeln!(text, "{line}");
        }
    }
    (text, doubles)
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_stored_and_stores_nothing() {
    let history = History::start().await;
    let (text, doubles) = many(&history, 300);
    let file = history.file("history.ndjson", text);
    let mut expected = done(300, doubles);
    expected["dryRun"] = json!(true);
    assert_eq!(history.import(&file, &["--dry-run"]), expected);
    assert_eq!(history.clicks().await, []);
    assert_eq!(history.import(&file, &[]), done(300, doubles));
    assert_eq!(history.import(&file, &[]), done(0, 300 + doubles));
}

#[tokio::test]
async fn a_file_that_was_stopped_half_way_is_taken_up_again_beside_a_running_server() {
    const CLICKS: u64 = 5_000;
    let history = History::start().await;
    let (text, doubles) = many(&history, CLICKS);
    let file = history.file("history.ndjson", text);
    let store = history.database.store().await;
    let stored = || async { click::Entity::find().count(&store.read).await.expect("a count") };
    let program = history.begin(&file, &[]);
    let some = async {
        while stored().await == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), some)
        .await
        .expect("clicks in time");
    program.kill();
    let half = stored().await;
    assert!(half < CLICKS, "it was too fast to be stopped: {half}");
    let code = history.link["linkId"].as_str().expect("a code");
    history
        .client
        .visit("go.example.com", code)
        .await
        .expect("a redirect");

    assert_eq!(history.import(&file, &[]), done(CLICKS - half, half + doubles));
    let clicks = history.clicks().await;
    let ids: HashSet<_> = clicks.iter().map(|click| click.id).collect();
    assert_eq!((ids.len(), clicks.len() as u64), (clicks.len(), CLICKS + 1));
    let people = clicks.iter().filter(|click| click.bot_reason.is_none());
    let visitors: HashSet<_> = people.clone().filter_map(|click| click.visitor).collect();
    let stats = history.stats().await;
    assert_eq!(stats["clicks"], CLICKS + 1);
    assert_eq!(stats["humanClicks"], people.count());
    assert_eq!(stats["uniqueClicks"], visitors.len());
}
