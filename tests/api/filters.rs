//! Lists narrowed down.

use entity::{ShortLinkId, Timestamp, domain, offer, sending_list, short_link};
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _, ModelTrait as _};
use serde_json::{Value, json};

use crate::support::{START, TestApp, items, of_offer, text};

/// The codes of the links that pass a filter, newest first.
async fn codes(app: &TestApp, filter: Value) -> Vec<String> {
    let query = "query($filter: ShortLinkFilter) { shortLinks(filter: $filter, first: 100) { totalCount nodes { linkId } } }";
    let page = app
        .graphql(query, json!({"filter": filter}))
        .await
        .data("shortLinks");
    let codes: Vec<_> = items(&page["nodes"])
        .map(|node| text(&node["linkId"]).to_owned())
        .collect();
    assert_eq!(page["totalCount"], json!(codes.len()), "{filter}");
    codes
}

/// Expects that a filter of a list is refused.
async fn refused(app: &TestApp, list: &str, filter: &str, value: Value) {
    let query = format!("query($filter: {filter}) {{ {list}(filter: $filter) {{ nodes {{ id }} }} }}");
    let answer = app.graphql(&query, json!({"filter": value})).await;
    assert_eq!(answer.error_code(), "BAD_REQUEST", "{list} {value}");
}

/// A link with this code and these fields, stored.
async fn link(app: &TestApp, code: &str, mut fields: Value) {
    fields["code"] = json!(code);
    if fields["listId"].is_null() {
        fields["listId"] = json!(42);
    }
    if fields["offerId"].is_null() && fields["url"].is_null() {
        fields["url"] = json!("https://example.com/");
    }
    let made = app.create(fields).await;
    assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
}

/// Gives a link another status, as its owner would.
async fn set_status(app: &TestApp, code: &str, status: short_link::Status) {
    let row = app.stored(code).await;
    app.save(short_link::Model { status, ..row }).await;
}

#[tokio::test]
async fn links_are_found_by_list_offer_domain_and_recipient() {
    let app = TestApp::start().await;
    let (tenant, store) = (&app.tenant, app.store());
    let domain = tenant.more_domain(store, "brand.example.com").await;
    tenant.more_list(store, 43, "+18005550143", Some(domain.id)).await;
    let offer = tenant.offer(store, None, "https://offer.example/").await;
    link(&app, "plain", json!({})).await;
    link(&app, "other-list", json!({"listId": 43})).await;
    link(&app, "of-offer", of_offer(&offer, json!({}))).await;
    link(&app, "for-one", json!({"contactPhone": "+12025550143"})).await;
    link(
        &app,
        "all",
        json!({"listId": 43, "offerId": offer.id.to_string(), "contactPhone": "+12025550143"}),
    )
    .await;
    let (offer, domain, mine) = (
        offer.id.to_string(),
        domain.id.to_string(),
        tenant.domain.id.to_string(),
    );
    for (filter, expected) in [
        (
            json!(null),
            vec!["all", "for-one", "of-offer", "other-list", "plain"],
        ),
        (
            json!({}),
            vec!["all", "for-one", "of-offer", "other-list", "plain"],
        ),
        (
            json!({"listId": null, "status": null}),
            vec!["all", "for-one", "of-offer", "other-list", "plain"],
        ),
        (json!({"listId": 42}), vec!["for-one", "of-offer", "plain"]),
        (json!({"listId": 43}), vec!["all", "other-list"]),
        (json!({"listId": 44}), vec![]),
        (json!({"listId": -1}), vec![]),
        (json!({"offerId": offer}), vec!["all", "of-offer"]),
        (json!({"domainId": domain}), vec!["all", "other-list"]),
        (json!({"domainId": mine}), vec!["for-one", "of-offer", "plain"]),
        (json!({"contactPhone": "+12025550143"}), vec!["all", "for-one"]),
        (json!({"contactPhone": "12025550143"}), vec![]),
        (json!({"contactPhone": ""}), vec![]),
        (
            json!({"listId": 43, "offerId": offer, "domainId": domain, "contactPhone": "+12025550143"}),
            vec!["all"],
        ),
        (json!({"listId": 42, "domainId": domain}), vec![]),
    ] {
        assert_eq!(codes(&app, filter.clone()).await, expected, "{filter}");
    }
    for id in [&mine, "", "offer_", "42", "\u{0}", "🦀", &"x".repeat(100_000)] {
        assert_eq!(
            codes(&app, json!({"offerId": id})).await,
            Vec::<String>::new(),
            "{id}"
        );
    }
    for id in [&offer, "", "domain_", "42", "\u{0}", "🦀"] {
        assert_eq!(
            codes(&app, json!({"domainId": id})).await,
            Vec::<String>::new(),
            "{id}"
        );
    }
    for wrong in [
        json!({"listId": "42"}),
        json!({"listId": 2_147_483_648_u32}),
        json!({"contactPhone": "+1\u{0}"}),
        json!({"contactPhone": "1".repeat(256)}),
        json!({"phone": "+12025550143"}),
    ] {
        refused(&app, "shortLinks", "ShortLinkFilter", wrong).await;
    }
}

#[tokio::test]
async fn links_are_found_by_where_they_stand_now() {
    let app = TestApp::start().await;
    for code in [
        "plain",
        "off",
        "gone",
        "off-late",
        "used",
        "used-late",
        "off-used",
    ] {
        link(&app, code, json!({})).await;
    }
    for code in ["early", "late"] {
        let hours = if code == "early" { 13 } else { 15 };
        link(
            &app,
            code,
            json!({"expiresAt": format!("2026-11-23T{hours}:00:00Z")}),
        )
        .await;
    }
    for code in ["off", "off-late", "off-used"] {
        set_status(&app, code, short_link::Status::Disabled).await;
    }
    set_status(&app, "gone", short_link::Status::Archived).await;
    for (code, is_expired, is_exhausted) in [
        ("off-late", true, false),
        ("used", false, true),
        ("used-late", true, true),
        ("off-used", true, true),
    ] {
        let row = app.stored(code).await;
        app.save(short_link::Model {
            expires_at: is_expired.then_some(START),
            exhausted_at: is_exhausted.then_some(START),
            ..row
        })
        .await;
    }
    app.advance_hours(1);
    // What somebody decided goes before what time has done, and that before what visitors have. `early` expires at this
    // very moment.
    let states = [
        ("ACTIVE", vec!["late", "plain"]),
        ("EXPIRED", vec!["early", "used-late"]),
        ("EXHAUSTED", vec!["used"]),
        ("DISABLED", vec!["off-used", "off-late", "off"]),
        ("ARCHIVED", vec!["gone"]),
    ];
    let all = [
        "late",
        "early",
        "off-used",
        "used-late",
        "used",
        "off-late",
        "gone",
        "off",
        "plain",
    ];
    for (state, expected) in &states {
        assert_eq!(codes(&app, json!({"status": state})).await, *expected, "{state}");
        for code in expected {
            let query =
                format!("{{ shortLink(by: {{shortUrl: \"https://go.example.com/{code}\"}}) {{ status }} }}");
            let found = app.graphql(&query, Value::Null).await.data("shortLink");
            assert_eq!(found["status"], *state, "{code}");
        }
    }
    // Every set of them.
    for set in 0..1_u8 << states.len() {
        let listed: Vec<_> = (states.iter().enumerate())
            .filter(|(place, _)| set & (1 << place) != 0)
            .map(|(_, state)| state)
            .collect();
        let names: Vec<_> = listed.iter().map(|(state, _)| state).collect();
        let expected: Vec<_> = all
            .into_iter()
            .filter(|code| listed.iter().any(|(_, codes)| codes.contains(code)))
            .collect();
        assert_eq!(codes(&app, json!({"status": names})).await, expected, "{names:?}");
    }
    for (status, expected) in [
        (
            json!(null),
            all.iter().copied().filter(|code| *code != "gone").collect(),
        ),
        (
            json!(["DISABLED", "ARCHIVED", "DISABLED"]),
            vec!["off-used", "off-late", "gone", "off"],
        ),
    ] {
        assert_eq!(codes(&app, json!({"status": status})).await, expected, "{status}");
    }
    app.advance_hours(2);
    assert_eq!(
        codes(&app, json!({"status": "EXPIRED"})).await,
        ["late", "early", "used-late"]
    );
    assert_eq!(
        codes(&app, json!({"status": "ACTIVE", "listId": 42})).await,
        ["plain"]
    );
}

#[tokio::test]
async fn states_that_there_are_none_of_are_refused() {
    let app = TestApp::start().await;
    for wrong in [json!("active"), json!(["NONE"]), json!([null]), json!("GONE")] {
        refused(&app, "shortLinks", "ShortLinkFilter", json!({"status": wrong})).await;
    }
}

#[tokio::test]
async fn links_are_found_by_the_time_they_were_made_at_to_the_millisecond() {
    let app = TestApp::start().await;
    link(&app, "first", json!({})).await;
    let row = app.stored("first").await;
    for (code, millis) in [("second", 1), ("third", 2), ("before", -1)] {
        let created_at = Timestamp::from_millis(START.millis() + millis);
        let row = short_link::Model {
            id: ShortLinkId::at(created_at),
            code: code.to_owned(),
            created_at,
            exhausted_at: None,
            ..row.clone()
        };
        row.into_active_model()
            .insert(&app.store().write)
            .await
            .expect("a link");
    }
    let at = |time: &str| json!(format!("2026-11-23T{time}"));
    for (from, before, expected) in [
        (
            json!(null),
            json!(null),
            vec!["third", "second", "first", "before"],
        ),
        (at("12:00:00Z"), json!(null), vec!["third", "second", "first"]),
        (
            at("13:00:00+01:00"),
            json!(null),
            vec!["third", "second", "first"],
        ),
        (at("12:00:00.001Z"), json!(null), vec!["third", "second"]),
        (at("12:00:00.000001Z"), json!(null), vec!["third", "second"]),
        (json!(null), at("12:00:00.001Z"), vec!["first", "before"]),
        (
            json!(null),
            at("12:00:00.001000001Z"),
            vec!["second", "first", "before"],
        ),
        (at("12:00:00Z"), at("12:00:00.001Z"), vec!["first"]),
        (at("12:00:00Z"), at("12:00:00Z"), vec![]),
        (at("13:00:00Z"), at("11:00:00Z"), vec![]),
        (
            json!("1905-01-01T00:00:00Z"),
            json!("9999-12-31T23:59:59.999999999Z"),
            vec!["third", "second", "first", "before"],
        ),
        (json!("+262142-01-01T00:00:00Z"), json!(null), vec![]),
        (json!(null), json!("-262143-01-01T00:00:00Z"), vec![]),
    ] {
        let filter = json!({"createdFrom": from, "createdBefore": before});
        assert_eq!(codes(&app, filter.clone()).await, expected, "{filter}");
    }
    for wrong in [
        json!("yesterday"),
        json!(0),
        json!("2026-11-23"),
        json!("2026-11-23T12:00:00"),
    ] {
        refused(
            &app,
            "shortLinks",
            "ShortLinkFilter",
            json!({"createdFrom": wrong}),
        )
        .await;
    }
}

#[tokio::test]
async fn links_are_found_by_a_value_of_their_metadata() {
    let app = TestApp::start().await;
    let long = "x".repeat(1000);
    for (code, metadata) in [
        ("text", json!({"a": "spring", "b": 1})),
        ("one", json!({"a": 1})),
        ("one-point", json!({"a": 1.0})),
        ("one-text", json!({"a": "1"})),
        ("yes", json!({"a": true})),
        ("not", json!({"a": false})),
        ("nothing", json!({"a": null})),
        ("array", json!({"a": ["spring", 1, true]})),
        ("inner", json!({"b": {"a": "spring"}, "c": [{"a": "spring"}]})),
        ("odd-key", json!({"a'b\"c.$[0]é": "😀 'x' \"y\""})),
        ("empty", json!({"": ""})),
        ("long", json!({"a": format!("{long}1")})),
        ("small", json!({"a": 0.1, "b": -7})),
        ("big", json!({"a": 9_007_199_254_740_993_i64})),
        ("tiny", json!({"a": 7.654_927_133_881_691e-231})),
        ("fine", json!({"a": 0.158_382_870_254_805_57})),
        ("none", json!({})),
    ] {
        link(&app, code, json!({"metadata": metadata})).await;
    }
    for (key, value, expected) in [
        ("a", json!("spring"), vec!["text"]),
        ("a", json!("Spring"), vec![]),
        ("a", json!("sprin"), vec![]),
        ("A", json!("spring"), vec![]),
        ("b", json!("spring"), vec![]),
        ("a", json!(1), vec!["one-point", "one"]),
        ("a", json!(1.0), vec!["one-point", "one"]),
        ("a", json!(2), vec![]),
        ("a", json!("1"), vec!["one-text"]),
        ("a", json!(true), vec!["yes"]),
        ("a", json!(false), vec!["not"]),
        ("a", json!(0), vec![]),
        ("a", json!("true"), vec![]),
        ("a'b\"c.$[0]é", json!("😀 'x' \"y\""), vec!["odd-key"]),
        ("", json!(""), vec!["empty"]),
        ("a", json!(format!("{long}1")), vec!["long"]),
        ("a", json!(format!("{long}2")), vec![]),
        ("a", json!(long), vec![]),
        ("a", json!(0.1), vec!["small"]),
        ("b", json!(-7), vec!["small"]),
        ("a", json!(9_007_199_254_740_993_i64), vec!["big"]),
        ("a", json!(9_007_199_254_740_992_i64), vec![]),
        ("a", json!(7.654_927_133_881_691e-231), vec!["tiny"]),
        ("a", json!(0.158_382_870_254_805_57), vec!["fine"]),
        ("$", json!("spring"), vec![]),
        ("", json!("spring"), vec![]),
    ] {
        let filter = json!({"metadata": {"key": key, "value": value}});
        assert_eq!(codes(&app, filter.clone()).await, expected, "{filter:.200}");
    }
    let filter = json!({"listId": 42, "status": "ACTIVE", "metadata": {"key": "a", "value": "spring"}});
    assert_eq!(codes(&app, filter).await, ["text"]);
    for value in [
        json!(null),
        json!([]),
        json!(["spring"]),
        json!({}),
        json!({"a": 1}),
        json!("\u{0}"),
    ] {
        let filter = json!({"metadata": {"key": "a", "value": value}});
        refused(&app, "shortLinks", "ShortLinkFilter", filter).await;
    }
    for wrong in [
        json!({"key": "\u{0}", "value": 1}),
        json!({"key": "a"}),
        json!({"value": 1}),
        json!({}),
    ] {
        refused(&app, "shortLinks", "ShortLinkFilter", json!({"metadata": wrong})).await;
    }
}

#[tokio::test]
async fn offers_and_lists_are_found_by_name_and_status() {
    let app = TestApp::start().await;
    let (tenant, store) = (&app.tenant, app.store());
    for (number, name) in ["Spring 50% off", "spring_sale", "Été", "a\\b"]
        .into_iter()
        .enumerate()
    {
        let number = i32::try_from(number).expect("small");
        let mut offer = tenant.offer(store, None, "https://offer.example/").await;
        let mut list = tenant
            .more_list(store, number, &format!("+1800555000{number}"), None)
            .await;
        offer.name = name.to_owned();
        list.brand_name = name.to_owned();
        if number == 1 {
            offer.status = offer::Status::Paused;
            list.status = sending_list::Status::Paused;
        }
        if number == 2 {
            offer.status = offer::Status::Archived;
            list.status = sending_list::Status::Archived;
        }
        app.save(offer).await;
        app.save(list).await;
    }
    let lists = [
        ("offers", "OfferFilter", "name"),
        ("sendingLists", "SendingListFilter", "brandName"),
    ];
    for (list, filter_type, name) in lists {
        let names = async |filter: Value| {
            let query = format!(
                "query($filter: {filter_type}) {{ {list}(filter: $filter) {{ totalCount nodes {{ {name} status }} }} }}"
            );
            let page = app.graphql(&query, json!({"filter": filter})).await.data(list);
            assert_eq!(page["totalCount"], json!(items(&page["nodes"]).count()));
            items(&page["nodes"])
                .map(|node| text(&node[name]).to_owned())
                .filter(|name| name != "Example Outfitters")
                .collect::<Vec<_>>()
        };
        for (filter, expected) in [
            (json!({}), vec!["a\\b", "spring_sale", "Spring 50% off"]),
            (json!({"status": "ACTIVE"}), vec!["a\\b", "Spring 50% off"]),
            (json!({"status": "PAUSED"}), vec!["spring_sale"]),
            (json!({"status": "ARCHIVED"}), vec!["Été"]),
            (
                json!({"status": ["PAUSED", "ARCHIVED"]}),
                vec!["Été", "spring_sale"],
            ),
            (json!({"status": []}), vec![]),
            (json!({name: "SPRING"}), vec!["spring_sale", "Spring 50% off"]),
            (json!({name: "%"}), vec!["Spring 50% off"]),
            (json!({name: "_"}), vec!["spring_sale"]),
            (json!({name: "\\"}), vec!["a\\b"]),
            (json!({name: "spring%off"}), vec![]),
            (json!({name: "'"}), vec![]),
            (json!({name: ""}), vec!["a\\b", "spring_sale", "Spring 50% off"]),
            (json!({name: "Ét"}), vec![]),
            (json!({name: "Ét", "status": "ARCHIVED"}), vec!["Été"]),
            (json!({name: "é", "status": "ARCHIVED"}), vec!["Été"]),
            (json!({name: "spring", "status": "PAUSED"}), vec!["spring_sale"]),
            (json!({name: "x".repeat(255)}), vec![]),
        ] {
            assert_eq!(names(filter.clone()).await, expected, "{list} {filter}");
        }
        for wrong in [
            json!({"status": "EXPIRED"}),
            json!({"status": 1}),
            json!({name: "\u{0}"}),
            json!({name: "x".repeat(256)}),
            json!({name: 1}),
            json!({"host": "x"}),
        ] {
            refused(&app, list, filter_type, wrong).await;
        }
    }
}

#[tokio::test]
async fn domains_are_found_by_host_and_status() {
    let app = TestApp::start().await;
    for number in 0..4 {
        let host = format!("go{number}.example.com");
        let mut domain = app.tenant.more_domain(app.store(), &host).await;
        if number == 2 {
            domain.status = domain::Status::Archived;
            app.save(domain).await;
        }
    }
    for (filter, expected) in [
        (json!(null), vec!["go3", "go1", "go0", "go"]),
        (json!({"status": "ARCHIVED"}), vec!["go2"]),
        (
            json!({"status": ["ACTIVE", "ARCHIVED"]}),
            vec!["go3", "go2", "go1", "go0", "go"],
        ),
        (json!({"host": "GO1"}), vec!["go1"]),
        (json!({"host": "go2"}), vec![]),
    ] {
        let query = "query($filter: DomainFilter) { domains(filter: $filter) { nodes { host } } }";
        let page = app
            .graphql(query, json!({"filter": filter}))
            .await
            .data("domains");
        let hosts: Vec<_> = items(&page["nodes"])
            .map(|node| text(&node["host"]).trim_end_matches(".example.com"))
            .collect();
        assert_eq!(hosts, expected, "{filter}");
    }
    for wrong in [json!({"status": "PAUSED"}), json!({"host": "\u{0}"})] {
        refused(&app, "domains", "DomainFilter", wrong).await;
    }
}

#[tokio::test]
async fn links_are_found_by_the_beginnings_of_words_of_code_and_destination() {
    let app = TestApp::start().await;
    for (code, url) in [
        ("Spring-2026", "https://shop.example.com/"),
        (
            "plain",
            "https://shop.example.com/spring/Sale_50?utm_source=sms&x=%C3%A9t",
        ),
        ("other", "https://example.com/offspring?SUMMER"),
        ("number", "https://example.com/1e5x/007?a=-1.5"),
        ("words", "https://example.com/and/or/not/near"),
    ] {
        link(&app, code, json!({"url": url})).await;
    }
    let find = async |text: &str| codes(&app, json!({"search": text})).await;
    for (text, expected) in [
        ("spring", vec!["plain", "Spring-2026"]),
        ("SPR", vec!["plain", "Spring-2026"]),
        ("s", vec!["other", "plain", "Spring-2026"]),
        ("spring sale", vec!["plain"]),
        ("sale, spring!", vec!["plain"]),
        ("spring-20", vec!["Spring-2026"]),
        ("sal_50", vec!["plain"]),
        ("pring", vec![]),
        ("summer", vec!["other"]),
        ("sms", vec!["plain"]),
        ("https://shop.example.com/spr", vec!["plain", "Spring-2026"]),
        ("shop", vec!["plain", "Spring-2026"]),
        ("https", vec!["words", "number", "other", "plain", "Spring-2026"]),
        ("1e5x", vec!["number"]),
        ("1e5", vec!["number"]),
        ("5x", vec![]),
        ("x", vec!["plain"]),
        ("007", vec!["number"]),
        ("7", vec![]),
        ("AND", vec!["words"]),
        ("NOT near", vec!["words"]),
        ("\"or\"*", vec!["words"]),
        ("a", vec!["words", "number", "plain"]),
        ("l", vec![]),
        ("w", vec!["words"]),
        ("plain words", vec![]),
        ("nowhere", vec![]),
        (&"s ".repeat(10), vec!["other", "plain", "Spring-2026"]),
    ] {
        assert_eq!(find(text).await, expected, "{text}");
    }
    let filter =
        json!({"search": "example", "listId": 42, "status": "ACTIVE", "createdFrom": "2026-11-23T12:00:00Z"});
    assert_eq!(codes(&app, filter).await.len(), 5);
    let account = app.tenant.account.id.to_string().replace("acct_", "");
    for nothing in ["42", &account, &format!("a{account}"), "list", "domain"] {
        assert_eq!(find(nothing).await, Vec::<String>::new(), "{nothing}");
    }
    for wrong in [
        "",
        "???",
        "é",
        "spring\u{0}",
        &"s".repeat(201),
        &"s ".repeat(11),
        &"s ".repeat(10_000),
    ] {
        refused(&app, "shortLinks", "ShortLinkFilter", json!({"search": wrong})).await;
    }
    // However long it is, it is told the one limit that it has.
    let query = "query($filter: ShortLinkFilter) { shortLinks(filter: $filter) { nodes { id } } }";
    for length in [201, 256] {
        let answer = app
            .graphql(query, json!({"filter": {"search": "s".repeat(length)}}))
            .await;
        let message = answer.json()["errors"][0]["message"].clone();
        assert_eq!(
            message,
            format!("search may have at most 200 characters; this has {length}.")
        );
    }
}

#[tokio::test]
async fn what_is_found_can_be_paged_both_ways() {
    let app = TestApp::start().await;
    for number in 0..25 {
        let word = if number % 5 == 0 { "rare" } else { "common" };
        let fields = json!({"url": format!("https://example.com/{word}"), "metadata": {"kind": word}});
        link(&app, &format!("code{number:02}"), fields).await;
    }
    let query = "query($filter: ShortLinkFilter, $orderBy: ShortLinkOrder, $first: Int, $after: String, $last: Int, $before: String) {
        shortLinks(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
            nodes { linkId } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        } }";
    for filter in [
        json!({"search": "com"}),
        json!({"listId": 42, "search": "common"}),
        json!({"metadata": {"key": "kind", "value": "common"}}),
        json!({"domainId": app.tenant.domain.id.to_string(), "metadata": {"key": "kind", "value": "rare"}}),
    ] {
        for order in ["NEWEST_FIRST", "OLDEST_FIRST"] {
            let page = async |mut variables: Value| {
                variables["filter"] = filter.clone();
                variables["orderBy"] = json!(order);
                let page = app.graphql(query, variables).await.data("shortLinks");
                let codes: Vec<_> = items(&page["nodes"])
                    .map(|node| text(&node["linkId"]).to_owned())
                    .collect();
                (codes, page["pageInfo"].clone())
            };
            let (whole, _) = page(json!({"first": 100})).await;
            let mut sorted = whole.clone();
            sorted.sort();
            if order == "NEWEST_FIRST" {
                sorted.reverse();
            }
            assert_eq!(whole, sorted, "{filter} {order}");
            let (mut forwards, mut after) = (Vec::new(), Value::Null);
            let (mut backwards, mut before) = (Vec::new(), Value::Null);
            for step in (0..whole.len()).step_by(3) {
                let (codes, info) = page(json!({"first": 3, "after": after})).await;
                assert_eq!(info["hasNextPage"], step + 3 < whole.len(), "{filter} {order}");
                forwards.extend(codes);
                after = info["endCursor"].clone();
                let (codes, info) = page(json!({"last": 3, "before": before})).await;
                assert_eq!(
                    info["hasPreviousPage"],
                    step + 3 < whole.len(),
                    "{filter} {order}"
                );
                backwards.splice(0..0, codes);
                before = info["startCursor"].clone();
            }
            assert_eq!((&forwards, &backwards), (&whole, &whole), "{filter} {order}");
        }
    }
}

#[tokio::test]
async fn a_link_is_found_whoever_writes_it() {
    let app = TestApp::start().await;
    link(
        &app,
        "made",
        json!({"url": "https://example.com/spring", "metadata": {"a": 1}}),
    )
    .await;
    let made = app.stored("made").await;
    // As an import does, past the writer.
    let other = short_link::Model {
        id: ShortLinkId::at(START),
        code: "brought".to_owned(),
        ..made.clone()
    };
    let other = other
        .into_active_model()
        .insert(&app.store().write)
        .await
        .expect("a link");
    let found = async |filter: Value| codes(&app, filter).await.join(" ");
    let metadata = |value: i32| json!({"metadata": {"key": "a", "value": value}});
    for filter in [json!({"search": "spring"}), json!({"listId": 42}), metadata(1)] {
        assert_eq!(found(filter).await, "brought made");
    }
    app.save(short_link::Model {
        code: "changed".to_owned(),
        destination: "https://example.com/summer".to_owned(),
        metadata: json!({"a": 2}),
        ..other.clone()
    })
    .await;
    app.save(short_link::Model {
        status: short_link::Status::Disabled,
        ..made
    })
    .await;
    link(&app, "last", json!({"url": "https://example.com/spring"})).await;
    for (filter, expected) in [
        (json!({"search": "spring"}), "last made"),
        (json!({"search": "summer"}), "changed"),
        (json!({"search": "brought"}), ""),
        (json!({"listId": 42}), "last changed made"),
        (metadata(1), "made"),
        (metadata(2), "changed"),
    ] {
        assert_eq!(found(filter.clone()).await, expected, "{filter}");
    }
    other.delete(&app.store().write).await.expect("deleted");
    assert_eq!(found(json!({"listId": 42})).await, "last made");
    assert_eq!(found(json!({"search": "summer"})).await, "");
}

#[tokio::test]
async fn links_are_kept_and_found_when_the_indexes_are_taken_back_and_made_again() {
    let app = TestApp::start().await;
    link(
        &app,
        "first",
        json!({"metadata": {"a": 1}, "contactPhone": "+12025550143"}),
    )
    .await;
    link(&app, "second", json!({"url": "https://example.com/spring"})).await;
    let mut before = [app.stored("first").await, app.stored("second").await];
    for link in &mut before {
        // It is from a later change, which is taken back too.
        link.api_key_id = None;
    }
    let db = &app.store().write;
    Migrator::down(db, Some(5)).await.expect("taken back");
    Migrator::up(db, None).await.expect("made again");
    assert_eq!([app.stored("first").await, app.stored("second").await], before);
    link(&app, "third", json!({"url": "https://example.com/spring"})).await;
    for (filter, expected) in [
        (json!({}), vec!["third", "second", "first"]),
        (json!({"search": "spr"}), vec!["third", "second"]),
        (json!({"contactPhone": "+12025550143"}), vec!["first"]),
        (json!({"metadata": {"key": "a", "value": 1}}), vec!["first"]),
    ] {
        assert_eq!(codes(&app, filter.clone()).await, expected, "{filter}");
    }
}
