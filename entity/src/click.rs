//! Clicks: one raw row for each answered request for a live link.

use sea_orm::entity::prelude::*;
use serde::Serialize;

use crate::{ClickId, ShortLinkId, Timestamp};

/// One click. Rows are only ever appended, and no index but the row number's own stands in their way:
/// each one more would cost every redirect.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize)]
#[sea_orm(table_name = "click")]
pub struct Model {
    /// The order in which rows were stored; given by the database.
    #[sea_orm(primary_key)]
    #[serde(skip)]
    pub seq: i64,
    /// Names the click; not unique in this table, where a replay may write one twice.
    pub id: ClickId,
    /// When it was answered.
    pub clicked_at: Timestamp,
    /// What was clicked.
    pub short_link_id: ShortLinkId,
    /// `GET` or `HEAD`.
    pub method: String,
    /// Why it is a bot's click; a person's where it is not set.
    pub bot_reason: Option<String>,
    /// What kind of bot its agent string names.
    pub bot_kind: Option<String>,
    /// The agent list that judged it.
    pub list_version: String,
    /// The visitor's agent string, unless they asked not to be tracked.
    pub user_agent: Option<String>,
}

/// No relation is declared, and no foreign key: a link is never deleted, and a check costs each redirect.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
