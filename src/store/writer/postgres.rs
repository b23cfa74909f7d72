//! Writing to `PostgreSQL` and what speaks its protocol: sets of rows, one statement a table.
//!
//! A set is sent as one JSON parameter, so that the statement's text is the same whatever its size: it is
//! prepared once, and a set costs one round trip.

use std::{collections::HashSet, sync::LazyLock};

use entity::{ShortLinkId, click, idempotency_key, short_link};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, EntityTrait,
    IdenStatic as _, Iterable as _, PrimaryKeyToColumn as _, PrimaryKeyTrait as _, QueryFilter as _,
    QueryResult, Statement, TransactionTrait as _,
};
use serde::Serialize;
use tokio::sync::mpsc;

use super::{LOT, Lot, Message, Outcome, UsedKey, Write, WriteError};
use crate::store::{again, met_another};

/// Stores what comes until nobody is left to send.
pub(super) async fn write_all(db: DatabaseConnection, mut waiting: mpsc::Receiver<Message>) {
    let mut messages = Vec::with_capacity(LOT);
    while waiting.recv_many(&mut messages, LOT).await > 0 {
        let lot = Lot::of(&mut messages);
        let outcomes = store(&db, &lot.writes).await;
        lot.answer(outcomes);
    }
}

/// Stores writes together; when that fails, each alone, so that the right caller gets its own error.
async fn store(db: &DatabaseConnection, writes: &[Write]) -> Vec<Result<Outcome, WriteError>> {
    match store_together(db, writes).await {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(error) if writes.len() == 1 => vec![Err(error)],
        Err(error) => {
            tracing::warn!(%error, writes = writes.len(), "storing together failed, storing one by one");
            let mut outcomes = Vec::with_capacity(writes.len());
            for write in writes {
                let alone = store_together(db, std::slice::from_ref(write)).await;
                outcomes.push(alone.map(|outcomes| outcomes[0]));
            }
            outcomes
        }
    }
}

async fn store_together(db: &DatabaseConnection, writes: &[Write]) -> Result<Vec<Outcome>, WriteError> {
    let in_the_way = |error: &WriteError| matches!(error, WriteError::Database(error) if met_another(error));
    again(in_the_way, || store_once(db, writes)).await
}

async fn store_once(db: &DatabaseConnection, writes: &[Write]) -> Result<Vec<Outcome>, WriteError> {
    if is_one_statement(writes) {
        return run(db, writes).await;
    }
    let transaction = db.begin().await?;
    let outcomes = run(&transaction, writes).await?;
    transaction.commit().await?;
    Ok(outcomes)
}

/// A statement is atomic by itself: then `BEGIN` and `COMMIT` would be two round trips for nothing.
fn is_one_statement(writes: &[Write]) -> bool {
    writes.iter().all(|write| matches!(write, Write::Click(_)))
        || writes.iter().all(|write| matches!(write, Write::Link(_, None)))
}

/// Keys first, then the links whose key was free, then clicks: one statement each.
async fn run(db: &impl ConnectionTrait, writes: &[Write]) -> Result<Vec<Outcome>, WriteError> {
    let mut keys = Vec::new();
    let mut clicks = Vec::new();
    for write in writes {
        match write {
            Write::Link(_, Some(key)) => keys.push(key.as_ref()),
            Write::Link(_, None) => {}
            Write::Click(click) => clicks.push(&click.row),
        }
    }
    let taken_keys = if keys.is_empty() {
        HashSet::new()
    } else {
        insert_keys(db, &keys).await?
    };
    let links: Vec<&short_link::Model> = writes
        .iter()
        .filter_map(|write| match write {
            Write::Link(link, _) if !taken_keys.contains(&link.id) => Some(link.as_ref()),
            _ => None,
        })
        .collect();
    let mut stored = HashSet::new();
    if !links.is_empty() {
        stored = ids(&db.query_all_raw(statement(&LINKS, &links)?).await?)?;
    }
    for write in writes {
        if let Write::Link(link, Some(key)) = write
            && !taken_keys.contains(&link.id)
            && !stored.contains(&link.id)
        {
            // Only successes are kept.
            let unused = (key.row.account_id, key.row.key.clone());
            idempotency_key::Entity::delete_by_id(unused).exec(db).await?;
        }
    }
    if !clicks.is_empty() {
        db.execute_raw(statement(&CLICKS, &clicks)?).await?;
    }
    let outcome = |write: &Write| match write {
        Write::Link(link, _) if taken_keys.contains(&link.id) => Outcome::KeyTaken,
        Write::Link(link, _) if !stored.contains(&link.id) => Outcome::CodeTaken,
        Write::Link(..) | Write::Click(_) => Outcome::Stored,
    };
    Ok(writes.iter().map(outcome).collect())
}

/// Stores the keys that are free and names the links of those that are not.
async fn insert_keys(
    db: &impl ConnectionTrait,
    keys: &[&UsedKey],
) -> Result<HashSet<ShortLinkId>, WriteError> {
    if let Some(forgotten) = keys.iter().map(|key| key.forgotten).max() {
        let old = idempotency_key::Column::CreatedAt.lte(forgotten);
        idempotency_key::Entity::delete_many()
            .filter(old)
            .exec(db)
            .await?;
    }
    let rows: Vec<_> = keys.iter().map(|key| &key.row).collect();
    let stored = ids(&db.query_all_raw(statement(&KEYS, &rows)?).await?)?;
    Ok(rows
        .iter()
        .map(|row| row.short_link_id)
        .filter(|link| !stored.contains(link))
        .collect())
}

fn ids(rows: &[QueryResult]) -> Result<HashSet<ShortLinkId>, DbErr> {
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

static KEYS: LazyLock<String> =
    LazyLock::new(|| insert::<idempotency_key::Entity>(Some(idempotency_key::Column::ShortLinkId)));
static LINKS: LazyLock<String> = LazyLock::new(|| insert::<short_link::Entity>(Some(short_link::Column::Id)));
static CLICKS: LazyLock<String> = LazyLock::new(|| insert::<click::Entity>(None));

/// The statement that inserts rows of `E` given as a JSON array of objects, one field a column.
///
/// A row that meets a unique index is left out and the rest is stored, so that the index decides and nothing
/// is looked up first. With `returning`, that column of each stored row comes back, in no promised order.
fn insert<E: EntityTrait>(returning: Option<E::Column>) -> String {
    let is_numbered =
        |column: &E::Column| E::PrimaryKey::auto_increment() && E::PrimaryKey::from_column(*column).is_some();
    let columns = E::Column::iter().filter(|column| !is_numbered(column));
    let names = columns
        .map(|column| column.as_str().to_owned())
        .collect::<Vec<_>>()
        .join(", ");
    let table = E::default();
    let table = table.table_name();
    let returning = returning
        .map(|column| format!(" RETURNING {}", column.as_str()))
        .unwrap_or_default();
    format!(
        "INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, $1::json) \
         ON CONFLICT DO NOTHING{returning}"
    )
}

fn statement(sql: &str, rows: &[impl Serialize]) -> Result<Statement, WriteError> {
    let rows = serde_json::to_string(rows)?;
    Ok(Statement::from_sql_and_values(
        DatabaseBackend::Postgres,
        sql,
        [rows.into()],
    ))
}
