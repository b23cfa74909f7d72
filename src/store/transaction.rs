//! Transactions of what does not go through the writer: the catalogue, settings, keys.

use std::{ops::Deref, sync::Arc};

use sea_orm::{
    DatabaseTransaction, DbErr, RuntimeErr, SqliteTransactionMode, TransactionOptions, TransactionTrait as _,
    sqlx::error::DatabaseError,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::Store;

/// How often something that met another transaction is tried.
const TRIES: usize = 4;

/// Whose turn it is to write.
///
/// `SQLite` takes one writer at a time, and its own way of waiting is to sleep and look again, which shows in every
/// caller's latency; here the next one is woken. Other processes, such as a command of the operator's, still wait in
/// `SQLite`'s way. `PostgreSQL` takes many, but transactions have one connection, and the writer and whoever sums clicks one
/// each that they must not take from them: there only they take turns.
pub(super) type Turn = Arc<Mutex<()>>;

/// A transaction that may write. Unless it is committed it is undone.
#[derive(Debug)]
pub struct WriteTransaction {
    transaction: DatabaseTransaction,
    /// Dropped after the transaction.
    _turn: OwnedMutexGuard<()>,
}

impl WriteTransaction {
    /// Makes all that was written in it last.
    ///
    /// # Errors
    /// When the database does not.
    pub async fn commit(self) -> Result<(), DbErr> {
        self.commit_then(|| {}).await
    }

    /// Makes all that was written in it last, and then says so to whoever must know: also where the caller has gone
    /// away by then.
    ///
    /// # Errors
    /// When the database does not.
    pub async fn commit_then(self, then: impl FnOnce() + Send + 'static) -> Result<(), DbErr> {
        whole(async move {
            let committed = self.transaction.commit().await;
            then();
            committed
        })
        .await
    }

    /// Undoes all that was written in it, before it returns. One that is only dropped is undone once its connection is used
    /// again, and keeps its locks from others until then.
    ///
    /// # Errors
    /// When the database does not.
    pub async fn rollback(self) -> Result<(), DbErr> {
        whole(self.transaction.rollback()).await
    }

    /// Makes last what was done in it, or undoes it where it failed.
    ///
    /// # Errors
    /// Why it failed, or when the database does not commit.
    pub async fn end<T, E: From<DbErr>>(self, outcome: Result<T, E>) -> Result<T, E> {
        match outcome {
            Ok(done) => {
                self.commit().await?;
                Ok(done)
            }
            Err(error) => {
                // A connection that can't undo it is at its end, and so is the transaction.
                let _ = self.rollback().await;
                Err(error)
            }
        }
    }
}

/// Does it to the end, also where the caller goes away in the middle: a connection that is left while it begins or
/// commits would go back to its pool in a state that nobody knows.
pub(super) async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, DbErr>> + Send + 'static,
) -> Result<T, DbErr> {
    let work = tokio::spawn(work).await;
    work.unwrap_or_else(|error| Err(DbErr::Custom(error.to_string())))
}

impl Deref for WriteTransaction {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.transaction
    }
}

impl Store {
    /// Begins a transaction that may write, once it is its turn. Keep it short: in `SQLite` clicks wait for it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(&self) -> Result<WriteTransaction, DbErr> {
        let turn = Arc::clone(self.place.turn()).lock_owned().await;
        let options = TransactionOptions {
            // A transaction that first reads and then finds that it may not write could only be undone.
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let db = self.write.clone();
        whole(async move {
            Ok(WriteTransaction {
                transaction: db.begin_with_options(options).await?,
                _turn: turn,
            })
        })
        .await
    }
}

/// Does something again when all that stopped it was another transaction ([`met_another`]), a few times at most. What
/// is done must begin and commit its own.
///
/// # Errors
/// The last one.
pub async fn again<T, E, F>(in_the_way: impl Fn(&E) -> bool, mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut tries = 0;
    loop {
        tries += 1;
        match attempt().await {
            Err(error) if tries < TRIES && in_the_way(&error) => {}
            outcome => return outcome,
        }
    }
}

/// Whether the database undid the transaction because of another one: then the same again will do.
#[must_use]
pub fn met_another(error: &DbErr) -> bool {
    // serialization_failure and deadlock_detected, in PostgreSQL and what speaks its protocol.
    said_by_database(error)
        .and_then(|error| error.code().map(|code| matches!(&*code, "40001" | "40P01")))
        .unwrap_or_default()
}

/// Whether the database gave a statement up, as it does with one that takes longer than it may.
#[must_use]
pub fn given_up(error: &DbErr) -> bool {
    // query_canceled, in PostgreSQL and what speaks its protocol.
    said_by_database(error)
        .and_then(|error| error.code().map(|code| code == "57014"))
        .unwrap_or_default()
}

/// What the database itself said of a statement; `None` where it did not get to say anything.
pub(super) fn said_by_database(error: &DbErr) -> Option<&dyn DatabaseError> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    error.as_database_error()
}
