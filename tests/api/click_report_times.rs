//! How many clicks there were in each hour, day, week and month of a zone.

use entity::{ClickId, ShortLinkId, Timestamp, click};
use serde_json::{Value, json};

use crate::support::{Campaign, TestApp, a_click, counts, rows};

/// A click of a person at that time.
fn at(link: ShortLinkId, time: &str) -> click::Model {
    let time: chrono::DateTime<chrono::Utc> = time.parse().expect("a time");
    let time = Timestamp::from(time);
    click::Model {
        id: ClickId::at(time),
        clicked_at: time,
        ..a_click(link, 0)
    }
}

/// The rows of a report by time that have clicks.
async fn by_time(app: &TestApp, interval: &str, timezone: &str) -> Vec<String> {
    let mut rows = rows(
        &app.report(json!({"interval": interval, "timezone": timezone}))
            .await,
    );
    rows.retain(|row| !row.ends_with(NOTHING));
    rows
}

/// How a row without clicks ends.
const NOTHING: &str = ": 0 0 0 0";

/// The night of 2026 in which Berlin's clocks are set back, and the beginning of a month.
const AUTUMN: [&str; 7] = [
    "2026-10-24T21:59:59.999Z",
    "2026-10-24T22:00:00Z",
    "2026-10-25T00:30:00Z",
    "2026-10-25T01:30:00Z",
    "2026-10-25T22:59:59.999Z",
    "2026-10-25T23:00:00Z",
    "2026-10-31T23:00:00Z",
];

#[tokio::test]
async fn intervals_are_those_of_the_zone_s_clocks() {
    let app = TestApp::start().await;
    let link = Campaign::without_clicks(&app).await.plain_link;
    app.store_clicks(&AUTUMN.map(|time| at(link, time))).await;
    for is_summed in [false, true] {
        if is_summed {
            app.app.aggregator.caught_up().await;
        }
        for (interval, zone, expected) in [
            // A day of 25 hours, in which an hour is shown twice.
            (
                "DAY",
                "Europe/Berlin",
                [
                    "2026-10-23T22/2026-10-24T22: 1 1 0 1",
                    "2026-10-24T22/2026-10-25T23: 4 4 0 0",
                    "2026-10-25T23/2026-10-26T23: 1 1 0 0",
                    "2026-10-31T23/2026-11-01T23: 1 1 0 0",
                ]
                .as_slice(),
            ),
            (
                "HOUR",
                "Europe/Berlin",
                &[
                    "2026-10-24T21/2026-10-24T22: 1 1 0 1",
                    "2026-10-24T22/2026-10-24T23: 1 1 0 0",
                    "2026-10-25T00/2026-10-25T01: 1 1 0 0",
                    "2026-10-25T01/2026-10-25T02: 1 1 0 0",
                    "2026-10-25T22/2026-10-25T23: 1 1 0 0",
                    "2026-10-25T23/2026-10-26T00: 1 1 0 0",
                    "2026-10-31T23/2026-11-01T00: 1 1 0 0",
                ],
            ),
            (
                "WEEK",
                "Europe/Berlin",
                &[
                    "2026-10-18T22/2026-10-25T23: 5 5 0 1",
                    "2026-10-25T23/2026-11-01T23: 2 2 0 0",
                ],
            ),
            (
                "MONTH",
                "Europe/Berlin",
                &[
                    "2026-09-30T22/2026-10-31T23: 6 6 0 1",
                    "2026-10-31T23/2026-11-30T23: 1 1 0 0",
                ],
            ),
            ("MONTH", "UTC", &["2026-10-01T00/2026-11-01T00: 7 7 0 1"]),
            (
                "DAY",
                "UTC",
                &[
                    "2026-10-24T00/2026-10-25T00: 2 2 0 1",
                    "2026-10-25T00/2026-10-26T00: 4 4 0 0",
                    "2026-10-31T00/2026-11-01T00: 1 1 0 0",
                ],
            ),
            // Hours of a zone that is five and three quarters ahead.
            (
                "HOUR",
                "Asia/Kathmandu",
                &[
                    "2026-10-24T21:15/2026-10-24T22:15: 2 2 0 1",
                    "2026-10-25T00:15/2026-10-25T01:15: 1 1 0 0",
                    "2026-10-25T01:15/2026-10-25T02:15: 1 1 0 0",
                    "2026-10-25T22:15/2026-10-25T23:15: 2 2 0 0",
                    "2026-10-31T22:15/2026-10-31T23:15: 1 1 0 0",
                ],
            ),
            (
                "DAY",
                "Asia/Kolkata",
                &[
                    "2026-10-24T18:30/2026-10-25T18:30: 4 4 0 1",
                    "2026-10-25T18:30/2026-10-26T18:30: 2 2 0 0",
                    "2026-10-31T18:30/2026-11-01T18:30: 1 1 0 0",
                ],
            ),
        ] {
            let found = by_time(&app, interval, zone).await;
            assert_eq!(found, expected, "{interval} {zone}, summed: {is_summed}");
        }
    }
}

#[tokio::test]
async fn a_day_may_have_23_hours_and_no_midnight() {
    let app = TestApp::start().await;
    let link = Campaign::without_clicks(&app).await.plain_link;
    let times = [
        "2026-03-28T22:59:59Z",
        "2026-03-28T23:00:00Z",
        "2026-03-29T21:59:59Z",
        "2026-03-29T22:00:00Z",
    ];
    app.store_clicks(&times.map(|time| at(link, time))).await;
    assert_eq!(
        by_time(&app, "DAY", "Europe/Berlin").await,
        [
            "2026-03-27T23/2026-03-28T23: 1 1 0 1",
            "2026-03-28T23/2026-03-29T22: 2 2 0 0",
            "2026-03-29T22/2026-03-30T22: 1 1 0 0",
        ]
    );
    // In Cairo the 24th of April 2026 begins at one o'clock.
    let times = [
        "2026-04-23T21:59:59Z",
        "2026-04-23T22:00:00Z",
        "2026-04-24T20:59:59Z",
        "2026-04-24T21:00:00Z",
    ];
    app.store_clicks(&times.map(|time| at(link, time))).await;
    assert_eq!(
        by_time(&app, "DAY", "Africa/Cairo").await[2..],
        [
            "2026-04-22T22/2026-04-23T22: 1 1 0 0",
            "2026-04-23T22/2026-04-24T21: 2 2 0 0",
            "2026-04-24T21/2026-04-25T21: 1 1 0 0",
        ]
    );
}

#[tokio::test]
async fn rows_go_by_time_and_by_the_order_within_each() {
    let app = TestApp::start().await;
    let campaign = Campaign::without_clicks(&app).await;
    let (shoes, hats) = (campaign.shoes_link, campaign.hats_link);
    app.store_clicks(&[
        at(hats, "2026-11-02T10:00:00Z"),
        at(shoes, "2026-11-01T10:00:00Z"),
        at(shoes, "2026-11-01T11:00:00Z"),
        at(hats, "2026-11-01T12:00:00Z"),
        at(hats, "2026-11-02T13:00:00Z"),
        at(shoes, "2026-11-02T14:00:00Z"),
    ])
    .await;
    let ask = async |order: Value, first: i32| {
        let group_by = json!([{"dimension": "OFFER"}]);
        let variables = json!({"interval": "DAY", "groupBy": group_by, "orderBy": order, "first": first});
        app.report(variables).await
    };
    let report = ask(Value::Null, 3).await;
    let found: Vec<_> = rows(&report)
        .iter()
        .map(|row| campaign.named(&app, row))
        .collect();
    assert_eq!(
        found,
        [
            "2026-11-01T00/2026-11-02T00, shoes: 2 2 0 1",
            "2026-11-01T00/2026-11-02T00, hats: 1 1 0 0",
            "2026-11-02T00/2026-11-03T00, hats: 2 2 0 1",
        ]
    );
    assert_eq!(
        (&report["rowCount"], counts(&report["rest"]).as_str()),
        (&json!(4), "1 1 0 0")
    );
    let most_unique = rows(&ask(json!("MOST_UNIQUE_CLICKS"), 4).await);
    assert!(most_unique[2].ends_with(": 2 2 0 1"), "{most_unique:?}");
}

#[tokio::test]
async fn only_clicks_of_the_period_are_in_its_intervals() {
    let app = TestApp::start().await;
    let link = Campaign::without_clicks(&app).await.plain_link;
    app.store_clicks(&AUTUMN.map(|time| at(link, time))).await;
    let filter = json!({"from": "2026-10-25T00:30:00.001Z", "before": "2026-10-25T23:00:00.001Z"});
    let variables = json!({"filter": filter, "interval": "DAY", "timezone": "Europe/Berlin"});
    let report = app.report(variables).await;
    assert_eq!(
        rows(&report),
        [
            "2026-10-24T22/2026-10-25T23: 2 2 0 0",
            "2026-10-25T23/2026-10-26T23: 1 1 0 0"
        ]
    );
    assert_eq!(
        (&report["from"], &report["before"], &report["timezone"]),
        (
            &json!("2026-10-25T00:30:00.001+00:00"),
            &json!("2026-10-25T23:00:00.001+00:00"),
            &json!("Europe/Berlin")
        )
    );
}

#[tokio::test]
async fn by_time_alone_intervals_without_clicks_are_rows_too() {
    let app = TestApp::start().await;
    let campaign = Campaign::without_clicks(&app).await;
    let ask = async |filter: Value, group_by: Value| {
        let variables = json!({"interval": "DAY", "filter": filter, "groupBy": group_by});
        rows(&app.report(variables).await)
    };
    assert!(ask(json!({}), json!([])).await.is_empty());
    let link = campaign.shoes_link;
    app.store_clicks(&[at(link, "2026-11-20T10:00:00Z"), at(link, "2026-11-22T00:00:00Z")])
        .await;
    // The test is in the fourth of these days.
    let days = [
        "2026-11-20T00/2026-11-21T00: 1 1 0 1",
        "2026-11-21T00/2026-11-22T00: 0 0 0 0",
        "2026-11-22T00/2026-11-23T00: 1 1 0 0",
        "2026-11-23T00/2026-11-24T00: 0 0 0 0",
    ];
    assert_eq!(ask(json!({}), json!([])).await, days);
    assert_eq!(
        ask(
            json!({"from": "2026-11-19T23:59:59Z", "before": "2026-11-21T00:00:00.001Z"}),
            json!([])
        )
        .await,
        ["2026-11-19T00/2026-11-20T00: 0 0 0 0", days[0], days[1]]
    );
    let offer = campaign.shoes.id;
    assert_eq!(
        ask(json!({}), json!([{"dimension": "OFFER"}])).await,
        [
            format!("2026-11-20T00/2026-11-21T00, {offer}: 1 1 0 1"),
            format!("2026-11-22T00/2026-11-23T00, {offer}: 1 1 0 0"),
        ]
    );
}
