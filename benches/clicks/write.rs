//! Stores clicks as fast as each database takes them: past the server, which is not running yet.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use entity::click::{self, BotKind, BotReason};
use linkhop::store::Store;
use sea_orm::sqlx::{PgPool, postgres::PgPoolCopyExt as _};
use uuid::Uuid;

const COLUMNS: &str = "id, clicked_at, short_link_id, method, bot_reason, bot_kind, is_prefetch, agent_list_id, \
    user_agent_id, address, visitor, country, referrer, language, parameters";

/// What clicks are stored by.
pub(super) enum Writer {
    Sqlite(rusqlite::Connection),
    Postgres(PgPool),
}

impl Writer {
    pub(super) fn open(store: &Store, url: &str) -> Result<Self> {
        if store.sqlite_file().is_none() {
            return Ok(Self::Postgres(store.write.get_postgres_connection_pool().clone()));
        }
        let file = url.strip_prefix("sqlite://").context("a file")?;
        let db = rusqlite::Connection::open(file)?;
        // A crash is no loss: it is made anew.
        db.pragma_update(None, "synchronous", "OFF")?;
        Ok(Self::Sqlite(db))
    }

    /// Stores a lot, in its order.
    pub(super) async fn append(&mut self, clicks: &[click::Model]) -> Result<()> {
        match self {
            Self::Sqlite(db) => append_sqlite(db, clicks),
            Self::Postgres(pool) => append_postgres(pool, clicks).await,
        }
    }

    /// Leaves the file as a server that was stopped would.
    pub(super) fn finish(self) -> Result<()> {
        match self {
            Self::Sqlite(db) => Ok(db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?),
            Self::Postgres(_) => Ok(()),
        }
    }
}

fn append_sqlite(db: &mut rusqlite::Connection, clicks: &[click::Model]) -> Result<()> {
    let transaction = db.transaction()?;
    let sql = format!(
        "INSERT INTO click ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
    );
    let mut insert = transaction.prepare_cached(&sql)?;
    for click in clicks {
        insert.execute(rusqlite::params![
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
    }
    drop(insert);
    Ok(transaction.commit()?)
}

/// No text of a generated click has a character that `COPY` would want marked.
async fn append_postgres(pool: &PgPool, clicks: &[click::Model]) -> Result<()> {
    let mut lines = String::new();
    for click in clicks {
        write!(
            lines,
            "{}\t{}\t{}\t{}",
            Uuid::from(click.id),
            click.clicked_at.millis(),
            Uuid::from(click.short_link_id),
            click.method.as_str()
        )?;
        let mut field = |value: Option<&dyn std::fmt::Display>| match value {
            Some(value) => write!(lines, "\t{value}"),
            None => write!(lines, "\t\\N"),
        };
        field(
            click
                .bot_reason
                .map(BotReason::as_str)
                .as_ref()
                .map(|text| text as _),
        )?;
        field(click.bot_kind.map(BotKind::as_str).as_ref().map(|text| text as _))?;
        field(Some(&click.is_prefetch))?;
        field(Some(&click.agent_list_id))?;
        field(click.user_agent_id.as_ref().map(|id| id as _))?;
        field(click.address.as_ref().map(|text| text as _))?;
        field(click.visitor.as_ref().map(|id| id as _))?;
        field(click.country.as_ref().map(|text| text as _))?;
        field(click.referrer.as_ref().map(|text| text as _))?;
        field(click.language.as_ref().map(|text| text as _))?;
        field(click.parameters.as_ref().map(|json| json as _))?;
        lines.push('\n');
    }
    let mut copy = pool
        .copy_in_raw(&format!("COPY click ({COLUMNS}) FROM STDIN"))
        .await?;
    copy.send(lines.into_bytes()).await?;
    copy.finish().await?;
    Ok(())
}
