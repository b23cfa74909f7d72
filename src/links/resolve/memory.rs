//! What the redirect remembers: links, and for a moment that there is none.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use entity::Timestamp;
use quick_cache::{
    DefaultHashBuilder, Equivalent, Weighter,
    sync::{Cache, DefaultLifecycle, PlaceholderGuard},
};

use super::link::LiveLink;
use crate::{store::ReadError, values::host::Host};

/// How long it is remembered that there is no such link, in milliseconds: long enough that asking for it again and again
/// costs nothing, short enough that a link made by another node is there when it is sent out.
pub(super) const NOTHING_LIFETIME: i64 = 2_000;

/// The part of the memory that is for what is not there, so that asking for a lot of it can't push links out.
const NOTHING_PART: u64 = 16;

/// How many hosts that are no domain's are remembered: whoever makes up more of them has each looked up.
const HOSTS: usize = 1000;

/// What an entry costs beside its texts, as measured with the cache full: the link itself 88, the allocations' own 24, the
/// cache's slot and what it keeps of entries that went 83, its place in the table 15.
const ENTRY_BYTES: u64 = 208;

/// What is visited, borrowed from the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit<'a> {
    /// In the one spelling that a [`Host`] has.
    pub host: &'a str,
    /// What could be a code.
    pub code: &'a str,
}

/// What is visited, kept: no code holds a slash, so no two visits share a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key(Box<str>);

impl Visit<'_> {
    pub(super) fn key(&self) -> Key {
        Key([self.host, "/", self.code].concat().into())
    }
}

impl Key {
    fn visit(&self) -> Visit<'_> {
        let (host, code) = self.0.rsplit_once('/').unwrap_or_default();
        Visit { host, code }
    }
}

impl Hash for Visit<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.host.hash(state);
        self.code.hash(state);
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.visit().hash(state);
    }
}

impl Equivalent<Key> for Visit<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        let other = key.visit();
        self.code == other.code && self.host == other.host
    }
}

/// Something read, with what tells whether it still holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dated<T> {
    /// The count of changes before it was read.
    pub count: u64,
    /// The time before it was read.
    pub read_at: Timestamp,
    /// What was read.
    pub value: T,
}

impl<T> Dated<T> {
    /// Whether it still holds. A clock that was put back makes nothing last longer.
    pub(super) fn is_fresh(&self, count: u64, now: Timestamp, lifetime: i64) -> bool {
        self.count == count && (now.millis() - self.read_at.millis()).abs() < lifetime
    }

    pub(super) fn with<U>(self, value: U) -> Dated<U> {
        Dated {
            count: self.count,
            read_at: self.read_at,
            value,
        }
    }
}

/// What the last to ask the database has got.
#[derive(Clone, Debug)]
pub(super) enum Cold {
    /// A link: for those who waited for it.
    Link(Dated<Arc<LiveLink>>),
    /// Nothing: the only one that stays for a while.
    Nothing(Dated<()>),
    /// No answer: for those who waited for it.
    Failed(ReadError),
}

impl Cold {
    /// Whether it still holds, by the counts of changes for a link and for there being none, and a link's lifetime.
    pub(super) fn is_fresh(&self, of_link: u64, of_absence: u64, now: Timestamp, lifetime: i64) -> bool {
        match self {
            Self::Link(link) => link.is_fresh(of_link, now, lifetime),
            Self::Nothing(nothing) => nothing.is_fresh(of_absence, now, NOTHING_LIFETIME),
            Self::Failed(_) => false,
        }
    }

    /// The link, if there is one.
    pub(super) fn link(self) -> Option<Arc<LiveLink>> {
        match self {
            Self::Link(link) => Some(link.value),
            Self::Nothing(_) | Self::Failed(_) => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes;

impl Weighter<Key, Dated<Arc<LiveLink>>> for Bytes {
    fn weight(&self, key: &Key, link: &Dated<Arc<LiveLink>>) -> u64 {
        ENTRY_BYTES + allocated(key.0.len()) + allocated(link.value.text_bytes())
    }
}

impl Weighter<Key, Cold> for Bytes {
    fn weight(&self, key: &Key, _: &Cold) -> u64 {
        ENTRY_BYTES + allocated(key.0.len())
    }
}

/// What an allocation of so many bytes takes.
fn allocated(bytes: usize) -> u64 {
    u64::try_from(bytes.next_multiple_of(16)).unwrap_or(u64::MAX)
}

/// The turn of one of those who ask for the same.
pub(super) type Turn<'a> =
    PlaceholderGuard<'a, Key, Cold, Bytes, DefaultHashBuilder, DefaultLifecycle<Key, Cold>>;

/// What is remembered.
pub(super) struct Memory {
    /// How long a link is remembered, in milliseconds.
    pub lifetime: i64,
    links: Cache<Key, Dated<Arc<LiveLink>>, Bytes>,
    /// What is being asked for, and what was not there.
    cold: Cache<Key, Cold, Bytes>,
    /// Hosts that were no domain's.
    unknown: Cache<Host, Dated<()>>,
}

impl Memory {
    pub(super) fn new(bytes: u64, lifetime: Duration) -> Self {
        let for_nothing = bytes / NOTHING_PART;
        Self {
            lifetime: i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX),
            links: cache(bytes - for_nothing),
            cold: cache(for_nothing),
            unknown: Cache::new(HOSTS),
        }
    }

    /// Whether a host is remembered as no domain's, by the count of changes of domains.
    pub(super) fn is_unknown(&self, host: &Host, count: u64, now: Timestamp) -> bool {
        let unknown = self.unknown.get(host);
        unknown.is_some_and(|unknown| unknown.is_fresh(count, now, NOTHING_LIFETIME))
    }

    /// Remembers that a host is no domain's.
    pub(super) fn keep_unknown(&self, host: Host, read: Dated<()>) {
        self.unknown.insert(host, read);
    }

    /// A link that is remembered and still holds.
    pub(super) fn link(&self, visit: &Visit<'_>, count: u64, now: Timestamp) -> Option<Arc<LiveLink>> {
        let found = self.links.get(visit)?;
        found.is_fresh(count, now, self.lifetime).then_some(found.value)
    }

    /// What whoever's turn it was has got, or the turn.
    pub(super) async fn turn(&self, key: &Key) -> Result<Cold, Turn<'_>> {
        self.cold.get_value_or_guard_async(key).await
    }

    /// Remembers a link, and gives it to those who waited for it.
    pub(super) fn keep(&self, key: &Key, turn: Turn<'_>, link: Dated<Arc<LiveLink>>) {
        self.links.insert(key.clone(), link.clone());
        // An error is a turn that something else has ended: then nobody waits.
        let _ = turn.insert(Cold::Link(link));
        self.drop_cold(key, |cold| matches!(cold, Cold::Link(_)));
    }

    /// Forgets what somebody got, if it is so.
    pub(super) fn drop_cold(&self, key: &Key, is_so: impl FnOnce(&Cold) -> bool) {
        self.cold.remove_if(key, is_so);
    }
}

fn cache<V: Clone>(bytes: u64) -> Cache<Key, V, Bytes>
where
    Bytes: Weighter<Key, V>,
{
    // Only says how it is divided up.
    let entries = usize::try_from(bytes / (ENTRY_BYTES + 128)).unwrap_or_default();
    Cache::with_weighter(entries, bytes, Bytes)
}
