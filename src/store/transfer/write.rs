//! Writing to the target: rows that are gone, rows that are other, and new ones, some thousand a transaction.

mod postgres;
mod sqlite;

use std::{io, path::Path, sync::Arc};

use sea_orm::sqlx;

use self::{postgres::PostgresTarget, sqlite::SqliteTarget};
use super::{lot::Lot, table::Table};
use crate::store::aside;

/// How many rows, or bytes, a transaction writes.
const ROWS: usize = 20_000;
const BYTES: usize = 4 * 1024 * 1024;

/// Brings all into the file itself that `SQLite` has written beside it.
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// The log, which databases refuse to change: only what moves it may.
const LOG: &str = "audit_entry";

/// Why a table can't be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// `SQLite` could not.
    #[error("SQLite could not write it")]
    Sqlite(#[from] rusqlite::Error),
    /// `PostgreSQL` could not.
    #[error("PostgreSQL could not write it")]
    Postgres(#[from] sqlx::Error),
    /// Whether another move writes could not be found out.
    #[error("the file beside the database can't be locked")]
    Lock(#[source] io::Error),
    /// It was stopped.
    #[error("writing was broken off")]
    BrokenOff,
}

/// What is to be done to a table, in this order. Whole rows each, also of those that go.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) removed: Lot,
    pub(super) changed: Lot,
    pub(super) added: Lot,
}

impl Changes {
    pub(super) const fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.changed.is_empty() && self.added.is_empty()
    }

    /// Whether they are enough for a transaction.
    pub(super) const fn are_many(&self) -> bool {
        self.removed.len() + self.changed.len() + self.added.len() >= ROWS
            || self.removed.size() + self.changed.size() + self.added.size() >= BYTES
    }
}

/// A connection that writes.
#[derive(Debug)]
pub(super) enum Target {
    /// `None` while another thread has it.
    Sqlite(Option<SqliteTarget>),
    Postgres(PostgresTarget),
}

impl Target {
    /// Opens an `SQLite` file that is set up already.
    pub(super) fn of_file(file: &Path) -> Result<Self, WriteError> {
        Ok(Self::Sqlite(Some(SqliteTarget::open(file)?)))
    }

    /// Connects to `PostgreSQL`.
    pub(super) async fn at_url(url: &str) -> Result<Self, WriteError> {
        Ok(Self::Postgres(PostgresTarget::connect(url).await?))
    }

    /// Does all of it or nothing.
    pub(super) async fn apply(&mut self, table: &Arc<Table>, changes: Changes) -> Result<(), WriteError> {
        match self {
            Self::Sqlite(target) => {
                let mut writes = target.take().ok_or(WriteError::BrokenOff)?;
                let table = Arc::clone(table);
                let work = aside(move || writes.apply(&table, &changes).map(|()| writes));
                *target = Some(work.await.map_err(|_| WriteError::BrokenOff)??);
            }
            Self::Postgres(target) => target.apply(table, &changes).await?,
        }
        Ok(())
    }

    /// Runs statements that are the same in both databases.
    pub(super) async fn run(&mut self, statements: &'static str) -> Result<(), WriteError> {
        match self {
            Self::Sqlite(target) => target.as_ref().ok_or(WriteError::BrokenOff)?.run(statements)?,
            Self::Postgres(target) => target.run(statements).await?,
        }
        Ok(())
    }

    /// Sees to it that new rows get numbers of their own, and that all that was written lasts.
    pub(super) async fn settle(&mut self) -> Result<(), WriteError> {
        match self {
            Self::Sqlite(target) => {
                let writes = target.take().ok_or(WriteError::BrokenOff)?;
                let work = aside(move || writes.settle().map(|()| writes));
                *target = Some(work.await.map_err(|_| WriteError::BrokenOff)??);
            }
            Self::Postgres(target) => target.settle().await?,
        }
        Ok(())
    }

    /// Runs the last statements of all, after which whoever takes an `SQLite` file elsewhere takes them with it.
    pub(super) async fn finish(&mut self, statements: &'static str) -> Result<(), WriteError> {
        self.run(statements).await?;
        match self {
            Self::Sqlite(_) => self.run(CHECKPOINT).await,
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Whether nobody else moves something into it; nobody may until this connection ends.
    pub(super) async fn claim(&mut self, number: i64) -> Result<bool, WriteError> {
        match self {
            Self::Sqlite(target) => target.as_ref().ok_or(WriteError::BrokenOff)?.claim(),
            Self::Postgres(target) => Ok(target.claim(number).await?),
        }
    }
}
