//! What reports are read from.
//!
//! All sums are made anew from the raw rows, of which none has ever been removed: the new ones would miss what is summed
//! already.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// Makes the tables.
#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_reports"
    }
}

/// In the words of both databases: `{…}` stands for what they call differently.
const UP: &str = "
DELETE FROM link_total;
DELETE FROM link_visitor;
DROP TABLE link_click;
CREATE TABLE link_click (
    short_link_id {uuid} NOT NULL,
    click_id {uuid} NOT NULL,
    seq bigint NOT NULL,
    clicked_at bigint NOT NULL,
    verdict {small} NOT NULL,
    PRIMARY KEY (short_link_id, click_id)
){by_key};
CREATE TABLE subject_total (
    subject_id {uuid} NOT NULL PRIMARY KEY,
    clicks bigint NOT NULL,
    human_clicks bigint NOT NULL,
    unique_clicks bigint NOT NULL,
    first_clicked_at bigint NOT NULL,
    last_clicked_at bigint NOT NULL
){by_key};
CREATE TABLE subject_quarter (
    subject_id {uuid} NOT NULL,
    quarter integer NOT NULL,
    clicks bigint NOT NULL,
    human_clicks bigint NOT NULL,
    unique_clicks bigint NOT NULL,
    first_clicked_at bigint NOT NULL,
    last_clicked_at bigint NOT NULL,
    PRIMARY KEY (subject_id, quarter)
){by_key};
CREATE TABLE click_column (
    account_id {uuid} NOT NULL,
    day integer NOT NULL,
    chunk bigint NOT NULL,
    name {small} NOT NULL,
    clicks integer NOT NULL,
    data {bytes} NOT NULL,
    PRIMARY KEY (account_id, day, chunk, name)
);
{bytes_as_they_are}
ALTER TABLE click_summing ADD COLUMN kept_from bigint NOT NULL DEFAULT 0;
UPDATE click_summing SET through = 0, upcoming = 0, link = NULL, link_through = NULL;
";

const DOWN: &str = "
DELETE FROM link_total;
DELETE FROM link_visitor;
DROP TABLE link_click;
CREATE TABLE link_click (
    short_link_id {uuid} NOT NULL,
    click_id {uuid} NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (short_link_id, click_id)
){by_key};
DROP TABLE subject_total;
DROP TABLE subject_quarter;
DROP TABLE click_column;
ALTER TABLE click_summing DROP COLUMN kept_from;
UPDATE click_summing SET through = 0, upcoming = 0, link = NULL, link_through = NULL;
";

fn in_words_of(backend: DbBackend, statements: &str) -> String {
    let words = if backend == DbBackend::Sqlite {
        [
            ("{uuid}", "uuid_text"),
            ("{small}", "integer"),
            ("{bytes}", "blob"),
            ("{by_key}", " WITHOUT ROWID"),
            ("{bytes_as_they_are}", ""),
        ]
    } else {
        [
            ("{uuid}", "uuid"),
            ("{small}", "smallint"),
            ("{bytes}", "bytea"),
            ("{by_key}", ""),
            // They are small already: to look for what could be left out costs more than it saves.
            (
                "{bytes_as_they_are}",
                "ALTER TABLE click_column ALTER COLUMN data SET STORAGE EXTERNAL;",
            ),
        ]
    };
    words.iter().fold(statements.to_owned(), |text, (word, meaning)| {
        text.replace(word, meaning)
    })
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        // In SQLite too: half of it would be figures that nobody makes again.
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = in_words_of(manager.get_database_backend(), UP);
        manager.get_connection().execute_unprepared(&statements).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = in_words_of(manager.get_database_backend(), DOWN);
        manager.get_connection().execute_unprepared(&statements).await?;
        Ok(())
    }
}
