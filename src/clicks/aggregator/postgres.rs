//! Summing in `PostgreSQL`: one statement a lot, which nobody who stores a click waits for.

use std::{collections::HashSet, time::Duration};

use entity::click_summing;
use sea_orm::{
    ConnectionTrait as _, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait as _,
    QuerySelect as _, Statement, TransactionTrait as _,
    sea_query::{LockBehavior, LockType},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

use super::LOT;

/// Who is storing clicks now. Row numbers are given in order but appear in any: whoever has one that is not to be seen
/// yet has held this lock since before they got it.
const STORING: &str = "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND granted \
    AND relation = 'click'::regclass AND mode = 'RowExclusiveLock' \
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// How often it is looked whether they are done, and how long between: they take milliseconds, but a click that its node
/// can't commit is waited for by the next round.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

const NEWEST: &str = "SELECT max(seq) FROM click WHERE seq > $1";

/// A click whose id is noted already, or stands twice in the lot, was written twice and adds nothing.
const SUM: &str = "
WITH lot AS MATERIALIZED (
    SELECT DISTINCT ON (short_link_id, id) short_link_id, id, seq, clicked_at, bot_reason IS NULL AS is_human, visitor
    FROM click WHERE seq > $1 AND seq <= $2
    ORDER BY short_link_id, id, seq
), noted AS (
    INSERT INTO link_click (short_link_id, click_id, seq) SELECT short_link_id, id, seq FROM lot
    ON CONFLICT DO NOTHING RETURNING short_link_id, seq
), counted AS (
    SELECT lot.* FROM lot JOIN noted USING (short_link_id, seq)
), firsts AS (
    INSERT INTO link_visitor (short_link_id, visitor, seq)
    SELECT DISTINCT ON (short_link_id, visitor) short_link_id, visitor, seq FROM counted
    WHERE is_human AND visitor IS NOT NULL ORDER BY short_link_id, visitor, seq
    ON CONFLICT DO NOTHING RETURNING short_link_id
), uniques AS (
    SELECT short_link_id, count(*) AS clicks FROM firsts GROUP BY short_link_id
), sums AS (
    SELECT short_link_id, count(*) AS clicks, count(*) FILTER (WHERE is_human) AS human_clicks,
        min(clicked_at) AS first_clicked_at, max(clicked_at) AS last_clicked_at
    FROM counted GROUP BY short_link_id
)
INSERT INTO link_total AS total
    (short_link_id, clicks, human_clicks, unique_clicks, first_clicked_at, last_clicked_at)
SELECT short_link_id, sums.clicks, sums.human_clicks, coalesce(uniques.clicks, 0), first_clicked_at, last_clicked_at
FROM sums LEFT JOIN uniques USING (short_link_id) ORDER BY short_link_id
ON CONFLICT (short_link_id) DO UPDATE SET
    clicks = total.clicks + excluded.clicks,
    human_clicks = total.human_clicks + excluded.human_clicks,
    unique_clicks = total.unique_clicks + excluded.unique_clicks,
    first_clicked_at = least(total.first_clicked_at, excluded.first_clicked_at),
    last_clicked_at = greatest(total.last_clicked_at, excluded.last_clicked_at)";

const MOVE: &str = "UPDATE click_summing SET through = $1, upcoming = $1, link = NULL, link_through = NULL";

/// Sums until nobody is left to ask for it.
pub(super) async fn sum_all(
    db: DatabaseConnection,
    pause: Duration,
    mut asks: mpsc::Receiver<oneshot::Sender<()>>,
) {
    loop {
        let asked = match timeout(pause, asks.recv()).await {
            Ok(Some(asked)) => Some(asked),
            Ok(None) => return,
            Err(_) => None,
        };
        if let Err(error) = catch_up(&db).await {
            tracing::warn!(%error, "clicks can't be summed now; it is tried again");
        }
        if let Some(asked) = asked {
            let _ = asked.send(());
        }
    }
}

/// Sums all that is stored by now, unless another node is at it.
async fn catch_up(db: &DatabaseConnection) -> Result<(), DbErr> {
    let Some(newest) = newest(db).await? else {
        return Ok(());
    };
    loop {
        let transaction = db.begin().await?;
        let Some(through) = mark(&transaction).await? else {
            return Ok(());
        };
        if through >= newest {
            return Ok(());
        }
        let upcoming = newest.min(through + LOT);
        let sum =
            Statement::from_sql_and_values(DatabaseBackend::Postgres, SUM, [through.into(), upcoming.into()]);
        transaction.execute_raw(sum).await?;
        let moved = Statement::from_sql_and_values(DatabaseBackend::Postgres, MOVE, [upcoming.into()]);
        transaction.execute_raw(moved).await?;
        transaction.commit().await?;
    }
}

/// The newest click of which none before it is still on its way; `None` where none is behind the mark, or one takes long.
async fn newest(db: &DatabaseConnection) -> Result<Option<i64>, DbErr> {
    let through = click_summing::Entity::find().one(db).await?;
    let through = through.map_or(0, |summing| summing.through);
    let newest = Statement::from_sql_and_values(DatabaseBackend::Postgres, NEWEST, [through.into()]);
    let newest: Option<i64> = match db.query_one_raw(newest).await? {
        Some(row) => row.try_get_by_index(0)?,
        None => None,
    };
    if newest.is_none() {
        return Ok(None);
    }
    let mut storing = who_stores(db).await?;
    for _ in 0..LOOKS {
        if storing.is_empty() {
            return Ok(newest);
        }
        sleep(BETWEEN_LOOKS).await;
        let still = who_stores(db).await?;
        storing.retain(|one| still.contains(one));
    }
    Ok(None)
}

async fn who_stores(db: &DatabaseConnection) -> Result<HashSet<String>, DbErr> {
    let rows = db
        .query_all_raw(Statement::from_string(DatabaseBackend::Postgres, STORING))
        .await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// How far clicks are summed, kept from other nodes until the transaction ends; `None` while another one has it.
async fn mark(db: &DatabaseTransaction) -> Result<Option<i64>, DbErr> {
    let mark = click_summing::Entity::find()
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(db)
        .await?;
    Ok(mark.map(|mark| mark.through))
}
