//! From headers to who is asking.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};

use super::body::Refusal;
use crate::{
    accounts::{ApiKey, AuthenticateError, Principal},
    app::App,
    graphql::error::{Code, Fault},
};

/// Who sent the request; `None` for nobody, who may still ask for the schema.
pub(super) async fn principal(app: &App, headers: &HeaderMap) -> Result<Option<Arc<Principal>>, Refusal> {
    let Some(key) = presented(headers) else {
        return Ok(None);
    };
    let unknown = || {
        let message = "This API key is unknown, expired or revoked; send one that works, or none.";
        Refusal::new(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message)
            .with(header::WWW_AUTHENTICATE, "Bearer")
    };
    let Some(key) = ApiKey::parse(key) else {
        return Err(unknown());
    };
    match app.authenticator.authenticate(&key, app.clock.now()).await {
        Ok(principal) => Ok(Some(principal)),
        Err(AuthenticateError::UnknownKey) => Err(unknown()),
        Err(AuthenticateError::Suspended) => {
            let message = "This account is suspended; ask the operator of the server.";
            Err(Refusal::new(
                StatusCode::FORBIDDEN,
                Code::AccountSuspended,
                message,
            ))
        }
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
