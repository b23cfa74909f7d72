//! What was done with one key, found in an account's audit log without going through all of it.

use sea_orm_migration::prelude::*;

/// Makes the index.
#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_entries_of_a_key"
    }
}

/// With the entries of links that were made: who looks into what a lost key was used for wants these above all. They come
/// in the order of their ids, so each is written beside the last one.
const UP: &str = "CREATE INDEX audit_entry_key_idx ON audit_entry (account_id, api_key_id, id)";

const DOWN: &str = "DROP INDEX audit_entry_key_idx";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(UP).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(DOWN).await?;
        Ok(())
    }
}
