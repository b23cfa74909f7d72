//! Opening a database: pools and pragmas.

use std::{path::PathBuf, sync::Arc, time::Duration};

use entity::text_id;
use migration::{Migrator, MigratorTrait, SchemaManager};
use percent_encoding::percent_decode_str;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, RuntimeErr, Statement,
    sqlx::{self, Connection as _, PgConnection},
};
use tokio::sync::Semaphore;
use url::Url;

use super::{
    SqliteFile, snapshot::places, sqlite_file::LONGEST_LOG, sqlite_reader::SqliteReader, transaction::Turn,
};

/// How far `SQLite` goes to survive a power failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Synchronous {
    /// Each commit reaches the disk before it is answered.
    #[default]
    Full,
    /// A power failure may take the last commits; a crash of the process takes none.
    Normal,
}

impl Synchronous {
    pub(super) const fn pragma(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
        }
    }
}

/// How to open a database.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections that read at the same time.
    pub readers: u32,
    /// For `SQLite` only.
    pub synchronous: Synchronous,
    /// Whether an `SQLite` file that is not there is made.
    pub create: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 4,
            synchronous: Synchronous::Full,
            create: false,
        }
    }
}

/// An open database: what writes, and a pool of connections that read.
#[derive(Clone, Debug)]
pub struct Store {
    /// What writes all that does not go through the [`Writer`](super::Writer). A running server does so in
    /// transactions that [`Store::begin`] begins; migrations and commands may use it as it is. In `PostgreSQL` the
    /// writer and whoever sums clicks use it too; in `SQLite` each of these has a connection of its own.
    pub write: DatabaseConnection,
    /// Connections that only read.
    pub read: DatabaseConnection,
    /// Who may have a [`Snapshot`](super::Snapshot).
    pub(super) snapshots: Arc<Semaphore>,
    pub(super) place: Place,
}

/// The connections of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Those that somebody works with now.
    pub in_use: usize,
    /// Those that wait for work.
    pub idle: usize,
}

impl Connections {
    fn of<DB: sqlx::Database>(pool: &sqlx::Pool<DB>) -> Self {
        let idle = pool.num_idle();
        let all = usize::try_from(pool.size()).unwrap_or(usize::MAX);
        Self {
            in_use: all.saturating_sub(idle),
            idle,
        }
    }
}

/// Which kind of database it is, and what the writer needs to open it once more.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Sqlite {
        file: SqliteFile,
        synchronous: Synchronous,
        reader: SqliteReader,
    },
    Postgres {
        turn: Turn,
        /// Tells it from other databases.
        number: i64,
    },
}

impl Place {
    /// What whoever writes waits for.
    pub(super) const fn turn(&self) -> &Turn {
        match self {
            Self::Sqlite { file, .. } => &file.turn,
            Self::Postgres { turn, .. } => turn,
        }
    }
}

/// How long a connection may take to come about.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Neither `sqlite://` nor `postgres://`, or an `SQLite` database in memory.
    #[error("the database URL must be sqlite://FILE or postgres://USER@HOST/DATABASE")]
    Url,
    /// The database did not answer as it should.
    #[error("the database could not be opened")]
    Database(#[from] DbErr),
    /// The database did not answer at all.
    #[error("the database did not answer within {} seconds", PATIENCE.as_secs())]
    Late,
}

impl Store {
    /// Opens the database at `url`. It is not migrated by this.
    ///
    /// # Errors
    /// When the URL is of no database Linkhop knows, or the database can't be reached.
    pub async fn connect(url: &str, options: &Options) -> Result<Self, ConnectError> {
        match Kind::of(url) {
            Some(Kind::Sqlite) => Self::connect_sqlite(url, options).await,
            Some(Kind::Postgres) => Self::connect_postgres(url, options).await,
            None => Err(ConnectError::Url),
        }
    }

    /// What reads from the `SQLite` file in place; `None` where the database is no file.
    pub(super) fn sqlite_reader(&self) -> Option<SqliteReader> {
        match &self.place {
            Place::Sqlite { reader, .. } => Some(reader.clone()),
            Place::Postgres { .. } => None,
        }
    }

    /// Where something stands that the server keeps for this database alone: beside the `SQLite` file; for one that is no
    /// file here, with a number of the database in its name, so that two servers don't take each other's.
    #[must_use]
    pub fn beside(&self, what: &str) -> PathBuf {
        match &self.place {
            Place::Sqlite { file, .. } => {
                let mut path = file.path.clone().into_os_string();
                path.push(format!("-{what}"));
                path.into()
            }
            Place::Postgres { number, .. } => format!("linkhop-{what}-{number:016x}").into(),
        }
    }

    /// The `SQLite` file, for whoever writes to it beside the writer; `None` where the database is no file.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<SqliteFile> {
        match &self.place {
            Place::Sqlite { file, .. } => Some(file.clone()),
            Place::Postgres { .. } => None,
        }
    }

    /// What connections there are: to write with and to read with, as the fields of the store are named.
    #[must_use]
    pub fn pools(&self) -> [(&'static str, Connections); 2] {
        let of = |db: &DatabaseConnection| match &self.place {
            Place::Sqlite { .. } => Connections::of(db.get_sqlite_connection_pool()),
            Place::Postgres { .. } => Connections::of(db.get_postgres_connection_pool()),
        };
        [("write", of(&self.write)), ("read", of(&self.read))]
    }

    /// Which kind of database it is.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.place {
            Place::Sqlite { .. } => "sqlite",
            Place::Postgres { .. } => "postgres",
        }
    }

    /// How many changes of the schema are still to be made.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pending_migrations(&self) -> Result<usize, DbErr> {
        let applied = seaql_migrations(&self.read).await?;
        let known = Migrator::migrations();
        Ok(known
            .iter()
            .filter(|migration| !applied.iter().any(|name| name == migration.name()))
            .count())
    }

    /// Makes every change of the schema that is missing.
    ///
    /// # Errors
    /// When the database refuses one.
    pub async fn migrate_up(&self) -> Result<(), DbErr> {
        Migrator::up(&self.write, None).await
    }

    async fn connect_sqlite(url: &str, options: &Options) -> Result<Self, ConnectError> {
        let Options {
            readers,
            synchronous,
            create,
        } = *options;
        let mut write = pool(url, 1);
        write.map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .create_if_missing(create)
                .busy_timeout(Duration::from_secs(5))
                .foreign_keys(true)
                .pragma("journal_mode", "WAL")
                .pragma("synchronous", synchronous.pragma())
                .pragma("wal_autocheckpoint", LONGEST_LOG.to_string())
        });
        // The first connection makes the file and its write-ahead log, which a reader may not.
        let write = Database::connect(write).await?;
        let mut read = pool(url, readers);
        // Each has a thread, which is as willing to give way as the one that opens it: large requests are to open none.
        read.min_connections(readers).map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .read_only(true)
                .busy_timeout(Duration::from_secs(5))
                .pragma("query_only", "ON")
        });
        let file = sqlite_file(url);
        let place = Place::Sqlite {
            reader: SqliteReader::new(&file),
            file: SqliteFile {
                path: file,
                turn: Turn::default(),
            },
            synchronous,
        };
        Ok(Self {
            write,
            read: Database::connect(read).await?,
            snapshots: places(readers),
            place,
        })
    }

    async fn connect_postgres(url: &str, options: &Options) -> Result<Self, ConnectError> {
        knock(url).await?;
        // One for clicks, one for links, one for transactions, one for sums, so that none waits for another.
        let write = Database::connect(pool(url, 4)).await?;
        Ok(Self {
            write,
            read: Database::connect(pool(url, options.readers)).await?,
            snapshots: places(options.readers),
            place: Place::Postgres {
                turn: Turn::default(),
                number: number_of(url),
            },
        })
    }
}

/// A number of the database at a URL, whoever it is that connects to it.
fn number_of(url: &str) -> i64 {
    let url = Url::parse(url).ok();
    let parts = url
        .as_ref()
        .map(|url| (url.host_str(), url.port().unwrap_or(5432), url.path()));
    text_id(&format!("{parts:?}"))
}

/// Connects once and leaves again. A pool tries until its time is over, and then says no more than that it is.
async fn knock(url: &str) -> Result<(), ConnectError> {
    let once = async { PgConnection::connect(url).await?.close().await };
    match tokio::time::timeout(PATIENCE, once).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))).into()),
        Err(_) => Err(ConnectError::Late),
    }
}

/// Whether [`Store::connect`] would try to open a database at this URL.
#[must_use]
pub fn is_database_url(url: &str) -> bool {
    Kind::of(url).is_some()
}

/// The databases that a URL can name.
enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    fn of(url: &str) -> Option<Self> {
        // The libraries below say of what they can't parse that they can't, and show it: password and all.
        Url::parse(url).ok()?;
        let (scheme, rest) = url.split_once("://")?;
        match scheme {
            _ if rest.is_empty() => None,
            "sqlite" if !rest.contains(":memory:") && !rest.contains("mode=memory") => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            _ => None,
        }
    }
}

/// The file that a URL names, read as the pools read it.
pub(super) fn sqlite_file(url: &str) -> PathBuf {
    let file = url.trim_start_matches("sqlite:").trim_start_matches("//");
    let file = file.split('?').next().unwrap_or_default();
    percent_decode_str(file).decode_utf8_lossy().into_owned().into()
}

/// The names of the changes that were made. `Migrator` would make its table where there is none, which a
/// connection that only reads may not.
pub(super) async fn seaql_migrations(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let schema = SchemaManager::new(db);
    if !schema.has_table("seaql_migrations").await? {
        return Ok(Vec::new());
    }
    let names = Statement::from_string(db.get_database_backend(), "SELECT version FROM seaql_migrations");
    db.query_all_raw(names)
        .await?
        .iter()
        .map(|row| row.try_get_by_index(0))
        .collect()
}

/// A pool that keeps its connections: they are few, and opening one costs more than keeping it.
fn pool(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // A statement in the log would show phone numbers, and costs each request.
        .sqlx_logging(false);
    options
}
