//! What is summed of the clicks of whatever has many links, by time.

use sea_orm::entity::prelude::*;

use crate::Timestamp;

/// Milliseconds of a quarter of an hour.
pub const QUARTER: i64 = 15 * 60 * 1000;

/// The sums over a quarter of an hour of the clicks of one subject, see [`crate::subject_total`]. Every hour and every day
/// of every time zone begins with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subject_quarter")]
pub struct Model {
    /// The account, list, offer or domain.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject_id: Uuid,
    /// How many quarters after 1970 began.
    #[sea_orm(primary_key, auto_increment = false)]
    pub quarter: i32,
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
