//! Where exports go: rows of CSV or NDJSON, to standard output or into a file that is there once it is whole.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context as _, Result, anyhow, bail};
use chrono::{DateTime, Utc};
use clap::Args;
use entity::{AccountId, DomainId, OfferId, SendingListId};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use serde_json::Value;

use super::format::{FormatName, told_by_name};
use crate::{
    catalog::{self, sending_list::ListLookup},
    files::Format,
    values::host::Host,
};

/// How much is gathered before it is written.
const BUFFER: usize = 128 * 1024;

/// Where an export goes, and how.
#[derive(Clone, Debug, Args)]
pub(super) struct Target {
    /// How it is written: "csv" or "ndjson"; told by the end of the output's name unless given, else "ndjson"
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<FormatName>,
    /// The file to write, which appears once it is whole; standard output unless given
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Target {
    /// Begins to write rows with these names.
    pub(super) fn begin(&self, names: &'static [&'static str]) -> Result<Rows> {
        let by_name = || self.output.as_deref().and_then(told_by_name);
        let format = self.format.map(Into::into).or_else(by_name);
        let (out, file): (Box<dyn Write + Send>, _) = match &self.output {
            None => (Box::new(io::stdout()), None),
            Some(path) => {
                let file = Unfinished::beside(path)?;
                let handle = file.handle.try_clone().with_context(|| cant_write(path))?;
                (Box::new(handle), Some(file))
            }
        };
        let mut rows = Rows {
            out: BufWriter::with_capacity(BUFFER, out),
            names,
            is_csv: format == Some(Format::Csv),
            file,
            is_heard: true,
        };
        if rows.is_csv {
            rows.write_cells(names.iter().map(|name| (*name).to_owned()).collect())?;
        }
        Ok(rows)
    }
}

/// Rows on their way out.
pub(super) struct Rows {
    out: BufWriter<Box<dyn Write + Send>>,
    names: &'static [&'static str],
    is_csv: bool,
    file: Option<Unfinished>,
    /// Whether there is still somebody who reads.
    is_heard: bool,
}

impl Rows {
    /// Writes a row: an object whose fields are among the names. Answers whether there is any use in more: nobody reads on
    /// where a pipe is closed, as `head` does, which is no error.
    pub(super) fn write(&mut self, row: &impl Serialize) -> Result<bool> {
        if self.is_csv {
            let row = serde_json::to_value(row)?;
            let cells = self.names.iter().map(|name| match &row[*name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            let cells = cells.collect();
            self.write_cells(cells)?;
        } else {
            let mut line = serde_json::to_vec(row)?;
            line.push(b'\n');
            self.heard(|out| out.write_all(&line))?;
        }
        Ok(self.is_heard)
    }

    /// Ends it: a file gets its name.
    pub(super) fn finish(mut self) -> Result<()> {
        self.heard(Write::flush)?;
        // What it could not write any more stays unwritten.
        let (_, _) = self.out.into_parts();
        match self.file {
            Some(file) => file.finish(),
            None => Ok(()),
        }
    }

    fn write_cells(&mut self, cells: Vec<String>) -> Result<()> {
        let mut row = csv::Writer::from_writer(Vec::new());
        row.write_record(cells)?;
        let row = row.into_inner()?;
        self.heard(|out| out.write_all(&row))
    }

    fn heard(
        &mut self,
        write: impl FnOnce(&mut BufWriter<Box<dyn Write + Send>>) -> io::Result<()>,
    ) -> Result<()> {
        if !self.is_heard {
            return Ok(());
        }
        match write(&mut self.out) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_heard = false;
                Ok(())
            }
            outcome => outcome.context("can't write the export"),
        }
    }
}

/// A file under another name until it is whole; one that is given up is removed.
pub(super) struct Unfinished {
    handle: File,
    path: PathBuf,
    finished: PathBuf,
    is_finished: bool,
}

impl Unfinished {
    /// One that will be called so.
    pub(super) fn beside(path: &Path) -> Result<Self> {
        let name = path
            .file_name()
            .ok_or_else(|| anyhow!("{} is no file's name", path.display()))?;
        let mut unfinished = OsString::from(".");
        unfinished.push(name);
        unfinished.push(format!(".{}.part", process::id()));
        let unfinished = path.with_file_name(unfinished);
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        // What is written names recipients.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let handle = options.open(&unfinished).with_context(|| cant_write(path))?;
        Ok(Self {
            handle,
            path: unfinished,
            finished: path.to_owned(),
            is_finished: false,
        })
    }

    /// Where it is until then.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, unless something else has that; from then on it survives the end of the machine.
    pub(super) fn finish_as_new(self) -> Result<()> {
        let Self {
            handle,
            path,
            finished,
            ..
        } = &self;
        let cant_write = || cant_write(finished);
        handle.sync_all().with_context(cant_write)?;
        match fs::hard_link(path, finished) {
            // Its other name goes with what is dropped here.
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                bail!("{} is there already; give another name", finished.display());
            }
            // Not every file system lets a file have two names.
            Err(_) if !finished.try_exists().with_context(cant_write)? => {
                fs::rename(path, finished).with_context(cant_write)?;
            }
            Err(error) => return Err(error).with_context(cant_write),
        }
        let folder = finished.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .with_context(cant_write)
    }

    fn finish(mut self) -> Result<()> {
        self.handle
            .sync_all()
            .with_context(|| cant_write(&self.finished))?;
        fs::rename(&self.path, &self.finished).with_context(|| cant_write(&self.finished))?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn cant_write(path: &Path) -> String {
    format!("can't write {}", path.display())
}

/// Reads a time.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(Into::into)
        .map_err(|_| "a time with its zone, such as 2026-11-01T08:00:00Z".to_owned())
}

/// Reads an offer's id.
pub(super) fn offer_id(text: &str) -> Result<OfferId, String> {
    text.parse()
        .map_err(|_| "an offer's id is offer_ and 32 hexadecimal digits".to_owned())
}

/// The account's list with that number.
pub(super) async fn list_of(
    db: &impl ConnectionTrait,
    account: AccountId,
    number: Option<i32>,
) -> Result<Option<SendingListId>> {
    let Some(number) = number else {
        return Ok(None);
    };
    let list = catalog::sending_list::find(db, account, &ListLookup::ListId(number)).await?;
    let list = list.ok_or_else(|| anyhow!("--list-id: the account has no list with the number {number}"))?;
    Ok(Some(list.id))
}

/// The offer, if it is the account's.
pub(super) async fn offer_of(
    db: &impl ConnectionTrait,
    account: AccountId,
    offer: Option<OfferId>,
) -> Result<Option<OfferId>> {
    if let Some(id) = offer
        && catalog::offer::by_ids(db, account, &[id]).await?.is_empty()
    {
        return Err(anyhow!("--offer: the account has no offer with the id {id}"));
    }
    Ok(offer)
}

/// The account's domain with that host.
pub(super) async fn domain_of(
    db: &impl ConnectionTrait,
    account: AccountId,
    host: Option<&str>,
) -> Result<Option<DomainId>> {
    let Some(text) = host else {
        return Ok(None);
    };
    let domain = match Host::parse(text) {
        Some(host) => catalog::domain::by_host(db, account, &host).await?,
        None => None,
    };
    let domain = domain.ok_or_else(|| anyhow!("--domain: the account has no domain with the host {text}"))?;
    Ok(Some(domain.id))
}
