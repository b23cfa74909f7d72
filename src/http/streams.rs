//! Answers that go on: how many there may be, and how they end with the server.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use entity::AccountId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// How many connections may be held open for answers that go on: sockets and streams of events together.
const MOST: usize = 1000;

/// How many of them one account may hold, so that none can take them all.
const MOST_OF_ACCOUNT: usize = 200;

/// How many sockets may be open, beside those, of which nobody knows yet whose they are. Each is let in or closed within
/// seconds.
const MOST_OF_NOBODY: usize = 50;

/// Of how many places for streams one account may hold one.
const ACCOUNTS: usize = MOST / MOST_OF_ACCOUNT;

/// Of how many places for streams one is beside them, for who has yet to say who they are.
const OF_NOBODY: usize = MOST / MOST_OF_NOBODY;

/// Counts answers that go on, and ends them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Streams {
    places: Arc<Semaphore>,
    places_of_nobody: Arc<Semaphore>,
    most: Most,
    of_accounts: Arc<Mutex<HashMap<AccountId, usize>>>,
    is_stopping: watch::Sender<bool>,
}

/// How many there may be.
#[derive(Clone, Copy, Debug)]
struct Most {
    /// Of accounts, in all.
    known: usize,
    of_account: usize,
    of_nobody: usize,
}

impl Most {
    /// Half of the connections, so that as many are left for visits and requests, which end.
    fn of(connections: u32) -> Self {
        let half = usize::try_from(connections / 2).unwrap_or(usize::MAX);
        let of_nobody = (half / (OF_NOBODY + 1)).clamp(1, MOST_OF_NOBODY);
        let known = half.saturating_sub(of_nobody).clamp(1, MOST);
        Self {
            known,
            of_account: known.div_ceil(ACCOUNTS),
            of_nobody,
        }
    }
}

/// The place of one answer that goes on; free again once this is gone.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    holder: Option<Holder>,
    is_stopping: watch::Receiver<bool>,
}

/// One of the places of an account.
#[derive(Debug)]
struct Holder {
    account: AccountId,
    of_accounts: Arc<Mutex<HashMap<AccountId, usize>>>,
}

impl Streams {
    /// As many as may be where there are so many connections.
    pub(super) fn among(connections: u32) -> Self {
        let most = Most::of(connections);
        Self {
            places: Arc::new(Semaphore::new(most.known)),
            places_of_nobody: Arc::new(Semaphore::new(most.of_nobody)),
            most,
            of_accounts: Arc::default(),
            is_stopping: watch::Sender::new(false),
        }
    }

    /// A place for one more, of an account or of nobody yet; `None` where there are as many as may be.
    pub(super) fn take(&self, account: Option<AccountId>) -> Option<Place> {
        let (places, holder) = match account {
            Some(account) => (&self.places, Some(self.hold(account)?)),
            None => (&self.places_of_nobody, None),
        };
        Some(Place {
            _permit: Arc::clone(places).try_acquire_owned().ok()?,
            holder,
            is_stopping: self.is_stopping.subscribe(),
        })
    }

    /// One more place of the account; `None` where it has as many as may be.
    fn hold(&self, account: AccountId) -> Option<Holder> {
        let mut counts = self.of_accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(account).or_default();
        if *count >= self.most.of_account {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Holder {
            account,
            of_accounts: Arc::clone(&self.of_accounts),
        })
    }

    /// Ends all of them.
    pub fn stop(&self) {
        self.is_stopping.send_replace(true);
    }

    /// Returns once all have ended.
    pub async fn ended(&self) {
        for (places, count) in [
            (&self.places, self.most.known),
            (&self.places_of_nobody, self.most.of_nobody),
        ] {
            // An error would mean that there are no places at all.
            let _ = places
                .acquire_many(u32::try_from(count).unwrap_or(u32::MAX))
                .await;
        }
    }
}

impl Place {
    /// Whether it is one of this account's.
    pub(super) fn is_of(&self, account: AccountId) -> bool {
        self.holder
            .as_ref()
            .is_some_and(|holder| holder.account == account)
    }

    /// Returns once the server stops.
    pub(super) fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut is_stopping = self.is_stopping.clone();
        async move {
            // An error means that the server is gone, too.
            let _ = is_stopping.wait_for(|is_stopping| *is_stopping).await;
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let mut counts = self.of_accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::Timestamp;

    use super::*;

    fn account() -> AccountId {
        AccountId::at(Timestamp::from_millis(0))
    }

    #[tokio::test]
    async fn there_are_as_many_places_as_may_be_and_one_that_is_given_back_is_free() {
        let streams = Streams::among(10_000);
        let mut taken = Vec::new();
        for _ in 0..MOST / MOST_OF_ACCOUNT {
            let account = account();
            for _ in 0..MOST_OF_ACCOUNT {
                taken.push(streams.take(Some(account)).expect("a place"));
            }
            assert!(streams.take(Some(account)).is_none());
        }
        assert!(streams.take(Some(account())).is_none());
        let last = taken.pop().expect("a place");
        let account = last.holder.as_ref().expect("an account").account;
        drop(last);
        assert!(streams.take(Some(account)).is_some());
        streams.stop();
        for place in &taken {
            place.stopping().await;
        }
        taken.clear();
        streams.ended().await;
        assert!(streams.of_accounts.lock().expect("no panic").is_empty());
    }

    #[test]
    fn half_of_the_connections_are_left_for_what_ends() {
        for (connections, known, of_account, of_nobody) in [
            (10_000, 1000, 200, 50),
            (2100, 1000, 200, 50),
            (1050, 500, 100, 25),
            (42, 20, 4, 1),
            (4, 1, 1, 1),
            (1, 1, 1, 1),
        ] {
            let most = Most::of(connections);
            assert_eq!(
                (most.known, most.of_account, most.of_nobody),
                (known, of_account, of_nobody),
                "{connections}"
            );
        }
        let streams = Streams::among(42);
        let taken: Vec<_> = (0..5).map(|_| streams.take(Some(account()))).collect();
        assert!(taken.iter().all(Option::is_some));
        let one = account();
        let taken: Vec<_> = (0..5).filter_map(|_| streams.take(Some(one))).collect();
        assert_eq!(taken.len(), 4);
        assert!(streams.take(None).is_some());
    }

    #[test]
    fn who_has_not_said_who_they_are_takes_no_place_of_who_has() {
        let streams = Streams::among(10_000);
        let taken: Vec<_> = (0..MOST_OF_NOBODY).map(|_| streams.take(None)).collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(streams.take(None).is_none());
        assert!(streams.take(Some(account())).is_some());
    }
}
