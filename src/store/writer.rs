//! The group-committing writer.
//!
//! One task owns the connection that writes. It takes all that is waiting, stores it in one transaction and
//! wakes each caller with its own outcome. There is no timer: while one lot is on its way to the disk the
//! next one gathers, so lots grow with load by themselves and a lone write waits for nobody.

use std::{collections::HashSet, sync::LazyLock};

use entity::{AccountId, ShortLinkId, Timestamp, click, idempotency_key, short_link};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, EntityTrait, QueryFilter,
    RuntimeErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::rows;

/// How many writes may wait before callers wait to hand theirs over.
const QUEUE: usize = 4096;

/// How many writes are stored together at most: bounds the size of a statement.
const LOT: usize = 256;

/// How often a write that met another transaction is tried.
const TRIES: usize = 4;

/// Hands writes to the task that stores them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Message>,
}

/// What became of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkOutcome {
    /// It is stored, and its idempotency key with it.
    Stored,
    /// Its code is in use on the domain; nothing is stored.
    CodeTaken,
    /// Its idempotency key is in use in the account; nothing is stored.
    KeyTaken,
}

/// An idempotency key that is stored with its link or not at all.
#[derive(Clone, Debug)]
pub struct UsedKey {
    /// The row to store.
    pub row: idempotency_key::Model,
    /// Keys used at this time or earlier are forgotten and give way.
    pub forgotten: Timestamp,
}

/// Why a write was not stored.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The database refused it or did not answer.
    #[error("the database did not store the row")]
    Database(#[from] DbErr),
    /// A row could not be put into words.
    #[error("the row could not be written as JSON")]
    Encode(#[from] serde_json::Error),
    /// The writer has ended.
    #[error("the writer has ended")]
    Ended,
}

#[derive(Debug)]
enum Message {
    Store(Write, oneshot::Sender<Result<LinkOutcome, DbErr>>),
    Drained(oneshot::Sender<()>),
}

#[derive(Debug)]
enum Write {
    Link {
        id: ShortLinkId,
        row: String,
        key: Option<Key>,
    },
    Click {
        row: String,
    },
}

#[derive(Debug)]
struct Key {
    account_id: AccountId,
    key: String,
    row: String,
    forgotten: Timestamp,
}

impl Writer {
    /// Starts the task that writes over `db`. It ends once every clone of the writer is gone and all that
    /// was handed over is stored.
    #[must_use]
    pub fn spawn(db: DatabaseConnection) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        (Self { queue }, tokio::spawn(write_all(db, waiting)))
    }

    /// Stores a link, with its idempotency key if it has one, or neither.
    ///
    /// # Errors
    /// When the database did not store it.
    pub async fn insert_link(
        &self,
        link: &short_link::Model,
        key: Option<&UsedKey>,
    ) -> Result<LinkOutcome, WriteError> {
        let key = match key {
            Some(UsedKey { row, forgotten }) => Some(Key {
                account_id: row.account_id,
                key: row.key.clone(),
                row: serde_json::to_string(row)?,
                forgotten: *forgotten,
            }),
            None => None,
        };
        self.store(Write::Link {
            id: link.id,
            row: serde_json::to_string(link)?,
            key,
        })
        .await
    }

    /// Appends a click.
    ///
    /// # Errors
    /// When the database did not store it.
    pub async fn append_click(&self, click: &click::Model) -> Result<(), WriteError> {
        self.store(Write::Click {
            row: serde_json::to_string(click)?,
        })
        .await?;
        Ok(())
    }

    /// Returns once everything that was handed over before is stored.
    pub async fn drained(&self) {
        let (done, stored) = oneshot::channel();
        if self.queue.send(Message::Drained(done)).await.is_ok() {
            let _ = stored.await;
        }
    }

    async fn store(&self, write: Write) -> Result<LinkOutcome, WriteError> {
        let (done, outcome) = oneshot::channel();
        self.queue
            .send(Message::Store(write, done))
            .await
            .map_err(|_| WriteError::Ended)?;
        Ok(outcome.await.map_err(|_| WriteError::Ended)??)
    }
}

async fn write_all(db: DatabaseConnection, mut waiting: mpsc::Receiver<Message>) {
    let sql = Sql::of(db.get_database_backend());
    let mut messages = Vec::with_capacity(LOT);
    while waiting.recv_many(&mut messages, LOT).await > 0 {
        let mut writes = Vec::with_capacity(messages.len());
        let mut callers = Vec::with_capacity(messages.len());
        let mut drained = Vec::new();
        for message in messages.drain(..) {
            match message {
                Message::Store(write, caller) => {
                    writes.push(write);
                    callers.push(caller);
                }
                Message::Drained(caller) => drained.push(caller),
            }
        }
        for (caller, outcome) in callers.into_iter().zip(store(&db, sql, &writes).await) {
            // A caller that has gone away no longer asks; its row is stored all the same.
            let _ = caller.send(outcome);
        }
        for caller in drained {
            let _ = caller.send(());
        }
    }
}

/// Stores writes together; when that fails, each alone, so that the right caller gets its own error.
async fn store(db: &DatabaseConnection, sql: &Sql, writes: &[Write]) -> Vec<Result<LinkOutcome, DbErr>> {
    match store_together(db, sql, writes).await {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(error) if writes.len() == 1 => vec![Err(error)],
        Err(error) => {
            tracing::warn!(%error, writes = writes.len(), "storing together failed, storing one by one");
            let mut outcomes = Vec::with_capacity(writes.len());
            for write in writes {
                let alone = store_together(db, sql, std::slice::from_ref(write)).await;
                outcomes.push(alone.map(|outcomes| outcomes[0]));
            }
            outcomes
        }
    }
}

async fn store_together(
    db: &DatabaseConnection,
    sql: &Sql,
    writes: &[Write],
) -> Result<Vec<LinkOutcome>, DbErr> {
    let mut tries = 0;
    loop {
        tries += 1;
        match store_once(db, sql, writes).await {
            Err(error) if tries < TRIES && met_another(&error) => {}
            outcome => return outcome,
        }
    }
}

async fn store_once(db: &DatabaseConnection, sql: &Sql, writes: &[Write]) -> Result<Vec<LinkOutcome>, DbErr> {
    if is_one_statement(writes) {
        return run(db, sql, writes).await;
    }
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = db.begin_with_options(options).await?;
    let outcomes = run(&transaction, sql, writes).await?;
    transaction.commit().await?;
    Ok(outcomes)
}

/// A statement is atomic by itself: then `BEGIN` and `COMMIT` would be two round trips for nothing.
fn is_one_statement(writes: &[Write]) -> bool {
    writes.iter().all(|write| matches!(write, Write::Click { .. }))
        || writes
            .iter()
            .all(|write| matches!(write, Write::Link { key: None, .. }))
}

/// Keys first, then the links whose key was free, then clicks: one statement each.
async fn run(db: &impl ConnectionTrait, sql: &Sql, writes: &[Write]) -> Result<Vec<LinkOutcome>, DbErr> {
    let mut keys = Vec::new();
    let mut keyed = HashSet::new();
    let mut clicks = Vec::new();
    for write in writes {
        match write {
            Write::Link {
                id, key: Some(key), ..
            } => {
                keys.push(key);
                keyed.insert(*id);
            }
            Write::Link { key: None, .. } => {}
            Write::Click { row } => clicks.push(row.as_str()),
        }
    }
    let mut taken_keys = HashSet::new();
    if let Some(forgotten) = keys.iter().map(|key| key.forgotten).max() {
        idempotency_key::Entity::delete_many()
            .filter(idempotency_key::Column::CreatedAt.lte(forgotten))
            .exec(db)
            .await?;
        let rows = keys.iter().map(|key| key.row.as_str());
        let stored = ids(rows::append_returning(db, &sql.keys, rows).await?)?;
        taken_keys = &keyed - &stored;
    }
    let links: Vec<&str> = writes
        .iter()
        .filter_map(|write| match write {
            Write::Link { id, row, .. } if !taken_keys.contains(id) => Some(row.as_str()),
            _ => None,
        })
        .collect();
    let mut stored = HashSet::new();
    if !links.is_empty() {
        stored = ids(rows::append_returning(db, &sql.links, links.into_iter()).await?)?;
    }
    for write in writes {
        if let Write::Link {
            id, key: Some(key), ..
        } = write
            && !taken_keys.contains(id)
            && !stored.contains(id)
        {
            // Only successes are kept.
            let unused = (key.account_id, key.key.clone());
            idempotency_key::Entity::delete_by_id(unused).exec(db).await?;
        }
    }
    if !clicks.is_empty() {
        rows::append(db, &sql.clicks, clicks.into_iter()).await?;
    }
    let outcome = |write: &Write| match write {
        Write::Link { id, .. } if taken_keys.contains(id) => LinkOutcome::KeyTaken,
        Write::Link { id, .. } if !stored.contains(id) => LinkOutcome::CodeTaken,
        Write::Link { .. } | Write::Click { .. } => LinkOutcome::Stored,
    };
    Ok(writes.iter().map(outcome).collect())
}

fn ids(rows: Vec<sea_orm::QueryResult>) -> Result<HashSet<ShortLinkId>, DbErr> {
    rows.into_iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Whether the database undid the transaction because of another one: then the same again will do.
fn met_another(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    // serialization_failure and deadlock_detected, in PostgreSQL and what speaks its protocol.
    error
        .as_database_error()
        .and_then(|error| error.code().map(|code| matches!(&*code, "40001" | "40P01")))
        .unwrap_or_default()
}

/// The statements, made once a database.
#[derive(Debug)]
struct Sql {
    keys: String,
    links: String,
    clicks: String,
}

impl Sql {
    fn of(backend: DatabaseBackend) -> &'static Self {
        static SQLITE: LazyLock<Sql> = LazyLock::new(|| Sql::new(DatabaseBackend::Sqlite));
        static POSTGRES: LazyLock<Sql> = LazyLock::new(|| Sql::new(DatabaseBackend::Postgres));
        if backend == DatabaseBackend::Sqlite {
            &SQLITE
        } else {
            &POSTGRES
        }
    }

    fn new(backend: DatabaseBackend) -> Self {
        Self {
            keys: rows::insert::<idempotency_key::Entity>(
                backend,
                Some(idempotency_key::Column::ShortLinkId),
            ),
            links: rows::insert::<short_link::Entity>(backend, Some(short_link::Column::Id)),
            clicks: rows::insert::<click::Entity>(backend, None),
        }
    }
}
