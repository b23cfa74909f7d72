//! Tries by address: how often somebody may be wrong, or do what needs no key.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use entity::Timestamp;
use quick_cache::sync::Cache;

/// How many addresses are counted at once. Those of whoever has more push one another out, and are counted anew.
const ADDRESSES: usize = 10_000;

/// Counts tries by address, each within a time from the first of them.
///
/// Asking costs a look into a table; memory is bounded whatever is asked.
#[derive(Debug)]
pub struct Tries {
    most: u32,
    window: i64,
    counts: Cache<[u8; 16], Arc<Count>>,
}

#[derive(Debug)]
struct Count {
    since: Timestamp,
    tries: AtomicU32,
}

/// How an address stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is counted of it.
    Clean,
    /// It has tried, and may try again.
    Noted,
    /// It has tried as often as may be, and may again in so many seconds.
    Over(u32),
}

impl Tries {
    /// At most so many tries in so many seconds.
    #[must_use]
    pub fn new(most: u32, seconds: u32) -> Self {
        Self {
            most,
            window: i64::from(seconds) * 1000,
            counts: Cache::new(ADDRESSES),
        }
    }

    /// How an address stands, without counting anything.
    #[must_use]
    pub fn standing(&self, address: &[u8; 16], now: Timestamp) -> Standing {
        let Some(count) = self.running(address, now) else {
            return Standing::Clean;
        };
        if count.tries.load(Ordering::Relaxed) < self.most {
            return Standing::Noted;
        }
        let left = count.since.millis() + self.window - now.millis();
        Standing::Over(u32::try_from((left + 999) / 1000).unwrap_or(u32::MAX).max(1))
    }

    /// Counts a try, and answers how the address stood before it.
    #[expect(clippy::must_use_candidate, reason = "counting is what it is for")]
    pub fn note(&self, address: [u8; 16], now: Timestamp) -> Standing {
        let before = self.standing(&address, now);
        if let Some(count) = self.running(&address, now) {
            count.tries.fetch_add(1, Ordering::Relaxed);
        } else {
            let tries = AtomicU32::new(1);
            self.counts.insert(address, Arc::new(Count { since: now, tries }));
        }
        before
    }

    /// What is counted of an address. A clock that was put back ends it.
    fn running(&self, address: &[u8; 16], now: Timestamp) -> Option<Arc<Count>> {
        let count = self.counts.get(address)?;
        let age = now.millis() - count.since.millis();
        (0..self.window).contains(&age).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn an_address_may_try_so_often_until_its_time_is_over() {
        let tries = Tries::new(3, 60);
        let address = [7; 16];
        assert_eq!(tries.standing(&address, at(0)), Standing::Clean);
        assert_eq!(tries.note(address, at(0)), Standing::Clean);
        assert_eq!(tries.note(address, at(10_000)), Standing::Noted);
        assert_eq!(tries.note(address, at(20_000)), Standing::Noted);
        assert_eq!(tries.note(address, at(20_001)), Standing::Over(40));
        assert_eq!(tries.standing(&[8; 16], at(20_001)), Standing::Clean);
        assert_eq!(tries.standing(&address, at(59_999)), Standing::Over(1));
        assert_eq!(tries.note(address, at(60_000)), Standing::Clean);
        assert_eq!(tries.standing(&address, at(-1)), Standing::Clean);
    }

    #[test]
    fn no_more_addresses_are_kept_than_are_counted_at_once() {
        let tries = Tries::new(3, 60);
        for number in 0..u128::try_from(ADDRESSES).expect("few") * 3 {
            tries.note(number.to_be_bytes(), at(0));
        }
        assert!(tries.counts.len() <= ADDRESSES, "{}", tries.counts.len());
    }
}
