//! From headers to who is asking.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};

use crate::{
    accounts::{ApiKey, AuthenticateError, Principal},
    app::App,
    graphql::error::{Code, Fault},
};

/// Why the whole request is not executed: it is the HTTP status under every media type.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The caller's doing.
    Caller {
        status: StatusCode,
        code: Code,
        message: &'static str,
    },
    /// Our fault.
    Fault(Fault),
}

/// Who sent the request; `None` for nobody, who may still ask for the schema.
pub(super) async fn principal(app: &App, headers: &HeaderMap) -> Result<Option<Arc<Principal>>, Refusal> {
    let Some(key) = presented(headers) else {
        return Ok(None);
    };
    let unknown = Refusal::Caller {
        status: StatusCode::UNAUTHORIZED,
        code: Code::Unauthenticated,
        message: "This API key is unknown, expired or revoked; send one that works, or none.",
    };
    let Some(key) = ApiKey::parse(key) else {
        return Err(unknown);
    };
    match app.authenticator.authenticate(&key, app.clock.now()).await {
        Ok(principal) => Ok(Some(principal)),
        Err(AuthenticateError::UnknownKey) => Err(unknown),
        Err(AuthenticateError::Suspended) => Err(Refusal::Caller {
            status: StatusCode::FORBIDDEN,
            code: Code::AccountSuspended,
            message: "This account is suspended; ask the operator of the server.",
        }),
        Err(AuthenticateError::Database(error)) => Err(Refusal::Fault(Fault::new(error))),
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
