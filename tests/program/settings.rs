//! Flags and variables: what is wrong stops the start, and no password is shown.

use super::process::{Ended, run};
use crate::support::Database;

/// A database that can't be: a start that gets as far as opening it ends, and with another code.
const NOWHERE: &str = "sqlite:///nowhere/linkhop.db";

/// Each field of `linkhop serve` and a value it can't have.
const WRONG: [(&str, &str); 48] = [
    ("--database-url", "mysql://linkhop:s3cret@127.0.0.1/linkhop"),
    ("--read-connections", "0"),
    ("--sqlite-synchronous", "off"),
    ("--listen", "localhost"),
    ("--metrics-listen", "9464"),
    ("--api-host", "not a host"),
    ("--body-limit", "5MB"),
    ("--request-timeout", "0"),
    ("--connections", "0"),
    ("--header-timeout", "0"),
    ("--cors-origin", "https://app.example.com/"),
    ("--introspection", "maybe"),
    ("--trusted-documents", "/nowhere/operations"),
    ("--trusted-documents", "README.md"),
    ("--max-depth", "-1"),
    ("--max-depth", "0"),
    ("--max-depth", "33"),
    ("--max-complexity", "1e3"),
    ("--max-aliases", "many"),
    ("--max-spreads", "few"),
    ("--max-tokens", "99999999999999999999"),
    ("--key-rate", "1000001"),
    ("--key-burst", "0"),
    ("--account-rate", "-1"),
    ("--account-burst", "many"),
    ("--redirect-cache", "16 MiB"),
    ("--redirect-lifetime", "0"),
    ("--click-wait", "0"),
    ("--bot-agents", "/nowhere/agents.txt"),
    ("--bot-networks", "/nowhere/networks.txt"),
    ("--bot-networks", "/"),
    ("--burst-address", "-1"),
    ("--burst-link", "10001"),
    ("--geo-database", "/nowhere/countries.mmdb"),
    ("--deny-list", "/nowhere/deny.txt"),
    ("--trusted-proxy", "proxy"),
    ("--trusted-proxy", "10.0.0.1/8"),
    ("--click-retention", "0"),
    ("--click-retention", "36501"),
    ("--click-retention", "for ever"),
    ("--traces-endpoint", "collector:4318"),
    ("--traces-endpoint", "http://linkhop:s3cret@127.0.0.1:4318"),
    ("--traces-endpoint", "http://127.0.0.1:4318/?key=s3cret"),
    ("--traces-ratio", "1.5"),
    ("--traces-ratio", "-0.1"),
    ("--traces-ratio", "all"),
    ("--log", "linkhop=loud"),
    ("--log-format", "xml"),
];

/// The variable that says the same as a flag.
pub fn variable(flag: &str) -> String {
    let name = flag.trim_start_matches('-').replace('-', "_");
    format!("LINKHOP_{}", name.to_uppercase())
}

fn expect_refused(ended: &Ended, flag: &str) {
    assert_eq!(ended.code, Some(2), "{flag}: {ended:?}");
    assert!(ended.stderr.contains(&format!("'{flag} <")), "{flag}: {ended:?}");
    assert_eq!(ended.stdout, "", "{flag}");
    assert!(!ended.stderr.contains("s3cret"), "{flag}: {ended:?}");
}

#[test]
fn a_wrong_value_of_a_flag_stops_the_start_and_is_named() {
    for (flag, value) in WRONG {
        let assignment = format!("{flag}={value}");
        let mut variables = vec![("LINKHOP_DATABASE_URL", NOWHERE)];
        variables.retain(|_| flag != "--database-url");
        let ended = run(["serve", assignment.as_str()], variables);
        expect_refused(&ended, flag);
    }
}

#[test]
fn a_wrong_value_of_a_variable_stops_the_start_and_its_flag_is_named() {
    for (flag, value) in WRONG {
        let name = variable(flag);
        // Of two values of one variable the later one counts.
        let variables = [("LINKHOP_DATABASE_URL", NOWHERE), (name.as_str(), value)];
        expect_refused(&run(["serve"], variables), flag);
    }
}

#[test]
fn a_wrong_value_in_the_file_stops_the_start_and_its_key_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("linkhop.toml");
    let path = path.to_str().expect("UTF-8");
    for (flag, value) in WRONG {
        let key = flag.trim_start_matches('-').replace('-', "_");
        std::fs::write(path, format!("{key} = '{value}'\n")).expect("a settings file");
        let ended = run(["serve", "--config", path], [("LINKHOP_DATABASE_URL", NOWHERE)]);
        expect_refused(&ended, flag);
        let named = format!("error: {path}: {key}: ");
        assert!(ended.stderr.starts_with(&named), "{flag}: {ended:?}");
    }
}

#[test]
fn a_database_that_would_forget_is_refused() {
    for url in [
        "sqlite://:memory:",
        "sqlite://x?mode=memory",
        "sqlite::memory:",
        "sqlite://",
    ] {
        let ended = run(["serve", "--database-url", url], []);
        expect_refused(&ended, "--database-url");
    }
}

#[test]
fn a_server_without_a_database_does_not_start() {
    let ended = run(["serve"], []);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--database-url <URL>"), "{}", ended.stderr);
}

#[test]
fn a_database_that_refuses_connections_is_said_to() {
    // Nobody listens there.
    let url = "postgres://linkhop@127.0.0.1:1/linkhop";
    let ended = run(["migrate", "up", "--database-url", url], []);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    let said = ended.stderr.to_lowercase();
    assert_eq!(said.matches("refused").count(), 1, "{ended:?}");
}

#[tokio::test]
async fn the_password_of_the_database_is_never_shown() {
    let database = Database::empty().await;
    let urls = [
        // Nobody listens; a port that is none; a host that is none; no database of Linkhop's.
        "postgres://linkhop:s3cret@127.0.0.1:1/linkhop",
        "postgres://linkhop:s3cret@127.0.0.1:port/linkhop",
        "postgres://linkhop:s3cret@[::1/linkhop",
        "mysql://linkhop:s3cret@127.0.0.1/linkhop",
    ];
    for url in urls {
        let ended = run(["migrate", "up", "--log=trace", "--database-url", url], []);
        assert!(matches!(ended.code, Some(1 | 2)), "{url}: {ended:?}");
        assert!(!ended.output().contains("s3cret"), "{url}: {ended:?}");
    }
    let help = run(["serve", "--help"], [("LINKHOP_DATABASE_URL", urls[0])]).printed();
    assert!(
        help.contains("--database-url") && !help.contains("s3cret"),
        "{help}"
    );

    // The same where it opens a database: only with PostgreSQL has that a password.
    let variables = [("LINKHOP_DATABASE_URL", database.url.as_str())];
    let ended = run(["migrate", "up", "--log=trace"], variables);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let url = reqwest::Url::parse(&database.url).expect("a URL");
    let shown = url
        .password()
        .is_some_and(|password| ended.output().contains(password));
    assert!(!shown, "{ended:?}");
}
