//! Who changed what, who made a link, and the keys of calls that make many.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// Makes the tables.
#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_campaigns"
    }
}

/// In the words of both databases: `{…}` stands for what they call differently.
///
/// Most entries are of links that were made, one each: who looks for what else was done must not go through them.
///
/// Keys of calls live for a day, so to make their table anew costs little.
const UP: &str = "
CREATE TABLE audit_entry (
    account_id {uuid} NOT NULL,
    id {uuid} NOT NULL,
    api_key_id {uuid} NULL,
    action text NOT NULL,
    subject_id {uuid} NULL,
    affected integer NOT NULL,
    before {json} NULL,
    after {json} NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (account_id, id)
){by_key};
CREATE INDEX audit_entry_subject_idx ON audit_entry (subject_id) WHERE subject_id IS NOT NULL;
CREATE INDEX audit_entry_action_idx ON audit_entry (account_id, action, id) WHERE action <> 'SHORT_LINK_CREATED';
ALTER TABLE short_link ADD COLUMN api_key_id {uuid} NULL;
CREATE TABLE new_key (
    account_id {uuid} NOT NULL REFERENCES account (id),
    key text NOT NULL,
    item integer NOT NULL,
    fingerprint text NOT NULL,
    short_link_id {uuid} NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (account_id, key, item)
);
INSERT INTO new_key (account_id, key, item, fingerprint, short_link_id, created_at)
    SELECT account_id, key, 0, fingerprint, short_link_id, created_at FROM idempotency_key;
DROP TABLE idempotency_key;
ALTER TABLE new_key RENAME TO idempotency_key;
CREATE INDEX idempotency_key_created_at_idx ON idempotency_key (created_at);
";

const DOWN: &str = "
CREATE TABLE old_key (
    account_id {uuid} NOT NULL REFERENCES account (id),
    key text NOT NULL,
    fingerprint text NOT NULL,
    short_link_id {uuid} NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (account_id, key)
);
INSERT INTO old_key (account_id, key, fingerprint, short_link_id, created_at)
    SELECT account_id, key, fingerprint, short_link_id, created_at FROM idempotency_key WHERE item = 0;
DROP TABLE idempotency_key;
ALTER TABLE old_key RENAME TO idempotency_key;
CREATE INDEX idempotency_key_created_at_idx ON idempotency_key (created_at);
ALTER TABLE short_link DROP COLUMN api_key_id;
DROP TABLE audit_entry;
";

/// The log can only grow, whoever is at work, also by hand.
///
/// In `SQLite` a row that replaces another one is no deletion to triggers.
const APPEND_ONLY_SQLITE: &str = "
CREATE TRIGGER audit_entry_no_replacement BEFORE INSERT ON audit_entry
    WHEN EXISTS (SELECT 1 FROM audit_entry WHERE account_id = NEW.account_id AND id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
";

const APPEND_ONLY_POSTGRES: &str = "
CREATE FUNCTION audit_entry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$;
CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_stays();
";

const DROP_POSTGRES: &str = "DROP FUNCTION audit_entry_stays();";

fn in_words_of(backend: DbBackend, statements: &str) -> String {
    let words = if backend == DbBackend::Sqlite {
        [
            ("{uuid}", "uuid_text"),
            ("{json}", "jsonb_text"),
            ("{by_key}", " WITHOUT ROWID"),
        ]
    } else {
        [("{uuid}", "uuid"), ("{json}", "jsonb"), ("{by_key}", "")]
    };
    words.iter().fold(statements.to_owned(), |text, (word, meaning)| {
        text.replace(word, meaning)
    })
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        // In SQLite too: half of it would be in the way of a second try.
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let db = manager.get_connection();
        db.execute_unprepared(&in_words_of(backend, UP)).await?;
        let append_only = if backend == DbBackend::Sqlite {
            APPEND_ONLY_SQLITE
        } else {
            APPEND_ONLY_POSTGRES
        };
        db.execute_unprepared(append_only).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let db = manager.get_connection();
        db.execute_unprepared(&in_words_of(backend, DOWN)).await?;
        if backend != DbBackend::Sqlite {
            db.execute_unprepared(DROP_POSTGRES).await?;
        }
        Ok(())
    }
}
