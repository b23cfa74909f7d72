//! Writing to the `SQLite` file from a thread of its own, beside the writer.

use std::{path::PathBuf, time::Duration};

use rusqlite::Connection;
use tokio::sync::OwnedMutexGuard;

use super::transaction::Turn;

/// From how many pages of 4 KiB of the write-ahead log on whoever commits copies it into the file, but for the writer, beside
/// whom it is copied all the time: so it gets this long only in a command without one, or where a reader holds that up.
pub(super) const LONGEST_LOG: u32 = 16_000;

/// An `SQLite` file that is set up already, for whoever writes to it in transactions of its own.
#[derive(Clone, Debug)]
pub struct SqliteFile {
    pub(super) path: PathBuf,
    pub(super) turn: Turn,
}

impl SqliteFile {
    /// Opens it once more, to write to it by turns.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn open_to_write(&self) -> rusqlite::Result<Connection> {
        let db = Connection::open(&self.path)?;
        db.busy_timeout(Duration::from_secs(5))?;
        db.pragma_update(None, "foreign_keys", true)?;
        db.pragma_update(None, "wal_autocheckpoint", LONGEST_LOG)?;
        Ok(db)
    }

    /// Waits until it is this thread's turn to write; the turn lasts as long as what is returned. Not to be called where
    /// tasks run.
    #[must_use]
    pub fn turn(&self) -> OwnedMutexGuard<()> {
        Turn::clone(&self.turn).blocking_lock_owned()
    }
}
