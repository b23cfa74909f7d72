//! Idempotency keys: which call made which link.

use sea_orm::entity::prelude::*;
use serde::Serialize;

use crate::{AccountId, ShortLinkId, Timestamp};

/// One key that an account has used.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    /// Whose key it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    /// The key as it was sent.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Which link of the call it is for; 0 where the call makes one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub item: i32,
    /// SHA-256 of the input it was used with, 64 lowercase hexadecimal digits.
    pub fingerprint: String,
    /// The link that the call made.
    pub short_link_id: ShortLinkId,
    /// When it was used; it is forgotten 24 hours later.
    pub created_at: Timestamp,
}

/// No relation is declared, and no foreign key: key and link are stored together, the key first.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
