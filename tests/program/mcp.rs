//! `linkhop mcp`: an agent that starts it is given a server's tools.

use std::{env, process::Stdio};

use rmcp::{ServiceExt as _, model::CallToolResult};
use serde_json::{Value, json};
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, Command},
};

use super::process::{Program, run};
use crate::support::{Agent, Database, START, Tenant, call};

/// Starts it as an agent does.
async fn agent(url: &str, key: &str) -> (Agent, Child) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linkhop"));
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("LINKHOP_") {
            command.env_remove(name);
        }
    }
    let mut child = command
        .args(["mcp", "--url", url])
        .env("LINKHOP_API_KEY", key)
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let pipes = (
        child.stdout.take().expect("a pipe"),
        child.stdin.take().expect("a pipe"),
    );
    (().serve(pipes).await.expect("a handshake"), child)
}

fn error(result: CallToolResult) -> Value {
    assert_eq!(result.is_error, Some(true), "{result:?}");
    result.structured_content.expect("content")["errors"][0].take()
}

#[tokio::test]
async fn an_agent_makes_a_link_on_a_running_server_and_ends_it() {
    let database = Database::migrated().await;
    let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
    let (program, url) = Program::serve(&database);
    let (agent, mut child) = agent(&url, &tenant.key).await;
    assert_eq!(agent.list_all_tools().await.expect("tools").len(), 6);
    let link = json!({"url": "https://example.com/sale", "listId": 42});
    let made = call(&agent, "create_short_link", link).await;
    assert_eq!(made.is_error, Some(false), "{made:?}");
    let made = made.structured_content.expect("content")["createShortLink"].take();
    let found = call(&agent, "find_short_links", json!({"shortUrl": made["shortUrl"]})).await;
    let found = found.structured_content.expect("content");
    assert_eq!(found["shortLink"]["destinationUrl"], "https://example.com/sale");
    let wrong = call(
        &agent,
        "create_short_link",
        json!({"url": "nonsense", "listId": 42}),
    )
    .await;
    assert_eq!(error(wrong)["path"], json!(["input", "url"]));

    program.kill();
    let gone = error(call(&agent, "list_offers", json!({})).await);
    assert_eq!(gone["code"], "UNREACHABLE", "{gone}");
    let message = gone["message"].as_str().expect("a message");
    assert!(message.starts_with("The server can't be reached: "), "{message}");

    // Its input ends with the agent.
    agent.cancel().await.expect("an end");
    assert!(child.wait().await.expect("an end").success());
    let mut said = String::new();
    let mut stderr = child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut said).await.expect("UTF-8");
    assert_eq!(said, "", "nothing is wrong");
}

#[tokio::test]
async fn a_key_that_is_refused_and_an_address_of_something_else_are_said_to_be() {
    let database = Database::migrated().await;
    let (_program, url) = Program::serve(&database);
    let (stranger, _child) = agent(&url, &format!("trk_{}", "a".repeat(32))).await;
    let refused = error(call(&stranger, "list_offers", json!({})).await);
    assert_eq!(refused["code"], "UNAUTHENTICATED");
    let (lost, _child) = agent(&format!("{url}/elsewhere"), &format!("trk_{}", "a".repeat(32))).await;
    let refused = error(call(&lost, "list_offers", json!({})).await);
    assert_eq!(refused["code"], "UNREACHABLE");
    let message = refused["message"].as_str().expect("a message");
    assert!(message.contains("/elsewhere/graphql answered 405"), "{message}");
}

#[test]
fn it_does_not_start_without_a_key_or_with_a_wrong_setting_and_shows_no_key() {
    let key = "trk_s3cret";
    let wrong_key = run(["mcp"], [("LINKHOP_API_KEY", key)]);
    assert_eq!(wrong_key.code, Some(2), "{wrong_key:?}");
    assert!(
        wrong_key.stderr.contains("--api-key") && !wrong_key.output().contains("s3cret"),
        "{wrong_key:?}"
    );
    let no_key = run(["mcp"], []);
    assert_eq!(no_key.code, Some(2), "{no_key:?}");
    assert!(no_key.stderr.contains("--api-key <KEY>"), "{no_key:?}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").expect("a file");
    let key = format!("trk_{}", "a".repeat(32));
    for (file, said) in [
        ("/nowhere/ca.pem", "No such file"),
        (empty.to_str().expect("UTF-8"), "no certificate"),
    ] {
        let ended = run(["mcp", "--ca-file", file], [("LINKHOP_API_KEY", key.as_str())]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.stderr.contains(file) && ended.stderr.contains(said),
            "{ended:?}"
        );
    }
    for url in [
        "localhost:8080",
        "ftp://example.com",
        "http://example.com/?x",
        "nonsense",
    ] {
        let ended = run(["mcp", "--url", url], []);
        assert_eq!(ended.code, Some(2), "{url}: {ended:?}");
        assert!(ended.stderr.contains("--url <URL>"), "{url}: {ended:?}");
    }
}
