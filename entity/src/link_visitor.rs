//! Who has been to a link.

use sea_orm::entity::prelude::*;

use crate::ShortLinkId;

/// One visitor of a link, from their first click as a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "link_visitor")]
pub struct Model {
    /// The link.
    #[sea_orm(primary_key, auto_increment = false)]
    pub short_link_id: ShortLinkId,
    /// The visitor, see [`crate::click::Model::visitor`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub visitor: i64,
    /// The raw row of that first click.
    pub seq: i64,
}

/// No relation is declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
