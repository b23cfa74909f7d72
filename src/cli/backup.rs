//! `linkhop backup`.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use serde_json::json;

use super::{Usage, connect, export::Unfinished, output::Output};
use crate::{clicks::recorder, config::DatabaseConfig, store::aside};

/// What `--help` says below the flags.
pub(super) const AFTER_HELP: &str = "\
The copy is the database at one moment, from while the command runs: links, keys, clicks, all that was answered before it began. Clicks \
that wait in the spool are written beside it, into FILE-spool, where a server that is started with FILE finds them. It is read through \
before it gets its name. A FILE or FILE-spool that is there already is left alone.

To restore, stop the server, move linkhop.db and all files whose names begin so away, and put the copy there under that name.

PostgreSQL is backed up by its own pg_dump.

Example, as one line a day of a service manager's timer:
  linkhop backup --to /var/backups/linkhop/linkhop-$(date +%F).db";

/// What PostgreSQL's operators are told.
const POSTGRES: &str = "linkhop backup copies an SQLite file; back PostgreSQL up by its own tools, as with \
    `pg_dump --format=custom --file=linkhop.dump` and the database's URL, and copy the spool folder";

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file to write, which appears once it is whole
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// The spool folder of the server, if it has been told one
    #[arg(long, env = "LINKHOP_SPOOL", value_name = "FOLDER")]
    spool: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Backup {
    pub(super) async fn run(self) -> Result<()> {
        if !self.database.database_url.expose().starts_with("sqlite:") {
            return Err(Usage(POSTGRES.to_owned()).into());
        }
        let store = connect(&self.database, false).await?;
        let file = store
            .sqlite_file()
            .ok_or_else(|| anyhow!("the database is no file"))?;
        let spool = self.spool.unwrap_or_else(|| store.beside("spool"));
        let to = self.to;
        let written = aside(move || {
            let beside = beside(&to);
            for path in [&to, &beside] {
                refuse_if_there(path)?;
            }
            // Before the database: a click that leaves the spool meanwhile is in the database by then.
            let clicks = SpoolCopy::make(&spool, &beside)?;
            let copy = Unfinished::beside(&to)?;
            let rows = file.copy_to(copy.path())?;
            let clicks = clicks.map(SpoolCopy::finish).transpose()?;
            copy.finish_as_new()?;
            let bytes = fs::metadata(&to)?.len();
            anyhow::Ok((to, bytes, rows, clicks))
        });
        let (file, bytes, rows, clicks) = written.await??;
        let of = |table: &str| rows.get(table).copied().unwrap_or_default();
        let (accounts, links, stored) = (of("account"), of("short_link"), of("click"));
        let spool = clicks.as_ref().map(|(folder, _)| folder.display().to_string());
        let spool_files = clicks.as_ref().map_or(0, |(_, files)| *files);
        self.output.print(
            || {
                json!({
                    "file": file.display().to_string(),
                    "bytes": bytes,
                    "accounts": accounts,
                    "links": links,
                    "clicks": stored,
                    "spool": spool,
                    "spoolFiles": spool_files,
                })
            },
            || {
                let file = file.display();
                let copy = format!(
                    "{file}: {bytes} bytes, checked: {accounts} accounts, {links} links, {stored} clicks\n"
                );
                match &spool {
                    None => copy,
                    Some(folder) => format!(
                        "{copy}{folder}: {spool_files} files of clicks that wait for the database; keep it with the copy\n"
                    ),
                }
            },
        )
    }
}

/// Where a server over that file has its spool.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-spool");
    name.into()
}

fn refuse_if_there(path: &Path) -> Result<()> {
    if path
        .try_exists()
        .with_context(|| format!("can't look at {}", path.display()))?
    {
        bail!("{} is there already; give another name", path.display());
    }
    Ok(())
}

/// A copy of a spool under another name until it is whole; one that is given up is removed.
struct SpoolCopy {
    folder: PathBuf,
    finished: PathBuf,
    files: usize,
    is_finished: bool,
}

impl SpoolCopy {
    /// Copies the files of clicks there are; none where there are none.
    fn make(spool: &Path, finished: &Path) -> Result<Option<Self>> {
        let files = recorder::files_of(spool).with_context(|| format!("can't read {}", spool.display()))?;
        if files.is_empty() {
            return Ok(None);
        }
        let mut name = OsString::from(".");
        name.push(finished.file_name().unwrap_or_default());
        name.push(format!(".{}.part", process::id()));
        let folder = finished.with_file_name(name);
        let cant_write = || format!("can't write {}", folder.display());
        fs::create_dir(&folder).with_context(cant_write)?;
        let mut copy = Self {
            folder: folder.clone(),
            finished: finished.to_owned(),
            files: 0,
            is_finished: false,
        };
        copy.files = copy_all(
            files,
            || recorder::files_of(spool).with_context(|| format!("can't read {}", spool.display())),
            |file| {
                let to = folder.join(file.file_name().unwrap_or_default());
                match fs::copy(file, &to) {
                    Ok(_) => {
                        File::open(&to)
                            .and_then(|file| file.sync_all())
                            .with_context(cant_write)?;
                        Ok(true)
                    }
                    // The same is said where the folder of the copy is gone.
                    Err(error) if error.kind() == io::ErrorKind::NotFound && !file.exists() => Ok(false),
                    Err(error) => Err(error).with_context(|| format!("can't copy {}", file.display())),
                }
            },
        )?;
        Ok((copy.files > 0).then_some(copy))
    }

    /// Gives it its name, and answers that and how many files there are.
    fn finish(mut self) -> Result<(PathBuf, usize)> {
        refuse_if_there(&self.finished)?;
        fs::rename(&self.folder, &self.finished)
            .with_context(|| format!("can't write {}", self.finished.display()))?;
        self.is_finished = true;
        Ok((self.finished.clone(), self.files))
    }
}

/// Copies files of clicks, and answers how many there were; `copy` says whether one was still there.
///
/// One that is gone was stored as a whole, and the database has its clicks by now; or some of its lines could not be read, and
/// it stays under another name. So those that were gone are looked for again, by what a name keeps, until none is missed.
fn copy_all(
    mut files: Vec<PathBuf>,
    list: impl Fn() -> Result<Vec<PathBuf>>,
    copy: impl Fn(&Path) -> Result<bool>,
) -> Result<usize> {
    let mut copied = 0;
    loop {
        let mut gone = HashSet::new();
        for file in files {
            if copy(&file)? {
                copied += 1;
            } else {
                gone.insert(file.with_extension(""));
            }
        }
        if gone.is_empty() {
            return Ok(copied);
        }
        files = list()?;
        files.retain(|file| gone.contains(&file.with_extension("")));
    }
}

impl Drop for SpoolCopy {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(|name| Path::new("spool").join(name)).collect()
    }

    #[test]
    fn a_file_that_is_renamed_while_it_is_copied_is_copied_under_its_new_name() {
        let spool = RefCell::new(paths(&["a.ndjson", "b.ndjson", "c.ndjson", "d.unread"]));
        // What happens to a file just before it is copied: lines of one can't be read, one is stored, and one is called as
        // it was by an operator, and given up again.
        let events = RefCell::new(vec![
            ("b.ndjson", Some("b.unread")),
            ("c.ndjson", None),
            ("d.unread", Some("d.ndjson")),
            ("d.ndjson", Some("d.unread")),
        ]);
        let copied = RefCell::new(Vec::new());
        let listed = spool.borrow().clone();
        let count = copy_all(
            listed,
            || Ok(spool.borrow().clone()),
            |file| {
                let mut spool = spool.borrow_mut();
                let mut events = events.borrow_mut();
                if let Some(at) = events.iter().position(|(name, _)| file.ends_with(name)) {
                    let (_, renamed) = events.remove(at);
                    spool.retain(|there| there != file);
                    spool.extend(renamed.iter().flat_map(|name| paths(&[name])));
                }
                let is_there = spool.iter().any(|there| there == file);
                if is_there {
                    copied.borrow_mut().push(file.to_owned());
                }
                Ok(is_there)
            },
        );
        assert_eq!(count.expect("a copy"), 3);
        let mut copied = copied.into_inner();
        copied.sort();
        assert_eq!(copied, paths(&["a.ndjson", "b.unread", "d.unread"]));
        assert!(events.into_inner().is_empty());
    }
}
