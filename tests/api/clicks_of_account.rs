//! The clicks of an account, one by one.

use entity::click;
use serde_json::{Value, json};

use crate::support::{Campaign, START, Tenant, TestApp, a_click, items, text};

const PAGE: &str = "
query($filter: ClickFilter, $first: Int, $after: String, $last: Int, $before: String) {
  clicks(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { id } }
    pageInfo { hasPreviousPage hasNextPage startCursor endCursor }
  }
}";

/// The seconds after the test began at which the page's clicks were made.
fn seconds(page: &Value, clicks: &[click::Model]) -> Vec<i64> {
    items(&page["edges"])
        .map(|edge| {
            let id = text(&edge["node"]["id"]);
            let click = clicks.iter().find(|click| click.id.to_string() == id);
            let click = click.unwrap_or_else(|| panic!("an unknown click: {id}"));
            (click.clicked_at.millis() - START.millis()) / 1000
        })
        .collect()
}

#[tokio::test]
async fn the_latest_click_of_all_links_comes_first() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    for is_summed in [false, true] {
        if is_summed {
            app.app.aggregator.caught_up().await;
        }
        let query = "{ clicks { totalCount nodes {
            clickedAt isBot botReason isUnique country device sub1 agentListVersion shortLink { id offer { name } }
        } pageInfo { hasPreviousPage hasNextPage } } }";
        let page = app.graphql(query, Value::Null).await.data("clicks");
        let lines: Vec<_> = items(&page["nodes"])
            .map(|click| {
                let id = campaign.named(&app, text(&click["shortLink"]["id"]));
                let facts = ["botReason", "isUnique", "country", "device", "sub1"]
                    .map(|fact| click[fact].to_string());
                format!("{} {id} {}", &text(&click["clickedAt"])[17..19], facts.join(" "))
            })
            .collect();
        assert_eq!(
            lines,
            [
                "06 plain link null false null null null",
                "05 hats link \"HEAD\" false \"DE\" null null",
                "04 hats link null true \"DE\" \"smartphone\" \"b\"",
                "03 shoes link \"USER_AGENT\" false null null null",
                "02 shoes link null false \"US\" \"smartphone\" \"a\"",
                "01 shoes link null true \"US\" \"smartphone\" \"a\"",
            ]
        );
        assert_eq!(page["totalCount"], 6);
        assert_eq!(
            page["pageInfo"],
            json!({"hasPreviousPage": false, "hasNextPage": false})
        );
        let offers: Vec<_> = items(&page["nodes"])
            .map(|click| &click["shortLink"]["offer"]["name"])
            .collect();
        assert_eq!(
            (offers[0], offers[1], offers[3]),
            (&Value::Null, &json!("Hats"), &json!("Shoes"))
        );
    }
}

#[tokio::test]
async fn pages_go_forwards_and_backwards_over_summed_and_new_clicks() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    let mut clicks = campaign.clicks().to_vec();
    app.app.aggregator.caught_up().await;
    // One in the past of the others, as a late one is.
    let more = [
        a_click(campaign.hats_link, 7),
        a_click(campaign.plain_link, 2),
        a_click(campaign.plain_link, 0),
    ];
    app.store_clicks(&more).await;
    clicks.extend(more);
    // Those that were made here have other ids than those that were stored before.
    let known = app.clicks().await;
    let ask = async |variables: Value| {
        let page = app.graphql(PAGE, variables).await.data("clicks");
        let info = page["pageInfo"].clone();
        (seconds(&page, &known), info)
    };
    let all = [7, 6, 5, 4, 3, 2, 2, 1, 0];
    for rows in 1..=9 {
        let (mut found, mut place, mut pages) = (Vec::new(), Value::Null, 0);
        loop {
            let (page, info) = ask(json!({"first": rows, "after": place})).await;
            assert_eq!(info["hasPreviousPage"], pages > 0);
            pages += 1;
            found.extend(page);
            if info["hasNextPage"] == false {
                break;
            }
            place = info["endCursor"].clone();
        }
        assert_eq!(found, all, "{rows} at a time");
        let (mut found, mut place) = (Vec::new(), Value::Null);
        loop {
            let (page, info) = ask(json!({"last": rows, "before": place})).await;
            found.extend(page.into_iter().rev());
            if info["hasPreviousPage"] == false {
                break;
            }
            place = info["startCursor"].clone();
        }
        found.reverse();
        assert_eq!(found, all, "{rows} at a time, backwards");
    }
}

#[tokio::test]
async fn a_filter_picks_clicks_and_its_total_is_theirs() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    let known = app.clicks().await;
    let at = |seconds: &str| format!("2026-11-23T12:00:0{seconds}Z");
    let query = "query($filter: ClickFilter, $first: Int) {
        clicks(filter: $filter, first: $first) { totalCount edges { node { id } } } }";
    for is_summed in [false, true] {
        if is_summed {
            app.app.aggregator.caught_up().await;
        }
        for (filter, expected) in [
            (json!({"from": at("2"), "before": at("5")}), [4, 3, 2].as_slice()),
            (
                json!({"shortLinkId": campaign.shoes_link.to_string()}),
                &[3, 2, 1],
            ),
            (json!({"offerId": campaign.hats.id.to_string()}), &[5, 4]),
            (json!({"listId": 42}), &[6, 3, 2, 1]),
            (json!({"domainId": campaign.outlet.id.to_string()}), &[5, 4]),
            (json!({"contactPhone": "+12025550143"}), &[3, 2, 1]),
            (json!({"metadata": {"key": "campaign", "value": 1}}), &[5, 4]),
            (json!({"isBot": true}), &[5, 3]),
            (json!({"isBot": false}), &[6, 4, 2, 1]),
            (json!({"botReason": ["HEAD", null]}), &[6, 5, 4, 2, 1]),
            (json!({"botKind": ["SOCIAL_PREVIEW"]}), &[3]),
            (json!({"country": ["DE", null]}), &[6, 5, 4, 3]),
            (json!({"device": [null]}), &[6, 5, 3]),
            (json!({"os": ["iOS"]}), &[4, 2, 1]),
            (json!({"browser": ["Safari"]}), &[4, 2, 1]),
            (json!({"referrer": [null]}), &[6, 5, 3]),
            (json!({"sub1": ["a"]}), &[2, 1]),
            (json!({"sub5": ["b", null]}), &[6, 5, 4, 3, 2, 1]),
            (json!({"source": ["sms"], "isBot": false, "listId": 42}), &[2, 1]),
            (json!({"country": []}), &[]),
        ] {
            let all = app.graphql(query, json!({"filter": filter})).await.data("clicks");
            assert_eq!(seconds(&all, &known), expected, "{filter}, summed: {is_summed}");
            assert_eq!(all["totalCount"], expected.len(), "{filter}");
            let first = app
                .graphql(query, json!({"filter": filter, "first": 1}))
                .await
                .data("clicks");
            assert_eq!(
                seconds(&first, &known),
                expected[..expected.len().min(1)],
                "{filter}"
            );
            assert_eq!(first["totalCount"], expected.len(), "{filter}");
        }
    }
}

#[tokio::test]
async fn a_page_that_can_t_be_had_is_refused() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    let query = "query($id: ID!) { shortLink(by: {id: $id}) { clicks { pageInfo { endCursor } } } }";
    let link = app
        .graphql(query, json!({"id": campaign.shoes_link.to_string()}))
        .await;
    let place_of_a_link = link.data("shortLink")["clicks"]["pageInfo"]["endCursor"].clone();
    for variables in [
        json!({"first": 0}),
        json!({"first": 101}),
        json!({"first": 1_000_000}),
        json!({"last": -1}),
        json!({"first": 1, "last": 1}),
        json!({"after": "x"}),
        json!({"after": ""}),
        json!({"after": place_of_a_link}),
    ] {
        let answer = app.graphql(PAGE, variables.clone()).await;
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{variables}");
    }
}

#[tokio::test]
async fn another_account_s_clicks_are_in_no_page_and_no_report() {
    let app = TestApp::start().await;
    Campaign::make(&app).await;
    let other = Tenant::make(app.store(), "go.other.example", START).await;
    for is_summed in [false, true] {
        if is_summed {
            app.app.aggregator.caught_up().await;
        }
        let query =
            "{ clicks { totalCount nodes { id } } clickReport(groupBy: [{metadataKey: \"campaign\"}]) {
            total { clicks } rowCount } }";
        let answer = app.graphql_as(Some(&other.key), query, Value::Null).await.json();
        assert_eq!(
            answer["data"],
            json!({
                "clicks": {"totalCount": 0, "nodes": []}, "clickReport": {"total": {"clicks": 0}, "rowCount": 0},
            })
        );
    }
}
