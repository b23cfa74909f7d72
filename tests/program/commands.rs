//! The commands of an operator.

use migration::{Migrator, MigratorTrait as _};
use serde_json::json;

use super::{
    client::Client,
    process::{Program, run},
};
use crate::support::{Database, START, Tenant};

/// Runs a command on a database that its variable names.
fn on(database: &Database, arguments: &[&str]) -> super::process::Ended {
    run(
        arguments.iter().copied(),
        [("LINKHOP_DATABASE_URL", database.url.as_str())],
    )
}

#[tokio::test]
async fn the_schema_goes_up_and_down_and_up_again() {
    let database = Database::empty().await;
    let all = Migrator::migrations().len();
    let up = format!("{all} changes made; the schema is up to date\n");
    assert_eq!(on(&database, &["migrate", "up"]).printed(), up);
    for undone in 0..all {
        let status = format!("{} changes made, {undone} pending\n", all - undone);
        assert_eq!(on(&database, &["migrate", "status"]).printed(), status);
        let down = on(&database, &["migrate", "down"]).printed();
        assert_eq!(down, "the last change is taken back\n");
    }
    let status = on(&database, &["migrate", "status"]).printed();
    assert_eq!(status, format!("0 changes made, {all} pending\n"));
    let nothing = on(&database, &["migrate", "down"]).printed();
    assert_eq!(nothing, "there is nothing to take back\n");
    assert_eq!(on(&database, &["migrate", "up"]).printed(), up);
    let again = on(&database, &["migrate", "up"]).printed();
    assert_eq!(again, "0 changes made; the schema is up to date\n");

    let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
    let (_program, url) = Program::serve(&database);
    let client = Client::new(&url, &tenant.key);
    let made = client
        .create(json!({"url": "https://example.com/", "listId": 42}))
        .await;
    let code = made.expect("an answer")["linkId"].take();
    let code = code.as_str().expect("a code");
    let location = client.visit("go.example.com", code).await;
    assert_eq!(location.expect("an answer"), "https://example.com/");
}

#[tokio::test]
async fn an_account_and_a_key_made_by_commands_open_the_server() {
    let database = Database::migrated().await;
    let account = on(
        &database,
        &[
            "account",
            "create",
            "--name",
            "Example Outfitters",
            "--product",
            "sms",
        ],
    )
    .printed();
    let account = account.strip_suffix('\n').expect("a line");
    assert!(account.starts_with("acct_"), "{account}");
    let create = [
        "key",
        "create",
        "--account",
        account,
        "--name",
        "ops",
        "--scope",
        "admin",
    ];
    let key = on(&database, &create).printed();
    let key = key.strip_suffix('\n').expect("a line");
    assert!(key.starts_with("trk_") && key.len() == 36, "{key}");

    let (_program, url) = Program::serve(&database);
    let query = "{ viewer { account { id name products } apiKey { name scopes } } }";
    let viewer = Client::new(&url, key).graphql(query, json!({})).await;
    let expected = json!({"viewer": {
        "account": {"id": account, "name": "Example Outfitters", "products": ["SMS"]},
        "apiKey": {"name": "ops", "scopes": ["ADMIN"]},
    }});
    assert_eq!(viewer.expect("an answer"), expected);
}

#[tokio::test]
async fn a_key_of_no_account_is_not_made() {
    let database = Database::migrated().await;
    let account = "acct_00000000000000000000000000000000";
    let create = [
        "key",
        "create",
        "--account",
        account,
        "--name",
        "ops",
        "--scope",
        "admin",
    ];
    let ended = on(&database, &create);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    let said = format!("there is no account {account}");
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
}

#[test]
fn the_openapi_document_at_the_root_is_the_one_that_the_program_prints() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let kept = std::fs::read_to_string(file).expect("openapi.json");
    let printed = run(["openapi"], []).printed();
    assert!(
        printed == kept,
        "write it again: cargo run -- openapi > openapi.json"
    );
}

#[test]
fn the_schema_at_the_root_is_the_one_that_the_program_prints() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
    let kept = std::fs::read_to_string(file).expect("schema.graphql");
    let printed = run(["schema"], []).printed();
    assert!(
        printed == kept,
        "write it again: cargo run -- schema > schema.graphql"
    );
}
