//! Clicks column by column, as reports read them.

use sea_orm::entity::prelude::*;

use crate::AccountId;

/// One column of a chunk: what many clicks of an account's day have in one respect, in the order of their raw rows.
///
/// A report reads the columns that it needs and no others: some bytes a click, whatever it groups and filters by. What
/// the names and bytes are is decided by `linkhop::clicks::columns`. The columns of one chunk are of the same clicks in
/// the same order; one in which no click has anything is left out. Every click up to where summing has got
/// ([`crate::click_summing`], `through`) is in exactly one chunk, and none behind it in any.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "click_column")]
pub struct Model {
    /// Whose clicks they are.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    /// When they were made: how many days, in UTC, after 1970 began.
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: i32,
    /// The chunk: the row of its last click, so that later chunks have higher ones.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chunk: i64,
    /// Which column it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: i16,
    /// How many clicks the chunk has.
    pub clicks: i32,
    /// What they have.
    pub data: Vec<u8>,
}

/// No relation is declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
