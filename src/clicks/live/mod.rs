//! Clicks as they come, for whoever listens.
//!
//! Nothing of it is in a redirect's way: while somebody listens, and only then, the rows behind the newest that was seen
//! are read a few times a second, once for all who listen. So clicks of other servers over the same database, of the spool
//! and of imports are shown too.

mod hub;
mod passes;
mod position;
mod read;

use std::{
    future::poll_fn,
    mem,
    sync::{Arc, Mutex, PoisonError},
    task::{Poll, ready},
    time::Duration,
};

use entity::{AccountId, click};
use sea_orm::DbErr;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use self::hub::{Hub, Join};
use super::report::{ClickFilter, ReportError, named};
use crate::store::Store;

/// How clicks are shown to those who listen.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long it is waited before new rows are looked for again.
    pub pause: Duration,
    /// How many clicks wait for one reader at most.
    pub queue: usize,
    /// How many clicks wait for all readers of one account at most.
    pub account_queues: usize,
    /// How many clicks wait for all readers together at most.
    pub all_queues: usize,
    /// How long a reader that misses clicks may take none until they are taken for gone.
    pub patience: Duration,
    /// How often whoever listens is asked whether they still may.
    pub key_check: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pause: Duration::from_millis(200),
            queue: 1000,
            account_queues: 10_000,
            all_queues: 100_000,
            patience: Duration::from_mins(1),
            key_check: Duration::from_secs(5),
        }
    }
}

/// How often one account may listen at the same time.
pub const MOST_OF_ACCOUNT: usize = 200;

/// Shows clicks as they come. Cheap to clone; whoever listens hears nothing more once the last clone is gone.
#[derive(Clone, Debug)]
pub struct LiveClicks {
    store: Store,
    key_check: Duration,
    joins: mpsc::Sender<Join>,
    listeners: watch::Receiver<usize>,
}

/// What is told to whoever listens.
#[derive(Clone, Debug)]
pub enum Event {
    /// A click that passes the filter.
    Click(Arc<click::Model>),
    /// So many that pass it were left out here, since the reader was too slow.
    Missed(u64),
    /// Nothing more comes, since the reader took nothing for so long.
    GivenUp,
}

/// An event that waits, and its place among all that wait.
#[derive(Debug)]
struct Waiting {
    event: Event,
    /// Free again once the event is taken: one among those of the account, and one among all.
    _places: Option<[OwnedSemaphorePermit; 2]>,
}

/// Clicks of one account that pass one filter, from the moment of subscribing on.
#[derive(Debug)]
pub struct Subscription(Arc<Mutex<Queue>>);

/// What waits for a reader, who may have to be freed of it while they don't look.
#[derive(Debug)]
struct Queue {
    events: mpsc::Receiver<Waiting>,
    /// Whether something was taken since that was last looked up.
    is_taken: bool,
    is_given_up: bool,
}

/// Why clicks can't be listened to.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// Something that the filter names is not the account's.
    #[error(transparent)]
    Filter(#[from] ReportError),
    /// The account listens too often already.
    #[error("the account listens {MOST_OF_ACCOUNT} times already")]
    TooMany,
    /// The database did not answer.
    #[error("the newest clicks could not be read")]
    Database(#[from] Arc<DbErr>),
    /// The server stops.
    #[error("clicks are no longer shown")]
    Stopped,
}

impl LiveClicks {
    /// Shows the clicks of the store's database. Starts the task that reads them, which does nothing yet.
    #[must_use]
    pub fn spawn(store: &Store, options: Options) -> Self {
        let (joins, joining) = mpsc::channel(64);
        let (counted, listeners) = watch::channel(0);
        let key_check = options.key_check;
        tokio::spawn(Hub::new(store.read.clone(), options).run(joining, counted));
        Self {
            store: store.clone(),
            key_check,
            joins,
            listeners,
        }
    }

    /// Listens to the account's clicks that pass the filter. All that are stored once this is answered are told of, each
    /// once, also those that were made before and are stored late.
    ///
    /// # Errors
    /// When the filter names what is not the account's, the account listens too often, or the database does not answer.
    pub async fn subscribe(
        &self,
        account: AccountId,
        filter: ClickFilter,
    ) -> Result<Subscription, SubscribeError> {
        named::check(&self.store.read, account, &filter).await?;
        let (answer, answered) = oneshot::channel();
        let join = Join {
            account,
            filter,
            answer,
        };
        let is_asked = self.joins.send(join).await;
        is_asked.map_err(|_| SubscribeError::Stopped)?;
        answered.await.map_err(|_| SubscribeError::Stopped)?
    }

    /// How often whoever listens is asked whether they still may.
    #[must_use]
    pub const fn key_check(&self) -> Duration {
        self.key_check
    }

    /// Returns once so many listen; where it is nobody, nothing is read any more either.
    pub async fn listened_to_by(&self, count: usize) {
        // An error means that nobody will ever listen again.
        let _ = self
            .listeners
            .clone()
            .wait_for(|listeners| *listeners == count)
            .await;
    }
}

impl Subscription {
    /// What comes next; `None` once nothing will.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| {
            let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if mem::take(&mut queue.is_given_up) {
                return Poll::Ready(Some(Event::GivenUp));
            }
            let waiting = ready!(queue.events.poll_recv(context));
            queue.is_taken = true;
            Poll::Ready(waiting.map(|waiting| waiting.event))
        })
        .await
    }
}

impl Queue {
    /// Drops all that waits, and ends with that.
    fn give_up(&mut self) {
        self.is_given_up = true;
        self.events.close();
        while self.events.try_recv().is_ok() {}
    }
}
