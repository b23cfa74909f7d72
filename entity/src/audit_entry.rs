//! The audit log: who changed what of an account. Rows are added and never changed; the database refuses it.

use sea_orm::entity::prelude::*;
use serde::Serialize;

use crate::{AccountId, ApiKeyId, AuditEntryId, Timestamp};

/// One change.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    /// Whose rows were changed.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    /// Names the entry.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEntryId,
    /// The key that it was done with; none for the operator of the server.
    pub api_key_id: Option<ApiKeyId>,
    /// What was done.
    pub action: Action,
    /// What it was done to, where that is one row. Its kind follows from the action.
    pub subject_id: Option<Uuid>,
    /// How many rows it was done to.
    pub affected: i32,
    /// What was changed, as it was.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub before: Option<Json>,
    /// What was changed, as it became.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub after: Option<Json>,
    /// When it was done.
    pub created_at: Timestamp,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "each says what was done to what")]
pub enum Action {
    AccountCreated,
    AccountSuspended,
    AccountResumed,
    AccountProductsEnabled,
    AccountSettingsUpdated,
    ApiKeyCreated,
    ApiKeyRotated,
    ApiKeyRevoked,
    OfferCreated,
    OfferUpdated,
    OfferArchived,
    SendingListCreated,
    SendingListUpdated,
    SendingListArchived,
    DomainCreated,
    DomainUpdated,
    DomainArchived,
    ShortLinkCreated,
    ShortLinksCreated,
    ShortLinksImported,
    ShortLinkUpdated,
    ShortLinkDisabled,
    ShortLinkEnabled,
    ShortLinkArchived,
    ContactErased,
}

/// No relation is declared, and no foreign key: an entry outlives what it is about.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
