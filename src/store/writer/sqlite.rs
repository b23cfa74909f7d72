//! Writing to `SQLite`: prepared statements, stepped row by row inside one transaction a lot.
//!
//! Visitors wait for clicks, so clicks go first, and many links give way: a few of them are stored with the clicks of a
//! lot, and the others later.

use std::sync::atomic::AtomicUsize;

use entity::{
    audit_entry,
    click::{self, BotKind, BotReason},
    short_link,
};
use rusqlite::{
    Connection, ErrorCode, OptionalExtension as _, Statement, TransactionBehavior, config::DbConfig, params,
};
use sea_orm::ActiveEnum as _;
use tokio::{runtime::Handle, sync::mpsc};
use uuid::Uuid;

use super::{
    Done, Kept, LOT, NewClick, NewLink, Outcome, UsedKey, WriteError,
    lot::{Asked, Lot, Message, Write, failed, is_tried_alone},
    texts::KnownTexts,
};
use crate::store::{SqliteFile, Synchronous};

/// How many links are stored before it is looked whether clicks have come meanwhile: a row with its indexes takes as long
/// as those of five clicks.
const PART: usize = 8;

/// How many links one transaction stores at most while no click comes: one that comes just before its end waits for it.
const LINKS: usize = 512;

/// Prepared statements that the connection keeps: there are fewer.
const STATEMENTS: usize = 32;

const INSERT_CLICK: &str = "INSERT INTO click (id, clicked_at, short_link_id, method, bot_reason, bot_kind, \
    is_prefetch, agent_list_id, user_agent_id, address, visitor, country, referrer, language, parameters) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

/// What an agent string says of a device is not known of those that were stored before it was looked for.
const INSERT_AGENT: &str = "INSERT INTO user_agent (id, text, device, os, browser) VALUES (?1, ?2, ?3, ?4, ?5) \
    ON CONFLICT (id) DO UPDATE SET device = excluded.device, os = excluded.os, browser = excluded.browser \
    WHERE device IS NULL AND os IS NULL AND browser IS NULL";

const INSERT_LIST: &str = "INSERT INTO agent_list (id, version) VALUES (?1, ?2) ON CONFLICT DO NOTHING";

const LIMIT: &str = "SELECT max_clicks FROM short_link WHERE id = ?1";

const RESERVE: &str = "INSERT INTO link_use (short_link_id, used) VALUES (?1, 1) \
    ON CONFLICT (short_link_id) DO UPDATE SET used = used + 1 WHERE used < ?2 RETURNING used";

const EXHAUST: &str = "UPDATE short_link SET exhausted_at = ?2 WHERE id = ?1 AND exhausted_at IS NULL";

const INSERT_LINK: &str = "INSERT INTO short_link (id, account_id, domain_id, code, destination, sending_list_id, \
    offer_id, contact_phone, metadata, filter_bots, status, expires_at, max_clicks, fallback_url, created_at, api_key_id) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) ON CONFLICT DO NOTHING";

/// A few at a time, and more than are stored meanwhile: clicks wait for it.
const FORGET_KEYS: &str = "DELETE FROM idempotency_key WHERE rowid IN \
    (SELECT rowid FROM idempotency_key WHERE created_at <= ?1 LIMIT 25)";

const INSERT_KEY: &str = "INSERT INTO idempotency_key (account_id, key, item, fingerprint, short_link_id, created_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (account_id, key, item) DO UPDATE \
    SET fingerprint = excluded.fingerprint, short_link_id = excluded.short_link_id, created_at = excluded.created_at \
    WHERE created_at <= ?7";

const DELETE_KEY: &str = "DELETE FROM idempotency_key WHERE account_id = ?1 AND key = ?2 AND item = ?3";

/// Links that are stored in parts have one entry, which grows with them.
const INSERT_ENTRY: &str = "INSERT INTO audit_entry (account_id, id, api_key_id, action, subject_id, affected, before, \
    after, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
    ON CONFLICT (account_id, id) DO UPDATE SET affected = affected + excluded.affected";

const LAST_LINK: &str = "SELECT coalesce(max(seq), 0) FROM short_link";

const INDEX_LINKS: &str = "INSERT INTO short_link_index (rowid, terms) \
    SELECT seq, terms FROM short_link_terms WHERE seq > ?1";

/// Writes to an `SQLite` file through a connection of its own.
#[derive(Debug)]
pub(super) struct SqliteWriter {
    db: Connection,
    file: SqliteFile,
    known: KnownTexts,
}

impl SqliteWriter {
    /// Opens a file that is set up already.
    pub(super) fn open(file: SqliteFile, synchronous: Synchronous) -> rusqlite::Result<Self> {
        let db = file.open_to_write()?;
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        db.pragma_update(None, "synchronous", synchronous.pragma())?;
        // The index of links is kept by triggers, one row at a time, and here by one statement a lot: a third of the
        // price.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        Ok(Self {
            db,
            file,
            known: KnownTexts::default(),
        })
    }

    /// Stores what comes until nobody is left to send.
    ///
    /// Callers are woken by one task on `runtime`, not from here: a task that is woken from outside goes through a
    /// lock that all share, one by one.
    pub(super) fn write_all(
        mut self,
        mut waiting: mpsc::Receiver<Message>,
        size: &AtomicUsize,
        runtime: &Handle,
    ) {
        let mut messages = Vec::with_capacity(LOT);
        let mut lot = Lot::default();
        while !lot.is_empty() || waiting.blocking_recv_many(&mut messages, LOT) > 0 {
            for message in messages.drain(..) {
                lot.add(message);
            }
            let outcomes = {
                let _turn = self.file.turn();
                self.store(&mut lot, &mut waiting)
            };
            lot.note(size);
            let (stored, outcomes, rest) = lot.settle(outcomes);
            lot = rest;
            if !stored.is_empty() {
                runtime.spawn(async move { stored.answer(outcomes) });
            }
        }
    }

    /// Stores a lot together, and with it what comes while it is written: who comes then would else wait for this commit
    /// and the next. When the transaction fails, each alone where that may help.
    fn store(
        &mut self,
        lot: &mut Lot,
        waiting: &mut mpsc::Receiver<Message>,
    ) -> Vec<Result<Done, WriteError>> {
        let late = |lot: &mut Lot| {
            while lot.clicks < LOT
                && let Ok(message) = waiting.try_recv()
            {
                lot.add(message);
            }
        };
        match self.store_together(lot, late) {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(error) if is_tried_alone(&lot.writes) && !is_locked(&error) => {
                tracing::warn!(%error, writes = lot.writes.len(), "storing together failed, storing one by one");
                let writes = std::mem::take(&mut lot.writes).into_iter();
                writes
                    .map(|asked| {
                        let mut one = Lot::default();
                        one.writes.push(asked);
                        let outcome = self.store_together(&mut one, |_| {});
                        lot.writes.append(&mut one.writes);
                        Ok(outcome?.swap_remove(0))
                    })
                    .collect()
            }
            Err(error) => failed(&lot.writes, error.into()),
        }
    }

    /// Stores a lot, and before the commit what `late` adds to it: all clicks, and of links so many as are not waited for.
    /// With the first error nothing is stored: a part of its write may have been.
    fn store_together(
        &mut self,
        lot: &mut Lot,
        mut late: impl FnMut(&mut Lot),
    ) -> rusqlite::Result<Vec<Done>> {
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
            let is_done = !links.store_part(&transaction, &lot.writes, &mut outcomes)?;
            late(lot);
            let (is_up_to_date, has_clicks) = (outcomes.len() == lot.writes.len(), lot.clicks > 0);
            if is_up_to_date && (is_done || has_clicks || links.count >= LINKS) {
                break;
            }
        }
        drop(insert);
        links.index(&transaction)?;
        transaction.commit()?;
        self.known.learn(texts);
        Ok(outcomes)
    }
}

/// Whether another process holds the file: then it would hold it for each of the writes.
fn is_locked(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// Stores the texts that a click names and that nobody knows to be stored, and adds them to `new`.
fn insert_texts(
    db: &Connection,
    known: &KnownTexts,
    NewClick { agent, list, .. }: &NewClick,
    new: &mut Vec<i64>,
) -> rusqlite::Result<()> {
    if let Some(agent) = agent
        && !known.holds(agent.id)
    {
        db.prepare_cached(INSERT_AGENT)?.execute(params![
            agent.id,
            agent.text,
            agent.device,
            agent.os,
            agent.browser
        ])?;
        new.push(agent.id);
    }
    if !known.holds(list.id) {
        db.prepare_cached(INSERT_LIST)?
            .execute(params![list.id, list.version])?;
        new.push(list.id);
    }
    Ok(())
}

/// Stores a click unless its link lets nobody through any more.
fn insert_click(
    db: &Connection,
    insert: &mut Statement<'_>,
    click: &click::Model,
    is_limited: bool,
) -> rusqlite::Result<Kept> {
    let kept = if is_limited {
        reserve(db, click)?
    } else {
        Kept::Stored
    };
    if kept == Kept::Refused {
        return Ok(kept);
    }
    insert.execute(params![
        Uuid::from(click.id).as_bytes(),
        click.clicked_at.millis(),
        Uuid::from(click.short_link_id).as_bytes(),
        click.method.as_str(),
        click.bot_reason.map(BotReason::as_str),
        click.bot_kind.map(BotKind::as_str),
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
    Ok(kept)
}

/// Takes one of the places that a link has now, if there is one. Whoever takes the last one marks the link.
fn reserve(db: &Connection, click: &click::Model) -> rusqlite::Result<Kept> {
    let link = Uuid::from(click.short_link_id);
    let limit: Option<Option<i32>> = db
        .prepare_cached(LIMIT)?
        .query_row([link.as_bytes()], |row| row.get(0))
        .optional()?;
    let Some(limit) = limit.flatten() else {
        // It has had its limit taken away.
        return Ok(Kept::Stored);
    };
    let used: Option<i32> = db
        .prepare_cached(RESERVE)?
        .query_row(params![link.as_bytes(), limit], |row| row.get(0))
        .optional()?;
    let kept = match used {
        None => Kept::Refused,
        Some(used) if used >= limit => Kept::StoredLast,
        Some(_) => return Ok(Kept::Stored),
    };
    db.prepare_cached(EXHAUST)?
        .execute(params![link.as_bytes(), click.clicked_at.millis()])?;
    Ok(kept)
}

/// The links that a transaction stores.
#[derive(Default)]
struct LinksOfLot {
    /// How many there are.
    count: usize,
    /// The write whose turn it is, by its place in the lot.
    at: usize,
    /// The last row before them; `None` while there are none.
    after: Option<i64>,
}

impl LinksOfLot {
    /// Stores some of the links that are left, and adds what became of them to the outcomes of their write; answers whether
    /// there were any.
    fn store_part(
        &mut self,
        db: &Connection,
        writes: &[Asked],
        outcomes: &mut [Done],
    ) -> rusqlite::Result<bool> {
        let mut room = PART;
        while room > 0
            && let (Some(asked), Some(outcome)) = (writes.get(self.at), outcomes.get_mut(self.at))
        {
            let (Write::Links(new, before), Done::Links(now)) = (&asked.write, outcome) else {
                self.at += 1;
                continue;
            };
            let left = &new.links[before.len() + now.len()..];
            if left.is_empty() {
                self.at += 1;
                continue;
            }
            if self.after.is_none() {
                self.after = Some(db.prepare_cached(LAST_LINK)?.query_row([], |row| row.get(0))?);
            }
            let part = &left[..left.len().min(room)];
            now.append(&mut insert_links(db, part, &new.entry)?);
            room -= part.len();
        }
        self.count += PART - room;
        Ok(room < PART)
    }

    /// Adds them to the index of words.
    fn index(&self, db: &Connection) -> rusqlite::Result<()> {
        if let Some(after) = self.after {
            db.prepare_cached(INDEX_LINKS)?.execute([after])?;
        }
        Ok(())
    }
}

fn insert_links(
    db: &Connection,
    links: &[NewLink],
    entry: &audit_entry::Model,
) -> rusqlite::Result<Vec<Outcome>> {
    if let Some(key) = links.iter().find_map(|link| link.key.as_ref()) {
        db.prepare_cached(FORGET_KEYS)?
            .execute([key.forgotten.millis()])?;
    }
    let mut insert = db.prepare_cached(INSERT_LINK)?;
    let outcomes = links.iter().map(|link| insert_link(db, &mut insert, link));
    let outcomes: Vec<_> = outcomes.collect::<rusqlite::Result<_>>()?;
    let stored = outcomes.iter().filter(|outcome| **outcome == Outcome::Stored);
    let stored = stored.count();
    if stored > 0 {
        insert_entry(db, entry, stored)?;
    }
    Ok(outcomes)
}

fn insert_link(
    db: &Connection,
    insert: &mut Statement<'_>,
    NewLink { row, key }: &NewLink,
) -> rusqlite::Result<Outcome> {
    if let Some(key) = key
        && !insert_key(db, key)?
    {
        return Ok(Outcome::KeyTaken);
    }
    if insert_link_row(insert, row)? {
        return Ok(Outcome::Stored);
    }
    if let Some(UsedKey { row, .. }) = key {
        // Only successes are kept.
        let account = Uuid::from(row.account_id);
        db.prepare_cached(DELETE_KEY)?
            .execute(params![account.as_bytes(), row.key, row.item])?;
    }
    Ok(Outcome::CodeTaken)
}

fn insert_entry(db: &Connection, entry: &audit_entry::Model, stored: usize) -> rusqlite::Result<()> {
    let json = |facts: &Option<serde_json::Value>| facts.as_ref().map(ToString::to_string);
    db.prepare_cached(INSERT_ENTRY)?.execute(params![
        Uuid::from(entry.account_id).as_bytes(),
        Uuid::from(entry.id).as_bytes(),
        entry.api_key_id.map(|id| Uuid::from(id).into_bytes()),
        entry.action.to_value(),
        entry.subject_id.map(Uuid::into_bytes),
        i64::try_from(stored).unwrap_or(i64::MAX),
        json(&entry.before),
        json(&entry.after),
        entry.created_at.millis(),
    ])?;
    Ok(())
}

/// Stores a key if it is free, or as good as forgotten.
fn insert_key(db: &Connection, UsedKey { row, forgotten }: &UsedKey) -> rusqlite::Result<bool> {
    let rows = db.prepare_cached(INSERT_KEY)?.execute(params![
        Uuid::from(row.account_id).as_bytes(),
        row.key,
        row.item,
        row.fingerprint,
        Uuid::from(row.short_link_id).as_bytes(),
        row.created_at.millis(),
        forgotten.millis(),
    ])?;
    Ok(rows == 1)
}

fn insert_link_row(insert: &mut Statement<'_>, link: &short_link::Model) -> rusqlite::Result<bool> {
    let rows = insert.execute(params![
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
        link.api_key_id.map(|id| Uuid::from(id).into_bytes()),
    ])?;
    Ok(rows == 1)
}
