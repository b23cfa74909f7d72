//! Writing to `PostgreSQL`: rows go there by `COPY`, new ones into the table itself.

use sea_orm::sqlx::{self, AssertSqlSafe, Executor as _, PgConnection, Result};

use super::{Changes, LOG};
use crate::store::transfer::{
    copy::copy_in,
    lot::Lot,
    read::connect,
    table::{Column, Table, quoted},
};

/// Nobody waits for these statements but the operator. What a commit need not wait for lasts with the last one; a move that
/// a crash of the database ends is run again. Few rows of many are found by their keys: of a table that was just made the
/// planner knows nothing.
const SETTINGS: &str = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
    SET synchronous_commit = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
    SET client_min_messages = warning";

/// The columns whose numbers the database gives by itself.
const NUMBERED: &str = "SELECT table_name::text, column_name::text FROM information_schema.columns \
    WHERE table_schema = current_schema() AND is_identity = 'YES'";

/// Where rows lie that are there already.
const ASIDE: &str = "moved_rows";

#[derive(Debug)]
pub(in crate::store::transfer) struct PostgresTarget(PgConnection);

impl PostgresTarget {
    pub(super) async fn connect(url: &str) -> Result<Self> {
        let mut db = connect(url).await?;
        db.execute(sqlx::raw_sql(SETTINGS)).await?;
        Ok(Self(db))
    }

    pub(super) async fn run(&mut self, statements: &'static str) -> Result<()> {
        self.0.execute(sqlx::raw_sql(statements)).await?;
        Ok(())
    }

    async fn say(&mut self, statements: String) -> Result<()> {
        self.0.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await?;
        Ok(())
    }

    pub(super) async fn claim(&mut self, number: i64) -> Result<bool> {
        let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(number);
        lock.fetch_one(&mut self.0).await
    }

    pub(super) async fn apply(&mut self, table: &Table, changes: &Changes) -> Result<()> {
        self.run("BEGIN").await?;
        let name = quoted(table.name);
        let is_log = table.name == LOG && !(changes.removed.is_empty() && changes.changed.is_empty());
        if is_log {
            // For this transaction: until it ends nobody else writes there.
            self.say(format!("ALTER TABLE {name} DISABLE TRIGGER USER"))
                .await?;
        }
        let of_key = Table::list(table.key(), " AND ", |column| {
            format!("{name}.{0} = {ASIDE}.{0}", quoted(column))
        });
        if !changes.removed.is_empty() {
            self.put_aside(table, &changes.removed).await?;
            self.say(format!(
                "DELETE FROM {name} USING {ASIDE} WHERE {of_key}; DROP TABLE {ASIDE}"
            ))
            .await?;
        }
        if !changes.changed.is_empty() {
            self.put_aside(table, &changes.changed).await?;
            let rest = Table::list(table.rest(), ", ", |column| {
                format!("{0} = {ASIDE}.{0}", quoted(column))
            });
            self.say(format!(
                "UPDATE {name} SET {rest} FROM {ASIDE} WHERE {of_key}; DROP TABLE {ASIDE}"
            ))
            .await?;
        }
        if !changes.added.is_empty() {
            self.copy(&name, &table.columns, &changes.added).await?;
        }
        if is_log {
            self.say(format!("ALTER TABLE {name} ENABLE TRIGGER USER"))
                .await?;
        }
        self.run("COMMIT").await
    }

    /// Puts rows where statements find them.
    async fn put_aside(&mut self, table: &Table, rows: &Lot) -> Result<()> {
        let (columns, name) = (table.names(), quoted(table.name));
        self.say(format!(
            "CREATE TEMPORARY TABLE {ASIDE} AS SELECT {columns} FROM {name} WITH NO DATA"
        ))
        .await?;
        self.copy(ASIDE, &table.columns, rows).await
    }

    async fn copy(&mut self, into: &str, columns: &[Column], rows: &Lot) -> Result<()> {
        let names = Table::list(columns, ", ", quoted);
        let copy = format!("COPY {into} ({names}) FROM STDIN (FORMAT binary)");
        copy_in(&mut self.0, &copy, columns.len(), rows).await
    }

    pub(super) async fn settle(&mut self) -> Result<()> {
        let numbered: Vec<(String, String)> = sqlx::query_as(NUMBERED).fetch_all(&mut self.0).await?;
        for (table, column) in numbered {
            self.say(format!(
                "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) FROM {table} \
                 HAVING max({column}) IS NOT NULL"
            ))
            .await?;
        }
        // With this one all before it last.
        self.run("SET synchronous_commit = on; ANALYZE").await
    }
}
