//! Bodies of GraphQL answers, and the media type they are sent as.

use std::any::Any;

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::request_id::RequestId;
use crate::graphql::error::Code;

/// As what a GraphQL answer is sent (GraphQL over HTTP).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/graphql-response+json`: a request that could not be executed is a 400.
    GraphqlResponse,
    /// `application/json`: such a request is a 200, as clients of before the specification expect.
    Json,
}

impl MediaType {
    /// The one that the caller likes better; JSON where they do not say.
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        let accept = headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let quality = |wanted: &str| {
            accept.split(',').find_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                parts
                    .next()
                    .filter(|media_type| media_type.eq_ignore_ascii_case(wanted))?;
                let quality = parts.find_map(|part| part.strip_prefix("q="));
                Some(
                    quality
                        .and_then(|quality| quality.parse().ok())
                        .unwrap_or(1.0_f32),
                )
            })
        };
        match (
            quality("application/graphql-response+json"),
            quality("application/json"),
        ) {
            (Some(new), None) if new > 0.0 => Self::GraphqlResponse,
            (Some(new), Some(old)) if new >= old && new > 0.0 => Self::GraphqlResponse,
            _ => Self::Json,
        }
    }

    const fn header(self) -> HeaderValue {
        match self {
            Self::GraphqlResponse => {
                HeaderValue::from_static("application/graphql-response+json; charset=utf-8")
            }
            Self::Json => HeaderValue::from_static("application/json; charset=utf-8"),
        }
    }

    /// The status of a request that could not be executed.
    pub(super) const fn status_of_request_error(self) -> StatusCode {
        match self {
            Self::GraphqlResponse => StatusCode::BAD_REQUEST,
            Self::Json => StatusCode::OK,
        }
    }

    /// A GraphQL answer.
    pub(super) fn answer(self, status: StatusCode, body: String) -> Response {
        let headers = [
            (header::CONTENT_TYPE, self.header()),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (status, headers, body).into_response()
    }

    /// An answer that holds one error and nothing else.
    pub(super) fn refuse(self, status: StatusCode, code: Code, message: &str) -> Response {
        let error = json!({"message": message, "extensions": {"code": code.as_str()}});
        self.answer(status, json!({"errors": [error]}).to_string())
    }

    /// An answer for what is our fault: nothing of it but the id that the log also has.
    pub(super) fn fail(self, id: &RequestId) -> Response {
        let extensions = json!({"code": Code::Internal.as_str(), "requestId": id.as_str()});
        let error = json!({"message": FAULT, "extensions": extensions});
        let body = json!({"errors": [error]}).to_string();
        self.answer(StatusCode::INTERNAL_SERVER_ERROR, body)
    }
}

/// All that callers are told of what is our fault.
const FAULT: &str = "Something went wrong on our side; try again.";

/// What a panic becomes: the panic's own hook has logged it.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    MediaType::Json.refuse(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, FAULT)
}
