//! Stored clicks judged anew, beside a server that goes on.

use std::{fs, path::Path};

use reqwest::{header, redirect::Policy};
use serde_json::{Value, json};

use super::{
    client::Client,
    process::{Ended, Program, run},
};
use crate::support::{BROWSER, Database, START, Tenant};

/// `linkhop clicks reclassify` with these arguments.
fn reclassify(database: &Database, arguments: &[&str]) -> Ended {
    let command = ["clicks", "reclassify"].into_iter();
    run(
        command.chain(arguments.iter().copied()),
        [("LINKHOP_DATABASE_URL", database.url.as_str())],
    )
}

/// Opens a short link with this agent.
async fn visit(url: &str, code: &str, agent: &str) {
    let http = reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .build();
    let request = http.expect("a client").get(format!("{url}/{code}"));
    let request = request
        .header(header::HOST, "go.example.com")
        .header(header::USER_AGENT, agent);
    let status = request.send().await.expect("an answer").status();
    assert_eq!(status, 302);
}

/// Clicks, those of people and unique ones of the only link.
async fn figures(client: &Client) -> (i64, i64, i64) {
    let query = "{ shortLinks { nodes { stats { clicks humanClicks uniqueClicks } } } }";
    let answer = client.graphql(query, Value::Null).await.expect("an answer");
    let stats = &answer["shortLinks"]["nodes"][0]["stats"];
    let figure = |name: &str| stats[name].as_i64().expect("a number");
    (figure("clicks"), figure("humanClicks"), figure("uniqueClicks"))
}

fn a_list(folder: &Path, text: &str) -> String {
    let file = folder.join("today.txt");
    fs::write(&file, text).expect("a file");
    file.to_str().expect("UTF-8").to_owned()
}

#[tokio::test]
async fn clicks_are_judged_beside_a_server_whose_figures_follow_at_once() {
    let database = Database::migrated().await;
    let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
    let (_program, url) = Program::serve(&database);
    let client = Client::new(&url, &tenant.key);
    let made = client
        .create(json!({"url": "https://example.com/", "listId": 42}))
        .await;
    let code = made.expect("an answer")["linkId"].take();
    let code = code.as_str().expect("a code");
    let probe = format!("{BROWSER} AcmeShield/1.0");
    for _ in 0..3 {
        visit(&url, code, &probe).await;
    }
    visit(&url, code, BROWSER).await;
    assert_eq!(figures(&client).await, (4, 4, 2));

    let folder = tempfile::tempdir().expect("a temporary folder");
    let list = a_list(folder.path(), "# ours\nacmeshield\n");
    let arguments = ["--since", "2020-01-01", "--bot-agents", &list, "--json"];
    let dry_run = reclassify(&database, &[&arguments[..], &["--dry-run"]].concat()).printed();
    let mut said: Value = serde_json::from_str(&dry_run).expect("JSON");
    let version = said["agentListVersion"].take();
    assert!(
        version
            .as_str()
            .is_some_and(|version| version.starts_with("today.txt sha256:"))
    );
    assert_eq!(
        said,
        json!({
            "since": "2020-01-01T00:00:00Z", "agentListVersion": null, "dryRun": true, "lookedAt": 4, "toBots": 3,
            "toBotsByKind": [{"kind": "OTHER", "clicks": 3}], "toPeople": 0, "ofAnotherKind": 0,
            "agents": [{"userAgent": probe, "clicks": 3}],
        })
    );
    assert_eq!(figures(&client).await, (4, 4, 2));

    let changed = reclassify(&database, &arguments).printed();
    let mut changed: Value = serde_json::from_str(&changed).expect("JSON");
    assert_eq!(changed["agentListVersion"].take(), version);
    said["dryRun"] = false.into();
    said["agents"] = Value::Null;
    assert_eq!(changed, said);
    assert_eq!(figures(&client).await, (4, 1, 1));
    visit(&url, code, BROWSER).await;
    assert_eq!(figures(&client).await, (5, 2, 1));

    let again = reclassify(&database, &arguments[..4]).printed();
    let version = version.as_str().expect("a version");
    assert_eq!(
        again,
        format!(
            "5 clicks were looked at, by {version}.\n0 clicks of people are now those of bots\n\
             0 clicks of bots are now those of people\n0 clicks of bots now have another reason or kind\n"
        )
    );
    // The built-in list knows of no such bot: all as it was.
    let back = reclassify(&database, &["--since", "2020-01-01T00:00:00Z"]).printed();
    assert!(
        back.contains("\n3 clicks of bots are now those of people\n"),
        "{back}"
    );
    assert_eq!(figures(&client).await, (5, 5, 2));
}

#[tokio::test]
async fn people_are_told_which_agents_a_list_would_judge_anew() {
    let database = Database::migrated().await;
    let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
    let (program, url) = Program::serve(&database);
    let made = Client::new(&url, &tenant.key)
        .create(json!({"url": "https://example.com/", "listId": 42}))
        .await;
    let code = made.expect("an answer")["linkId"].take();
    visit(&url, code.as_str().expect("a code"), "curl/8.5.0").await;
    program.terminate();
    assert_eq!(program.end().code, Some(0));

    let folder = tempfile::tempdir().expect("a temporary folder");
    let list = a_list(folder.path(), "acmeshield\n");
    let dry_run = ["--dry-run", "--bot-agents", &list, "--since"];
    let since = |date| reclassify(&database, &[&dry_run[..], &[date]].concat()).printed();
    let printed = since("2020-01-01");
    let (_, rest) = printed.split_once('\n').expect("lines");
    assert_eq!(
        rest,
        "0 clicks of people would be those of bots\n1 clicks of bots would be those of people\n\
         0 clicks of bots would have another reason or kind\n\nCLICKS  USER AGENT\n1       curl/8.5.0\n"
    );
    let printed = since("2999-12-31");
    assert!(printed.starts_with("0 clicks were looked at, "), "{printed}");
    assert!(printed.ends_with("\n\nNothing would change.\n"), "{printed}");
}

#[tokio::test]
async fn a_wrong_date_and_a_wrong_list_are_refused() {
    let database = Database::migrated().await;
    for date in ["yesterday", "2026-13-01", "2026-11-01T08:00:00", ""] {
        let ended = reclassify(&database, &["--since", date]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains("'--since <DATE>'"), "{ended:?}");
    }
    let ended = reclassify(&database, &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--since <DATE>"), "{ended:?}");

    let folder = tempfile::tempdir().expect("a temporary folder");
    let list = a_list(folder.path(), "curl\nbot(\n");
    let ended = reclassify(&database, &["--since", "2026-11-01", "--bot-agents", &list]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    let said = "today.txt, line 2: \"bot(\" is no regular expression: ";
    assert!(ended.stderr.contains(said), "{ended:?}");
    let nowhere = ["--since", "2026-11-01", "--bot-agents", "/nowhere/agents.txt"];
    let ended = reclassify(&database, &nowhere);
    assert_eq!(ended.code, Some(2), "{ended:?}");
}
