//! What is summed of the clicks of whatever has many links.

use sea_orm::entity::prelude::*;

use crate::Timestamp;

/// The sums over the clicks of an account, a sending list, an offer or a domain up to where summing has got, see
/// [`crate::click_summing`]: over all raw rows up to `through`, never over a part of a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subject_total")]
pub struct Model {
    /// The account, list, offer or domain: ids are different whatever they name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject_id: Uuid,
    /// All clicks.
    pub clicks: i64,
    /// Those of people.
    pub human_clicks: i64,
    /// Those that were a visitor's first on a link.
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
