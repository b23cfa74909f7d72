//! The lists of bots' agents that clicks were judged by.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One version of the list.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "agent_list")]
pub struct Model {
    /// A hash of the version, see [`text_id`](crate::text_id()).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    /// Such as `isbot 5.2.3 + crawler-user-agents 1.60.0`.
    pub version: String,
}

/// No relation is declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
