//! `/graphql`: operations in, answers out; the playground for browsers.

use std::time::Duration;

use async_graphql::{Response as GraphqlResponse, ServerError};
use axum::{
    Extension,
    body::Bytes,
    extract::{FromRequest as _, RawQuery, Request, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::time::{Instant, timeout_at};

use super::{
    accept::Accept,
    body::{MediaType, Refusal},
    principal::principal,
    received::{expect_json, from_body, from_url},
    request_id::RequestId,
    state::State,
};
use crate::graphql::{
    error::{Code, Fault, ReadOnly},
    prepare,
};

/// `POST /graphql`.
pub(super) async fn post(
    Extract(state): Extract<State>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let media_type = match MediaType::accepted(&headers) {
        Ok(media_type) => media_type,
        Err(refusal) => return MediaType::Json.refuse(refusal, &id),
    };
    let deadline = Deadline::of(&state);
    let answered = async {
        expect_json(&headers)?;
        // Nobody's body is read who is not let in.
        let principal = deadline.work(principal(&state.app, &headers)).await??;
        let request = from_body(&deadline.body(request).await?)?;
        let request = prepare(request, &state.app, principal);
        deadline.work(state.schema.execute(request)).await
    };
    match answered.await {
        Ok(response) => answer(response, media_type, &id),
        Err(refusal) => media_type.refuse(refusal, &id),
    }
}

/// `GET /graphql`: a query in the URL, or the playground for a browser that opens it without one.
pub(super) async fn get(
    Extract(state): Extract<State>,
    Extension(id): Extension<RequestId>,
    RawQuery(url): RawQuery,
    headers: HeaderMap,
) -> Response {
    let response = answer_get(&state, &id, url.as_deref().unwrap_or_default(), &headers).await;
    ([(header::VARY, "accept")], response).into_response()
}

async fn answer_get(state: &State, id: &RequestId, url: &str, headers: &HeaderMap) -> Response {
    let request = from_url(url);
    if matches!(request, Ok(None)) && Accept::of(headers).prefers_html() {
        return state.playground.page();
    }
    let media_type = match MediaType::accepted(headers) {
        Ok(media_type) => media_type,
        Err(refusal) => return MediaType::Json.refuse(refusal, id),
    };
    let deadline = Deadline::of(state);
    let answered = async {
        let message = "Send a GraphQL request with POST, or a query in the URL's parameter query.";
        let request = request?.ok_or_else(|| Refusal::bad_request(message))?;
        let principal = deadline.work(principal(&state.app, headers)).await??;
        let request = prepare(request, &state.app, principal).data(ReadOnly);
        deadline.work(state.schema.execute(request)).await
    };
    match answered.await {
        Ok(response) if would_change(&response) => {
            let message = "A mutation changes something: send it with POST.";
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, message)
                .with(header::ALLOW, "POST");
            media_type.refuse(refusal, id)
        }
        Ok(response) => answer(response, media_type, id),
        Err(refusal) => media_type.refuse(refusal, id),
    }
}

/// Any other method on `/graphql`.
pub(super) async fn method_not_allowed(Extension(id): Extension<RequestId>, headers: HeaderMap) -> Response {
    let message = "Send GraphQL requests with POST, or queries with GET.";
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, message)
        .with(header::ALLOW, "GET, HEAD, POST");
    MediaType::accepted(&headers)
        .unwrap_or(MediaType::Json)
        .refuse(refusal, &id)
}

/// `GET /schema.graphql`.
pub(super) async fn schema(Extract(state): Extract<State>) -> Response {
    if !state.settings.introspection {
        return super::pages::not_found().into_response();
    }
    (
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        state.sdl.clone(),
    )
        .into_response()
}

/// Until when a request may be worked on.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    limit: Duration,
    end: Instant,
}

impl Deadline {
    fn of(state: &State) -> Self {
        let limit = state.settings.request_timeout;
        Self {
            limit,
            end: Instant::now() + limit,
        }
    }

    /// Reads a body that arrives in time.
    async fn body(self, request: Request) -> Result<Bytes, Refusal> {
        match timeout_at(self.end, Bytes::from_request(request, &())).await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(unread)) if unread.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                let message = "The body is too large; send less at once.";
                let code = Code::BadRequest;
                Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, code, message))
            }
            Ok(Err(_)) => Err(Refusal::bad_request("The body broke off; send it whole.")),
            Err(_) => {
                let message = format!("The body did not arrive within {:?}; send it faster.", self.limit);
                let refusal = Refusal::new(StatusCode::REQUEST_TIMEOUT, Code::Timeout, message);
                // What is left of the body is not waited for either.
                Err(refusal.with(header::CONNECTION, "close"))
            }
        }
    }

    /// Works until the time is up, and no longer: what is not done by then is dropped, and asks the database for
    /// nothing more.
    ///
    /// A write that was handed to the writer by then is stored, as a whole: the caller can't be told which it was.
    async fn work<T>(self, work: impl Future<Output = T>) -> Result<T, Refusal> {
        timeout_at(self.end, work).await.map_err(|_| {
            let message = format!(
                "This took longer than {:?} and was stopped; ask for less at once. A mutation may have been carried \
                 out all the same: before it is sent again, look, or use the same idempotencyKey.",
                self.limit
            );
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Code::Timeout, message)
        })
    }
}

/// Whether a request that may change nothing was refused since it would.
fn would_change(response: &GraphqlResponse) -> bool {
    let mut errors = response.errors.iter();
    errors.any(|error| error.source::<ReadOnly>().is_some())
}

/// Sends an answer, each of its errors with a code; what is our fault is logged once and masked.
fn answer(mut response: GraphqlResponse, media_type: MediaType, id: &RequestId) -> Response {
    for error in &mut response.errors {
        complete(error, id);
    }
    // Errors with a path, or with data beside them, come from fields: then the request was executed.
    let is_request_error = response.data == async_graphql::Value::Null
        && response.errors.iter().any(|error| error.path.is_empty());
    let status = if is_request_error {
        media_type.status_of_request_error()
    } else {
        StatusCode::OK
    };
    let body = if is_request_error {
        serde_json::to_string(&serde_json::json!({ "errors": response.errors }))
    } else {
        serde_json::to_string(&response)
    };
    match body {
        Ok(body) => media_type.answer(status, body),
        Err(error) => media_type.refuse(Refusal::Fault(Fault::new(error)), id),
    }
}

/// The most characters of what the library says.
const MAX_MESSAGE: usize = 300;

fn complete(error: &mut ServerError, id: &RequestId) {
    if let Some(fault) = error.source::<Fault>() {
        id.log(&fault.chain());
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("requestId", id.as_str());
    } else if error
        .extensions
        .as_ref()
        .is_none_or(|extensions| extensions.get("code").is_none())
    {
        // Whatever the library itself refuses: syntax, unknown fields, values of the wrong type. It repeats what it
        // refuses, which may be megabytes.
        if let Some((end, _)) = error.message.char_indices().nth(MAX_MESSAGE) {
            error.message.truncate(end);
            error.message.push('…');
        }
        error
            .extensions
            .get_or_insert_default()
            .set("code", Code::BadRequest.as_str());
    }
}
