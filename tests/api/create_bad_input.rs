//! Input that is malformed on purpose: each gets an error with a code, none a 500, and no row is stored.

use entity::{OfferId, ShortLinkId};
use serde_json::{Value, json};

use crate::support::{Answer, CREATE, START, TestApp};

/// The code of the one error that a request is answered with, of whichever kind it is.
fn code_of(answer: &Answer) -> String {
    assert!(answer.status.as_u16() < 500, "{} {}", answer.status, answer.body);
    let code = match answer.json()["data"]["createShortLink"]["code"].as_str() {
        Some(code) => code.to_owned(),
        None => answer.error_code(),
    };
    assert_ne!(code, "INTERNAL");
    code
}

/// Expects each of these inputs, completed where it says nothing, to be answered with a code, and nothing stored.
async fn all_refused(cases: impl IntoIterator<Item = (Value, &str)>) {
    let app = TestApp::start().await;
    for (fields, code) in cases {
        let mut input = json!({"url": "https://example.com/", "listId": 42});
        for (name, value) in fields.as_object().expect("fields") {
            input[name] = value.clone();
        }
        let answer = app.graphql(CREATE, json!({ "input": input })).await;
        let text: String = fields.to_string().chars().take(200).collect();
        assert_eq!(code_of(&answer), code, "{text}");
    }
    assert_eq!(app.count_links().await, 0);
}

/// The same for an input that is written into the query.
async fn refused_inline(app: &TestApp, input: &str, code: &str) {
    let query = CREATE
        .replace("mutation Create($input: CreateShortLinkInput!)", "mutation")
        .replace("$input", input);
    let answer = app.graphql(&query, json!({})).await;
    let text: String = input.chars().take(200).collect();
    assert_eq!(code_of(&answer), code, "{text} {}", answer.body);
    assert_eq!(app.count_links().await, 0);
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }))
}

#[tokio::test]
async fn urls_that_would_harm_someone_are_refused() {
    let long = format!("https://example.com/?{}", "a".repeat(8192));
    let urls = [
        long.as_str(),
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//example.com/",
        "https://example.com/\r\nSet-Cookie: a=b",
        "https://example.com/\u{85}",
        "https://example.com/\u{2028}",
        "https://example.com\t/",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com%40evil.example@x/",
        "https://",
        "https://?",
        "https://exa{{click.id}}mple.com/",
        "https://[::1/",
        "https://example.com:65536/",
        "https://xn--a/",
        "https://a..b\u{ad}\u{200b}%00/",
        "\u{feff}https://example.com/",
    ];
    let fields = ["url", "fallbackUrl"];
    all_refused(
        urls.into_iter()
            .flat_map(|url| fields.map(|field| (json!({ field: url }), "INVALID_URL"))),
    )
    .await;
}

#[tokio::test]
async fn a_nul_is_refused_in_every_text() {
    all_refused([
        (json!({"url": "https://example.com/\0"}), "INVALID_URL"),
        (json!({"url": "\0https://example.com/"}), "INVALID_URL"),
        (json!({"fallbackUrl": "https://example.com/\0"}), "INVALID_URL"),
        (json!({"offerId": "\0"}), "OFFER_NOT_FOUND"),
        (
            json!({"offerId": format!("{}\0", OfferId::at(START))}),
            "OFFER_NOT_FOUND",
        ),
        (
            json!({"listId": null, "phoneNumber": "+18005551234\0"}),
            "INVALID_PHONE",
        ),
        (json!({"contactPhone": "+1800555\x001234"}), "INVALID_PHONE"),
        (json!({"code": "abc\0"}), "INVALID_CODE"),
        (json!({"idempotencyKey": "k\0"}), "INVALID_IDEMPOTENCY_KEY"),
        (json!({"metadata": {"a\0": 1}}), "INVALID_METADATA"),
        (json!({"metadata": {"a": ["b", {"c": "\0"}]}}), "INVALID_METADATA"),
        (json!({"metadata": "\0"}), "INVALID_METADATA"),
        (json!({"expiresAt": "2026-12-24T18:00:00Z\0"}), "BAD_REQUEST"),
    ])
    .await;
    let app = TestApp::start().await;
    for (input, code) in [
        (
            r#"{url: "https://example.com/\u0000", listId: 42}"#,
            "INVALID_URL",
        ),
        (
            r#"{url: "https://example.com/", listId: 42, metadata: {a: "\u0000"}}"#,
            "INVALID_METADATA",
        ),
        (
            r#"{url: "https://example.com/", listId: 42, idempotencyKey: "\u0000"}"#,
            "INVALID_IDEMPOTENCY_KEY",
        ),
    ] {
        refused_inline(&app, input, code).await;
    }
}

#[tokio::test]
async fn metadata_that_is_huge_or_deep_is_refused() {
    all_refused([
        (
            json!({"metadata": {"a": "x".repeat(1 << 20)}}),
            "INVALID_METADATA",
        ),
        (json!({"metadata": {"x".repeat(1 << 20): 1}}), "INVALID_METADATA"),
        (json!({"metadata": vec![1; 1 << 19]}), "INVALID_METADATA"),
        (json!({ "metadata": nested(6) }), "INVALID_METADATA"),
        (json!({ "metadata": nested(100) }), "INVALID_METADATA"),
        (json!({ "metadata": nested(130) }), "BAD_REQUEST"),
        (
            json!({"metadata": nested(100), "idempotencyKey": "k"}),
            "INVALID_METADATA",
        ),
    ])
    .await;
    let app = TestApp::start().await;
    let with =
        |metadata: &str| format!("{{url: \"https://example.com/\", listId: 42, metadata: {metadata}}}");
    let deep = |levels: usize| with(&format!("{}1{}", "{a: ".repeat(levels), "}".repeat(levels)));
    refused_inline(&app, &deep(6), "INVALID_METADATA").await;
    refused_inline(&app, &deep(100), "INVALID_METADATA").await;
    refused_inline(&app, &deep(5000), "QUERY_TOO_COMPLEX").await;
    let huge = with(&format!("{{a: \"{}\"}}", "x".repeat(1 << 20)));
    refused_inline(&app, &huge, "QUERY_TOO_COMPLEX").await;
    let large = with(&format!("{{a: \"{}\"}}", "x".repeat(1 << 17)));
    refused_inline(&app, &large, "INVALID_METADATA").await;
}

#[tokio::test]
async fn an_id_of_another_kind_is_not_found() {
    let app = TestApp::start().await;
    let offer = app.tenant.offer(app.store(), None, "https://t.example/").await;
    let id = offer.id.to_string();
    let digits = id.trim_start_matches("offer_").to_owned();
    for wrong in [
        app.tenant.account.id.to_string(),
        app.tenant.domain.id.to_string(),
        app.tenant.key_row.id.to_string(),
        app.tenant.list.id.to_string(),
        ShortLinkId::at(START).to_string(),
        format!("link_{digits}"),
        id.to_uppercase(),
        format!(" {id}"),
        format!("{id}0"),
        digits,
        "offer_' OR 1=1 --".to_owned(),
        "x".repeat(100_000),
    ] {
        let input = json!({"offerId": wrong, "listId": 42});
        let answer = app.graphql(CREATE, json!({ "input": input })).await;
        assert_eq!(code_of(&answer), "OFFER_NOT_FOUND", "{wrong}");
    }
    assert_eq!(app.count_links().await, 0);
}

#[tokio::test]
async fn values_that_their_type_can_t_hold_are_bad_requests() {
    all_refused([
        (json!({"listId": 2_147_483_648_i64}), "BAD_REQUEST"),
        (json!({"listId": -2_147_483_649_i64}), "BAD_REQUEST"),
        (json!({"listId": u64::MAX}), "BAD_REQUEST"),
        (json!({"listId": 1e300}), "BAD_REQUEST"),
        (json!({"listId": 42.5}), "BAD_REQUEST"),
        (json!({"listId": "42"}), "BAD_REQUEST"),
        (json!({"listId": [42]}), "BAD_REQUEST"),
        (json!({"maxClicks": 4_294_967_297_i64}), "BAD_REQUEST"),
        (json!({"maxClicks": true}), "BAD_REQUEST"),
        (json!({"filterBots": "yes"}), "BAD_REQUEST"),
        (json!({"filterBots": 1}), "BAD_REQUEST"),
        (json!({"url": 7}), "BAD_REQUEST"),
        (json!({"url": {"a": 1}}), "BAD_REQUEST"),
        (json!({"code": 1234}), "BAD_REQUEST"),
        (json!({"offerId": {}}), "BAD_REQUEST"),
        (json!({"nobody": 1}), "BAD_REQUEST"),
    ])
    .await;
}

#[tokio::test]
async fn moments_that_are_none_are_bad_requests() {
    let malformed = [
        "",
        "tomorrow",
        "2026-12-24",
        "2026-12-24T18:00:00",
        "2026-13-24T18:00:00Z",
        "2026-02-30T18:00:00Z",
        "2026-12-24T25:00:00Z",
        "99999-12-24T18:00:00Z",
        "1798135200",
    ];
    all_refused(
        malformed
            .map(|moment| (json!({ "expiresAt": moment }), "BAD_REQUEST"))
            .into_iter()
            .chain([(json!({"expiresAt": 1_798_135_200}), "BAD_REQUEST")]),
    )
    .await;
}

#[tokio::test]
async fn requests_that_name_no_input_are_bad_requests() {
    let app = TestApp::start().await;
    for variables in [
        json!({}),
        json!({"input": null}),
        json!({"input": []}),
        json!({"input": "x"}),
        json!({"input": [{"url": "https://example.com/", "listId": 42}, {}]}),
    ] {
        let answer = app.graphql(CREATE, variables.clone()).await;
        assert_eq!(code_of(&answer), "BAD_REQUEST", "{variables}");
    }
    for input in [
        "{url: \"https://example.com/\", listId: 99999999999999999999}",
        "{url: \"https://example.com/\", listId: 4.2e1}",
        "{url: \"https://example.com/\", listId: 42, url: \"https://example.com/\"",
        "{url: \"https://example.com/\\uD800\", listId: 42}",
        "{url: https, listId: 42}",
        "null",
    ] {
        refused_inline(&app, input, "BAD_REQUEST").await;
    }
}

#[tokio::test]
async fn a_lookup_finds_nothing_under_what_can_be_no_name() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let link = app.link_id(&code).await.to_string();
    let url = format!("https://go.example.com/{code}");
    for (field, kind, values) in [
        (
            "node(id: $x)",
            "ID",
            vec![format!("{link}\0"), "\0".to_owned(), "link_".to_owned()],
        ),
        (
            "offer(id: $x)",
            "ID",
            vec![format!("{link}\0"), "\0".to_owned(), link.clone()],
        ),
        (
            "shortLink(by: {id: $x})",
            "ID",
            vec![
                format!("{link}\0"),
                "\0".to_owned(),
                app.tenant.list.id.to_string(),
            ],
        ),
        (
            "shortLink(by: {shortUrl: $x})",
            "String",
            vec![
                format!("{url}\0"),
                "\0".to_owned(),
                url.to_lowercase() + "/x",
                code,
            ],
        ),
        (
            "sendingList(by: {id: $x})",
            "ID",
            vec!["\0".to_owned(), link.clone()],
        ),
        (
            "sendingList(by: {phoneNumber: $x})",
            "String",
            vec!["+18005551234\0".to_owned(), "\0".to_owned(), "x".to_owned()],
        ),
    ] {
        for value in values {
            let query = format!("query($x: {kind}!) {{ found: {field} {{ id }} }}");
            let answer = app.graphql(&query, json!({ "x": value })).await;
            assert_eq!(answer.data("found"), Value::Null, "{field} {value:?}");
        }
    }
    for list in ["shortLinks", "offers", "sendingLists", "domains"] {
        for after in ["\0", "x", "", &link] {
            let query = format!("query($x: String!) {{ {list}(after: $x) {{ nodes {{ id }} }} }}");
            let answer = app.graphql(&query, json!({ "x": after })).await;
            assert_eq!(code_of(&answer), "BAD_REQUEST", "{list} {after:?}");
        }
    }
}
