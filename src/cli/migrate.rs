//! `linkhop migrate`.

use anyhow::Result;
use clap::{Args, Subcommand};
use migration::{Migrator, MigratorTrait};
use serde_json::json;

use super::{connect, output::Output, print};
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
    /// Say how many changes are made, and how many are pending
    Status {
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        database: DatabaseConfig,
    },
}

impl Migrate {
    pub(super) async fn run(self) -> Result<()> {
        match self.direction {
            Direction::Up(database) => {
                let store = connect(&database, true).await?;
                let pending = store.pending_migrations().await?;
                store.migrate_up().await?;
                print(&format!("{pending} changes made; the schema is up to date\n"))
            }
            Direction::Down(database) => {
                let store = connect(&database, false).await?;
                if made(&store).await? == 0 {
                    return print("there is nothing to take back\n");
                }
                Migrator::down(&store.write, Some(1)).await?;
                print("the last change is taken back\n")
            }
            Direction::Status { output, database } => {
                let store = connect(&database, false).await?;
                let made = made(&store).await?;
                let pending = Migrator::migrations().len() - made;
                output.print(
                    || json!({"made": made, "pending": pending}),
                    || format!("{made} changes made, {pending} pending\n"),
                )
            }
        }
    }
}

/// How many changes are made.
async fn made(store: &Store) -> Result<usize> {
    Ok(Migrator::migrations().len() - store.pending_migrations().await?)
}
