//! `linkhop report`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use entity::{AbuseReportId, abuse_report};
use serde_json::{Value, json};

use super::{
    open,
    output::{Output, table, time_json, time_text},
};
use crate::{
    config::{DatabaseConfig, Unseen},
    links::report::{all, close},
};

#[derive(Debug, Args)]
pub(super) struct Report {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what people have reported at /report of a short domain
    List {
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        database: DatabaseConfig,
    },
    /// Remove a report that was dealt with, with the address of whoever made it
    Close {
        /// The report, as `linkhop report list` shows it
        #[arg(value_name = "ID", value_parser = Unseen(report_id))]
        report: AbuseReportId,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        database: DatabaseConfig,
    },
}

fn report_id(text: &str) -> Result<AbuseReportId, String> {
    text.parse().map_err(|_| {
        "a report's id is report_ and 32 hexadecimal digits; `linkhop report list` shows it".to_owned()
    })
}

impl Report {
    pub(super) async fn run(self) -> Result<()> {
        match self.action {
            Action::List { output, database } => {
                let store = open(&database).await?;
                let rows = all(&store).await?;
                output.print(|| rows.iter().map(json_of).collect(), || text_of(&rows))
            }
            Action::Close {
                report,
                output,
                database,
            } => {
                let store = open(&database).await?;
                let Some(row) = close(&store, report).await? else {
                    bail!("there is no report {report}; `linkhop report list` shows those there are");
                };
                output.print(
                    || json_of(&row),
                    || format!("The report of {} is closed.\n", row.url),
                )
            }
        }
    }
}

fn json_of(row: &abuse_report::Model) -> Value {
    json!({
        "id": row.id.to_string(),
        "url": row.url,
        "shortLinkId": row.short_link_id.map(|id| id.to_string()),
        "accountId": row.account_id.map(|id| id.to_string()),
        "reason": row.reason,
        "email": row.email,
        "createdAt": time_json(Some(row.created_at)),
    })
}

fn text_of(rows: &[abuse_report::Model]) -> String {
    let row = |row: &abuse_report::Model| {
        [
            time_text(Some(row.created_at), ""),
            row.url.clone(),
            row.account_id.map(|id| id.to_string()).unwrap_or_default(),
            row.id.to_string(),
            row.email.clone().unwrap_or_default(),
            row.reason.replace('\n', " "),
        ]
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    table(
        ["REPORTED", "LINK", "ACCOUNT", "ID", "FROM", "REASON"],
        &rows,
        "Nothing is reported.",
    )
}
