//! Connections that are open: how many there may be, and how many there are.

use std::{future::pending, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for connections, of which each holds one until it ends. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connections {
    places: Arc<Semaphore>,
    most: u32,
}

impl Connections {
    /// So many places.
    #[must_use]
    pub fn new(most: u32) -> Self {
        Self {
            places: Arc::new(Semaphore::new(
                usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS),
            )),
            most,
        }
    }

    /// How many there may be.
    #[must_use]
    pub const fn most(&self) -> u32 {
        self.most
    }

    /// How many there are.
    #[must_use]
    pub fn open(&self) -> u32 {
        let free = u32::try_from(self.places.available_permits()).unwrap_or(u32::MAX);
        self.most.saturating_sub(free)
    }

    /// A place, if one is free.
    #[must_use]
    pub fn take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// A place, once one is free.
    pub async fn freed(&self) -> OwnedSemaphorePermit {
        match Arc::clone(&self.places).acquire_owned().await {
            Ok(place) => place,
            // Nobody closes them.
            Err(_) => pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_is_taken_until_it_is_given_back() {
        let connections = Connections::new(2);
        let (one, two) = (connections.take(), connections.take());
        assert!(one.is_some() && two.is_some());
        assert!(connections.take().is_none());
        assert_eq!((connections.open(), connections.most()), (2, 2));
        drop(one);
        assert_eq!(connections.open(), 1);
        let three = connections.freed().await;
        assert!(connections.take().is_none());
        drop((two, three));
        assert_eq!(connections.open(), 0);
    }
}
