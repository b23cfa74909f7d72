//! One setting, four sources: flag, variable, file, default.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{
    client::Client,
    process::{Ended, Program, run},
    settings::variable,
};
use crate::support::{Database, START, Tenant};

/// Each setting of `linkhop serve`, with a value that is not its default, as the file writes it.
const RIGHT: [(&str, &str); 38] = [
    ("--database-url", "'sqlite:///nowhere/other.db'"),
    ("--read-connections", "9"),
    ("--sqlite-synchronous", "'normal'"),
    ("--listen", "'[::1]:0'"),
    ("--metrics-listen", "'127.0.0.1:9464'"),
    ("--api-host", "'api.example.com'"),
    ("--body-limit", "1_000"),
    ("--request-timeout", "3"),
    ("--connections", "500"),
    ("--header-timeout", "20"),
    ("--cors-origin", "'https://app.example.com'"),
    ("--introspection", "false"),
    ("--trusted-documents", "'operations'"),
    ("--max-depth", "8"),
    ("--max-complexity", "900"),
    ("--max-aliases", "7"),
    ("--max-spreads", "600"),
    ("--max-tokens", "5000"),
    ("--key-rate", "0"),
    ("--key-burst", "50"),
    ("--account-rate", "500"),
    ("--account-burst", "1"),
    ("--redirect-cache", "4096"),
    ("--redirect-lifetime", "600"),
    ("--click-wait", "80"),
    ("--spool", "'/nowhere/spool'"),
    ("--bot-agents", "'tests/data/agents/people.tsv'"),
    ("--bot-networks", "'README.md'"),
    ("--burst-address", "0"),
    ("--burst-link", "10000"),
    ("--geo-database", "'README.md'"),
    ("--deny-list", "'README.md'"),
    ("--trusted-proxy", "'10.0.0.0/8'"),
    ("--click-retention", "400"),
    ("--traces-endpoint", "'https://collector.example.com/otlp'"),
    ("--traces-ratio", "0.25"),
    ("--log", "'warn,linkhop=debug'"),
    ("--log-format", "'json'"),
];

/// A database that is nowhere: checking settings needs none.
const NOWHERE: (&str, &str) = ("LINKHOP_DATABASE_URL", "sqlite:///nowhere/linkhop.db");

/// A settings file in a folder of its own.
struct Settings {
    _folder: tempfile::TempDir,
    path: String,
}

impl Settings {
    fn new(text: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("linkhop.toml");
        fs::write(&path, text).expect("a settings file");
        Self {
            path: path.to_str().expect("UTF-8").to_owned(),
            _folder: folder,
        }
    }

    /// `linkhop config check` with this file.
    fn check(&self, more: &[&str]) -> Ended {
        let arguments = ["config", "check", "--config", &self.path];
        run(arguments.into_iter().chain(more.iter().copied()), [])
    }
}

fn key(flag: &str) -> String {
    flag.trim_start_matches('-').replace('-', "_")
}

/// A setting as `linkhop config check --json` shows it.
fn shown(ended: Ended, flag: &str) -> Value {
    let mut shown: Value = serde_json::from_str(&ended.printed()).expect("JSON");
    let settings = shown["settings"].as_array_mut().expect("settings");
    let setting = settings.iter_mut().find(|setting| setting["flag"] == flag);
    setting.expect("the setting").take()
}

#[test]
fn every_setting_can_be_given_as_a_flag_as_a_variable_and_in_the_file() {
    for (flag, written) in RIGHT {
        let value = written.trim_matches('\'').replace("1_000", "1000");
        let (name, key) = (variable(flag), key(flag));
        // An array where the setting may be given more than once.
        let expected = |setting: &Value, source: &str| {
            let shown = if setting["value"].is_array() {
                json!([value])
            } else {
                json!(value)
            };
            json!({"flag": flag, "variable": name, "key": key, "value": shown, "source": source})
        };
        let check = ["config", "check", "--json"];
        let assignment = format!("{flag}={value}");
        let arguments = check.into_iter().chain([assignment.as_str()]);
        let setting = shown(
            run(arguments, (flag != "--database-url").then_some(NOWHERE)),
            flag,
        );
        assert_eq!(setting, expected(&setting, "flag"));
        let setting = shown(run(check, [NOWHERE, (&name, &value)]), flag);
        assert_eq!(setting, expected(&setting, "variable"));
        let file = Settings::new(format!("{key} = {written}\n"));
        let arguments = check.into_iter().chain(["--config", &file.path]);
        let setting = shown(
            run(arguments, (flag != "--database-url").then_some(NOWHERE)),
            flag,
        );
        assert_eq!(setting, expected(&setting, "file"));
    }
}

#[test]
fn the_check_shows_every_setting_that_serve_has() {
    let printed = run(["config", "check", "--json"], [NOWHERE]).printed();
    let shown: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(shown["file"], Value::Null);
    let settings = shown["settings"].as_array().expect("settings");
    let mut flags: Vec<_> = settings.iter().map(|setting| setting["flag"].clone()).collect();
    let mut known = RIGHT.map(|(flag, _)| json!(flag)).to_vec();
    flags.sort_by_key(Value::to_string);
    known.sort_by_key(Value::to_string);
    assert_eq!(
        flags, known,
        "say a right value of a new setting, and a wrong one in settings.rs"
    );
    let unset = settings.iter().find(|setting| setting["key"] == "api_host");
    let unset = unset.expect("the setting");
    assert_eq!(
        (&unset["value"], &unset["source"]),
        (&Value::Null, &json!("default"))
    );
}

#[test]
fn a_flag_wins_over_a_variable_and_that_over_the_file_and_that_over_the_default() {
    let file = Settings::new("database_url = 'sqlite:///nowhere/linkhop.db'\nmax_depth = 11\n");
    let other = Settings::new("database_url = 'sqlite:///nowhere/linkhop.db'\nmax_aliases = 11\n");
    let ask = |arguments: &[&str], variables: &[(&'static str, &'static str)]| {
        let check = ["config", "check", "--json"].into_iter();
        let ended = run(check.chain(arguments.iter().copied()), variables.iter().copied());
        let mut setting = shown(ended, "--max-depth");
        (setting["value"].take(), setting["source"].take())
    };
    let in_variable = ("LINKHOP_MAX_DEPTH", "12");
    let (file, other) = (["--config", &file.path], ["--config", &other.path]);
    let all = [file.as_slice(), &["--max-depth", "13"]].concat();
    assert_eq!(ask(&all, &[in_variable]), (json!("13"), json!("flag")));
    assert_eq!(ask(&all, &[]), (json!("13"), json!("flag")));
    assert_eq!(ask(&file, &[in_variable]), (json!("12"), json!("variable")));
    assert_eq!(ask(&file, &[]), (json!("11"), json!("file")));
    assert_eq!(ask(&other, &[]), (json!("15"), json!("default")));
}

#[test]
fn a_variable_that_is_empty_sets_nothing() {
    let names = RIGHT.map(|(flag, _)| variable(flag));
    let empty = names.iter().map(String::as_str).chain(["LINKHOP_CONFIG"]);
    let empty: Vec<_> = empty.map(|name| (name, "")).collect();
    let check = ["config", "check", "--json", "--database-url", NOWHERE.1];
    let unset = run(check, []).printed();
    assert_eq!(run(check, empty.iter().copied()).printed(), unset);

    let file =
        Settings::new("database_url = 'sqlite:///nowhere/linkhop.db'\nmax_depth = 11\ncors_origin = ['*']\n");
    let check = ["config", "check", "--json", "--config", &file.path];
    let unset = run(check, []).printed();
    assert_eq!(run(check, empty.iter().copied()).printed(), unset);

    // Nor does it take the place of what is required, or get into anybody's way.
    let missing = run(["config", "check"], empty.iter().copied());
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(missing.stderr.contains("--database-url <URL>"), "{missing:?}");
    let create = run(["key", "create", "--name", "ops"], empty.iter().copied());
    assert!(create.stderr.contains("--account <ID>"), "{create:?}");
    let help = run(["serve", "--help"], empty.iter().copied()).printed();
    for name in &names {
        assert!(help.contains(name.as_str()), "{help}");
    }
}

#[tokio::test]
async fn a_server_runs_on_what_the_file_says() {
    let database = Database::migrated().await;
    let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
    let file = Settings::new(format!(
        "database_url = '{}'\nlisten = '127.0.0.1:0'\nbody_limit = 10\n# The demo's; one file serves all commands.\n\
         data_dir = 'linkhop-demo'\n",
        database.url
    ));
    // The variable is the other way to say where it is.
    let mut program = Program::start(["serve"], [("LINKHOP_CONFIG", file.path.as_str())]);
    let line = program.line();
    let url = line.strip_prefix("Linkhop listens on ").expect("an address");
    let status = Client::new(url, &tenant.key).status("{ __typename }").await;
    assert_eq!(status.expect("an answer"), 413);
    let status = run(["migrate", "status", "--config", &file.path], []).printed();
    assert!(status.ends_with(" changes made, 0 pending\n"), "{status}");
}

#[test]
fn people_see_the_settings_with_where_each_is_from() {
    let file = Settings::new("database_url = 'postgres://linkhop:s3cret@db.example.com/linkhop'");
    let arguments = ["config", "check", "--config", &file.path, "--max-depth", "3"];
    let printed = run(arguments, [("LINKHOP_MAX_TOKENS", "77")]).printed();
    let row = |key: &str| {
        let row = printed.lines().find(|line| line.split(' ').next() == Some(key));
        row.expect("a row")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(row("SETTING"), "SETTING VALUE FROM");
    let url = "postgres://linkhop:***@db.example.com/linkhop";
    assert_eq!(
        row("database_url"),
        format!("database_url {url} file {}", file.path)
    );
    assert_eq!(row("max_depth"), "max_depth 3 flag --max-depth");
    assert_eq!(row("max_tokens"), "max_tokens 77 variable LINKHOP_MAX_TOKENS");
    assert_eq!(row("max_aliases"), "max_aliases 50 default");
    assert_eq!(row("api_host"), "api_host - default");
}

#[test]
fn a_password_in_the_file_is_nowhere_in_what_is_said_of_it() {
    // Nobody listens there: the start gets as far as the database.
    let url = "postgres://linkhop:s3cret@127.0.0.1:1/linkhop";
    for (text, code) in [
        (format!("database_url = '{url}'"), Some(1)),
        (format!("database_url = '{url}"), Some(2)),
        (format!("database_url = '{url}' s3cret"), Some(2)),
        (format!("database_url = {url}"), Some(2)),
        (format!("database_url = ['{url}']"), Some(2)),
        (format!("database_url = {{ url = '{url}' }}"), Some(2)),
        (format!("database_url = 'mysql{url}'"), Some(2)),
        (format!("database_url = '{url}'\nlisten = 'x'"), Some(2)),
        (format!("database_url = '{url}'\ndatabase_url = '{url}'"), Some(2)),
        (format!("database = '{url}'"), Some(2)),
        (format!("[database]\nurl = '{url}'"), Some(2)),
    ] {
        let file = Settings::new(&text);
        let serve = ["serve", "--log=trace", "--config", &file.path];
        let ended = run(serve, []);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (code, ""),
            "{text}: {ended:?}"
        );
        let help = run([serve.as_slice(), &["--help"]].concat(), []);
        for ended in [ended, help, file.check(&[]), file.check(&["--json"])] {
            assert!(!ended.output().contains("s3cret"), "{text}: {ended:?}");
        }
    }
}

#[test]
fn what_is_wrong_in_the_file_is_named_with_the_file() {
    for (text, said) in [
        (
            "max_dept = 8",
            "there is no setting 'max_dept'; there are account_burst, ",
        ),
        ("config = 'other.toml'", "there is no setting 'config'"),
        ("name = 'ops'", "there is no setting 'name'"),
        (
            "[server]\nlisten = '127.0.0.1:0'",
            "there is no setting 'server'; keys stand at the top",
        ),
        (
            "listen = ['127.0.0.1:0']",
            "listen: it takes one value and no array",
        ),
        (
            "listen = 8080",
            "listen: invalid value '8080' for '--listen <ADDRESS:PORT>'",
        ),
        ("introspection = 'maybe'", "introspection: invalid value 'maybe'"),
        ("max_depth = 8.5", "max_depth: invalid value '8.5'"),
        ("max_depth = 2027-01-31", "max_depth: invalid value '2027-01-31'"),
        (
            "max_depth = { of = 8 }",
            "max_depth: it takes texts, numbers, true or false",
        ),
        ("max_depth =\n", "line 1: "),
        ("# One\n\nmax_depth = 8\nmax_depth = 9\n", "line 4: "),
    ] {
        let file = Settings::new(text);
        let ended = file.check(&["--database-url", NOWHERE.1]);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{text}: {ended:?}"
        );
        assert!(
            ended.stderr.starts_with(&format!("error: {}", file.path)),
            "{ended:?}"
        );
        assert!(ended.stderr.contains(said), "{text}: {ended:?}");
        // Also where a flag or a variable would win, and of a command that needs none of it.
        let flag = run(["schema", "--config", &file.path], [("LINKHOP_MAX_DEPTH", "3")]);
        assert_eq!((flag.code, flag.stdout.as_str()), (Some(2), ""), "{text}");
    }
}

#[test]
fn a_file_that_can_t_be_read_stops_the_start() {
    let bytes = Settings::new([b'#', 0xff]);
    let gone = Path::new(&bytes.path).with_file_name("gone.toml");
    let gone = gone.to_str().expect("UTF-8");
    for path in [gone, &bytes.path] {
        let ended = run(["config", "check", "--config", path], [NOWHERE]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(&format!("can't read {path}")), "{ended:?}");
    }
}

#[test]
fn no_file_is_read_that_was_not_named() {
    let file = Settings::new("max_depth = 'many'");
    let folder = Path::new(&file.path)
        .parent()
        .and_then(Path::to_str)
        .expect("UTF-8");
    let ended = Program::start_in(folder, ["config", "check"], [NOWHERE]).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_setting_that_is_missing_is_told_with_every_way_to_give_it() {
    for command in [["config", "check"], ["account", "list"]] {
        let ended = run(command, []);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        for way in [
            "--database-url <URL>",
            "LINKHOP_DATABASE_URL",
            "database_url in a file",
        ] {
            assert!(ended.stderr.contains(way), "{ended:?}");
        }
    }
}
