//! Reads that wait together are read together.
//!
//! The same idea as the writer's: while one query is on its way the next lot of keys gathers, so lots grow with
//! load by themselves and a lone read waits for nobody. Nothing is remembered between lots, so each answer is as
//! fresh as a query of its own would be, at a fraction of its price.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    hash::Hash,
    sync::Arc,
};

use sea_orm::DbErr;
use tokio::sync::{mpsc, oneshot};

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
    /// The task that reads has ended.
    #[error("the reader has ended")]
    Ended,
}

type Asked<R> = (
    <R as ReadMany>::Key,
    oneshot::Sender<Result<Option<<R as ReadMany>::Value>, ReadError>>,
);

/// How values are read by their keys.
pub trait ReadMany: Send + Sync + 'static {
    /// Names a value.
    type Key: Clone + Eq + Hash + Send + Sync;
    /// What is read.
    type Value: Clone + Send;

    /// Reads the values of distinct keys; what does not exist is left out.
    fn read(
        &self,
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

/// Reads values by their keys, many at once. Cheap to clone.
pub struct Gather<R: ReadMany> {
    queue: mpsc::Sender<Asked<R>>,
}

impl<R: ReadMany> Clone for Gather<R> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
        }
    }
}

impl<R: ReadMany> fmt::Debug for Gather<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gather")
    }
}

impl<R: ReadMany> Gather<R> {
    /// Starts the task that reads. It ends once every clone is gone.
    pub fn spawn(reader: R) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(read_all(reader, waiting));
        Self { queue }
    }

    /// The value with that key, read together with the others that are asked for now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn get(&self, key: R::Key) -> Result<Option<R::Value>, ReadError> {
        let (done, answer) = oneshot::channel();
        self.queue.send((key, done)).await.map_err(|_| ReadError::Ended)?;
        answer.await.map_err(|_| ReadError::Ended)?
    }
}

async fn read_all<R: ReadMany>(reader: R, mut waiting: mpsc::Receiver<Asked<R>>) {
    let mut lot = Vec::with_capacity(LOT);
    while waiting.recv_many(&mut lot, LOT).await > 0 {
        let keys: HashSet<&R::Key> = lot.iter().map(|(key, _)| key).collect();
        let found = reader
            .read(keys.into_iter().cloned().collect())
            .await
            .map_err(Arc::new);
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
