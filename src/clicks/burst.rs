//! Bursts: more clicks from one address, or on one link, than people make in a short time.

use std::{
    array,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use entity::Timestamp;
use siphasher::sip::SipHasher24;

/// How long clicks are counted together: from the first of them for so many milliseconds.
pub const WINDOW_MILLIS: i64 = 10_000;

/// The most clicks that may be allowed in that time.
pub const MOST_CLICKS: u16 = 10_000;

/// How many counters lie side by side, where one that is new may take the place of any.
const WAYS: usize = 8;

/// Sets of counters that come to memory together, a page.
const SETS: usize = 64;

/// Pages: 1 MiB of counters at most, for 131,072 addresses and links at once.
const PAGES: usize = 256;

const FINGERPRINT_BITS: u32 = 30;
const TIME_BITS: u32 = 20;
const COUNT_BITS: u32 = 14;
const _: () = assert!(FINGERPRINT_BITS + TIME_BITS + COUNT_BITS == u64::BITS);
const _: () = assert!((MOST_CLICKS as u64) + 1 < 1 << COUNT_BITS);

/// What time is counted in, in milliseconds.
const TICK_MILLIS: i64 = 100;
const WINDOW_TICKS: u64 = (WINDOW_MILLIS / TICK_MILLIS).cast_unsigned();
const TICKS: u64 = 1 << TIME_BITS;

/// By how much a key's hash is another each time the counters' clock has gone round, after 29 hours. Odd, so that it
/// takes 2^64 rounds to be the same.
const ROUND: u64 = 0x9e37_79b9_7f4a_7c15;

/// The counters that one fingerprint may be in: a line of the processor's cache.
#[derive(Debug)]
#[repr(align(64))]
struct Set([AtomicU64; WAYS]);

type Page = [Set; SETS];

/// Counts clicks by keys, each within ten seconds of its first.
///
/// A fixed table without a lock. A key's counter lies in one set of eight, found by a keyed hash, and holds 30 more
/// bits of it: so a click is counted for another key once in 100 million, and nobody can choose which. Where a set is
/// full, the counter with the fewest clicks gives way: a flood of keys makes bursts go unseen, it never makes one.
#[derive(Debug)]
pub struct Bursts {
    key: [u8; 16],
    pages: Box<[OnceLock<Box<Page>>]>,
}

/// What a counter holds: whose it is, when it began, in ticks, and how many clicks it has counted. All zero: nothing.
#[derive(Clone, Copy)]
struct Counter {
    fingerprint: u64,
    since: u64,
    count: u64,
}

impl Counter {
    const fn unpack(word: u64) -> Self {
        Self {
            fingerprint: word >> (TIME_BITS + COUNT_BITS),
            since: (word >> COUNT_BITS) % TICKS,
            count: word % (1 << COUNT_BITS),
        }
    }

    const fn pack(self) -> u64 {
        self.fingerprint << (TIME_BITS + COUNT_BITS) | self.since << COUNT_BITS | self.count
    }

    /// Whether it still counts at `now`. Requests don't come in the order of their times, so a little before its
    /// beginning it does too.
    const fn is_running(self, now: u64) -> bool {
        let age = now.wrapping_sub(self.since) % TICKS;
        self.count > 0 && (age < WINDOW_TICKS || age > TICKS - WINDOW_TICKS)
    }
}

impl Bursts {
    /// A table in which `key` decides what lies where.
    #[must_use]
    pub fn new(key: [u8; 16]) -> Self {
        Self {
            key,
            pages: (0..PAGES).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Counts a click for `key` and answers whether that makes more than `limit` of them within the time.
    ///
    /// Those beyond the limit are not told apart: after it, nothing is written until the time is over.
    #[must_use]
    pub fn is_over(&self, key: &[u8], limit: u16, at: Timestamp) -> bool {
        let ticks = at.millis().div_euclid(TICK_MILLIS).cast_unsigned();
        // Else a counter that nobody needed since would be running again, with all that it has counted.
        let round = (ticks / TICKS).wrapping_mul(ROUND);
        let hash = SipHasher24::new_with_key(&self.key).hash(key).wrapping_add(round);
        let [set, page] = [SETS, PAGES].map(|size| size as u64);
        let at_page = usize::try_from(hash % page).unwrap_or_default();
        let at_set = usize::try_from(hash / page % set).unwrap_or_default();
        let fingerprint = hash >> (u64::BITS - FINGERPRINT_BITS);
        let page = self.pages[at_page].get_or_init(|| Box::new(array::from_fn(|_| Set(Default::default()))));
        count(
            &page[at_set],
            fingerprint,
            u64::from(limit.min(MOST_CLICKS)),
            ticks % TICKS,
        )
    }
}

fn count(Set(ways): &Set, fingerprint: u64, limit: u64, now: u64) -> bool {
    loop {
        let words = ways.each_ref().map(|way| way.load(Ordering::Relaxed));
        let mine = words.iter().position(|word| {
            let counter = Counter::unpack(*word);
            counter.fingerprint == fingerprint && counter.is_running(now)
        });
        let (way, since, counted) = if let Some(way) = mine {
            let Counter { since, count, .. } = Counter::unpack(words[way]);
            if count > limit {
                return true;
            }
            (way, since, count)
        } else {
            // One that is over has fewer clicks than any that runs.
            let running = |way: &usize| {
                let counter = Counter::unpack(words[*way]);
                if counter.is_running(now) { counter.count } else { 0 }
            };
            (fewest(running), now, 0)
        };
        let next = Counter {
            fingerprint,
            since,
            count: counted + 1,
        };
        // Lost to another click: look again.
        let stored =
            ways[way].compare_exchange(words[way], next.pack(), Ordering::Relaxed, Ordering::Relaxed);
        if stored.is_ok() {
            return next.count > limit;
        }
    }
}

fn fewest(clicks: impl Fn(&usize) -> u64) -> usize {
    (0..WAYS).min_by_key(clicks).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_795_435_200_000 + millis)
    }

    fn bursts() -> Bursts {
        Bursts::new([7; 16])
    }

    #[test]
    fn clicks_beyond_the_limit_within_the_time_are_a_burst() {
        let bursts = bursts();
        let over: Vec<_> = (0..6)
            .map(|click| bursts.is_over(b"a", 3, at(click * 1_900)))
            .collect();
        assert_eq!(over, [false, false, false, true, true, true]);
        assert!(!bursts.is_over(b"b", 3, at(9_500)), "another key");
    }

    #[test]
    fn the_time_begins_with_a_click_and_begins_anew_with_the_first_after_its_end() {
        let bursts = bursts();
        assert!(!bursts.is_over(b"a", 1, at(0)));
        assert!(bursts.is_over(b"a", 1, at(WINDOW_MILLIS - 1)));
        assert!(!bursts.is_over(b"a", 1, at(WINDOW_MILLIS)));
        assert!(bursts.is_over(b"a", 1, at(WINDOW_MILLIS + 1)));
    }

    #[test]
    fn a_click_that_comes_a_little_late_is_counted_with_the_others() {
        let bursts = bursts();
        assert!(!bursts.is_over(b"a", 1, at(500)));
        assert!(bursts.is_over(b"a", 1, at(0)));
        assert!(bursts.is_over(b"a", 1, at(600)));
    }

    #[test]
    fn what_was_counted_long_ago_is_not_counted_again() {
        let bursts = bursts();
        let round = TICK_MILLIS << TIME_BITS;
        for rounds in 0..1000 {
            let at = at(rounds * round);
            assert!(!bursts.is_over(b"a", 1, at), "{rounds}");
            assert!(bursts.is_over(b"a", 1, at), "{rounds}");
        }
    }

    #[test]
    fn no_clock_stops_it() {
        for millis in [i64::MIN, -1, 0, i64::MAX] {
            let at = Timestamp::from_millis(millis);
            let bursts = bursts();
            assert!(!bursts.is_over(b"a", 1, at));
            assert!(bursts.is_over(b"a", 1, at));
        }
    }

    #[test]
    fn visitors_without_number_make_no_burst_of_one_another() {
        let bursts = bursts();
        let accused = (0..300_000_u32).filter(|visitor| bursts.is_over(&visitor.to_be_bytes(), 1, at(0)));
        assert_eq!(accused.count(), 0);
    }

    #[test]
    fn who_clicks_most_keeps_a_counter_in_the_rush() {
        let bursts = bursts();
        let mut found = 0;
        for visitor in 0..300_000_u32 {
            let _ = bursts.is_over(&visitor.to_be_bytes(), 1_000, at(0));
            if visitor % 100 == 99 {
                found += u32::from(bursts.is_over(b"the one", 1_000, at(0)));
            }
        }
        assert_eq!(found, 2_000);
    }

    #[test]
    fn clicks_at_once_are_all_counted() {
        let bursts = bursts();
        let over: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..1_000).filter(|_| bursts.is_over(b"a", 1_500, at(0))).count()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .sum()
        });
        assert_eq!(over, 2_500);
    }

    #[test]
    fn memory_is_taken_as_it_is_used_and_has_an_end() {
        let bursts = bursts();
        assert!(bursts.pages.iter().all(|page| page.get().is_none()));
        let _ = bursts.is_over(b"a", 1, at(0));
        assert_eq!(bursts.pages.iter().filter(|page| page.get().is_some()).count(), 1);
        assert_eq!(PAGES * size_of::<Page>(), 1 << 20);
    }
}
