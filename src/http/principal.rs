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
    let Some(key) = key.and_then(ApiKey::parse) else {
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

/// The key that was sent; the inner `None` for something that can't be one.
fn presented(headers: &HeaderMap) -> Option<Option<&str>> {
    if let Some(key) = headers.get("x-api-key") {
        return Some(key.to_str().ok().map(str::trim));
    }
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok();
    Some(authorization.and_then(|value| {
        let (scheme, key) = value.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    }))
}
