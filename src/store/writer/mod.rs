//! The group-committing writer.
//!
//! A task owns a connection that writes. It takes all that is waiting, stores it in one transaction and
//! wakes each caller with its own outcome. While one lot is on its way to the disk the next one gathers, so lots grow
//! with load by themselves, and a click waits for no timer.
//!
//! Visitors wait for clicks. So that they don't wait for links too, `SQLite`, which has one writer at a time, stores clicks
//! first, and `PostgreSQL` stores each by a task of its own; both rest from links where clicks come.

mod claim;
mod lot;
#[cfg(test)]
mod made;
mod postgres;
mod sqlite;
mod texts;

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use entity::{Timestamp, agent_list, audit_entry, click, idempotency_key, short_link, user_agent};
use sea_orm::DbErr;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, oneshot},
};

pub(super) use self::sqlite::{INDEX_LINKS, LAST_LINK};
use self::{
    claim::Claim,
    lot::{After, Asked, Lots, Message, Write},
};
use super::{Store, connect::Place};
use crate::traces;

/// How many writes may wait before callers wait to hand theirs over.
const QUEUE: usize = 4096;

/// How many clicks, or writes to `PostgreSQL`, are stored together at most: bounds how long the first of them waits for the
/// last.
const LOT: usize = 256;

/// How many links one write to `SQLite` has at most: the more, the fewer entries of the audit log and commits.
const SQLITE_LINKS: usize = 500;

/// How many links one write to `PostgreSQL` has at most: all of them are one statement.
const POSTGRES_LINKS: usize = 512;

/// How many writes of more than one link are handed over at a time: one is stored while the next one is made, and however
/// many callers want to store links, clicks wait for so many of them.
const SETS: usize = 2;

/// Hands writes to the task that stores them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Writer {
    clicks: mpsc::Sender<Message>,
    /// The same queue where one task stores both.
    links: mpsc::Sender<Message>,
    /// How many links one write has at most.
    step: usize,
    /// Lets sets of links in, in the order in which they come. A set keeps its place until it is stored, whoever waits.
    sets: Arc<Semaphore>,
    /// How many writes were stored together.
    lots: Arc<Lots>,
}

/// What became of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored, its idempotency key with it.
    Stored,
    /// Its code is in use on the domain; nothing is stored.
    CodeTaken,
    /// Its idempotency key is in use in the account; nothing is stored.
    KeyTaken,
}

/// What became of a click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is stored.
    Stored,
    /// It is stored, and its link has no place left.
    StoredLast,
    /// Its link lets nobody through any more, or nobody waits for the answer; nothing is stored.
    Refused,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Done {
    Links(Vec<Outcome>),
    Click(Kept),
}

/// A link to store.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// The row to store.
    pub row: short_link::Model,
    /// The idempotency key that it was made with.
    pub key: Option<UsedKey>,
}

/// Links that are stored together, with what the audit log says of them.
#[derive(Clone, Debug)]
struct NewLinks {
    links: Vec<NewLink>,
    /// Stored if one of the links is, as that of all that are. It has a subject if it is that of one link.
    entry: audit_entry::Model,
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
    #[error("the database did not store the row: {0}")]
    Database(#[from] DbErr),
    /// `SQLite` refused it.
    #[error("SQLite did not store the row: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Somebody who waited for a place of a link has gone away.
    #[error("somebody has gone away who waited for a place of a link")]
    GivenUp,
    /// The transaction that it was part of failed.
    #[error(transparent)]
    Together(Arc<Self>),
    /// A row could not be put into words.
    #[error("the row could not be written as JSON")]
    Encode(#[from] serde_json::Error),
    /// Too many writes wait already.
    #[error("too many writes wait already")]
    Full,
    /// The writer has ended.
    #[error("the writer has ended")]
    Ended,
}

impl Writer {
    /// Starts what writes to the store's database. It ends once every clone of the writer is gone and all
    /// that was handed over is stored.
    ///
    /// # Errors
    /// When the `SQLite` file can't be opened once more.
    pub fn spawn(store: &Store) -> Result<Self, WriteError> {
        let (clicks, waiting) = mpsc::channel(QUEUE);
        let lots = Arc::new(Lots::default());
        let noted = Arc::clone(&lots);
        let (links, step) = match &store.place {
            Place::Sqlite {
                file, synchronous, ..
            } => {
                let writer = sqlite::SqliteWriter::open(file.clone(), *synchronous)?;
                let checkpointer = sqlite::Checkpointer::open(file.clone())?;
                let (kept, ended) = std::sync::mpsc::channel();
                std::thread::spawn(move || checkpointer.copy_all(&ended));
                // A thread of its own: a prepared statement is stepped without a hop to another, which is
                // most of what a click would cost.
                let runtime = Handle::current();
                std::thread::spawn(move || {
                    writer.write_all(waiting, &noted, &runtime);
                    drop(kept);
                });
                (clicks.clone(), SQLITE_LINKS)
            }
            Place::Postgres { .. } => {
                let (links, waiting_links) = mpsc::channel(QUEUE);
                for (waiting, gives_way) in [(waiting, false), (waiting_links, true)] {
                    tokio::spawn(postgres::PostgresWriter::new(store.write.clone()).write_all(
                        waiting,
                        Arc::clone(&noted),
                        gives_way,
                    ));
                }
                (links, POSTGRES_LINKS)
            }
        };
        Ok(Self {
            clicks,
            links,
            step,
            sets: Arc::new(Semaphore::new(SETS)),
            lots,
        })
    }

    /// How many links are best stored together.
    #[must_use]
    pub const fn step(&self) -> usize {
        self.step
    }

    /// Stores a link, its idempotency key and the entry of the audit log that tells of it, or none of them. The link comes
    /// back with what became of it.
    ///
    /// `told` is told its code as soon as it is stored, or may be: from the moment it is handed over that happens also where
    /// the caller waits no longer.
    ///
    /// # Errors
    /// When the database did not store it.
    pub async fn insert_link(
        &self,
        link: NewLink,
        entry: audit_entry::Model,
        told: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<(NewLink, Outcome), WriteError> {
        let told = Box::new(told);
        let mut links = self.insert(vec![link], entry, After { told, turn: None }).await?;
        links.pop().ok_or(WriteError::Ended)
    }

    /// Stores links, each with its idempotency key or not at all, and with them an entry of the audit log that says how
    /// many were stored. All links come back, in their order, with what became of them; of two with the same code or key
    /// the first one is stored. `told` is told the code of each that is stored, as by [`Self::insert_link`].
    ///
    /// # Errors
    /// When the database did not answer. Then none is stored, or only the first ones, and the entry says how many.
    pub async fn insert_links(
        &self,
        links: Vec<NewLink>,
        entry: audit_entry::Model,
        told: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Vec<(NewLink, Outcome)>, WriteError> {
        let turn = Arc::clone(&self.sets).acquire_owned().await;
        let after = After {
            told: Box::new(told),
            turn: Some(turn.map_err(|_| WriteError::Ended)?),
        };
        self.insert(links, entry, after).await
    }

    async fn insert(
        &self,
        links: Vec<NewLink>,
        entry: audit_entry::Model,
        after: After,
    ) -> Result<Vec<(NewLink, Outcome)>, WriteError> {
        let _traced = traces::of_database("INSERT", "short_link");
        let (caller, done) = oneshot::channel();
        let links = Arc::new(NewLinks { links, entry });
        let write = Write::Links(Arc::clone(&links), Vec::new(), after);
        let handed = self.links.send(Message::Store(Asked { write, caller })).await;
        handed.map_err(|_| WriteError::Ended)?;
        match done.await.map_err(|_| WriteError::Ended)?? {
            Done::Links(outcomes) => {
                let links = Arc::unwrap_or_clone(links).links;
                Ok(links.into_iter().zip(outcomes).collect())
            }
            Done::Click(_) => Err(WriteError::Ended),
        }
    }

    /// Hands a click over, to be appended, and answers what to wait for. Where its link `is_limited`, the click is stored
    /// only if one more may pass, and only while the answer is waited for. How many may is read with the place, since the
    /// caller's knowledge of it may be of before a change.
    ///
    /// # Errors
    /// At once when too many writes wait already.
    pub fn append_click(&self, click: Arc<NewClick>, is_limited: bool) -> Result<Waiting, WriteError> {
        let (asked, waiting) = ask(click, is_limited);
        let handed = self.clicks.try_send(asked);
        handed.map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => WriteError::Full,
            mpsc::error::TrySendError::Closed(_) => WriteError::Ended,
        })?;
        Ok(waiting)
    }

    /// The same for a click that has time: it is handed over as soon as there is room.
    ///
    /// # Errors
    /// When the writer has ended.
    pub async fn append_old_click(&self, click: Arc<NewClick>) -> Result<Waiting, WriteError> {
        let (asked, waiting) = ask(click, false);
        self.clicks.send(asked).await.map_err(|_| WriteError::Ended)?;
        Ok(waiting)
    }

    fn queues(&self) -> impl Iterator<Item = &mpsc::Sender<Message>> {
        let links = (!self.links.same_channel(&self.clicks)).then_some(&self.links);
        std::iter::once(&self.clicks).chain(links)
    }

    /// How many writes wait to be stored.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let queued = self.queues().map(|queue| queue.max_capacity() - queue.capacity());
        queued.sum::<usize>() + self.lots.held.load(Ordering::Relaxed)
    }

    /// How many writes were last stored together.
    #[must_use]
    pub fn lot(&self) -> usize {
        self.lots.last.load(Ordering::Relaxed)
    }

    /// How many lots were stored since the start, and how many writes in all of them.
    #[must_use]
    pub fn lots(&self) -> (u64, u64) {
        let Lots { count, writes, .. } = &*self.lots;
        (count.load(Ordering::Relaxed), writes.load(Ordering::Relaxed))
    }

    /// Returns once everything that was handed over before is stored.
    pub async fn drained(&self) {
        for queue in self.queues() {
            let (done, stored) = oneshot::channel();
            if queue.send(Message::Drained(done)).await.is_ok() {
                let _ = stored.await;
            }
        }
    }
}

fn ask(click: Arc<NewClick>, is_limited: bool) -> (Message, Waiting) {
    let (caller, done) = oneshot::channel();
    let claim = is_limited.then(Claim::default);
    let write = Write::Click(click, claim.clone());
    (Message::Store(Asked { write, caller }), Waiting { done, claim })
}

/// A click that was handed over; becomes what became of it.
#[derive(Debug)]
pub struct Waiting {
    done: oneshot::Receiver<Result<Done, WriteError>>,
    claim: Option<Claim>,
}

impl Waiting {
    /// Asks that no place of the link be taken any more, and answers whether that is so. If not, one is taken already, and
    /// what is waited for will say so.
    #[must_use]
    pub fn give_up(&self) -> bool {
        self.claim.as_ref().is_none_or(Claim::give_up)
    }
}

impl Future for Waiting {
    type Output = Result<Kept, WriteError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let done = Pin::new(&mut self.done).poll(context);
        done.map(|done| match done.map_err(|_| WriteError::Ended)?? {
            Done::Click(kept) => Ok(kept),
            Done::Links(_) => Err(WriteError::Ended),
        })
    }
}
