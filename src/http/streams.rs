//! Answers that go on: how many there may be, and how they end with the server.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// How many connections may be held open for answers that go on: sockets and streams of events together.
const MOST: usize = 1000;

/// Counts answers that go on, and ends them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Streams {
    places: Arc<Semaphore>,
    is_stopping: watch::Sender<bool>,
}

/// The place of one answer that goes on; free again once this is gone.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    is_stopping: watch::Receiver<bool>,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST)),
            is_stopping: watch::Sender::new(false),
        }
    }
}

impl Streams {
    /// A place for one more; `None` where there are as many as may be.
    pub(super) fn take(&self) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place {
            _permit: permit,
            is_stopping: self.is_stopping.subscribe(),
        })
    }

    /// Ends all of them: each says so to its client.
    pub fn stop(&self) {
        self.is_stopping.send_replace(true);
    }

    /// Returns once all have ended.
    pub async fn ended(&self) {
        let all = u32::try_from(MOST).unwrap_or(u32::MAX);
        // An error would mean that there are no places at all.
        let _ = self.places.acquire_many(all).await;
    }
}

impl Place {
    /// Returns once the server stops.
    pub(super) fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut is_stopping = self.is_stopping.clone();
        async move {
            // An error means that the server is gone, too.
            let _ = is_stopping.wait_for(|is_stopping| *is_stopping).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_are_as_many_places_as_may_be_and_one_that_is_given_back_is_free() {
        let streams = Streams::default();
        let mut taken: Vec<_> = (0..MOST).map(|_| streams.take().expect("a place")).collect();
        assert!(streams.take().is_none());
        taken.pop();
        assert!(streams.take().is_some());
        streams.stop();
        for place in &taken {
            place.stopping().await;
        }
        taken.clear();
        streams.ended().await;
    }
}
