//! Accounts: the tenants of a server.

use std::collections::BTreeMap;

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::{AccountId, Timestamp};

/// One tenant with its settings.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    /// Names the account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccountId,
    /// What people call it.
    pub name: String,
    /// Whether its keys work.
    pub status: Status,
    /// What it has bought.
    #[sea_orm(column_type = "JsonBinary")]
    pub products: Products,
    /// Whether bots see the preview page on links that say nothing of it themselves.
    pub default_filter_bots: bool,
    /// Query parameter of a TUNE offer that is set to the link's code.
    pub tune_link_parameter: String,
    /// Query parameter of a TUNE offer that is set to the click's id.
    pub tune_click_parameter: String,
    /// Query parameter of an Everflow offer that is set to the link's code.
    pub everflow_link_parameter: String,
    /// Query parameter of an Everflow offer that is set to the click's id.
    pub everflow_click_parameter: String,
    /// Parameters that every offer's destination gets unless it has them itself.
    #[sea_orm(column_type = "JsonBinary")]
    pub global_offer_parameters: Parameters,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whether an account's keys work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// The account works.
    Active,
    /// Every request with its keys is refused.
    Suspended,
}

/// Something an account can have bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Product {
    /// Short links for text messages.
    Sms,
}

/// What an account has bought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Products(pub Vec<Product>);

/// Query parameters by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Parameters(pub BTreeMap<String, String>);

/// No relation is declared: what belongs to an account is found by its `account_id`.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
