//! Where the clicks of a link are.

use sea_orm::entity::prelude::*;

use crate::{ClickId, ShortLinkId, StoredVerdict, Timestamp};

/// One click of a link: what finds a link's clicks by time, and a click that was written twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "link_click")]
pub struct Model {
    /// The link.
    #[sea_orm(primary_key, auto_increment = false)]
    pub short_link_id: ShortLinkId,
    /// The click; in the order of time, where a `Continue` has the time of its page and not that of the click.
    #[sea_orm(primary_key, auto_increment = false)]
    pub click_id: ClickId,
    /// Its raw row.
    pub seq: i64,
    /// When it was answered.
    pub clicked_at: Timestamp,
    /// What it was judged to be, and whether it is a visitor's first.
    pub verdict: StoredVerdict,
}

/// No relation is declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
