//! `linkhop links import`.

use std::{
    fmt::Write as _,
    fs::File,
    io::BufReader,
    mem::take,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use entity::{AccountId, Timestamp, account, text_id};
use serde_json::{Value, json};

use super::super::{Usage, account_id, known_account, open, output::Output};
use crate::{
    accounts,
    app::Clock,
    catalog::{Changes, blocked::Blocked, domain::ServerHosts, sending_list::ActiveLists},
    config::{DatabaseConfig, DenyListConfig, Unseen},
    files::{Format, Line, Lines, Rejects, Said, WrongLine},
    links::{
        code::CodeSpace,
        create::{NewShortLink, Tools},
        import::{Brought, Columns, LOT, Numbered, WrongValue, bring, code_of, link_of, reason_of},
    },
    store::{Store, Writer},
};

/// What `--help` says below the flags.
pub(super) const AFTER_HELP: &str = "\
A line of NDJSON is an object, the first row of CSV holds the names of its cells: url or offerId, and what else createShortLink takes: \
listId or phoneNumber, contactPhone, code, filterBots, expiresAt, maxClicks, fallbackUrl, metadata (a JSON object), and metadata.KEY \
for one key of it. What is empty says nothing, other columns are ignored. Exports of Bitly, YOURLS and Shlink are understood as they \
are; their codes are kept, titles and tags become metadata.

Wrong lines are counted, the first are shown, and --rejects has them all, to be mended and imported; all others become links. A file \
of the same name again within 24 hours makes only those that are missing, so it may be stopped at any time.

Examples:
  linkhop links import --account acct_… --file links.csv --list-id 42 --dry-run
  linkhop links import --account acct_… --file bitly.csv --list-id 42 --rejects wrong.csv";

/// How many wrong lines are shown.
const SHOWN: usize = 20;

/// How many bytes of lines are made links together at most, so that long lines don't fill the memory.
const LOT_BYTES: usize = 4 * 1024 * 1024;

/// After how many milliseconds it is told again how far it has got.
const TOLD_AFTER: i64 = 5_000;

/// A line that does not say what a link is to be.
const UNREADABLE: &str = "BAD_REQUEST";

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The account whose links they are to be, as `linkhop account list` shows it
    #[arg(long, value_name = "ID", value_parser = Unseen(account_id))]
    account: AccountId,
    /// The file of links
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// How it is written: "ndjson" or "csv"; told by the end of its name unless given
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<FormatName>,
    /// The sending list, by its number, of lines that name none
    #[arg(long, value_name = "N")]
    list_id: Option<i32>,
    /// Say what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the lines that become no links to this file, with the reasons; one that is there is replaced
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    #[command(flatten)]
    deny_list: DenyListConfig,
    #[command(flatten)]
    output: Output,
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

/// What makes links, without a server.
struct Works {
    store: Store,
    account: account::Model,
    writer: Writer,
    lists: ActiveLists,
    hosts: ServerHosts,
    codes: CodeSpace,
    clock: Clock,
}

impl Works {
    fn tools(&self) -> Tools<'_> {
        Tools {
            store: &self.store,
            writer: &self.writer,
            lists: &self.lists,
            hosts: &self.hosts,
            codes: &self.codes,
        }
    }
}

/// Lines that are read, and not made links yet.
#[derive(Default)]
struct Waiting {
    links: Vec<Numbered>,
    /// What they said, where it is needed to reject them.
    said: Vec<Said>,
    bytes: usize,
    /// Lines among them that ask for no link.
    unusable: Vec<Unusable>,
}

/// A line that asks for no link.
struct Unusable {
    number: u64,
    said: Result<Said, WrongLine>,
    code: &'static str,
    why: String,
}

/// What was done so far.
struct Tally {
    began: Timestamp,
    told: Timestamp,
    imported: u64,
    skipped: u64,
    rejected: u64,
    /// The first wrong lines: their codes, and why.
    wrong: Vec<(u64, &'static str, String)>,
    rejects: Option<Rejects>,
}

impl Import {
    pub(super) async fn run(self) -> Result<()> {
        let format = self.format()?;
        let file = File::open(&self.file).with_context(|| format!("can't read {}", self.file.display()))?;
        let mut lines = Lines::of(BufReader::new(file), format)?;
        let columns = self.columns(format, lines.names())?;
        if let Some(rejects) = &self.rejects
            && same(rejects, &self.file)
        {
            bail!(Usage(
                "--rejects: name another file than that of the links".to_owned()
            ));
        }
        let store = open(&self.database).await?;
        let account = accounts::find(&store.read, self.account).await?;
        let account = account.map_err(known_account)?;
        if !account.products.0.contains(&account::Product::Sms) {
            bail!("the account lacks the product SMS; `linkhop account enable` gives it");
        }
        let changes = Changes::default();
        let blocked = Blocked::spawn(&store, self.deny_list.options(), changes.clone()).await?;
        let works = Works {
            writer: Writer::spawn(&store)?,
            lists: ActiveLists::new(&store),
            hosts: ServerHosts::new(store.read.clone(), blocked, changes),
            codes: CodeSpace::default(),
            clock: Clock::system(),
            store,
            account,
        };
        let rejects = self.rejects.as_deref().map(|path| {
            let rejects = Rejects::create(path, format, lines.names());
            rejects.with_context(|| format!("can't write {}", path.display()))
        });
        let mut tally = Tally::begin(works.clock.now(), rejects.transpose()?);
        let mut waiting = Waiting::default();
        while let Some(Line { number, said }) = lines.next_line()? {
            waiting.bytes += said.as_ref().map_or(0, Said::bytes);
            match said.map(|said| (self.link(columns.as_ref(), &said), said)) {
                Ok((Ok(link), said)) => {
                    waiting.links.push((number, link));
                    if tally.rejects.is_some() {
                        waiting.said.push(said);
                    }
                }
                Ok((Err(wrong), said)) => waiting.unusable.push(Unusable {
                    number,
                    said: Ok(said),
                    code: code_of_value(&wrong),
                    why: wrong.to_string(),
                }),
                Err(wrong) => waiting.unusable.push(Unusable {
                    number,
                    code: UNREADABLE,
                    why: wrong.to_string(),
                    said: Err(wrong),
                }),
            }
            let lines = waiting.links.len() + waiting.unusable.len();
            if lines == LOT || waiting.bytes > LOT_BYTES {
                self.bring(&works, take(&mut waiting), &mut tally).await?;
            }
        }
        self.bring(&works, waiting, &mut tally).await?;
        let now = works.clock.now();
        let is_dry_run = self.dry_run;
        self.output
            .print(|| tally.json(is_dry_run, now), || tally.text(is_dry_run, now))?;
        if tally.rejected > 0 {
            bail!("{} lines make no link", tally.rejected);
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
            let name = self.file.file_name().unwrap_or_default().to_string_lossy();
            Err(anyhow!(Usage(format!(
                "--format: say \"ndjson\" or \"csv\"; the name of {name} doesn't"
            ))))
        }
    }

    /// What the cells of CSV say.
    fn columns(&self, format: Format, names: &[String]) -> Result<Option<Columns>> {
        if format == Format::Ndjson {
            return Ok(None);
        }
        let columns = Columns::of(names)?;
        let ignored = columns.ignored(names);
        if !ignored.is_empty() {
            tracing::info!(file = %self.file.display(), columns = ignored.join(", "), "ignoring columns");
        }
        Ok(Some(columns))
    }

    fn link(&self, columns: Option<&Columns>, said: &Said) -> Result<NewShortLink, WrongValue> {
        let mut link = match (said, columns) {
            (Said::Cells(cells), Some(columns)) => columns.link(cells)?,
            (Said::Object(object), _) => link_of(object)?,
            (Said::Cells(_), None) => NewShortLink::default(),
        };
        if link.list_id.is_none() && link.phone_number.is_none() {
            link.list_id = self.list_id;
        }
        Ok(link)
    }

    /// Makes links of what waits, and rejects what makes none, in the order of the lines.
    async fn bring(&self, works: &Works, waiting: Waiting, tally: &mut Tally) -> Result<()> {
        let numbers: Vec<_> = waiting.links.iter().map(|(number, _)| *number).collect();
        let mut brought = Vec::new();
        if !numbers.is_empty() {
            let now = works.clock.now();
            // By its name: the mended one is another.
            let name = self.file.file_name().unwrap_or_default();
            let lot = (text_id(&name.to_string_lossy()), waiting.links);
            brought = bring(works.tools(), &works.account, lot, self.dry_run, now).await?;
        }
        let mut unusable = waiting.unusable.into_iter().peekable();
        let nothing = Said::Cells(Vec::new());
        for (at, (number, brought)) in numbers.into_iter().zip(brought).enumerate() {
            while let Some(line) = unusable.next_if(|line| line.number < number) {
                tally.reject(line.number, line.said.as_ref(), line.code, line.why)?;
            }
            match brought {
                Brought::Made => tally.imported += 1,
                Brought::Skipped => tally.skipped += 1,
                Brought::Refused(error) => {
                    let said = waiting.said.get(at).unwrap_or(&nothing);
                    tally.reject(number, Ok(said), code_of(&error), reason_of(&error))?;
                }
            }
        }
        for line in unusable {
            tally.reject(line.number, line.said.as_ref(), line.code, line.why)?;
        }
        tally.tell(works.clock.now())
    }
}

/// Whether two paths lead to one file.
fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(one).is_some_and(|one| Some(one) == real(other))
}

fn code_of_value(wrong: &WrongValue) -> &'static str {
    match wrong {
        WrongValue::Metadata => "INVALID_METADATA",
        WrongValue::Time => "INVALID_EXPIRY",
        WrongValue::Number(_) | WrongValue::Flag | WrongValue::Text(_) => UNREADABLE,
    }
}

impl Tally {
    fn begin(now: Timestamp, rejects: Option<Rejects>) -> Self {
        Self {
            began: now,
            told: now,
            imported: 0,
            skipped: 0,
            rejected: 0,
            wrong: Vec::new(),
            rejects,
        }
    }

    fn reject(
        &mut self,
        line: u64,
        said: Result<&Said, &WrongLine>,
        code: &'static str,
        why: String,
    ) -> Result<()> {
        if let Some(rejects) = &mut self.rejects {
            let added = rejects.add(line, said, code, &why);
            added.context("can't write the rejects")?;
        }
        self.rejected += 1;
        if self.wrong.len() < SHOWN {
            self.wrong.push((line, code, why));
        }
        Ok(())
    }

    /// Tells the log how far it has got, now and then.
    fn tell(&mut self, now: Timestamp) -> Result<()> {
        if let Some(rejects) = &mut self.rejects {
            rejects.flush().context("can't write the rejects")?;
        }
        if now.millis() - self.told.millis() >= TOLD_AFTER {
            self.told = now;
            tracing::info!(
                imported = self.imported,
                skipped = self.skipped,
                rejected = self.rejected,
                "importing links"
            );
        }
        Ok(())
    }

    /// Lines a second.
    fn rate(&self, now: Timestamp) -> u64 {
        let millis = u64::try_from(now.millis() - self.began.millis()).unwrap_or_default();
        (self.imported + self.skipped + self.rejected) * 1000 / millis.max(1)
    }

    fn json(&self, is_dry_run: bool, now: Timestamp) -> Value {
        let wrong = self
            .wrong
            .iter()
            .map(|(line, code, why)| json!({"line": line, "errorCode": code, "reason": why}));
        json!({
            "dryRun": is_dry_run,
            "imported": self.imported,
            "skipped": self.skipped,
            "rejected": self.rejected,
            "perSecond": self.rate(now),
            "wrong": wrong.collect::<Vec<_>>(),
        })
    }

    fn text(&self, is_dry_run: bool, now: Timestamp) -> String {
        let mut text = String::new();
        for (line, code, why) in &self.wrong {
            let _ = writeln!(text, "line {line}: {code}: {why}");
        }
        let more = self.rejected - self.wrong.len() as u64;
        if more > 0 {
            let _ = writeln!(text, "and {more} more");
        }
        let imported = if is_dry_run {
            "would be imported"
        } else {
            "imported"
        };
        let _ = writeln!(
            text,
            "{} links {imported}, {} skipped that are there already, {} lines rejected; {} a second",
            self.imported,
            self.skipped,
            self.rejected,
            self.rate(now)
        );
        text
    }
}
