//! All that one database holds, brought into another: of the same kind or the other.
//!
//! One walk copies, goes on with what was begun, and brings along what has come since. The source is read in one snapshot,
//! whoever writes to it meanwhile. Each table is read on both sides in the order of its key, and the two streams are laid side
//! by side: a row that the target has too is left alone, one that it lacks is added, one that is other there is changed, and
//! one that only it has is removed. A row costs the same to compare by itself as it would to sum it with others first, so there
//! are no sums of parts to compare; nothing is asked for twice, and in memory are some thousand rows.
//!
//! At the end what was written is read back, and number and sum of each table's rows compared with the source's.

mod check;
mod copy;
mod json;
mod lot;
mod read;
mod relation;
mod table;
mod under_way;
mod walk;
mod write;

use std::sync::Arc;

use entity::AccountId;
use sea_orm::DbErr;

use self::{
    check::is_same_file,
    read::Reader,
    under_way::{Placeholders, Transfer},
    write::Target,
};
use super::{ConnectError, Options, Store};

pub use self::{
    check::Schema,
    copy::WrongForm,
    read::ReadError,
    table::{Column, Kind, Table, tables},
    write::WriteError,
};

/// The lock that a move has on a `PostgreSQL` database that it writes to. Beside an `SQLite` file it is one on a file.
const ONE_MOVE: i64 = 0x6c69_6e6b_6d6f_7665;

/// What of the two it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What is read.
    Source,
    /// What is written.
    Target,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// Why not all is moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// There is nothing to do.
    #[error("both are the same database")]
    Same,
    /// It would not fit.
    #[error("the {0}'s schema is older than this program: run `linkhop migrate up` on it first")]
    Older(Side),
    /// It holds what this program does not know of, and would lose.
    #[error("the {0}'s schema is newer than this program: use the program that made it")]
    Newer(Side),
    /// What it holds is not all there was.
    #[error("a move into the source is not finished: run that again first")]
    Unfinished,
    /// It belongs to somebody else.
    #[error(
        "the target has an account that the source does not have, {0}: give an empty database, or a target of an \
         earlier move from this source"
    )]
    Stranger(AccountId),
    /// A server has been at work on it.
    #[error(
        "the target has {0} that the source does not have: somebody has worked with it since it was moved there. \
         To bring those along move the other way; to give them up, give an empty database"
    )]
    Ahead(&'static str),
    /// Servers have been at work on both.
    #[error(
        "the target has {0} that the source does not have, and the source {1} that the target does not have: both have been \
         worked with since they were the same, and neither can be moved onto the other without losing rows. Go on with one \
         of them, or move it to an empty database; keep the other for what only it has"
    )]
    Apart(&'static str, &'static str),
    /// Two at once would undo each other's work.
    #[error("another `linkhop move` writes to the target")]
    Busy,
    /// It is not there, or not for us.
    #[error("the target can't be opened")]
    Connect(#[from] ConnectError),
    /// A database did not answer, or refused.
    #[error("the database did not answer as it should")]
    Database(#[from] DbErr),
    /// A connection did not come about.
    #[error("the {0} could not be opened")]
    Open(Side, #[source] ReadError),
    /// A row can't be read.
    #[error("the table {1} of the {0} can't be read")]
    Read(Side, &'static str, #[source] ReadError),
    /// A row can't be written.
    #[error(
        "the table {0} of the target can't be written; what was written before stays: run it again once that is mended"
    )]
    Write(&'static str, #[source] WriteError),
    /// The target could not be made ready, or let go.
    #[error("the target can't be written")]
    Target(#[source] WriteError),
    /// What was written is not what is read back.
    #[error("the target is not as the source: {}", .0.join("; "))]
    Differs(Vec<String>),
}

/// A database that is opened.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// It.
    pub store: &'a Store,
    /// Where it is.
    pub url: &'a str,
}

/// What became of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its name.
    pub table: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// How many of them the target did not have.
    pub added: u64,
    /// How many were other there.
    pub changed: u64,
    /// How many rows only the target had.
    pub removed: u64,
    /// SHA-256 over all rows in the order of their keys: the same for both kinds of database, but where they can't keep a
    /// number in the same form.
    pub checksum: String,
}

/// How far it has got.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// In which table.
    pub table: &'static str,
    /// How many of its rows are looked at.
    pub rows: u64,
    /// Whether what was written is read back.
    pub is_check: bool,
}

/// Makes the database at `to` hold what the source does, as it is at one moment from while this runs. `random` gives so many
/// random bytes.
///
/// It may be stopped at any time, and run again. Until it has come to its end the target says of itself that it is not whole:
/// see [`Store::is_half_moved`].
///
/// # Errors
/// When the two don't go together, one of them fails, or what was written is not what is read back.
pub async fn transfer(
    source: End<'_>,
    to: &str,
    options: &Options,
    random: fn(usize) -> Vec<u8>,
    mut tell: impl FnMut(Progress) + Send,
) -> Result<Vec<Moved>, TransferError> {
    let seed = random(8)
        .into_iter()
        .fold(0_i64, |seed, byte| (seed << 8) | i64::from(byte));
    check::expect_movable(source.store).await?;
    if is_same_file(source.url, to) {
        return Err(TransferError::Same);
    }
    // Only now: this makes an SQLite file that is not there.
    let target = Store::connect(to, options).await?;
    let target = End {
        store: &target,
        url: to,
    };
    let mut reader = open(source, Side::Source).await?;
    let mut writer = match target.store.sqlite_file() {
        Some(file) => Target::of_file(&file.path),
        None => Target::at_url(target.url).await,
    }
    .map_err(TransferError::Target)?;
    expect_two(&mut reader, &mut writer, seed).await?;
    check::prepare(target.store).await?;
    relation::expect_relation(source.store, target.store).await?;
    let failed = |error| TransferError::Open(Side::Source, error);
    reader.hold().await.map_err(failed)?;
    writer.run(check::MARK).await.map_err(TransferError::Target)?;

    let mut transfer = Transfer {
        reader: Some(reader),
        reads_back: Some(open(target, Side::Target).await?),
        writer,
        late: Vec::new(),
        placeholders: Placeholders::new(seed),
    };
    let mut moved = Vec::new();
    let goes_over = source.store.kind() != target.store.kind();
    let all: Vec<_> = tables()
        .into_iter()
        .map(|table| Arc::new(Table { goes_over, ..table }))
        .collect();
    for table in all.iter().cloned() {
        if !table.exchanged.is_empty() {
            transfer.make_way(&table).await?;
        }
        moved.push(transfer.merge(&table, &mut tell).await?);
    }
    transfer.remove_late().await?;
    // All is read: the source need no longer keep for this what others have changed since.
    transfer.reader = None;
    transfer.writer.settle().await.map_err(TransferError::Target)?;
    transfer.read_back(&all, &moved, &mut tell).await?;
    let done = transfer.writer.finish(check::UNMARK).await;
    done.map_err(TransferError::Target)?;
    Ok(moved)
}

async fn open(end: End<'_>, side: Side) -> Result<Reader, TransferError> {
    let reader = match end.store.sqlite_file() {
        Some(file) => Reader::of_file(&file.path),
        None => Reader::at_url(end.url).await,
    };
    reader.map_err(|error| TransferError::Open(side, error))
}

/// Refuses to move a database into itself, whatever the two URLs call it, and to be a second move into the target.
async fn expect_two(reader: &mut Reader, writer: &mut Target, seed: i64) -> Result<(), TransferError> {
    let claimed = writer.claim(ONE_MOVE).await.map_err(TransferError::Target)?;
    if !claimed {
        return Err(TransferError::Busy);
    }
    if let (Reader::Postgres(_), Target::Postgres(_)) = (&*reader, &*writer) {
        // Each database has its own locks: the second connection gets this one unless it is the same.
        writer.claim(seed).await.map_err(TransferError::Target)?;
        let asked = reader.says(format!("SELECT pg_try_advisory_lock({seed})")).await;
        if !asked.map_err(|error| TransferError::Open(Side::Source, error))? {
            return Err(TransferError::Same);
        }
    }
    Ok(())
}
