//! Rows as they are written to `SQLite`, each by a prepared statement.

use entity::{
    audit_entry,
    click::{self, BotKind, BotReason},
    short_link,
};
use rusqlite::{Connection, OptionalExtension as _, Statement, params};
use sea_orm::ActiveEnum as _;
use uuid::Uuid;

use crate::store::writer::{Kept, NewClick, NewLink, Outcome, UsedKey, texts::KnownTexts};

pub(super) const INSERT_CLICK: &str = "INSERT INTO click (id, clicked_at, short_link_id, method, bot_reason, bot_kind, \
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

/// Links that are stored in parts have one entry, which grows with them until the last is stored: the triggers that keep the
/// log as it is are off for this connection.
const INSERT_ENTRY: &str = "INSERT INTO audit_entry (account_id, id, api_key_id, action, subject_id, affected, before, \
    after, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
    ON CONFLICT (account_id, id) DO UPDATE SET affected = affected + excluded.affected";

/// Stores the texts that a click names and that nobody knows to be stored, and adds them to `new`.
pub(super) fn insert_texts(
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
pub(super) fn insert_click(
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

pub(super) fn insert_links(
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
