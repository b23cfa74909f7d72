//! Clients of answers that go on.

use std::{net::SocketAddr, pin::Pin, time::Duration};

use axum::{
    body::{Body, BodyDataStream},
    http::{Request, Response, header},
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest as _},
};
use tower::ServiceExt as _;

use super::TestApp;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A subscription that is read as server-sent events.
pub struct Events {
    body: Pin<Box<BodyDataStream>>,
    read: String,
}

impl Events {
    /// The events of an answer.
    pub fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self {
            body: Box::pin(response.into_body().into_data_stream()),
            read: String::new(),
        }
    }

    /// The next event's name and data; comments are passed over. `None` at the end.
    pub async fn next(&mut self) -> Option<(String, String)> {
        loop {
            while let Some((event, rest)) = self.read.split_once("\n\n") {
                let (mut name, mut data) = (String::new(), String::new());
                for line in event.lines() {
                    match line.split_once(':') {
                        Some(("event", value)) => value.trim_start().clone_into(&mut name),
                        Some(("data", value)) => value.trim_start().clone_into(&mut data),
                        _ => {}
                    }
                }
                let end = self.read.len() - rest.len();
                self.read.drain(..end);
                if !name.is_empty() {
                    return Some((name, data));
                }
            }
            let chunk = timeout(PATIENCE, self.body.next()).await.expect("an event");
            let bytes = chunk?.expect("a chunk");
            self.read.push_str(str::from_utf8(&bytes).expect("UTF-8"));
        }
    }

    /// The next result; fails at the end.
    pub async fn result(&mut self) -> Value {
        let (name, data) = self.next().await.expect("an event");
        assert_eq!(name, "next", "{data}");
        serde_json::from_str(&data).expect("JSON")
    }

    /// What is told of next by the subscription's field `clicks`.
    pub async fn click(&mut self) -> Value {
        clicks(self.result().await)
    }

    /// Fails unless the stream says that it is complete, and ends.
    pub async fn end(&mut self) {
        // Browsers pass over an event without data.
        assert_eq!(
            self.next().await,
            Some(("complete".to_owned(), "null".to_owned()))
        );
        self.break_off().await;
    }

    /// Fails unless the stream ends here, and does not say that it is complete.
    pub async fn break_off(&mut self) {
        assert_eq!(self.next().await, None);
    }
}

/// What the field `clicks` of a result holds; fails on errors.
fn clicks(mut result: Value) -> Value {
    assert!(result.get("errors").is_none(), "{result}");
    result["data"]["clicks"].take()
}

impl TestApp {
    /// Sends an operation and answers before the answer's body is read.
    pub async fn open(
        &self,
        key: Option<&str>,
        accept: &str,
        query: &str,
        variables: Value,
    ) -> Response<Body> {
        let mut request = Request::post("/graphql")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, accept);
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        let body = json!({"query": query, "variables": variables}).to_string();
        let request = request.body(Body::from(body)).expect("a request");
        self.router()
            .oneshot(request)
            .await
            .expect("the router never fails")
    }

    /// Subscribes with the tenant's key, over server-sent events.
    pub async fn subscribe(&self, query: &str, variables: Value) -> Events {
        let response = self.open(Some(&self.tenant.key), "text/event-stream", query, variables);
        Events::of(response.await)
    }

    /// Answers requests on a port of its own, as long as the test runs.
    pub async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let router = self.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }
}

/// A client that speaks `graphql-transport-ws`.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects, and says nothing yet.
    pub async fn connect(address: SocketAddr) -> Self {
        let connected = Self::try_connect(address, Some("graphql-transport-ws"), &[]).await;
        connected.expect("a connection")
    }

    /// Connects with these headers.
    pub async fn try_connect(
        address: SocketAddr,
        protocol: Option<&'static str>,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Box<tungstenite::Error>> {
        let mut request = format!("ws://{address}/graphql").into_client_request()?;
        if let Some(protocol) = protocol {
            let protocol = tungstenite::http::HeaderValue::from_static(protocol);
            request.headers_mut().insert("sec-websocket-protocol", protocol);
        }
        for (name, value) in headers {
            let value = value.parse().expect("a header's value");
            request.headers_mut().insert(*name, value);
        }
        let (socket, _) = connect_async(request).await?;
        Ok(Self(socket))
    }

    /// Connects and says who it is.
    pub async fn open(address: SocketAddr, payload: Value) -> Self {
        let mut socket = Self::connect(address).await;
        socket
            .say(json!({"type": "connection_init", "payload": payload}))
            .await;
        assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
        socket
    }

    /// Sends a message.
    pub async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    /// Sends whatever it is.
    pub async fn send(&mut self, message: Message) {
        self.0.send(message).await.expect("it is sent");
    }

    /// Sends an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({"query": query, "variables": variables});
        self.say(json!({"type": "subscribe", "id": id, "payload": payload}))
            .await;
    }

    /// The next message; fails if the connection is closed.
    pub async fn hear(&mut self) -> Value {
        match self.message().await {
            Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("{other:?}"),
        }
    }

    /// The next result of an operation.
    pub async fn result(&mut self, id: &str) -> Value {
        let mut message = self.hear().await;
        assert_eq!(
            (&message["type"], &message["id"]),
            (&json!("next"), &json!(id)),
            "{message}"
        );
        message["payload"].take()
    }

    /// What is told of next by the field `clicks` of a subscription.
    pub async fn click(&mut self, id: &str) -> Value {
        clicks(self.result(id).await)
    }

    /// The code that the connection is closed with.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.message().await {
                return frame.expect("a reason").code.into();
            }
        }
    }

    async fn message(&mut self) -> Message {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("a message");
            match message.expect("no end").expect("a message") {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }
}
