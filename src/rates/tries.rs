//! Tries by address: how often somebody may be wrong, or do what needs no key.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use entity::Timestamp;
use quick_cache::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
    /// Held by whoever begins to count an address: two who did so at the same time would each count their own.
    beginning: Mutex<()>,
}

#[derive(Debug)]
struct Count {
    since: Timestamp,
    tries: AtomicU32,
    /// One for each try that may still be made; closed with the last one.
    places: Arc<Semaphore>,
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

/// A try of which nobody knows yet what comes of it. Unless it is told that it [counts](Self::counts), it does not.
#[derive(Debug)]
pub struct Try {
    count: Arc<Count>,
    most: u32,
    place: OwnedSemaphorePermit,
}

impl Tries {
    /// At most so many tries in so many seconds.
    #[must_use]
    pub fn new(most: u32, seconds: u32) -> Self {
        Self {
            most,
            window: i64::from(seconds) * 1000,
            counts: Cache::new(ADDRESSES),
            beginning: Mutex::default(),
        }
    }

    /// How an address stands, without counting anything.
    #[must_use]
    pub fn standing(&self, address: &[u8; 16], now: Timestamp) -> Standing {
        match self.running(address, now) {
            Some(count) => self.after(&count, count.tries.load(Ordering::Acquire), now),
            None => Standing::Clean,
        }
    }

    /// Counts a try, and answers how the address stood before it: of those who try at the same time no two stood the same.
    pub fn note(&self, address: [u8; 16], now: Timestamp) -> Standing {
        let count = self.counted(address, now);
        count.places.forget_permits(1);
        self.after(&count, count.note(self.most), now)
    }

    /// Begins a try whose outcome is still to be found out. At the same time there are no more than may be wrong from now on:
    /// who comes beyond them waits, and is refused only once those before were wrong. So a crowd of wrong ones gets no further
    /// than they would one by one, and a crowd of right ones is let in.
    ///
    /// # Errors
    /// After how many seconds to come again, where as many as may be were wrong.
    pub async fn begin(&self, address: [u8; 16], now: Timestamp) -> Result<Try, u32> {
        let count = self.counted(address, now);
        match Arc::clone(&count.places).acquire_owned().await {
            Ok(place) => Ok(Try {
                count,
                most: self.most,
                place,
            }),
            Err(_) => Err(self.seconds_left(&count, now)),
        }
    }

    /// How an address stands after so many tries.
    fn after(&self, count: &Count, tries: u32, now: Timestamp) -> Standing {
        match tries {
            0 => Standing::Clean,
            some if some < self.most => Standing::Noted,
            _ => Standing::Over(self.seconds_left(count, now)),
        }
    }

    fn seconds_left(&self, count: &Count, now: Timestamp) -> u32 {
        let left = count.since.millis() + self.window - now.millis();
        u32::try_from((left + 999) / 1000).unwrap_or(u32::MAX).max(1)
    }

    /// What is counted of an address, from now on if nothing is yet.
    fn counted(&self, address: [u8; 16], now: Timestamp) -> Arc<Count> {
        if let Some(count) = self.running(&address, now) {
            return count;
        }
        let _beginning = self.beginning.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = self.running(&address, now) {
            return count;
        }
        let places = usize::try_from(self.most).unwrap_or(Semaphore::MAX_PERMITS);
        let count = Arc::new(Count {
            since: now,
            tries: AtomicU32::new(0),
            places: Arc::new(Semaphore::new(places)),
        });
        self.counts.insert(address, Arc::clone(&count));
        count
    }

    /// What is counted of an address. A clock that was put back ends it.
    fn running(&self, address: &[u8; 16], now: Timestamp) -> Option<Arc<Count>> {
        let count = self.counts.get(address)?;
        let age = now.millis() - count.since.millis();
        (0..self.window).contains(&age).then_some(count)
    }
}

impl Count {
    /// Counts one more, and answers how many there were before.
    fn note(&self, most: u32) -> u32 {
        let before = self.tries.fetch_add(1, Ordering::AcqRel);
        if before.saturating_add(1) >= most {
            self.places.close();
        }
        before
    }
}

impl Try {
    /// It was wrong, or is done what may be done only so often.
    pub fn counts(self) {
        self.place.forget();
        self.count.note(self.most);
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

    #[test]
    fn of_those_who_try_at_the_same_time_each_is_counted() {
        let tries = Tries::new(1000, 60);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for number in 0..100 {
                        tries.note([number; 16], at(0));
                    }
                });
            }
        });
        for number in 0..100 {
            let count = tries.running(&[number; 16], at(0)).expect("a count");
            assert_eq!(count.tries.load(Ordering::Relaxed), 8);
        }
    }

    #[tokio::test]
    async fn as_many_tries_go_on_at_once_as_may_still_be_wrong() {
        let tries = Tries::new(2, 60);
        let address = [7; 16];
        let one = tries.begin(address, at(0)).await.expect("a try");
        let two = tries.begin(address, at(0)).await.expect("a try");
        let mut three = Box::pin(tries.begin(address, at(500)));
        let waits = async |three: &mut _| {
            tokio::time::timeout(std::time::Duration::from_millis(20), three)
                .await
                .is_err()
        };
        assert!(waits(&mut three).await);
        // A right one does not count, and lets the next one try.
        drop(one);
        let three = three.await.expect("a try");
        let mut four = Box::pin(tries.begin(address, at(500)));
        two.counts();
        assert!(waits(&mut four).await);
        three.counts();
        assert_eq!(four.await.expect_err("too many"), 60);
        assert_eq!(tries.standing(&address, at(500)), Standing::Over(60));
        assert_eq!(tries.begin(address, at(59_000)).await.expect_err("too many"), 1);
        tries.begin(address, at(60_000)).await.expect("a new time");
        tries.begin([8; 16], at(0)).await.expect("another address");
    }
}
