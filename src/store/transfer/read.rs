//! Reading a table in the order of its key.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::TryStreamExt as _;
use rusqlite::{Connection, OpenFlags, types::ValueRef};
use sea_orm::sqlx::{
    self, AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, postgres::PgConnectOptions,
};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    copy::{Stream, WrongForm, put_json},
    lot::{Lot, put},
    table::{Column, Kind, Table, quoted},
};

/// How many rows, or bytes, are handed on together.
const ROWS: usize = 1000;
const BYTES: usize = 256 * 1024;

/// How many lots wait at most for whoever looks at them.
const LOTS: usize = 4;

/// Nobody waits for these statements but the operator, who can stop them.
const PATIENT: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET jit = off";

/// Why a table can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// `SQLite` could not.
    #[error("SQLite could not read it")]
    Sqlite(#[from] rusqlite::Error),
    /// `PostgreSQL` could not.
    #[error("PostgreSQL could not read it")]
    Postgres(#[from] sqlx::Error),
    /// It holds something else than it should.
    #[error(transparent)]
    Form(#[from] WrongForm),
    /// It was stopped.
    #[error("reading was broken off")]
    BrokenOff,
}

/// A connection to `PostgreSQL` that does not log how long statements take, as those that move something do.
pub(super) async fn connect(url: &str) -> sqlx::Result<PgConnection> {
    let options: PgConnectOptions = url.parse()?;
    options.disable_statement_logging().connect().await
}

/// A connection that reads.
#[derive(Debug)]
pub(super) enum Reader {
    Sqlite(Connection),
    Postgres(PgConnection),
}

impl Reader {
    /// Opens an `SQLite` file that is set up already.
    pub(super) fn of_file(file: &Path) -> Result<Self, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(file, flags)?;
        db.busy_timeout(Duration::from_secs(5))?;
        db.pragma_update(None, "query_only", true)?;
        Ok(Self::Sqlite(db))
    }

    /// Connects to `PostgreSQL`.
    pub(super) async fn at_url(url: &str) -> Result<Self, ReadError> {
        let mut db = connect(url).await?;
        db.execute(sqlx::raw_sql(PATIENT)).await?;
        Ok(Self::Postgres(db))
    }

    /// From now on it reads the database as it is at this moment.
    pub(super) async fn hold(&mut self) -> Result<(), ReadError> {
        match self {
            Self::Sqlite(db) => {
                db.execute_batch("BEGIN")?;
                // With the first read the moment is chosen.
                db.query_row("SELECT count(*) FROM account", [], |_| Ok(()))?;
            }
            Self::Postgres(db) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1 FROM account LIMIT 1";
                db.execute(sqlx::raw_sql(begin)).await?;
            }
        }
        Ok(())
    }

    /// Whether `statement`, which answers true or false, answers true.
    pub(super) async fn says(&mut self, statement: String) -> Result<bool, ReadError> {
        match self {
            Self::Sqlite(db) => Ok(db.query_row(&statement, [], |row| row.get(0))?),
            Self::Postgres(db) => Ok(sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(db).await?),
        }
    }

    /// All rows of a table in the order of its key.
    pub(super) fn rows(self, table: &Arc<Table>) -> Rows {
        let (lots, receiver) = mpsc::channel(LOTS);
        let table = Arc::clone(table);
        let work = match self {
            Self::Sqlite(db) => tokio::task::spawn_blocking(move || {
                read_sqlite(&db, &table, &lots)?;
                Ok(Self::Sqlite(db))
            }),
            Self::Postgres(mut db) => tokio::spawn(async move {
                read_postgres(&mut db, &table, &lots).await?;
                Ok(Self::Postgres(db))
            }),
        };
        Rows {
            lots: receiver,
            lot: Lot::default(),
            at: 0,
            work: Some(work),
            reader: None,
        }
    }
}

/// The rows of a table, of which few are in memory.
#[derive(Debug)]
pub(super) struct Rows {
    lots: mpsc::Receiver<Lot>,
    lot: Lot,
    at: usize,
    work: Option<JoinHandle<Result<Reader, ReadError>>>,
    reader: Option<Reader>,
}

impl Rows {
    /// Sees to it that [`Self::row`] answers the next row where there is one.
    ///
    /// # Errors
    /// When the table could not be read to its end: what was not read is not to be taken for what is not there.
    pub(super) async fn fill(&mut self) -> Result<(), ReadError> {
        while self.at >= self.lot.len() {
            if let Some(lot) = self.lots.recv().await {
                (self.lot, self.at) = (lot, 0);
                continue;
            }
            if let Some(work) = self.work.take() {
                self.reader = Some(work.await.map_err(|_| ReadError::BrokenOff)??);
            }
            return Ok(());
        }
        Ok(())
    }

    /// The row that is to be looked at.
    pub(super) fn row(&self) -> Option<&[u8]> {
        self.lot.get(self.at)
    }

    /// Goes on to the next row.
    pub(super) const fn pass(&mut self) {
        self.at += 1;
    }

    /// Gives the connection back, once all rows are read.
    pub(super) fn end(self) -> Result<Reader, ReadError> {
        self.reader.ok_or(ReadError::BrokenOff)
    }
}

const fn is_full(lot: &Lot) -> bool {
    lot.len() >= ROWS || lot.size() >= BYTES
}

fn read_sqlite(db: &Connection, table: &Table, lots: &mpsc::Sender<Lot>) -> Result<(), ReadError> {
    let key = Table::list(table.key(), ", ", quoted);
    let (columns, name) = (table.names(), quoted(table.name));
    let mut select = db.prepare(&format!("SELECT {columns} FROM {name} ORDER BY {key}"))?;
    let mut rows = select.query([])?;
    let mut lot = Lot::default();
    while let Some(row) = rows.next()? {
        lot.push_with(|image| {
            for (at, column) in table.columns.iter().enumerate() {
                put_value(image, table, *column, row.get_ref(at)?)?;
            }
            Ok::<_, ReadError>(())
        })?;
        if is_full(&lot) && lots.blocking_send(std::mem::take(&mut lot)).is_err() {
            return Err(ReadError::BrokenOff);
        }
    }
    if !lot.is_empty() && lots.blocking_send(lot).is_err() {
        return Err(ReadError::BrokenOff);
    }
    Ok(())
}

/// Appends a value of `SQLite`.
fn put_value(
    image: &mut Vec<u8>,
    table: &Table,
    column: Column,
    value: ValueRef<'_>,
) -> Result<(), WrongForm> {
    let wrong = || WrongForm::Column(column.name);
    match (column.kind, value) {
        (_, ValueRef::Null) => put(image, None),
        (Kind::Uuid, ValueRef::Blob(bytes)) if bytes.len() == 16 => put(image, Some(bytes)),
        (Kind::Bytes, ValueRef::Blob(bytes)) | (Kind::Text, ValueRef::Text(bytes)) => put(image, Some(bytes)),
        (Kind::Json, ValueRef::Text(text)) => put_json(image, table, text).map_err(|_| wrong())?,
        (Kind::Flag, ValueRef::Integer(flag @ 0..=1)) => put(image, Some(&[u8::from(flag == 1)])),
        (Kind::Small, ValueRef::Integer(number)) => {
            let number = i16::try_from(number).map_err(|_| wrong())?;
            put(image, Some(&number.to_be_bytes()));
        }
        (Kind::Int, ValueRef::Integer(number)) => {
            let number = i32::try_from(number).map_err(|_| wrong())?;
            put(image, Some(&number.to_be_bytes()));
        }
        (Kind::Big, ValueRef::Integer(number)) => put(image, Some(&number.to_be_bytes())),
        _ => return Err(wrong()),
    }
    Ok(())
}

async fn read_postgres(
    db: &mut PgConnection,
    table: &Table,
    lots: &mpsc::Sender<Lot>,
) -> Result<(), ReadError> {
    // As SQLite orders them, and the comparison of keys.
    let by_bytes = |column: &Column| match column.kind {
        Kind::Text => format!("{} COLLATE \"C\"", quoted(column.name)),
        _ => quoted(column.name),
    };
    let key: Vec<_> = table.key().iter().map(by_bytes).collect();
    let (columns, name, key) = (table.names(), quoted(table.name), key.join(", "));
    let copy = format!("COPY (SELECT {columns} FROM {name} ORDER BY {key}) TO STDOUT (FORMAT binary)");
    let mut pieces = db.copy_out_raw(&copy).await?;
    let (mut stream, mut lot) = (Stream::default(), Lot::default());
    while let Some(piece) = pieces.try_next().await? {
        stream.take(&piece, table, &mut lot)?;
        if is_full(&lot) && lots.send(std::mem::take(&mut lot)).await.is_err() {
            return Err(ReadError::BrokenOff);
        }
    }
    if !stream.has_ended {
        return Err(WrongForm::Rows.into());
    }
    if !lot.is_empty() && lots.send(lot).await.is_err() {
        return Err(ReadError::BrokenOff);
    }
    Ok(())
}
