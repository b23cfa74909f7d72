//! Summing in `PostgreSQL`: a lot a transaction, which nobody who stores a click waits for. Two statements note
//! first visits, sum it by link and tell of its clicks, from which the rest is made; where there are copies, a third one
//! removes what they say of their visitors.

mod chunks;
mod subjects;
mod sum;

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
use uuid::Uuid;

use super::facts::Facts;
use crate::{clicks::columns::store::ChunkError, store::aside};

/// How many clicks are summed together at most: what the database sorts of them takes memory there.
const LOT: i64 = 100_000;

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

/// Only from where it is thought to be, though its row is kept from others: whoever moves it looks.
const MOVE: &str = "UPDATE click_summing SET through = $1, upcoming = $1, link = NULL, link_through = NULL \
    WHERE through = $2 AND upcoming = $3 AND link IS NOT DISTINCT FROM $4 AND link_through IS NOT DISTINCT FROM $5";

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
async fn catch_up(db: &DatabaseConnection) -> Result<(), ChunkError> {
    let Some(newest) = newest(db).await? else {
        return Ok(());
    };
    loop {
        let transaction = db.begin().await?;
        // One that is only dropped is undone once its connection is used again: until then nobody could have the mark.
        match sum_lot(&transaction, newest).await {
            Ok(Summed::Lot) => transaction.commit().await?,
            Ok(Summed::ByAnother) => transaction.rollback().await?,
            Ok(Summed::Nothing) => return Ok(transaction.rollback().await?),
            Err(error) => {
                // A connection that can't undo it is at its end, and so is the transaction.
                let _ = transaction.rollback().await;
                return Err(error);
            }
        }
    }
}

/// What became of a lot.
enum Summed {
    /// It is summed.
    Lot,
    /// Somebody else has moved the mark: what is summed is to be undone.
    ByAnother,
    /// There is none, or another node is at it.
    Nothing,
}

/// Sums the next lot, of clicks up to a newest one.
async fn sum_lot(db: &DatabaseTransaction, newest: i64) -> Result<Summed, ChunkError> {
    let Some(mark) = mark(db).await? else {
        return Ok(Summed::Nothing);
    };
    if mark.through >= newest {
        return Ok(Summed::Nothing);
    }
    let upcoming = if mark.upcoming > mark.through {
        mark.upcoming
    } else {
        newest.min(mark.through + LOT)
    };
    let mut facts = Facts::default();
    sum::lot(db, mark.through, upcoming, mark.link.is_some(), &mut facts).await?;
    let (sums, chunks) = aside(move || (facts.sums(), facts.chunks())).await?;
    subjects::add_sums(db, sums).await?;
    chunks::write(db, chunks).await?;
    let is_moved = move_mark(db, mark, upcoming).await?;
    Ok(if is_moved { Summed::Lot } else { Summed::ByAnother })
}

/// Moves the mark behind a lot; `false` where somebody else moved it.
async fn move_mark(
    db: &DatabaseTransaction,
    from: click_summing::Model,
    through: i64,
) -> Result<bool, DbErr> {
    let values = [
        through.into(),
        from.through.into(),
        from.upcoming.into(),
        from.link.map(Uuid::from).into(),
        from.link_through.into(),
    ];
    let moved = Statement::from_sql_and_values(DatabaseBackend::Postgres, MOVE, values);
    Ok(db.execute_raw(moved).await?.rows_affected() == 1)
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
async fn mark(db: &DatabaseTransaction) -> Result<Option<click_summing::Model>, DbErr> {
    click_summing::Entity::find()
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(db)
        .await
}
