//! The clicks of a link, one by one.

use entity::{
    ShortLinkId, click,
    click::{BotKind, BotReason},
};
use linkhop::{clicks::list, store::Part};
use sea_orm::{DatabaseBackend, Iterable as _};
use serde_json::{Value, json};

use super::plans::explained;
use crate::support::{BROWSER, LIST, START, Schema, Tenant, TestApp, a_click, items, summed_through, text};

/// All that a click has.
const CLICK: &str = "id clickedAt isBot botReason botKind agentListVersion isUnique method isPrefetch userAgent device os \
    browser network country referrer language sub1 sub2 sub3 sub4 sub5 source parameters";

/// A page of a link's clicks: what `arguments` ask for, and of that the `selection`.
async fn page(app: &TestApp, link: ShortLinkId, arguments: &str, selection: &str) -> Value {
    let query = format!("{{ shortLink(by: {{id: \"{link}\"}}) {{ clicks{arguments} {{ {selection} }} }} }}");
    let mut link = app.graphql(&query, Value::Null).await.data("shortLink");
    link["clicks"].take()
}

/// A link of the tenant.
async fn a_link(app: &TestApp) -> ShortLinkId {
    let code = app.link("https://example.com/").await;
    app.link_id(&code).await
}

/// The ids of a page's clicks.
fn ids(page: &Value) -> Vec<&str> {
    items(&page["nodes"]).map(|node| text(&node["id"])).collect()
}

#[tokio::test]
async fn a_click_shows_all_that_is_kept_of_it() {
    let app = TestApp::start().await;
    let link = a_link(&app).await;
    let person = a_click(link, 1);
    let bot = click::Model {
        method: click::Method::Head,
        bot_reason: Some(BotReason::Prefetch),
        bot_kind: Some(BotKind::SocialPreview),
        is_prefetch: true,
        user_agent_id: None,
        address: None,
        visitor: None,
        country: None,
        referrer: None,
        language: None,
        parameters: None,
        ..a_click(link, 2)
    };
    app.store_clicks(&[person.clone(), bot.clone()]).await;
    let expected = json!([
        {
            "id": bot.id.to_string(), "clickedAt": "2026-11-23T12:00:02+00:00",
            "isBot": true, "botReason": "PREFETCH", "botKind": "SOCIAL_PREVIEW", "agentListVersion": LIST,
            "isUnique": false, "method": "HEAD", "isPrefetch": true,
            "userAgent": null, "device": null, "os": null, "browser": null,
            "network": null, "country": null, "referrer": null, "language": null,
            "sub1": null, "sub2": null, "sub3": null, "sub4": null, "sub5": null, "source": null, "parameters": {},
        },
        {
            "id": person.id.to_string(), "clickedAt": "2026-11-23T12:00:01+00:00",
            "isBot": false, "botReason": null, "botKind": null, "agentListVersion": LIST,
            "isUnique": true, "method": "GET", "isPrefetch": false,
            "userAgent": BROWSER, "device": "smartphone", "os": "iOS", "browser": "Safari",
            "network": "203.0.113.0", "country": "US", "referrer": "www.example.com", "language": "en-US",
            "sub1": "a", "sub2": null, "sub3": null, "sub4": null, "sub5": null, "source": "sms",
            "parameters": {"size": "xl"},
        },
    ]);
    for _ in 0..2 {
        let page = page(&app, link, "", &format!("totalCount nodes {{ {CLICK} }}")).await;
        assert_eq!(page, json!({"totalCount": 2, "nodes": expected}));
        app.sum_all_clicks().await;
    }
}

#[tokio::test]
async fn every_reason_kind_and_method_that_is_stored_has_its_name_in_the_schema() {
    let app = TestApp::start().await;
    let link = a_link(&app).await;
    let mut clicks = Vec::new();
    for reason in BotReason::iter() {
        clicks.push(click::Model {
            bot_reason: Some(reason),
            ..a_click(link, 0)
        });
    }
    for kind in BotKind::iter() {
        clicks.push(click::Model {
            bot_kind: Some(kind),
            ..a_click(link, 1)
        });
    }
    for method in click::Method::iter() {
        clicks.push(click::Model {
            method,
            ..a_click(link, 2)
        });
    }
    app.store_clicks(&clicks).await;
    let shown = page(&app, link, "(last: 100)", "nodes { botReason botKind method }").await;
    let schema = Schema::read(&app).await;
    for (field, name) in [
        ("botReason", "BotReason"),
        ("botKind", "BotKind"),
        ("method", "ClickMethod"),
    ] {
        let mut shown: Vec<_> = items(&shown["nodes"])
            .filter_map(|node| node[field].as_str())
            .collect();
        shown.sort_unstable();
        shown.dedup();
        let mut named: Vec<_> = items(&schema.named(name)["enumValues"])
            .map(|value| text(&value["name"]))
            .collect();
        named.sort_unstable();
        assert_eq!(shown, named, "{name}");
    }
}

#[tokio::test]
async fn a_click_that_was_stored_late_stands_where_its_time_puts_it() {
    let app = TestApp::start().await;
    let link = a_link(&app).await;
    let of = |visitor, seconds| click::Model {
        visitor: Some(visitor),
        ..a_click(link, seconds)
    };
    let (first, second, late) = (of(1, 10), of(2, 30), of(1, 5));
    app.store_clicks(&[first.clone(), second.clone(), late.clone()])
        .await;
    let rows = app.clicks().await;
    let expected = json!({"nodes": [
        {"id": second.id.to_string(), "isUnique": true},
        {"id": first.id.to_string(), "isUnique": true},
        {"id": late.id.to_string(), "isUnique": false},
    ]});
    for through in [0, rows[0].seq, rows[1].seq, rows[2].seq] {
        app.sum_clicks(summed_through(through)).await;
        assert_eq!(page(&app, link, "", "nodes { id isUnique }").await, expected);
    }
}

#[tokio::test]
async fn what_comes_between_two_pages_moves_no_click_onto_both() {
    let app = TestApp::start().await;
    let link = a_link(&app).await;
    let clicks: Vec<_> = (0..6).map(|at| a_click(link, at)).collect();
    app.store_clicks(&clicks).await;
    let selection = "nodes { id } pageInfo { endCursor hasNextPage }";
    let first = page(&app, link, "(first: 3)", selection).await;
    app.store_clicks(&[a_click(link, 60), a_click(link, 61)]).await;
    app.sum_all_clicks().await;
    let after = format!("(first: 3, after: {})", first["pageInfo"]["endCursor"]);
    let second = page(&app, link, &after, selection).await;
    let expected: Vec<_> = clicks.iter().rev().map(|click| click.id.to_string()).collect();
    assert_eq!([ids(&first), ids(&second)].concat(), expected);
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
}

#[tokio::test]
async fn what_is_no_page_of_clicks_is_refused() {
    let app = TestApp::start().await;
    let link = a_link(&app).await;
    app.store_clicks(&[a_click(link, 0)]).await;
    let links = app
        .graphql("{ shortLinks { pageInfo { endCursor } } }", Value::Null)
        .await
        .data("shortLinks");
    let of_links = &links["pageInfo"]["endCursor"];
    for arguments in [
        "(first: 0)",
        "(first: 101)",
        "(last: 101)",
        "(first: 1, last: 1)",
        "(after: \"\")",
        "(after: \"click_\")",
        &format!("(after: {of_links})"),
        &format!("(before: {of_links})"),
    ] {
        let query =
            format!("{{ shortLink(by: {{id: \"{link}\"}}) {{ clicks{arguments} {{ nodes {{ id }} }} }} }}");
        let answer = app.graphql(&query, Value::Null).await;
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{arguments}");
    }
}

#[tokio::test]
async fn a_hundred_clicks_are_read_with_their_agents_at_once() {
    let app = TestApp::start().await;
    let link = a_link(&app).await;
    let clicks: Vec<_> = (0..150).map(|at| a_click(link, at)).collect();
    app.store_clicks(&clicks).await;
    let rows = app.clicks().await;
    app.sum_clicks(summed_through(rows[100].seq)).await;
    for (selection, reads) in [
        // The link and its clicks.
        ("nodes { id isUnique }".to_owned(), 2),
        // The total.
        ("totalCount nodes { id }".to_owned(), 3),
        // Agents and the list that judged them.
        (format!("totalCount nodes {{ {CLICK} }}"), 5),
    ] {
        let before = app.reads();
        let page = page(&app, link, "(first: 100)", &selection).await;
        assert_eq!(items(&page["nodes"]).count(), 100);
        assert_eq!(app.reads() - before, reads, "{selection}");
    }
}

#[tokio::test]
async fn a_page_is_read_from_the_index_and_the_rows_behind_it() {
    let app = TestApp::start().await;
    let link = a_link(&app).await;
    app.be_busy(link).await;
    let is_sqlite = app.store().read.get_database_backend() == DatabaseBackend::Sqlite;
    let cursor = page(&app, link, "(first: 30)", "pageInfo { endCursor }").await;
    let cursor = &cursor["pageInfo"]["endCursor"];
    for (arguments, beyond) in [
        ("(first: 10)".to_owned(), ""),
        (format!("(first: 10, after: {cursor})"), "<"),
        ("(last: 10)".to_owned(), ""),
        (format!("(last: 10, before: {cursor})"), ">"),
    ] {
        page(&app, link, &arguments, "nodes { id }").await;
        let plan = explained(&app).await;
        let index = match (is_sqlite, beyond) {
            (true, "") => "SEARCH k USING PRIMARY KEY (short_link_id=?)\n".to_owned(),
            (true, _) => format!("SEARCH k USING PRIMARY KEY (short_link_id=? AND click_id{beyond}?)\n"),
            (false, "") => " using link_click_pkey on link_click k\n".to_owned(),
            (false, _) => format!("AND (click_id {beyond} "),
        };
        let steps = if is_sqlite {
            [
                index.as_str(),
                "SEARCH c USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
                "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)",
                "SEARCH v USING PRIMARY KEY (short_link_id=? AND visitor=?)",
            ]
        } else {
            [
                index.as_str(),
                "Index Cond: ((seq > ",
                "Index Cond: (seq = ",
                "Index Cond: ((short_link_id = c.short_link_id) AND (visitor = c.visitor))",
            ]
        };
        for step in steps {
            assert!(plan.contains(step), "{arguments} without {step}:\n{plan}");
        }
        for wrong in ["SCAN c\n", "SCAN k", "SCAN v", "Seq Scan"] {
            assert!(!plan.contains(wrong), "{arguments} has {wrong}:\n{plan}");
        }
    }
}

#[tokio::test]
async fn another_account_s_clicks_are_not_there() {
    let app = TestApp::start().await;
    let link = a_link(&app).await;
    app.store_clicks(&[a_click(link, 0), a_click(link, 1)]).await;
    let first = app.clicks().await[0].seq;
    app.sum_clicks(summed_through(first)).await;
    let other = Tenant::make(app.store(), "go.other.example", START).await;
    for (account, clicks) in [(other.account.id, 0), (app.tenant.account.id, 2)] {
        let part = Part {
            rows: 10,
            from_end: false,
            beyond: None,
        };
        let page = list::page(&app.store().read, account, link, part).await;
        assert_eq!(page.expect("a page").rows.len(), clicks);
    }
}
