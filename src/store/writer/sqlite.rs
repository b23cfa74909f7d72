//! Writing to `SQLite`: prepared statements, stepped row by row inside one transaction a lot.

use std::{path::Path, time::Duration};

use entity::{click, idempotency_key, short_link};
use rusqlite::{Connection, ErrorCode, TransactionBehavior, config::DbConfig, params};
use sea_orm::ActiveEnum as _;
use tokio::{runtime::Handle, sync::mpsc};
use uuid::Uuid;

use super::{LOT, Lot, Message, Outcome, UsedKey, Write, WriteError};
use crate::store::{Synchronous, transaction::Turn};

const INSERT_CLICK: &str = "INSERT INTO click (id, clicked_at, short_link_id, method, bot_reason, bot_kind, \
    is_prefetch, agent_list_id, user_agent_id, address, visitor, country, referrer, language, parameters) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

const INSERT_LINK: &str = "INSERT INTO short_link (id, account_id, domain_id, code, destination, sending_list_id, \
    offer_id, contact_phone, metadata, filter_bots, status, expires_at, max_clicks, fallback_url, created_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT DO NOTHING";

const FORGET_KEYS: &str = "DELETE FROM idempotency_key WHERE created_at <= ?1";

const INSERT_KEY: &str = "INSERT INTO idempotency_key (account_id, key, fingerprint, short_link_id, created_at) \
    VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";

const DELETE_KEY: &str = "DELETE FROM idempotency_key WHERE account_id = ?1 AND key = ?2";

const LAST_LINK: &str = "SELECT coalesce(max(seq), 0) FROM short_link";

const INDEX_LINKS: &str = "INSERT INTO short_link_index (rowid, terms) \
    SELECT seq, terms FROM short_link_terms WHERE seq > ?1";

/// Opens the writer's own connection to a file that is set up already.
pub(super) fn open(file: &Path, synchronous: Synchronous) -> rusqlite::Result<Connection> {
    let db = Connection::open(file)?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "synchronous", synchronous.pragma())?;
    // The index of links is kept by triggers, one row at a time, and here by one statement a lot: a third of the price.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    Ok(db)
}

/// Stores what comes until nobody is left to send.
///
/// Callers are woken by one task on `runtime`, not from here: a task that is woken from outside goes through a
/// lock that all share, one by one.
pub(super) fn write_all(
    mut db: Connection,
    turn: &Turn,
    mut waiting: mpsc::Receiver<Message>,
    runtime: &Handle,
) {
    let mut messages = Vec::with_capacity(LOT);
    while waiting.blocking_recv_many(&mut messages, LOT) > 0 {
        let lot = Lot::of(&mut messages);
        let outcomes = {
            let _turn = turn.blocking_lock();
            store(&mut db, &lot.writes)
        };
        runtime.spawn(async move { lot.answer(outcomes) });
    }
}

/// Stores writes together; when the transaction fails, each alone, so that the right caller gets its error.
fn store(db: &mut Connection, writes: &[Write]) -> Vec<Result<Outcome, WriteError>> {
    let alone = match store_together(db, writes) {
        Ok(outcomes) => {
            return outcomes
                .into_iter()
                .map(|outcome| outcome.map_err(Into::into))
                .collect();
        }
        Err(error) if writes.len() == 1 => return vec![Err(error.into())],
        Err(error) => {
            tracing::warn!(%error, writes = writes.len(), "storing together failed, storing one by one");
            writes.iter().map(std::slice::from_ref)
        }
    };
    alone.flat_map(|write| store(db, write)).collect()
}

/// The outer error is the transaction's: then nothing is stored. An inner one is that write's alone.
fn store_together(db: &mut Connection, writes: &[Write]) -> rusqlite::Result<Vec<rusqlite::Result<Outcome>>> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let holds_links = writes.iter().any(|write| matches!(write, Write::Link(..)));
    let last_link: Option<i64> = if holds_links {
        Some(
            transaction
                .prepare_cached(LAST_LINK)?
                .query_row([], |row| row.get(0))?,
        )
    } else {
        None
    };
    let mut outcomes = Vec::with_capacity(writes.len());
    for write in writes {
        let outcome = match write {
            Write::Link(link, key) => insert_link(&transaction, link, key.as_deref()),
            Write::Click(click) => insert_click(&transaction, &click.row).map(|()| Outcome::Stored),
        };
        if transaction.is_autocommit() {
            // A full disk and the like end the transaction, and what was stored in it is gone.
            return Err(outcome.err().unwrap_or_else(ended));
        }
        outcomes.push(outcome);
    }
    if let Some(last_link) = last_link {
        transaction.prepare_cached(INDEX_LINKS)?.execute([last_link])?;
    }
    transaction.commit()?;
    Ok(outcomes)
}

fn ended() -> rusqlite::Error {
    let code = rusqlite::ffi::Error {
        code: ErrorCode::OperationAborted,
        extended_code: 0,
    };
    rusqlite::Error::SqliteFailure(code, Some("the transaction ended by itself".to_owned()))
}

fn insert_click(db: &Connection, click: &click::Model) -> rusqlite::Result<()> {
    db.prepare_cached(INSERT_CLICK)?.execute(params![
        Uuid::from(click.id).as_bytes(),
        click.clicked_at.millis(),
        Uuid::from(click.short_link_id).as_bytes(),
        click.method.to_value(),
        click.bot_reason.map(|reason| reason.to_value()),
        click.bot_kind.map(|kind| kind.to_value()),
        click.is_prefetch,
        click.agent_list_id,
        click.user_agent_id,
        click.address,
        click.visitor,
        click.country,
        click.referrer,
        click.language,
        click.parameters.as_ref().map(ToString::to_string),
    ])?;
    Ok(())
}

fn insert_link(
    db: &Connection,
    link: &short_link::Model,
    key: Option<&UsedKey>,
) -> rusqlite::Result<Outcome> {
    if let Some(UsedKey { row, forgotten }) = key {
        db.prepare_cached(FORGET_KEYS)?.execute([forgotten.millis()])?;
        if !insert_key(db, row)? {
            return Ok(Outcome::KeyTaken);
        }
    }
    let stored = insert_link_row(db, link);
    if let Some(UsedKey { row, .. }) = key
        && !matches!(stored, Ok(true))
    {
        // Only successes are kept.
        let account = Uuid::from(row.account_id);
        db.prepare_cached(DELETE_KEY)?
            .execute(params![account.as_bytes(), row.key])?;
    }
    Ok(if stored? {
        Outcome::Stored
    } else {
        Outcome::CodeTaken
    })
}

fn insert_key(db: &Connection, row: &idempotency_key::Model) -> rusqlite::Result<bool> {
    let rows = db.prepare_cached(INSERT_KEY)?.execute(params![
        Uuid::from(row.account_id).as_bytes(),
        row.key,
        row.fingerprint,
        Uuid::from(row.short_link_id).as_bytes(),
        row.created_at.millis(),
    ])?;
    Ok(rows == 1)
}

fn insert_link_row(db: &Connection, link: &short_link::Model) -> rusqlite::Result<bool> {
    let rows = db.prepare_cached(INSERT_LINK)?.execute(params![
        Uuid::from(link.id).as_bytes(),
        Uuid::from(link.account_id).as_bytes(),
        Uuid::from(link.domain_id).as_bytes(),
        link.code,
        link.destination,
        Uuid::from(link.sending_list_id).as_bytes(),
        link.offer_id.map(|id| Uuid::from(id).into_bytes()),
        link.contact_phone,
        link.metadata.to_string(),
        link.filter_bots,
        link.status.to_value(),
        link.expires_at.map(entity::Timestamp::millis),
        link.max_clicks,
        link.fallback_url,
        link.created_at.millis(),
    ])?;
    Ok(rows == 1)
}
