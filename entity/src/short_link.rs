//! Short links: the rows that the redirect reads.

use sea_orm::entity::prelude::*;
use serde::Serialize;

use crate::{AccountId, ApiKeyId, DomainId, OfferId, SendingListId, ShortLinkId, Timestamp, domain};

/// One short link. It holds no counter, so that a click never writes it, but for the one that exhausts it.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize)]
#[sea_orm(table_name = "short_link")]
pub struct Model {
    /// Names the link within the server.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ShortLinkId,
    /// Whose link it is.
    pub account_id: AccountId,
    /// Where it lives.
    pub domain_id: DomainId,
    /// Its path on the domain; unique there, case-sensitive.
    pub code: String,
    /// Where visitors are sent; macros of click time stand in it literally.
    pub destination: String,
    /// Who it is sent from.
    pub sending_list_id: SendingListId,
    /// The offer it leads to.
    pub offer_id: Option<OfferId>,
    /// The recipient, E.164.
    pub contact_phone: Option<String>,
    /// What the account wants clicks attributed to.
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Json,
    /// Whether bots see the preview page.
    pub filter_bots: bool,
    /// What the account has made of it.
    pub status: Status,
    /// From when on it is gone.
    pub expires_at: Option<Timestamp>,
    /// How many people it lets through.
    pub max_clicks: Option<i32>,
    /// Where visitors are sent once it is gone.
    pub fallback_url: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it let the last of `max_clicks` people through; written by that click, see [`crate::link_use`].
    pub exhausted_at: Option<Timestamp>,
    /// The key that made it; none where the operator of the server did, or nobody wrote it down.
    pub api_key_id: Option<ApiKeyId>,
}

/// What the account has made of a link. `EXPIRED` and `EXHAUSTED` are no statuses of their own: they
/// follow from `expires_at` and `exhausted_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It redirects.
    Active,
    /// It is switched off.
    Disabled,
    /// It is deleted; its code is never used again.
    Archived,
}

/// The domain of a link.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Where it lives.
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
