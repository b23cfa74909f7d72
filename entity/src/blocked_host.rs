//! Hosts that the operator lets no link lead to.

use sea_orm::entity::prelude::*;

use crate::Timestamp;

/// One host with all below it, blocked now or formerly.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "blocked_host")]
pub struct Model {
    /// The host, in lower case and punycode, without a port.
    #[sea_orm(primary_key, auto_increment = false)]
    pub host: String,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// Since when.
    pub blocked_at: Timestamp,
    /// From when on it was not blocked any more, where it is not.
    pub lifted_at: Option<Timestamp>,
    /// How often it was blocked, or that taken back: by the sum of all servers see that there is something to read.
    pub changes: i32,
}

/// No relation is declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
