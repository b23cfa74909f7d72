//! Copying the write-ahead log into the file, beside the writer.
//!
//! `SQLite` itself leaves it to whoever commits when the log has become long: with its pages and its two syncs, every click
//! that comes meanwhile waits for it. Here a thread of its own copies, while the writer goes on appending. But the log begins
//! anew only where all of it is copied, which it never is beside a writer that goes on: so once it is long, the last pages are
//! copied in a turn in which nobody writes. Those are few.

use std::{sync::mpsc::Receiver, thread, time::Duration};

use rusqlite::Connection;

use crate::store::SqliteFile;

/// How long commits gather before their pages are copied: most of them change the same ones.
const PAUSE: Duration = Duration::from_millis(100);

/// From how many pages of 4 KiB the log is made to begin anew; `SQLite`'s own figure.
const LONG: i64 = 1000;

/// How long the log is, and how much of it is copied, in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Log {
    pages: i64,
    copied: i64,
}

impl Log {
    const fn is_copied(self) -> bool {
        self.copied == self.pages
    }
}

/// Copies through a connection of its own.
#[derive(Debug)]
pub(in crate::store::writer) struct Checkpointer {
    db: Connection,
    file: SqliteFile,
}

impl Checkpointer {
    /// Opens a file that is set up already.
    pub(in crate::store::writer) fn open(file: SqliteFile) -> rusqlite::Result<Self> {
        Ok(Self {
            db: file.open_to_write()?,
            file,
        })
    }

    /// Copies what is committed until nobody is left to say that something is.
    pub(in crate::store::writer) fn copy_all(self, commits: &Receiver<()>) {
        while let Ok(()) = commits.recv() {
            thread::sleep(PAUSE);
            if let Err(error) = self.copy(LONG) {
                tracing::warn!(%error, "the write-ahead log can't be copied now; it is tried again");
            }
        }
    }

    /// Copies what is committed, and lets a log of at least so many pages begin anew. Where a reader still needs its pages, or
    /// another process copies, less is copied; that is for the next time.
    fn copy(&self, least: i64) -> rusqlite::Result<Log> {
        let log = self.checkpoint()?;
        if log.pages < least || !log.is_copied() {
            return Ok(log);
        }
        let _turn = self.file.turn();
        self.checkpoint()
    }

    fn checkpoint(&self) -> rusqlite::Result<Log> {
        // It waits for nobody.
        self.db
            .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?
            .query_row([], |row| {
                Ok(Log {
                    pages: row.get(1)?,
                    copied: row.get(2)?,
                })
            })
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::spawn_blocking;

    use super::{
        super::{
            super::{lot::Lot, made::links},
            SqliteWriter,
            tests::{store, writer},
        },
        *,
    };

    /// Does something with a file of its own.
    async fn with_file(work: impl FnOnce(SqliteWriter, Checkpointer) + Send + 'static) {
        let folder = tempfile::tempdir().expect("a folder");
        let writer = writer(&folder).await;
        let checkpointer = Checkpointer::open(writer.file.clone()).expect("a checkpointer");
        spawn_blocking(move || work(writer, checkpointer))
            .await
            .expect("done");
    }

    fn write(writer: &mut SqliteWriter) {
        let mut lot = Lot::default();
        lot.add(links(100));
        let (_, rest) = store(writer, lot, true);
        assert!(rest.is_empty());
    }

    #[tokio::test]
    async fn a_long_log_is_copied_with_what_is_written_meanwhile_and_begins_anew() {
        with_file(|mut writer, checkpointer| {
            write(&mut writer);
            let turn = writer.file.turn();
            let copying = thread::spawn(move || {
                let log = checkpointer.copy(1).expect("copied");
                (checkpointer, log)
            });
            write(&mut writer);
            drop(turn);
            let (checkpointer, log) = copying.join().expect("done");
            assert!(log.is_copied(), "{log:?}");
            write(&mut writer);
            let next = checkpointer.copy(i64::MAX).expect("copied");
            assert!(
                next.is_copied() && next.pages < log.pages,
                "{log:?}, then {next:?}"
            );
        })
        .await;
    }

    #[tokio::test]
    async fn pages_that_a_reader_needs_are_copied_later() {
        with_file(|mut writer, checkpointer| {
            let reader = writer.file.open_to_write().expect("a reader");
            let count = |reader: &Connection| -> i64 {
                let count = reader.query_row("SELECT count(*) FROM short_link", [], |row| row.get(0));
                count.expect("a number")
            };
            reader.execute_batch("BEGIN").expect("a transaction");
            assert_eq!(count(&reader), 0);
            write(&mut writer);
            let log = checkpointer.copy(1).expect("copied");
            assert!(!log.is_copied(), "{log:?}");
            assert_eq!(count(&reader), 0, "as when it began");
            reader.execute_batch("COMMIT").expect("ended");
            let log = checkpointer.copy(1).expect("copied");
            assert!(log.is_copied(), "{log:?}");
            assert_eq!(count(&reader), 100);
        })
        .await;
    }
}
