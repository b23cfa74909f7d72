//! One account's clicks as they are at one moment.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};

use entity::{AccountId, ShortLinkId, Timestamp};
use sea_orm::{
    ConnectionTrait as _, DatabaseBackend, DatabaseTransaction, DbErr, QueryResult, Statement, Value,
};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use super::Period;
use crate::store::{Snapshot, Store, pad};

/// How many reports count at once; there may be more snapshots, so that figures that are summed need not wait for them.
const AT_ONCE: usize = 2;

/// How long one statement of a report may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reports on the clicks of a database. Cheap to clone.
///
/// A report looks at millions of clicks. It never keeps anybody else from reading or writing: there are only so many at
/// once, one of each account, and the others wait; while it counts it lets other tasks go on; and one whose caller has gone
/// away ends.
#[derive(Clone, Debug)]
pub struct Reports {
    pub(super) store: Store,
    places: Arc<Semaphore>,
    turns: Arc<std::sync::Mutex<Turns>>,
}

/// Whose turn it is to have a report, of each account that asks for one.
type Turns = HashMap<AccountId, Weak<Mutex<()>>>;

/// A place among those who count at once, and the turn among those of the account.
#[derive(Debug)]
pub(super) struct Place {
    _place: Option<OwnedSemaphorePermit>,
    _turn: OwnedMutexGuard<()>,
}

/// A moment of an account's clicks: what is summed of them, and what is not yet.
#[derive(Debug)]
pub(super) struct View {
    db: Snapshot<Option<Place>>,
    pub(super) account: AccountId,
    /// The last raw row that sums and chunks have.
    pub(super) through: i64,
    /// The last raw row that there is.
    pub(super) last: i64,
    /// Before when single clicks may be missing.
    pub(super) kept_from: Timestamp,
}

impl Reports {
    /// Reports on the clicks of this store.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self {
            store: store.clone(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            turns: Arc::default(),
        }
    }

    /// Waits for a place among those who count at once, of which an account has one at most; it is taken as long as what is
    /// returned lives. Who has a view must not wait for one: whoever has a place may be waiting for the view's connection.
    pub(super) async fn place(&self, account: AccountId) -> Place {
        let turn = self.turn(account).lock_owned().await;
        Place {
            // Nobody closes it.
            _place: Arc::clone(&self.places).acquire_owned().await.ok(),
            _turn: turn,
        }
    }

    fn turn(&self, account: AccountId) -> Arc<Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&account).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(account, Arc::downgrade(&turn));
        turn
    }

    /// The account's clicks as they are now. It has the place, if it needs one, for as long as the database works for it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn view(&self, account: AccountId, place: Option<Place>) -> Result<View, DbErr> {
        let db = self.store.snapshot(PATIENCE, place).await?;
        let mark = "SELECT s.through, s.kept_from, (SELECT max(seq) FROM click) AS last
FROM click_summing AS s WHERE s.id = 1";
        let mark = Statement::from_string(db.get_database_backend(), mark);
        let mark = db.query_one_raw(mark).await?;
        let mark = mark.ok_or_else(|| DbErr::RecordNotFound("how far clicks are summed".to_owned()))?;
        let through = mark.try_get_by("through")?;
        Ok(View {
            db,
            account,
            through,
            last: mark.try_get_by::<Option<_>, _>("last")?.unwrap_or(through),
            kept_from: mark.try_get_by("kept_from")?,
        })
    }
}

impl View {
    /// Which database it is.
    pub(super) fn backend(&self) -> DatabaseBackend {
        self.db.get_database_backend()
    }

    /// What it is read through.
    pub(super) fn db(&self) -> &DatabaseTransaction {
        &self.db
    }

    /// The rows of a statement in words of both databases, whose `$1` is the account.
    pub(super) async fn rows(
        &self,
        sql: impl Into<String>,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let values = std::iter::once(self.account.into()).chain(values);
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        self.db.query_all_raw(statement).await
    }

    /// The only row of a statement.
    pub(super) async fn one(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.db.query_one_raw(statement).await
    }

    /// Whether every click of these links that was made in the period is noted one by one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn has_each_click(&self, links: &[ShortLinkId], period: Period) -> Result<bool, DbErr> {
        if period.from.is_some_and(|from| from >= self.kept_from) || self.kept_from().is_none() {
            return Ok(true);
        }
        let links = pad(links.to_vec()).into_iter().map(Into::into);
        let sql = format!(
            "SELECT min(first_clicked_at) FROM link_total WHERE short_link_id IN (
    SELECT id FROM short_link WHERE account_id = $1 AND id IN ({})
)",
            places(2, links.len())
        );
        let rows = self.rows(sql, links).await?;
        let first: Option<Timestamp> = match rows.first() {
            Some(row) => row.try_get_by_index(0)?,
            None => None,
        };
        Ok(first.is_none_or(|first| first >= self.kept_from))
    }

    /// Before when single clicks may be missing; `None` where none was ever removed.
    pub(super) fn kept_from(&self) -> Option<Timestamp> {
        (self.kept_from.millis() > 0).then_some(self.kept_from)
    }
}

/// So many parameters of a statement, from this one on.
pub(super) fn places(first: usize, count: usize) -> String {
    let places: Vec<_> = (first..first + count).map(|place| format!("${place}")).collect();
    places.join(", ")
}
