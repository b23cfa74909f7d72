//! `linkhop migrate`.

use anyhow::Result;
use clap::{Args, Subcommand};
use migration::{Migrator, MigratorTrait};

use super::print;
use crate::{config::DatabaseConfig, store::Store};

#[derive(Debug, Args)]
pub(super) struct Migrate {
    #[command(subcommand)]
    direction: Direction,
}

#[derive(Debug, Subcommand)]
enum Direction {
    /// Make every change that is missing; an SQLite file that is not there is made
    Up(DatabaseConfig),
    /// Take the last change back, with the data it holds
    Down(DatabaseConfig),
    /// Say which changes are made
    Status(DatabaseConfig),
}

impl Migrate {
    pub(super) async fn run(self) -> Result<()> {
        match self.direction {
            Direction::Up(database) => {
                let store = open(&database, true).await?;
                let pending = store.pending_migrations().await?;
                store.migrate_up().await?;
                print(&format!("{pending} changes made; the schema is up to date\n"))
            }
            Direction::Down(database) => {
                let store = open(&database, false).await?;
                Migrator::down(&store.write, Some(1)).await?;
                print("the last change is taken back\n")
            }
            Direction::Status(database) => {
                let store = open(&database, false).await?;
                let known = Migrator::migrations().len();
                let pending = store.pending_migrations().await?;
                print(&format!("{} changes made, {pending} pending\n", known - pending))
            }
        }
    }
}

async fn open(database: &DatabaseConfig, create: bool) -> Result<Store> {
    Ok(Store::connect(database.database_url.expose(), &database.tuning.options(create)).await?)
}
