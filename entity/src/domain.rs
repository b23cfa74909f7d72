//! Domains: the hosts that short links live on.

use sea_orm::entity::prelude::*;
use serde::Serialize;

use crate::{AccountId, DomainId, Timestamp};

/// One shortener host of an account.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "domain")]
pub struct Model {
    /// Names the domain.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DomainId,
    /// Whose domain it is.
    pub account_id: AccountId,
    /// The host in lower case, with its port only where that is not the scheme's own. Unique in the server.
    #[sea_orm(unique)]
    pub host: String,
    /// What short URLs on it start with.
    pub scheme: Scheme,
    /// Whether new links may be made on it.
    pub status: Status,
    /// Where a visitor of the bare host is sent.
    pub root_url: Option<String>,
    /// Where a visitor of a link that no longer works is sent, unless the link says.
    pub fallback_url: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// How a domain is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Without encryption; for a demo or behind a private network.
    Http,
    /// With encryption.
    Https,
}

impl Scheme {
    /// The name as it stands in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL of this scheme need not name.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Whether new links may be made on a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// New links may be made.
    Active,
    /// No new links; those that were sent out still work.
    Archived,
}

impl Model {
    /// The short URL of the link with `code` on this domain.
    #[must_use]
    pub fn short_url(&self, code: &str) -> String {
        format!("{}://{}/{code}", self.scheme.as_str(), self.host)
    }
}

/// No relation is declared: links and lists name their domain, a domain names neither.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
