//! From headers to who is asking.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};

use crate::{
    accounts::{ApiKey, AuthenticateError, Principal},
    app::App,
    graphql::error::{Code, Fault},
};

/// A refusal of the whole request: it is the HTTP status under every media type.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: Code,
    pub(super) message: &'static str,
    /// What to log, where it is our fault.
    pub(super) fault: Option<Fault>,
}

/// Who sent the request; `None` for nobody, who may still ask for the schema.
pub(super) async fn principal(app: &App, headers: &HeaderMap) -> Result<Option<Arc<Principal>>, Refusal> {
    let Some(key) = presented(headers) else {
        return Ok(None);
    };
    let unknown = Refusal {
        status: StatusCode::UNAUTHORIZED,
        code: Code::Unauthenticated,
        message: "This API key is unknown, expired or revoked; send one that works, or none.",
        fault: None,
    };
    let Some(key) = ApiKey::parse(key) else {
        return Err(unknown);
    };
    match app.authenticator.authenticate(&key, app.clock.now()).await {
        Ok(principal) => Ok(Some(principal)),
        Err(AuthenticateError::UnknownKey) => Err(unknown),
        Err(AuthenticateError::Suspended) => Err(Refusal {
            status: StatusCode::FORBIDDEN,
            code: Code::AccountSuspended,
            message: "This account is suspended; ask the operator of the server.",
            fault: None,
        }),
        Err(AuthenticateError::Database(error)) => Err(Refusal {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: Code::Internal,
            message: "Something went wrong on our side; try again.",
            fault: Some(Fault::new(error)),
        }),
    }
}

/// What was sent as a key, whether or not it can be one; `None` where nothing was.
fn presented(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get("x-api-key") {
        return Some(key.to_str().unwrap_or_default().trim());
    }
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or_default();
    let (scheme, key) = authorization.trim().split_once(' ').unwrap_or_default();
    Some(if scheme.eq_ignore_ascii_case("bearer") {
        key.trim()
    } else {
        ""
    })
}
