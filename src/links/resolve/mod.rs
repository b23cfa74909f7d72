//! Finding the link behind a visited host and code.

mod link;
mod memory;
mod read;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entity::Timestamp;

pub use self::link::LiveLink;
use self::{
    memory::{Cold, Dated, Memory, Visit},
    read::{Behind, Links},
};
use super::{code, lookup::State};
use crate::{
    catalog::{Changes, blocked::List, domain::ServerHosts},
    store::{Lookup, ReadError, Store},
    values::host::Host,
};

/// What is behind a visited host and code.
///
/// Links of a suspended account are found as any others: its recipients have done nothing.
#[derive(Clone, Debug)]
pub enum Resolved {
    /// A link that redirects.
    Active(Arc<LiveLink>),
    /// A link that no longer does, and why.
    Gone(State, Arc<LiveLink>),
    /// A link to a host that is blocked, and the list that this stands on: nobody is sent on, wherever to.
    Blocked(List, Arc<LiveLink>),
    /// Nothing.
    Unknown,
}

/// How long a link found once is served without asking again, where nothing else is said. Short, so that a change made by
/// another node or by hand is seen soon; long enough that a campaign's rush asks once a link.
pub const LIFETIME: Duration = Duration::from_mins(1);

/// Finds links for the redirect and remembers them for a moment. Cheap to clone.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    changes: Changes,
    links: Lookup<Links>,
    memory: Memory,
    look_ups: AtomicU64,
    /// How often it was not asked, since the answer was remembered.
    remembered: AtomicU64,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl Resolver {
    /// A resolver over the store's links that remembers at most `bytes` of them, none of them longer than `lifetime` or past
    /// a change that `hosts` are told of.
    #[must_use]
    pub fn new(store: &Store, bytes: u64, lifetime: Duration, hosts: &ServerHosts) -> Self {
        Self(Arc::new(Inner {
            changes: hosts.changes().clone(),
            links: Lookup::new(store, Links(hosts.blocked().clone())),
            memory: Memory::new(bytes, lifetime),
            look_ups: AtomicU64::default(),
            remembered: AtomicU64::default(),
        }))
    }

    /// Finds what is behind a visited host and code. What can be no host or code is not looked up.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn resolve(&self, host: &str, code: &str, now: Timestamp) -> Result<Resolved, ReadError> {
        if !code::could_be(code) {
            return Ok(Resolved::Unknown);
        }
        let parsed;
        let host = if Host::is_plain(host) {
            host
        } else {
            let Some(host) = Host::parse(host) else {
                return Ok(Resolved::Unknown);
            };
            parsed = host;
            parsed.as_str()
        };
        let visit = Visit { host, code };
        let inner = &*self.0;
        let found = match inner.memory.link(&visit, inner.changes.of_link(code), now) {
            Some(link) => {
                inner.note_remembered();
                Some(link)
            }
            // In a box, since the way is long: what is remembered should not have to carry it.
            None => Box::pin(inner.find(&visit, now)).await?,
        };
        Ok(match found {
            None => Resolved::Unknown,
            Some(link) => match (link.blocked(), link.state(now)) {
                (Some(list), _) => Resolved::Blocked(list, link),
                (None, State::Active) => Resolved::Active(link),
                (None, state) => Resolved::Gone(state, link),
            },
        })
    }

    /// Has a link read again at its next visit, since it is no longer what it was.
    pub fn forget(&self, code: &str) {
        self.0.changes.note_edited_link(code);
    }

    /// How often a link was asked for in the database.
    #[must_use]
    pub fn look_ups(&self) -> u64 {
        self.0.look_ups.load(Ordering::Relaxed)
    }

    /// How often a link was asked for that was remembered, or that was remembered not to be there.
    #[must_use]
    pub fn remembered(&self) -> u64 {
        self.0.remembered.load(Ordering::Relaxed)
    }
}

impl Inner {
    fn note_remembered(&self) {
        self.remembered.fetch_add(1, Ordering::Relaxed);
    }

    /// Finds what is not remembered. Of all that ask for the same at once, one asks the database; when it goes away, the
    /// next one does, and when the database does not answer, all are told so.
    async fn find(&self, visit: &Visit<'_>, now: Timestamp) -> Result<Option<Arc<LiveLink>>, ReadError> {
        let code = visit.code;
        if code::is_reserved(code) {
            return Ok(None);
        }
        let Some(host) = Host::parse(visit.host) else {
            return Ok(None);
        };
        let of_domains = self.changes.of_domains();
        if self.memory.is_unknown(&host, of_domains, now) {
            // Whatever the code is.
            self.note_remembered();
            return Ok(None);
        }
        let key = visit.key();
        let of_link = || self.changes.of_link(code);
        let of_absence = || self.changes.of_absence(code);
        loop {
            let turn = match self.memory.turn(&key).await {
                Err(turn) => turn,
                Ok(Cold::Failed(error)) => return Err(error),
                Ok(cold) if cold.is_fresh(of_link(), of_absence(), now, self.memory.lifetime) => {
                    self.note_remembered();
                    return Ok(cold.link());
                }
                Ok(_) => {
                    // Read before the last change, or long ago.
                    let is_stale =
                        |cold: &Cold| !cold.is_fresh(of_link(), of_absence(), now, self.memory.lifetime);
                    self.memory.drop_cold(&key, is_stale);
                    continue;
                }
            };
            if let Some(link) = self.memory.link(visit, of_link(), now) {
                // Somebody else's turn has just ended.
                self.note_remembered();
                return Ok(Some(link));
            }
            // Before it is read.
            let dated = |count| Dated {
                count,
                read_at: now,
                value: (),
            };
            let (as_link, as_nothing) = (dated(of_link()), dated(of_absence()));
            self.look_ups.fetch_add(1, Ordering::Relaxed);
            return match self.links.get((host.clone(), code.into())).await {
                Ok(Some(Behind(Some(link)))) => {
                    self.memory.keep(&key, turn, as_link.with(Arc::clone(&link)));
                    Ok(Some(link))
                }
                Ok(nothing) => {
                    if nothing.is_none() {
                        self.memory.keep_unknown(host, dated(of_domains));
                    }
                    // An error is a turn that something else has ended; then nothing is remembered.
                    let _ = turn.insert(Cold::Nothing(as_nothing));
                    Ok(None)
                }
                Err(error) => {
                    let _ = turn.insert(Cold::Failed(error.clone()));
                    self.memory
                        .drop_cold(&key, |cold| matches!(cold, Cold::Failed(_)));
                    Err(error)
                }
            };
        }
    }
}
