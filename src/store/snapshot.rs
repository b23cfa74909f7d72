//! Several reads of one moment.

use std::{ops::Deref, sync::Arc, time::Duration};

use sea_orm::{
    AccessMode, ConnectionTrait as _, DatabaseBackend, DatabaseTransaction, DbErr, IsolationLevel,
    TransactionOptions, TransactionTrait as _,
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{Store, transaction::whole};

/// The database as it was at one moment: whatever is read through it fits together. It has a connection that reads for
/// as long as it lives, and writes nothing.
///
/// One that is left in the middle of a statement has its connection until the database is done with that: `PostgreSQL` goes
/// on for nobody. Only then somebody else may have a snapshot instead, and only then what it keeps is let go.
#[derive(Debug)]
pub struct Snapshot<K: Send + 'static>(Option<Held<K>>);

#[derive(Debug)]
struct Held<K> {
    transaction: DatabaseTransaction,
    _keeps: K,
    _place: Option<OwnedSemaphorePermit>,
}

impl<K: Send + 'static> Deref for Snapshot<K> {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        match &self.0 {
            Some(held) => &held.transaction,
            None => unreachable!("only a snapshot that is dropped has none"),
        }
    }
}

impl<K: Send + 'static> Drop for Snapshot<K> {
    fn drop(&mut self) {
        // Without a runtime the pool is gone too.
        if let (Some(held), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move {
                // All of it, not only what is used below.
                let held = held;
                // It waits for the end of whatever statement was under way. Nothing was written that could be lost.
                let _ = held.transaction.rollback().await;
            });
        }
    }
}

/// Who may have a snapshot: fewer at once than there are connections that read, so that whoever follows a link finds one.
pub(super) fn places(readers: u32) -> Arc<Semaphore> {
    let readers = usize::try_from(readers).unwrap_or(usize::MAX);
    Arc::new(Semaphore::new(
        readers.saturating_sub(1).clamp(1, Semaphore::MAX_PERMITS),
    ))
}

impl Store {
    /// A snapshot, which is of the moment of its first read, once there is a place for it; it keeps what it is given for as
    /// long as it has its connection. Who has one must not wait for another. `PostgreSQL` gives up each statement that takes longer than
    /// `patience`, since nobody else would stop one whose reader has gone away; `SQLite` works for its reader alone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn snapshot<K: Send + 'static>(
        &self,
        patience: Duration,
        keeps: K,
    ) -> Result<Snapshot<K>, DbErr> {
        // Nobody closes it.
        let place = Arc::clone(&self.snapshots).acquire_owned().await.ok();
        let db = self.read.clone();
        whole(async move {
            let is_postgres = db.get_database_backend() == DatabaseBackend::Postgres;
            let options = TransactionOptions {
                isolation_level: is_postgres.then_some(IsolationLevel::RepeatableRead),
                access_mode: is_postgres.then_some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            };
            let snapshot = Snapshot(Some(Held {
                transaction: db.begin_with_options(options).await?,
                _keeps: keeps,
                _place: place,
            }));
            if is_postgres {
                // A report's statements are few and read much or little: each is planned for what it asks, and none compiled,
                // which would take longer than it reads.
                let settings = format!(
                    "SET LOCAL statement_timeout = {}; SET LOCAL jit = off; SET LOCAL plan_cache_mode = force_custom_plan",
                    patience.as_millis()
                );
                snapshot.execute_unprepared(&settings).await?;
            }
            Ok(snapshot)
        })
        .await
    }
}
