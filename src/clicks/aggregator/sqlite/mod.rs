//! Summing in `SQLite`: a lot is read and sorted, and written in many short transactions, between which redirects store
//! their clicks. The last one writes what is made of the whole lot.

mod links;
mod lot;
mod write;

use std::{
    ops::Range,
    sync::mpsc::{Receiver, RecvTimeoutError},
    thread::sleep,
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use tokio::sync::oneshot;

use self::{
    links::Links,
    lot::{Click, Lot},
};
use super::facts::Facts;
use crate::store::SqliteFile;

/// How many clicks are summed together at most: 20 MB of memory for as long as it takes. With twice as many each link has
/// twice as many of them, which are written to the same pages.
const LOT: i64 = 200_000;

/// How many clicks are summed in one transaction: two milliseconds of it, which redirects wait for.
const PART: usize = 500;

/// How many rows a whole lot may write at once, which redirects wait for too: about twenty milliseconds. Clicks of some
/// minutes have few, a history that is brought along has many; any lot of a thousand clicks has fewer.
const MOST_ROWS: usize = 20_000;

/// How long another process that sums the same clicks is left alone.
const WHILE_ANOTHER_SUMS: Duration = Duration::from_millis(20);

/// Prepared statements that the connection keeps: there are fewer.
const STATEMENTS: usize = 32;

const SUMMING: &str = "SELECT through, upcoming, link, link_through FROM click_summing";

const NEWEST: &str = "SELECT seq FROM click ORDER BY seq DESC LIMIT 1";

/// Only from where it is thought to be: somebody else may have moved it.
const MOVE: &str = "UPDATE click_summing SET through = ?1, upcoming = ?2, link = ?3, link_through = ?4 \
    WHERE through = ?5 AND upcoming = ?6 AND link IS ?7 AND link_through IS ?8";

/// Sums clicks through a connection of its own.
pub(super) struct Summer {
    file: SqliteFile,
    db: Connection,
    /// How many clicks the next lot has at most.
    lot: i64,
}

/// Which clicks are summed, see `entity::click_summing`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark {
    through: i64,
    upcoming: i64,
    part: Option<([u8; 16], i64)>,
}

/// What became of a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Summed {
    All,
    /// Nothing, since somebody else moved the mark.
    ByAnother,
    /// Nothing, since too much would be written at once.
    TooMuch,
}

impl Summer {
    pub(super) fn open(file: SqliteFile) -> rusqlite::Result<Self> {
        let db = file.open_to_write()?;
        // Sums that a power failure takes are made again: watermark and sums go together.
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self { file, db, lot: LOT })
    }

    /// Sums until nobody is left to ask for it.
    pub(super) fn sum_all(mut self, pause: Duration, asks: &Receiver<oneshot::Sender<()>>) {
        loop {
            let asked = match asks.recv_timeout(pause) {
                Ok(asked) => Some(asked),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if let Err(error) = self.catch_up() {
                tracing::warn!(%error, "clicks can't be summed now; it is tried again");
            }
            if let Some(asked) = asked {
                let _ = asked.send(());
            }
        }
    }

    /// Sums all that is stored by now.
    fn catch_up(&mut self) -> rusqlite::Result<()> {
        let newest: Option<i64> = self
            .db
            .prepare_cached(NEWEST)?
            .query_row([], |row| row.get(0))
            .optional()?;
        let newest = newest.unwrap_or_default();
        loop {
            let mark = self.mark()?;
            let mut lot = mark;
            if lot.upcoming == lot.through {
                lot.upcoming = newest.min(lot.through + self.lot);
                lot.part = None;
            }
            if lot.upcoming <= lot.through {
                return Ok(());
            }
            match self.sum_lot(mark, lot)? {
                Summed::All => {}
                Summed::TooMuch => self.lot = (lot.upcoming - lot.through) / 2,
                // Another may sum to the end, or end in the middle: then its lot is taken up where it stopped.
                Summed::ByAnother => sleep(WHILE_ANOTHER_SUMS),
            }
        }
    }

    fn mark(&self) -> rusqlite::Result<Mark> {
        self.db.prepare_cached(SUMMING)?.query_row([], |row| {
            let link: Option<[u8; 16]> = row.get(2)?;
            Ok(Mark {
                through: row.get(0)?,
                upcoming: row.get(1)?,
                part: link.zip(row.get(3)?),
            })
        })
    }

    /// Sums a lot from where the mark is.
    fn sum_lot(&mut self, mut mark: Mark, next: Mark) -> rusqlite::Result<Summed> {
        let mut lot = Lot::read(&self.db, next.through, next.upcoming)?;
        // One that is begun goes on as it is.
        if mark.upcoming == mark.through {
            let rows = lot.rows();
            if rows > MOST_ROWS {
                return Ok(Summed::TooMuch);
            }
            if rows <= MOST_ROWS / 2 {
                self.lot = LOT.min(self.lot * 2);
            }
        }
        let is_summed = |click: &Click| next.part.is_some_and(|part| lot.place(click) <= part);
        let summed = lot.clicks.partition_point(is_summed);
        lot.read_verdicts(&self.db, summed)?;
        for begin in (summed..lot.clicks.len()).step_by(PART) {
            let part = begin..lot.clicks.len().min(begin + PART);
            let next = Mark {
                part: lot.clicks[part.clone()].last().map(|last| lot.place(last)),
                ..next
            };
            if !self.sum_part(&mut lot, part, mark, next)? {
                return Ok(Summed::ByAnother);
            }
            mark = next;
        }
        let done = Mark {
            through: next.upcoming,
            upcoming: next.upcoming,
            part: None,
        };
        let is_done = self.finish(lot.facts(), mark, done)?;
        Ok(if is_done { Summed::All } else { Summed::ByAnother })
    }

    /// Sums a part of a lot by link, and with it moves the mark; `false` where somebody else moved it.
    fn sum_part(
        &mut self,
        lot: &mut Lot,
        part: Range<usize>,
        mark: Mark,
        next: Mark,
    ) -> rusqlite::Result<bool> {
        let _turn = self.file.turn();
        let transaction = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !move_mark(&transaction, mark, next)? {
            return Ok(false);
        }
        Links::of(&transaction)?.sum(&lot.facts, &mut lot.clicks[part])?;
        transaction.commit()?;
        Ok(true)
    }

    /// Writes what a whole lot adds to subjects and chunks, and moves the mark behind it; `false` where somebody else
    /// moved it.
    ///
    /// Whatever can be is made before redirects have to wait. The chunks that are read for it stay as they are until the mark
    /// is moved: whoever sums moves it, and whoever changes verdicts leaves them alone while a lot is under way. One is
    /// since the first part of it was summed, also where that is all of it.
    fn finish(&mut self, facts: Facts, mark: Mark, done: Mark) -> rusqlite::Result<bool> {
        let (sums, chunks) = (facts.sums(), facts.chunks());
        let chunks = write::joined_chunks(&self.db, chunks)?;
        let _turn = self.file.turn();
        let transaction = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !move_mark(&transaction, mark, done)? {
            return Ok(false);
        }
        write::sums(&transaction, &sums)?;
        write::chunks(&transaction, &chunks)?;
        transaction.commit()?;
        Ok(true)
    }
}

fn move_mark(db: &Connection, from: Mark, to: Mark) -> rusqlite::Result<bool> {
    let (from_link, from_row) = from.part.unzip();
    let (link, row) = to.part.unzip();
    let moved = db.prepare_cached(MOVE)?.execute(params![
        to.through,
        to.upcoming,
        link,
        row,
        from.through,
        from.upcoming,
        from_link,
        from_row
    ])?;
    Ok(moved == 1)
}

#[cfg(test)]
mod tests {
    use crate::store::{Options, Store};

    use super::*;

    /// A click of some link, not stored.
    const CLICK: &str = "INSERT INTO click \
        (id, clicked_at, short_link_id, method, is_prefetch, agent_list_id) VALUES (?1, 1, ?2, 'GET', 0, 0)";

    const CLICK_AT: &str = "INSERT INTO click \
        (id, clicked_at, short_link_id, method, is_prefetch, agent_list_id) VALUES (?1, ?3, ?2, 'GET', 0, 0)";

    const LINK: &str = "INSERT INTO short_link (id, account_id, domain_id, code, destination, sending_list_id, \
        metadata, filter_bots, status, created_at) VALUES (?1, ?1, ?1, 'a', 'b', ?1, '{}', 0, 'ACTIVE', 0)";

    fn figures(db: &Connection) -> rusqlite::Result<(i64, i64)> {
        let sum = "SELECT (SELECT sum(clicks) FROM link_total), (SELECT count(*) FROM link_click)";
        db.query_row(sum, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Does something with a database of its own.
    async fn with_database(
        work: impl FnOnce(SqliteFile, SqliteFile) -> rusqlite::Result<()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let options = Options {
            create: true,
            ..Options::default()
        };
        let store = Store::connect(&url, &options).await?;
        store.migrate_up().await?;
        let file = || store.sqlite_file().ok_or(rusqlite::Error::InvalidQuery);
        let (first, second) = (file()?, file()?);
        tokio::task::spawn_blocking(move || work(first, second)).await??;
        Ok(())
    }

    #[tokio::test]
    async fn a_lot_that_would_write_too_much_at_once_is_made_smaller() -> anyhow::Result<()> {
        with_database(|file, _| {
            let mut summer = Summer::open(file)?;
            summer.db.pragma_update(None, "foreign_keys", false)?;
            summer.db.execute(LINK, [[9_u8; 16]])?;
            // A click a day.
            for id in 1..=3000_i64 {
                let mut click = [0; 16];
                click[..8].copy_from_slice(&id.to_le_bytes());
                let values = params![click, [9_u8; 16], id * 86_400_000];
                summer.db.execute(CLICK_AT, values)?;
            }
            let mark = summer.mark()?;
            let lot = |upcoming| Mark { upcoming, ..mark };
            assert_eq!(summer.sum_lot(mark, lot(3000))?, Summed::TooMuch);
            assert!(summer.mark()? == mark);
            summer.catch_up()?;
            assert_eq!(summer.lot, 750);
            assert_eq!(figures(&summer.db)?, (3000, 3000));
            let chunks = "SELECT count(*), sum(clicks) FROM click_column WHERE name = 0";
            let chunks: (i64, i64) = summer
                .db
                .query_row(chunks, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            assert_eq!(chunks, (3000, 3000));
            Ok(())
        })
        .await
    }

    #[tokio::test]
    async fn who_finds_the_mark_moved_writes_nothing() -> anyhow::Result<()> {
        with_database(|first, second| {
            let (mut first, mut second) = (Summer::open(first)?, Summer::open(second)?);
            // No such list of agents is stored.
            first.db.pragma_update(None, "foreign_keys", false)?;
            for id in 1..=3_u8 {
                first.db.execute(CLICK, params![[id; 16], [id; 16]])?;
            }
            let mark = first.mark()?;
            let lot = Mark { upcoming: 3, ..mark };
            let mut read = Lot::read(&first.db, lot.through, lot.upcoming)?;
            // The other one is faster, and then there is one more.
            second.catch_up()?;
            first.db.execute(CLICK, params![[4_u8; 16], [4_u8; 16]])?;
            assert_eq!(figures(&first.db)?, (3, 3));
            let part = Mark {
                part: Some(([2; 16], 2)),
                ..lot
            };
            assert_eq!(first.sum_lot(mark, lot)?, Summed::ByAnother);
            assert!(!first.sum_part(&mut read, 0..3, mark, part)?);
            assert!(!first.finish(read.facts(), mark, part)?);
            let moved = first.mark()?;
            assert!(
                moved
                    == Mark {
                        through: 3,
                        upcoming: 3,
                        part: None
                    }
            );
            assert_eq!(figures(&first.db)?, (3, 3));
            // From there it goes on.
            first.catch_up()?;
            assert_eq!(figures(&first.db)?, (4, 4));
            Ok(())
        })
        .await
    }
}
