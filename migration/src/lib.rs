//! Linkhop's schema: one file a change, never edited after a release, each with a `down` that works, on
//! `SQLite` and on `PostgreSQL`.

use sea_orm_migration::prelude::*;
pub use sea_orm_migration::{MigratorTrait, SchemaManager};

mod m0001_first_tables;
mod m0002_lists;
mod m0003_clicks;
mod m0004_reports;
mod m0005_campaigns;
mod m0006_entries_of_a_key;
mod m0007_abuse_reports;

/// All changes in their order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first_tables::Migration),
            Box::new(m0002_lists::Migration),
            Box::new(m0003_clicks::Migration),
            Box::new(m0004_reports::Migration),
            Box::new(m0005_campaigns::Migration),
            Box::new(m0006_entries_of_a_key::Migration),
            Box::new(m0007_abuse_reports::Migration),
        ]
    }
}
