//! Wrong keys, by the address that they come from.
//!
//! A key can't be guessed, but who tries costs a look-up each time.

use std::net::IpAddr;

use entity::Timestamp;
use quick_cache::sync::Cache;

use crate::{
    clicks::address::Address,
    rates::{Tries, Try},
};

/// How many wrong keys may come from an address in [`SECONDS`].
const WRONG_KEYS: u32 = 20;

/// How long they are counted together.
const SECONDS: u32 = 60;

/// How many keys that have worked are remembered.
const RIGHT_KEYS: usize = 10_000;

/// Counts wrong keys by address, and remembers keys that have worked, by their hashes.
#[derive(Debug)]
pub(super) struct Guesses {
    wrong: Tries,
    right: Cache<String, ()>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self {
            wrong: Tries::new(WRONG_KEYS, SECONDS),
            right: Cache::new(RIGHT_KEYS),
        }
    }
}

impl Guesses {
    /// Somebody at an address sends a key that nobody has looked up yet; `None` where nobody counts.
    ///
    /// # Errors
    /// After how many seconds to come again, where too many were wrong.
    pub(super) async fn begin(&self, address: Option<IpAddr>, now: Timestamp) -> Result<Option<Try>, u32> {
        match counted(address) {
            Some(address) => self.wrong.begin(address, now).await.map(Some),
            None => Ok(None),
        }
    }

    /// Notes that a key has worked.
    pub(super) fn note_right(&self, hash: &str) {
        self.right.insert(hash.to_owned(), ());
    }

    /// Notes that a key works no longer: whoever sends it again is counted.
    pub(super) fn forget(&self, hash: &str) {
        self.right.remove(hash);
    }

    /// Whether a key has worked lately, and so is none that is guessed.
    pub(super) fn has_worked(&self, hash: &str) -> bool {
        self.right.get(hash).is_some()
    }
}

/// What is counted of an address: all of an IPv4 one, half of an IPv6 one; nothing of a private network's, where a proxy
/// stands that nobody named and that everybody comes through.
pub(super) fn counted(address: Option<IpAddr>) -> Option<[u8; 16]> {
    let address = Address::from(address?);
    address.is_public().then(|| address.own())
}
