//! `POST /v2/links/shorten`: links made by clients that were written for a REST API.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Method, Request},
};
use entity::{api_key::Scope, offer::Platform};
use linkhop::{http::Settings, values::host::Host};
use serde_json::{Value, json};

use crate::support::{Answer, Schema, Setup, TestApp, items, text};

/// Sends a body to the REST call with these headers and no others.
pub(super) async fn post(app: &TestApp, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut request = Request::post("/v2/links/shorten").header("host", "go.example.com");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request.body(body.into()).expect("a request")).await
}

/// Sends an input with a key.
pub(super) async fn shorten_as(app: &TestApp, key: &str, input: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("x-api-key", key)];
    post(app, &headers, input.to_string()).await
}

/// Makes a link with the tenant's key.
async fn shorten(app: &TestApp, input: &Value) -> Value {
    let answer = shorten_as(app, &app.tenant.key, input).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

#[tokio::test]
async fn a_link_is_made_and_leads_to_its_destination() {
    let app = TestApp::start().await;
    let made = shorten(
        &app,
        &json!({"url": "https://example.com/sale?a=1", "listId": 42}),
    )
    .await;
    let code = text(&made["linkId"]).to_owned();
    assert_eq!(
        made,
        json!({
            "shortUrl": format!("https://go.example.com/{code}"),
            "linkId": code,
            "destinationUrl": "https://example.com/sale?a=1",
            "domain": "go.example.com",
            "offerId": null,
            "filterBots": false,
            "replayed": false,
        })
    );
    let visit = app.get("go.example.com", &format!("/{code}")).await;
    assert_eq!(visit.location(), "https://example.com/sale?a=1");
    assert_eq!(app.clicks().await.len(), 1);
    let stored = app.stored(&code).await;
    assert_eq!(stored.api_key_id, Some(app.tenant.key_row.id));
}

#[tokio::test]
async fn a_success_is_that_of_the_mutation_field_by_field() {
    let app = TestApp::start().await;
    let tracking_url =
        "https://tune.example.com/aff_c?offer_id={{offer.external_id}}&p={{contact.phone}}&c={{metadata.c}}";
    let offer = app
        .tenant
        .offer(app.store(), Some(Platform::Tune), tracking_url)
        .await;
    let all = json!({
        "offerId": offer.id.to_string(),
        "url": "https://example.com/",
        "listId": 42,
        "phoneNumber": "+18005551234",
        "contactPhone": "+14155552671",
        "metadata": {"c": "ü 1", "n": [1, 2.5, null, {"deep": true}]},
        "filterBots": true,
        "expiresAt": "2026-12-24T18:00:00+01:00",
        "maxClicks": 3,
        "fallbackUrl": "https://example.com/over",
    });
    let url =
        json!({"url": "https://example.com/a b?x={y}".replace(' ', "%20"), "phoneNumber": "+18005551234"});
    for (input, codes) in [(all, ["one-a", "one-b"]), (url, ["two-a", "two-b"])] {
        let with = |code: &str| {
            let mut input = input.clone();
            input["code"] = code.into();
            input
        };
        let mut by_mutation = app.create(with(codes[0])).await;
        let by_rest = shorten(&app, &with(codes[1])).await;
        let fields = by_mutation.as_object_mut().expect("a success");
        assert_eq!(fields.remove("__typename"), Some(json!("CreateShortLinkSuccess")));
        let expected: Value = by_mutation
            .to_string()
            .replace(codes[0], codes[1])
            .parse()
            .expect("JSON");
        assert_eq!(by_rest, expected);
        // What is stored is the same too.
        let mut one = app.stored(codes[0]).await;
        let two = app.stored(codes[1]).await;
        one.destination = one.destination.replace(codes[0], codes[1]);
        (one.id, one.code) = (two.id, two.code.clone());
        assert_eq!(one, two);
    }
}

#[tokio::test]
async fn either_header_has_the_key_and_that_of_links_is_enough() {
    let app = TestApp::start().await;
    let key = app.tenant.key(app.store(), &[Scope::LinksWrite], None).await;
    let body = json!({"url": "https://example.com/", "listId": 42}).to_string();
    for (name, value) in [
        ("x-api-key", key.clone()),
        ("X-Api-Key", format!(" {key} ")),
        ("authorization", format!("Bearer {key}")),
    ] {
        let headers = [
            ("content-type", "Application/JSON; charset=utf-8"),
            (name, value.as_str()),
        ];
        let answer = post(&app, &headers, body.clone()).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_ne!(answer.header("x-request-id"), "");
    }
}

#[tokio::test]
async fn fields_of_another_platform_are_passed_over() {
    let app = TestApp::start().await;
    let input = json!({
        "url": "https://example.com/", "listId": 42, "offerId": null, "domainPool": ["a", "b"], "list_id": "x", "URL": 5,
    });
    let made = shorten(&app, &input).await;
    assert_eq!(made["destinationUrl"], "https://example.com/");
}

#[tokio::test]
async fn the_same_call_again_finds_the_first_link_over_either_door() {
    let app = TestApp::start().await;
    let input = json!({
        "url": "https://example.com/", "listId": 42, "expiresAt": "2026-12-24T18:00:00Z", "metadata": {"a": 1.5, "b": "ü"},
        "filterBots": null, "idempotencyKey": "order-1",
    });
    let first = shorten(&app, &input).await;
    assert_eq!(first["replayed"], false);
    let again = shorten(&app, &input).await;
    assert_eq!(
        (&again["linkId"], &again["replayed"]),
        (&first["linkId"], &json!(true))
    );
    let by_mutation = app.create(input.clone()).await;
    assert_eq!(
        (&by_mutation["linkId"], &by_mutation["replayed"]),
        (&first["linkId"], &json!(true))
    );
    assert_eq!(app.count_links().await, 1);
    let mut other = input;
    other["url"] = json!("https://example.com/other");
    let refused = shorten_as(&app, &app.tenant.key, &other).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (422, &json!("idempotency_conflict"))
    );
}

#[tokio::test]
async fn it_answers_on_the_api_s_own_host_and_to_allowed_sites_only() {
    let settings = Settings {
        api_host: Host::parse("api.example.com"),
        cors_origins: vec!["https://app.example.com".parse().expect("an origin")],
        ..Settings::default()
    };
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    let ask = async |method: Method, host: &str, path: &str| {
        app.visit(method, host, path, &[("origin", "https://app.example.com")])
            .await
    };
    for (method, path, there) in [
        (Method::POST, "/v2/links/shorten", 401),
        (Method::GET, "/openapi.json", 200),
    ] {
        let answer = ask(method.clone(), "api.example.com", path).await;
        assert_eq!(answer.status.as_u16(), there);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            "https://app.example.com"
        );
        assert_eq!(ask(method, "go.example.com", path).await.status, 404);
    }
}

/// What `linkhop openapi` prints.
fn document() -> Value {
    linkhop::http::openapi().parse().expect("JSON")
}

#[tokio::test]
async fn the_checked_in_document_is_the_served_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let file = std::fs::read_to_string(path).expect("openapi.json");
    assert!(
        file == linkhop::http::openapi(),
        "openapi.json is old: run `cargo run -q -- openapi > openapi.json`, and read the difference"
    );
    let app = TestApp::start().await;
    let served = app.get("go.example.com", "/openapi.json").await;
    assert_eq!(served.status, 200);
    assert_eq!(served.header("content-type"), "application/json; charset=utf-8");
    assert!(served.body == file);
}

#[tokio::test]
async fn without_introspection_the_document_is_not_there() {
    let settings = Settings {
        introspection: false,
        ..Settings::default()
    };
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    assert_eq!(app.get("go.example.com", "/openapi.json").await.status, 404);
}

#[tokio::test]
async fn the_document_names_what_the_mutation_takes_and_answers() {
    let app = TestApp::start().await;
    let schema = Schema::read(&app).await;
    let names = |ty: &str, part: &str| -> BTreeSet<String> {
        items(&schema.named(ty)[part])
            .map(|field| text(&field["name"]).to_owned())
            .collect()
    };
    let document = document();
    let described = |name: &str| -> BTreeSet<String> {
        let fields = document["components"]["schemas"][name]["properties"].as_object();
        fields.expect("fields").keys().cloned().collect()
    };
    assert_eq!(described("NewLink"), names("CreateShortLinkInput", "inputFields"));
    let mut success = names("CreateShortLinkSuccess", "fields");
    // GraphQL's own way on.
    assert!(success.remove("shortLink"));
    assert_eq!(described("Link"), success);
    let made = shorten(&app, &json!({"url": "https://example.com/", "listId": 42})).await;
    let made: BTreeSet<_> = made.as_object().expect("a link").keys().cloned().collect();
    assert_eq!(made, success);

    let union = schema.named("CreateShortLinkResult");
    let errors: BTreeSet<_> = items(&union["possibleTypes"])
        .filter_map(|ty| text(&ty["name"]).strip_suffix("Error"))
        .map(str::to_lowercase)
        .collect();
    let responses = document["paths"]["/v2/links/shorten"]["post"]["responses"].clone();
    let codes = responses
        .as_object()
        .expect("responses")
        .values()
        .flat_map(|response| {
            let schema = &response["content"]["application/json"]["schema"];
            let codes = schema["properties"]["code"]["enum"].as_array().cloned();
            codes.unwrap_or_default()
        });
    let codes: BTreeSet<_> = codes.map(|code| text(&code).replace('_', "")).collect();
    assert_eq!(errors.len(), 15);
    assert!(codes.is_superset(&errors), "{codes:?}");
}
