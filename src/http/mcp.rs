//! `/mcp`: the tools of [`mcp`](crate::mcp) over MCP's streamable HTTP.
//!
//! Each request stands for itself: nothing is remembered of a client, so that any server answers the next one, and an
//! answer is one JSON value. Keys, limits and times are those of `/graphql`.

use std::sync::{Arc, LazyLock};

use async_graphql::{Request as GraphqlRequest, Variables};
use axum::{
    Extension,
    body::Body,
    extract::{Request, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::{
    body::{FAULT, MediaType, Refusal},
    cors::Origin,
    large,
    operation::{BodyLimit, Deadline, complete},
    principal::Caller,
    received::expect_json,
    request_id::RequestId,
    state::State,
    visitor::address_of,
};
use crate::{
    graphql::{
        self, Own,
        error::{Code, Fault, NO_KEY},
    },
    mcp::{Ask, SchemaError, Server, Tools},
    traces::{self, Here},
};

/// The tools, made once: they depend on the program only.
static TOOLS: LazyLock<Result<Arc<Tools>, SchemaError>> =
    LazyLock::new(|| Tools::of(&graphql::sdl()).map(Arc::new));

/// JSON-RPC's codes for what answers no message.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const INTERNAL_ERROR: i32 = -32603;

/// What to do about JSON that is no message.
const NO_MESSAGE: &str =
    "Send one JSON-RPC message of MCP: an object with \"jsonrpc\": \"2.0\", a \"method\" and its \"params\".";

/// Who calls a tool, and how long that may take.
struct Calling {
    state: State,
    caller: Caller,
    deadline: Deadline,
    id: RequestId,
    /// How long the message is.
    bytes: usize,
    /// The library answers by a task of its own.
    here: Here,
}

impl Ask for Calling {
    async fn ask(&self, operation: &'static str, variables: Map<String, Value>) -> Value {
        let variables = Variables::from_json(Value::Object(variables));
        let request = GraphqlRequest::new(operation).variables(variables);
        let request = self.caller.prepare(&self.state, request.data(Own));
        let (schema, deadline) = (self.state.schema.clone(), self.deadline);
        let executed = async move { deadline.work(traces::graphql(schema.execute(request))).await };
        let executed = large::carry_out(self.bytes, deadline, &self.id, executed);
        let answered = self.here.around(Box::pin(executed)).await.flatten();
        let answer = answered.and_then(|mut response| {
            complete(&mut response, &self.id);
            serde_json::to_value(&response).map_err(|error| Refusal::Fault(Fault::new(error)))
        });
        answer.unwrap_or_else(|refusal| json!({"errors": refusal.errors(&self.id)}))
    }
}

/// `POST /mcp`.
pub(super) async fn post(
    Extract(state): Extract<State>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let deadline = Deadline::of(&state);
    let answered = async {
        expect_known_origin(&state.settings.cors_origins, &headers)?;
        expect_json(&headers)?;
        // Nobody's body is read who is not let in.
        let address = address_of(request.extensions(), &headers, &state.settings.trusted_proxies);
        let caller = deadline.work(Caller::of(&state, &headers, address)).await??;
        if caller.principal.is_none() {
            return Err(no_key());
        }
        let tools = TOOLS.clone().map_err(|error| Refusal::Fault(Fault::new(error)))?;
        let (parts, unread) = request.into_parts();
        let unread = Request::from_parts(parts.clone(), unread);
        let body = deadline.body(BodyLimit::of(&state, &caller), unread).await?;
        let calling = Calling {
            state: state.clone(),
            caller: caller.clone(),
            deadline,
            id: id.clone(),
            bytes: body.len(),
            here: Here::current(),
        };
        let request = Request::from_parts(parts, Body::from(body.clone()));
        let mut response = serve(Server::new(tools, calling), request, deadline).await?;
        // The library's word for a body that is no message: its media type was looked at above.
        if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            response = unreadable(&body);
        }
        caller.tell_left(&mut response);
        Ok(response)
    };
    // As `/graphql` refuses: such a request never came to be one of MCP's.
    answered
        .await
        .unwrap_or_else(|refusal| MediaType::Json.refuse(refusal, &id))
}

/// Any other method on `/mcp`: there is no stream to open, and no session to end.
pub(super) async fn method_not_allowed(Extension(id): Extension<RequestId>) -> Response {
    let message = "Send MCP messages with POST; this server opens no stream and keeps no sessions.";
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, message);
    MediaType::Json.refuse(refusal.with(header::ALLOW, "POST"), &id)
}

/// Answers one message.
async fn serve(server: Server<Calling>, request: Request, deadline: Deadline) -> Result<Response, Refusal> {
    // Whose name a request is sent to matters to none that needs a key; `--api-host` limits it all the same.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts()
        // It has been read, and was not too large.
        .with_max_request_body_bytes(usize::MAX);
    // The library makes a server for each request, and this is one request.
    let server = Arc::new(server);
    let factory = move || Ok(Arc::clone(&server));
    let service = StreamableHttpService::new(factory, Arc::new(NeverSessionManager::default()), config);
    // A tool ends in time by itself, and says so; this is for all else.
    let answer = deadline.afterwards().work(service.handle(request)).await?;
    Ok(answer.map(Body::new))
}

/// What is said of a body that is no message: whether it is no JSON, and where, or some other.
fn unreadable(body: &[u8]) -> Response {
    let (code, message) = serde_json::from_slice::<IgnoredAny>(body).map_or_else(
        |error| {
            (
                PARSE_ERROR,
                format!("Send one JSON-RPC message. This is no JSON: {error}."),
            )
        },
        |_| (INVALID_REQUEST, NO_MESSAGE.to_owned()),
    );
    rpc_error(StatusCode::BAD_REQUEST, code, &message)
}

/// An answer for what is our fault and was logged.
pub(super) fn fail() -> Response {
    rpc_error(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL_ERROR, FAULT)
}

/// An error of JSON-RPC that answers no message in particular: as MCP has it, it has no id.
fn rpc_error(status: StatusCode, code: i32, message: &str) -> Response {
    let body = json!({"jsonrpc": "2.0", "error": {"code": code, "message": message}});
    MediaType::Json.answer(status, body.to_string())
}

/// Refuses pages of other sites, as MCP has it for servers on somebody's own machine: a name that was made to lead here
/// lets a page past the browser.
fn expect_known_origin(known: &[Origin], headers: &HeaderMap) -> Result<(), Refusal> {
    let is_known = |origin| {
        known.iter().any(|known| match known {
            Origin::Any => true,
            Origin::Site(site) => site == origin,
        })
    };
    if headers.get_all(header::ORIGIN).iter().all(is_known) {
        return Ok(());
    }
    let message = "Pages of this site may not use the API; the operator may let them, with --cors-origin.";
    Err(Refusal::new(StatusCode::FORBIDDEN, Code::Forbidden, message))
}

fn no_key() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, Code::Unauthenticated, NO_KEY)
        .with(header::WWW_AUTHENTICATE, "Bearer")
}
