//! Domains.

use async_graphql::{Context, Description, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use entity::domain;

use super::{
    click::{ClickStats, stats},
    connection::Identified,
    usage::{DomainUsage, USAGE, domain_usage},
};
use crate::clicks::report::Subject;

/// How a domain is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Scheme")]
pub enum DomainScheme {
    /// Without encryption; for a demo or inside a private network.
    Http,
    /// With encryption.
    Https,
}

/// Whether new links may be made on a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Status")]
pub enum DomainStatus {
    /// New links may be made.
    Active,
    /// Deleted, until it is made `ACTIVE` again: no new links; those that were sent out still work.
    Archived,
}

/// A host that short links live on, such as `go.example.com`. One brand a domain: carriers filter senders
/// that rotate among domains.
#[derive(Clone, Debug, Description)]
pub(super) struct Domain(pub domain::Model);

impl From<domain::Model> for Domain {
    fn from(row: domain::Model) -> Self {
        Self(row)
    }
}

impl Identified for Domain {
    fn node_id(&self) -> String {
        self.0.id.to_string()
    }
}

#[Object(use_type_description)]
impl Domain {
    /// Names the domain: `domain_` and 32 hexadecimal digits.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The host in lower case, with its port only where that is not the scheme's own. Unique in the server.
    async fn host(&self) -> &str {
        &self.0.host
    }

    /// How visitors reach it: what short URLs on it start with.
    async fn scheme(&self) -> DomainScheme {
        self.0.scheme.into()
    }

    /// Whether new links may be made on it.
    async fn status(&self) -> DomainStatus {
        self.0.status.into()
    }

    /// Where a visitor of the bare host is sent; a plain page if null.
    async fn root_url(&self) -> Option<&str> {
        self.0.root_url.as_deref()
    }

    /// Where a visitor of a link that no longer works is sent, unless the link says; a plain page if null.
    async fn fallback_url(&self) -> Option<&str> {
        self.0.fallback_url.as_deref()
    }

    /// How often links on it were clicked, by people and by bots, as of now.
    async fn stats(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only clicks at this time or later; all from the first on unless given.")]
        from: Option<DateTime<Utc>>,
        #[graphql(
            desc = "Only clicks before this time, at most ten years after `from`; all up to now unless given."
        )]
        before: Option<DateTime<Utc>>,
    ) -> Result<ClickStats> {
        stats(context, Subject::Domain(self.0.id), from, before).await
    }

    /// What still lives on it, also once it is archived.
    #[graphql(complexity = "USAGE + child_complexity")]
    async fn usage(&self, context: &Context<'_>) -> Result<DomainUsage> {
        domain_usage(context, self.0.id).await
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at.utc()
    }
}
