//! How far clicks are summed.

use sea_orm::entity::prelude::*;

use crate::{ShortLinkId, Timestamp};

/// The one row that says which clicks the sums hold. Whatever moves it writes the sums in the same transaction, so that
/// sums and the clicks behind it always add up to all there are.
///
/// A lot of clicks is summed in the order of its links, in several transactions, so that redirects never wait long for
/// one. A click is summed by link ([`crate::link_total`], [`crate::link_click`], [`crate::link_visitor`]) if its row is not
/// behind `through`; or if it is not behind `upcoming` and its link and row, compared as a pair, are not behind `link` and
/// `link_through`. In all other sums ([`crate::subject_total`], [`crate::subject_quarter`], [`crate::click_column`]) it is
/// if its row is not behind `through`: a lot gets into them as a whole, in the transaction that moves it.
///
/// Nobody moves a mark that is no longer where they took it up. Whoever changes or removes clicks leaves those alone that
/// are behind `through`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "click_summing")]
pub struct Model {
    /// Always 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Every click up to this row is summed everywhere.
    pub through: i64,
    /// The last row of the lot that is being summed; the same as `through` when none is.
    pub upcoming: i64,
    /// The last link of which the lot, or a part of it, is summed by link.
    pub link: Option<ShortLinkId>,
    /// The last row of that link that is.
    pub link_through: Option<i64>,
    /// Clicks that were made before are removed one by one, or have been: their raw rows and [`crate::link_click`]. All
    /// sums of them stay.
    pub kept_from: Timestamp,
}

/// No relation is declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
