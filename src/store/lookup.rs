//! Rows that almost every request needs, by their keys: read as cheaply as each database allows.
//!
//! `SQLite` is in this process: a prepared statement answers within microseconds, less than it takes to ask another
//! thread, so it is stepped where it is needed. `PostgreSQL` is a round trip away: while one query is on its way the
//! next lot of keys gathers, so that lots grow with load by themselves and a lone read waits for nobody. Nothing is
//! remembered either way: each answer is as fresh as a query of its own.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    hash::Hash,
    sync::Arc,
};

use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::{mpsc, oneshot};

use super::{Store, sqlite_reader::SqliteReader};
use crate::traces;

/// How many reads may wait before callers wait to hand theirs over.
const QUEUE: usize = 4096;

/// How many keys one query asks for at most.
const LOT: usize = 128;

/// Why a read got no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The database did not answer. All who asked together share the error.
    #[error("the database did not answer")]
    Database(#[from] Arc<DbErr>),
    /// `SQLite` did not answer.
    #[error("SQLite did not answer")]
    Sqlite(#[from] Arc<rusqlite::Error>),
    /// The task that reads has ended.
    #[error("the reader has ended")]
    Ended,
}

/// How values are read by their keys.
pub trait ReadByKey: Send + Sync + 'static {
    /// The table that holds the values, for traces.
    const TABLE: &'static str;
    /// Names a value.
    type Key: Clone + Eq + Hash + Send + Sync;
    /// What is read.
    type Value: Clone + Send;

    /// Reads the value of one key from `SQLite`. It is not awaited, so it must be found by an index.
    ///
    /// # Errors
    /// When `SQLite` does not answer, or with what no row should hold.
    fn one(&self, db: &rusqlite::Connection, key: &Self::Key) -> rusqlite::Result<Option<Self::Value>>;

    /// Reads the values of distinct keys; what does not exist is left out.
    fn many(
        &self,
        db: &DatabaseConnection,
        keys: Vec<Self::Key>,
    ) -> impl Future<Output = Result<HashMap<Self::Key, Self::Value>, DbErr>> + Send;
}

/// Keys for a list in a query, the last one repeated up to the next power of two: then there are eight texts of
/// the query to prepare and not as many as there are sizes.
#[must_use]
pub fn pad<K: Clone>(mut keys: Vec<K>) -> Vec<K> {
    if let Some(last) = keys.last().cloned() {
        keys.resize(keys.len().next_power_of_two(), last);
    }
    keys
}

/// Reads values by their keys. Cheap to clone.
pub struct Lookup<R: ReadByKey>(Way<R>);

enum Way<R: ReadByKey> {
    /// Where the caller is.
    Here(Arc<(R, SqliteReader)>),
    /// Together with what others ask for.
    Together(mpsc::Sender<Asked<R>>),
}

type Asked<R> = (
    <R as ReadByKey>::Key,
    oneshot::Sender<Result<Option<<R as ReadByKey>::Value>, ReadError>>,
);

impl<R: ReadByKey> Clone for Lookup<R> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Way::Here(reader) => Way::Here(Arc::clone(reader)),
            Way::Together(queue) => Way::Together(queue.clone()),
        })
    }
}

impl<R: ReadByKey> fmt::Debug for Lookup<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup")
    }
}

impl<R: ReadByKey> Lookup<R> {
    /// Look-ups in the store's database. Where they are made together, this starts the task that makes them; it ends
    /// once every clone is gone.
    pub fn new(store: &Store, read: R) -> Self {
        Self(if let Some(reader) = store.sqlite_reader() {
            Way::Here(Arc::new((read, reader)))
        } else {
            let (queue, waiting) = mpsc::channel(QUEUE);
            tokio::spawn(read_together(read, store.read.clone(), waiting));
            Way::Together(queue)
        })
    }

    /// The value with that key.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn get(&self, key: R::Key) -> Result<Option<R::Value>, ReadError> {
        let _traced = traces::of_database("SELECT", R::TABLE);
        match &self.0 {
            Way::Here(reader) => {
                let (read, reader) = &**reader;
                Ok(reader.read(|db| read.one(db, &key)).map_err(Arc::new)?)
            }
            Way::Together(queue) => {
                let (done, answer) = oneshot::channel();
                queue.send((key, done)).await.map_err(|_| ReadError::Ended)?;
                answer.await.map_err(|_| ReadError::Ended)?
            }
        }
    }
}

async fn read_together<R: ReadByKey>(read: R, db: DatabaseConnection, mut waiting: mpsc::Receiver<Asked<R>>) {
    let mut lot = Vec::with_capacity(LOT);
    while waiting.recv_many(&mut lot, LOT).await > 0 {
        let keys: HashSet<&R::Key> = lot.iter().map(|(key, _)| key).collect();
        let keys = keys.into_iter().cloned().collect();
        let found = read.many(&db, keys).await.map_err(Arc::new);
        for (key, caller) in lot.drain(..) {
            let answer = match &found {
                Ok(found) => Ok(found.get(&key).cloned()),
                Err(error) => Err(ReadError::Database(Arc::clone(error))),
            };
            // A caller that has gone away no longer asks.
            let _ = caller.send(answer);
        }
    }
}
