//! What is done about abuse: hosts that no link may lead to, and what people report.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// Makes the tables.
#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0007_abuse_reports"
    }
}

/// In the words of both databases: `{…}` stands for what they call differently.
///
/// A host that is blocked no longer stays, so that servers see by the number of changes that there was one. A report
/// refers to nothing: it stays as it was made, whatever becomes of the link.
const UP: &str = "
CREATE TABLE blocked_host (
    host text NOT NULL PRIMARY KEY,
    reason text NULL,
    blocked_at bigint NOT NULL,
    lifted_at bigint NULL,
    changes integer NOT NULL
){by_key};
CREATE TABLE abuse_report (
    id {uuid} NOT NULL PRIMARY KEY,
    url text NOT NULL,
    short_link_id {uuid} NULL,
    account_id {uuid} NULL,
    reason text NOT NULL,
    email text NULL,
    created_at bigint NOT NULL
){by_key};
";

const DOWN: &str = "
DROP TABLE abuse_report;
DROP TABLE blocked_host;
";

fn in_words_of(backend: DbBackend, statements: &str) -> String {
    let [uuid, by_key] = if backend == DbBackend::Sqlite {
        ["uuid_text", " WITHOUT ROWID"]
    } else {
        ["uuid", ""]
    };
    statements.replace("{uuid}", uuid).replace("{by_key}", by_key)
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        // In SQLite too: half of it would be in the way of a second try.
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = in_words_of(manager.get_database_backend(), UP);
        manager.get_connection().execute_unprepared(&statements).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(DOWN).await?;
        Ok(())
    }
}
