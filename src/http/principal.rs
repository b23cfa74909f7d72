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
    match presented(headers) {
        Some(key) => holder(app, key).await.map(Some),
        None => Ok(None),
    }
}

/// Whose key this is.
pub(super) async fn holder(app: &App, key: &str) -> Result<Arc<Principal>, Refusal> {
    let unknown = || {
        let message = "This API key is unknown, expired or revoked; send one that works, or none.";
        Refusal::new(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message)
            .with(header::WWW_AUTHENTICATE, "Bearer")
    };
    let Some(key) = ApiKey::parse(key) else {
        return Err(unknown());
    };
    match app.authenticator.authenticate(&key, app.clock.now()).await {
        Ok(principal) => Ok(principal),
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
    Some(bearer(authorization))
}

/// The key of an `Authorization`; empty where it is none.
pub(super) fn bearer(authorization: &str) -> &str {
    let (scheme, key) = authorization.trim().split_once(' ').unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") {
        key.trim()
    } else {
        ""
    }
}
