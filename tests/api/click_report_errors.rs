//! What is wrong in a question for clicks is said with a code, and what to do about it.

use entity::OfferId;
use serde_json::{Value, json};

use crate::support::{Campaign, REPORT, START, Tenant, TestApp, text};

/// Expects that a report is refused with this code, and with a message that has these words.
async fn refused(app: &TestApp, variables: Value, code: &str, words: &str) {
    let answer = app.graphql(REPORT, variables.clone()).await;
    let short: String = variables.to_string().chars().take(200).collect();
    assert_eq!(answer.status, 200, "{short}");
    assert_eq!(answer.error_code(), code, "{short}: {}", answer.body);
    let answer = answer.json();
    assert_eq!(answer["errors"][0]["path"], json!(["clickReport"]), "{short}");
    let message = text(&answer["errors"][0]["message"]);
    assert!(message.contains(words), "{short}: {message}");
    assert!(message.len() <= 300, "{short}: {message}");
}

#[tokio::test]
async fn a_period_that_is_none_is_refused() {
    let app = TestApp::start().await;
    for (from, before, words) in [
        (
            "2026-11-23T12:00:00Z",
            "2026-11-23T12:00:00Z",
            "later than `from`",
        ),
        (
            "2026-11-23T12:00:00.0001Z",
            "2026-11-23T12:00:00.0009Z",
            "later than `from`",
        ),
        (
            "2026-11-23T12:00:01Z",
            "2026-11-23T12:00:00Z",
            "later than `from`",
        ),
        // The same moment, told by other clocks.
        (
            "2026-11-23T12:00:00Z",
            "2026-11-23T13:00:00+01:00",
            "later than `from`",
        ),
        ("1926-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "ten years"),
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "ten years"),
        ("2016-01-01T00:00:00Z", "2026-01-09T00:00:00.001Z", "ten years"),
    ] {
        let filter = json!({"from": from, "before": before});
        refused(&app, json!({"filter": filter}), "INVALID_PERIOD", words).await;
        let query = "query($filter: ClickFilter) { clicks(filter: $filter) { nodes { id } } }";
        let answer = app.graphql(query, json!({"filter": filter})).await;
        assert_eq!(answer.error_code(), "INVALID_PERIOD", "{filter}");
        let link = app.link("https://example.com/").await;
        let query = "query($url: String!, $from: DateTime, $before: DateTime) {
            shortLink(by: {shortUrl: $url}) { stats(from: $from, before: $before) { clicks } } }";
        let url = format!("https://go.example.com/{link}");
        let answer = app.graphql(query, json!({"url": url, "from": from, "before": before}));
        assert_eq!(answer.await.error_code(), "INVALID_PERIOD", "{filter}");
    }
    // Ten years, whichever they are.
    let filter = json!({"from": "2016-01-01T00:00:00Z", "before": "2026-01-01T00:00:00Z"});
    app.report(json!({"filter": filter})).await;
}

#[tokio::test]
async fn times_at_the_ends_of_the_calendar_are_times() {
    let app = TestApp::start().await;
    Campaign::make(&app).await;
    for interval in [
        Value::Null,
        json!("HOUR"),
        json!("DAY"),
        json!("WEEK"),
        json!("MONTH"),
    ] {
        for (filter, clicks) in [
            (json!({"from": "0000-01-01T00:00:00Z"}), 6),
            (json!({"from": "-262000-01-01T00:00:00Z"}), 6),
            (json!({"before": "9999-12-31T23:59:59Z"}), 6),
            (json!({"before": "+262000-01-01T00:00:00Z"}), 6),
            (json!({"from": "+262000-01-01T00:00:00Z"}), 0),
            (json!({"before": "-262000-01-01T00:00:00Z"}), 0),
            (
                json!({"from": "-262000-01-01T00:00:00Z", "before": "-261999-01-01T00:00:00Z"}),
                0,
            ),
        ] {
            let answer = app.graphql(
                REPORT,
                json!({"filter": filter, "interval": interval, "timezone": "Europe/Berlin"}),
            );
            let answer = answer.await.json();
            // What is no time for the schema is refused by it.
            let report = &answer["data"]["clickReport"];
            let code = &answer["errors"][0]["extensions"]["code"];
            assert!(
                report["total"]["clicks"] == clicks || code == "INVALID_PERIOD" || code == "BAD_REQUEST",
                "{filter} {interval}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn a_period_with_more_intervals_than_rows_is_refused() {
    let app = TestApp::start().await;
    let filter = json!({"from": "2016-12-01T00:00:00Z", "before": "2026-11-30T00:00:00Z"});
    refused(
        &app,
        json!({"filter": filter, "interval": "HOUR"}),
        "INVALID_PERIOD",
        "longer interval",
    )
    .await;
    app.report(json!({"filter": filter, "interval": "DAY"})).await;
    // One that is open is up to now, which needs no counting.
    let unknown = OfferId::at(START).to_string();
    refused(
        &app,
        json!({"filter": {"from": "2016-12-01T00:00:00Z", "offerId": unknown}, "interval": "HOUR"}),
        "INVALID_PERIOD",
        "longer interval",
    )
    .await;
}

#[tokio::test]
async fn a_zone_that_is_none_is_refused() {
    let app = TestApp::start().await;
    for zone in [
        "",
        "Berlin",
        "Europe/Atlantis",
        "+01:00",
        "Etc/Unknown",
        "../etc/passwd",
        "UTC\u{0}",
        " UTC",
    ] {
        for interval in [Value::Null, json!("DAY")] {
            let variables = json!({"timezone": zone, "interval": interval});
            refused(&app, variables, "INVALID_TIMEZONE", "`Europe/Berlin`").await;
        }
    }
    let long = json!({"timezone": "Europe/Berlin".repeat(1000)});
    refused(&app, long, "INVALID_TIMEZONE", "`Europe/Berlin`").await;
    // Case is none of it, and without an interval it changes nothing.
    let report = app.report(json!({"timezone": "europe/berlin"})).await;
    assert_eq!(report["timezone"], "Europe/Berlin");
}

#[tokio::test]
async fn more_than_two_groupings_or_one_twice_are_refused() {
    let app = TestApp::start().await;
    let (country, device, key) = (
        json!({"dimension": "COUNTRY"}),
        json!({"dimension": "DEVICE"}),
        json!({"metadataKey": "campaign"}),
    );
    for variables in [
        json!({"groupBy": [country, device, key]}),
        json!({"groupBy": [country, device], "interval": "DAY"}),
        json!({"groupBy": [country, country, country]}),
        json!({"groupBy": vec![country.clone(); 1000]}),
    ] {
        refused(&app, variables, "INVALID_GROUPING", "at most 2 groupings").await;
    }
    for twice in [&country, &key] {
        refused(
            &app,
            json!({"groupBy": [twice, twice]}),
            "INVALID_GROUPING",
            "same grouping twice",
        )
        .await;
    }
    for both in [json!([country, key]), json!([key, {"metadataKey": "Campaign"}])] {
        app.report(json!({"groupBy": both})).await;
    }
    app.report(json!({"groupBy": [country], "interval": "DAY"})).await;
}

#[tokio::test]
async fn a_key_that_no_metadata_has_is_refused() {
    let app = TestApp::start().await;
    for (key, words) in [
        (String::new(), "is empty"),
        ("k".repeat(256), "at most 255"),
        ("k".repeat(10 * 1024), "at most 255"),
        ("cam\u{0}paign".to_owned(), "U+0000"),
    ] {
        let grouping = json!({"groupBy": [{"metadataKey": key}]});
        refused(&app, grouping, "BAD_REQUEST", words).await;
        let filter = json!({"filter": {"metadata": {"key": key, "value": "spring"}}});
        refused(&app, filter, "BAD_REQUEST", words).await;
    }
    for value in [json!({}), json!(["spring"]), json!("spr\u{0}ing")] {
        let filter = json!({"filter": {"metadata": {"key": "campaign", "value": value}}});
        refused(&app, filter, "BAD_REQUEST", "metadata").await;
    }
    for key in [
        "k".repeat(255),
        "\u{e9}".repeat(255),
        "$.a[0]\"'".to_owned(),
        " ".to_owned(),
    ] {
        let filter = json!({"metadata": {"key": key, "value": "spring"}});
        app.report(json!({"groupBy": [{"metadataKey": key}], "filter": filter}))
            .await;
    }
}

#[tokio::test]
async fn more_rows_or_fewer_than_a_report_can_have_are_refused() {
    let app = TestApp::start().await;
    for first in [1_000_000, 10_001, 0, -1, i32::MIN] {
        refused(
            &app,
            json!({"first": first}),
            "BAD_REQUEST",
            "first must be 1 to 10000",
        )
        .await;
    }
    for first in [1, 10_000] {
        app.report(json!({"first": first})).await;
    }
}

#[tokio::test]
async fn texts_that_no_click_has_and_lists_that_are_too_long_are_refused() {
    let app = TestApp::start().await;
    for field in [
        "country", "device", "os", "browser", "referrer", "sub1", "sub2", "sub3", "sub4", "sub5", "source",
    ] {
        for (values, words) in [
            (json!(["a\u{0}"]), "U+0000"),
            (json!([null, "a".repeat(256)]), "at most 255 characters"),
            (json!(vec!["a"; 101]), "at most 100 values"),
        ] {
            let filter = json!({"filter": {field: values}});
            refused(&app, filter, "BAD_REQUEST", &format!("{field} m")).await;
            refused(&app, json!({"filter": {field: values}}), "BAD_REQUEST", words).await;
        }
        app.report(json!({"filter": {field: vec!["a".repeat(255); 100]}}))
            .await;
    }
    for (filter, words) in [
        (
            json!({"botReason": vec!["HEAD"; 101]}),
            "botReason may have at most 100 values",
        ),
        (
            json!({"botKind": vec![Value::Null; 101]}),
            "botKind may have at most 100 values",
        ),
        (json!({"contactPhone": "+1\u{0}"}), "contactPhone must not"),
        (json!({"contactPhone": "1".repeat(256)}), "contactPhone may have"),
    ] {
        refused(&app, json!({"filter": filter}), "BAD_REQUEST", words).await;
    }
}

#[tokio::test]
async fn what_the_account_does_not_have_is_not_found() {
    let app = TestApp::start().await;
    let mine = Campaign::make(&app).await;
    let other = Tenant::make(app.store(), "go.other.example", START).await;
    let offer = other.offer(app.store(), None, "https://offer.example/").await;
    let list = other
        .more_list(app.store(), 77, "+18005559999", Some(other.domain.id))
        .await;
    let link = json!({"url": "https://example.com/", "listId": 77});
    let made = app.create_as(&other.key, link).await;
    let link = app.link_id(text(&made["linkId"])).await;
    let page = "query($filter: ClickFilter) { clicks(filter: $filter) { totalCount nodes { id } } }";
    for (field, theirs, never, words) in [
        (
            "shortLinkId",
            link.to_string(),
            "link_00000000000000000000000000000000",
            "shortLinks",
        ),
        (
            "offerId",
            offer.id.to_string(),
            "offer_00000000000000000000000000000000",
            "offers",
        ),
        (
            "domainId",
            other.domain.id.to_string(),
            "domain_00000000000000000000000000000000",
            "domains",
        ),
    ] {
        let list = list.id.to_string();
        for id in [
            theirs.as_str(),
            never,
            "",
            "1",
            "\u{0}",
            &list,
            &never.to_uppercase(),
        ] {
            let filter = json!({"filter": {field: id}});
            refused(&app, filter.clone(), "NOT_FOUND", words).await;
            assert_eq!(
                app.graphql(page, filter).await.error_code(),
                "NOT_FOUND",
                "{field} {id}"
            );
        }
    }
    for number in [77, 0, -1, i32::MAX] {
        let filter = json!({"filter": {"listId": number}});
        refused(&app, filter.clone(), "NOT_FOUND", "sendingLists").await;
        assert_eq!(
            app.graphql(page, filter).await.error_code(),
            "NOT_FOUND",
            "{number}"
        );
    }
    // Not even together with what it has.
    let both = json!({"shortLinkId": mine.shoes_link.to_string(), "offerId": offer.id.to_string()});
    refused(&app, json!({"filter": both}), "NOT_FOUND", "offers").await;
}
