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
mod table;
mod walk;
mod write;

use std::sync::Arc;

use entity::AccountId;
use sea_orm::DbErr;

use self::{
    check::is_same_file,
    lot::Lot,
    read::Reader,
    walk::{Sum, Walk},
    write::{Changes, Target},
};
use super::{ConnectError, Options, Store};

pub use self::{
    check::Schema,
    copy::WrongForm,
    read::ReadError,
    table::{Column, Kind, Table, tables},
    write::WriteError,
};

/// The lock that a move has on a `PostgreSQL` database that it writes to.
const ONE_MOVE: i64 = 0x6c69_6e6b_6d6f_7665;

/// After how many rows it is told how far it has got.
const TOLD_AFTER: u64 = 4096;

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
        "the target has {0} that are newer than all of the source: somebody has worked with it since it was moved there. \
         To bring those along move the other way; to give them up, give an empty database"
    )]
    Ahead(&'static str),
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
    #[error("the table {0} of the target can't be written; what was written before stays: run it again once that is mended")]
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
    /// SHA-256 over all rows in the order of their keys, the same for both kinds of database.
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
    check::expect_relation(source.store, target.store).await?;
    let failed = |error| TransferError::Open(Side::Source, error);
    reader.hold().await.map_err(failed)?;
    writer
        .run(check::MARK)
        .await
        .map_err(TransferError::Target)?;

    let mut transfer = Transfer {
        reader: Some(reader),
        reads_back: Some(open(target, Side::Target).await?),
        writer,
        late: Vec::new(),
        placeholders: Placeholders::new(seed),
    };
    let mut moved = Vec::new();
    for table in tables() {
        let table = Arc::new(table);
        if !table.exchanged.is_empty() {
            transfer.make_way(&table).await?;
        }
        moved.push(transfer.merge(&table, &mut tell).await?);
    }
    transfer.remove_late().await?;
    transfer.writer.settle().await.map_err(TransferError::Target)?;
    transfer.read_back(&moved, &mut tell).await?;
    let done = transfer.writer.run(check::UNMARK).await;
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

/// A move that is under way.
struct Transfer {
    /// Reads the source. `None` while its rows are walked over.
    reader: Option<Reader>,
    /// Reads the target.
    reads_back: Option<Reader>,
    writer: Target,
    /// Rows that go once no other row refers to them.
    late: Vec<(Arc<Table>, Lot)>,
    placeholders: Placeholders,
}

impl Transfer {
    fn walk(&mut self, table: &Arc<Table>) -> Result<Walk, TransferError> {
        let broken = |side| TransferError::Read(side, table.name, ReadError::BrokenOff);
        let source = self.reader.take().ok_or_else(|| broken(Side::Source))?;
        let target = self.reads_back.take().ok_or_else(|| broken(Side::Target))?;
        Ok(Walk::new(table, source.rows(table), target.rows(table)))
    }

    fn end(&mut self, walk: Walk) -> Result<(), TransferError> {
        let (source, target) = walk.end()?;
        (self.reader, self.reads_back) = (Some(source), Some(target));
        Ok(())
    }

    async fn apply(&mut self, table: &Arc<Table>, changes: Changes) -> Result<(), TransferError> {
        if changes.is_empty() {
            return Ok(());
        }
        let applied = self.writer.apply(table, changes).await;
        applied.map_err(|error| TransferError::Write(table.name, error))
    }

    /// Takes from rows of the target that are to be changed or removed what is unique: a row may get what another one has
    /// until it is changed too.
    async fn make_way(&mut self, table: &Arc<Table>) -> Result<(), TransferError> {
        let mut walk = self.walk(table)?;
        let mut changes = Changes::default();
        while let Some(found) = walk.next().await? {
            if let (source, Some(row)) = found
                && source != Some(row)
            {
                let row = self.placeholders.row(table, row);
                changes.changed.push(&row);
            }
            if changes.are_many() {
                self.apply(table, std::mem::take(&mut changes)).await?;
            }
        }
        self.apply(table, changes).await?;
        self.end(walk)
    }

    /// Makes a table of the target the same as the source's, but for rows that others may refer to: those go last.
    async fn merge(
        &mut self,
        table: &Arc<Table>,
        tell: &mut (impl FnMut(Progress) + Send),
    ) -> Result<Moved, TransferError> {
        let mut walk = self.walk(table)?;
        let (mut changes, mut late, mut sum) = (Changes::default(), Lot::default(), Sum::default());
        let (mut added, mut changed, mut removed) = (0, 0, 0);
        while let Some(found) = walk.next().await? {
            if let (Some(row), _) = found {
                sum.add(row);
                if sum.rows.is_multiple_of(TOLD_AFTER) {
                    tell(Progress {
                        table: table.name,
                        rows: sum.rows,
                        is_check: false,
                    });
                }
            }
            match found {
                (Some(row), None) => {
                    changes.added.push(row);
                    added += 1;
                }
                (Some(row), Some(other)) if row != other => {
                    changes.changed.push(row);
                    changed += 1;
                }
                (None, Some(row)) => {
                    if table.is_referred_to {
                        late.push(row);
                    } else {
                        changes.removed.push(row);
                    }
                    removed += 1;
                }
                _ => {}
            }
            if changes.are_many() {
                self.apply(table, std::mem::take(&mut changes)).await?;
            }
        }
        self.apply(table, changes).await?;
        self.end(walk)?;
        self.late.push((Arc::clone(table), late));
        Ok(Moved {
            table: table.name,
            rows: sum.rows,
            added,
            changed,
            removed,
            checksum: sum.finish(),
        })
    }

    /// Removes what nothing refers to any more, first what refers to others.
    async fn remove_late(&mut self) -> Result<(), TransferError> {
        while let Some((table, removed)) = self.late.pop() {
            let changes = Changes {
                removed,
                ..Changes::default()
            };
            self.apply(&table, changes).await?;
        }
        Ok(())
    }

    /// Reads what was written, and compares it with what was read. A table to which nothing was written has been compared
    /// row by row.
    async fn read_back(
        &mut self,
        moved: &[Moved],
        tell: &mut (impl FnMut(Progress) + Send),
    ) -> Result<(), TransferError> {
        let mut differences = Vec::new();
        let written = tables()
            .into_iter()
            .zip(moved)
            .filter(|(_, moved)| moved.added + moved.changed + moved.removed > 0);
        for (table, moved) in written {
            let table = Arc::new(table);
            let failed = |error| TransferError::Read(Side::Target, table.name, error);
            let reader = self.reads_back.take();
            let mut rows = reader
                .ok_or_else(|| failed(ReadError::BrokenOff))?
                .rows(&table);
            let mut sum = Sum::default();
            loop {
                rows.fill().await.map_err(failed)?;
                let Some(row) = rows.row() else { break };
                sum.add(row);
                rows.pass();
                if sum.rows.is_multiple_of(TOLD_AFTER) {
                    tell(Progress {
                        table: table.name,
                        rows: sum.rows,
                        is_check: true,
                    });
                }
            }
            self.reads_back = Some(rows.end().map_err(failed)?);
            let (rows, checksum) = (sum.rows, sum.finish());
            if (rows, &checksum) != (moved.rows, &moved.checksum) {
                differences.push(format!(
                    "{} has {} rows with the sum {} in the source, {rows} with {checksum} in the target",
                    table.name, moved.rows, moved.checksum
                ));
            }
        }
        if differences.is_empty() {
            Ok(())
        } else {
            Err(TransferError::Differs(differences))
        }
    }
}

/// Values that no row has.
struct Placeholders {
    seed: i64,
    given: i32,
}

impl Placeholders {
    fn new(seed: i64) -> Self {
        Self {
            seed,
            // Others than those of a move that was broken off, and with space for more.
            given: i32::MIN + i32::try_from(seed & 0x3FFF_FFFF).unwrap_or_default(),
        }
    }

    /// The row with one in the place of each value that is unique.
    fn row(&mut self, table: &Table, row: &[u8]) -> Vec<u8> {
        self.given += 1;
        let mut changed = Vec::with_capacity(row.len() + 32);
        for (column, value) in table.columns.iter().zip(lot::fields(row)) {
            match column.kind {
                _ if !table.exchanged.contains(&column.name) => lot::put(&mut changed, value),
                Kind::Int => lot::put(&mut changed, Some(&self.given.to_be_bytes())),
                _ => {
                    let text = format!("~{:x}~{:x}", self.seed, self.given);
                    lot::put(&mut changed, Some(text.as_bytes()));
                }
            }
        }
        changed
    }
}
