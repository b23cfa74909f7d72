//! Clicks as they come, as server-sent events.

use std::time::Duration;

use axum::http::{Method, header};
use entity::{DomainId, OfferId, ShortLinkId, Timestamp, account, api_key::Scope, click};
use http_body_util::BodyExt as _;
use linkhop::{app::Options, clicks::live};
use sea_orm::{
    ActiveValue::NotSet, DatabaseBackend, EntityTrait as _, IntoActiveModel as _, TransactionTrait as _,
};
use serde_json::{Value, json};

use crate::support::{BROWSER, Events, START, Setup, Tenant, TestApp, a_click, items, text};

const STREAM: &str = "text/event-stream";

const CLICKS: &str = "subscription Live($filter: ClickFilter) {
  clicks(filter: $filter) { __typename ... on Click { id isBot sub1 } ... on MissedClicks { count } }
}";

const BOT: &str = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)";

async fn with(live: live::Options) -> TestApp {
    let options = Options {
        live,
        ..Options::default()
    };
    TestApp::with(Setup {
        options,
        ..Setup::default()
    })
    .await
}

/// Opens a link with a value of its own for `sub1`, by which its click is known.
async fn visit(app: &TestApp, code: &str, sub1: &str) {
    app.get("go.example.com", &format!("/{code}?sub1={sub1}"))
        .await
        .location();
}

/// The values of `sub1` of the next clicks.
async fn next_subs<const N: usize>(events: &mut Events) -> [String; N] {
    let mut subs = [const { String::new() }; N];
    for sub in &mut subs {
        text(&events.click().await["sub1"]).clone_into(sub);
    }
    subs
}

async fn body(response: axum::http::Response<axum::body::Body>) -> Value {
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    serde_json::from_slice(&body).expect("JSON")
}

#[tokio::test]
async fn a_click_is_shown_with_its_fields_as_it_comes() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    visit(&app, &code, "before").await;
    let query = "subscription { clicks { ... on Click {
        id clickedAt isBot botReason botKind agentListVersion method userAgent device os browser sub1 sub2
    } } }";
    let response = app.open(Some(&app.tenant.key), STREAM, query, Value::Null).await;
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let mut events = Events::of(response);
    visit(&app, &code, "first").await;
    app.visit(
        Method::HEAD,
        "go.example.com",
        &format!("/{code}"),
        &[("user-agent", BOT)],
    )
    .await;
    let stored = app.clicks().await;
    let shown = events.click().await;
    assert_eq!(shown["id"], stored[1].id.to_string());
    assert_eq!(shown["clickedAt"], "2026-11-23T12:00:00+00:00");
    assert_eq!(
        (&shown["isBot"], &shown["botReason"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!((&shown["sub1"], &shown["sub2"]), (&json!("first"), &Value::Null));
    assert_eq!(
        (&shown["userAgent"], &shown["os"]),
        (&json!(BROWSER), &json!("iOS"))
    );
    let shown = events.click().await;
    assert_eq!(shown["id"], stored[2].id.to_string());
    assert_eq!(
        (&shown["method"], &shown["botReason"]),
        (&json!("HEAD"), &json!("HEAD"))
    );
    assert_eq!(shown["botKind"], "SOCIAL_PREVIEW");
}

#[tokio::test]
async fn only_the_account_s_own_clicks_are_shown() {
    let app = TestApp::start().await;
    let other = Tenant::make(app.store(), "go.example.net", START).await;
    let theirs = app
        .create_as(&other.key, json!({"url": "https://example.com/", "listId": 42}))
        .await;
    let ours = app.link("https://example.com/").await;
    let mut our_events = app.subscribe(CLICKS, Value::Null).await;
    let response = app.open(Some(&other.key), STREAM, CLICKS, Value::Null).await;
    let mut their_events = Events::of(response);
    let path = format!("/{}?sub1=theirs", text(&theirs["linkId"]));
    app.get("go.example.net", &path).await.location();
    visit(&app, &ours, "ours").await;
    visit(&app, &ours, "ours-again").await;
    app.get("go.example.net", &path).await.location();
    assert_eq!(next_subs(&mut our_events).await, ["ours", "ours-again"]);
    assert_eq!(next_subs(&mut their_events).await, ["theirs", "theirs"]);
}

#[tokio::test]
async fn a_filter_lets_through_what_it_says_of_the_click_its_link_and_its_agent() {
    let app = TestApp::start().await;
    let input = json!({"url": "https://example.com/", "listId": 42, "metadata": {"campaign": "spring"}});
    let made = app.create(input).await;
    let (spring, other) = (text(&made["linkId"]), app.link("https://example.com/").await);
    let id = app.link_id(spring).await.to_string();
    let mut all = Vec::new();
    for (filter, expected) in [
        (json!({}), ["bot", "other", "person"]),
        (json!({"isBot": true}), ["bot", "bot", "bot"]),
        (json!({"isBot": false}), ["other", "person", "other"]),
        (json!({"shortLinkId": id}), ["bot", "person", "bot"]),
        (
            json!({"metadata": {"key": "campaign", "value": "spring"}}),
            ["bot", "person", "bot"],
        ),
        (
            json!({"os": ["iOS"], "sub1": ["other", null]}),
            ["other", "other", "other"],
        ),
        (
            json!({"listId": 42, "domainId": app.tenant.domain.id.to_string()}),
            ["bot", "other", "person"],
        ),
        (
            json!({"from": "2026-11-23T12:00:00Z", "before": "2026-11-23T12:00:01Z"}),
            ["bot", "other", "person"],
        ),
    ] {
        all.push((
            app.subscribe(CLICKS, json!({"filter": filter})).await,
            expected,
            filter,
        ));
    }
    let path = format!("/{spring}?sub1=bot");
    for _ in 0..3 {
        app.visit(Method::GET, "go.example.com", &path, &[("user-agent", BOT)])
            .await;
        visit(&app, &other, "other").await;
        visit(&app, spring, "person").await;
    }
    for (mut events, expected, filter) in all {
        assert_eq!(next_subs(&mut events).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn what_is_no_subscription_is_refused_before_there_is_a_stream() {
    let app = TestApp::start().await;
    let key = Some(app.tenant.key.as_str());
    let unknown = Some("trk_0123456789abcdefghijklmnopqrstuv");
    let plain = "subscription { clicks { __typename } }";
    for (key, query, filter, status, code) in [
        (unknown, plain, json!({}), 401, "UNAUTHENTICATED"),
        (key, "subscription { nothing }", json!({}), 400, "BAD_REQUEST"),
        (key, "subscription {", json!({}), 400, "BAD_REQUEST"),
        (
            key,
            "subscription { a: clicks { __typename } b: clicks { __typename } }",
            json!({}),
            400,
            "BAD_REQUEST",
        ),
        (
            key,
            "subscription { ...F } fragment F on Subscription { clicks { __typename } }",
            json!({}),
            400,
            "BAD_REQUEST",
        ),
        (
            key,
            "subscription { clicks @skip(if: true) { __typename } }",
            json!({}),
            400,
            "BAD_REQUEST",
        ),
    ] {
        let response = app.open(key, STREAM, query, json!({"filter": filter})).await;
        assert_eq!(response.status(), status, "{query}");
        let media_type = response.headers()[header::CONTENT_TYPE].to_str().expect("a text");
        assert_eq!(media_type, "application/graphql-response+json; charset=utf-8");
        let answer = body(response).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{answer}");
    }
}

#[tokio::test]
async fn what_the_field_of_a_subscription_refuses_is_an_answer_like_that_of_any_field() {
    let app = TestApp::start().await;
    let other = Tenant::make(app.store(), "go.example.net", START).await;
    let key = Some(app.tenant.key.as_str());
    let metadata = |length| json!({"metadata": {"key": "k", "value": "v".repeat(length)}});
    let both = "application/graphql-response+json, text/event-stream";
    for (key, filter, code) in [
        (None, json!({}), "UNAUTHENTICATED"),
        (key, json!({"domainId": other.domain.id.to_string()}), "NOT_FOUND"),
        (key, json!({"shortLinkId": "link_1"}), "NOT_FOUND"),
        (
            key,
            json!({"offerId": "offer_0198c0de00007000800000000000000a"}),
            "NOT_FOUND",
        ),
        (key, json!({"listId": 43}), "NOT_FOUND"),
        (key, metadata(4097), "BAD_REQUEST"),
        (
            key,
            json!({"from": "2026-11-23T12:00:00Z", "before": "2026-11-23T12:00:00Z"}),
            "INVALID_PERIOD",
        ),
    ] {
        let variables = json!({"filter": filter});
        let mut events = Events::of(app.open(key, STREAM, CLICKS, variables.clone()).await);
        let result = events.result().await;
        assert_eq!(result["errors"][0]["extensions"]["code"], code, "{result}");
        assert_eq!(result["errors"][0]["path"], json!(["clicks"]), "{result}");
        events.end().await;
        let response = app.open(key, both, CLICKS, variables).await;
        assert_eq!(response.status(), 200);
        assert_eq!(body(response).await, result);
    }
    app.subscribe(CLICKS, json!({"filter": metadata(4096)})).await;
}

#[tokio::test]
async fn rows_of_another_account_are_as_little_there_as_rows_that_never_were() {
    let app = TestApp::start().await;
    let other = Tenant::make(app.store(), "go.example.net", START).await;
    let offer = other.offer(app.store(), None, "https://example.com/").await;
    other
        .more_list(app.store(), 43, "+18005551243", Some(other.domain.id))
        .await;
    let input = json!({"url": "https://example.com/", "listId": 43});
    let link = app.create_as(&other.key, input).await;
    let link = app.link_id(text(&link["linkId"])).await;
    for (part, theirs, never) in [
        (
            "domainId",
            json!(other.domain.id.to_string()),
            json!(DomainId::at(START).to_string()),
        ),
        (
            "offerId",
            json!(offer.id.to_string()),
            json!(OfferId::at(START).to_string()),
        ),
        (
            "shortLinkId",
            json!(link.to_string()),
            json!(ShortLinkId::at(START).to_string()),
        ),
        ("listId", json!(43), json!(44)),
    ] {
        let mut answers = Vec::new();
        for value in [theirs, never] {
            let variables = json!({"filter": {part: value}});
            answers.push(app.subscribe(CLICKS, variables).await.result().await);
        }
        assert_eq!(
            answers[0]["errors"][0]["extensions"]["code"], "NOT_FOUND",
            "{part}"
        );
        assert_eq!(answers[0], answers[1]);
    }
}

#[tokio::test]
async fn each_scope_lets_one_listen_and_none_does_not() {
    let app = TestApp::start().await;
    for scope in [Scope::Read, Scope::LinksWrite, Scope::CatalogWrite, Scope::Admin] {
        let key = app.tenant.key(app.store(), &[scope], None).await;
        Events::of(app.open(Some(&key), STREAM, CLICKS, Value::Null).await);
    }
    // No key is made like this, but one may have been once.
    let mut row = app.tenant.key_row.clone();
    row.scopes.0.clear();
    app.save(row).await;
    let mut events = Events::of(app.open(Some(&app.tenant.key), STREAM, CLICKS, Value::Null).await);
    assert_eq!(
        events.result().await["errors"][0]["extensions"]["code"],
        "FORBIDDEN"
    );
}

#[tokio::test]
async fn who_takes_no_stream_is_told_how_to_ask_for_one() {
    let app = TestApp::start().await;
    for accept in ["application/json", "*/*", "application/graphql-response+json"] {
        let response = app.open(Some(&app.tenant.key), accept, CLICKS, Value::Null).await;
        let answer = body(response).await;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_REQUEST", "{accept}");
        for way in ["Accept: text/event-stream", "graphql-transport-ws"] {
            assert!(text(&error["message"]).contains(way), "{error}");
        }
    }
}

#[tokio::test]
async fn who_takes_json_and_streams_gets_streams_of_subscriptions_only() {
    let app = TestApp::start().await;
    let key = Some(app.tenant.key.as_str());
    let both = "application/graphql-response+json, application/json, text/event-stream";
    let code = app.link("https://example.com/").await;
    let mut events = Events::of(app.open(key, both, CLICKS, Value::Null).await);
    visit(&app, &code, "a").await;
    assert_eq!(next_subs(&mut events).await, ["a"]);
    let answer = body(app.open(key, both, "{ __typename }", Value::Null).await).await;
    assert_eq!(answer["data"], json!({"__typename": "Query"}));
}

#[tokio::test]
async fn a_query_is_a_stream_of_one_for_who_takes_nothing_else() {
    let app = TestApp::start().await;
    let mut events = app.subscribe("{ __typename }", Value::Null).await;
    let result = events.result().await;
    let cost = json!({"cost": 1});
    assert_eq!(
        result,
        json!({"data": {"__typename": "Query"}, "extensions": cost})
    );
    events.end().await;
    // What a field could not do stands in the stream; a mutation is for POST here too.
    let query = "{ offer(id: \"offer_1\") { id } }";
    let mut events = Events::of(app.open(None, STREAM, query, Value::Null).await);
    assert_eq!(
        events.result().await["errors"][0]["extensions"]["code"],
        "UNAUTHENTICATED"
    );
    events.end().await;
    let path = "/graphql?query=mutation%7BarchiveOffer(id:%22%22)%7B__typename%7D%7D";
    let headers = [("accept", STREAM), ("x-api-key", app.tenant.key.as_str())];
    let answer = app.visit(Method::GET, "go.example.com", path, &headers).await;
    assert_eq!(
        (answer.status.as_u16(), answer.error_code()),
        (405, "BAD_REQUEST".to_owned())
    );
}

#[tokio::test]
async fn a_request_s_time_limit_does_not_cut_a_stream() {
    let mut setup = Setup::default();
    // Passed by far while the stream is waited on: each of its clicks takes a round of the hub.
    setup.settings.request_timeout = Duration::from_millis(300);
    setup.options.live.key_check = Duration::from_millis(400);
    let app = TestApp::with(setup).await;
    let code = app.link("https://example.com/").await;
    let mut events = app.subscribe(CLICKS, Value::Null).await;
    let mut row = app.tenant.key_row.clone();
    row.revoked_at = Some(START);
    // The key is looked at when the stream begins and again after the limit: only then it says that it is over.
    visit(&app, &code, "a").await;
    assert_eq!(next_subs(&mut events).await, ["a"]);
    app.save(row).await;
    assert_eq!(
        events.result().await["errors"][0]["extensions"]["code"],
        "UNAUTHENTICATED"
    );
    events.end().await;
}

#[tokio::test]
async fn whether_a_live_click_is_unique_is_looked_up_when_it_is_asked_for() {
    let app = TestApp::start().await;
    let link = app.link("https://example.com/").await;
    let link = app.link_id(&link).await;
    let query = "subscription { clicks { ... on Click { isUnique } } }";
    let mut events = app.subscribe(query, Value::Null).await;
    let click = |visitor, bot_reason| click::Model {
        visitor,
        bot_reason,
        ..a_click(link, 1)
    };
    let clicks = [
        (click(Some(1), Some(click::BotReason::Burst)), false),
        (click(Some(1), None), true),
        (click(Some(1), None), false),
        (click(None, None), false),
    ];
    for (click, is_unique) in clicks {
        app.store_clicks(&[click]).await;
        assert_eq!(events.click().await["isUnique"], is_unique);
    }
    // Visitors that are summed, and others.
    app.sum_all_clicks().await;
    for (visitor, is_unique) in [(1, false), (2, true), (2, false)] {
        app.store_clicks(&[click(Some(visitor), None)]).await;
        assert_eq!(events.click().await["isUnique"], is_unique, "{visitor}");
    }
}

#[tokio::test]
async fn clicks_of_another_server_are_shown_and_one_that_is_written_twice_is_shown_once() {
    let app = TestApp::start().await;
    let neighbour = app.neighbour().await;
    let code = app.link("https://example.com/").await;
    let old = a_click(app.link_id(&code).await, 1);
    app.store_clicks(std::slice::from_ref(&old)).await;
    let mut events = app.subscribe(CLICKS, Value::Null).await;
    visit(&neighbour, &code, "theirs").await;
    let new = a_click(old.short_link_id, 2);
    app.store_clicks(&[new.clone(), old, new]).await;
    visit(&app, &code, "ours").await;
    assert_eq!(next_subs(&mut events).await, ["theirs", "a", "ours"]);
}

#[tokio::test]
async fn a_row_that_appears_behind_later_ones_is_shown() {
    let app = TestApp::start().await;
    if app.store().write.get_database_backend() != DatabaseBackend::Postgres {
        // SQLite has one writer at a time.
        return;
    }
    let code = app.link("https://example.com/").await;
    let click = a_click(app.link_id(&code).await, 1);
    // So that what the click names is there.
    app.store_clicks(std::slice::from_ref(&click)).await;
    let mut events = app.subscribe(CLICKS, Value::Null).await;
    let late = app.store().write.begin().await.expect("a transaction");
    let row = click::ActiveModel {
        seq: NotSet,
        ..a_click(click.short_link_id, 2).into_active_model()
    };
    let insert = click::Entity::insert(row);
    insert.exec_without_returning(&late).await.expect("a click");
    visit(&app, &code, "later").await;
    assert_eq!(next_subs(&mut events).await, ["later"]);
    late.commit().await.expect("a commit");
    assert_eq!(next_subs(&mut events).await, ["a"]);
}

#[tokio::test]
async fn a_slow_reader_is_told_how_many_of_its_own_clicks_it_missed_and_redirects_go_on() {
    let live = live::Options {
        queue: 3,
        ..live::Options::default()
    };
    let app = with(live).await;
    let code = app.link("https://example.com/").await;
    let filter = json!({"filter": {"isBot": false}});
    let mut slow = app.subscribe(CLICKS, filter).await;
    let mut quick = app.subscribe(CLICKS, Value::Null).await;
    let bot = [("user-agent", BOT)];
    for at in 0..6 {
        // A bot's click is nothing that the slow one misses.
        app.visit(Method::GET, "go.example.com", &format!("/{code}?sub1=bot"), &bot)
            .await;
        visit(&app, &code, &at.to_string()).await;
        assert_eq!(next_subs(&mut quick).await, ["bot".to_owned(), at.to_string()]);
    }
    assert_eq!(next_subs(&mut slow).await, ["0", "1", "2"]);
    let missed = slow.click().await;
    assert_eq!(missed, json!({"__typename": "MissedClicks", "count": 3}));
    visit(&app, &code, "after").await;
    assert_eq!(next_subs(&mut slow).await, ["after"]);
}

#[tokio::test]
async fn what_waits_for_all_readers_together_is_limited_too() {
    let live = live::Options {
        all_queues: 2,
        ..live::Options::default()
    };
    let app = with(live).await;
    let code = app.link("https://example.com/").await;
    let mut events = app.subscribe(CLICKS, Value::Null).await;
    let link = app.link_id(&code).await;
    app.store_clicks(&[1, 2, 3, 4, 5].map(|second| a_click(link, second)))
        .await;
    assert_eq!(next_subs(&mut events).await, ["a", "a"]);
    assert_eq!(events.click().await["count"], 3);
}

#[tokio::test]
async fn what_waits_for_one_account_takes_nothing_from_another() {
    let live = live::Options {
        account_queues: 2,
        all_queues: 4,
        ..live::Options::default()
    };
    let app = with(live).await;
    let other = Tenant::make(app.store(), "go.example.net", START).await;
    let input = json!({"url": "https://example.com/", "listId": 42});
    let theirs = app.create_as(&other.key, input).await;
    let code = app.link("https://example.com/").await;
    let mut slow = [
        app.subscribe(CLICKS, Value::Null).await,
        app.subscribe(CLICKS, Value::Null).await,
        app.subscribe(CLICKS, Value::Null).await,
    ];
    let response = app.open(Some(&other.key), STREAM, CLICKS, Value::Null).await;
    let mut their_events = Events::of(response);
    let link = app.link_id(&code).await;
    app.store_clicks(&[1, 2].map(|second| a_click(link, second)))
        .await;
    let path = format!("/{}?sub1=theirs", text(&theirs["linkId"]));
    app.get("go.example.net", &path).await.location();
    assert_eq!(next_subs(&mut their_events).await, ["theirs"]);
    assert_eq!(next_subs(&mut slow[0]).await, ["a"]);
    assert_eq!(slow[2].click().await["count"], 2);
}

#[tokio::test]
async fn a_reader_that_takes_none_while_it_misses_some_is_given_up() {
    let live = live::Options {
        queue: 1,
        patience: Duration::ZERO,
        ..live::Options::default()
    };
    let app = with(live).await;
    let code = app.link("https://example.com/").await;
    let mut events = app.subscribe(CLICKS, Value::Null).await;
    visit(&app, &code, "waits").await;
    visit(&app, &code, "missed").await;
    // What waits is dropped without being taken.
    app.app.live.listened_to_by(0).await;
    let result = events.result().await;
    assert_eq!(result["errors"][0]["extensions"]["code"], "TIMEOUT", "{result}");
    events.end().await;
}

#[tokio::test]
async fn each_of_many_clicks_is_shown_or_counted_as_missed() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let link = app.link_id(&code).await;
    let mut events = app.subscribe(CLICKS, Value::Null).await;
    let clicks: Vec<_> = (0..6000).map(|second| a_click(link, second)).collect();
    app.store_clicks(&clicks).await;
    let mut told = 0;
    while told < 6000 {
        let event = events.click().await;
        told += event["count"].as_i64().unwrap_or(1);
    }
    visit(&app, &code, "last").await;
    assert_eq!((told, next_subs(&mut events).await), (6000, ["last".to_owned()]));
}

#[tokio::test]
async fn nothing_is_read_while_nobody_listens() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    visit(&app, &code, "nobody").await;
    let before = app.reads();
    app.app.live.listened_to_by(0).await;
    assert_eq!(app.reads(), before);
    let mut events = app.subscribe(CLICKS, Value::Null).await;
    visit(&app, &code, "somebody").await;
    next_subs::<1>(&mut events).await;
    assert!(app.reads() > before);
    drop(events);
    app.app.live.listened_to_by(0).await;
    let after = app.reads();
    visit(&app, &code, "nobody-again").await;
    app.app.writer.drained().await;
    assert_eq!(app.reads(), after);
    // Who comes then is shown what comes then.
    let mut events = app.subscribe(CLICKS, Value::Null).await;
    visit(&app, &code, "somebody-new").await;
    assert_eq!(next_subs(&mut events).await, ["somebody-new"]);
}

#[tokio::test]
async fn a_subscription_ends_when_its_key_or_account_does() {
    let live = live::Options {
        key_check: Duration::from_millis(5),
        ..live::Options::default()
    };
    let app = with(live).await;
    let end = Timestamp::from_millis(START.millis() + 3_600_000);
    let expiring = app.tenant.key(app.store(), &[Scope::Read], Some(end)).await;
    let mut by_expiring = Events::of(app.open(Some(&expiring), STREAM, CLICKS, Value::Null).await);
    let mut by_revoked = app.subscribe(CLICKS, Value::Null).await;
    let lasting = app.tenant.key(app.store(), &[Scope::Read], None).await;
    let mut by_lasting = Events::of(app.open(Some(&lasting), STREAM, CLICKS, Value::Null).await);
    app.advance_hours(1);
    let mut row = app.tenant.key_row.clone();
    row.revoked_at = Some(START);
    app.save(row).await;
    for events in [&mut by_expiring, &mut by_revoked] {
        let result = events.result().await;
        assert_eq!(items(&result["errors"]).count(), 1, "{result}");
        assert_eq!(result["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        events.end().await;
    }
    let mut row = app.tenant.account.clone();
    row.status = account::Status::Suspended;
    app.save(row).await;
    let result = by_lasting.result().await;
    assert_eq!(result["errors"][0]["extensions"]["code"], "ACCOUNT_SUSPENDED");
    by_lasting.end().await;
}

#[tokio::test]
async fn a_server_that_stops_breaks_its_streams_off_so_that_clients_come_back() {
    let app = TestApp::start().await;
    let mut events = app.subscribe(CLICKS, Value::Null).await;
    app.streams().stop();
    events.break_off().await;
    drop(events);
    app.streams().ended().await;
}

#[tokio::test]
async fn an_account_listens_only_so_many_times_at_once() {
    let app = TestApp::start().await;
    let mut open = Vec::new();
    for _ in 0..live::MOST_OF_ACCOUNT {
        open.push(app.subscribe(CLICKS, Value::Null).await);
    }
    let mut events = app.subscribe(CLICKS, Value::Null).await;
    assert_eq!(
        events.result().await["errors"][0]["extensions"]["code"],
        "TOO_MANY_SUBSCRIPTIONS"
    );
    open.pop();
    app.subscribe(CLICKS, Value::Null).await;
}
