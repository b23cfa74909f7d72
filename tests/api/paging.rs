//! Lists: page after page, and what a page costs.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::offer;
use serde_json::{Value, json};

use crate::support::{TestApp, items, text};

/// The lists of the schema.
const LISTS: [&str; 4] = ["shortLinks", "offers", "sendingLists", "domains"];

fn query(list: &str) -> String {
    format!(
        "query($first: Int, $after: String) {{ {list}(first: $first, after: $after) {{
            edges {{ cursor node {{ id }} }}
            pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
        }} }}"
    )
}

/// Makes rows until the account has 45 of each list, and answers the ids of each list, newest first.
async fn forty_five(app: &TestApp) -> [Vec<String>; 4] {
    let store = app.store();
    let mut ids = [
        vec![],
        vec![],
        vec![app.tenant.list.id.to_string()],
        vec![app.tenant.domain.id.to_string()],
    ];
    for _ in 0..45 {
        let code = app.link("https://example.com/").await;
        ids[0].push(app.link_id(&code).await.to_string());
        let offer = app.tenant.offer(store, None, "https://offer.example/").await;
        ids[1].push(offer.id.to_string());
    }
    for number in 100..144 {
        let phone = format!("+1800555{number:04}");
        let list = app.tenant.more_list(store, number, &phone, None).await;
        ids[2].push(list.id.to_string());
        let domain = app
            .tenant
            .more_domain(store, &format!("go{number}.example.com"))
            .await;
        ids[3].push(domain.id.to_string());
    }
    ids.map(|ids| ids.into_iter().rev().collect())
}

#[tokio::test]
async fn pages_follow_one_another_without_gap_or_repeat_newest_first() {
    let app = TestApp::start().await;
    for (list, expected) in LISTS.into_iter().zip(forty_five(&app).await) {
        let (mut found, mut after) = (Vec::new(), Value::Null);
        for (rows, has_previous, has_next) in [(20, false, true), (20, true, true), (5, true, false)] {
            let variables = json!({"first": 20, "after": after});
            let page = app.graphql(&query(list), variables).await.data(list);
            let cursors: Vec<_> = items(&page["edges"]).map(|edge| edge["cursor"].clone()).collect();
            assert_eq!(cursors.len(), rows, "{list}");
            assert_eq!(
                page["pageInfo"],
                json!({
                    "hasNextPage": has_next,
                    "hasPreviousPage": has_previous,
                    "startCursor": cursors[0],
                    "endCursor": cursors[rows - 1],
                })
            );
            found.extend(items(&page["edges"]).map(|edge| text(&edge["node"]["id"]).to_owned()));
            after = page["pageInfo"]["endCursor"].clone();
        }
        assert_eq!(found, expected, "{list}");
        let past = app
            .graphql(&query(list), json!({"after": after}))
            .await
            .data(list);
        assert_eq!(
            past,
            json!({
                "edges": [],
                "pageInfo": {
                    "hasNextPage": false, "hasPreviousPage": true, "startCursor": null, "endCursor": null,
                },
            })
        );
    }
}

#[tokio::test]
async fn a_page_has_twenty_rows_unless_told_and_a_hundred_at_most() {
    let app = TestApp::start().await;
    forty_five(&app).await;
    for list in LISTS {
        for (first, rows) in [
            (Value::Null, 20),
            (json!(1), 1),
            (json!(45), 45),
            (json!(100), 45),
        ] {
            let page = app
                .graphql(&query(list), json!({"first": first}))
                .await
                .data(list);
            assert_eq!(items(&page["edges"]).count(), rows, "{list} {first}");
            assert_eq!(page["pageInfo"]["hasNextPage"], rows < 45, "{list} {first}");
        }
        for first in [0, -1, 101, 1_000_000, i32::MAX, i32::MIN] {
            let answer = app.graphql(&query(list), json!({"first": first})).await;
            assert_eq!(answer.error_code(), "BAD_REQUEST", "{list} {first}");
        }
    }
}

#[tokio::test]
async fn a_cursor_of_another_list_or_of_none_is_refused() {
    let app = TestApp::start().await;
    let offer = app
        .tenant
        .offer(app.store(), None, "https://offer.example/")
        .await;
    let link = app.link("https://example.com/").await;
    let ids = [
        app.link_id(&link).await.to_string(),
        offer.id.to_string(),
        app.tenant.list.id.to_string(),
        app.tenant.domain.id.to_string(),
    ];
    for (list, own) in LISTS.into_iter().zip(&ids) {
        let page = app.graphql(&query(list), Value::Null).await.data(list);
        assert_eq!(page["pageInfo"]["endCursor"], json!(URL_SAFE_NO_PAD.encode(own)));
        let others = ids
            .iter()
            .filter(|id| *id != own)
            .map(|id| URL_SAFE_NO_PAD.encode(id));
        let garbage = ["", "garbage", "====", "\u{0}", "🦀", own, "bGlua18"].map(str::to_owned);
        for after in others.chain(garbage) {
            let answer = app.graphql(&query(list), json!({"after": after})).await;
            assert_eq!(answer.error_code(), "BAD_REQUEST", "{list} {after}");
        }
    }
}

#[tokio::test]
async fn a_page_of_links_reads_each_kind_of_child_once() {
    let app = TestApp::start().await;
    let store = app.store();
    let mut offers = Vec::new();
    for number in 0..3 {
        let domain = app
            .tenant
            .more_domain(store, &format!("go{number}.example.com"))
            .await;
        let phone = format!("+1800555000{number}");
        app.tenant.more_list(store, number, &phone, Some(domain.id)).await;
        let offer = app
            .tenant
            .offer(store, Some(offer::Platform::Tune), "https://offer.example/");
        offers.push(offer.await.id.to_string());
    }
    for number in 0..20 {
        let input = json!({"offerId": offers[number % 3], "listId": number % 3});
        assert_eq!(app.create(input).await["__typename"], "CreateShortLinkSuccess");
    }
    let query = "{ shortLinks(first: 20) { edges { node {
        shortUrl domain { host } offer { name } sendingList { listId domain { host } }
    } } } }";
    let before = app.reads();
    let page = app.graphql(query, Value::Null).await.data("shortLinks");
    assert_eq!(items(&page["edges"]).count(), 20);
    for edge in items(&page["edges"]) {
        assert_eq!(edge["node"]["domain"], edge["node"]["sendingList"]["domain"]);
    }
    // The links, their domains, offers and lists; a level below, the lists' domains.
    assert_eq!(app.reads() - before, 5);
}
