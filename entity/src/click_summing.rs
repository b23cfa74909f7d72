//! How far clicks are summed.

use sea_orm::entity::prelude::*;

use crate::ShortLinkId;

/// The one row that says which clicks the sums hold. Whatever moves it writes the sums in the same transaction, so that
/// sums and the clicks behind it always add up to all there are.
///
/// A lot of clicks is summed link by link, in several transactions, so that redirects never wait long for one: of links
/// up to `link` clicks are summed up to `upcoming`, of the others up to `through`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "click_summing")]
pub struct Model {
    /// Always 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Every click up to this row is summed.
    pub through: i64,
    /// The last row of the lot that is being summed; the same as `through` when none is.
    pub upcoming: i64,
    /// The last link whose part of the lot is summed.
    pub link: Option<ShortLinkId>,
}

/// No relation is declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
