//! Writing to `SQLite`: prepared statements, stepped row by row.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::Path,
    time::Duration,
};

use rusqlite::{
    Connection, Statement, TransactionBehavior,
    config::DbConfig,
    types::{ToSqlOutput, ValueRef},
};

use super::{Changes, LOG, WriteError};
use crate::store::{
    transfer::{
        copy::json_text,
        lot::{Lot, fields},
        table::{Column, Kind, Table, quoted},
    },
    writer::{INDEX_LINKS, LAST_LINK},
};

/// What a commit need not wait for is made last once, at the end; a move that a power failure ends is run again. Of pages
/// it keeps 16 MiB.
const SETTINGS: &str = "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384; PRAGMA foreign_keys = ON";

/// The links, whose index of words is kept by triggers.
const LINKS: &str = "short_link";

/// What the name of the file beside the database ends with that a move holds a lock on.
const LOCK: &str = "-move";

#[derive(Debug)]
pub(in crate::store::transfer) struct SqliteTarget {
    db: Connection,
    /// Never the database itself: with that `SQLite` would lose its own locks. It stays there, empty: whoever removed it could
    /// take it from somebody who has just opened it.
    lock: File,
}

impl SqliteTarget {
    pub(super) fn open(file: &Path) -> Result<Self, WriteError> {
        let db = Connection::open(file)?;
        db.busy_timeout(Duration::from_secs(5))?;
        db.execute_batch(SETTINGS)?;
        let lock = lock_beside(file).map_err(WriteError::Lock)?;
        Ok(Self { db, lock })
    }

    /// Whether no other process writes with one of these.
    pub(super) fn claim(&self) -> Result<bool, WriteError> {
        match self.lock.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(WriteError::Lock(error)),
        }
    }

    pub(super) fn run(&self, statements: &str) -> rusqlite::Result<()> {
        self.db.execute_batch(statements)
    }

    pub(super) fn settle(&self) -> rusqlite::Result<()> {
        self.db
            .execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)")
    }

    pub(super) fn apply(&mut self, table: &Table, changes: &Changes) -> rusqlite::Result<()> {
        let db = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Of the log they refuse what is to be done.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, table.name != LOG)?;
        let name = quoted(table.name);
        let assigned = |columns: &[Column], between: &str| {
            Table::list(columns, between, |name| format!("{0} = :{name}", quoted(name)))
        };
        if !changes.removed.is_empty() {
            let key = assigned(table.key(), " AND ");
            let mut delete = db.prepare(&format!("DELETE FROM {name} WHERE {key}"))?;
            execute(&mut delete, table.key(), &changes.removed)?;
        }
        if !changes.changed.is_empty() {
            let (key, rest) = (assigned(table.key(), " AND "), assigned(table.rest(), ", "));
            let mut update = db.prepare(&format!("UPDATE {name} SET {rest} WHERE {key}"))?;
            execute(&mut update, &table.columns, &changes.changed)?;
        }
        if !changes.added.is_empty() {
            let is_indexed = table.name == LINKS;
            let last: i64 = if is_indexed {
                // As for who makes links: one statement for all costs a third of what the trigger does.
                db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
                db.query_row(LAST_LINK, [], |row| row.get(0))?
            } else {
                0
            };
            let (columns, values) = (
                table.names(),
                Table::list(&table.columns, ", ", |name| format!(":{name}")),
            );
            let mut insert = db.prepare(&format!("INSERT INTO {name} ({columns}) VALUES ({values})"))?;
            execute(&mut insert, &table.columns, &changes.added)?;
            if is_indexed {
                db.execute(INDEX_LINKS, [last])?;
            }
        }
        db.commit()
    }
}

/// Opens the file to lock, whatever the database is called.
fn lock_beside(file: &Path) -> io::Result<File> {
    let mut path = fs::canonicalize(file)?.into_os_string();
    path.push(LOCK);
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

/// Runs a statement for each row. It names what it takes of a row by the columns' names.
fn execute(statement: &mut Statement<'_>, columns: &[Column], rows: &Lot) -> rusqlite::Result<()> {
    let mut places = Vec::with_capacity(columns.len());
    for column in columns {
        let place = statement.parameter_index(&format!(":{}", column.name))?;
        places.push((*column, place));
    }
    for row in rows.iter() {
        for ((column, place), field) in places.iter().zip(fields(row)) {
            if let Some(place) = place {
                statement.raw_bind_parameter(*place, value(*column, field))?;
            }
        }
        statement.raw_execute()?;
    }
    Ok(())
}

/// A field as `SQLite` has it.
fn value(column: Column, field: Option<&[u8]>) -> ToSqlOutput<'_> {
    let Some(bytes) = field else {
        return ToSqlOutput::Borrowed(ValueRef::Null);
    };
    ToSqlOutput::Borrowed(match column.kind {
        Kind::Uuid | Kind::Bytes => ValueRef::Blob(bytes),
        Kind::Text => ValueRef::Text(bytes),
        Kind::Json => ValueRef::Text(json_text(bytes).unwrap_or_default()),
        Kind::Flag => ValueRef::Integer(bytes.first().copied().map(i64::from).unwrap_or_default()),
        Kind::Small | Kind::Int | Kind::Big => ValueRef::Integer(number(bytes)),
    })
}

/// A number of any width.
fn number(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|first| *first >= 0x80) {
        -1
    } else {
        0
    };
    bytes
        .iter()
        .fold(sign, |number, byte| (number << 8) | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_of_any_width_keep_their_signs() {
        for value in [i16::MIN, -1, 0, 1, i16::MAX] {
            let wide = i64::from(value);
            assert_eq!(number(&value.to_be_bytes()), wide);
            assert_eq!(number(&i32::from(value).to_be_bytes()), wide);
            assert_eq!(number(&wide.to_be_bytes()), wide);
        }
        for value in [i64::MIN, i64::MAX] {
            assert_eq!(number(&value.to_be_bytes()), value);
        }
    }
}
