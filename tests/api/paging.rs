//! Lists: page after page, and what a page costs.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::offer;
use serde_json::{Value, json};

use crate::support::{TestApp, items, text};

/// The lists of the schema.
const LISTS: [&str; 4] = ["shortLinks", "offers", "sendingLists", "domains"];

fn query(list: &str) -> String {
    format!(
        "query($first: Int, $after: String, $last: Int, $before: String) {{
            {list}(first: $first, after: $after, last: $last, before: $before) {{
            edges {{ cursor node {{ id }} }}
            pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
        }} }}"
    )
}

fn ids(page: &Value) -> Vec<String> {
    items(&page["edges"])
        .map(|edge| text(&edge["node"]["id"]).to_owned())
        .collect()
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
            found.extend(ids(&page));
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
async fn pages_lead_backwards_to_the_same_rows_in_the_same_order() {
    let app = TestApp::start().await;
    for (list, expected) in LISTS.into_iter().zip(forty_five(&app).await) {
        let (mut found, mut before) = (Vec::new(), Value::Null);
        for (rows, has_previous, has_next) in [(20, true, false), (20, true, true), (5, false, true)] {
            let variables = json!({"last": 20, "before": before});
            let page = app.graphql(&query(list), variables).await.data(list);
            assert_eq!(
                (
                    &page["pageInfo"]["hasPreviousPage"],
                    &page["pageInfo"]["hasNextPage"]
                ),
                (&json!(has_previous), &json!(has_next)),
                "{list}"
            );
            let mut ids = ids(&page);
            assert_eq!(ids.len(), rows, "{list}");
            ids.append(&mut found);
            found = ids;
            before = page["pageInfo"]["startCursor"].clone();
        }
        assert_eq!(found, expected, "{list}");
        // Without a number it is twenty here too.
        let page = app.graphql(&query(list), json!({"before": before})).await;
        assert_eq!(ids(&page.data(list)), Vec::<String>::new());
        let last = app.graphql(&query(list), json!({"last": 45})).await.data(list);
        let before = &last["pageInfo"]["endCursor"];
        let page = app.graphql(&query(list), json!({"before": before})).await;
        assert_eq!(ids(&page.data(list)), expected[24..44]);
    }
}

#[tokio::test]
async fn every_order_can_be_paged_both_ways() {
    let app = TestApp::start().await;
    let store = app.store();
    // Names that two rows share, and ones that databases with a language of their own would put elsewhere.
    for (number, name) in ["b", "a b", "", "B", "Z", "é", "a", "a", "🦀", "b"]
        .into_iter()
        .enumerate()
    {
        let number = i32::try_from(number).expect("small");
        app.link("https://example.com/").await;
        let mut offer = app.tenant.offer(store, None, "https://offer.example/").await;
        offer.name = name.to_owned();
        app.save(offer).await;
        let mut list = app
            .tenant
            .more_list(store, 10 - number, &format!("+1800555000{number}"), None)
            .await;
        list.brand_name = name.to_owned();
        app.save(list).await;
        app.tenant
            .more_domain(store, &format!("{}.example.com", 10 - number))
            .await;
    }
    let sorted = |field: &'static str| move |row: &Value| (row[field].clone(), row["id"].clone());
    let by = |page: &Value, field: &'static str| {
        let mut rows: Vec<Value> = items(&page["nodes"]).cloned().collect();
        let key = sorted(field);
        rows.sort_by(|one, other| {
            let (one, other) = (key(one), key(other));
            let text = |value: &Value| (value.as_i64(), value.as_str().map(str::to_owned));
            (text(&one.0), text(&one.1)).cmp(&(text(&other.0), text(&other.1)))
        });
        rows
    };
    for (list, order, field) in [
        ("shortLinks", "OLDEST_FIRST", "id"),
        ("offers", "OLDEST_FIRST", "id"),
        ("offers", "NAME", "name"),
        ("sendingLists", "OLDEST_FIRST", "id"),
        ("sendingLists", "BRAND_NAME", "brandName"),
        ("sendingLists", "LIST_ID", "listId"),
        ("domains", "OLDEST_FIRST", "id"),
        ("domains", "HOST", "host"),
    ] {
        let query = |page: &str| {
            format!(
                "{{ {list}(orderBy: {order}, {page}) {{ nodes {{ id {field} }} pageInfo {{ startCursor endCursor }} }} }}"
            )
        };
        let whole = app.graphql(&query("first: 100"), Value::Null).await.data(list);
        let expected = by(&whole, field);
        assert!(expected.len() >= 10, "{list}");
        assert_eq!(whole["nodes"], json!(expected), "{list} {order}");
        let (mut forwards, mut after) = (Vec::new(), String::new());
        let (mut backwards, mut before) = (Vec::new(), String::new());
        for _ in 0..expected.len().div_ceil(3) {
            let page = app
                .graphql(&query(&format!("first: 3{after}")), Value::Null)
                .await
                .data(list);
            forwards.extend(items(&page["nodes"]).cloned());
            after = format!(", after: {}", page["pageInfo"]["endCursor"]);
            let page = app
                .graphql(&query(&format!("last: 3{before}")), Value::Null)
                .await
                .data(list);
            backwards.splice(0..0, items(&page["nodes"]).cloned());
            before = format!(", before: {}", page["pageInfo"]["startCursor"]);
        }
        assert_eq!(forwards, expected, "{list} {order}");
        assert_eq!(backwards, expected, "{list} {order}");
    }
}

#[tokio::test]
async fn a_page_is_asked_for_in_one_direction() {
    let app = TestApp::start().await;
    app.link("https://example.com/").await;
    app.tenant
        .offer(app.store(), None, "https://offer.example/")
        .await;
    for list in LISTS {
        let page = app.graphql(&query(list), Value::Null).await.data(list);
        let cursor = &page["pageInfo"]["endCursor"];
        for page in [
            json!({"first": 1, "last": 1}),
            json!({"first": 1, "before": cursor}),
            json!({"last": 1, "after": cursor}),
            json!({"after": cursor, "before": cursor}),
            json!({"last": 0}),
            json!({"last": -1}),
            json!({"last": 101}),
            json!({"last": i32::MIN}),
            json!({"last": 1, "before": "garbage"}),
        ] {
            let answer = app.graphql(&query(list), page.clone()).await;
            assert_eq!(answer.error_code(), "BAD_REQUEST", "{list} {page}");
        }
        let nulls = json!({"first": 1, "after": null, "last": null, "before": null});
        app.graphql(&query(list), nulls).await.data(list);
    }
}

#[tokio::test]
async fn rows_are_counted_only_when_somebody_asks() {
    let app = TestApp::start().await;
    forty_five(&app).await;
    for list in LISTS {
        let count = async |selection: &str| {
            let before = app.reads();
            let query = format!("{{ {list}(first: 10) {{ {selection} }} }}");
            let page = app.graphql(&query, Value::Null).await.data(list);
            (page["totalCount"].clone(), app.reads() - before)
        };
        assert_eq!(count("nodes { id }").await, (Value::Null, 1), "{list}");
        assert_eq!(count("nodes { id } totalCount").await, (json!(45), 2), "{list}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_list_or_order_or_of_none_is_refused() {
    let app = TestApp::start().await;
    app.tenant
        .offer(app.store(), None, "https://offer.example/")
        .await;
    app.link("https://example.com/").await;
    let orders = [
        ("shortLinks", "NEWEST_FIRST"),
        ("shortLinks", "OLDEST_FIRST"),
        ("offers", "NEWEST_FIRST"),
        ("offers", "OLDEST_FIRST"),
        ("offers", "NAME"),
        ("sendingLists", "NEWEST_FIRST"),
        ("sendingLists", "OLDEST_FIRST"),
        ("sendingLists", "BRAND_NAME"),
        ("sendingLists", "LIST_ID"),
        ("domains", "NEWEST_FIRST"),
        ("domains", "OLDEST_FIRST"),
        ("domains", "HOST"),
    ];
    let query = |list, order, page: &str| {
        format!("{{ {list}(orderBy: {order}{page}) {{ edges {{ cursor }} pageInfo {{ endCursor }} }} }}")
    };
    let mut cursors = Vec::new();
    for (list, order) in orders {
        let page = app.graphql(&query(list, order, ""), Value::Null).await.data(list);
        cursors.push(text(&page["pageInfo"]["endCursor"]).to_owned());
    }
    let garbage = ["", "garbage", "====", "\u{0}", "🦀", "bGlua18", "LSA", "K25hbWU"];
    for (at, (list, order)) in orders.into_iter().enumerate() {
        let own = String::from_utf8(URL_SAFE_NO_PAD.decode(&cursors[at]).expect("base64")).expect("text");
        let changed = [
            own[..own.len() - 1].to_owned(),
            own.replace('_', ""),
            format!("{own} \u{0}"),
            format!("{own}\u{0}"),
            own.split(' ').rev().collect::<Vec<_>>().join(" "),
        ];
        let others = cursors.iter().enumerate().filter(|(other, _)| *other != at);
        let wrong = others
            .map(|(_, cursor)| cursor.clone())
            .chain(garbage.map(str::to_owned))
            .chain([own.clone()])
            .chain(changed.map(|text| URL_SAFE_NO_PAD.encode(text)));
        for cursor in wrong {
            // A name or host cut short is the place of another one.
            let is_name = ["NAME", "BRAND_NAME", "HOST", "LIST_ID"].contains(&order)
                && cursor == URL_SAFE_NO_PAD.encode(&own[..own.len() - 1]);
            for argument in ["after", "before"] {
                let page = format!(", {argument}: {}", json!(cursor));
                let answer = app.graphql(&query(list, order, &page), Value::Null).await;
                if is_name {
                    answer.data(list);
                } else {
                    assert_eq!(answer.error_code(), "BAD_REQUEST", "{list} {order} {page}");
                }
            }
        }
        let page = format!(", after: {}", json!(cursors[at]));
        let page = app
            .graphql(&query(list, order, &page), Value::Null)
            .await
            .data(list);
        assert_eq!(page["edges"], json!([]), "{list} {order}");
    }
}

#[tokio::test]
async fn a_page_of_a_hundred_links_reads_each_kind_of_child_once() {
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
    for number in 0..100 {
        let input = json!({"offerId": offers[number % 3], "listId": number % 3});
        assert_eq!(app.create(input).await["__typename"], "CreateShortLinkSuccess");
    }
    let query = "{ shortLinks(first: 100) { nodes {
        id linkId shortUrl destinationUrl contactPhone metadata filterBots status expiresAt maxClicks fallbackUrl createdAt
        sendingList { id listId phoneNumber brandName status metadata }
        offer { id name trackingUrl platform status metadata }
        domain { id host scheme status }
    } } }";
    let before = app.reads();
    let page = app.graphql(query, Value::Null).await.data("shortLinks");
    assert_eq!(items(&page["nodes"]).count(), 100);
    // The links, their domains, offers and lists.
    assert_eq!(app.reads() - before, 4);

    let query = "{ shortLinks(first: 100) { nodes { domain { host } sendingList { domain { host } } } } }";
    let before = app.reads();
    let page = app.graphql(query, Value::Null).await.data("shortLinks");
    for node in items(&page["nodes"]) {
        assert_eq!(node["domain"], node["sendingList"]["domain"]);
    }
    // The links, their domains and lists; a level below, the lists' domains.
    assert_eq!(app.reads() - before, 4);
}
