//! Whether two databases go together.

use std::{collections::HashSet, fs, path::Path};

use entity::AccountId;
use migration::{Migrator, MigratorTrait as _, SchemaManager};
use sea_orm::{ConnectionTrait as _, DbErr, Statement, TryGetable, prelude::Uuid};

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

    /// The values of one column.
    async fn column<T: TryGetable>(&self, select: &str) -> Result<Vec<T>, DbErr> {
        let select = Statement::from_string(self.read.get_database_backend(), select);
        let rows = self.read.query_all_raw(select).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
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

/// Refuses a target whose rows would be lost: one of another server, and one that somebody has worked with since it was moved
/// there. Nobody removes an account, a link, an entry of the log or the newest click, and the ids of all but accounts are in
/// the order of time.
pub(super) async fn expect_relation(source: &Store, target: &Store) -> Result<(), TransferError> {
    let accounts = "SELECT id FROM account";
    let there: Vec<Uuid> = target.column(accounts).await?;
    let here: HashSet<Uuid> = source.column(accounts).await?.into_iter().collect();
    if let Some(stranger) = there.into_iter().find(|id| !here.contains(id)) {
        return Err(TransferError::Stranger(AccountId::from(stranger)));
    }
    expect_ahead::<i64>(
        source,
        target,
        "clicks",
        "SELECT seq FROM click ORDER BY seq DESC LIMIT 1",
    )
    .await?;
    for (what, newest) in [
        ("links", "SELECT id FROM short_link ORDER BY id DESC LIMIT 1"),
        (
            "entries of the audit log",
            "SELECT id FROM audit_entry ORDER BY id DESC LIMIT 1",
        ),
    ] {
        expect_ahead::<Uuid>(source, target, what, newest).await?;
    }
    Ok(())
}

/// Refuses a target whose newest row is newer than the source's.
async fn expect_ahead<T: TryGetable + Ord>(
    source: &Store,
    target: &Store,
    what: &'static str,
    newest: &str,
) -> Result<(), TransferError> {
    // In this order, since the source may grow meanwhile.
    let there = target.column::<T>(newest).await?;
    let here = source.column::<T>(newest).await?;
    if there > here {
        return Err(TransferError::Ahead(what));
    }
    Ok(())
}
