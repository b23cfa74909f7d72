//! The envelope of errors: `{"error": "…", "code": "…"}`.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::json;

use super::{
    super::{
        body::{FAULT, Refusal},
        rate::tell_spent,
        request_id::RequestId,
    },
    answer,
};
use crate::graphql::{cost::message, error::Code, refusal::Refused};

/// The code of a request without a key.
pub(in crate::http) const MISSING_KEY: &str = "missing_api_key";

/// The code of one whose key does not work.
pub(in crate::http) const INVALID_KEY: &str = "invalid_api_key";

/// Why no link is made.
#[derive(Debug)]
pub(super) enum Problem {
    /// There is no key.
    MissingKey,
    /// What any request to the API may be refused for.
    Request(Refusal),
    /// The input, and what it names.
    Refused(Refused),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Request(refusal)
    }
}

impl Problem {
    /// The envelope; what is our fault is logged, and masked.
    pub(super) fn answer(self, id: &RequestId) -> Response {
        match self {
            Self::MissingKey => {
                let message = "Send an API key, as the header X-Api-Key or as Authorization: Bearer.";
                let mut response = enveloped(StatusCode::UNAUTHORIZED, MISSING_KEY, message);
                let bearer = HeaderValue::from_static("Bearer");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
                response
            }
            Self::Refused(Refused { reason, message }) => {
                let status = StatusCode::from_u16(reason.status).unwrap_or(StatusCode::BAD_REQUEST);
                enveloped(status, &reason.code.to_ascii_lowercase(), &message)
            }
            Self::Request(Refusal::Fault(fault)) => {
                id.log(&fault.chain());
                fail()
            }
            Self::Request(Refusal::Spent(spent)) => {
                let code = Code::RateLimited.as_str().to_ascii_lowercase();
                let mut response = enveloped(StatusCode::TOO_MANY_REQUESTS, &code, &message(&spent));
                tell_spent(response.headers_mut(), &spent);
                response
            }
            Self::Request(Refusal::Caller {
                status,
                code,
                message,
                header,
            }) => {
                let mut response = if code == Code::Unauthenticated {
                    let message = "This API key is unknown, expired or revoked; send one that works.";
                    enveloped(status, INVALID_KEY, message)
                } else {
                    enveloped(status, &code.as_str().to_ascii_lowercase(), &message)
                };
                response.headers_mut().extend(header);
                response
            }
        }
    }
}

/// The envelope of what is our fault and was logged.
pub(in crate::http) fn fail() -> Response {
    let code = Code::Internal.as_str().to_ascii_lowercase();
    enveloped(StatusCode::INTERNAL_SERVER_ERROR, &code, FAULT)
}

fn enveloped(status: StatusCode, code: &str, message: &str) -> Response {
    answer(status, &json!({"error": message, "code": code}))
}
