//! Files of clicks that the database did not take in time.
//!
//! One line of JSON a click, so that an operator can read them. A process writes to a file of its own and holds a lock
//! on it, so that several may share a folder; what a process leaves behind when it ends is played back by the next.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use entity::{agent_list, click, user_agent};
use serde::{Deserialize, Serialize};

use crate::store::{NewClick, WriteError, Writer};

/// How many spooled clicks are given to the database at once: live ones come in between.
const LOT: usize = 256;

/// What the names of files end with that hold clicks.
const EXTENSION: &str = "ndjson";

/// What the names of files end with that hold lines which this version can't read.
const UNREAD: &str = "unread";

/// Where clicks wait for the database to come back.
#[derive(Debug)]
pub(super) struct Spool {
    pub(super) folder: PathBuf,
    writing: Mutex<Option<SpoolFile>>,
    /// Whether there may be something to play back.
    is_filled: AtomicBool,
    /// How many bytes of files are stored that are not yet removed. Held by whoever plays back: who comes then waits until
    /// that is done.
    stored: tokio::sync::Mutex<HashMap<PathBuf, u64>>,
    /// Clicks that can't be read.
    unread: AtomicU64,
}

/// What waits in a spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spooled {
    /// Files of clicks, also those that no version here could read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Spooled {
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let mut spooled = Self::default();
        for file in files_of(folder)? {
            match fs::metadata(&file) {
                Ok(metadata) => {
                    spooled.files += 1;
                    spooled.bytes += metadata.len();
                }
                // It has just been stored.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(spooled)
    }
}

/// The files of clicks in a folder, also those with lines that could not be read. There are none where there is no folder.
///
/// # Errors
/// When the folder can't be read.
pub fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let extension = path.extension();
        if extension.is_some_and(|extension| extension == EXTENSION || extension == UNREAD) {
            files.push(path);
        }
    }
    Ok(files)
}

#[derive(Debug)]
struct SpoolFile {
    file: File,
    bytes: u64,
}

/// Why the spool was not played back.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplayError {
    /// The database did not take it.
    #[error(transparent)]
    Store(#[from] WriteError),
    /// A file can't be read.
    #[error("{0} can't be read or removed: {1}")]
    File(PathBuf, #[source] io::Error),
}

#[derive(Serialize)]
struct Line<'a> {
    click: &'a click::Model,
    agent: Option<&'a user_agent::Model>,
    list: &'a agent_list::Model,
}

#[derive(Deserialize)]
struct OwnedLine {
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
            stored: tokio::sync::Mutex::default(),
            unread: AtomicU64::new(0),
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
        self.is_filled.store(true, Ordering::Release);
        let appended = file.append(&line);
        if appended.is_err() && file.take_back().is_err() {
            // The next click begins another file.
            *writing = None;
        }
        appended
    }

    /// Gives the database all that is here and removes it, and answers how many clicks that was. Those that the
    /// database has already are given again: whoever sums drops them.
    ///
    /// # Errors
    /// When the database does not take them: then the file stays as it is.
    pub(super) async fn replay(&self, writer: &Writer) -> Result<usize, ReplayError> {
        let mut stored = self.stored.lock().await;
        if !self.is_filled.swap(false, Ordering::AcqRel) {
            return Ok(0);
        }
        let replayed = self.replay_all(writer, &mut stored).await;
        if replayed.is_err() {
            self.is_filled.store(true, Ordering::Release);
        }
        replayed
    }

    /// How many clicks could not be read since this was last asked.
    pub(super) fn unread(&self) -> u64 {
        self.unread.swap(0, Ordering::Relaxed)
    }

    async fn replay_all(
        &self,
        writer: &Writer,
        stored: &mut HashMap<PathBuf, u64>,
    ) -> Result<usize, ReplayError> {
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
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                clicks += self.replay_file(&path, writer, stored).await?;
            }
        }
        Ok(clicks)
    }

    /// Gives the database the clicks of one file and removes it, unless another process writes to it.
    async fn replay_file(
        &self,
        path: &Path,
        writer: &Writer,
        stored: &mut HashMap<PathBuf, u64>,
    ) -> Result<usize, ReplayError> {
        let failed = |error| ReplayError::File(path.to_owned(), error);
        let mut file = match File::open(path) {
            Ok(file) => file,
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(failed(error)),
        };
        if let Err(error) = file.try_lock() {
            return match error {
                fs::TryLockError::WouldBlock => {
                    // Its process may end before it is played back.
                    self.is_filled.store(true, Ordering::Release);
                    Ok(0)
                }
                fs::TryLockError::Error(error) => Err(failed(error)),
            };
        }
        // What was stored before the database failed in the middle is not stored again.
        let mut at = stored.get(path).copied().unwrap_or_default();
        file.seek(SeekFrom::Start(at)).map_err(failed)?;
        let mut lines = BufReader::new(file);
        let (mut clicks, mut unread) = (0, 0);
        loop {
            let lot = Lot::read(&mut lines).map_err(failed)?;
            if lot.bytes == 0 {
                break;
            }
            at += lot.bytes;
            unread += lot.unread;
            clicks += store(lot.clicks, writer).await?;
            stored.insert(path.to_owned(), at);
        }
        let done = if unread == 0 {
            fs::remove_file(path)
        } else {
            tracing::error!(unread, file = %path.display(), "lines of the spool are no clicks of this version; they are kept");
            self.unread.fetch_add(unread, Ordering::Relaxed);
            fs::rename(path, path.with_extension(UNREAD))
        };
        done.map_err(failed)?;
        stored.remove(path);
        Ok(clicks)
    }
}

impl SpoolFile {
    fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        loop {
            // A name that is never used again: whoever removes a file removes the one they have read.
            let path = folder.join(format!("clicks-{}.{EXTENSION}", nanoid::nanoid!()));
            let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
            file.lock()?;
            // Before the lock another process may have found it empty and removed it.
            if path.try_exists()? {
                return Ok(Self { file, bytes: 0 });
            }
        }
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.file.write_all(line)?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    /// Takes back what was written of a line: half of it would spoil the next one.
    fn take_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.bytes)
    }
}

/// Clicks that are given to the database together.
#[derive(Debug, Default)]
struct Lot {
    clicks: Vec<Arc<NewClick>>,
    bytes: u64,
    unread: u64,
}

impl Lot {
    fn read(lines: &mut BufReader<File>) -> io::Result<Self> {
        let mut lot = Self::default();
        let mut line = Vec::new();
        while lot.clicks.len() < LOT {
            line.clear();
            let bytes = lines.read_until(b'\n', &mut line)?;
            if bytes == 0 {
                break;
            }
            lot.bytes += bytes as u64;
            match serde_json::from_slice(&line) {
                Ok(OwnedLine { click, agent, list }) => lot.clicks.push(Arc::new(NewClick {
                    row: click,
                    agent: agent.map(Arc::new),
                    list: Arc::new(list),
                })),
                Err(_) if line.ends_with(b"\n") => lot.unread += 1,
                // The process or the machine has stopped in the middle of it: it was not answered, or the machine's end
                // took it.
                Err(_) => {}
            }
        }
        Ok(lot)
    }
}

async fn store(lot: Vec<Arc<NewClick>>, writer: &Writer) -> Result<usize, WriteError> {
    let clicks = lot.len();
    let mut handed = Vec::with_capacity(clicks);
    for click in lot {
        handed.push(writer.append_old_click(click).await?);
    }
    for waiting in handed {
        waiting.await?;
    }
    Ok(clicks)
}
