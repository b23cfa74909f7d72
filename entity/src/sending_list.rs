//! Sending lists: who a text message is sent from.

use sea_orm::entity::prelude::*;
use serde::Serialize;

use crate::{AccountId, DomainId, SendingListId, Timestamp, domain};

/// One sending list of an account.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sending_list")]
pub struct Model {
    /// Names the list within the server.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SendingListId,
    /// Whose list it is.
    pub account_id: AccountId,
    /// Names the list within the account.
    pub list_id: i32,
    /// The number that messages come from, E.164; unique in the account.
    pub phone_number: String,
    /// The brand that recipients know.
    pub brand_name: String,
    /// Whether links may be made for it.
    pub status: Status,
    /// What the account keeps with it.
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Json,
    /// Where its links live.
    pub domain_id: Option<DomainId>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whether links may be made for a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Links may be made.
    Active,
    /// No links for now.
    Paused,
    /// No links any more.
    Archived,
}

/// The domain of a list's links.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Where its links live.
    #[sea_orm(
        belongs_to = "domain::Entity",
        from = "Column::DomainId",
        to = "domain::Column::Id"
    )]
    Domain,
}

impl Related<domain::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Domain.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
