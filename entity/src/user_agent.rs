//! Agent strings: each once, however many clicks have it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One agent string. What it says of a device is written down when it is first seen; the string itself is kept so that
/// a newer list can judge old clicks.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "user_agent")]
pub struct Model {
    /// A hash of the text, so that whoever has the text knows the id: see [`text_id`](crate::text_id()).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    /// The string as it was sent, at most 1,024 bytes of it.
    pub text: String,
    /// What kind of device: `smartphone`, `tablet`, `desktop` and the like.
    pub device: Option<String>,
    /// Its operating system's family.
    pub os: Option<String>,
    /// Its browser's family, or the app's that shows the page.
    pub browser: Option<String>,
}

/// No relation is declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
