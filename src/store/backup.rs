//! A copy of an `SQLite` file, made while others read and write it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::SqliteFile;

/// What of a path may stand in a URI as it is.
const KEPT: AsciiSet = NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_');

/// Each table, but for those that are only views of others, and how many rows it has.
pub type Rows = BTreeMap<String, u64>;

/// Why there is no good copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// `SQLite` could not read or write.
    #[error("SQLite could not copy the database")]
    Sqlite(#[from] rusqlite::Error),
    /// Somebody else holds the file.
    #[error("the database is held by another program, which did not let go of it in time")]
    Held,
    /// What was copied is not sound, and so is what it was copied from.
    #[error("the copy of the database is damaged: {0}")]
    Damaged(String),
    /// What was copied is not all.
    #[error("the table {0} has other rows in the copy than in the database")]
    Incomplete(String),
}

impl SqliteFile {
    /// Copies all into the empty file at `copy`, page by page as it is at one moment, and answers what is in it. It takes as
    /// long as reading all twice does, and meanwhile nobody waits for it. It is not to be called where tasks run.
    ///
    /// What it reads is one snapshot, so that a server that goes on writing does not make it begin again; its write-ahead log
    /// grows by what is written meanwhile. The copy is read through, and has the rows of the snapshot.
    ///
    /// # Errors
    /// When there is no good copy; then the file is to be thrown away.
    pub fn copy_to(&self, copy: &Path) -> Result<Rows, CopyError> {
        let source = open_to_read(&self.path, "")?;
        source.execute_batch("BEGIN")?;
        // With the first read the moment is chosen.
        let rows = rows_of(&source)?;
        {
            let mut copied = Connection::open(copy)?;
            // Half a copy is thrown away, and a whole one waited for at its end.
            copied.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
            match Backup::new(&source, &mut copied)?.step(-1)? {
                StepResult::Done => {}
                _ => return Err(CopyError::Held),
            }
        }
        source.execute_batch("COMMIT")?;
        expect_sound(copy, &rows)?;
        Ok(rows)
    }
}

/// Reads a copy through.
fn expect_sound(copy: &Path, expected: &Rows) -> Result<(), CopyError> {
    // As a file that nobody changes: else it would get a write-ahead log beside it.
    let copied = open_to_read(copy, "?immutable=1")?;
    let mut check = copied.prepare("PRAGMA integrity_check(3)")?;
    let said = check.query_map([], |row| row.get::<_, String>(0))?;
    let said: Vec<_> = said.collect::<rusqlite::Result<_>>()?;
    if said != ["ok"] {
        return Err(CopyError::Damaged(said.join("; ")));
    }
    let found = rows_of(&copied)?;
    let tables = expected.keys().chain(found.keys());
    match tables
        .into_iter()
        .find(|table| expected.get(*table) != found.get(*table))
    {
        Some(table) => Err(CopyError::Incomplete(table.clone())),
        None => Ok(()),
    }
}

fn open_to_read(file: &Path, how: &str) -> rusqlite::Result<Connection> {
    let path = percent_encode(file.as_os_str().as_encoded_bytes(), &KEPT);
    let uri = PathBuf::from(format!("file:{path}{how}"));
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let db = Connection::open_with_flags(uri, flags)?;
    db.busy_timeout(Duration::from_secs(5))?;
    Ok(db)
}

fn rows_of(db: &Connection) -> rusqlite::Result<Rows> {
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'";
    let mut tables = db.prepare(tables)?;
    let tables = tables.query_map([], |row| row.get::<_, String>(0))?;
    let tables: Vec<_> = tables.collect::<rusqlite::Result<_>>()?;
    let count = |table: String| {
        let quoted = table.replace('"', "\"\"");
        let rows = format!("SELECT count(*) FROM \"{quoted}\"");
        let rows: i64 = db.query_row(&rows, [], |row| row.get(0))?;
        Ok((table, u64::try_from(rows).unwrap_or_default()))
    };
    tables.into_iter().map(count).collect()
}
