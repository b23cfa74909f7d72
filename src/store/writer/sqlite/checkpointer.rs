//! Copying the write-ahead log into the file, beside the writer.
//!
//! `SQLite` itself leaves it to whoever commits when the log has become long, and every click that comes meanwhile waits for
//! its pages and its two syncs. Here a thread of its own copies, while the writer goes on appending. But the log begins anew
//! only where all of it is copied, which it never is beside a writer that goes on: so once it is long, the last pages are
//! copied in a turn in which nobody writes. Those are few. `SQLite` brings the file to the disk once all is copied, which would
//! be in that turn: so what was copied before is brought there before the turn.

use std::{
    cell::OnceCell,
    fs::File,
    mem::ManuallyDrop,
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};

use rusqlite::Connection;

use crate::store::SqliteFile;

/// How long pages gather before they are copied: most commits change the same ones. With a fifth of it a link costs a tenth more.
const PAUSE: Duration = Duration::from_millis(100);

/// How many pages of 4 KiB are left until there are more: each time costs two syncs, and a visitor now and then changes few.
const FEW: i64 = 250;

/// From how many pages the log is made to begin anew: 16 MiB. Beside sets of links `SQLite`'s own thousand gather in a tenth of a
/// second, and each time there is a turn that clicks wait for.
const LONG: i64 = 4000;

/// How often what was written meanwhile is brought to the disk before that turn: each time it is less.
const TIMES: usize = 2;

/// How long the log is, and how much of it is copied, in pages; -1 each while another process copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Log {
    pages: i64,
    copied: i64,
}

impl Log {
    const fn is_copied(self) -> bool {
        self.pages >= 0 && self.copied == self.pages
    }
}

/// Copies through a connection of its own.
#[derive(Debug)]
pub(in crate::store::writer) struct Checkpointer {
    db: Connection,
    file: SqliteFile,
    on_disk: OnDisk,
}

/// The file once more, to bring it to the disk at another time than `SQLite` does.
///
/// It is never closed: a process that closes a file loses all locks that it has on it (POSIX), those of `SQLite`'s connections
/// too.
#[derive(Debug, Default)]
struct OnDisk(OnceCell<ManuallyDrop<File>>);

impl OnDisk {
    /// Brings what was written to the file to the disk. Where that fails `SQLite`, which does it once more, is told too.
    fn sync(&self, path: &Path) {
        if self.0.get().is_none()
            && let Ok(file) = File::open(path)
        {
            let _ = self.0.set(ManuallyDrop::new(file));
        }
        if let Some(file) = self.0.get() {
            let _ = file.sync_data();
        }
    }
}

impl Checkpointer {
    /// Opens a file that is set up already.
    pub(in crate::store::writer) fn open(file: SqliteFile) -> rusqlite::Result<Self> {
        Ok(Self {
            db: file.open_to_write()?,
            file,
            on_disk: OnDisk::default(),
        })
    }

    /// Copies what is committed, by whomever, for as long as the other end is kept.
    pub(in crate::store::writer) fn copy_all(self, ended: &Receiver<()>) {
        let mut is_said = false;
        while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
            match self.copy() {
                Ok(()) => is_said = false,
                Err(error) if !is_said => {
                    tracing::warn!(%error, "the write-ahead log can't be copied into the file now and grows; it is tried again");
                    is_said = true;
                }
                Err(_) => {}
            }
        }
    }

    /// Copies what is committed, unless that is little, and lets a long log begin anew. Where a reader still needs its pages,
    /// or another process copies, less is copied; that is for the next time.
    fn copy(&self) -> rusqlite::Result<()> {
        let log = self.log()?;
        if log.pages - log.copied < FEW {
            return Ok(());
        }
        let log = self.checkpoint()?;
        if log.pages >= LONG && log.is_copied() {
            for _ in 0..TIMES {
                self.on_disk.sync(&self.file.path);
                self.checkpoint()?;
            }
            self.copy_rest()?;
        }
        Ok(())
    }

    /// Copies what was committed during a copy, while nobody writes.
    fn copy_rest(&self) -> rusqlite::Result<Log> {
        let _turn = self.file.turn();
        self.checkpoint()
    }

    /// Looks only.
    fn log(&self) -> rusqlite::Result<Log> {
        self.ask("PRAGMA wal_checkpoint(NOOP)")
    }

    /// Copies what no reader needs, and waits for nobody.
    fn checkpoint(&self) -> rusqlite::Result<Log> {
        self.ask("PRAGMA wal_checkpoint(PASSIVE)")
    }

    fn ask(&self, pragma: &str) -> rusqlite::Result<Log> {
        self.db.prepare_cached(pragma)?.query_row([], |row| {
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

    /// Does something with a file of its own, and with one who reads it.
    async fn with_file(work: impl FnOnce(SqliteWriter, Checkpointer, Connection) + Send + 'static) {
        let folder = tempfile::tempdir().expect("a folder");
        let writer = writer(&folder).await;
        let checkpointer = Checkpointer::open(writer.file.clone()).expect("a checkpointer");
        let reader = writer.file.open_to_write().expect("a reader");
        spawn_blocking(move || work(writer, checkpointer, reader))
            .await
            .expect("done");
    }

    fn write(writer: &mut SqliteWriter, sets: usize) {
        for _ in 0..sets {
            let mut lot = Lot::default();
            lot.add(links(100));
            let (_, rest) = store(writer, lot, true);
            assert!(rest.is_empty());
        }
    }

    /// Begins to read, and says how many links there are.
    fn begin(reader: &Connection) -> i64 {
        reader.execute_batch("BEGIN").expect("a transaction");
        let count = reader.query_row("SELECT count(*) FROM short_link", [], |row| row.get(0));
        count.expect("a number")
    }

    fn end(reader: &Connection) {
        reader.execute_batch("COMMIT").expect("ended");
    }

    #[tokio::test]
    async fn what_is_written_during_a_copy_is_copied_after_it_and_the_log_begins_anew() {
        with_file(|mut writer, checkpointer, reader| {
            write(&mut writer, 1);
            // As long as somebody reads it the log goes on.
            assert_eq!(begin(&reader), 100);
            let first = checkpointer.checkpoint().expect("copied");
            assert!(first.pages > 0 && first.is_copied(), "{first:?}");
            write(&mut writer, 1);
            end(&reader);
            let log = checkpointer.log().expect("a log");
            assert!(log.pages > first.pages && !log.is_copied(), "{log:?}");
            let rest = checkpointer.copy_rest().expect("copied");
            assert!(rest.is_copied(), "{rest:?}");
            write(&mut writer, 1);
            let next = checkpointer.log().expect("a log");
            assert!(next.pages < rest.pages, "{rest:?}, then {next:?}");
        })
        .await;
    }

    #[tokio::test]
    async fn a_long_log_is_on_the_disk_before_the_last_pages_are_copied() {
        with_file(|mut writer, checkpointer, _| {
            write(&mut writer, 1);
            checkpointer.copy().expect("copied");
            assert!(checkpointer.on_disk.0.get().is_none(), "nobody needs that yet");
            while checkpointer.log().expect("a log").pages < LONG {
                write(&mut writer, 1);
            }
            checkpointer.copy().expect("copied");
            assert!(checkpointer.on_disk.0.get().is_some());
            assert!(checkpointer.log().expect("a log").is_copied());
        })
        .await;
    }

    /// Whether this process has a lock on the file.
    #[cfg(target_os = "linux")]
    fn is_locked(path: &Path) -> bool {
        let path = path.canonicalize().expect("a file");
        let open = std::fs::read_dir("/proc/self/fd").expect("open files");
        let open = open.filter_map(Result::ok);
        let of_file = open.filter(|file| file.path().read_link().is_ok_and(|target| target == path));
        let mut said = of_file.filter_map(|file| {
            let number = file.file_name();
            std::fs::read_to_string(Path::new("/proc/self/fdinfo").join(number)).ok()
        });
        said.any(|said| said.contains("\nlock:"))
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_file_that_was_brought_to_the_disk_keeps_its_locks() {
        with_file(|mut writer, checkpointer, reader| {
            write(&mut writer, 1);
            assert_eq!(begin(&reader), 100);
            let path = writer.file.path.clone();
            assert!(is_locked(&path));
            checkpointer.on_disk.sync(&path);
            assert!(checkpointer.on_disk.0.get().is_some());
            drop(checkpointer);
            assert!(is_locked(&path));
        })
        .await;
    }

    #[tokio::test]
    async fn few_pages_are_left_and_many_are_copied_but_for_those_that_a_reader_needs() {
        with_file(|mut writer, checkpointer, reader| {
            let copy = || {
                checkpointer.copy().expect("copied");
                checkpointer.log().expect("a log")
            };
            assert!(checkpointer.checkpoint().expect("copied").is_copied());
            write(&mut writer, 1);
            let log = copy();
            assert!(log.pages > 0 && log.copied == 0, "{log:?}");
            assert_eq!(begin(&reader), 100);
            while checkpointer.log().expect("a log").pages < 2 * FEW {
                write(&mut writer, 1);
            }
            let log = copy();
            assert!(log.copied > 0 && !log.is_copied(), "{log:?}");
            end(&reader);
            let log = copy();
            assert!(log.is_copied(), "{log:?}");
        })
        .await;
    }
}
