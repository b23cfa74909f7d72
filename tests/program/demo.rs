//! `linkhop demo`: what a newcomer sees first.

use std::{collections::BTreeSet, net::TcpListener, path::Path, process::Command, time::Duration};

use linkhop::{
    app::Clock,
    store::{Options, Store},
};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use super::{
    client::{Client, location},
    process::Program,
};

/// Starts a demo in `folder` on a free port.
fn demo(folder: &Path, more: &[&str]) -> Program {
    let folder = folder.to_str().expect("UTF-8");
    let arguments = ["demo", "--data-dir", folder, "--listen", "127.0.0.1:0"];
    Program::start(arguments.into_iter().chain(more.iter().copied()), [])
}

/// The same for a script: the program, and what its first line says.
fn demo_json(folder: &Path) -> (Program, Value) {
    let mut program = demo(folder, &["--json"]);
    let line = serde_json::from_str(&program.line()).expect("JSON");
    (program, line)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn client(demo: &Value) -> Client {
    Client::new(text(&demo["url"]), text(&demo["apiKey"]))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[tokio::test]
async fn a_file_into_which_a_move_is_not_finished_is_no_demo() {
    let folder = folder();
    let url = format!("sqlite://{}", folder.path().join("linkhop.db").display());
    let options = Options {
        create: true,
        ..Options::default()
    };
    let store = Store::connect(&url, &options).await.expect("a file");
    store.migrate_up().await.expect("tables");
    let mark = "CREATE TABLE unfinished_move (begun_at bigint)";
    store.write.execute_unprepared(mark).await.expect("the mark");
    let ended = demo(folder.path(), &[]).end_within(Duration::from_mins(1)).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(
        ended.stderr.contains("a move into this database is not finished"),
        "{ended:?}"
    );
}

#[test]
fn the_first_line_tells_a_script_all_it_needs() {
    let folder = folder();
    let (_program, demo) = demo_json(folder.path());
    let fields: BTreeSet<&str> = demo
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let expected = ["apiKey", "listId", "offers", "phoneNumber", "playground", "url"];
    assert_eq!(fields, BTreeSet::from(expected));
    let url = text(&demo["url"]);
    assert!(
        url.starts_with("http://127.0.0.1:") && !url.ends_with(":0"),
        "{url}"
    );
    assert_eq!(demo["playground"], format!("{url}/graphql"));
    let key = text(&demo["apiKey"]);
    assert!(key.starts_with("trk_") && key.len() == 36, "{key}");
    assert_eq!(demo["listId"], 42);
    assert_eq!(demo["phoneNumber"], "+18005551234");
    let offers = demo["offers"].as_object().expect("an object");
    let names: Vec<&str> = offers.keys().map(String::as_str).collect();
    assert_eq!(names, ["Summer (TUNE)", "Winter (Everflow)"]);
    for id in offers.values() {
        assert!(text(id).starts_with("offer_"), "{id}");
    }
}

#[tokio::test]
async fn a_link_of_the_demo_opens_in_the_browser_beside_it() {
    let folder = folder();
    // Nothing in a folder's name means anything in the URL of the database.
    let (_program, demo) = demo_json(&folder.path().join("100%41 #1? my demo"));
    let client = client(&demo);
    let input = json!({"url": "https://example.com/spring-sale", "phoneNumber": "+18005551234"});
    let made = client.create(input).await.expect("an answer");
    let short_url = text(&made["shortUrl"]);
    assert!(short_url.starts_with(text(&demo["url"])), "{short_url}");
    let response = client.open(short_url).await.expect("an answer");
    assert_eq!(location(&response), "https://example.com/spring-sale");
}

#[tokio::test]
async fn a_link_of_each_offer_of_the_demo_leads_to_its_platform() {
    let folder = folder();
    let (_program, demo) = demo_json(folder.path());
    let client = client(&demo);
    let starts = [
        (
            "Summer (TUNE)",
            "https://tune.example.com/aff_c?offer_id=101&aff_id=7&",
        ),
        (
            "Winter (Everflow)",
            "https://everflow.example.com/6JHXF/2CTPL/?uid=202&",
        ),
    ];
    for (offer, start) in starts {
        let input =
            json!({"offerId": demo["offers"][offer], "listId": 42, "metadata": {"campaign": "spring"}});
        let made = client.create(input).await.expect("an answer");
        assert_eq!(made["offerId"], demo["offers"][offer]);
        let response = client.open(text(&made["shortUrl"])).await.expect("an answer");
        let url = location(&response);
        assert!(url.starts_with(start), "{url}");
    }
}

#[tokio::test]
async fn a_second_start_keeps_the_key_and_the_links_and_moves_the_domain_to_its_address() {
    let folder = folder();
    let (program, first) = demo_json(folder.path());
    let input = json!({"url": "https://example.com/spring-sale", "listId": 42});
    let made = client(&first).create(input).await.expect("an answer");
    // Holding the port keeps the next start from getting the same one.
    program.kill();
    let port = text(&first["url"]).rsplit_once(':').expect("a port").1;
    let held = TcpListener::bind(format!("127.0.0.1:{port}"));
    let (_program, second) = demo_json(folder.path());
    drop(held);
    assert_ne!(second["url"], first["url"]);
    for field in ["apiKey", "offers", "listId", "phoneNumber"] {
        assert_eq!(second[field], first[field], "{field}");
    }
    let client = client(&second);
    let short_url = format!("{}/{}", text(&second["url"]), text(&made["linkId"]));
    let response = client.open(&short_url).await.expect("an answer");
    assert_eq!(location(&response), "https://example.com/spring-sale");
    let query = "query($url: String!) { shortLink(by: {shortUrl: $url}) { shortUrl } }";
    let found = client.graphql(query, json!({"url": short_url})).await;
    let found = found.expect("an answer");
    assert_eq!(found["shortLink"]["shortUrl"], short_url);
}

#[tokio::test]
async fn the_curl_line_works_when_it_is_pasted() {
    let folder = folder();
    let mut program = demo(folder.path(), &[]);
    let mut told = Vec::new();
    let line = loop {
        let line = program.line();
        if line.starts_with("curl ") {
            break line;
        }
        told.push(line);
    };
    let told = told.join("\n");
    let (url, key) = (word_after(&told, "Playground"), word_after(&told, "API key"));
    for said in ["42 (+18005551234)", "Summer (TUNE)", "Winter (Everflow)"] {
        assert!(told.contains(said), "{told}");
    }
    let client = Client::new(url.trim_end_matches("/graphql"), key);
    let answer = paste(&client, &line).await;
    let short_url = text(&answer["data"]["createShortLink"]["shortUrl"]);
    let response = client.open(short_url).await.expect("an answer");
    assert_eq!(location(&response), "https://example.com/spring-sale");
}

fn word_after<'a>(text: &'a str, label: &str) -> &'a str {
    let (_, rest) = text.split_once(label).expect("the label");
    rest.split_whitespace().next().expect("a word")
}

/// Runs the line in a shell. Where there is no `curl`, the shell still says what it would be given.
async fn paste(client: &Client, line: &str) -> Value {
    let in_shell = |line: &str| {
        let output = Command::new("sh").args(["-c", line]).output().expect("a shell");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    if in_shell("command -v curl").is_empty() {
        let words = in_shell(&format!("curl() {{ printf '%s\\n' \"$@\"; }}; {line}"));
        let body: Value = serde_json::from_str(words.lines().last().expect("a body")).expect("JSON");
        let query = body["query"].as_str().expect("a query");
        let data = client.graphql(query, body["variables"].clone()).await;
        return json!({"data": data.expect("an answer")});
    }
    serde_json::from_str(&in_shell(line)).expect("JSON")
}

#[tokio::test]
async fn the_playground_holds_the_key() {
    let folder = folder();
    let (_program, demo) = demo_json(folder.path());
    let page = client(&demo)
        .open(text(&demo["playground"]))
        .await
        .expect("a page");
    assert_eq!(page.status(), 200);
    let html = page.text().await.expect("a body");
    assert!(html.contains(text(&demo["apiKey"])), "{html}");
}

#[test]
fn a_taken_port_stops_the_start_and_is_named() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = folder.path().to_str().expect("UTF-8");
    let arguments = ["demo", "--data-dir", folder, "--listen", &address];
    let ended = Program::start(arguments, []).end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = format!("can't listen on {address}; --listen takes another address");
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn its_log_holds_no_key_no_phone_number_and_no_address_of_a_link() {
    let folder = folder();
    let mut program = demo(folder.path(), &["--json", "--log=trace", "--log-format=json"]);
    let demo: Value = serde_json::from_str(&program.line()).expect("JSON");
    let client = client(&demo);
    let input = json!({
        "url": "https://example.com/for-one-only", "listId": 42,
        "contactPhone": "+12025550143", "code": "for-one-only",
    });
    let made = client.create(input).await.expect("an answer");
    let response = client.open(text(&made["shortUrl"])).await.expect("an answer");
    assert_eq!(location(&response), "https://example.com/for-one-only");
    program.terminate();
    let log = program.end_within(Duration::from_secs(15)).await.stderr;
    assert!(log.contains("visited"), "{log}");
    for secret in [text(&demo["apiKey"]), "2025550143", "for-one-only"] {
        assert!(!log.contains(secret), "{log}");
    }
}

/// What a demo says of its history, without what depends on the moment.
async fn history(demo: &Value) -> Vec<Value> {
    let query = "{ shortLinks(first: 100) { nodes { linkId contactPhone metadata offer { name } sendingList { listId }
        stats { clicks humanClicks botClicks uniqueClicks }
        clicks(first: 100) { nodes { country device os browser botReason botKind referrer language sub1 source } } } } }";
    let mut said = client(demo).graphql(query, json!({})).await.expect("an answer");
    let Value::Array(links) = said["shortLinks"]["nodes"].take() else {
        panic!("{said}")
    };
    links
}

fn sum(links: &[Value], field: &str) -> i64 {
    links
        .iter()
        .filter_map(|link| link["stats"][field].as_i64())
        .sum()
}

#[tokio::test]
async fn a_first_start_has_thirty_days_of_clicks_and_the_same_ones_each_time() {
    let (one, other) = (folder(), folder());
    let (program, demo) = demo_json(one.path());
    let links = history(&demo).await;
    assert_eq!(links.len(), 40);
    let figures = ["clicks", "humanClicks", "botClicks", "uniqueClicks"].map(|field| sum(&links, field));
    assert_eq!(figures, [5000, 3928, 1072, 3196]);
    let of = |field: &str| -> BTreeSet<String> {
        let clicks = links.iter().filter_map(|link| link["clicks"]["nodes"].as_array());
        clicks.flatten().map(|click| click[field].to_string()).collect()
    };
    for (field, at_least) in [
        ("country", 7),
        ("device", 4),
        ("os", 6),
        ("browser", 6),
        ("botReason", 7),
        ("botKind", 5),
        ("referrer", 5),
        ("language", 7),
        ("source", 3),
        ("sub1", 3),
    ] {
        assert!(of(field).len() >= at_least, "{field}: {:?}", of(field));
    }
    let different = |part: fn(&Value) -> &Value| {
        links
            .iter()
            .map(|link| part(link).to_string())
            .collect::<BTreeSet<_>>()
            .len()
    };
    assert_eq!(different(|link| &link["metadata"]["campaign"]), 5);
    assert_eq!(different(|link| &link["metadata"]["segment"]), 4);
    assert_eq!(different(|link| &link["offer"]["name"]), 3);
    assert_eq!(different(|link| &link["sendingList"]["listId"]), 2);
    assert!(different(|link| &link["contactPhone"]) > 10);

    let (_other, same) = demo_json(other.path());
    assert_eq!(history(&same).await, links);
    // And not once more at the next start.
    program.kill();
    let (_again, again) = demo_json(one.path());
    assert_eq!(history(&again).await, links);
}

#[tokio::test]
async fn the_history_of_a_demo_ends_when_it_starts_and_lasts_for_thirty_days() {
    let folder = folder();
    let before = Clock::system().now().utc();
    let (_program, demo) = demo_json(folder.path());
    let query = "{ shortLinks(first: 100) { nodes { createdAt stats { firstClickedAt lastClickedAt } } } }";
    let said = client(&demo).graphql(query, json!({})).await.expect("an answer");
    let links = said["shortLinks"]["nodes"].as_array().expect("links");
    let time = |value: &Value| {
        text(value)
            .parse::<chrono::DateTime<chrono::Utc>>()
            .expect("a time")
    };
    let first = links
        .iter()
        .map(|link| time(&link["createdAt"]))
        .min()
        .expect("a link");
    let last = links
        .iter()
        .map(|link| time(&link["stats"]["lastClickedAt"]))
        .max()
        .expect("a link");
    assert!(
        before - first >= chrono::TimeDelta::days(29) && before - first <= chrono::TimeDelta::days(30),
        "{first}"
    );
    assert!(
        last <= Clock::system().now().utc() && before - last < chrono::TimeDelta::days(1),
        "{last}"
    );
    for link in links {
        assert!(
            time(&link["createdAt"]) < time(&link["stats"]["firstClickedAt"]),
            "{link}"
        );
    }
}
