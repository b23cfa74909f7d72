//! From headers to who is asking.

use std::{net::IpAddr, sync::Arc};

use async_graphql::{Request as GraphqlRequest, Response as GraphqlResponse};
use axum::{
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use entity::AccountId;

use super::{body::Refusal, rate::tell_left, state::State};
use crate::{
    accounts::{ApiKey, AuthenticateError, Principal},
    graphql::{
        cost::Bill,
        error::{Code, Fault},
        prepare,
    },
};

/// Who sends a request, and what they pay with: nobody, who may still ask for the schema, has neither.
#[derive(Clone, Debug, Default)]
pub(super) struct Caller {
    pub(super) principal: Option<Arc<Principal>>,
    pub(super) bill: Option<Bill>,
}

impl Caller {
    /// Who sent a request with these headers from that address.
    ///
    /// # Errors
    /// Where their key does not work, or has nothing left to pay with.
    pub(super) async fn of(
        state: &State,
        headers: &HeaderMap,
        address: Option<IpAddr>,
    ) -> Result<Self, Refusal> {
        match presented(headers) {
            Some(key) => Self::with_key(state, key, address).await,
            None => Ok(Self::default()),
        }
    }

    /// Whose key this is.
    ///
    /// # Errors
    /// As [`Caller::of`].
    pub(super) async fn with_key(state: &State, key: &str, address: Option<IpAddr>) -> Result<Self, Refusal> {
        let principal = holder(state, key, address).await?;
        Self::paying(state, principal)
    }

    /// Somebody who is let in.
    ///
    /// # Errors
    /// Where they have nothing left to pay with.
    pub(super) fn paying(state: &State, principal: Arc<Principal>) -> Result<Self, Refusal> {
        let bill = Bill::open(&state.rates, &principal).map_err(Refusal::Spent)?;
        Ok(Self {
            principal: Some(principal),
            bill: Some(bill),
        })
    }

    /// Their account.
    pub(super) fn account(&self) -> Option<AccountId> {
        self.principal.as_deref().map(Principal::account_id)
    }

    /// Says in an answer what it has cost them.
    pub(super) fn note_cost(&self, response: &mut GraphqlResponse) {
        if let Some(bill) = &self.bill {
            bill.note_on(response);
        }
    }

    /// Says in an answer's headers what they may still ask for.
    pub(super) fn tell_left(&self, response: &mut Response) {
        if let Some(bill) = &self.bill {
            tell_left(response.headers_mut(), bill.left());
        }
    }

    /// Gives a request what depends on them.
    pub(super) fn prepare(&self, state: &State, request: GraphqlRequest) -> GraphqlRequest {
        prepare(request, &state.app, self.principal.clone(), self.bill.clone())
    }
}

/// Whose key this is. Who was wrong too often is not looked up any more, but for keys that have worked: who shares an
/// address with them is not shut out. A key is counted before it is looked up, and no longer once it has worked, so that
/// many at the same time are no more than one after another.
async fn holder(state: &State, key: &str, address: Option<IpAddr>) -> Result<Arc<Principal>, Refusal> {
    let (app, guesses) = (&state.app, &state.guesses);
    let now = app.clock.now();
    let Some(key) = ApiKey::parse(key) else {
        // Nothing is looked up.
        if let Some(guess) = guesses.begin(address, now).await.map_err(too_many)? {
            guess.counts();
        }
        return Err(unknown());
    };
    let hash = key.hash();
    let is_known = guesses.has_worked(&hash);
    let guess = if is_known {
        None
    } else {
        guesses.begin(address, now).await.map_err(too_many)?
    };
    match app.authenticator.authenticate(&key, now).await {
        Ok(principal) => {
            if !is_known {
                guesses.note_right(&hash);
            }
            Ok(principal)
        }
        Err(AuthenticateError::UnknownKey) => {
            if is_known {
                guesses.forget(&hash);
            }
            if let Some(guess) = guess {
                guess.counts();
            }
            Err(unknown())
        }
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

fn unknown() -> Refusal {
    let message = "This API key is unknown, expired or revoked; send one that works, or none.";
    Refusal::new(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message)
        .with(header::WWW_AUTHENTICATE, "Bearer")
}

fn too_many(seconds: u32) -> Refusal {
    let message = format!(
        "Too many wrong API keys came from this address; send one that works, in {seconds} s at the earliest."
    );
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, Code::RateLimited, message).again_in(seconds)
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
