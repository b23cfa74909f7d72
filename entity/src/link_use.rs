//! How many people links with a limit have let through.

use sea_orm::entity::prelude::*;

use crate::ShortLinkId;

/// What a link with `max_clicks` has given away; one that never had a limit has no row, and one that has it no longer has
/// given nothing away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "link_use")]
pub struct Model {
    /// The link.
    #[sea_orm(primary_key, auto_increment = false)]
    pub short_link_id: ShortLinkId,
    /// How many people were let through.
    pub used: i32,
}

/// No relation is declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
