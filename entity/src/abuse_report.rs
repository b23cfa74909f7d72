//! What people report about links.

use sea_orm::entity::prelude::*;

use crate::{AbuseReportId, AccountId, ShortLinkId, Timestamp};

/// One report, as it was made.
#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "abuse_report")]
pub struct Model {
    /// Names the report.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AbuseReportId,
    /// The short URL that it is about.
    pub url: String,
    /// The link.
    pub short_link_id: Option<ShortLinkId>,
    /// Whose link it was.
    pub account_id: Option<AccountId>,
    /// What is wrong with it, in the words of whoever reported it.
    pub reason: String,
    /// Where they can be reached, if they said.
    pub email: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Without what people wrote of themselves, so that no log has it.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model")
            .field("id", &self.id)
            .field("short_link_id", &self.short_link_id)
            .finish_non_exhaustive()
    }
}

/// No relation is declared, and no foreign key: a report outlives what it is about.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
