//! An agent, as the official client of the SDK is one.

use std::{collections::HashMap, convert::Infallible, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Request, StatusCode, header},
};
use futures_util::stream::BoxStream;
use rmcp::{
    ClientServiceExt as _, RoleClient, ServiceExt as _,
    model::{CallToolRequestParams, CallToolResult, ClientJsonRpcMessage, ProtocolVersion},
    service::{ClientLifecycleMode, RunningService},
    transport::streamable_http_client::{
        StreamableHttpClient, StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
        StreamableHttpError, StreamableHttpPostResponse,
    },
};
use serde_json::Value;
use sse_stream::Sse;
use tower::ServiceExt as _;

use super::TestApp;

/// A client that is connected.
pub type Agent = RunningService<RoleClient, ()>;

/// Sends what the SDK's client says to a router.
#[derive(Clone)]
struct Door {
    router: axum::Router,
}

type Failed = StreamableHttpError<Infallible>;

impl StreamableHttpClient for Door {
    type Error = Infallible;

    async fn post_message(
        &self,
        _uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        bearer: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        assert_eq!(session_id, None, "the server remembers nobody");
        let mut request = Request::post("/mcp")
            .header(header::HOST, "go.example.com")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "text/event-stream, application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(bearer) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        let body = serde_json::to_string(&message)?;
        let request = request.body(Body::from(body)).expect("a request");
        let Ok(response) = self.router.clone().oneshot(request).await;
        if response.status() == StatusCode::ACCEPTED {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        let answer = serde_json::from_slice(&body.expect("a body"))?;
        Ok(StreamableHttpPostResponse::Json(answer, None))
    }

    async fn delete_session(
        &self,
        _uri: Arc<str>,
        _session_id: Arc<str>,
        _bearer: Option<String>,
        _headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failed> {
        panic!("there are no sessions")
    }

    async fn get_stream(
        &self,
        _uri: Arc<str>,
        _session_id: Option<Arc<str>>,
        _last_event: Option<String>,
        _bearer: Option<String>,
        _headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, sse_stream::Error>>, Failed> {
        Err(StreamableHttpError::ServerDoesNotSupportSse)
    }
}

impl TestApp {
    fn transport(&self, key: &str) -> StreamableHttpClientTransport<Door> {
        let door = Door {
            router: self.router(),
        };
        let config =
            StreamableHttpClientTransportConfig::with_uri("http://go.example.com/mcp").auth_header(key);
        StreamableHttpClientTransport::with_client(door, config)
    }

    /// An agent with a key, that begins with a handshake as most do.
    pub async fn agent(&self, key: &str) -> Agent {
        ().serve(self.transport(key)).await.expect("a handshake")
    }

    /// An agent that speaks the protocol of 2026, which has no handshake.
    pub async fn new_agent(&self, key: &str) -> Agent {
        let mode = ClientLifecycleMode::Discover {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        };
        let connected = ().serve_with_lifecycle(self.transport(key), mode).await;
        connected.expect("a server that is found")
    }
}

/// Calls a tool.
pub async fn call(agent: &Agent, tool: &'static str, arguments: Value) -> CallToolResult {
    let arguments = arguments.as_object().expect("arguments").clone();
    let request = CallToolRequestParams::new(tool).with_arguments(arguments);
    agent.call_tool(request).await.expect("a result")
}
