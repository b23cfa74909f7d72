//! The README tells the truth.

use axum::http::Request;
use clap::CommandFactory as _;
use entity::{click, offer::Platform};
use linkhop::cli::Cli;
use serde_json::{Value, json};

use crate::support::{TestApp, a_click};

const README: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));

/// The code blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    README
        .split("\n```")
        .filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'))
        .collect()
}

#[tokio::test]
async fn its_graphql_examples_run() {
    let app = TestApp::start().await;
    let tracking_url = "https://tune.example.com/aff_c?offer_id={{offer.external_id}}";
    let offer = app
        .tenant
        .offer(app.store(), Some(Platform::Tune), tracking_url)
        .await;
    let examples = blocks("graphql");
    assert_eq!(examples.len(), 17);

    let made = app.graphql(examples[0], json!({})).await.data("createShortLink");
    assert_eq!(
        made["destinationUrl"], "https://example.com/spring-sale",
        "{made}"
    );
    let made = app
        .graphql(examples[1], json!({"offerId": offer.id.to_string()}))
        .await
        .data("createShortLink");
    assert_eq!(made["shortUrl"], "https://go.example.com/summer-vip", "{made}");
    let found = app
        .graphql(examples[2], json!({"shortUrl": made["shortUrl"]}))
        .await
        .data("shortLink");
    assert_eq!(
        (&found["status"], &found["offer"]["platform"]),
        (&json!("ACTIVE"), &json!("TUNE"))
    );
    let page = app.graphql(examples[5], json!({})).await.data("shortLinks");
    assert_eq!(page["nodes"].as_array().map(Vec::len), Some(2));
    let page = app.graphql(examples[6], json!({})).await.data("shortLinks");
    assert_eq!(page["totalCount"], 1);
    assert_eq!(
        page["nodes"][0]["destinationUrl"],
        "https://example.com/spring-sale"
    );
    let viewer = app.graphql(examples[7], json!({})).await.data("viewer");
    assert_eq!(viewer["apiKey"]["scopes"], json!(["ADMIN"]));
    let made = app.graphql(examples[8], json!({})).await.data("createDomain");
    assert_eq!(made["domain"]["host"], "go.example.org", "{made}");
    let made = app
        .graphql(examples[9], json!({"domainId": made["domain"]["id"]}))
        .await
        .json();
    let data = &made["data"];
    assert_eq!(data["createSendingList"]["sendingList"]["listId"], 43, "{made}");
    assert!(data["createOffer"]["offer"]["id"].is_string(), "{made}");
    let made = app.graphql(examples[10], json!({})).await.data("createApiKey");
    assert!(made["key"].is_string(), "{made}");
    let log = app.graphql(examples[11], json!({})).await.data("auditLog");
    assert_eq!(log["nodes"][0]["subjectId"], made["apiKey"]["id"], "{log}");
    let erased = app.graphql(examples[12], json!({})).await.data("eraseContact");
    assert_eq!(erased, json!({"links": 1, "clicks": 0}));
}

#[tokio::test]
async fn its_campaign_runs_from_links_to_report() {
    let app = TestApp::start().await;
    let examples = blocks("graphql");
    for replayed in [false, true] {
        let made = app
            .graphql(examples[13], json!({}))
            .await
            .data("createShortLinks");
        assert_eq!(
            (&made["created"], &made["failed"]),
            (&json!(2), &json!(1)),
            "{made}"
        );
        assert_eq!(made["results"][1]["replayed"], replayed);
        assert_eq!(made["results"][2]["code"], "INVALID_PHONE");
    }
    let all = "{ shortLinks(orderBy: OLDEST_FIRST) { nodes { id } } }";
    let links = app.graphql(all, json!({})).await.data("shortLinks");
    assert_eq!(links["nodes"].as_array().map(Vec::len), Some(2));
    let id = &links["nodes"][0]["id"];
    let changed = app
        .graphql(examples[14], json!({"id": id}))
        .await
        .data("updateShortLink");
    assert_eq!(
        changed["shortLink"],
        json!({"destinationUrl": "https://example.com/spring-sale-2", "status": "ACTIVE"})
    );
    let link = id.as_str().and_then(|id| id.parse().ok()).expect("an id");
    app.store_clicks(&[a_click(link, 1)]).await;
    let report = app.graphql(examples[15], json!({})).await.data("clickReport");
    assert_eq!(report["total"]["clicks"], 1, "{report}");
    assert_eq!(report["rows"][0]["keys"][0]["value"], "loyal", "{report}");
}

#[tokio::test]
async fn its_rest_call_answers_what_it_shows() {
    let app = TestApp::start().await;
    let call = blocks("sh")
        .into_iter()
        .find(|block| block.contains("/v2/links/shorten"))
        .expect("a call");
    let (_, body) = call.split_once("-d '").expect("a body");
    let body = body.trim_end().strip_suffix('\'').expect("a body");
    let mut incomplete: Value = serde_json::from_str(body).expect("JSON");
    for field in ["listId", "idempotencyKey"] {
        incomplete[field] = Value::Null;
    }
    for (status, body, shown) in [(200, body, 3), (400, &*incomplete.to_string(), 4)] {
        let request = Request::post("/v2/links/shorten")
            .header("content-type", "application/json")
            .header("x-api-key", &app.tenant.key);
        let answer = app.send(request.body(body.to_owned().into()).expect("a request"));
        let answer = answer.await;
        let shown: Value = serde_json::from_str(blocks("json")[shown]).expect("JSON");
        assert_eq!((answer.status.as_u16(), answer.json()), (status, shown));
    }
}

#[test]
fn its_table_of_rest_errors_is_that_of_the_document() {
    let document: Value = linkhop::http::openapi().parse().expect("JSON");
    let responses = &document["paths"]["/v2/links/shorten"]["post"]["responses"];
    let table = README
        .split_once("| status | code |\n|---|---|\n")
        .expect("a table")
        .1;
    let rows: Vec<_> = table.lines().take_while(|line| line.starts_with('|')).collect();
    for (status, response) in responses.as_object().expect("responses") {
        let codes = &response["content"]["application/json"]["schema"]["properties"]["code"]["enum"];
        for code in codes.as_array().into_iter().flatten() {
            let code = code.as_str().expect("a code");
            let told = rows.iter().any(|row| {
                let (statuses, codes) = row[1..].split_once('|').expect("two columns");
                statuses.contains(status.as_str()) && codes.contains(&format!("`{code}`"))
            });
            assert!(told, "{status} {code}");
        }
    }
}

#[tokio::test]
async fn its_text_is_longer_for_its_apostrophe() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let short_url = format!("https://go.example.com/{code}");
    let example = blocks("graphql")[16];
    let ask = async |query: &str| {
        let answer = app.graphql(query, json!({"shortUrl": short_url}));
        answer.await.data("shortLink")
    };
    let shown = ask(example).await;
    let sms = &shown["sms"];
    assert_eq!(sms["text"], format!("It’s spring! 20 % off: {short_url}"));
    assert_eq!(
        (&sms["encoding"], &sms["segments"], &sms["left"]),
        (&json!("UCS_2"), &json!(1), &json!(17))
    );
    assert_eq!(
        sms["unicodeCharacters"],
        json!([{"character": "’", "codePoint": "U+2019"}])
    );
    assert_eq!(shown["qrCode"]["mediaType"], "image/svg+xml");
    let plain = ask(&example.replace('’', "'")).await;
    let sms = &plain["sms"];
    assert_eq!((&sms["encoding"], &sms["left"]), (&json!("GSM_7"), &json!(107)));
}

#[tokio::test]
async fn its_figures_are_what_three_clicks_answer() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let link = app.link_id(&code).await;
    let preview = click::Model {
        bot_reason: Some(click::BotReason::UserAgent),
        bot_kind: Some(click::BotKind::SocialPreview),
        ..a_click(link, 8)
    };
    app.store_clicks(&[a_click(link, 7), preview, a_click(link, 9)])
        .await;
    let short_url = format!("https://go.example.com/{code}");
    let answer = app.graphql(blocks("graphql")[3], json!({"shortUrl": short_url}));
    let shown: Value = serde_json::from_str(blocks("json")[0]).expect("JSON");
    assert_eq!(answer.await.json()["data"], shown["data"]);
}

#[tokio::test]
async fn its_report_is_what_five_clicks_answer() {
    let app = TestApp::start().await;
    let link = async |campaign: &str| {
        let input = json!({"url": "https://example.com/", "listId": 42, "metadata": {"campaign": campaign}});
        let made = app.create(input).await;
        app.link_id(made["linkId"].as_str().expect("a code")).await
    };
    let (spring, summer) = (link("spring").await, link("summer").await);
    let other = click::Model {
        visitor: Some(2),
        ..a_click(spring, 9)
    };
    let preview = click::Model {
        bot_reason: Some(click::BotReason::UserAgent),
        bot_kind: Some(click::BotKind::SocialPreview),
        ..a_click(summer, 10)
    };
    app.store_clicks(&[
        a_click(spring, 7),
        a_click(spring, 8),
        other,
        preview,
        a_click(summer, 11),
    ])
    .await;
    let period = json!({"from": "2026-11-23T00:00:00Z", "before": "2026-11-24T00:00:00Z"});
    let answer = app.graphql(blocks("graphql")[4], period);
    let shown: Value = serde_json::from_str(blocks("json")[1]).expect("JSON");
    assert_eq!(answer.await.json()["data"], shown["data"]);
}

#[tokio::test]
async fn its_error_is_what_a_taken_code_answers() {
    let app = TestApp::start().await;
    let query =
        "mutation { createShortLink(input: {url: \"https://example.com/\", listId: 42, code: \"taken\"}) {
        ... on UserError { code message path retryable } } }";
    app.graphql(query, json!({})).await.data("createShortLink");
    let shown: Value = serde_json::from_str(blocks("json")[2]).expect("JSON");
    assert_eq!(app.graphql(query, json!({})).await.json()["data"], shown["data"]);
}

#[test]
fn its_settings_file_is_one() {
    let examples = blocks("toml");
    assert_eq!(examples.len(), 1);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("linkhop.toml");
    std::fs::write(&file, examples[0]).expect("a settings file");
    let check = ["linkhop", "config", "check", "--config"].map(Into::into);
    linkhop::cli::read(check.into_iter().chain([file.into_os_string()])).expect("settings that are right");
}

#[test]
fn it_lists_every_setting_with_its_variable_and_default() {
    let cli = Cli::command();
    for command in ["serve", "demo"] {
        let command = cli.find_subcommand(command).expect("a command");
        for setting in command.get_arguments().chain(cli.get_arguments()) {
            let (Some(flag), Some(variable)) = (setting.get_long(), setting.get_env()) else {
                continue;
            };
            let row = format!("| `--{flag}` | `{}` |", variable.to_string_lossy());
            let row = README.lines().find(|line| line.starts_with(&row));
            let row = row.unwrap_or_else(|| panic!("the README has no row for --{flag}"));
            for default in setting.get_default_values() {
                assert!(row.contains(&*default.to_string_lossy()), "{row}");
            }
        }
    }
}
