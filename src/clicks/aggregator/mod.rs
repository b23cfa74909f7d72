//! Sums clicks behind the redirects that stored them.
//!
//! A redirect appends a row and no more. What figures need of it is written here, for many clicks at a time and in the
//! order of its keys: the more clicks share a page, the less each costs. Whoever reads adds the clicks that are not summed
//! yet, so figures are exact all the same, and where summing stops, by a crash too, it goes on.
//!
//! First each lot is summed by link: where the link's clicks are and what they count as, who has been to it, its totals. Then,
//! all at once, what the whole lot adds to accounts, lists, offers and domains, and its clicks by column
//! ([`super::columns`]), of which those of one account and day get into fewer and larger chunks as they become more. Every
//! click is in exactly one chunk from the moment on at which the mark says that it is summed.
//!
//! A click that was written twice is summed by its first row. The other one only tells once more who came, and nobody would
//! find it when a person is to be forgotten: so it loses its traces in the transaction that finds it.
//!
//! Whoever moves the mark looks, in the transaction in which they write the sums, whether it is still where they took it
//! up; else they undo what they wrote. So a server and an operator's command, or two servers, may sum the same clicks.

mod facts;
mod postgres;
mod sqlite;
mod texts;

use std::{sync::mpsc, time::Duration};

use entity::{click, click_summing};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait as _, QueryOrder as _, QuerySelect as _, Statement};
use tokio::{sync::oneshot, time::sleep};

use crate::store::{Store, WriteError};

/// How long clicks gather before they are summed, where nothing else is said.
pub const PAUSE: Duration = Duration::from_secs(5);

/// How often it is looked whether clicks are summed, and how long between.
const TRIES: u32 = 600;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// How many rows of clicks are stored and not summed yet, from the two ends of them: none is counted. In `PostgreSQL` it
/// may be a few more, since numbers are left out where a transaction was undone.
///
/// # Errors
/// When the database does not answer.
pub async fn unsummed(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    let ends = "SELECT coalesce((SELECT max(seq) FROM click), 0) - coalesce((SELECT max(through) FROM click_summing), 0)";
    let row = db
        .query_one_raw(Statement::from_string(db.get_database_backend(), ends))
        .await?;
    let rows: i64 = match row {
        Some(row) => row.try_get_by_index(0)?,
        None => 0,
    };
    // Where the newest ones were removed, the mark is behind them.
    Ok(u64::try_from(rows).unwrap_or_default())
}

/// Sums the clicks of a database. Cheap to clone; summing ends with the last clone.
#[derive(Clone, Debug)]
pub struct Aggregator {
    asked: Asked,
}

#[derive(Clone, Debug)]
enum Asked {
    Thread(mpsc::Sender<oneshot::Sender<()>>),
    Task(tokio::sync::mpsc::Sender<oneshot::Sender<()>>),
}

impl Aggregator {
    /// Starts to sum the clicks of the store's database, each time they have gathered for so long.
    ///
    /// # Errors
    /// When the `SQLite` file can't be opened once more.
    pub fn spawn(store: &Store, pause: Duration) -> Result<Self, WriteError> {
        let asked = if let Some(file) = store.sqlite_file() {
            let (asked, asks) = mpsc::channel();
            let summer = sqlite::Summer::open(file)?;
            std::thread::spawn(move || summer.sum_all(pause, &asks));
            Asked::Thread(asked)
        } else {
            let (asked, asks) = tokio::sync::mpsc::channel(1);
            tokio::spawn(postgres::sum_all(store.write.clone(), pause, asks));
            Asked::Task(asked)
        };
        Ok(Self { asked })
    }

    /// Returns once all clicks are summed that are stored by now, unless the database fails, or in `PostgreSQL` another node
    /// is at it or a click is long on its way, see [`Self::caught_up_for_certain`].
    pub async fn caught_up(&self) {
        let (done, caught_up) = oneshot::channel();
        let is_asked = match &self.asked {
            Asked::Thread(asked) => asked.send(done).is_ok(),
            Asked::Task(asked) => asked.send(done).await.is_ok(),
        };
        if is_asked {
            let _ = caught_up.await;
        }
    }

    /// The mark once all clicks up to the newest one of now are summed, by whomever; `None` where they are not after a minute.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn caught_up_for_certain(&self, store: &Store) -> Result<Option<click_summing::Model>, DbErr> {
        let newest = click::Entity::find()
            .select_only()
            .column(click::Column::Seq)
            .order_by_desc(click::Column::Seq)
            .into_tuple::<i64>();
        let newest = newest.one(&store.read).await?.unwrap_or_default();
        let mark = || async {
            let mark = click_summing::Entity::find().one(&store.read).await?;
            mark.ok_or_else(|| DbErr::RecordNotFound("how far clicks are summed".to_owned()))
        };
        for _ in 0..TRIES {
            let found = mark().await?;
            if found.through >= newest {
                return Ok(Some(found));
            }
            self.caught_up().await;
            if mark().await?.through < newest {
                sleep(BETWEEN_TRIES).await;
            }
        }
        Ok(None)
    }
}
