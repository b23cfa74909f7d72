//! How much work one GraphQL request may ask for.
//!
//! What is refused here would keep the server busy for minutes, or overflow its stack, if anybody followed it: then
//! these tests don't fail but never end, or end the process.

use std::fmt::Write as _;

use linkhop::{graphql::Limits, http::Settings};
use serde_json::{Value, json};

use crate::support::{INTROSPECTION, Setup, TestApp};

/// Sends a query with a key and without one, expects the same refusal of the whole request, and answers its code.
async fn refusal(app: &TestApp, query: &str) -> String {
    let known = app.graphql(query, Value::Null).await;
    let unknown = app.graphql_as(None, query, Value::Null).await;
    assert_eq!(known.body, unknown.body);
    assert_eq!((known.status.as_u16(), unknown.status.as_u16()), (200, 200));
    assert!(known.json().get("data").is_none());
    known.error_code()
}

/// Fragments that each spread the next one `width` times, `steps` times over.
fn bomb(steps: usize, width: usize) -> String {
    let mut query = "query{...F0}".to_owned();
    for step in 0..steps {
        let next = format!("...F{} ", step + 1).repeat(width);
        let _ = write!(query, " fragment F{step} on Query{{{next}}}");
    }
    query + &format!(" fragment F{steps} on Query{{__typename}}")
}

/// A server with these limits.
fn limited(limits: Limits) -> Setup {
    Setup {
        settings: Settings {
            limits,
            ..Settings::default()
        },
        ..Setup::default()
    }
}

fn nested(open: &str, levels: usize, close: &str) -> String {
    open.repeat(levels) + &close.repeat(levels)
}

#[tokio::test]
async fn fragments_that_multiply_are_refused_before_anybody_follows_them() {
    let app = TestApp::start().await;
    let small = bomb(25, 2);
    assert!(small.len() < 1300, "{}", small.len());
    let large = format!(
        "query{{{}}} fragment L on Query{{{}}}",
        "...L ".repeat(900),
        "__typename ".repeat(100)
    );
    for query in [
        small,
        bomb(31, 2),
        bomb(8, 8),
        bomb(1100, 1),
        large,
        "query{...A} fragment A on Query{...B ...B} fragment B on Query{...A ...A}".to_owned(),
        "query{...A} fragment A on Query{...A ...A}".to_owned(),
        // Nobody spreads these.
        "{__typename} fragment A on Query{...B ...B} fragment B on Query{...A ...A}".to_owned(),
        bomb(25, 2).replace("query{...F0}", "{__typename}"),
    ] {
        assert_eq!(refusal(&app, &query).await, "QUERY_TOO_COMPLEX", "{query:.80}");
    }
}

#[tokio::test]
async fn a_chain_of_fragments_is_refused_before_it_uses_up_the_stack() {
    // More tokens than by default, or there were no room for a chain that is long enough.
    let limits = Limits {
        tokens: 200_000,
        ..Limits::default()
    };
    let app = TestApp::with(limited(limits)).await;
    let mut chain = "{...F0}".to_owned();
    for link in 0..500 {
        let (open, close) = ("a{".repeat(60), "}".repeat(60));
        let _ = write!(
            chain,
            " fragment F{link} on Query{{{open}...F{}{close}}}",
            link + 1
        );
    }
    assert_eq!(refusal(&app, &chain).await, "QUERY_TOO_COMPLEX");
}

#[tokio::test]
async fn fragments_that_stay_small_are_followed() {
    let app = TestApp::start().await;
    for query in [bomb(2, 20), bomb(20, 1)] {
        let answer = app.graphql_as(None, &query, Value::Null).await;
        assert_eq!(answer.data("__typename"), "Query");
    }
}

#[tokio::test]
async fn brackets_five_thousand_deep_are_refused_before_they_are_parsed() {
    let app = TestApp::start().await;
    for query in [
        nested("{a", 5000, "}"),
        nested("{...", 5000, "}"),
        "{a".repeat(5000),
        format!("{{a(b:{})}}", nested("[", 5000, "]")),
        format!("{{a(b:{}1{})}}", "{c:".repeat(5000), "}".repeat(5000)),
        format!("query($a:{}){{a}}", nested("[", 5000, "]")),
        // Behind strings that end elsewhere than a careless reader thinks.
        format!(r#"{{a(b:["""\\""" x """ {} """y"""])}}"#, nested("[", 5000, "]")),
        format!("{{a(b:\"\\\\\", c:{})}}", nested("[", 5000, "]")),
    ] {
        assert_eq!(refusal(&app, &query).await, "QUERY_TOO_COMPLEX", "{query:.40}");
    }
    for open_string in ["\"\"\"x\" ", "\""] {
        let query = format!("{{a(b:[{open_string}{}])}}", nested("[", 5000, "]"));
        assert_eq!(refusal(&app, &query).await, "BAD_REQUEST", "{query:.40}");
    }
}

#[tokio::test]
async fn selections_too_deep_for_the_library_are_too_complex_and_no_syntax_error() {
    let app = TestApp::start().await;
    for levels in [16, 32, 33, 34, 62, 63, 64, 65, 66, 128, 129] {
        let query = format!("{{viewer{}x{}}}", "{a".repeat(levels - 1), "}".repeat(levels - 1));
        let answer = app.graphql(&query, Value::Null).await;
        let code = answer.json()["errors"][0]["extensions"]["code"].clone();
        // What is not too deep for us names fields that are not there.
        let expected = if levels > 32 {
            "QUERY_TOO_COMPLEX"
        } else {
            "BAD_REQUEST"
        };
        assert_eq!(code, expected, "{levels}: {}", answer.body);
    }
}

#[tokio::test]
async fn the_schema_can_t_be_asked_for_inside_itself_again_and_again() {
    let app = TestApp::start().await;
    for (levels, allowed) in [(1, true), (2, true), (3, false), (6, false)] {
        let below = format!("{}name{}", "fields{type{".repeat(levels), "}}".repeat(levels));
        let fragments = format!(
            "{{__schema{{types{{...T}}}}}} fragment T on __Type{{{}}}",
            below.replacen("fields{type{", "fields{type{...on __Type{", 1) + "}"
        );
        for query in [
            format!("{{__schema{{types{{{below}}}}}}}"),
            format!("{{__type(name:\"Query\"){{{below}}}}}"),
            format!(
                "{{__schema{{queryType{{{}}}}}}}",
                below.replace("fields{type", "possibleTypes{ofType")
            ),
            fragments,
        ] {
            if allowed {
                let answer = app.graphql_as(None, &query, Value::Null).await;
                assert!(answer.json().get("errors").is_none(), "{query}: {}", answer.body);
            } else {
                assert_eq!(refusal(&app, &query).await, "QUERY_TOO_COMPLEX", "{query}");
            }
        }
    }
}

#[tokio::test]
async fn ten_thousand_aliases_are_refused() {
    let app = TestApp::start().await;
    let mut aliases = String::from("{");
    for number in 0..10_000 {
        let _ = write!(aliases, "a{number}:__typename ");
    }
    assert_eq!(refusal(&app, &(aliases + "}")).await, "QUERY_TOO_COMPLEX");
    let megabyte = format!("{{__typename #{}\n}}", "x".repeat(1_000_000));
    // Without a key so long a body is not even read.
    let answer = app.graphql(&megabyte, Value::Null).await;
    assert_eq!(
        (answer.status.as_u16(), answer.error_code().as_str()),
        (200, "QUERY_TOO_COMPLEX")
    );
}

#[tokio::test]
async fn each_limit_lets_its_last_and_no_more() {
    let deep = "{ viewer { account { settings { defaultFilterBots } } } }";
    let aliases =
        "{ a: __typename ...F } fragment F on Query { b: __typename ...on Query { c: __typename } }";
    let spreads = "{ ...F ...F } fragment F on Query { ...G } fragment G on Query { __typename }";
    let limits = Limits::default();
    for (limits, less, query) in [
        (Limits { depth: 4, ..limits }, Limits { depth: 3, ..limits }, deep),
        (
            Limits {
                complexity: 4,
                ..limits
            },
            Limits {
                complexity: 3,
                ..limits
            },
            deep,
        ),
        (
            Limits { tokens: 12, ..limits },
            Limits { tokens: 11, ..limits },
            deep,
        ),
        (
            Limits { aliases: 3, ..limits },
            Limits { aliases: 2, ..limits },
            aliases,
        ),
        (
            Limits { spreads: 4, ..limits },
            Limits { spreads: 3, ..limits },
            spreads,
        ),
    ] {
        let app = TestApp::with(limited(limits)).await;
        let answer = app.graphql(query, Value::Null).await;
        assert!(
            answer.json().get("errors").is_none(),
            "{limits:?}: {}",
            answer.body
        );
        let app = TestApp::with(limited(less)).await;
        assert_eq!(refusal(&app, query).await, "QUERY_TOO_COMPLEX", "{less:?}");
    }
}

#[tokio::test]
async fn a_mutation_costs_thirty_times_what_a_field_does() {
    let limits = Limits {
        aliases: 100,
        complexity: 310,
        ..Limits::default()
    };
    let app = TestApp::with(limited(limits)).await;
    let mutations = |count: usize| {
        let mut calls = String::new();
        for number in 0..count {
            let _ = write!(calls, "m{number}: createShortLink(input: {{}}) {{ __typename }} ");
        }
        format!("mutation {{ {calls} }}")
    };
    assert_eq!(refusal(&app, &mutations(11)).await, "QUERY_TOO_COMPLEX");
    let answer = app.graphql(&mutations(10), Value::Null).await;
    assert!(answer.json().get("errors").is_none(), "{}", answer.body);
}

#[tokio::test]
async fn a_batch_costs_its_selection_but_pages_of_clicks_below_its_links_cost_with_each_ten() {
    let app = TestApp::start().await;
    let ask = async |links: usize, below: &str| {
        let query = format!(
            "mutation($input: CreateShortLinksInput!) {{ createShortLinks(input: $input) {{ \
             ... on CreateShortLinksSuccess {{ created results {{ ... on CreateShortLinkSuccess {{ \
             linkId shortUrl shortLink {{ id status domain {{ host }} {below} }} }} }} }} }} }}"
        );
        let defaults = json!({"url": "https://example.com/", "listId": 42});
        let input = json!({"defaults": defaults, "items": vec![json!({}); links]});
        app.graphql(&query, json!({"input": input})).await
    };
    for (links, below) in [
        (
            1000,
            "stats { clicks uniqueClicks } sendingList { brandName } offer { name }",
        ),
        (10, "clicks(first: 100) { nodes { id } }"),
        (100, "clicks(first: 1) { nodes { id } }"),
        (10, "qrCode(format: PNG, size: 2048) { size }"),
        (100, "qrCode { svg } sms(body: \"Sale\") { segments }"),
    ] {
        let made = ask(links, below).await.data("createShortLinks");
        assert_eq!(made["created"], links, "{below}");
    }
    let before = app.count_links().await;
    for (links, below) in [
        (1000, "clicks(first: 100) { nodes { id } }"),
        (1000, "clicks(first: 1) { totalCount }"),
        (1000, "domain { usage { activeLinks } }"),
        (100, "qrCode(format: PNG, size: 2048) { base64 }"),
        (
            1000,
            "a: status ... on ShortLink { sendingList { domain { usage { activeLinks } } } }",
        ),
    ] {
        let refused = ask(links, below).await;
        assert_eq!(refused.error_code(), "QUERY_TOO_COMPLEX", "{below}");
    }
    assert_eq!(
        app.count_links().await,
        before,
        "nothing is made of what is refused"
    );
}

#[tokio::test]
async fn rows_cost_the_same_from_either_end_and_a_count_a_little() {
    let limits = Limits {
        complexity: 5 + 10,
        ..Limits::default()
    };
    let app = TestApp::with(limited(limits)).await;
    for list in ["shortLinks", "offers", "sendingLists", "domains"] {
        for (query, allowed) in [
            (format!("{{ {list}(first: 50) {{ nodes {{ id }} }} }}"), true),
            (format!("{{ {list}(last: 50) {{ nodes {{ id }} }} }}"), true),
            (format!("{{ {list}(first: 51) {{ nodes {{ id }} }} }}"), false),
            (format!("{{ {list}(last: 51) {{ nodes {{ id }} }} }}"), false),
            (format!("{{ {list}(last: 1000000) {{ nodes {{ id }} }} }}"), false),
            (format!("{{ {list}(first: 1) {{ totalCount }} }}"), false),
        ] {
            if allowed {
                app.graphql(&query, Value::Null).await.data(list);
            } else {
                assert_eq!(refusal(&app, &query).await, "QUERY_TOO_COMPLEX", "{query}");
            }
        }
    }
}

#[tokio::test]
async fn the_standard_introspection_query_passes_with_a_key_and_without() {
    let app = TestApp::start().await;
    for key in [None, Some(app.tenant.key.as_str())] {
        let schema = app
            .graphql_as(key, INTROSPECTION, Value::Null)
            .await
            .data("__schema");
        assert_eq!(schema["queryType"]["name"], "Query");
    }
}

#[tokio::test]
async fn a_flood_of_directives_is_refused_or_answered_at_once_and_in_few_words() {
    let app = TestApp::start().await;
    let flood = |directive: &str, times: usize| format!("{{ __typename {} }}", directive.repeat(times));
    for directive in ["@include(if: true) ", "@a ", "@a(b: 1) "] {
        assert_eq!(
            refusal(&app, &flood(directive, 10_000)).await,
            "QUERY_TOO_COMPLEX"
        );
        let answer = app.graphql(&flood(directive, 1400), Value::Null).await;
        assert!(
            answer.body.len() < 10_000,
            "{directive}: {} bytes",
            answer.body.len()
        );
    }
    // As are all other mistakes that can be made by the thousand.
    let fields: Vec<_> = (0..3000).map(|number| format!("a{number}")).collect();
    let fields = fields.join(" ");
    let answer = app.graphql(&format!("{{ {fields} }}"), Value::Null).await;
    assert!(answer.body.len() < 10_000, "{} bytes", answer.body.len());
    assert_eq!(answer.json()["errors"].as_array().map(Vec::len), Some(25));
}

#[tokio::test]
async fn whoever_is_refused_is_told_the_limit_and_what_to_do() {
    let app = TestApp::start().await;
    let aliases: Vec<_> = (0..51).map(|number| format!("a{number}: __typename")).collect();
    let aliases = aliases.join(" ");
    for (query, limit) in [
        (bomb(25, 2), "at most 1000"),
        (format!("{{ {aliases} }}"), "at most 50"),
        (format!("{{ {} }}", "__typename ".repeat(10_000)), "at most 10000"),
        (
            "query { ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(),
            "at most",
        ),
        (format!("{{ a(b: {}) }}", nested("[", 200, "]")), "at most 128"),
        (
            "{ shortLinks { nodes { offer { usage { links } } sendingList { domain { id } } } } } # "
                .to_owned()
                + &"x".repeat(256 * 1024),
            "at most 262144",
        ),
    ] {
        let answer = app.graphql(&query, Value::Null).await;
        assert_eq!(answer.error_code(), "QUERY_TOO_COMPLEX");
        let message = answer.json()["errors"][0]["message"].to_string();
        assert!(
            message.contains(limit) && message.contains("Split it"),
            "{message}"
        );
    }
}
