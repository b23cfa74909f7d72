//! `linkhop clicks import`.

use std::{
    fmt::Write as _,
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use entity::{AccountId, Timestamp};
use serde_json::{Value, json};

use super::super::{Usage, account_id, known_account, open, output::Output};
use crate::{
    accounts,
    app::Clock,
    clicks::{
        import::{Columns, Imported, Importer, LOT, MAX_LINE_BYTES, Numbered},
        judge::{self, Judge},
    },
    config::{AgentsConfig, CountriesConfig, DatabaseConfig, NetworksConfig, Unseen},
    files::{Format, Line, Lines},
};

/// What `--help` says below the flags.
pub(super) const AFTER_HELP: &str = "\
A line of NDJSON is an object, the first row of CSV holds the names of its cells. A click has clickedAt and its link (shortUrl, or \
shortLinkId, or linkId and domain); all else may be left out: id, method, userAgent, ip or network, country, referrer, language, \
visitor, isPrefetch, query or sub1 to sub5 and source; isBot, botReason, botKind for a verdict that is kept. docs/operations.md says more.

Wrong lines are counted and the first are shown; all others are stored. What is there already is skipped, so it may be stopped at \
any time, and running it again goes on.

Examples:
  linkhop clicks import --account acct_… --file history.ndjson --dry-run
  linkhop clicks import --account acct_… --file history.csv --geo-database countries.mmdb";

/// How many wrong lines are shown.
const SHOWN: usize = 20;

/// After how many milliseconds it is told again how far it has got.
const TOLD_AFTER: i64 = 5_000;

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The account whose links were clicked, as `linkhop account list` shows it
    #[arg(long, value_name = "ID", value_parser = Unseen(account_id))]
    account: AccountId,
    /// The file of clicks
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// How it is written: "ndjson" or "csv"; told by the end of its name unless given
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<FormatName>,
    /// Say what would be stored, and store nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    agents: AgentsConfig,
    #[command(flatten)]
    networks: NetworksConfig,
    #[command(flatten)]
    countries: CountriesConfig,
    #[command(flatten)]
    database: DatabaseConfig,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatName {
    /// One JSON object a line
    Ndjson,
    /// Rows below a row of names
    Csv,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Ndjson => Self::Ndjson,
            FormatName::Csv => Self::Csv,
        }
    }
}

/// What was done so far.
#[derive(Debug)]
struct Tally {
    began: Timestamp,
    told: Timestamp,
    done: Imported,
    rejected: u64,
    /// The first wrong lines, and why.
    wrong: Vec<(u64, String)>,
}

impl Import {
    pub(super) async fn run(self) -> Result<()> {
        let format = self.format()?;
        let file = File::open(&self.file).with_context(|| format!("can't read {}", self.file.display()))?;
        let mut lines = Lines::of(BufReader::new(file), format, MAX_LINE_BYTES)?;
        let columns = Columns::of(lines.names())?;
        let store = open(&self.database).await?;
        let account = accounts::find(&store.read, self.account).await?;
        let account = account.map_err(known_account)?.id;
        let secret = store.secret("visitor", nanoid::rngs::default).await?;
        let judge = Judge::new(&self.rules(), &secret)?;
        let mut importer = Importer::begin(&store, account, judge, self.dry_run).await?;
        let clock = Clock::system();
        let mut tally = Tally::begin(clock.now());
        let mut lot: Vec<Numbered> = Vec::with_capacity(LOT);
        while let Some(Line { number, said }) = lines.next_line()? {
            match columns.fields(said) {
                Ok(fields) => match importer.read(&fields, clock.now()).await? {
                    Ok(new) => lot.push((number, new)),
                    Err(wrong) => tally.reject(number, wrong.to_string()),
                },
                Err(wrong) => tally.reject(number, wrong.to_string()),
            }
            if lot.len() == LOT {
                tally.add(importer.store(std::mem::take(&mut lot)).await?);
                tally.tell(clock.now());
            }
        }
        tally.add(importer.store(lot).await?);
        importer.finish().await?;
        let now = clock.now();
        self.output
            .print(|| tally.json(self.dry_run, now), || tally.text(self.dry_run, now))?;
        if tally.rejected > 0 {
            bail!("{} lines hold no click that can be stored", tally.rejected);
        }
        Ok(())
    }

    /// How the file is written.
    fn format(&self) -> Result<Format> {
        if let Some(format) = self.format {
            return Ok(format.into());
        }
        let extension = self.file.extension().unwrap_or_default().to_string_lossy();
        let is = |name: &str| extension.eq_ignore_ascii_case(name);
        if is("csv") {
            Ok(Format::Csv)
        } else if is("ndjson") || is("jsonl") {
            Ok(Format::Ndjson)
        } else {
            Err(anyhow!(Usage(format!(
                "--format: say \"ndjson\" or \"csv\"; the name of {} doesn't",
                name_of(&self.file)
            ))))
        }
    }

    /// The rules of the server's verdicts, without those of bursts.
    fn rules(&self) -> judge::Options {
        judge::Options {
            agents: self.agents.bot_agents.clone(),
            networks: self.networks.bot_networks.clone(),
            countries: self.countries.geo_database.clone(),
            burst_address: 0,
            burst_link: 0,
        }
    }
}

fn name_of(file: &Path) -> String {
    file.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

impl Tally {
    fn begin(now: Timestamp) -> Self {
        Self {
            began: now,
            told: now,
            done: Imported::default(),
            rejected: 0,
            wrong: Vec::new(),
        }
    }

    fn add(&mut self, lot: Imported) {
        self.done.stored += lot.stored;
        self.done.skipped += lot.skipped;
        for (line, why) in lot.refused {
            self.reject(line, why.to_string());
        }
    }

    fn reject(&mut self, line: u64, why: String) {
        self.rejected += 1;
        // Some are refused only together with others, after lines that stand behind them.
        let place = self.wrong.partition_point(|(before, _)| *before < line);
        if place < SHOWN {
            self.wrong.insert(place, (line, why));
            self.wrong.truncate(SHOWN);
        }
    }

    /// Tells the log how far it has got, now and then.
    fn tell(&mut self, now: Timestamp) {
        if now.millis() - self.told.millis() >= TOLD_AFTER {
            self.told = now;
            let Imported { stored, skipped, .. } = self.done;
            tracing::info!(
                imported = stored,
                skipped,
                rejected = self.rejected,
                "importing clicks"
            );
        }
    }

    /// Clicks a second.
    fn rate(&self, now: Timestamp) -> u64 {
        let millis = u64::try_from(now.millis() - self.began.millis()).unwrap_or_default();
        let clicks = self.done.stored + self.done.skipped + self.rejected;
        clicks * 1000 / millis.max(1)
    }

    fn json(&self, is_dry_run: bool, now: Timestamp) -> Value {
        let wrong = self
            .wrong
            .iter()
            .map(|(line, why)| json!({"line": line, "reason": why}));
        json!({
            "dryRun": is_dry_run,
            "imported": self.done.stored,
            "skipped": self.done.skipped,
            "rejected": self.rejected,
            "perSecond": self.rate(now),
            "wrong": wrong.collect::<Vec<_>>(),
        })
    }

    fn text(&self, is_dry_run: bool, now: Timestamp) -> String {
        let mut text = String::new();
        for (line, why) in &self.wrong {
            let _ = writeln!(text, "line {line}: {why}");
        }
        let more = self.rejected - self.wrong.len() as u64;
        if more > 0 {
            let _ = writeln!(text, "and {more} more");
        }
        let Imported { stored, skipped, .. } = self.done;
        let imported = if is_dry_run {
            "would be imported"
        } else {
            "imported"
        };
        let _ = writeln!(
            text,
            "{stored} clicks {imported}, {skipped} skipped that are there already, {} lines rejected; {} a second",
            self.rejected,
            self.rate(now)
        );
        text
    }
}
