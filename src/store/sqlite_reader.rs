//! Reading from `SQLite` without a hop to another thread, and rows as they are stored there.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use entity::{account, api_key, domain, sending_list};
use rusqlite::{
    Connection, OpenFlags, Row,
    types::{FromSqlError, FromSqlResult, Type, ValueRef},
};
use sea_orm::{ActiveEnum, EntityTrait, IdenStatic as _, Iterable as _};
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Prepared statements that a connection keeps: there are fewer that are stepped this way.
const STATEMENTS: usize = 32;

/// Connections for short reads, each used by one thread at a time; there get to be as many as read at once, which is at
/// most the threads that carry out requests. Cheap to clone.
#[derive(Clone)]
pub(super) struct SqliteReader {
    file: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl fmt::Debug for SqliteReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteReader").field(&self.file).finish()
    }
}

impl SqliteReader {
    /// Reads from this file, which is set up already.
    pub(super) fn new(file: &Path) -> Self {
        Self {
            file: Arc::new(file.to_owned()),
            idle: Arc::default(),
        }
    }

    /// Lets `read` have a connection.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let db = match kept {
            Some(db) => db,
            None => open(&self.file)?,
        };
        let answer = read(&db);
        idle().push(db);
        answer
    }
}

fn open(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(file, flags)?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.pragma_update(None, "query_only", true)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(db)
}

/// The columns of `E`, each as `alias.name`, in the order in which the functions below read them.
pub(crate) fn columns<E: EntityTrait>(alias: &str) -> String {
    let names: Vec<_> = E::Column::iter()
        .map(|column| format!("{alias}.{}", column.as_str()))
        .collect();
    names.join(", ")
}

/// Reads the columns of a row from left to right.
#[derive(Debug)]
pub(crate) struct Columns<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
}

impl<'r, 's> Columns<'r, 's> {
    /// All columns of a row.
    pub(crate) const fn of(row: &'r Row<'s>) -> Self {
        Self { row, next: 0 }
    }

    fn take<T>(&mut self, read: impl FnOnce(ValueRef<'r>) -> FromSqlResult<T>) -> rusqlite::Result<T> {
        let at = self.next;
        self.next += 1;
        read(self.row.get_ref(at)?)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Null, Box::new(error)))
    }

    /// A value as it is.
    pub(crate) fn value<T: rusqlite::types::FromSql>(&mut self) -> rusqlite::Result<T> {
        self.take(T::column_result)
    }

    /// An id.
    pub(crate) fn id<T: From<Uuid>>(&mut self) -> rusqlite::Result<T> {
        self.value().map(|bytes| Uuid::from_bytes(bytes).into())
    }

    fn time(&mut self) -> rusqlite::Result<entity::Timestamp> {
        self.value().map(entity::Timestamp::from_millis)
    }

    /// A time, if there is one.
    pub(crate) fn time_null(&mut self) -> rusqlite::Result<Option<entity::Timestamp>> {
        self.value()
            .map(|millis: Option<i64>| millis.map(entity::Timestamp::from_millis))
    }

    fn json<T: DeserializeOwned>(&mut self) -> rusqlite::Result<T> {
        self.take(|value| serde_json::from_str(value.as_str()?).map_err(FromSqlError::other))
    }

    /// One of the words of an enum.
    pub(crate) fn word<T: ActiveEnum<Value = String>>(&mut self) -> rusqlite::Result<T> {
        self.take(|value| T::try_from_value(&value.as_str()?.to_owned()).map_err(FromSqlError::other))
    }

    /// Whether the row has nothing from here on: what a left join found no partner for.
    pub(crate) fn is_nothing(&self) -> rusqlite::Result<bool> {
        Ok(self.row.get_ref(self.next)? == ValueRef::Null)
    }

    /// An account.
    pub(crate) fn account(&mut self) -> rusqlite::Result<account::Model> {
        Ok(account::Model {
            id: self.id()?,
            name: self.value()?,
            status: self.word()?,
            products: self.json()?,
            default_filter_bots: self.value()?,
            tune_link_parameter: self.value()?,
            tune_click_parameter: self.value()?,
            everflow_link_parameter: self.value()?,
            everflow_click_parameter: self.value()?,
            global_offer_parameters: self.json()?,
            created_at: self.time()?,
        })
    }

    /// An API key.
    pub(crate) fn api_key(&mut self) -> rusqlite::Result<api_key::Model> {
        Ok(api_key::Model {
            id: self.id()?,
            account_id: self.id()?,
            name: self.value()?,
            hash: self.value()?,
            scopes: self.json()?,
            expires_at: self.time_null()?,
            revoked_at: self.time_null()?,
            last_used_at: self.time_null()?,
            created_at: self.time()?,
        })
    }

    /// A domain.
    pub(crate) fn domain(&mut self) -> rusqlite::Result<domain::Model> {
        Ok(domain::Model {
            id: self.id()?,
            account_id: self.id()?,
            host: self.value()?,
            scheme: self.word()?,
            status: self.word()?,
            root_url: self.value()?,
            fallback_url: self.value()?,
            created_at: self.time()?,
        })
    }

    /// A sending list.
    pub(crate) fn sending_list(&mut self) -> rusqlite::Result<sending_list::Model> {
        Ok(sending_list::Model {
            id: self.id()?,
            account_id: self.id()?,
            list_id: self.value()?,
            phone_number: self.value()?,
            brand_name: self.value()?,
            status: self.word()?,
            metadata: self.json()?,
            domain_id: self
                .value()
                .map(|bytes: Option<[u8; 16]>| bytes.map(|bytes| Uuid::from_bytes(bytes).into()))?,
            created_at: self.time()?,
        })
    }
}
