//! Mutations of API keys.

use async_graphql::{Context, Error, ID, InputObject, Result, SimpleObject, Union};
use chrono::{DateTime, Utc};
use entity::{ApiKeyId, api_key};

use super::{
    api_key::{ApiKey, Scope},
    error::{Code, internal, principal},
    user_error::{
        ApiKeyNotFoundError, Complaint, InvalidExpiryError, InvalidNameError, InvalidOverlapError,
        InvalidScopesError,
    },
};
use crate::{
    accounts::{
        Actor, CreateKeyError, Granter, MAX_OVERLAP, NewApiKey, RotateKeyError, Rotated, create_key,
        revoke_key, rotate_key,
    },
    app::App,
};

/// What an API key is to be.
#[derive(Clone, Debug, InputObject)]
pub(super) struct CreateApiKeyInput {
    /// What people are to call it, 1 to 255 characters and no control characters; best who or what uses it.
    name: String,
    /// What it is to be allowed, at least one thing and none that the caller's key is not. Each thing more is one more to lose
    /// with the key.
    scopes: Vec<Scope>,
    /// From when on it is to be refused: in the future, no later than the caller's own key, the year 9999 at the latest; never
    /// if null.
    expires_at: Option<DateTime<Utc>>,
}

/// Which API key is to be replaced, and how long it still works.
#[derive(Clone, Debug, InputObject)]
pub(super) struct RotateApiKeyInput {
    /// The key's `id`, `key_` and 32 hexadecimal digits; not the key itself.
    id: ID,
    /// For how many seconds the old key goes on working beside the new one, 0 to 2,592,000 (30 days). With 0 it is refused
    /// from the next request on: right for a key that has leaked.
    #[graphql(default = 86_400)]
    overlap_seconds: i32,
}

/// A new key.
#[derive(Debug, SimpleObject)]
pub(super) struct CreateApiKeySuccess {
    /// What is known of it.
    api_key: ApiKey,
    /// The key itself, `trk_` and 32 letters and digits, to be sent as the header `X-Api-Key`. It is shown this once.
    key: String,
}

/// A key that replaces another.
#[derive(Debug, SimpleObject)]
pub(super) struct RotateApiKeySuccess {
    /// What is known of the new key.
    api_key: ApiKey,
    /// The new key itself, to be sent in place of the old one. It is shown this once.
    key: String,
    /// The old key, with the end that it has now.
    replaced_api_key: ApiKey,
}

/// The key that was taken back.
#[derive(Debug, SimpleObject)]
pub(super) struct RevokeApiKeySuccess {
    /// The key, which no request can be sent with any more.
    api_key: ApiKey,
}

/// The new key, or the first thing that is wrong with the input. Every error is a `UserError`.
#[derive(Debug, Union)]
pub(super) enum CreateApiKeyResult {
    /// It is made.
    Success(CreateApiKeySuccess),
    /// Code `INVALID_NAME`.
    InvalidName(InvalidNameError),
    /// Code `INVALID_SCOPES`.
    InvalidScopes(InvalidScopesError),
    /// Code `INVALID_EXPIRY`.
    InvalidExpiry(InvalidExpiryError),
}

/// The new key and the old one, or what is wrong with the input. Every error is a `UserError`.
#[derive(Debug, Union)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is made once and moved once; a box would cost more"
)]
pub(super) enum RotateApiKeyResult {
    /// It is replaced.
    Success(RotateApiKeySuccess),
    /// Code `API_KEY_NOT_FOUND`.
    ApiKeyNotFound(ApiKeyNotFoundError),
    /// Code `INVALID_OVERLAP`.
    InvalidOverlap(InvalidOverlapError),
    /// Code `INVALID_SCOPES`.
    InvalidScopes(InvalidScopesError),
    /// Code `INVALID_EXPIRY`.
    InvalidExpiry(InvalidExpiryError),
}

/// The revoked key, or that there is none. Every error is a `UserError`.
#[derive(Debug, Union)]
pub(super) enum RevokeApiKeyResult {
    /// It is taken back.
    Success(RevokeApiKeySuccess),
    /// Code `API_KEY_NOT_FOUND`.
    ApiKeyNotFound(ApiKeyNotFoundError),
}

/// Makes a key of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn create_api_key(
    context: &Context<'_>,
    input: CreateApiKeyInput,
) -> Result<CreateApiKeyResult> {
    let principal = principal(context, api_key::Scope::Admin)?;
    let app = context.data_unchecked::<App>();
    let new = NewApiKey {
        name: input.name,
        scopes: input.scopes.into_iter().map(Into::into).collect(),
        expires_at: input.expires_at.map(Into::into),
    };
    let transaction = app.store.begin().await.map_err(internal)?;
    let (granter, random, now) = (Granter::Key(principal), nanoid::rngs::default, app.clock.now());
    let made = create_key(&*transaction, granter, new, random, now).await;
    let (row, key) = match made {
        Ok(made) => made,
        Err(CreateKeyError::Name(reason)) => {
            return Ok(InvalidNameError::from(Complaint::of("name", &reason)).into());
        }
        Err(CreateKeyError::NoScope) => {
            let message = "Give at least one scope: a key without any opens nothing.";
            return Ok(InvalidScopesError::from(Complaint::new(&["input", "scopes"], message)).into());
        }
        Err(CreateKeyError::MoreThanGranter) => {
            let message = "A key can't be given a scope that the caller's own key lacks; leave it out.";
            return Ok(InvalidScopesError::from(Complaint::new(&["input", "scopes"], message)).into());
        }
        Err(CreateKeyError::Expired) => {
            let message = "expiresAt must be in the future and no later than the year 9999; leave it out for a key that does not expire.";
            return Ok(InvalidExpiryError::from(Complaint::new(&["input", "expiresAt"], message)).into());
        }
        Err(CreateKeyError::OutlivesGranter) => {
            let message = "A key can't work longer than the caller's own, which expires; give an expiresAt no later than \
                           that: see viewer { apiKey { expiresAt } }.";
            return Ok(InvalidExpiryError::from(Complaint::new(&["input", "expiresAt"], message)).into());
        }
        Err(CreateKeyError::GranterRevoked) => return Err(taken_back()),
        Err(CreateKeyError::Database(error)) => return Err(internal(error)),
    };
    transaction.commit().await.map_err(internal)?;
    let key = key.expose().to_owned();
    let api_key = ApiKey(row);
    Ok(CreateApiKeySuccess { api_key, key }.into())
}

/// Replaces a key of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn rotate_api_key(
    context: &Context<'_>,
    input: RotateApiKeyInput,
) -> Result<RotateApiKeyResult> {
    let principal = principal(context, api_key::Scope::Admin)?;
    let app = context.data_unchecked::<App>();
    let not_found = || {
        let message =
            "The account has no key with this id that still works; take one from the query apiKeys.";
        Ok(ApiKeyNotFoundError::from(Complaint::new(&["input", "id"], message)).into())
    };
    let Ok(id) = input.id.parse::<ApiKeyId>() else {
        return not_found();
    };
    // One that is negative is as wrong as one that is too long.
    let overlap = u32::try_from(input.overlap_seconds).unwrap_or(u32::MAX);
    let (granter, random, now) = (Granter::Key(principal), nanoid::rngs::default, app.clock.now());
    match rotate_key(&app.store, granter, id, overlap, random, now).await {
        Ok(Rotated { row, key, replaced }) => Ok(RotateApiKeySuccess {
            api_key: ApiKey(row),
            key: key.expose().to_owned(),
            replaced_api_key: ApiKey(replaced),
        }
        .into()),
        Err(RotateKeyError::NotFound) => not_found(),
        Err(RotateKeyError::Overlap) => {
            let message = format!("overlapSeconds must be 0 to {MAX_OVERLAP}.");
            Ok(InvalidOverlapError::from(Complaint::new(&["input", "overlapSeconds"], message)).into())
        }
        Err(RotateKeyError::MoreThanGranter) => {
            let message = "This key has a scope that the caller's own lacks; use one that has it too.";
            Ok(InvalidScopesError::from(Complaint::new(&["input", "id"], message)).into())
        }
        Err(RotateKeyError::OutlivesGranter) => {
            let message = "This key works longer than the caller's own, which expires; use one that does not expire before \
                           it.";
            Ok(InvalidExpiryError::from(Complaint::new(&["input", "id"], message)).into())
        }
        Err(RotateKeyError::GranterRevoked) => Err(taken_back()),
        Err(RotateKeyError::Database(error)) => Err(internal(error)),
    }
}

fn taken_back() -> Error {
    Code::Unauthenticated.error("The key that this was sent with was taken back meanwhile; use another.")
}

/// Takes a key of the caller's account back.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn revoke_api_key(context: &Context<'_>, id: &ID) -> Result<RevokeApiKeyResult> {
    let actor = Actor::from(principal(context, api_key::Scope::Admin)?);
    let app = context.data_unchecked::<App>();
    let revoked = match id.parse::<ApiKeyId>() {
        Ok(id) => revoke_key(&app.store, actor, id, app.clock.now())
            .await
            .map_err(internal)?,
        Err(_) => None,
    };
    let Some(changed) = revoked else {
        let message = "The account has no key with this id; take one from the query apiKeys.";
        return Ok(ApiKeyNotFoundError::from(Complaint::new(&["id"], message)).into());
    };
    let api_key = ApiKey(changed.row);
    Ok(RevokeApiKeySuccess { api_key }.into())
}
