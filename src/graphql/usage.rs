//! What still uses an offer, a list or a domain.

use async_graphql::{Context, Description, Object, Result, SimpleObject};
use entity::DomainId;
use uuid::Uuid;

use super::{
    click::int,
    loader::{ListsOn, Using, load},
};
use crate::links::usage::{Through, Usage};

/// What the links of one cost: a page of rows has each row's looked through.
pub(super) const USAGE: usize = 50;

/// Which links still redirect through an offer or a sending list, as of now: what archiving it leaves behind.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub(super) struct LinkUsage {
    /// How many of its links redirect: those that are neither disabled nor archived, expired or exhausted. Of the newest
    /// 10,000, if it has more.
    active_links: i32,
    /// Whether it has 10,000 links or more, so that `activeLinks` may be too few.
    is_capped: bool,
}

/// What still uses a domain, as of now: what archiving it leaves behind.
#[derive(Clone, Copy, Debug, Description)]
pub(super) struct DomainUsage {
    links: LinkUsage,
    domain: DomainId,
}

#[Object(use_type_description)]
impl DomainUsage {
    /// How many links on it redirect: those that are neither disabled nor archived, expired or exhausted. Of the newest
    /// 10,000, if it has more.
    async fn active_links(&self) -> i32 {
        self.links.active_links
    }

    /// Whether it has 10,000 links or more, so that `activeLinks` may be too few.
    async fn is_capped(&self) -> bool {
        self.links.is_capped
    }

    /// How many sending lists make their links on it; archived ones do not count.
    async fn sending_lists(&self, context: &Context<'_>) -> Result<i32> {
        Ok(int(load(context, ListsOn(self.domain))
            .await?
            .unwrap_or_default()))
    }
}

/// The links of one of the account's.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn usage(
    context: &Context<'_>,
    through: Through,
    id: impl Into<Uuid> + Send,
) -> Result<LinkUsage> {
    let id = id.into();
    let usage: Option<Usage> = load(context, Using { through, id }).await?;
    let usage = usage.unwrap_or_default();
    Ok(LinkUsage {
        active_links: int(usage.active_links),
        is_capped: usage.is_capped,
    })
}

/// The links on one of the account's domains, and its lists.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn domain_usage(context: &Context<'_>, domain: DomainId) -> Result<DomainUsage> {
    let links = usage(context, Through::Domain, domain).await?;
    Ok(DomainUsage { links, domain })
}
