//! What the operations for dashboards show of a small campaign.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Campaign, TestApp, counts, items};

/// What an operation answers: the only field of it.
async fn shown(app: &TestApp, operation: &str, variables: Value) -> Value {
    let path = format!("{}/operations/{operation}.graphql", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).expect("an operation");
    let answer = app.graphql(&text, variables).await.json();
    assert!(answer.get("errors").is_none(), "{operation}: {answer}");
    let data = answer["data"].as_object().expect("data");
    data.values().next().expect("a field").clone()
}

/// The rows of a report: what the operation asks for of their keys, and the numbers of all clicks, people's, bots' and
/// unique ones.
fn lines(report: &Value) -> Vec<String> {
    items(&report["rows"])
        .map(|row| {
            let keys = items(&row["keys"]).map(|key| {
                let name = [
                    &key["value"],
                    &key["offer"]["name"],
                    &key["sendingList"]["listId"],
                ];
                let name = name.into_iter().find(|name| !name.is_null());
                name.map_or("-".to_owned(), |name| {
                    name.as_str().map_or(name.to_string(), str::to_owned)
                })
            });
            let words: Vec<_> = keys.collect();
            format!("{}: {}", words.join(", "), counts(&row["counts"]))
        })
        .collect()
}

#[tokio::test]
async fn the_overview_has_a_total_and_each_day() {
    let app = TestApp::start().await;
    Campaign::make(&app).await;
    let period = json!({
        "from": "2026-11-21T18:30:00Z", "before": "2026-11-23T18:30:00Z", "interval": "DAY", "timezone": "Asia/Kolkata",
    });
    let nothing = json!({"clicks": 0, "humanClicks": 0, "botClicks": 0, "uniqueClicks": 0});
    let all = json!({"clicks": 6, "humanClicks": 4, "botClicks": 2, "uniqueClicks": 2});
    assert_eq!(
        shown(&app, "ClickOverview", period).await,
        json!({
            "from": "2026-11-21T18:30:00+00:00", "before": "2026-11-23T18:30:00+00:00", "timezone": "Asia/Kolkata",
            "total": all,
            "rows": [
                {"from": "2026-11-21T18:30:00+00:00", "before": "2026-11-22T18:30:00+00:00", "counts": nothing},
                {"from": "2026-11-22T18:30:00+00:00", "before": "2026-11-23T18:30:00+00:00", "counts": all},
            ],
            "rawFrom": null,
        })
    );
}

#[tokio::test]
async fn rankings_have_the_most_clicked_first() {
    let app = TestApp::start().await;
    Campaign::make(&app).await;
    let offers = shown(&app, "TopOffers", json!({"first": 2})).await;
    assert_eq!(lines(&offers), ["Shoes: 3 2 1 1", "Hats: 2 1 1 1"]);
    assert_eq!(
        (&offers["rowCount"], &offers["rest"]["clicks"]),
        (&json!(3), &json!(1))
    );
    let lists = shown(&app, "TopSendingLists", json!({"orderBy": "MOST_HUMAN_CLICKS"})).await;
    assert_eq!(lines(&lists), ["42: 4 3 1 1", "43: 2 1 1 1"]);
    let countries = shown(&app, "ClicksByCountryAndDevice", json!({"orderBy": "VALUE"})).await;
    assert_eq!(
        lines(&countries),
        [
            "-, -: 2 1 1 0",
            "DE, -: 1 0 1 0",
            "DE, smartphone: 1 1 0 1",
            "US, smartphone: 2 2 0 1"
        ]
    );
    let campaigns = shown(&app, "ClicksByMetadata", json!({"key": "wave"})).await;
    assert_eq!(lines(&campaigns), ["1: 3 2 1 1", "2.5: 2 1 1 1", "-: 1 1 0 0"]);
    let bots = shown(&app, "BotClicks", json!({"orderBy": "VALUE"})).await;
    let bots: Vec<_> = items(&bots["rows"])
        .map(|row| {
            let keys: Vec<_> = items(&row["keys"])
                .map(|key| key["value"].as_str().unwrap_or("-"))
                .collect();
            format!("{}: {}", keys.join(", "), row["counts"]["clicks"])
        })
        .collect();
    assert_eq!(bots, ["-, -: 4", "HEAD, -: 1", "USER_AGENT, SOCIAL_PREVIEW: 1"]);
}

#[tokio::test]
async fn a_campaign_has_its_own_clicks_only() {
    let app = TestApp::start().await;
    Campaign::make(&app).await;
    let spring = json!({"key": "campaign", "value": "spring", "interval": "HOUR"});
    let report = shown(&app, "CampaignClicks", spring).await;
    assert_eq!(counts(&report["total"]), "3 2 1 1");
    assert_eq!(report["rows"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["rows"][0]["from"], "2026-11-23T12:00:00+00:00");
    assert_eq!(counts(&report["rows"][0]["counts"]), "3 2 1 1");
    let number = json!({"key": "campaign", "value": 1});
    assert_eq!(
        counts(&shown(&app, "CampaignClicks", number).await["total"]),
        "2 1 1 1"
    );
}

#[tokio::test]
async fn the_latest_clicks_come_with_their_links() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    let page = shown(
        &app,
        "LatestClicks",
        json!({"first": 3, "filter": {"country": ["DE", "US"]}}),
    )
    .await;
    let lines: Vec<_> = items(&page["nodes"])
        .map(|click| {
            let id = click["shortLink"]["id"].as_str().expect("an id");
            format!(
                "{} {} {}",
                campaign.named(&app, id),
                click["country"],
                click["botReason"]
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "hats link \"DE\" \"HEAD\"",
            "hats link \"DE\" null",
            "shoes link \"US\" null"
        ]
    );
    assert_eq!(
        page["nodes"][2]["shortLink"]["metadata"],
        json!({"campaign": "spring", "wave": 1})
    );
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
}
