//! Whether two databases are fit for a move.

use std::{fs, path::Path};

use migration::{Migrator, MigratorTrait as _, SchemaManager};
use sea_orm::DbErr;

use super::{Side, TransferError};
use crate::store::{
    Store,
    connect::{seaql_migrations, sqlite_file},
};

/// Says that a move into this database is not finished; see [`Store::is_half_moved`].
pub(super) const MARK: &str = "CREATE TABLE IF NOT EXISTS unfinished_move (begun_at bigint)";
pub(super) const UNMARK: &str = "DROP TABLE unfinished_move";
const MARKED: &str = "unfinished_move";

/// How a database's schema stands to this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// There is none.
    Empty,
    /// Changes are missing.
    Older,
    /// It is that of this program.
    Current,
    /// It has changes that this program does not know.
    Newer,
}

impl Store {
    /// How the schema stands to this program.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn schema(&self) -> Result<Schema, DbErr> {
        let made = seaql_migrations(&self.read).await?;
        let known = Migrator::migrations();
        let is_known = |name: &String| known.iter().any(|change| change.name() == name);
        Ok(if made.is_empty() {
            Schema::Empty
        } else if !made.iter().all(is_known) {
            Schema::Newer
        } else if made.len() < known.len() {
            Schema::Older
        } else {
            Schema::Current
        })
    }

    /// Whether a move into this database has begun and not come to its end: what it holds is not all there is, and whoever
    /// served links from it would answer that those it lacks never were.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_half_moved(&self) -> Result<bool, DbErr> {
        SchemaManager::new(&self.read).has_table(MARKED).await
    }
}

/// Whether two URLs name one `SQLite` file.
pub(super) fn is_same_file(one: &str, other: &str) -> bool {
    if !(one.starts_with("sqlite:") && other.starts_with("sqlite:")) {
        return false;
    }
    let (one, other) = (sqlite_file(one), sqlite_file(other));
    // One that is not there is no file that there is.
    fs::canonicalize(&one).is_ok_and(|one| fs::canonicalize(&other).is_ok_and(|other| one == other))
        || is_same_inode(&one, &other)
}

#[cfg(unix)]
fn is_same_inode(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let place = |path| fs::metadata(path).map(|data| (data.dev(), data.ino())).ok();
    place(one).is_some_and(|one| place(other) == Some(one))
}

#[cfg(not(unix))]
const fn is_same_inode(_: &Path, _: &Path) -> bool {
    false
}

/// Refuses a source that this program could not move as a whole.
pub(super) async fn expect_movable(source: &Store) -> Result<(), TransferError> {
    match source.schema().await? {
        Schema::Empty | Schema::Older => Err(TransferError::Older(Side::Source)),
        Schema::Newer => Err(TransferError::Newer(Side::Source)),
        Schema::Current if source.is_half_moved().await? => Err(TransferError::Unfinished),
        Schema::Current => Ok(()),
    }
}

/// Makes the tables of an empty target, and refuses one that has others.
pub(super) async fn prepare(target: &Store) -> Result<(), TransferError> {
    match target.schema().await? {
        Schema::Empty => Ok(target.migrate_up().await?),
        Schema::Current => Ok(()),
        Schema::Older => Err(TransferError::Older(Side::Target)),
        Schema::Newer => Err(TransferError::Newer(Side::Target)),
    }
}
