//! Several reads of one moment.

use std::{ops::Deref, time::Duration};

use sea_orm::{
    AccessMode, ConnectionTrait as _, DatabaseBackend, DatabaseTransaction, DbErr, IsolationLevel,
    TransactionOptions, TransactionTrait as _,
};

use super::{Store, transaction::whole};

/// The database as it was at one moment: whatever is read through it fits together. It has a connection that reads for
/// as long as it lives, and writes nothing.
#[derive(Debug)]
pub struct Snapshot(DatabaseTransaction);

impl Deref for Snapshot {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.0
    }
}

impl Store {
    /// A snapshot, which is of the moment of its first read. `PostgreSQL` gives up each statement that takes longer than
    /// `patience`, since nobody else would stop one whose reader has gone away; `SQLite` works for its reader alone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn snapshot(&self, patience: Duration) -> Result<Snapshot, DbErr> {
        let db = self.read.clone();
        whole(async move {
            let is_postgres = db.get_database_backend() == DatabaseBackend::Postgres;
            let options = TransactionOptions {
                isolation_level: is_postgres.then_some(IsolationLevel::RepeatableRead),
                access_mode: is_postgres.then_some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            };
            let transaction = db.begin_with_options(options).await?;
            if is_postgres {
                // It can't know how few rows are behind the mark, and would compile for longer than it reads.
                let settings = format!(
                    "SET LOCAL statement_timeout = {}; SET LOCAL jit = off",
                    patience.as_millis()
                );
                transaction.execute_unprepared(&settings).await?;
            }
            Ok(Snapshot(transaction))
        })
        .await
    }
}
