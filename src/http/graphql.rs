//! `/graphql`: operations in, answers out; the playground for browsers.

use async_graphql::{ParseRequestError, Response as GraphqlResponse, ServerError};
use async_graphql_axum::GraphQLRequest;
use axum::{
    Extension, RequestExt as _,
    extract::{FromRequest as _, Request, State as Extract},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    body::MediaType,
    principal::{Refusal, principal},
    request_id::RequestId,
    state::State,
};
use crate::graphql::{
    error::{Code, Fault},
    prepare,
};

/// `POST /graphql`.
pub(super) async fn execute(
    Extract(state): Extract<State>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let media_type = MediaType::accepted(&headers);
    if !is_json(&headers) {
        // Also what keeps another site's form from acting for a visitor: a form can't send JSON.
        let message = "Send the request as JSON, with the header Content-Type: application/json.";
        return media_type.refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BadRequest, message);
    }
    let principal = match principal(&state.app, &headers).await {
        Ok(principal) => principal,
        Err(Refusal::Fault(fault)) => {
            log_fault(&fault, &id);
            return media_type.fail(&id);
        }
        Err(Refusal::Caller {
            status,
            code,
            message,
        }) => {
            let mut response = media_type.refuse(status, code, message);
            if status == StatusCode::UNAUTHORIZED {
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            return response;
        }
    };
    let request = match GraphQLRequest::<Unreadable>::from_request(request.with_limited_body(), &()).await {
        Ok(request) => request.into_inner(),
        Err(unreadable) => return unreadable.answer(media_type),
    };
    if request.query.is_empty() {
        return media_type.refuse(StatusCode::BAD_REQUEST, Code::BadRequest, NO_REQUEST);
    }
    let response = state
        .schema
        .execute(prepare(request, &state.app, principal))
        .await;
    answer(response, media_type, &id)
}

/// Any other method on `/graphql`.
pub(super) async fn method_not_allowed(headers: HeaderMap) -> Response {
    let message = "Send GraphQL requests with POST.";
    let refusal =
        MediaType::accepted(&headers).refuse(StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, message);
    ([(header::ALLOW, "GET, POST")], refusal).into_response()
}

/// `GET /graphql`: the playground for a browser; a program is told to send a POST.
pub(super) async fn playground(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let vary = [(header::VARY, "accept")];
    if accept.contains("text/html") {
        return (vary, state.playground.page()).into_response();
    }
    (vary, method_not_allowed(headers).await).into_response()
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

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    content_type
        .split(';')
        .next()
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// What to do about a body that is no GraphQL request.
const NO_REQUEST: &str =
    "Send a JSON object with a string \"query\" and, if need be, an object \"variables\", as UTF-8.";

/// A body that is no GraphQL request.
struct Unreadable(ParseRequestError);

impl From<ParseRequestError> for Unreadable {
    fn from(error: ParseRequestError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Unreadable {
    fn into_response(self) -> Response {
        self.answer(MediaType::Json)
    }
}

impl Unreadable {
    fn answer(&self, media_type: MediaType) -> Response {
        // The limiting body's own error, which arrives here as text only.
        if self.0.to_string().contains("length limit exceeded") {
            let message = "The body is too large; send less at once.";
            return media_type.refuse(StatusCode::PAYLOAD_TOO_LARGE, Code::BadRequest, message);
        }
        let message = match &self.0 {
            ParseRequestError::UnsupportedBatch => {
                "Send one operation a request; lists of them are not taken."
            }
            _ => NO_REQUEST,
        };
        media_type.refuse(StatusCode::BAD_REQUEST, Code::BadRequest, message)
    }
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
        Err(error) => {
            log_fault(&Fault::new(error), id);
            media_type.fail(id)
        }
    }
}

fn complete(error: &mut ServerError, id: &RequestId) {
    if let Some(fault) = error.source::<Fault>() {
        log_fault(fault, id);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("requestId", id.as_str());
    } else if error
        .extensions
        .as_ref()
        .is_none_or(|extensions| extensions.get("code").is_none())
    {
        // Whatever the library itself refuses: syntax, unknown fields, values of the wrong type.
        error
            .extensions
            .get_or_insert_default()
            .set("code", Code::BadRequest.as_str());
    }
}

fn log_fault(fault: &Fault, id: &RequestId) {
    tracing::error!(
        request_id = id.as_str(),
        error = fault.chain(),
        "a request failed"
    );
}
