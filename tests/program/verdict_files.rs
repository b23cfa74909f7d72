//! Files that tell bots from people: a wrong one stops the start, and its wrong line is named.

use std::{fs, path::Path};

use entity::click;
use sea_orm::EntityTrait as _;
use serde_json::json;

use super::{
    client::Client,
    process::{Ended, Program, run},
};
use crate::support::{Database, START, Tenant, country, mmdb};

/// What `linkhop serve` says of a file of this text.
fn start(database: &Database, folder: &Path, flag: &str, text: &[u8]) -> Ended {
    let file = folder.join("given.txt");
    fs::write(&file, text).expect("a file");
    let file = file.to_str().expect("UTF-8");
    let variables = [("LINKHOP_DATABASE_URL", database.url.as_str())];
    run(["serve", "--listen", "127.0.0.1:0", flag, file], variables)
}

#[tokio::test]
async fn a_wrong_file_stops_the_start_and_its_line_is_named() {
    let database = Database::migrated().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut cut = mmdb(&[("203.0.113.0/24", country("US"))]);
    cut.truncate(cut.len() - 100);
    for (flag, text, expected) in [
        (
            "--bot-agents",
            &b"# ours\ncurl\nbot(\n"[..],
            "given.txt, line 3: \"bot(\" is no regular expression: ",
        ),
        (
            "--bot-agents",
            b"curl|\n",
            "given.txt, line 1: \"curl|\" matches ordinary browsers",
        ),
        ("--bot-agents", b"\xff\n", "can't read "),
        (
            "--bot-networks",
            b"203.0.113.0/24\n\n203.0.113.0/33 # too long\n",
            "given.txt, line 3: \"203.0.113.0/33\" is no network: give a network such as ",
        ),
        (
            "--bot-networks",
            b"203.0.113.7/24",
            "given.txt, line 1: \"203.0.113.7/24\" is no network: the address has bits behind its prefix; \
             the network is 203.0.113.0/24",
        ),
        (
            "--geo-database",
            b"no database",
            "given.txt is no MMDB of countries: ",
        ),
        ("--geo-database", &cut, "given.txt is no MMDB of countries: "),
    ] {
        let ended = start(&database, folder.path(), flag, text);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(1), ""),
            "{flag}: {ended:?}"
        );
        assert!(ended.stderr.contains(expected), "{flag}: {}", ended.stderr);
        let said = ended
            .stderr
            .lines()
            .filter(|line| line.starts_with("linkhop: "))
            .count();
        assert_eq!(said, 1, "{flag}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_server_starts_with_files_that_are_right() {
    let database = Database::migrated().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let agents = folder.path().join("agents.txt");
    let networks = folder.path().join("networks.txt");
    let countries = folder.path().join("countries.mmdb");
    fs::write(&agents, "# ours\nacme-probe\n").expect("a file");
    fs::write(&networks, "203.0.113.0/24\n").expect("a file");
    fs::write(&countries, mmdb(&[("203.0.113.0/24", country("US"))])).expect("a file");
    let [agents, networks, countries] =
        [&agents, &networks, &countries].map(|file| file.to_str().expect("UTF-8"));
    let mut program = Program::start(
        ["serve", "--listen", "127.0.0.1:0"],
        [
            ("LINKHOP_DATABASE_URL", database.url.as_str()),
            ("LINKHOP_BOT_AGENTS", agents),
            ("LINKHOP_BOT_NETWORKS", networks),
            ("LINKHOP_GEO_DATABASE", countries),
            ("LINKHOP_TRUSTED_PROXY", "10.0.0.0/8,2001:db8::/32"),
        ],
    );
    assert!(program.line().starts_with("Linkhop listens on "));
}

#[tokio::test]
async fn a_served_visit_has_its_peers_address() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let tenant = Tenant::make(&store, "go.example.com", START).await;
    let (program, url) = Program::serve(&database);
    let client = Client::new(&url, &tenant.key);
    let made = client
        .create(json!({"url": "https://example.com/", "listId": 42}))
        .await
        .expect("a link");
    let code = made["linkId"].as_str().expect("a code");
    client.visit("go.example.com", code).await.expect("a redirect");
    program.terminate();
    assert_eq!(program.end().code, Some(0));
    let clicks = click::Entity::find().all(&store.read).await.expect("clicks");
    let addresses: Vec<_> = clicks.iter().map(|click| click.address.as_deref()).collect();
    assert_eq!(addresses, [Some("127.0.0.0")]);
}
