//! The group-committing writer.
//!
//! One task owns the connection that writes. It takes all that is waiting, stores it in one transaction and
//! wakes each caller with its own outcome. There is no timer: while one lot is on its way to the disk the
//! next one gathers, so lots grow with load by themselves and a lone write waits for nobody.

mod postgres;
mod sqlite;

use std::sync::Arc;

use entity::{Timestamp, agent_list, click, idempotency_key, short_link, user_agent};
use sea_orm::DbErr;
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use super::{Store, connect::Place};

/// How many writes may wait before callers wait to hand theirs over.
const QUEUE: usize = 4096;

/// How many writes are stored together at most: bounds how long the first of them waits for the last.
const LOT: usize = 256;

/// Hands writes to the task that stores them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Message>,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored, a link's idempotency key with it.
    Stored,
    /// The link's code is in use on the domain; nothing is stored.
    CodeTaken,
    /// The link's idempotency key is in use in the account; nothing is stored.
    KeyTaken,
}

/// An idempotency key that is stored with its link or not at all.
#[derive(Clone, Debug)]
pub struct UsedKey {
    /// The row to store.
    pub row: idempotency_key::Model,
    /// Keys used at this time or earlier are forgotten and give way.
    pub forgotten: Timestamp,
}

/// A click to store, with the texts that its row names by their ids.
#[derive(Clone, Debug)]
pub struct NewClick {
    /// The row to store.
    pub row: click::Model,
    /// The agent string, where the row names one.
    pub agent: Option<Arc<user_agent::Model>>,
    /// The list that judged it.
    pub list: Arc<agent_list::Model>,
}

/// Why a write was not stored.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The database refused it or did not answer.
    #[error("the database did not store the row")]
    Database(#[from] DbErr),
    /// `SQLite` refused it.
    #[error("SQLite did not store the row")]
    Sqlite(#[from] rusqlite::Error),
    /// A row could not be put into words.
    #[error("the row could not be written as JSON")]
    Encode(#[from] serde_json::Error),
    /// The writer has ended.
    #[error("the writer has ended")]
    Ended,
}

#[derive(Debug)]
enum Message {
    Store(Write, oneshot::Sender<Result<Outcome, WriteError>>),
    Drained(oneshot::Sender<()>),
}

#[derive(Debug)]
enum Write {
    Link(Arc<short_link::Model>, Option<Arc<UsedKey>>),
    Click(Arc<NewClick>),
}

impl Writer {
    /// Starts what writes to the store's database. It ends once every clone of the writer is gone and all
    /// that was handed over is stored.
    ///
    /// # Errors
    /// When the `SQLite` file can't be opened once more.
    pub fn spawn(store: &Store) -> Result<Self, WriteError> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        match &store.place {
            Place::Sqlite {
                file,
                synchronous,
                turn,
                ..
            } => {
                let db = sqlite::open(file, *synchronous)?;
                let turn = Arc::clone(turn);
                // A thread of its own: a prepared statement is stepped without a hop to another, which is
                // most of what a click would cost.
                let runtime = Handle::current();
                std::thread::spawn(move || sqlite::write_all(db, &turn, waiting, &runtime));
            }
            Place::Postgres { .. } => {
                tokio::spawn(postgres::write_all(store.write.clone(), waiting));
            }
        }
        Ok(Self { queue })
    }

    /// Stores a link, with its idempotency key if it has one, or neither.
    ///
    /// # Errors
    /// When the database did not store it.
    pub async fn insert_link(
        &self,
        link: Arc<short_link::Model>,
        key: Option<Arc<UsedKey>>,
    ) -> Result<Outcome, WriteError> {
        self.store(Write::Link(link, key)).await
    }

    /// Appends a click.
    ///
    /// # Errors
    /// When the database did not store it.
    pub async fn append_click(&self, click: Arc<NewClick>) -> Result<(), WriteError> {
        self.store(Write::Click(click)).await.map(|_| ())
    }

    /// Returns once everything that was handed over before is stored.
    pub async fn drained(&self) {
        let (done, stored) = oneshot::channel();
        if self.queue.send(Message::Drained(done)).await.is_ok() {
            let _ = stored.await;
        }
    }

    async fn store(&self, write: Write) -> Result<Outcome, WriteError> {
        let (done, outcome) = oneshot::channel();
        self.queue
            .send(Message::Store(write, done))
            .await
            .map_err(|_| WriteError::Ended)?;
        outcome.await.map_err(|_| WriteError::Ended)?
    }
}

/// What was waiting, taken apart.
#[derive(Debug, Default)]
struct Lot {
    writes: Vec<Write>,
    callers: Vec<oneshot::Sender<Result<Outcome, WriteError>>>,
    drained: Vec<oneshot::Sender<()>>,
}

impl Lot {
    fn of(messages: &mut Vec<Message>) -> Self {
        let mut lot = Self::default();
        for message in messages.drain(..) {
            match message {
                Message::Store(write, caller) => {
                    lot.writes.push(write);
                    lot.callers.push(caller);
                }
                Message::Drained(caller) => lot.drained.push(caller),
            }
        }
        lot
    }

    /// Wakes everybody. A caller that has gone away no longer asks; its row is stored all the same.
    fn answer(self, outcomes: Vec<Result<Outcome, WriteError>>) {
        for (caller, outcome) in self.callers.into_iter().zip(outcomes) {
            let _ = caller.send(outcome);
        }
        for caller in self.drained {
            let _ = caller.send(());
        }
    }
}
