//! What lists are filtered, searched and sorted by.
//!
//! An index is paid for at every `createShortLink`, so there are few. The one that each page goes through holds all
//! that decides whether a link is listed; what few links have is indexed for those only. All else, in `SQLite`, is in
//! **one** inverted index, where one more term of a row costs next to nothing while one more B-tree costs as much as
//! the row; it also answers any combination of filters. `PostgreSQL` has B-trees for ids and inverted indexes for
//! metadata and words.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// Makes the indexes.
#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_lists"
    }
}

/// In both databases: an account's rows in the orders that its lists have. Of links, with all that says where they
/// stand, so that those that are not listed are passed over without being read.
const UP: &str = "
DROP INDEX short_link_account_idx;
CREATE INDEX short_link_account_idx ON short_link (account_id, id, status, expires_at);
CREATE INDEX short_link_status_idx ON short_link (account_id, id, status) WHERE status <> 'ACTIVE';
CREATE INDEX short_link_expiry_idx ON short_link (account_id, id, expires_at, status) WHERE expires_at IS NOT NULL;
CREATE INDEX offer_name_idx ON offer (account_id, name, id);
CREATE INDEX sending_list_brand_name_idx ON sending_list (account_id, brand_name, id);
CREATE INDEX domain_account_host_idx ON domain (account_id, host);
";

const DOWN: &str = "
DROP INDEX domain_account_host_idx;
DROP INDEX sending_list_brand_name_idx;
DROP INDEX offer_name_idx;
DROP INDEX short_link_expiry_idx;
DROP INDEX short_link_status_idx;
DROP INDEX short_link_account_idx;
CREATE INDEX short_link_account_idx ON short_link (account_id, id);
";

/// Names are compared by their bytes, as `SQLite` does, and not as the database's language has it: an order that
/// differs between two servers would break the cursors that go from one to the other.
///
/// Where nulls stand tells the order of the indexes for one list, offer, domain or recipient from that of all links.
///
/// In the index of words each has a letter in front, or the parser of `PostgreSQL` would take `1e5x` for a number and
/// an `x`. The account is a word too, so that one account's search does not wade through another's links. The query
/// must say the same expression: `linkhop::links::list`.
const UP_POSTGRES: &str = "
ALTER TABLE offer ALTER COLUMN name TYPE text COLLATE \"C\";
ALTER TABLE sending_list ALTER COLUMN brand_name TYPE text COLLATE \"C\";
ALTER TABLE domain ALTER COLUMN host TYPE text COLLATE \"C\";
CREATE INDEX short_link_sending_list_idx ON short_link (sending_list_id, id DESC NULLS LAST);
CREATE INDEX short_link_domain_idx ON short_link (domain_id, id DESC NULLS LAST);
CREATE INDEX short_link_offer_idx ON short_link (offer_id, id DESC NULLS LAST)
    WHERE offer_id IS NOT NULL;
CREATE INDEX short_link_contact_idx ON short_link (account_id, contact_phone, id DESC NULLS LAST)
    WHERE contact_phone IS NOT NULL;
CREATE INDEX short_link_metadata_idx ON short_link USING gin (metadata jsonb_path_ops);
CREATE INDEX short_link_words_idx ON short_link USING gin (to_tsvector('simple',
    'a' || replace(account_id::text, '-', '') || ' w' ||
    regexp_replace(code || ' ' || destination, '[^A-Za-z0-9]+', ' w', 'g')));
";

const DOWN_POSTGRES: &str = "
DROP INDEX short_link_words_idx;
DROP INDEX short_link_metadata_idx;
DROP INDEX short_link_contact_idx;
DROP INDEX short_link_offer_idx;
DROP INDEX short_link_domain_idx;
DROP INDEX short_link_sending_list_idx;
ALTER TABLE domain ALTER COLUMN host TYPE text COLLATE \"default\";
ALTER TABLE sending_list ALTER COLUMN brand_name TYPE text COLLATE \"default\";
ALTER TABLE offer ALTER COLUMN name TYPE text COLLATE \"default\";
";

/// The row number that an inverted index names links by. Without a column of its own `VACUUM` may change it.
const SEQ: &str = "\"seq\" integer PRIMARY KEY,\n    \"id\" uuid_text NOT NULL UNIQUE,";

const NO_SEQ: &str = "\"id\" uuid_text NOT NULL PRIMARY KEY,";

/// The links' table as it was, but for the start.
const LINKS: &str = "
    \"account_id\" uuid_text NOT NULL REFERENCES \"account\" (\"id\"),
    \"domain_id\" uuid_text NOT NULL REFERENCES \"domain\" (\"id\"),
    \"code\" text NOT NULL,
    \"destination\" text NOT NULL,
    \"sending_list_id\" uuid_text NOT NULL REFERENCES \"sending_list\" (\"id\"),
    \"offer_id\" uuid_text NULL REFERENCES \"offer\" (\"id\"),
    \"contact_phone\" text NULL,
    \"metadata\" jsonb_text NOT NULL,
    \"filter_bots\" boolean NOT NULL,
    \"status\" text NOT NULL,
    \"expires_at\" integer NULL,
    \"max_clicks\" integer NULL,
    \"fallback_url\" text NULL,
    \"created_at\" integer NOT NULL";

/// No other table refers to links by a foreign key, so this one can be made anew.
fn rebuild(start: &str) -> String {
    let columns = "id, account_id, domain_id, code, destination, sending_list_id, offer_id, contact_phone, metadata, \
        filter_bots, status, expires_at, max_clicks, fallback_url, created_at";
    format!(
        "CREATE TABLE short_link_new (\n    {start}{LINKS}\n);
         INSERT INTO short_link_new ({columns}) SELECT {columns} FROM short_link ORDER BY id;
         DROP TABLE short_link;
         ALTER TABLE short_link_new RENAME TO short_link;
         CREATE UNIQUE INDEX short_link_domain_id_code_key ON short_link (domain_id, code);
         CREATE INDEX short_link_account_idx ON short_link (account_id, id);"
    )
}

/// What a link is found by, as words: those of its code and destination, and one for each fact, which starts with a
/// character that stands in no code and no URL. It keeps the row numbers of each word in order, and so gives the
/// newest links of a million without sorting them. Texts in metadata are cut short: the query looks at the row too.
///
/// Triggers keep it true whoever writes a link. `linkhop`'s writer does by itself what the first one does, since a
/// trigger makes the index go to the disk for each row instead of each transaction.
const UP_SQLITE: &str = "
CREATE VIRTUAL TABLE short_link_index USING fts5(
    terms, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
CREATE VIEW short_link_terms AS SELECT
    seq,
    '§a' || hex(account_id) || ' §l' || hex(sending_list_id) || ' §d' || hex(domain_id)
    || CASE WHEN offer_id IS NULL THEN '' ELSE ' §o' || hex(offer_id) END
    || CASE WHEN contact_phone IS NULL THEN '' ELSE ' §p' || hex(contact_phone) END
    || coalesce((
        SELECT group_concat(' §m' || hex(key) || CASE type
            WHEN 'text' THEN 't' || substr(hex(atom), 1, 128)
            WHEN 'true' THEN 'y'
            WHEN 'false' THEN 'z'
            ELSE 'n' || hex(printf('%!.15g', atom))
        END, '')
        FROM json_each(metadata) WHERE atom IS NOT NULL
    ), '')
    || ' ' || code || ' ' || destination AS terms
FROM short_link;
CREATE TRIGGER short_link_inserted AFTER INSERT ON short_link BEGIN
    INSERT INTO short_link_index (rowid, terms) SELECT seq, terms FROM short_link_terms WHERE seq = NEW.seq;
END;
CREATE TRIGGER short_link_deleted AFTER DELETE ON short_link BEGIN
    DELETE FROM short_link_index WHERE rowid = OLD.seq;
END;
CREATE TRIGGER short_link_updated AFTER UPDATE ON short_link
WHEN OLD.code <> NEW.code OR OLD.destination <> NEW.destination OR OLD.metadata <> NEW.metadata
    OR OLD.account_id <> NEW.account_id OR OLD.sending_list_id <> NEW.sending_list_id
    OR OLD.domain_id <> NEW.domain_id OR OLD.offer_id IS NOT NEW.offer_id
    OR OLD.contact_phone IS NOT NEW.contact_phone
BEGIN
    DELETE FROM short_link_index WHERE rowid = OLD.seq;
    INSERT INTO short_link_index (rowid, terms) SELECT seq, terms FROM short_link_terms WHERE seq = NEW.seq;
END;
INSERT INTO short_link_index (rowid, terms) SELECT seq, terms FROM short_link_terms;
";

const DOWN_SQLITE: &str = "
DROP TRIGGER short_link_updated;
DROP TRIGGER short_link_deleted;
DROP TRIGGER short_link_inserted;
DROP VIEW short_link_terms;
DROP TABLE short_link_index;
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        // In SQLite too: half of it would be a database without links.
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let is_sqlite = manager.get_database_backend() == DbBackend::Sqlite;
        if is_sqlite {
            db.execute_unprepared(&rebuild(SEQ)).await?;
        }
        db.execute_unprepared(UP).await?;
        let own = if is_sqlite { UP_SQLITE } else { UP_POSTGRES };
        db.execute_unprepared(own).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let is_sqlite = manager.get_database_backend() == DbBackend::Sqlite;
        let own = if is_sqlite { DOWN_SQLITE } else { DOWN_POSTGRES };
        db.execute_unprepared(own).await?;
        db.execute_unprepared(DOWN).await?;
        if is_sqlite {
            db.execute_unprepared(&rebuild(NO_SEQ)).await?;
        }
        Ok(())
    }
}
