//! Summing in `SQLite`: a lot is read and sorted, and written in many short transactions, between which redirects store
//! their clicks.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension as _, Statement, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::LOT;
use crate::store::SqliteFile;

/// How many clicks are summed in one transaction: two milliseconds of it, which redirects wait for.
const PART: usize = 500;

const SUMMING: &str = "SELECT through, upcoming, link, link_through FROM click_summing";

const NEWEST: &str = "SELECT seq FROM click ORDER BY seq DESC LIMIT 1";

const CLICKS: &str = "SELECT short_link_id, seq, id, clicked_at, bot_reason IS NULL, visitor FROM click \
    WHERE seq > ?1 AND seq <= ?2";

const INSERT_CLICK: &str = "INSERT INTO link_click (short_link_id, click_id, seq) VALUES (?1, ?2, ?3) \
    ON CONFLICT DO NOTHING";

const INSERT_VISITOR: &str = "INSERT INTO link_visitor (short_link_id, visitor, seq) VALUES (?1, ?2, ?3) \
    ON CONFLICT DO NOTHING";

const ADD_TOTAL: &str = "INSERT INTO link_total \
    (short_link_id, clicks, human_clicks, unique_clicks, first_clicked_at, last_clicked_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (short_link_id) DO UPDATE SET \
    clicks = clicks + excluded.clicks, \
    human_clicks = human_clicks + excluded.human_clicks, \
    unique_clicks = unique_clicks + excluded.unique_clicks, \
    first_clicked_at = min(first_clicked_at, excluded.first_clicked_at), \
    last_clicked_at = max(last_clicked_at, excluded.last_clicked_at)";

const MOVE: &str = "UPDATE click_summing SET through = ?1, upcoming = ?2, link = ?3, link_through = ?4";

/// Sums clicks through a connection of its own.
pub(super) struct Summer {
    file: SqliteFile,
    db: Connection,
}

/// What is summed of a click; sorted by link and row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Click {
    link: [u8; 16],
    seq: i64,
    id: [u8; 16],
    clicked_at: i64,
    is_human: bool,
    visitor: Option<i64>,
}

/// Which clicks are summed, see `entity::click_summing`.
#[derive(Clone, Copy)]
struct Summing {
    through: i64,
    upcoming: i64,
    part: Option<([u8; 16], i64)>,
}

/// What the clicks of one link add to its total.
struct Total {
    link: [u8; 16],
    clicks: i64,
    human_clicks: i64,
    unique_clicks: i64,
    first_clicked_at: i64,
    last_clicked_at: i64,
}

impl Summer {
    pub(super) fn open(file: SqliteFile) -> rusqlite::Result<Self> {
        let db = file.open_to_write()?;
        // Sums that a power failure takes are made again: watermark and sums go together.
        db.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(Self { file, db })
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
            let mut summing = self.summing()?;
            if summing.upcoming == summing.through {
                summing.upcoming = newest.min(summing.through + LOT);
                summing.part = None;
            }
            if summing.upcoming <= summing.through {
                return Ok(());
            }
            self.sum_lot(summing)?;
        }
    }

    fn summing(&self) -> rusqlite::Result<Summing> {
        self.db.prepare_cached(SUMMING)?.query_row([], |row| {
            let link: Option<[u8; 16]> = row.get(2)?;
            Ok(Summing {
                through: row.get(0)?,
                upcoming: row.get(1)?,
                part: link.zip(row.get(3)?),
            })
        })
    }

    fn sum_lot(&mut self, summing: Summing) -> rusqlite::Result<()> {
        let clicks = self.clicks(summing)?;
        let mut rest = clicks.as_slice();
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(PART));
            rest = after;
            let next = match part.last() {
                Some(last) if !rest.is_empty() => Summing {
                    part: Some((last.link, last.seq)),
                    ..summing
                },
                _ => done(summing),
            };
            self.sum_part(part, next)?;
        }
        if clicks.is_empty() {
            // Row numbers may have gaps, and the last part may have been all there was.
            self.sum_part(&[], done(summing))?;
        }
        Ok(())
    }

    /// The clicks of a lot that are not summed yet, sorted by link.
    fn clicks(
        &self,
        Summing {
            through,
            upcoming,
            part,
        }: Summing,
    ) -> rusqlite::Result<Vec<Click>> {
        let mut statement = self.db.prepare_cached(CLICKS)?;
        let rows = statement.query_map([through, upcoming], |row| {
            Ok(Click {
                link: row.get(0)?,
                seq: row.get(1)?,
                id: row.get(2)?,
                clicked_at: row.get(3)?,
                is_human: row.get(4)?,
                visitor: row.get(5)?,
            })
        })?;
        let is_summed = |click: &Click| part.is_some_and(|part| (click.link, click.seq) <= part);
        let mut clicks = Vec::new();
        for click in rows {
            clicks.push(click?);
        }
        clicks.retain(|click| !is_summed(click));
        clicks.sort_unstable();
        Ok(clicks)
    }

    /// Sums clicks, and with them moves the mark.
    fn sum_part(&mut self, clicks: &[Click], next: Summing) -> rusqlite::Result<()> {
        let _turn = self.file.turn();
        let transaction = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut insert_click = transaction.prepare_cached(INSERT_CLICK)?;
        let mut insert_visitor = transaction.prepare_cached(INSERT_VISITOR)?;
        let mut add_total = transaction.prepare_cached(ADD_TOTAL)?;
        for clicks in clicks.chunk_by(|one, other| one.link == other.link) {
            if let Some(total) = sum_link(clicks, &mut insert_click, &mut insert_visitor)? {
                add_total.execute(params![
                    total.link,
                    total.clicks,
                    total.human_clicks,
                    total.unique_clicks,
                    total.first_clicked_at,
                    total.last_clicked_at
                ])?;
            }
        }
        drop((insert_click, insert_visitor, add_total));
        let (link, link_through) = next.part.unzip();
        transaction.prepare_cached(MOVE)?.execute(params![
            next.through,
            next.upcoming,
            link,
            link_through
        ])?;
        transaction.commit()
    }
}

/// The mark once a lot is summed.
const fn done(lot: Summing) -> Summing {
    Summing {
        through: lot.upcoming,
        upcoming: lot.upcoming,
        part: None,
    }
}

/// Notes clicks of one link and adds them up. A click that is noted already was written twice and adds nothing.
fn sum_link(
    clicks: &[Click],
    insert_click: &mut Statement<'_>,
    insert_visitor: &mut Statement<'_>,
) -> rusqlite::Result<Option<Total>> {
    let mut total: Option<Total> = None;
    for click in clicks {
        if insert_click.execute(params![click.link, click.id, click.seq])? == 0 {
            continue;
        }
        let total = total.get_or_insert(Total {
            link: click.link,
            clicks: 0,
            human_clicks: 0,
            unique_clicks: 0,
            first_clicked_at: click.clicked_at,
            last_clicked_at: click.clicked_at,
        });
        total.clicks += 1;
        total.first_clicked_at = total.first_clicked_at.min(click.clicked_at);
        total.last_clicked_at = total.last_clicked_at.max(click.clicked_at);
        if click.is_human {
            total.human_clicks += 1;
            if let Some(visitor) = click.visitor {
                let new = insert_visitor.execute(params![click.link, visitor, click.seq])?;
                total.unique_clicks += i64::from(new == 1);
            }
        }
    }
    Ok(total)
}
