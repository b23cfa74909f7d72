//! Finding the link behind a visited host and code.

use std::{sync::Arc, time::Duration};

use entity::{ShortLinkId, Timestamp, domain, short_link};
use moka::sync::Cache;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::{
    code,
    lookup::{State, state},
};
use crate::{
    catalog::{self, domain::Changes},
    values::host::Host,
};

/// How long a link found once is served without asking again. Short, so that a change made by another node
/// or by hand is seen soon; long enough that a campaign's rush asks once a link.
const LIFETIME: Duration = Duration::from_mins(1);

/// What an entry costs beside its texts: the struct, its counters and the cache's own bookkeeping.
const ENTRY_BYTES: usize = 256;

/// What the redirect needs of a link.
#[derive(Clone, Debug)]
pub struct LiveLink {
    /// Names the link.
    pub id: ShortLinkId,
    /// Where it leads; macros of click time stand in it literally.
    pub destination: String,
    status: short_link::Status,
    expires_at: Option<Timestamp>,
    fallback_url: Option<String>,
}

/// What is behind a visited host and code.
#[derive(Clone, Debug)]
pub enum Resolved {
    /// A link that redirects.
    Active(Arc<LiveLink>),
    /// A link that no longer does, and where its visitors are sent instead.
    Gone {
        /// Why.
        state: State,
        /// The link's own or its domain's.
        fallback_url: Option<String>,
    },
    /// Nothing.
    Unknown,
}

/// Finds links for the redirect and remembers them for a moment. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Resolver {
    /// Counted before a link is read: one that was read before the last change of a domain is read again.
    changes: Changes,
    found: Cache<String, (u64, Arc<LiveLink>)>,
}

impl Resolver {
    /// A resolver that remembers at most `bytes` of links, none of them past a change of a domain.
    #[must_use]
    pub fn new(bytes: u64, changes: Changes) -> Self {
        let weight = |key: &String, (_, link): &(u64, Arc<LiveLink>)| {
            let fallback = link.fallback_url.as_ref().map_or(0, String::len);
            let bytes = key.len() + link.destination.len() + fallback + ENTRY_BYTES;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let found = Cache::builder()
            .weigher(weight)
            .max_capacity(bytes)
            .time_to_live(LIFETIME)
            .build();
        Self { changes, found }
    }

    /// Finds what is behind a visited host and code. What can be no host or code is not looked up.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn resolve(
        &self,
        db: &impl ConnectionTrait,
        host: &str,
        code: &str,
        now: Timestamp,
    ) -> Result<Resolved, DbErr> {
        if !code::could_be(code) {
            return Ok(Resolved::Unknown);
        }
        // No code holds a slash, so no two visits share a key.
        let key = [host, "/", code].concat();
        let count = self.changes.count();
        let link = match self.found.get(&key) {
            Some((then, link)) if then == count => link,
            _ => match read(db, host, code).await? {
                Some(link) => {
                    let link = Arc::new(link);
                    self.found.insert(key, (count, Arc::clone(&link)));
                    link
                }
                None => return Ok(Resolved::Unknown),
            },
        };
        Ok(match state(link.status, link.expires_at, now) {
            State::Active => Resolved::Active(link),
            state => Resolved::Gone {
                state,
                fallback_url: link.fallback_url.clone(),
            },
        })
    }
}

/// One indexed read of a link with its domain, whoever owns them: who visits has no account.
async fn read(db: &impl ConnectionTrait, host: &str, code: &str) -> Result<Option<LiveLink>, DbErr> {
    let Some(host) = Host::parse(host) else {
        return Ok(None);
    };
    let found = short_link::Entity::find()
        .find_also_related(domain::Entity)
        .filter(domain::Column::Host.is_in([host.as_str(), host.name()]))
        .filter(short_link::Column::Code.eq(code))
        .all(db)
        .await?;
    let named = found.into_iter().find_map(|(link, domain)| {
        let domain = domain.filter(|domain| catalog::domain::is_named(domain.scheme, &domain.host, &host))?;
        Some((link, domain))
    });
    Ok(named.map(|(link, domain)| LiveLink {
        id: link.id,
        destination: link.destination,
        status: link.status,
        expires_at: link.expires_at,
        fallback_url: link.fallback_url.or(domain.fallback_url),
    }))
}
