//! Who wants to know that something that visits depend on was changed.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

/// How many counts there are for links: those with the same count are read again for each other's sake.
const STRIPES: usize = 1024;

/// Counts changes that were made on this node. What was read before the last one is not to be trusted.
///
/// Whoever remembers something takes the count before they read, keeps it with what they read, and reads again once it
/// is another: then it does not matter which of a read and a change comes first. Counts only grow, so that a sum of them
/// is another as soon as one of them is. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    /// Of what visitors see of domains and lists, which may be any link's.
    catalog: AtomicU64,
    /// Of domains, whatever was changed of them, and new ones.
    domains: AtomicU64,
    /// Of links that were changed, by their codes.
    edited: [AtomicU32; STRIPES],
    /// Of links that were made, by their codes: many, and only what was not there minds.
    made: [AtomicU32; STRIPES],
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            catalog: AtomicU64::default(),
            domains: AtomicU64::default(),
            edited: [const { AtomicU32::new(0) }; STRIPES],
            made: [const { AtomicU32::new(0) }; STRIPES],
        }
    }
}

impl Changes {
    /// What changes with any domain, or with there being one more.
    #[must_use]
    pub fn of_domains(&self) -> u64 {
        self.0.domains.load(Ordering::Acquire)
    }

    /// What changes when a link with this code, or what it stands on, is changed.
    #[must_use]
    pub fn of_link(&self, code: &str) -> u64 {
        let edited = self.0.edited[stripe(code)].load(Ordering::Acquire);
        let catalog = self.0.catalog.load(Ordering::Acquire);
        catalog.wrapping_add(edited.into())
    }

    /// What changes when there may be a link with this code where there was none.
    #[must_use]
    pub fn of_absence(&self, code: &str) -> u64 {
        let made = self.0.made[stripe(code)].load(Ordering::Acquire);
        self.of_link(code).wrapping_add(made.into())
    }

    /// Says that a domain was made or changed, once that is stored.
    pub(super) fn note_domain(&self) {
        self.0.domains.fetch_add(1, Ordering::Release);
    }

    /// Says that what visitors see of a domain or a list was changed, once that is stored. All links are read again: what
    /// else an account edits, or synchronises every minute, must not come here.
    pub(super) fn note_catalog(&self) {
        self.0.catalog.fetch_add(1, Ordering::Release);
    }

    /// Says that a link with this code was changed, once that is stored.
    pub fn note_edited_link(&self, code: &str) {
        self.0.edited[stripe(code)].fetch_add(1, Ordering::Release);
    }

    /// Says that a link with this code was made, once it is stored.
    pub fn note_made_link(&self, code: &str) {
        self.0.made[stripe(code)].fetch_add(1, Ordering::Release);
    }
}

/// By the code alone, since a domain is visited under more than one spelling of its host. FNV-1a: a few nanoseconds of
/// each visit, and who makes codes collide has some links read again.
fn stripe(code: &str) -> usize {
    let hash = code.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    usize::try_from(hash % STRIPES as u64).unwrap_or_default()
}
