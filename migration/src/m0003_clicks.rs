//! Clicks as they are stored and summed.
//!
//! The raw table has no index but its row number: each one more would cost every redirect. What is looked up is in
//! tables that are written behind, in large lots and in the order of their keys. In `SQLite` those have no row number
//! beside the key, which halves them.

use entity::text_id;
use sea_orm_migration::{
    prelude::*,
    sea_orm::{DbBackend, Statement},
};

/// Makes the tables.
#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_clicks"
    }
}

/// In the words of both databases: `{…}` stands for what they call differently.
const UP: &str = "
ALTER TABLE click RENAME TO old_click;
CREATE TABLE click (
    seq {row_number} PRIMARY KEY,
    id {uuid} NOT NULL,
    clicked_at bigint NOT NULL,
    short_link_id {uuid} NOT NULL,
    method text NOT NULL,
    bot_reason text NULL,
    bot_kind text NULL,
    is_prefetch boolean NOT NULL,
    agent_list_id bigint NOT NULL,
    user_agent_id bigint NULL,
    address text NULL,
    visitor bigint NULL,
    country text NULL,
    referrer text NULL,
    language text NULL,
    parameters {json} NULL
);
CREATE TABLE user_agent (
    id bigint NOT NULL PRIMARY KEY,
    text text NOT NULL,
    device text NULL,
    os text NULL,
    browser text NULL
);
CREATE TABLE agent_list (id bigint NOT NULL PRIMARY KEY, version text NOT NULL);
CREATE TABLE link_total (
    short_link_id {uuid} NOT NULL PRIMARY KEY,
    clicks bigint NOT NULL,
    human_clicks bigint NOT NULL,
    unique_clicks bigint NOT NULL,
    first_clicked_at bigint NOT NULL,
    last_clicked_at bigint NOT NULL
){by_key};
CREATE TABLE link_click (
    short_link_id {uuid} NOT NULL,
    click_id {uuid} NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (short_link_id, click_id)
){by_key};
CREATE TABLE link_visitor (
    short_link_id {uuid} NOT NULL,
    visitor bigint NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (short_link_id, visitor)
){by_key};
CREATE TABLE click_summing (
    id integer NOT NULL PRIMARY KEY,
    through bigint NOT NULL,
    upcoming bigint NOT NULL,
    link {uuid} NULL,
    link_through bigint NULL
);
INSERT INTO click_summing (id, through, upcoming) VALUES (1, 0, 0);
CREATE TABLE link_use (short_link_id {uuid} NOT NULL PRIMARY KEY, used integer NOT NULL){by_key};
CREATE TABLE server_secret (name text NOT NULL PRIMARY KEY, value text NOT NULL);
ALTER TABLE short_link ADD COLUMN exhausted_at bigint NULL;
DROP INDEX short_link_account_idx;
CREATE INDEX short_link_account_idx ON short_link (account_id, id, status, expires_at, exhausted_at);
DROP INDEX short_link_expiry_idx;
CREATE INDEX short_link_expiry_idx ON short_link (account_id, id, expires_at, status, exhausted_at)
    WHERE expires_at IS NOT NULL;
CREATE INDEX short_link_exhausted_idx ON short_link (account_id, id, exhausted_at, status, expires_at)
    WHERE exhausted_at IS NOT NULL;
";

/// After the texts of old clicks have got their ids.
const COPY: &str = "
INSERT INTO click (id, clicked_at, short_link_id, method, bot_reason, bot_kind, is_prefetch, agent_list_id, user_agent_id)
    SELECT old.id, old.clicked_at, old.short_link_id, old.method, old.bot_reason, old.bot_kind, false,
        agent_list.id, user_agent.id
    FROM old_click AS old JOIN agent_list ON agent_list.version = old.list_version
    LEFT JOIN user_agent ON user_agent.text = old.user_agent
    ORDER BY old.seq;
DROP TABLE old_click;
";

const DOWN: &str = "
CREATE TABLE old_click (
    seq {old_row_number},
    id {uuid} NOT NULL,
    clicked_at bigint NOT NULL,
    short_link_id {uuid} NOT NULL,
    method text NOT NULL,
    bot_reason text NULL,
    bot_kind text NULL,
    list_version text NOT NULL,
    user_agent text NULL
);
INSERT INTO old_click (id, clicked_at, short_link_id, method, bot_reason, bot_kind, list_version, user_agent)
    SELECT click.id, clicked_at, short_link_id, method, bot_reason, bot_kind, version, text
    FROM click JOIN agent_list ON agent_list.id = agent_list_id
    LEFT JOIN user_agent ON user_agent.id = user_agent_id
    ORDER BY seq;
DROP TABLE click;
ALTER TABLE old_click RENAME TO click;
DROP TABLE user_agent;
DROP TABLE agent_list;
DROP TABLE link_total;
DROP TABLE link_click;
DROP TABLE link_visitor;
DROP TABLE click_summing;
DROP TABLE link_use;
DROP TABLE server_secret;
DROP INDEX short_link_exhausted_idx;
DROP INDEX short_link_expiry_idx;
DROP INDEX short_link_account_idx;
ALTER TABLE short_link DROP COLUMN exhausted_at;
CREATE INDEX short_link_account_idx ON short_link (account_id, id, status, expires_at);
CREATE INDEX short_link_expiry_idx ON short_link (account_id, id, expires_at, status) WHERE expires_at IS NOT NULL;
";

fn in_words_of(backend: DbBackend, statements: &str) -> String {
    let words = if backend == DbBackend::Sqlite {
        // Without AUTOINCREMENT, which writes one more page each time: a row number comes again only where the newest
        // rows were removed, and nothing removes those.
        [
            ("{row_number}", "integer"),
            ("{old_row_number}", "integer NOT NULL PRIMARY KEY AUTOINCREMENT"),
            ("{uuid}", "uuid_text"),
            ("{json}", "jsonb_text"),
            ("{by_key}", " WITHOUT ROWID"),
        ]
    } else {
        [
            ("{row_number}", "bigint GENERATED BY DEFAULT AS IDENTITY"),
            ("{old_row_number}", "bigserial NOT NULL PRIMARY KEY"),
            ("{uuid}", "uuid"),
            ("{json}", "jsonb"),
            ("{by_key}", ""),
        ]
    };
    words.iter().fold(statements.to_owned(), |text, (word, meaning)| {
        text.replace(word, meaning)
    })
}

/// Stores each different text of a column of old clicks once, under its id.
async fn name_texts(manager: &SchemaManager<'_>, column: &str, table: &str, text: &str) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let backend = manager.get_database_backend();
    let all = format!("SELECT DISTINCT {column} FROM old_click WHERE {column} IS NOT NULL");
    let insert = if backend == DbBackend::Sqlite {
        format!("INSERT INTO {table} (id, {text}) VALUES (?, ?) ON CONFLICT DO NOTHING")
    } else {
        format!("INSERT INTO {table} (id, {text}) VALUES ($1, $2) ON CONFLICT DO NOTHING")
    };
    for row in db.query_all_raw(Statement::from_string(backend, all)).await? {
        let text: String = row.try_get_by_index(0)?;
        let values = [text_id(&text).into(), text.into()];
        db.execute_raw(Statement::from_sql_and_values(backend, &insert, values))
            .await?;
    }
    Ok(())
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        // In SQLite too: half of it would be a database without clicks.
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let db = manager.get_connection();
        db.execute_unprepared(&in_words_of(backend, UP)).await?;
        name_texts(manager, "list_version", "agent_list", "version").await?;
        name_texts(manager, "user_agent", "user_agent", "text").await?;
        db.execute_unprepared(COPY).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = in_words_of(manager.get_database_backend(), DOWN);
        manager.get_connection().execute_unprepared(&statements).await?;
        Ok(())
    }
}
