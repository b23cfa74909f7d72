//! Writing to `SQLite`: prepared statements, stepped row by row inside one transaction a lot.
//!
//! Visitors wait for clicks, so clicks go first, and links give way: a few of them are stored with the clicks of a lot, and
//! the others a little later.

mod checkpointer;
mod links;
mod rows;

use std::{
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, TransactionBehavior, config::DbConfig};
use tokio::{runtime::Handle, sync::mpsc};

pub(super) use self::checkpointer::Checkpointer;
pub(in crate::store) use self::links::{INDEX_LINKS, LAST_LINK};
use self::{
    links::LinksOfLot,
    rows::{INSERT_CLICK, insert_click, insert_texts},
};
use super::{
    Done, Kept, LOT, QUEUE, WriteError,
    lot::{Lot, Lots, Message, Write, failed, is_tried_alone},
    texts::KnownTexts,
};
use crate::store::{SqliteFile, Synchronous};

/// About how many links one transaction stores at most while no click comes: one that comes just before its end waits for
/// it.
const LINKS: usize = 512;

/// How much longer than the work of storing some links with clicks took the other links then wait, for each of these clicks,
/// and at most. It is much, since visitors lack processors and the disk then: `scripts/bench batch` shows it.
const GIVE_WAY: usize = 4;
const GIVE_WAY_AT_MOST: usize = 30;

/// How long links wait at most: the work may have taken so long because of something else.
const LONGEST_WAIT: Duration = Duration::from_millis(60);

/// KiB of pages that the connection keeps. A set of links changes more than the two thousand that `SQLite` would: those were
/// written and read again before the set was stored.
const CACHE: i64 = 8192;

/// Prepared statements that the connection keeps: there are fewer.
const STATEMENTS: usize = 32;

/// Writes to an `SQLite` file through a connection of its own.
#[derive(Debug)]
pub(super) struct SqliteWriter {
    db: Connection,
    file: SqliteFile,
    known: KnownTexts,
    /// How long the links of the last transaction took, but for the commit; nothing if there were none.
    links_took: Duration,
}

impl SqliteWriter {
    /// Opens a file that is set up already, into which a [`Checkpointer`] copies what is written.
    pub(super) fn open(file: SqliteFile, synchronous: Synchronous) -> rusqlite::Result<Self> {
        let db = file.open_to_write()?;
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        db.pragma_update(None, "synchronous", synchronous.pragma())?;
        // However long a reader has kept the log.
        db.pragma_update(None, "wal_autocheckpoint", 0)?;
        // In KiB, where it is negative.
        db.pragma_update(None, "cache_size", -CACHE)?;
        // The index of links is kept by triggers, one row at a time, and here by one statement a lot: a third of the
        // price.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        Ok(Self {
            db,
            file,
            known: KnownTexts::default(),
            links_took: Duration::ZERO,
        })
    }

    /// Stores what comes until nobody is left to send.
    ///
    /// Callers are woken by one task on `runtime`, not from here: a task that is woken from outside goes through a
    /// lock that all share, one by one.
    pub(super) fn write_all(mut self, mut waiting: mpsc::Receiver<Message>, lots: &Lots, runtime: &Handle) {
        let mut messages = Vec::with_capacity(LOT);
        let mut lot = Lot::default();
        // When links that are left are due.
        let mut due = Instant::now();
        loop {
            let received = if lot.is_empty() {
                Some(waiting.blocking_recv_many(&mut messages, LOT))
            } else {
                receive_until(due, &mut waiting, &mut messages)
            };
            if received == Some(0) {
                if lot.is_empty() {
                    return;
                }
                // Nobody is left to give way to.
                due = Instant::now();
            }
            for message in messages.drain(..) {
                lot.add(message);
            }
            let outcomes = {
                let _turn = self.file.turn();
                let are_links_due = due <= Instant::now();
                self.store(&mut lot, are_links_due, &mut waiting)
            };
            if lot.clicks > 0 && !self.links_took.is_zero() {
                due = Instant::now() + self.rest_after(lot.clicks);
            }
            let (stored, outcomes, rest) = lot.settle(outcomes);
            stored.note(lots);
            lot = rest;
            lots.held.store(lot.writes.len(), Ordering::Relaxed);
            if !stored.is_empty() {
                runtime.spawn(async move { stored.answer(outcomes) });
            }
        }
    }

    /// How long links wait after some of them were stored with so many clicks.
    fn rest_after(&self, clicks: usize) -> Duration {
        let times = (clicks * GIVE_WAY).min(GIVE_WAY_AT_MOST);
        let rest = self
            .links_took
            .saturating_mul(u32::try_from(times).unwrap_or(u32::MAX));
        rest.min(LONGEST_WAIT)
    }

    /// Stores a lot together, and with it what comes while it is written: who comes then would else wait for this commit
    /// and the next. When the transaction fails, in smaller ones where that may help.
    fn store(
        &mut self,
        lot: &mut Lot,
        are_links_due: bool,
        waiting: &mut mpsc::Receiver<Message>,
    ) -> Vec<Result<Done, WriteError>> {
        let late = |lot: &mut Lot| {
            while lot.clicks < LOT
                && lot.writes.len() < QUEUE
                && let Ok(message) = waiting.try_recv()
            {
                lot.add(message);
            }
        };
        match self.store_together(lot, are_links_due, late) {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(error) if are_links_due && is_tried_alone(&lot.writes) && !is_locked(&error) => {
                tracing::warn!(%error, writes = lot.writes.len(), "storing together failed, storing one by one");
                self.store_apart(lot)
            }
            Err(error) => {
                let mut outcomes = failed(&lot.writes, error.into());
                if !are_links_due {
                    for (asked, outcome) in lot.writes.iter().zip(&mut outcomes) {
                        if matches!(asked.write, Write::Links(..)) {
                            // They were not tried.
                            *outcome = Ok(Done::Links(Vec::new()));
                        }
                    }
                }
                outcomes
            }
        }
    }

    /// Stores the clicks of a lot together, then each write of links alone.
    fn store_apart(&mut self, lot: &mut Lot) -> Vec<Result<Done, WriteError>> {
        let writes = std::mem::take(&mut lot.writes);
        let (clicks, links): (Vec<_>, Vec<_>) = writes
            .into_iter()
            .partition(|asked| matches!(asked.write, Write::Click(..)));
        let mut outcomes = Vec::with_capacity(clicks.len() + links.len());
        for writes in std::iter::once(clicks).chain(links.into_iter().map(|one| vec![one])) {
            let mut part = Lot::default();
            part.writes = writes;
            match self.store_together(&mut part, true, |_| {}) {
                Ok(done) => outcomes.extend(done.into_iter().map(Ok)),
                Err(error) => outcomes.append(&mut failed(&part.writes, error.into())),
            }
            lot.writes.append(&mut part.writes);
        }
        outcomes
    }

    /// Stores a lot, and before the commit what `late` adds to it: all clicks, and of links, if they are due, as many as
    /// there is time for. With the first error nothing is stored: a part of its write may have been.
    fn store_together(
        &mut self,
        lot: &mut Lot,
        are_links_due: bool,
        mut late: impl FnMut(&mut Lot),
    ) -> rusqlite::Result<Vec<Done>> {
        self.links_took = Duration::ZERO;
        let transaction = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Once a lot: to find a prepared statement costs a fifth of what it does for one click.
        let mut insert = transaction.prepare_cached(INSERT_CLICK)?;
        let mut links = LinksOfLot::default();
        let mut texts = Vec::new();
        let mut outcomes = Vec::with_capacity(lot.writes.len());
        loop {
            for asked in &lot.writes[outcomes.len()..] {
                let outcome = match &asked.write {
                    Write::Click(..) if asked.is_given_up() => Done::Click(Kept::Refused),
                    Write::Links(..) => Done::Links(Vec::new()),
                    Write::Click(click, claim) => {
                        insert_texts(&transaction, &self.known, click, &mut texts)?;
                        Done::Click(insert_click(
                            &transaction,
                            &mut insert,
                            &click.row,
                            claim.is_some(),
                        )?)
                    }
                };
                outcomes.push(outcome);
            }
            let is_last = !are_links_due
                || links.count >= LINKS
                || (links.count > 0 && lot.clicks > 0)
                || !links.store_part(&transaction, &lot.writes, &mut outcomes)?;
            late(lot);
            if outcomes.len() == lot.writes.len() && (is_last || lot.clicks > 0) {
                break;
            }
        }
        drop(insert);
        links.index(&transaction)?;
        transaction.commit()?;
        self.links_took = links.took;
        self.known.learn(texts);
        Ok(outcomes)
    }
}

/// Wakes a thread that has nothing to do.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What comes until then, as the blocking receive counts it; `None` if nothing does.
fn receive_until(
    due: Instant,
    waiting: &mut mpsc::Receiver<Message>,
    messages: &mut Vec<Message>,
) -> Option<usize> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(received) = waiting.poll_recv_many(&mut context, messages, LOT) {
            return Some(received);
        }
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

/// Whether another process holds the file: then it would hold it for each of the writes.
fn is_locked(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::{
        super::made::{click, links},
        links::PART,
        *,
    };
    use crate::store::{Options, Outcome, Store};

    /// A writer to a file of its own.
    pub(super) async fn writer(folder: &TempDir) -> SqliteWriter {
        let url = format!("sqlite://{}", folder.path().join("links.db").display());
        let options = Options {
            create: true,
            ..Options::default()
        };
        let store = Store::connect(&url, &options).await.expect("a store");
        store.migrate_up().await.expect("tables");
        let file = store.sqlite_file().expect("a file");
        let writer = SqliteWriter::open(file, Synchronous::Full).expect("a writer");
        // The rows that links name are not the writer's to make.
        writer
            .db
            .pragma_update(None, "foreign_keys", false)
            .expect("a pragma");
        writer
    }

    /// What became of a lot, and what is left of it.
    pub(super) fn store(writer: &mut SqliteWriter, mut lot: Lot, are_links_due: bool) -> (Vec<Done>, Lot) {
        let outcomes = writer.store_together(&mut lot, are_links_due, |_| {});
        let outcomes = outcomes.expect("stored").into_iter().map(Ok).collect();
        let (_, outcomes, rest) = lot.settle(outcomes);
        (
            outcomes
                .into_iter()
                .map(|outcome| outcome.expect("stored"))
                .collect(),
            rest,
        )
    }

    #[tokio::test]
    async fn clicks_that_come_all_the_time_share_a_transaction_with_one_part_of_the_links() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = writer(&folder).await;
        let mut lot = Lot::default();
        lot.add(links(3 * PART));
        lot.add(links(1));
        let mut more = 3;
        let come = |lot: &mut Lot| {
            if more > 0 {
                more -= 1;
                lot.add(click());
            }
        };
        let done = writer.store_together(&mut lot, true, come).expect("stored");
        let counts: Vec<_> = done
            .iter()
            .map(|done| match done {
                Done::Links(part) => part.len(),
                Done::Click(_) => 0,
            })
            .collect();
        assert_eq!(counts, [PART - 1, 1, 0, 0, 0], "the lone link first");
        assert!(!writer.links_took.is_zero());
    }

    #[tokio::test]
    async fn where_storing_together_fails_clicks_are_stored_and_links_that_were_not_due_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = writer(&folder).await;
        writer
            .db
            .execute_batch("ALTER TABLE short_link RENAME TO elsewhere")
            .expect("a statement");
        let (_, mut waiting) = mpsc::channel(1);
        let mut lot = Lot::default();
        lot.add(links(2));
        lot.add(click());
        let outcomes = writer.store(&mut lot, true, &mut waiting);
        assert!(
            matches!(outcomes[..], [Ok(Done::Click(Kept::Stored)), Err(_)]),
            "{outcomes:?}"
        );
        writer
            .db
            .execute_batch("ALTER TABLE click RENAME TO nowhere")
            .expect("a statement");
        let mut lot = Lot::default();
        lot.add(links(2));
        lot.add(click());
        let outcomes = writer.store(&mut lot, false, &mut waiting);
        let (_, outcomes, rest) = lot.settle(outcomes);
        assert!(matches!(outcomes[..], [Err(_)]), "the click's: {outcomes:?}");
        assert_eq!(rest.writes.len(), 1, "the links, which were not tried");
    }

    #[tokio::test]
    async fn links_give_way_to_clicks_and_have_one_entry_in_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = writer(&folder).await;
        let stored = vec![Outcome::Stored; 3 * PART];
        let mut lot = Lot::default();
        lot.add(links(3 * PART));
        lot.add(click());
        let (done, mut rest) = store(&mut writer, lot, true);
        assert_eq!(done, [Done::Click(Kept::Stored)], "and a part of the links");
        rest.add(click());
        let (done, rest) = store(&mut writer, rest, false);
        assert_eq!(
            done,
            [Done::Click(Kept::Stored)],
            "and no links, which are not due"
        );
        let count = |writer: &SqliteWriter, sql: &str| -> i64 {
            let count = writer.db.query_row(sql, [], |row| row.get(0));
            count.expect("a number")
        };
        let links = "SELECT count(*) FROM short_link";
        assert_eq!(
            count(&writer, links),
            i64::try_from(PART).expect("a small number")
        );
        let (done, rest) = store(&mut writer, rest, true);
        assert_eq!(done, [Done::Links(stored)], "as nobody comes any more");
        assert!(rest.is_empty());
        assert_eq!(
            count(&writer, links),
            count(&writer, "SELECT affected FROM audit_entry")
        );
        assert_eq!(
            count(&writer, links),
            count(&writer, "SELECT count(*) FROM short_link_index('example')")
        );
    }
}
