//! How much a key, an account and an address may ask for in a time.

use std::net::{IpAddr, SocketAddr};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode, header},
};
use entity::api_key::Scope;
use futures_util::future::join_all;
use linkhop::{
    http::Settings,
    rates::{Quota, Quotas},
};
use serde_json::{Value, json};

use super::rest::shorten_as;
use crate::support::{Answer, CREATE, START, Setup, Socket, Tenant, TestApp};

const PLAIN: &str = "{ viewer { account { id } } }";

const REPORT: &str = "{ clickReport(filter: {}, groupBy: [{ dimension: SHORT_LINK }]) { total { clicks } } }";

const WRONG: &str = "trk_0123456789abcdefghijklmnopqrstuv";

/// A server with these rates and bursts of each key and of each account.
async fn with(key: (u32, u32), account: (u32, u32)) -> TestApp {
    let settings = Settings {
        quotas: Quotas {
            key: Quota::new(key.0, key.1),
            account: Quota::new(account.0, account.1),
        },
        ..Settings::default()
    };
    TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await
}

async fn plain(app: &TestApp) -> Answer {
    app.graphql(PLAIN, Value::Null).await
}

/// Sends a plain request that is let through.
async fn let_through(app: &TestApp) {
    plain(app).await.data("viewer");
}

/// What an answer says that it has cost.
fn cost(answer: &Answer) -> Value {
    let mut json = answer.json();
    assert!(json.get("errors").is_none(), "{json}");
    json["extensions"]["cost"].take()
}

fn expect_spent(answer: &Answer, limit: &str, seconds: u64) {
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{}", answer.body);
    let json = answer.json();
    let extensions = json!({"code": "RATE_LIMITED", "limit": limit, "retryAfter": seconds});
    assert_eq!(json["errors"][0]["extensions"], extensions);
    assert!(json.get("data").is_none(), "{json}");
    assert_eq!(answer.header("retry-after"), seconds.to_string());
    let limited = format!("\"{limit}\";r=0;t={seconds}");
    assert_eq!(answer.header("ratelimit"), limited);
}

fn batch(items: usize) -> Value {
    json!({"input": {
        "defaults": {"url": "https://example.com/", "listId": 42},
        "items": vec![json!({}); items],
    }})
}

const BATCH: &str = "mutation($input: CreateShortLinksInput!) {
  createShortLinks(input: $input) { ... on CreateShortLinksSuccess { created } }
}";

#[tokio::test]
async fn a_key_is_told_what_is_left_and_when_to_come_again() {
    let app = with((10, 20), (0, 0)).await;
    for left in (0..20).rev() {
        let answer = plain(&app).await;
        assert_eq!(cost(&answer), 1);
        let seconds = (20 - left + 9) / 10;
        assert_eq!(
            answer.header("ratelimit"),
            format!("\"key\";r={left};t={seconds}")
        );
        assert_eq!(answer.header("ratelimit-policy"), "\"key\";q=20;w=2");
        assert_eq!(answer.header("retry-after"), "");
    }
    let answer = plain(&app).await;
    expect_spent(&answer, "key", 1);
    assert_eq!(answer.header("ratelimit-policy"), "\"key\";q=20;w=2");
    let message = answer.json()["errors"][0]["message"].to_string();
    for part in ["This key", "10 points a second", "20 at once", "in 1 s"] {
        assert!(message.contains(part), "{message}");
    }
    app.advance_seconds(1);
    for _ in 0..10 {
        let_through(&app).await;
    }
    expect_spent(&plain(&app).await, "key", 1);
}

#[tokio::test]
async fn who_is_over_their_rate_is_told_so_by_the_status_under_every_media_type_and_method() {
    let app = with((1, 1), (0, 0)).await;
    let_through(&app).await;
    let key = ("x-api-key", app.tenant.key.as_str());
    let json = ("content-type", "application/json");
    for accept in [
        "application/json",
        "application/graphql-response+json",
        "text/event-stream",
        "*/*",
    ] {
        // Not even a body that is no JSON is looked at.
        let answer = app.post(&[key, json, ("accept", accept)], "{").await;
        expect_spent(&answer, "key", 1);
    }
    let headers = [key, ("accept", "application/json")];
    let url = "/graphql?query=%7B__typename%7D";
    let answer = app
        .visit(axum::http::Method::GET, "go.example.com", url, &headers)
        .await;
    expect_spent(&answer, "key", 1);
}

#[tokio::test]
async fn a_request_costs_by_its_complexity_and_by_what_it_sends() {
    let app = with((1000, 1000), (0, 0)).await;
    let input = json!({"input": {"url": "https://example.com/", "listId": 42}});
    assert_eq!(cost(&app.graphql(CREATE, input).await), 1);
    assert_eq!(cost(&app.graphql(REPORT, Value::Null).await), 2);
    let page = "{ shortLinks(first: 100) { nodes { id shortUrl status createdAt } } }";
    assert_eq!(cost(&app.graphql(page, Value::Null).await), 1);
    for (items, points) in [(1, 1), (49, 1), (50, 2), (100, 3), (1000, 21)] {
        let answer = app.graphql(BATCH, batch(items)).await;
        assert_eq!(cost(&answer), points, "{items}");
        assert_eq!(answer.data("createShortLinks")["created"], items);
    }
    // Wherever the links stand, in the document too, and when it is known from before.
    let items = "{}, ".repeat(50);
    let literal = format!(
        "mutation {{ createShortLinks(input: {{ defaults: {{ url: \"https://example.com/\", listId: 42 }}, items: [{items}] }}) \
         {{ __typename }} }}"
    );
    for _ in 0..2 {
        assert_eq!(cost(&app.graphql(&literal, Value::Null).await), 2);
    }
}

#[tokio::test]
async fn nothing_is_done_of_a_request_that_costs_more_than_there_is_left() {
    let app = with((10, 20), (0, 0)).await;
    let before = app.count_links().await;
    for _ in 0..5 {
        let_through(&app).await;
    }
    // The first point of it is gone, so that 14 are left of the 21 that it costs; more than 20 nobody has.
    let answer = app.graphql(BATCH, batch(1000)).await;
    expect_spent(&answer, "key", 1);
    let message = answer.json()["errors"][0]["message"].to_string();
    assert!(message.contains("costs 21"), "{message}");
    assert_eq!(app.count_links().await, before);
    app.advance_seconds(2);
    let answer = app.graphql(BATCH, batch(900)).await;
    assert_eq!(answer.data("createShortLinks")["created"], 900);
}

#[tokio::test]
async fn what_is_refused_for_another_reason_costs_one_point() {
    let app = with((10, 20), (0, 0)).await;
    for query in ["{", "{ nothing }", "{ viewer { account { id id2 } } }"] {
        app.graphql(query, Value::Null).await;
    }
    let answer = plain(&app).await;
    assert_eq!(answer.header("ratelimit"), "\"key\";r=16;t=1");
}

#[tokio::test]
async fn an_account_s_keys_share_what_the_account_has_and_other_accounts_do_not() {
    let app = with((10, 10), (10, 15)).await;
    let other_key = app.tenant.key(app.store(), &[Scope::Read], None).await;
    for _ in 0..10 {
        let_through(&app).await;
    }
    expect_spent(&plain(&app).await, "key", 1);
    for left in (0..5).rev() {
        let answer = app.graphql_as(Some(&other_key), PLAIN, Value::Null).await;
        let expected = format!(
            "\"key\";r={};t=1, \"account\";r={left};t={}",
            left + 5,
            (15 - left + 9) / 10
        );
        assert_eq!(answer.header("ratelimit"), expected);
        let policy = "\"key\";q=10;w=1, \"account\";q=15;w=2";
        assert_eq!(answer.header("ratelimit-policy"), policy);
    }
    let answer = app.graphql_as(Some(&other_key), PLAIN, Value::Null).await;
    expect_spent(&answer, "account", 1);
    let other = Tenant::make(app.store(), "go.example.org", START).await;
    app.graphql_as(Some(&other.key), PLAIN, Value::Null)
        .await
        .data("viewer");
}

#[tokio::test]
async fn operations_over_a_websocket_and_as_events_count_like_all_others() {
    let app = with((5, 5), (0, 0)).await;
    let address = app.listen().await;
    // Letting somebody in costs a look-up too.
    let mut socket = Socket::open(address, json!({"X-Api-Key": app.tenant.key})).await;
    for id in 0..3 {
        let id = id.to_string();
        socket.subscribe(&id, PLAIN, Value::Null).await;
        assert_eq!(socket.result(&id).await["extensions"]["cost"], 1);
        assert_eq!(socket.hear().await["type"], "complete");
    }
    let events = app
        .subscribe("subscription { clicks { __typename } }", Value::Null)
        .await;
    socket.subscribe("4", PLAIN, Value::Null).await;
    let message = socket.hear().await;
    assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("4")));
    let extensions = json!({"code": "RATE_LIMITED", "limit": "key", "retryAfter": 1});
    assert_eq!(message["payload"][0]["extensions"], extensions);
    // The connection goes on, and the one that comes too late is told to try again.
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await["type"], "pong");
    let mut late = Socket::connect(address).await;
    late.say(json!({"type": "connection_init", "payload": {"apiKey": app.tenant.key}}))
        .await;
    assert_eq!(late.closed().await, 1013);
    drop(events);
}

#[tokio::test]
async fn who_sends_no_key_and_who_has_no_limit_is_not_counted() {
    let app = with((1, 1), (1, 1)).await;
    for _ in 0..50 {
        let answer = app.graphql_as(None, "{ __typename }", Value::Null).await;
        assert_eq!(answer.json(), json!({"data": {"__typename": "Query"}}));
        assert_eq!(answer.header("ratelimit"), "");
    }
    let app = TestApp::start().await;
    for _ in 0..500 {
        let answer = plain(&app).await;
        assert_eq!((answer.status.as_u16(), answer.header("ratelimit")), (200, ""));
    }
}

/// Sends a plain request with a key from an address.
async fn from(app: &TestApp, peer: &str, key: &str) -> Answer {
    let body = json!({"query": PLAIN}).to_string();
    let mut request = Request::post("/graphql")
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-api-key", key)
        .body(Body::from(body))
        .expect("a request");
    let peer: IpAddr = peer.parse().expect("an address");
    request
        .extensions_mut()
        .insert(ConnectInfo(SocketAddr::new(peer, 40_000)));
    app.send(request).await
}

#[tokio::test]
async fn who_sends_wrong_keys_from_an_address_is_soon_not_looked_up_any_more() {
    let app = TestApp::start().await;
    let peer = "203.0.113.7";
    from(&app, peer, &app.tenant.key).await.data("viewer");
    for number in 0..20 {
        // Of the right form or not.
        let key = if number % 2 == 0 { WRONG } else { "x" };
        assert_eq!(from(&app, peer, key).await.status, 401);
    }
    for key in [WRONG, "x"] {
        let answer = from(&app, peer, key).await;
        assert_eq!(answer.status, 429, "{}", answer.body);
        assert_eq!(answer.error_code(), "RATE_LIMITED");
        assert_eq!(answer.header("retry-after"), "60");
    }
    // Whose key has worked is not shut out by who is behind the same address; a key that was never seen is.
    from(&app, peer, &app.tenant.key).await.data("viewer");
    let new = app.tenant.key(app.store(), &[Scope::Read], None).await;
    assert_eq!(from(&app, peer, &new).await.status, 429);
    // From elsewhere, and after a while, it works; in a private network everybody may have one address.
    from(&app, "203.0.113.8", &new).await.data("viewer");
    assert_eq!(from(&app, "203.0.113.8", WRONG).await.status, 401);
    app.advance_seconds(60);
    assert_eq!(from(&app, peer, WRONG).await.status, 401);
    for _ in 0..50 {
        assert_eq!(from(&app, "10.0.0.1", WRONG).await.status, 401);
    }
}

#[tokio::test]
async fn many_wrong_keys_at_once_are_no_more_than_one_after_another_and_many_right_ones_pass() {
    let app = TestApp::start().await;
    let wrong = |number: usize| format!("trk_{number:032}");
    let sent = (0..100).map(|number| {
        let key = wrong(number);
        let app = &app;
        async move { from(app, "203.0.113.7", &key).await.status.as_u16() }
    });
    let statuses = join_all(sent).await;
    let of = |status: u16| statuses.iter().filter(|found| **found == status).count();
    assert_eq!((of(401), of(429)), (20, 80), "{statuses:?}");
    // Keys that were never seen, as after a restart.
    let mut keys = Vec::new();
    for _ in 0..30 {
        keys.push(app.tenant.key(app.store(), &[Scope::Read], None).await);
    }
    let sent = keys.iter().cycle().take(120);
    let answers = join_all(sent.map(|key| from(&app, "203.0.113.8", key))).await;
    for answer in &answers {
        answer.data("viewer");
    }
    // They count for nothing: so many may still be wrong.
    for number in 0..20 {
        assert_eq!(from(&app, "203.0.113.8", &wrong(number)).await.status, 401);
    }
    assert_eq!(from(&app, "203.0.113.8", &wrong(20)).await.status, 429);
}

#[tokio::test]
async fn a_key_that_has_worked_and_no_longer_does_is_counted_again() {
    let app = TestApp::start().await;
    let peer = "203.0.113.7";
    let key = app
        .tenant
        .key(app.store(), &[Scope::Read], Some(START.seconds_after(60)))
        .await;
    from(&app, peer, &key).await.data("viewer");
    app.advance_seconds(61);
    // Once as one that has worked, and then as any other.
    for _ in 0..21 {
        assert_eq!(from(&app, peer, &key).await.status, 401);
    }
    assert_eq!(from(&app, peer, &key).await.status, 429);
}

#[tokio::test]
async fn rest_has_the_same_rates_and_says_so_in_its_envelope() {
    let app = with((1, 1), (0, 0)).await;
    let input = json!({"url": "https://example.com/", "listId": 42});
    let made = shorten_as(&app, &app.tenant.key, &input).await;
    assert_eq!(
        (made.status.as_u16(), made.header("ratelimit")),
        (200, "\"key\";r=0;t=1")
    );
    let spent = shorten_as(&app, &app.tenant.key, &input).await;
    assert_eq!((spent.status.as_u16(), spent.header("retry-after")), (429, "1"));
    assert_eq!(spent.json()["code"], "rate_limited");
    assert_eq!(app.count_links().await, 1);
}

#[tokio::test]
async fn what_costs_more_than_a_burst_can_be_had_for_the_burst() {
    let app = with((10, 20), (0, 0)).await;
    let made = app.graphql(BATCH, batch(1000)).await;
    assert_eq!(cost(&made), 21);
    assert_eq!(made.header("ratelimit"), "\"key\";r=0;t=2");
}

#[tokio::test]
async fn lists_in_default_values_are_paid_for() {
    let app = with((100, 200), (0, 0)).await;
    let items = vec!["{}"; 100].join(",");
    let query = format!(
        "mutation($input: CreateShortLinksInput! = {{defaults: {{url: \"https://example.com/\", listId: 42}}, \
         items: [{items}]}}) {{ createShortLinks(input: $input) {{ ... on CreateShortLinksSuccess {{ created }} }} }}"
    );
    let made = app.graphql(&query, Value::Null).await;
    assert_eq!(made.json()["data"]["createShortLinks"]["created"], 100);
    assert_ne!(
        made.header("ratelimit"),
        "\"key\";r=199;t=1",
        "two more for a hundred elements"
    );
}

#[tokio::test]
async fn a_list_is_paid_for_as_often_as_it_is_used() {
    let app = with((1000, 1000), (0, 0)).await;
    let sent = || json!({"all": vec!["ACTIVE"; 100]});
    let aliased = |list: &str| -> String {
        let offers =
            |number| format!("a{number}: offers(first: 1, filter: {{ status: {list} }}) {{ totalCount }} ");
        (0..10).map(offers).collect()
    };
    let literal = format!("[{}]", "ACTIVE,".repeat(100));
    let (variable, written, none) = (aliased("$all"), aliased(&literal), aliased("[]"));
    let spread = |fields: &str| format!("{{ ...F ...F }} fragment F on Query {{ {fields} }}");
    for (what, query, variables, empty, more) in [
        (
            "once",
            format!("query($all: [OfferStatus!]) {{ {variable} }}"),
            sent(),
            format!("{{ {none} }}"),
            20,
        ),
        (
            "written out",
            format!("{{ {written} }}"),
            Value::Null,
            format!("{{ {none} }}"),
            20,
        ),
        (
            "a fragment twice",
            format!("query($all: [OfferStatus!]) {}", spread(&variable)),
            sent(),
            spread(&none),
            40,
        ),
        (
            "the same, written out",
            spread(&written),
            Value::Null,
            spread(&none),
            40,
        ),
        (
            "a default value",
            format!("query($all: [OfferStatus!] = {literal}) {{ {variable} }}"),
            Value::Null,
            format!("{{ {none} }}"),
            20,
        ),
    ] {
        let empty = cost(&app.graphql(&empty, Value::Null).await)
            .as_u64()
            .expect("points");
        // Also when the document is known from before.
        for _ in 0..2 {
            let all = cost(&app.graphql(&query, variables.clone()).await);
            assert_eq!(all, empty + more, "{what}");
        }
    }
    // Those of all operations, as their complexity is, also where none is executed: the library checks all of them.
    let query = format!("query A($all: [OfferStatus!]) {{ {variable} }} query B {{ __typename }}");
    for name in ["A", "B", "C"] {
        let app = with((1000, 1000), (0, 0)).await;
        let body = json!({"query": query, "operationName": name, "variables": sent()}).to_string();
        let headers = [
            ("x-api-key", app.tenant.key.as_str()),
            ("content-type", "application/json"),
        ];
        let answer = app.post(&headers, body).await;
        assert_eq!(answer.header("ratelimit"), "\"key\";r=977;t=1", "{name}");
    }
}
