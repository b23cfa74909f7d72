//! `linkhop move`.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::{Value, json};

use super::{
    Usage,
    output::{Output, table},
};
use crate::{
    app::Clock,
    clicks::recorder,
    config::{DatabaseUrl, Unseen, database_url},
    store::{self, End, Moved, Options, Progress, Store, TransferError},
};

/// What `--help` says below the flags.
pub(super) const AFTER_HELP: &str = "\
The target becomes what the source is at one moment from while the command runs: accounts, keys, links, clicks, figures, the audit log, the \
secrets that visitors are recognised by. Both ways between SQLite and PostgreSQL, and between two of a kind. An empty target gets \
its tables; one that holds something else is refused. No row of the source is changed.

It may be stopped and run again: rows that are there are not written again. So run it while the server works, stop the server, run it \
once more for what came since, and start the server over the target. Let no server work over the target before: `linkhop serve` refuses \
one that a move has begun and not ended.

What was written is read back, and rows and checksums of each table are compared. A difference is an error that names the table.

Clicks that wait in the spool are not in the source. The command says so where there are any: start the server over the source \
until there are none, or put the files into the new server's spool.

A password need not be in the URL: PostgreSQL's ~/.pgpass and PGPASSWORD are read.

Example:
  linkhop move --from sqlite://linkhop.db --to postgres://linkhop@db.example/linkhop";

/// After how many milliseconds it is told again how far it has got.
const TOLD_AFTER: i64 = 5_000;

/// How many digits of a checksum people are shown.
const SHOWN: usize = 16;

#[derive(Debug, Args)]
pub(super) struct Move {
    /// The database to read: `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`
    #[arg(long, value_name = "URL", value_parser = Unseen(database_url))]
    from: DatabaseUrl,
    /// The database to write, likewise; an SQLite file that is not there is made
    #[arg(long, value_name = "URL", value_parser = Unseen(database_url))]
    to: DatabaseUrl,
    /// The spool folder of the source's server, if it has been told one
    #[arg(long, env = "LINKHOP_SPOOL", value_name = "FOLDER")]
    spool: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl Move {
    pub(super) async fn run(self) -> Result<()> {
        let (from, to) = (self.from.expose(), self.to.expose());
        let source = Store::connect(from, &options(false)).await;
        let source = source.context("the source can't be opened")?;
        let clock = Clock::system();
        let began = clock.now();
        let mut told = began;
        let tell = |progress: Progress| {
            let now = clock.now();
            if now.millis() - told.millis() >= TOLD_AFTER {
                told = now;
                say(progress);
            }
        };
        let end = End {
            store: &source,
            url: from,
        };
        let moved = store::transfer(end, to, &options(true), nanoid::rngs::default, tell).await;
        let moved = match moved {
            Err(error @ TransferError::Same) => return Err(Usage(error.to_string()).into()),
            moved => moved?,
        };
        let millis = clock.now().millis() - began.millis();
        let spool = self.spool.unwrap_or_else(|| source.beside("spool"));
        let waiting = recorder::files_of(&spool);
        let waiting = waiting
            .with_context(|| format!("can't read {}", spool.display()))?
            .len();
        self.output.print(
            || {
                let tables: Vec<_> = moved.iter().map(json_of).collect();
                json!({"tables": tables, "milliseconds": millis, "spoolFiles": waiting})
            },
            || text_of(&moved, millis, waiting, &spool),
        )
    }
}

/// Rows go over connections of their own; these only look at what the databases are.
fn options(create: bool) -> Options {
    Options {
        readers: 1,
        create,
        ..Options::default()
    }
}

/// Tells the log how far it has got.
fn say(progress: Progress) {
    let doing = if progress.is_check {
        "reading back"
    } else {
        "moving"
    };
    tracing::info!(table = progress.table, rows = progress.rows, "{doing}");
}

fn json_of(moved: &Moved) -> Value {
    json!({
        "table": moved.table,
        "rows": moved.rows,
        "added": moved.added,
        "changed": moved.changed,
        "removed": moved.removed,
        "checksum": moved.checksum,
    })
}

fn text_of(moved: &[Moved], millis: i64, waiting: usize, spool: &Path) -> String {
    let row = |moved: &Moved| {
        [
            moved.table.to_owned(),
            moved.rows.to_string(),
            moved.added.to_string(),
            moved.changed.to_string(),
            moved.removed.to_string(),
            moved.checksum.chars().take(SHOWN).collect(),
        ]
    };
    let rows: Vec<_> = moved.iter().map(row).collect();
    let header = ["TABLE", "ROWS", "ADDED", "CHANGED", "REMOVED", "CHECKSUM"];
    let mut text = table(header, &rows, "There are no tables.");
    let all: u64 = moved.iter().map(|moved| moved.rows).sum();
    let (seconds, tenths) = (millis / 1000, millis % 1000 / 100);
    let _ = writeln!(
        text,
        "\n{all} rows in {seconds}.{tenths} seconds; source and target are the same"
    );
    if waiting > 0 {
        let _ = writeln!(
            text,
            "{waiting} files of clicks wait in {}, and are not moved: start the server over the source until there are none and \
             run this again, or put the files into the spool of the target's server",
            spool.display()
        );
    }
    text
}
