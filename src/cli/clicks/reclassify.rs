//! `linkhop clicks reclassify`.

use anyhow::Result;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::Args;
use entity::Timestamp;
use serde_json::json;

use super::super::{open, output::Output};
use crate::{
    clicks::reclassify::JudgedAgents,
    config::{AgentsConfig, DatabaseConfig},
};

/// What `--help` says below the flags.
pub(super) const AFTER_HELP: &str = "\
It may be stopped at any time, and run beside a server: figures are right all the while, and running it again goes on.

Examples:
  linkhop clicks reclassify --since 2026-11-01 --dry-run
  linkhop clicks reclassify --since 2026-11-01T08:00:00Z --bot-agents agents.txt";

#[derive(Debug, Args)]
pub(super) struct Reclassify {
    /// The first moment whose clicks are judged, such as 2026-11-01 (in UTC) or 2026-11-01T08:00:00Z
    #[arg(long, value_name = "DATE", value_parser = moment)]
    since: DateTime<Utc>,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    agents: AgentsConfig,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Reclassify {
    pub(super) async fn run(self) -> Result<()> {
        let list = self.agents.list()?;
        let store = open(&self.database).await?;
        let agents = JudgedAgents::read(&store.read, &list).await?;
        let since = Timestamp::not_before(self.since);
        let (all, bots) = (agents.all(), agents.bots());
        self.output.print(
            || json!({"since": since.utc(), "dryRun": self.dry_run, "agents": all, "bots": bots}),
            || format!("{bots} of {all} agents are bots'\n"),
        )
    }
}

/// Reads a day, which begins in UTC, or a moment.
fn moment(text: &str) -> Result<DateTime<Utc>, &'static str> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    text.parse()
        .map_err(|_| "give a day such as 2026-11-01, or a moment such as 2026-11-01T08:00:00Z")
}
