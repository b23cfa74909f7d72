//! Clicks as they come, and all else, over `WebSocket`s.

use std::time::Duration;

use entity::account;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, TransactionTrait as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Error, Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::support::{CREATE, START, Setup, Socket, TestApp};

const CLICKS: &str =
    "subscription { clicks { ... on Click { id isBot sub1 } ... on MissedClicks { count } } }";

const UNKNOWN_LIST: &str = "subscription { clicks(filter: {listId: 43}) { __typename } }";

async fn visit(app: &TestApp, code: &str, sub1: &str) {
    app.get("go.example.com", &format!("/{code}?sub1={sub1}"))
        .await
        .location();
}

/// A connection that is let in by the tenant's key.
async fn open(app: &TestApp) -> Socket {
    let address = app.listen().await;
    Socket::open(address, json!({"X-Api-Key": app.tenant.key})).await
}

#[tokio::test]
async fn a_click_is_shown_over_a_websocket_wherever_the_key_stands() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    let key = app.tenant.key.as_str();
    let code = app.link("https://example.com/").await;
    let mut sockets = Vec::new();
    for payload in [
        json!({"X-Api-Key": key}),
        json!({"apiKey": key}),
        json!({"authorization": format!("Bearer {key}")}),
    ] {
        sockets.push(Socket::open(address, payload).await);
    }
    // An origin does not matter: no browser sends a key by itself.
    let headers = [("x-api-key", key), ("origin", "https://elsewhere.example.com")];
    let socket = Socket::try_connect(address, Some("graphql-transport-ws"), &headers).await;
    let mut socket = socket.expect("a connection");
    socket.say(json!({"type": "connection_init"})).await;
    assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
    sockets.push(socket);
    for socket in &mut sockets {
        socket.subscribe("1", CLICKS, Value::Null).await;
    }
    app.app.live.listened_to_by(4).await;
    visit(&app, &code, "a").await;
    let id = app.clicks().await[0].id.to_string();
    for socket in &mut sockets {
        let shown = socket.click("1").await;
        assert_eq!(shown, json!({"id": id, "isBot": false, "sub1": "a"}));
    }
}

#[tokio::test]
async fn several_operations_share_a_connection_and_each_ends_by_itself() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let mut socket = open(&app).await;
    socket
        .subscribe(
            "bots",
            "subscription { clicks(filter: {isBot: true}) { __typename } }",
            Value::Null,
        )
        .await;
    socket.subscribe("all", CLICKS, Value::Null).await;
    app.app.live.listened_to_by(2).await;
    socket
        .subscribe("query", "{ viewer { account { id } } }", Value::Null)
        .await;
    let account = json!({"viewer": {"account": {"id": app.tenant.account.id.to_string()}}});
    assert_eq!(socket.result("query").await["data"], account);
    assert_eq!(socket.hear().await, json!({"type": "complete", "id": "query"}));
    visit(&app, &code, "a").await;
    assert_eq!(socket.click("all").await["sub1"], "a");
    socket.say(json!({"type": "complete", "id": "all"})).await;
    app.app.live.listened_to_by(1).await;
    let bot = [(
        "user-agent",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    )];
    app.visit(
        axum::http::Method::GET,
        "go.example.com",
        &format!("/{code}"),
        &bot,
    )
    .await;
    assert_eq!(socket.click("bots").await, json!({"__typename": "Click"}));
    // The name of one that has ended is free.
    socket
        .subscribe(
            "query",
            "mutation { archiveOffer(id: \"offer_1\") { __typename } }",
            Value::Null,
        )
        .await;
    let payload = socket.result("query").await;
    assert_eq!(
        payload["data"]["archiveOffer"]["__typename"],
        "OfferNotFoundError"
    );
    assert_eq!(socket.hear().await["type"], "complete");
    drop(socket);
    app.app.live.listened_to_by(0).await;
}

#[tokio::test]
async fn what_can_t_be_carried_out_is_an_error_of_its_operation() {
    let app = TestApp::start().await;
    let mut socket = open(&app).await;
    for payload in [
        json!({"query": "{ nothing }"}).to_string(),
        json!({"query": "{"}).to_string(),
        json!({"query": "{ __typename }", "variables": [1]}).to_string(),
        json!({"query": 1}).to_string(),
        // A list is not taken for an object's values, and half a character for none.
        json!(["{ __typename }"]).to_string(),
        r#"{"query": "{ __typename }", "variables": {"a": "\ud800"}}"#.to_owned(),
    ] {
        let message = format!(r#"{{"type": "subscribe", "id": "1", "payload": {payload}}}"#);
        socket.send(Message::text(message)).await;
        let message = socket.hear().await;
        assert_eq!(message["type"], "error", "{message}");
        assert_eq!(message["id"], "1");
        assert_eq!(message["payload"][0]["extensions"]["code"], "BAD_REQUEST");
    }
    // The connection goes on.
    socket.say(json!({"type": "ping", "payload": {"n": 1}})).await;
    assert_eq!(socket.hear().await, json!({"type": "pong", "payload": {"n": 1}}));
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await, json!({"type": "pong"}));
}

#[tokio::test]
async fn what_the_field_of_a_subscription_refuses_is_its_answer() {
    let app = TestApp::start().await;
    let mut socket = open(&app).await;
    socket.subscribe("1", UNKNOWN_LIST, Value::Null).await;
    let result = socket.result("1").await;
    assert_eq!(result["errors"][0]["extensions"]["code"], "NOT_FOUND", "{result}");
    assert_eq!(socket.hear().await, json!({"type": "complete", "id": "1"}));
}

#[tokio::test]
async fn who_has_no_key_is_not_let_in_and_takes_no_place_of_who_has_one() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    let mut nobodies = Vec::new();
    let refused = loop {
        match Socket::try_connect(address, Some("graphql-transport-ws"), &[]).await {
            Ok(socket) => nobodies.push(socket),
            Err(error) => break *error,
        }
    };
    assert!(
        matches!(&refused, Error::Http(response) if response.status() == 503),
        "{refused}"
    );
    assert_eq!(nobodies.len(), 50);
    let headers = [("x-api-key", app.tenant.key.as_str())];
    let socket = Socket::try_connect(address, Some("graphql-transport-ws"), &headers).await;
    let mut socket = socket.expect("a place");
    socket.say(json!({"type": "connection_init"})).await;
    assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
    for (nobody, payload) in nobodies.iter_mut().zip([json!({}), Value::Null]) {
        nobody
            .say(json!({"type": "connection_init", "payload": payload}))
            .await;
        assert_eq!(nobody.closed().await, 4403, "{payload}");
    }
    // Who is let in makes room for the next.
    let [_, _, let_in, ..] = nobodies.as_mut_slice() else {
        panic!("{}", nobodies.len());
    };
    let_in
        .say(json!({"type": "connection_init", "payload": {"apiKey": app.tenant.key}}))
        .await;
    assert_eq!(let_in.hear().await, json!({"type": "connection_ack"}));
    Socket::connect(address).await;
}

#[tokio::test]
async fn who_does_not_keep_to_the_protocol_is_told_by_the_code_of_the_close() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    let query = |id: &str| json!({"type": "subscribe", "id": id, "payload": {"query": CLICKS}});
    let init = json!({"type": "connection_init", "payload": {"X-Api-Key": app.tenant.key}});
    let unknown = json!({"X-Api-Key": "trk_0123456789abcdefghijklmnopqrstuv"});
    for (messages, code) in [
        (vec![json!({"type": "connection_init", "payload": unknown})], 4403),
        (
            vec![json!({"type": "connection_init", "payload": {"authorization": "Basic x"}})],
            4403,
        ),
        (vec![query("1")], 4401),
        (vec![init.clone(), init.clone()], 4429),
        (vec![init.clone(), query("1"), query("1")], 4409),
        (vec![json!({"type": "start"})], 4400),
        (vec![json!("subscribe")], 4400),
        (vec![json!(["connection_init"])], 4400),
        (vec![json!({"type": "subscribe", "id": "1"})], 4400),
    ] {
        let mut socket = Socket::connect(address).await;
        for message in &messages {
            socket.say(message.clone()).await;
        }
        assert_eq!(socket.closed().await, code, "{messages:?}");
    }
    let mut socket = Socket::connect(address).await;
    socket.send(Message::binary(vec![1])).await;
    assert_eq!(socket.closed().await, 4400);
    // Not a fault of length.
    let mut socket = Socket::connect(address).await;
    let text = Frame::message(vec![0xff], OpCode::Data(Data::Text), true);
    socket.send(Message::Frame(text)).await;
    assert_eq!(socket.closed().await, 1002);
}

#[tokio::test]
async fn a_message_may_be_as_long_as_a_body_and_a_mebibyte() {
    const MEBIBYTE: usize = 1024 * 1024;
    let message = |bytes: usize| json!({"type": "ping", "payload": {"x": "x".repeat(bytes)}});
    for (body_limit, most) in [(1000, 1000), (2 * MEBIBYTE, MEBIBYTE)] {
        let mut setup = Setup::default();
        setup.settings.body_limit = body_limit;
        let app = TestApp::with(setup).await;
        let mut socket = open(&app).await;
        socket.say(message(most - 100)).await;
        assert_eq!(socket.hear().await["type"], "pong");
        socket.say(message(most)).await;
        assert_eq!(socket.closed().await, 1009);
    }
}

#[tokio::test]
async fn a_connection_carries_only_so_many_operations_at_once() {
    let app = TestApp::start().await;
    let mut socket = open(&app).await;
    for id in 0..20 {
        socket.subscribe(&id.to_string(), CLICKS, Value::Null).await;
    }
    app.app.live.listened_to_by(20).await;
    socket.subscribe("20", "{ __typename }", Value::Null).await;
    let message = socket.hear().await;
    assert_eq!(
        message["payload"][0]["extensions"]["code"], "TOO_MANY_SUBSCRIPTIONS",
        "{message}"
    );
    socket.say(json!({"type": "complete", "id": "7"})).await;
    socket.subscribe("20", "{ __typename }", Value::Null).await;
    assert_eq!(socket.result("20").await["data"], json!({"__typename": "Query"}));
}

#[tokio::test]
async fn what_can_t_become_a_websocket_is_refused() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    let wrong_key = [("x-api-key", "trk_0123456789abcdefghijklmnopqrstuv")];
    for (protocol, headers, status) in [
        (None, &[][..], 400),
        (Some("graphql-ws"), &[], 400),
        (Some("graphql-transport-ws"), &wrong_key, 401),
    ] {
        match Socket::try_connect(address, protocol, headers)
            .await
            .map_err(|error| *error)
        {
            Err(Error::Http(response)) => assert_eq!(response.status(), status, "{protocol:?}"),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("a connection"),
        }
    }
    let headers = [("upgrade", "websocket"), ("connection", "upgrade")];
    let answer = app
        .visit(axum::http::Method::GET, "go.example.com", "/graphql", &headers)
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.error_code()),
        (400, "BAD_REQUEST".to_owned())
    );
}

#[tokio::test]
async fn a_key_that_no_longer_works_ends_a_subscription_and_at_the_next_operation_the_connection() {
    let mut setup = Setup::default();
    setup.options.live.key_check = Duration::from_millis(5);
    let app = TestApp::with(setup).await;
    let mut socket = open(&app).await;
    socket.subscribe("1", CLICKS, Value::Null).await;
    app.app.live.listened_to_by(1).await;
    let mut row = app.tenant.key_row.clone();
    row.revoked_at = Some(START);
    app.save(row).await;
    let payload = socket.result("1").await;
    assert_eq!(payload["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert_eq!(socket.hear().await, json!({"type": "complete", "id": "1"}));
    socket.subscribe("2", "{ __typename }", Value::Null).await;
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test]
async fn a_suspended_account_is_not_let_in() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    let mut row = app.tenant.account.clone();
    row.status = account::Status::Suspended;
    app.save(row).await;
    let mut socket = Socket::connect(address).await;
    let payload = json!({"apiKey": app.tenant.key});
    socket
        .say(json!({"type": "connection_init", "payload": payload}))
        .await;
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test]
async fn a_server_that_stops_says_so_to_who_is_connected_and_waits_for_them() {
    let app = TestApp::start().await;
    let mut socket = open(&app).await;
    socket.subscribe("1", CLICKS, Value::Null).await;
    app.app.live.listened_to_by(1).await;
    app.streams().stop();
    assert_eq!(socket.closed().await, 1001);
    drop(socket);
    app.streams().ended().await;
}

#[tokio::test]
async fn a_server_that_stops_carries_out_what_is_under_way_and_nothing_new() {
    let app = TestApp::start().await;
    let mut socket = open(&app).await;
    socket.subscribe("live", CLICKS, Value::Null).await;
    app.app.live.listened_to_by(1).await;
    // Nobody else can write until this is over.
    let held = app.store().write.begin().await.expect("a transaction");
    let lock = match held.get_database_backend() {
        DatabaseBackend::Postgres => "LOCK TABLE idempotency_key, short_link IN EXCLUSIVE MODE",
        _ => "UPDATE account SET name = name",
    };
    held.execute_unprepared(lock).await.expect("a lock");
    let input = json!({"input": {"url": "https://example.com/", "listId": 42}});
    socket.subscribe("write", CREATE, input).await;
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await["type"], "pong");
    app.streams().stop();
    app.app.live.listened_to_by(0).await;
    socket.subscribe("late", "{ __typename }", Value::Null).await;
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await["type"], "pong");
    held.rollback().await.expect("an end");
    let result = socket.result("write").await;
    assert_eq!(
        result["data"]["createShortLink"]["__typename"], "CreateShortLinkSuccess",
        "{result}"
    );
    assert_eq!(socket.hear().await, json!({"type": "complete", "id": "write"}));
    assert_eq!(socket.closed().await, 1001);
}
