//! The audit log, and what narrows it down.

use async_graphql::{Context, Description, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    AccountId, ApiKeyId, DomainId, OfferId, SendingListId, ShortLinkId, Timestamp,
    audit_entry::{self, Action},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    api_key::{ApiKey, key_id},
    connection::Identified,
    error::Code,
    filter::each_once,
    loader::load,
};
use crate::accounts::audit::AuditFilter;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Action")]
pub enum AuditAction {
    /// The operator made the account.
    AccountCreated,
    /// The operator had all requests with the account's keys refused.
    AccountSuspended,
    /// The operator let the account's keys work again.
    AccountResumed,
    /// The operator gave the account a product.
    AccountProductsEnabled,
    /// `updateAccountSettings`.
    AccountSettingsUpdated,
    /// `createApiKey`, the new key of `rotateApiKey`, or the operator's `linkhop key create`.
    ApiKeyCreated,
    /// `rotateApiKey`: the old key got its end.
    ApiKeyRotated,
    /// `revokeApiKey`, or the operator's `linkhop key revoke`.
    ApiKeyRevoked,
    /// `createOffer`.
    OfferCreated,
    /// `updateOffer`.
    OfferUpdated,
    /// `archiveOffer`.
    OfferArchived,
    /// `createSendingList`.
    SendingListCreated,
    /// `updateSendingList`.
    SendingListUpdated,
    /// `archiveSendingList`.
    SendingListArchived,
    /// `createDomain`.
    DomainCreated,
    /// `updateDomain`.
    DomainUpdated,
    /// `archiveDomain`.
    DomainArchived,
    /// `createShortLink`.
    ShortLinkCreated,
    /// `createShortLinks`: as many links as `affected` says, each of which knows its `createdBy`.
    ShortLinksCreated,
    /// The operator's `linkhop links import`: as many links as `affected` says.
    ShortLinksImported,
    /// `updateShortLink`.
    ShortLinkUpdated,
    /// `disableShortLink`.
    ShortLinkDisabled,
    /// `enableShortLink`.
    ShortLinkEnabled,
    /// `archiveShortLink`, or one of the links of `archiveShortLinks`.
    ShortLinkArchived,
    /// `eraseContact`: a person was forgotten on as many links as `affected` says. Who it was is not kept.
    ContactErased,
}

/// One change of something that the account has: who made it, when, and what was different then. Entries are added in the
/// transaction of the change itself and never change, but that `affected` grows while the links of one call are stored. They hold no key, and not the number in a link's `contactPhone`.
#[derive(Clone, Debug, Description)]
pub(super) struct AuditEntry(pub audit_entry::Model);

impl Identified for AuditEntry {
    fn node_id(&self) -> String {
        self.0.id.to_string()
    }
}

impl From<audit_entry::Model> for AuditEntry {
    fn from(row: audit_entry::Model) -> Self {
        Self(row)
    }
}

#[Object(use_type_description)]
impl AuditEntry {
    /// Names the entry: `audit_` and 32 hexadecimal digits.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What was done, and by which mutation.
    async fn action(&self) -> AuditAction {
        self.0.action.into()
    }

    /// The key that it was done with; null if the operator of the server did it at the command line.
    async fn api_key(&self, context: &Context<'_>) -> Result<Option<ApiKey>> {
        match self.0.api_key_id {
            Some(id) => Ok(load(context, id).await?.map(ApiKey)),
            None => Ok(None),
        }
    }

    /// The id of what was changed, which `node(id:)` takes; null where that is not one thing.
    async fn subject_id(&self) -> Option<ID> {
        self.0
            .subject_id
            .map(|id| subject(self.0.action, id))
            .map(Into::into)
    }

    /// How many things were changed. Those of one call of `createShortLinks` are stored a part at a time: with each part
    /// this grows, until all of them are. `archiveShortLinks` leaves an entry of 1 for each link instead.
    async fn affected(&self) -> i32 {
        self.0.affected
    }

    /// The fields that were changed, as they were: an object; null where something was made.
    async fn before(&self) -> Option<&Value> {
        self.0.before.as_ref()
    }

    /// The same fields as they became. What was made is here with all that is worth knowing.
    async fn after(&self) -> Option<&Value> {
        self.0.after.as_ref()
    }

    /// When it was done.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at.utc()
    }
}

/// An id as it is sent: what kind it is of follows from what was done.
fn subject(action: Action, id: Uuid) -> String {
    match action {
        Action::AccountCreated
        | Action::AccountSuspended
        | Action::AccountResumed
        | Action::AccountProductsEnabled
        | Action::AccountSettingsUpdated => AccountId::from(id).to_string(),
        Action::ApiKeyCreated | Action::ApiKeyRotated | Action::ApiKeyRevoked => {
            ApiKeyId::from(id).to_string()
        }
        Action::OfferCreated | Action::OfferUpdated | Action::OfferArchived => OfferId::from(id).to_string(),
        Action::SendingListCreated | Action::SendingListUpdated | Action::SendingListArchived => {
            SendingListId::from(id).to_string()
        }
        Action::DomainCreated | Action::DomainUpdated | Action::DomainArchived => {
            DomainId::from(id).to_string()
        }
        Action::ShortLinkCreated
        | Action::ShortLinksCreated
        | Action::ShortLinksImported
        | Action::ShortLinkUpdated
        | Action::ShortLinkDisabled
        | Action::ShortLinkEnabled
        | Action::ShortLinkArchived
        | Action::ContactErased => ShortLinkId::from(id).to_string(),
    }
}

/// What entries must be to be listed: all that is given here together.
#[derive(Debug, Default, InputObject)]
pub(super) struct AuditLogFilter {
    /// One of these was done.
    action: Option<Vec<AuditAction>>,
    /// It was done to what has this id, such as `offer_…` or `link_…`.
    subject_id: Option<ID>,
    /// It was done with the key that has this id.
    api_key_id: Option<ID>,
    /// It was done then or later.
    from: Option<DateTime<Utc>>,
    /// It was done earlier than this.
    before: Option<DateTime<Utc>>,
}

impl AuditLogFilter {
    /// The filter in the domain's words.
    ///
    /// # Errors
    /// `BAD_REQUEST` for an id that nothing could have.
    pub(super) fn parse(self) -> Result<AuditFilter> {
        let key = self.api_key_id.map(|id| key_id("apiKeyId", &id)).transpose()?;
        let subject = self.subject_id.map(|id| any_id(&id)).transpose()?;
        let actions = self.action.map(each_once);
        Ok(AuditFilter {
            actions: actions.map(|actions| actions.into_iter().map(Into::into).collect()),
            subject,
            key,
            from: self.from.map(Timestamp::not_before),
            before: self.before.map(Timestamp::not_before),
        })
    }
}

/// The id of anything that can be changed.
fn any_id(id: &ID) -> Result<Uuid> {
    let parsed = (id.parse::<ShortLinkId>().map(Uuid::from))
        .or_else(|_| id.parse::<OfferId>().map(Uuid::from))
        .or_else(|_| id.parse::<SendingListId>().map(Uuid::from))
        .or_else(|_| id.parse::<DomainId>().map(Uuid::from))
        .or_else(|_| id.parse::<ApiKeyId>().map(Uuid::from))
        .or_else(|_| id.parse::<AccountId>().map(Uuid::from));
    parsed.map_err(|_| {
        Code::BadRequest.error(
            "subjectId is no id that anything could have: a prefix such as offer_ and 32 hexadecimal digits.",
        )
    })
}
