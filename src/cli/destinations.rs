//! `linkhop destination`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use entity::blocked_host;
use serde_json::{Value, json};

use super::{
    open,
    output::{Output, table, time_json, time_text},
};
use crate::{
    app::Clock,
    catalog::blocked,
    config::DatabaseConfig,
    values::host_name::{HostName, InvalidHostName},
};

#[derive(Debug, Args)]
pub(super) struct Destination {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Let no link lead to a host any more, nor to any below it: visitors get a 410 within a second
    #[command(
        after_help = "Links that lead there stay as they are, for the day that it is taken back.\n\n\
        Example:\n  linkhop destination block phish.example --reason \"reported on 2026-11-30\""
    )]
    Block {
        /// The host, such as phish.example; all below it is meant too
        #[arg(value_parser = host)]
        host: HostName,
        /// Why, for whoever looks at the list later
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        database: DatabaseConfig,
    },
    /// Take back that a host is blocked
    Unblock {
        /// The host, as `linkhop destination list` shows it
        #[arg(value_parser = host)]
        host: HostName,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        database: DatabaseConfig,
    },
    /// Show the hosts that are blocked; not those of --deny-list
    List {
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        database: DatabaseConfig,
    },
}

fn host(text: &str) -> Result<HostName, InvalidHostName> {
    HostName::parse(text)
}

impl Destination {
    pub(super) async fn run(self) -> Result<()> {
        let now = Clock::system().now();
        match self.action {
            Action::Block {
                host,
                reason,
                output,
                database,
            } => {
                let store = open(&database).await?;
                let row = blocked::block(&store, &host, reason, now).await?;
                output.print(
                    || json_of(&row),
                    || format!("No link leads to {} any more.\n", row.host),
                )
            }
            Action::Unblock {
                host,
                output,
                database,
            } => {
                let store = open(&database).await?;
                let Some(row) = blocked::lift(&store, &host, now).await? else {
                    bail!(
                        "{} is not blocked; `linkhop destination list` shows what is",
                        host.as_str()
                    );
                };
                output.print(
                    || json_of(&row),
                    || format!("Links may lead to {} again.\n", row.host),
                )
            }
            Action::List { output, database } => {
                let store = open(&database).await?;
                let rows = blocked::all(&store).await?;
                output.print(|| rows.iter().map(json_of).collect(), || text_of(&rows))
            }
        }
    }
}

fn json_of(row: &blocked_host::Model) -> Value {
    json!({
        "host": row.host,
        "reason": row.reason,
        "blockedAt": time_json(Some(row.blocked_at)),
        "unblockedAt": time_json(row.lifted_at),
    })
}

fn text_of(rows: &[blocked_host::Model]) -> String {
    let row = |row: &blocked_host::Model| {
        [
            row.host.clone(),
            time_text(Some(row.blocked_at), ""),
            row.reason.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    table(["HOST", "BLOCKED", "REASON"], &rows, "No host is blocked.")
}
