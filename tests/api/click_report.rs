//! How many clicks there were, by what they have in common.

use entity::click;
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _};
use serde_json::{Value, json};

use crate::support::{Campaign, TestApp, a_click, counts, items, rows};

/// By everything that every account's clicks have, or by a key of metadata.
fn by(grouping: &str) -> Value {
    match grouping.strip_prefix("metadata.") {
        Some(key) => json!({"metadataKey": key}),
        None => json!({"dimension": grouping}),
    }
}

/// The rows of a report in the order of their values, with names for ids.
async fn counted(app: &TestApp, campaign: &Campaign, groupings: &[&str], filter: Value) -> Vec<String> {
    let group_by: Vec<_> = groupings.iter().copied().map(by).collect();
    let report = app.report(json!({"filter": filter, "groupBy": group_by})).await;
    let mut rows: Vec<_> = rows(&report).iter().map(|row| campaign.named(app, row)).collect();
    assert_eq!(report["rowCount"], rows.len());
    rows.sort();
    rows
}

#[tokio::test]
async fn clicks_are_counted_by_each_dimension() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    let by_parameter: &[_] = &["-: 5 3 2 1", "b: 1 1 0 1"];
    for is_summed in [false, true] {
        if is_summed {
            app.app.aggregator.caught_up().await;
        }
        for (dimension, expected) in [
            (
                "SHORT_LINK",
                ["hats link: 2 1 1 1", "plain link: 1 1 0 0", "shoes link: 3 2 1 1"].as_slice(),
            ),
            ("OFFER", &["-: 1 1 0 0", "hats: 2 1 1 1", "shoes: 3 2 1 1"]),
            ("SENDING_LIST", &["list 42: 4 3 1 1", "list 43: 2 1 1 1"]),
            ("DOMAIN", &["go: 4 3 1 1", "outlet: 2 1 1 1"]),
            (
                "CONTACT_PHONE",
                &["+12025550143: 3 2 1 1", "+12025550144: 2 1 1 1", "-: 1 1 0 0"],
            ),
            (
                "BOT_REASON",
                &["-: 4 4 0 2", "HEAD: 1 0 1 0", "USER_AGENT: 1 0 1 0"],
            ),
            ("BOT_KIND", &["-: 5 4 1 2", "SOCIAL_PREVIEW: 1 0 1 0"]),
            ("COUNTRY", &["-: 2 1 1 0", "DE: 2 1 1 1", "US: 2 2 0 1"]),
            ("DEVICE", &["-: 3 1 2 0", "smartphone: 3 3 0 2"]),
            ("OS", &["-: 3 1 2 0", "iOS: 3 3 0 2"]),
            ("BROWSER", &["-: 3 1 2 0", "Safari: 3 3 0 2"]),
            ("REFERRER", &["-: 3 1 2 0", "www.example.com: 3 3 0 2"]),
            ("SUB1", &["-: 3 1 2 0", "a: 2 2 0 1", "b: 1 1 0 1"]),
            ("SUB2", by_parameter),
            ("SUB3", by_parameter),
            ("SUB4", by_parameter),
            ("SUB5", by_parameter),
            ("SOURCE", &["-: 4 2 2 1", "sms: 2 2 0 1"]),
            (
                "metadata.campaign",
                &["1: 2 1 1 1", "[\"spring\"]: 1 1 0 0", "spring: 3 2 1 1"],
            ),
            ("metadata.wave", &["-: 1 1 0 0", "1: 3 2 1 1", "2.5: 2 1 1 1"]),
            ("metadata.nothing", &["-: 6 4 2 2"]),
        ] {
            let found = counted(&app, &campaign, &[dimension], json!({})).await;
            assert_eq!(found, expected, "{dimension}, summed: {is_summed}");
        }
    }
}

#[tokio::test]
async fn clicks_are_counted_by_two_dimensions_at_once() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    for (groupings, expected) in [
        (
            ["SENDING_LIST", "COUNTRY"],
            [
                "list 42, -: 2 1 1 0",
                "list 42, US: 2 2 0 1",
                "list 43, DE: 2 1 1 1",
            ]
            .as_slice(),
        ),
        (
            ["metadata.campaign", "metadata.wave"],
            &[
                "1, 2.5: 2 1 1 1",
                "[\"spring\"], -: 1 1 0 0",
                "spring, 1: 3 2 1 1",
            ],
        ),
        (
            ["BOT_REASON", "OFFER"],
            &[
                "-, -: 1 1 0 0",
                "-, hats: 1 1 0 1",
                "-, shoes: 2 2 0 1",
                "HEAD, hats: 1 0 1 0",
                "USER_AGENT, shoes: 1 0 1 0",
            ],
        ),
    ] {
        let found = counted(&app, &campaign, &groupings, json!({})).await;
        assert_eq!(found, expected, "{groupings:?}");
    }
}

#[tokio::test]
async fn without_a_grouping_there_is_a_total_and_no_row() {
    let app = TestApp::start().await;
    Campaign::make(&app).await;
    let nothing = json!({"clicks": 0, "humanClicks": 0, "botClicks": 0, "uniqueClicks": 0});
    assert_eq!(
        app.report(json!({})).await,
        json!({
            "from": null, "before": null, "timezone": "UTC",
            "total": {"clicks": 6, "humanClicks": 4, "botClicks": 2, "uniqueClicks": 2},
            "rows": [], "rowCount": 0, "rest": nothing, "rawFrom": null,
        })
    );
    // Nor is there a row where there is no click.
    let filter = json!({"filter": {"country": ["FR"]}, "groupBy": [by("COUNTRY")]});
    let report = app.report(filter).await;
    assert_eq!((&report["total"], &report["rows"]), (&nothing, &json!([])));
}

#[tokio::test]
async fn a_filter_picks_clicks_by_everything_that_is_known_of_them() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    let at = |seconds: &str| format!("2026-11-23T12:00:0{seconds}Z");
    for is_summed in [false, true] {
        if is_summed {
            app.app.aggregator.caught_up().await;
        }
        for (filter, expected) in [
            (json!({}), "6 4 2 2"),
            (json!({"from": at("2")}), "5 3 2 1"),
            // Times between two milliseconds are those after them.
            (json!({"from": at("2.0000001")}), "4 2 2 1"),
            (json!({"before": at("4")}), "3 2 1 1"),
            (json!({"before": at("4.0000001")}), "4 3 1 2"),
            (json!({"from": at("2"), "before": at("5")}), "3 2 1 1"),
            (json!({"shortLinkId": campaign.shoes_link.to_string()}), "3 2 1 1"),
            (json!({"offerId": campaign.hats.id.to_string()}), "2 1 1 1"),
            (json!({"listId": 42}), "4 3 1 1"),
            (json!({"domainId": campaign.outlet.id.to_string()}), "2 1 1 1"),
            (json!({"contactPhone": "+12025550143"}), "3 2 1 1"),
            (json!({"contactPhone": "+12025550199"}), "0 0 0 0"),
            (
                json!({"metadata": {"key": "campaign", "value": "spring"}}),
                "3 2 1 1",
            ),
            (json!({"metadata": {"key": "campaign", "value": "1"}}), "0 0 0 0"),
            (json!({"metadata": {"key": "campaign", "value": 1.0}}), "2 1 1 1"),
            (json!({"metadata": {"key": "wave", "value": 2.5}}), "2 1 1 1"),
            (json!({"isBot": true}), "2 0 2 0"),
            (json!({"isBot": false}), "4 4 0 2"),
            (json!({"botReason": ["HEAD"]}), "1 0 1 0"),
            (json!({"botReason": ["HEAD", null, null]}), "5 4 1 2"),
            (json!({"botReason": [null], "isBot": true}), "0 0 0 0"),
            (json!({"botKind": ["SOCIAL_PREVIEW", "SCANNER"]}), "1 0 1 0"),
            (json!({"botKind": [null]}), "5 4 1 2"),
            (json!({"country": ["US", "FR"]}), "2 2 0 1"),
            (json!({"country": ["US", null]}), "4 3 1 1"),
            // One value is a list of one.
            (json!({"country": "DE"}), "2 1 1 1"),
            (json!({"country": []}), "0 0 0 0"),
            (json!({"country": null}), "6 4 2 2"),
            (json!({"country": ["us"]}), "0 0 0 0"),
            (json!({"device": ["smartphone"], "country": ["DE"]}), "1 1 0 1"),
            (json!({"os": [null]}), "3 1 2 0"),
            (json!({"browser": ["Safari"]}), "3 3 0 2"),
            (json!({"referrer": ["www.example.com"]}), "3 3 0 2"),
            (json!({"sub1": ["a", "b"]}), "3 3 0 2"),
            (json!({"sub2": ["b"]}), "1 1 0 1"),
            (json!({"sub3": [null]}), "5 3 2 1"),
            (json!({"sub4": ["b", null]}), "6 4 2 2"),
            (json!({"sub5": ["a"]}), "0 0 0 0"),
            (json!({"source": ["sms"]}), "2 2 0 1"),
            (
                json!({"listId": 42, "isBot": false, "source": ["sms"], "from": at("2")}),
                "1 1 0 0",
            ),
        ] {
            let report = app.report(json!({"filter": filter})).await;
            assert_eq!(
                counts(&report["total"]),
                expected,
                "{filter}, summed: {is_summed}"
            );
        }
    }
}

#[tokio::test]
async fn rows_are_ordered_and_capped_and_the_rest_is_told() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    let ask = async |grouping: &str, order: Value, first: Value| {
        let variables = json!({"groupBy": [by(grouping)], "orderBy": order, "first": first});
        let report = app.report(variables).await;
        let rows: Vec<_> = rows(&report)
            .iter()
            .map(|row| campaign.named(&app, row))
            .collect();
        (rows, report)
    };
    let nothing = Value::Null;
    for (order, expected) in [
        (
            nothing.clone(),
            ["shoes link: 3 2 1 1", "hats link: 2 1 1 1", "plain link: 1 1 0 0"],
        ),
        (
            json!("MOST_CLICKS"),
            ["shoes link: 3 2 1 1", "hats link: 2 1 1 1", "plain link: 1 1 0 0"],
        ),
    ] {
        assert_eq!(ask("SHORT_LINK", order, nothing.clone()).await.0, expected);
    }
    let (most_people, _) = ask("COUNTRY", json!("MOST_HUMAN_CLICKS"), nothing.clone()).await;
    assert_eq!(most_people[0], "US: 2 2 0 1");
    let (most_unique, _) = ask("SUB1", json!("MOST_UNIQUE_CLICKS"), nothing.clone()).await;
    assert_eq!(most_unique[2], "-: 3 1 2 0");
    let (by_value, _) = ask("SUB1", json!("VALUE"), nothing.clone()).await;
    assert_eq!(by_value, ["-: 3 1 2 0", "a: 2 2 0 1", "b: 1 1 0 1"]);

    for (first, expected, rest) in [
        (1, ["shoes link: 3 2 1 1"].as_slice(), "3 2 1 1"),
        (2, &["shoes link: 3 2 1 1", "hats link: 2 1 1 1"], "1 1 0 0"),
        (
            3,
            &["shoes link: 3 2 1 1", "hats link: 2 1 1 1", "plain link: 1 1 0 0"],
            "0 0 0 0",
        ),
        (
            10_000,
            &["shoes link: 3 2 1 1", "hats link: 2 1 1 1", "plain link: 1 1 0 0"],
            "0 0 0 0",
        ),
    ] {
        let (rows, report) = ask("SHORT_LINK", nothing.clone(), json!(first)).await;
        assert_eq!(rows, expected);
        assert_eq!(counts(&report["rest"]), rest);
        assert_eq!(counts(&report["total"]), "6 4 2 2");
        assert_eq!(report["rowCount"], 3);
    }
}

#[tokio::test]
async fn a_key_says_what_it_is_and_leads_to_its_row() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    let query = "query($first: ClickGrouping!, $second: ClickGrouping!) {
        clickReport(groupBy: [$first, $second], filter: {isBot: true}, orderBy: VALUE) { rows { keys {
            dimension metadataKey value shortLink { id metadata stats { clicks } } offer { name } sendingList { listId }
            domain { host }
        } } } }";
    let ask = async |first, second| {
        let answer = app.graphql(query, json!({"first": by(first), "second": by(second)}));
        let report = answer.await.data("clickReport");
        let rows: Vec<Value> = items(&report["rows"]).map(|row| row["keys"].clone()).collect();
        assert_eq!(rows.len(), 2, "{report}");
        rows.into_iter()
            .find(|row| {
                row.to_string().contains("shoes")
                    || row.to_string().contains("Shoes")
                    || row.to_string().contains("spring")
            })
            .expect("a row of shoes")
    };
    let key = |dimension: Option<&str>, key: Option<&str>, value: Option<&str>| {
        json!({
            "dimension": dimension, "metadataKey": key, "value": value,
            "shortLink": null, "offer": null, "sendingList": null, "domain": null,
        })
    };
    let mut offer = key(Some("OFFER"), None, Some(&campaign.shoes.id.to_string()));
    offer["offer"] = json!({"name": "Shoes"});
    let mut list = key(Some("SENDING_LIST"), None, Some(&app.tenant.list.id.to_string()));
    list["sendingList"] = json!({"listId": 42});
    assert_eq!(ask("OFFER", "SENDING_LIST").await, json!([offer, list]));
    let mut link = key(Some("SHORT_LINK"), None, Some(&campaign.shoes_link.to_string()));
    link["shortLink"] = json!({
        "id": campaign.shoes_link.to_string(), "metadata": {"campaign": "spring", "wave": 1}, "stats": {"clicks": 3},
    });
    let mut domain = key(Some("DOMAIN"), None, Some(&app.tenant.domain.id.to_string()));
    domain["domain"] = json!({"host": "go.example.com"});
    assert_eq!(ask("SHORT_LINK", "DOMAIN").await, json!([link, domain]));
    assert_eq!(
        ask("metadata.campaign", "COUNTRY").await,
        json!([
            key(None, Some("campaign"), Some("spring")),
            key(Some("COUNTRY"), None, None)
        ])
    );
}

#[tokio::test]
async fn clicks_are_grouped_by_what_their_links_have_now() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    app.app.aggregator.caught_up().await;
    let link = app.stored_by_id(campaign.shoes_link).await;
    app.save(entity::short_link::Model {
        metadata: json!({"campaign": "autumn"}),
        contact_phone: None,
        ..link
    })
    .await;
    assert_eq!(
        counted(
            &app,
            &campaign,
            &["metadata.campaign", "CONTACT_PHONE"],
            json!({})
        )
        .await,
        [
            "1, +12025550144: 2 1 1 1",
            "[\"spring\"], -: 1 1 0 0",
            "autumn, -: 3 2 1 1"
        ]
    );
    let filter = json!({"metadata": {"key": "campaign", "value": "spring"}});
    assert!(counted(&app, &campaign, &["SHORT_LINK"], filter).await.is_empty());
}

#[tokio::test]
async fn archived_offers_and_links_keep_their_clicks() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    app.archive("archiveOffer", "{ offer { id } }", &campaign.shoes.id.to_string())
        .await;
    let link = app.stored_by_id(campaign.shoes_link).await;
    app.save(entity::short_link::Model {
        status: entity::short_link::Status::Archived,
        ..link
    })
    .await;
    let filter = json!({"offerId": campaign.shoes.id.to_string()});
    assert_eq!(
        counted(&app, &campaign, &["SHORT_LINK"], filter).await,
        ["shoes link: 3 2 1 1"]
    );
}

#[tokio::test]
async fn clicks_that_are_not_summed_count_once_however_far_apart_they_are_stored() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    let known = app.clicks().await;
    let last = known.last().expect("clicks").clone();
    // They are read some ten thousand rows at a time: the same click again, and the same visitor's second.
    for (seq, click) in [
        (last.seq + 120_000, known[0].clone()),
        (
            last.seq + 240_000,
            click::Model {
                visitor: known[0].visitor,
                ..a_click(known[0].short_link_id, 7)
            },
        ),
    ] {
        let row = click::Model { seq, ..click }.into_active_model();
        row.insert(&app.store().write).await.expect("a click");
    }
    let report = app.report(json!({})).await;
    let before = app
        .report(json!({"filter": {"before": "2026-11-23T12:00:07Z"}}))
        .await;
    assert_eq!(counts(&before["total"]), "6 4 2 2");
    assert_eq!(counts(&report["total"]), "7 5 2 2");
    let query = "query($id: ID!) { clicks(filter: {shortLinkId: $id}) { nodes { id } }
        node(id: $id) { ... on ShortLink { stats(from: \"2026-11-23T12:00:00Z\") { clicks uniqueClicks } } } }";
    let id = json!({"id": campaign.shoes_link.to_string()});
    let answer = app.graphql(query, id).await.json();
    assert_eq!(items(&answer["data"]["clicks"]["nodes"]).count(), 4, "{answer}");
    let stats = json!({"clicks": 4, "uniqueClicks": 1});
    assert_eq!(answer["data"]["node"]["stats"], stats, "{answer}");
}
