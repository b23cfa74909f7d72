//! What is summed of each link's clicks.

use sea_orm::entity::prelude::*;

use crate::{ShortLinkId, Timestamp};

/// The sums over one link's clicks up to where summing has got, see [`crate::click_summing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "link_total")]
pub struct Model {
    /// The link.
    #[sea_orm(primary_key, auto_increment = false)]
    pub short_link_id: ShortLinkId,
    /// All clicks.
    pub clicks: i64,
    /// Those of people.
    pub human_clicks: i64,
    /// Those that were a visitor's first on the link.
    pub unique_clicks: i64,
    /// The earliest.
    pub first_clicked_at: Timestamp,
    /// The latest.
    pub last_clicked_at: Timestamp,
}

/// No relation is declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
