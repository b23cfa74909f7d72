//! `linkhop clicks reclassify`.

use std::{collections::HashMap, fmt::Write as _, ops::ControlFlow, time::Duration};

use anyhow::Result;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::Args;
use entity::{Timestamp, click::BotKind};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::{
    open,
    output::{Output, table, time_json},
};
use crate::{
    clicks::{
        list::user_agents,
        reclassify::{BATCH, Changes, Reclassification},
    },
    config::{AgentsConfig, DatabaseConfig},
    store::Store,
};

/// What `--help` says below the flags.
pub(super) const AFTER_HELP: &str = "\
It may be stopped at any time, and run beside a server: figures are right all the while, and running it again goes on.

Examples:
  linkhop clicks reclassify --since 2026-11-01 --dry-run
  linkhop clicks reclassify --since 2026-11-01T08:00:00Z --bot-agents agents.txt";

/// How many agents a dry run names.
const AGENTS: usize = 20;

/// How often it is said how far it has got.
const REPORT: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct Reclassify {
    /// The first moment whose clicks are judged, such as 2026-11-01 (in UTC) or 2026-11-01T08:00:00Z
    #[arg(long, value_name = "DATE", value_parser = moment)]
    since: DateTime<Utc>,
    /// Say what would change, with the agents that it would change for, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    agents: AgentsConfig,
    #[command(flatten)]
    database: DatabaseConfig,
}

/// What there is to say at the end.
struct Report {
    since: Timestamp,
    list: String,
    changes: Changes,
    /// Agents with their clicks, of a dry run.
    agents: Option<Vec<(String, u64)>>,
}

impl Reclassify {
    pub(super) async fn run(self) -> Result<()> {
        let list = self.agents.list()?;
        let store = open(&self.database).await?;
        let since = Timestamp::not_before(self.since);
        let clicks = Reclassification::new(&store, &list, since, BATCH);
        let mut told = Instant::now();
        let mut progress = |changes: &Changes| {
            if told.elapsed() >= REPORT {
                told = Instant::now();
                tracing::info!(
                    looked_at = changes.looked_at,
                    changed = changes.all(),
                    "clicks are judged"
                );
            }
        };
        let changes = if self.dry_run {
            clicks.rehearse(progress).await?
        } else {
            let progress = |changes: &Changes| {
                progress(changes);
                ControlFlow::Continue(())
            };
            clicks.run(progress).await?
        };
        let agents = if self.dry_run {
            Some(named(&store, changes.agents(AGENTS)).await?)
        } else {
            None
        };
        let report = Report {
            since,
            list: list.version().to_owned(),
            changes,
            agents,
        };
        self.output.print(|| report.json(), || report.text())
    }
}

/// Agents by their texts.
async fn named(store: &Store, agents: Vec<(i64, u64)>) -> Result<Vec<(String, u64)>> {
    let ids = agents.iter().map(|(id, _)| *id).collect();
    let texts = user_agents(&store.read, ids).await?.into_iter();
    let mut texts: HashMap<_, _> = texts.map(|agent| (agent.id, agent.text)).collect();
    let named = agents.into_iter();
    Ok(named
        .filter_map(|(id, clicks)| Some((texts.remove(&id)?, clicks)))
        .collect())
}

impl Report {
    fn json(&self) -> Value {
        let changes = &self.changes;
        let kinds = changes.to_bots.iter();
        let kinds = kinds.map(|(kind, clicks)| json!({"kind": kind.map(BotKind::as_str), "clicks": clicks}));
        let agent = |(text, clicks): &(String, u64)| json!({"userAgent": text, "clicks": clicks});
        let agents = self.agents.as_ref();
        json!({
            "since": time_json(Some(self.since)),
            "agentListVersion": self.list,
            "dryRun": agents.is_some(),
            "lookedAt": changes.looked_at,
            "toBots": changes.all_to_bots(),
            "toBotsByKind": kinds.collect::<Vec<_>>(),
            "toPeople": changes.to_people,
            "ofAnotherKind": changes.of_another_kind,
            "agents": agents.map(|agents| agents.iter().map(agent).collect::<Vec<_>>()),
        })
    }

    fn text(&self) -> String {
        let changes = &self.changes;
        let (are, have) = match &self.agents {
            Some(_) => ("would be", "would have"),
            None => ("are now", "now have"),
        };
        let mut text = format!("{} clicks were looked at, by {}.\n", changes.looked_at, self.list);
        let _ = write!(
            text,
            "{} clicks of people {are} those of bots",
            changes.all_to_bots()
        );
        for (at, (kind, clicks)) in changes.to_bots.iter().enumerate() {
            let before = if at == 0 { ": " } else { ", " };
            let _ = write!(
                text,
                "{before}{clicks} {}",
                kind.map_or("of no kind", BotKind::as_str)
            );
        }
        let _ = writeln!(
            text,
            "\n{} clicks of bots {are} those of people",
            changes.to_people
        );
        let _ = writeln!(
            text,
            "{} clicks of bots {have} another reason or kind",
            changes.of_another_kind
        );
        if let Some(agents) = &self.agents {
            let rows: Vec<_> = agents
                .iter()
                .map(|(text, clicks)| [clicks.to_string(), text.clone()])
                .collect();
            text.push('\n');
            text.push_str(&table(["CLICKS", "USER AGENT"], &rows, "Nothing would change."));
        }
        text
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
