//! Offers: what an account's catalogue holds.

use sea_orm::entity::prelude::*;
use serde::Serialize;

use crate::{AccountId, OfferId, Timestamp};

/// One offer of an account.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "offer")]
pub struct Model {
    /// Names the offer.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OfferId,
    /// Whose offer it is.
    pub account_id: AccountId,
    /// What people call it.
    pub name: String,
    /// The URL that links lead to, with macros.
    pub tracking_url: String,
    /// Whose tracking parameters the destination gets.
    pub platform: Option<Platform>,
    /// The offer's id on that platform.
    pub external_id: Option<String>,
    /// What a conversion earns, a decimal number.
    pub payout: Option<String>,
    /// The currency of the payout, ISO 4217.
    pub payout_currency: Option<String>,
    /// What the payout is paid for.
    pub payout_type: Option<PayoutType>,
    /// Whether bots see the preview page; the account's default where it is not set.
    pub filter_bots: Option<bool>,
    /// Whether links may be made for it.
    pub status: Status,
    /// What the account keeps with it.
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Json,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A platform that tracks conversions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Platform {
    /// TUNE, formerly `HasOffers`.
    Tune,
    /// Everflow.
    Everflow,
}

/// What a payout is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PayoutType {
    /// Per action.
    Cpa,
    /// Per click.
    Cpc,
}

/// Whether links may be made for an offer.
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

/// No relation is declared: links name their offer, an offer names nothing.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
