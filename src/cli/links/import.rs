//! `linkhop links import`.

use std::{
    mem::take,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use entity::{account, text_id};

use super::super::{
    Usage,
    import::{Source, Tally, Words},
};
use crate::{
    app::Clock,
    catalog::{Changes, blocked::Blocked, domain::ServerHosts, sending_list::ActiveLists},
    config::DenyListConfig,
    files::{Format, Line, Rejects, Said, WrongLine},
    links::{
        code::CodeSpace,
        create::{NewShortLink, Tools},
        import::{
            Brought, Columns, LOT, MAX_LINE_BYTES, Numbered, WrongValue, bring, code_of, link_of, reason_of,
        },
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

/// How many bytes of lines are made links together at most, so that long lines don't fill the memory.
const LOT_BYTES: usize = 4 * 1024 * 1024;

const WORDS: Words = Words {
    things: "links",
    complaint: "lines make no link",
};

/// A line that does not say what a link is to be.
const UNREADABLE: &str = "BAD_REQUEST";

#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(flatten)]
    source: Source,
    /// The sending list, by its number, of lines that name none
    #[arg(long, value_name = "N")]
    list_id: Option<i32>,
    /// Write the lines that become no links to this file, with the reasons; one that is there is replaced
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    #[command(flatten)]
    deny_list: DenyListConfig,
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

/// What was done so far, and what could not be.
struct Done {
    tally: Tally,
    rejects: Option<Rejects>,
}

impl Import {
    pub(super) async fn run(self) -> Result<()> {
        let mut lines = self.source.lines(MAX_LINE_BYTES)?;
        let columns = self.columns(lines.format(), lines.names())?;
        if let Some(rejects) = &self.rejects
            && same(rejects, &self.source.file)
        {
            bail!(Usage(
                "--rejects: name another file than that of the links".to_owned()
            ));
        }
        let (store, account) = self.source.open().await?;
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
            let rejects = Rejects::create(path, lines.format(), lines.names());
            rejects.with_context(|| format!("can't write {}", path.display()))
        });
        let mut done = Done {
            tally: Tally::begin(WORDS, works.clock.now()),
            rejects: rejects.transpose()?,
        };
        let mut waiting = Waiting::default();
        while let Some(Line { number, said }) = lines.next_line()? {
            waiting.bytes += said.as_ref().map_or(0, Said::bytes);
            match said.map(|said| (self.link(columns.as_ref(), &said), said)) {
                Ok((Ok(link), said)) => {
                    waiting.links.push((number, link));
                    if done.rejects.is_some() {
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
                self.bring(&works, take(&mut waiting), &mut done).await?;
            }
        }
        self.bring(&works, waiting, &mut done).await?;
        self.source.end(&done.tally, works.clock.now())
    }

    /// What the cells of CSV say.
    fn columns(&self, format: Format, names: &[String]) -> Result<Option<Columns>> {
        if format == Format::Ndjson {
            return Ok(None);
        }
        let columns = Columns::of(names)?;
        let ignored = columns.ignored(names);
        if !ignored.is_empty() {
            tracing::info!(file = %self.source.file.display(), columns = ignored.join(", "), "ignoring columns");
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
    async fn bring(&self, works: &Works, waiting: Waiting, done: &mut Done) -> Result<()> {
        let numbers: Vec<_> = waiting.links.iter().map(|(number, _)| *number).collect();
        let mut brought = Vec::new();
        if !numbers.is_empty() {
            let now = works.clock.now();
            // By its name: the mended one is another.
            let name = self.source.file.file_name().unwrap_or_default();
            let lot = (text_id(&name.to_string_lossy()), waiting.links);
            brought = bring(works.tools(), &works.account, lot, self.source.dry_run, now).await?;
        }
        let mut unusable = waiting.unusable.into_iter().peekable();
        let nothing = Said::Cells(Vec::new());
        for (at, (number, brought)) in numbers.into_iter().zip(brought).enumerate() {
            while let Some(line) = unusable.next_if(|line| line.number < number) {
                done.reject(line.number, line.said.as_ref(), line.code, line.why)?;
            }
            match brought {
                Brought::Made => done.tally.add(1, 0),
                Brought::Skipped => done.tally.add(0, 1),
                Brought::Refused(error) => {
                    let said = waiting.said.get(at).unwrap_or(&nothing);
                    done.reject(number, Ok(said), code_of(&error), reason_of(&error))?;
                }
            }
        }
        for line in unusable {
            done.reject(line.number, line.said.as_ref(), line.code, line.why)?;
        }
        done.flush()?;
        done.tally.tell(works.clock.now());
        Ok(())
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

impl Done {
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
        self.tally.reject(line, Some(code), why);
        Ok(())
    }

    /// Hands over what was rejected so far.
    fn flush(&mut self) -> Result<()> {
        let rejects = self.rejects.as_mut();
        rejects
            .map_or(Ok(()), Rejects::flush)
            .context("can't write the rejects")
    }
}
