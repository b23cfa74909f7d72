//! Files of clicks that the database did not take in time.
//!
//! One line of JSON a click, so that an operator can read them. A process writes to a file of its own and holds a lock
//! on it, so that several may share a folder; what a process leaves behind when it ends is played back by the next.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use entity::{agent_list, click, user_agent};
use serde::{Deserialize, Serialize};

use crate::store::{NewClick, WriteError, Writer};

/// How many spooled clicks wait for the database at once: live ones go before them.
const LOT: usize = 256;

/// Where clicks wait for the database to come back.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    writing: Mutex<Option<SpoolFile>>,
    /// Whether there may be something to play back.
    is_filled: AtomicBool,
    /// Held by whoever plays back: who comes then waits until that is done.
    replaying: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct SpoolFile {
    path: PathBuf,
    file: File,
    bytes: u64,
}

/// Why the spool was not played back.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplayError {
    /// The database did not take it.
    #[error("the database does not take them")]
    Store(#[from] WriteError),
    /// A file can't be read.
    #[error("{0} can't be read")]
    File(PathBuf, #[source] io::Error),
}

#[derive(Serialize)]
struct Line<'a> {
    click: &'a click::Model,
    agent: Option<&'a user_agent::Model>,
    list: &'a agent_list::Model,
}

#[derive(Deserialize)]
struct Kept {
    click: click::Model,
    agent: Option<user_agent::Model>,
    list: agent_list::Model,
}

impl Spool {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            writing: Mutex::new(None),
            is_filled: AtomicBool::new(true),
            replaying: tokio::sync::Mutex::default(),
        }
    }

    /// Appends a click. It then survives the end of the process, but not of the machine.
    ///
    /// # Errors
    /// When the file system does not take it.
    pub(super) fn append(&self, NewClick { row, agent, list }: &NewClick) -> io::Result<()> {
        let line = Line {
            click: row,
            agent: agent.as_deref(),
            list,
        };
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &mut *writing {
            Some(file) => file,
            none => none.insert(SpoolFile::create(&self.folder)?),
        };
        file.append(&line)?;
        self.is_filled.store(true, Ordering::Release);
        Ok(())
    }

    /// Gives the database all that is here and removes it, and answers how many clicks that was. Those that the
    /// database has already are given again: whoever sums drops them.
    ///
    /// # Errors
    /// When the database does not take them: then the file stays as it is.
    pub(super) async fn replay(&self, writer: &Writer) -> Result<usize, ReplayError> {
        let _turn = self.replaying.lock().await;
        if !self.is_filled.swap(false, Ordering::AcqRel) {
            return Ok(0);
        }
        let replayed = self.replay_all(writer).await;
        if replayed.is_err() {
            self.is_filled.store(true, Ordering::Release);
        }
        replayed
    }

    async fn replay_all(&self, writer: &Writer) -> Result<usize, ReplayError> {
        // From here on clicks go to another file. This one is unlocked with that.
        drop(self.writing.lock().unwrap_or_else(PoisonError::into_inner).take());
        let files = match fs::read_dir(&self.folder) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(ReplayError::File(self.folder.clone(), error)),
        };
        let mut clicks = 0;
        for file in files.flatten() {
            let path = file.path();
            if path.extension().is_some_and(|extension| extension == "ndjson") {
                clicks += replay_file(&path, writer).await?;
            }
        }
        Ok(clicks)
    }
}

impl SpoolFile {
    fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut number = 0;
        loop {
            let path = folder.join(format!("{}-{number}.ndjson", process::id()));
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    file.lock()?;
                    // Before the lock another process may have found it empty and removed it.
                    if path.try_exists()? {
                        return Ok(Self { path, file, bytes: 0 });
                    }
                }
                // Being played back, or another process had the same number once.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        match self.file.write_all(line) {
            Ok(()) => {
                self.bytes += line.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half a line would spoil the next one.
                if let Err(error) = self.file.set_len(self.bytes) {
                    tracing::error!(%error, file = %self.path.display(), "half a line is left in the spool");
                }
                Err(error)
            }
        }
    }
}

/// Gives the database the clicks of one file and removes it, unless another process writes to it.
async fn replay_file(path: &Path, writer: &Writer) -> Result<usize, ReplayError> {
    let failed = |error| ReplayError::File(path.to_owned(), error);
    let file = match File::open(path) {
        Ok(file) => file,
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed(error)),
    };
    if let Err(error) = file.try_lock() {
        return match error {
            fs::TryLockError::WouldBlock => Ok(0),
            fs::TryLockError::Error(error) => Err(failed(error)),
        };
    }
    let mut clicks = 0;
    let mut lot = Vec::with_capacity(LOT);
    for line in BufReader::new(&file).split(b'\n') {
        match serde_json::from_slice(&line.map_err(failed)?) {
            Ok(Kept { click, agent, list }) => lot.push(Arc::new(NewClick {
                row: click,
                agent: agent.map(Arc::new),
                list: Arc::new(list),
            })),
            // The machine has stopped in the middle of it: it was not answered, or the machine's end took it.
            Err(error) => {
                tracing::error!(%error, file = %path.display(), "a line of the spool is no click and is left out");
            }
        }
        if lot.len() == LOT {
            clicks += store(&mut lot, writer).await?;
        }
    }
    clicks += store(&mut lot, writer).await?;
    fs::remove_file(path).map_err(failed)?;
    Ok(clicks)
}

async fn store(lot: &mut Vec<Arc<NewClick>>, writer: &Writer) -> Result<usize, WriteError> {
    let clicks = lot.len();
    let handed = lot.drain(..).map(|click| writer.append_click(click, None));
    let mut handed: Vec<_> = handed.collect::<Result<_, _>>()?;
    for waiting in &mut handed {
        waiting.await?;
    }
    Ok(clicks)
}
