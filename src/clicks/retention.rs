//! Removes raw clicks that are older than the operator keeps them.
//!
//! What goes is the raw row and its entry among the clicks of its link. All that was summed of it stays, so no figure
//! changes. Clicks that came late or were brought along stand anywhere in the table: so it is walked as a whole, on a
//! connection that only reads, and what is too old is removed in small transactions between which redirects store theirs.
//! But a server walks over what it has kept once: of each slice it keeps in mind when its oldest click was made, and before
//! that is too old it does not look there again.

use std::{collections::HashMap, time::Duration};

use entity::{ClickId, ShortLinkId, Timestamp, click, click_summing};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseTransaction, DbErr, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Statement,
    sea_query::{LockBehavior, LockType},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout},
};

use crate::store::{Store, pad, value_rows};

/// How often it is looked for what has become too old.
const PAUSE: Duration = Duration::from_hours(1);

/// How many row numbers are looked at together.
const SLICE: i64 = 20_000;

/// How many clicks are removed in one transaction, which redirects wait for in `SQLite`.
const BATCH: usize = 500;

/// How often it is tried to move the mark while others hold it, and how long between.
const TRIES: u32 = 50;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// Removes what is too old. Cheap to clone; it ends with the last clone.
#[derive(Clone, Debug)]
pub struct Retention {
    asked: Option<mpsc::Sender<oneshot::Sender<()>>>,
}

impl Retention {
    /// Starts to remove clicks from so many days before `now` on, at once and then every hour; nothing where it is for
    /// ever.
    #[must_use]
    pub fn spawn(
        store: &Store,
        days: Option<u32>,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let Some(days) = days else {
            return Self { asked: None };
        };
        let (asked, asks) = mpsc::channel(1);
        let hours = i64::from(days) * 24;
        let kept_from = move || now().hours_before(hours);
        tokio::spawn(remove_all(store.clone(), kept_from, asks));
        Self { asked: Some(asked) }
    }

    /// Returns once all is removed that is too old by now, unless the database fails.
    pub async fn caught_up(&self) {
        let (done, caught_up) = oneshot::channel();
        if let Some(asked) = &self.asked
            && asked.send(done).await.is_ok()
        {
            let _ = caught_up.await;
        }
    }
}

/// Removes until nobody is left to ask for it.
async fn remove_all(
    store: Store,
    kept_from: impl Fn() -> Timestamp,
    mut asks: mpsc::Receiver<oneshot::Sender<()>>,
) {
    let mut asked: Option<oneshot::Sender<()>> = None;
    let mut oldest = Oldest::default();
    loop {
        match remove(&store, kept_from(), &mut oldest).await {
            Ok(0) => {}
            Ok(clicks) => tracing::info!(clicks, "clicks that are older than the retention are removed"),
            Err(error) => tracing::warn!(%error, "old clicks can't be removed now; it is tried again"),
        }
        if let Some(asked) = asked.take() {
            let _ = asked.send(());
        }
        asked = match timeout(PAUSE, asks.recv()).await {
            Ok(Some(asked)) => Some(asked),
            Ok(None) => return,
            Err(_) => None,
        };
    }
}

/// When the oldest click of a slice was made; slices go by which of all they are. Each has all the clicks that it will ever
/// have.
type Oldest = HashMap<i64, Timestamp>;

/// Removes clicks that were made before, and answers how many rows those were.
///
/// First it is said from when on clicks are there for certain, for good: so whoever relies on a raw row and holds the
/// mark has it.
async fn remove(store: &Store, kept_from: Timestamp, oldest: &mut Oldest) -> Result<u64, DbErr> {
    move_mark(store, kept_from).await?;
    let mark = click_summing::Entity::find().one(&store.read).await?;
    let (first, last) = ends(store).await?;
    let Some((mark, first, last)) = mark
        .zip(first)
        .zip(last)
        .map(|((mark, first), last)| (mark, first, last))
    else {
        return Ok(0);
    };
    // Of the newest row SQLite would give the number to the next one, which then would count as summed.
    let end = mark.through.min(last - 1);
    let mut removed = 0;
    let lowest = (first - 1).div_euclid(SLICE);
    oldest.retain(|slice, _| *slice >= lowest);
    for slice in lowest..=(end - 1).div_euclid(SLICE) {
        if oldest.get(&slice).is_some_and(|oldest| *oldest >= mark.kept_from) {
            continue;
        }
        let (from, whole) = (slice * SLICE, slice * SLICE + SLICE);
        let to = end.min(whole);
        let mut left = oldest_of(store, from, to).await?;
        if left.is_some_and(|oldest| oldest < mark.kept_from) {
            for batch in old(store, from, to, mark.kept_from).await?.chunks(BATCH) {
                let start = Instant::now();
                removed += remove_batch(store, batch).await?;
                // Half of the time is everybody else's.
                sleep(start.elapsed()).await;
            }
            left = oldest_of(store, from, to).await?;
        }
        if to == whole {
            // One without clicks is never looked at again.
            oldest.insert(slice, left.unwrap_or(Timestamp::from_millis(i64::MAX)));
        }
    }
    Ok(removed)
}

/// Moves the mark on, never back. While somebody sums, it is waited for outside of a transaction: whoever changes the
/// catalogue would wait too.
async fn move_mark(store: &Store, kept_from: Timestamp) -> Result<(), DbErr> {
    for _ in 0..TRIES {
        let transaction = store.begin().await?;
        let is_moved = move_mark_in(&transaction, kept_from).await;
        // Either way nobody has to wait for the mark any longer.
        if transaction.end(is_moved).await? {
            return Ok(());
        }
        sleep(BETWEEN_TRIES).await;
    }
    Ok(())
}

/// Moves the mark on; `false` while somebody else holds it.
async fn move_mark_in(db: &DatabaseTransaction, kept_from: Timestamp) -> Result<bool, DbErr> {
    let mark = click_summing::Entity::find()
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(db)
        .await?;
    let Some(mark) = mark else { return Ok(false) };
    if mark.kept_from < kept_from {
        click_summing::Entity::update_many()
            .col_expr(click_summing::Column::KeptFrom, kept_from.into())
            .exec(db)
            .await?;
    }
    Ok(true)
}

/// The first row number and the last.
async fn ends(store: &Store) -> Result<(Option<i64>, Option<i64>), DbErr> {
    let seq = || click::Entity::find().select_only().column(click::Column::Seq);
    let first = seq()
        .order_by_asc(click::Column::Seq)
        .into_tuple()
        .one(&store.read);
    let last = seq()
        .order_by_desc(click::Column::Seq)
        .into_tuple()
        .one(&store.read);
    Ok((first.await?, last.await?))
}

/// A click that is too old: its row, and its entry among the clicks of its link.
type Old = (i64, ShortLinkId, ClickId);

async fn old(store: &Store, from: i64, to: i64, kept_from: Timestamp) -> Result<Vec<Old>, DbErr> {
    click::Entity::find()
        .select_only()
        .columns([click::Column::Seq, click::Column::ShortLinkId, click::Column::Id])
        .filter(click::Column::Seq.gt(from))
        .filter(click::Column::Seq.lte(to))
        .filter(click::Column::ClickedAt.lt(kept_from))
        .into_tuple()
        .all(&store.read)
        .await
}

/// When the oldest click between two rows was made.
async fn oldest_of(store: &Store, from: i64, to: i64) -> Result<Option<Timestamp>, DbErr> {
    let oldest = click::Entity::find()
        .select_only()
        .column_as(click::Column::ClickedAt.min(), "oldest")
        .filter(click::Column::Seq.gt(from))
        .filter(click::Column::Seq.lte(to))
        .into_tuple::<Option<Timestamp>>()
        .one(&store.read)
        .await?;
    Ok(oldest.flatten())
}

/// Removes rows with their entries. What another server has removed in between is gone already.
async fn remove_batch(store: &Store, batch: &[Old]) -> Result<u64, DbErr> {
    let (entries, values) = value_rows(batch.iter().map(|&(_, link, id)| [link.into(), id.into()]));
    let entries = format!("DELETE FROM link_click WHERE (short_link_id, click_id) IN (VALUES {entries})");
    let rows = pad(batch.iter().map(|&(seq, ..)| seq).collect());
    let transaction = store.begin().await?;
    let backend = transaction.get_database_backend();
    let entries = Statement::from_sql_and_values(backend, entries, values);
    let removed = async {
        transaction.execute_raw(entries).await?;
        click::Entity::delete_many()
            .filter(click::Column::Seq.is_in(rows))
            .exec(&*transaction)
            .await
    };
    let removed = removed.await;
    Ok(transaction.end(removed).await?.rows_affected)
}
