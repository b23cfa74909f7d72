//! API keys, and how they are listed.

use async_graphql::{Context, Description, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use entity::{ApiKeyId, Timestamp, api_key};

use super::{connection::Identified, error::Code};
use crate::{accounts::KeyFilter, app::App};

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "api_key::Scope")]
pub enum Scope {
    /// Read whatever the account has.
    Read,
    /// Create and change short links; includes `READ`.
    LinksWrite,
    /// Create and change offers and sending lists; includes `READ`.
    CatalogWrite,
    /// Everything, domains, keys and the account's settings too; includes every other scope.
    Admin,
}

/// Whether a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum ApiKeyStatus {
    /// It works.
    Active,
    /// Its `expiresAt` has come.
    Expired,
    /// It was taken back.
    Revoked,
}

/// A key of the account. The key itself was shown once and is stored nowhere; this is what is known of it.
#[derive(Clone, Debug, Description)]
pub(super) struct ApiKey(pub api_key::Model);

impl Identified for ApiKey {
    fn node_id(&self) -> String {
        self.0.id.to_string()
    }
}

impl From<api_key::Model> for ApiKey {
    fn from(row: api_key::Model) -> Self {
        Self(row)
    }
}

#[Object(use_type_description)]
impl ApiKey {
    /// Names the key: `key_` and 32 hexadecimal digits. It opens nothing.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it may do; a call that needs another scope is answered with the top-level error `FORBIDDEN`.
    async fn scopes(&self) -> Vec<Scope> {
        self.0.scopes.0.iter().map(|scope| (*scope).into()).collect()
    }

    /// Whether it works now.
    async fn status(&self, context: &Context<'_>) -> ApiKeyStatus {
        let now = context.data_unchecked::<App>().clock.now();
        if self.0.revoked_at.is_some() {
            ApiKeyStatus::Revoked
        } else if self.0.expires_at.is_some_and(|end| end <= now) {
            ApiKeyStatus::Expired
        } else {
            ApiKeyStatus::Active
        }
    }

    /// From when on it is refused; null if never.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at.map(Timestamp::utc)
    }

    /// When it was taken back; null if it was not.
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.0.revoked_at.map(Timestamp::utc)
    }

    /// When it was last used, to about a minute: the stored time follows that far behind. Null if never.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at.map(Timestamp::utc)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at.utc()
    }
}

/// What API keys must be to be listed.
#[derive(Debug, Default, InputObject)]
pub(super) struct ApiKeyFilter {
    /// In one of these statuses; only keys that work unless given.
    pub status: Option<Vec<ApiKeyStatus>>,
}

impl ApiKeyFilter {
    /// The filter in the domain's words.
    pub(super) fn parse(self) -> KeyFilter {
        let asked = self.status.unwrap_or_else(|| vec![ApiKeyStatus::Active]);
        KeyFilter {
            active: asked.contains(&ApiKeyStatus::Active),
            expired: asked.contains(&ApiKeyStatus::Expired),
            revoked: asked.contains(&ApiKeyStatus::Revoked),
        }
    }
}

/// A key's id in a filter.
///
/// # Errors
/// `BAD_REQUEST` when it is none.
pub(super) fn key_id(field: &str, id: &ID) -> Result<ApiKeyId> {
    id.parse().map_err(|_| {
        Code::BadRequest.error(format!(
            "{field} is no key's id: key_ and 32 hexadecimal digits, as the query apiKeys lists them."
        ))
    })
}
