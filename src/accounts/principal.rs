//! Who is asking, and what they may do.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use entity::{AccountId, Timestamp, account, api_key};
use rusqlite::OptionalExtension as _;
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter};

use super::{ApiKey, last_used::LastUsed};
use crate::store::{Columns, Lookup, ReadByKey, ReadError, Store, columns, pad};

/// An authenticated caller: a key that works, of an account that is active.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The account that the key opens.
    pub account: account::Model,
    /// The key's row.
    pub key: api_key::Model,
}

/// Why a caller was not let in.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// No such key, or one that has expired or been revoked: the same answer, so that nothing leaks.
    #[error("the API key is unknown, expired or revoked")]
    UnknownKey,
    /// The account is suspended.
    #[error("the account is suspended")]
    Suspended,
    /// The database did not answer.
    #[error("the key could not be looked up")]
    Database(#[from] ReadError),
}

impl Principal {
    /// Names the account, for [`rows_of`](super::rows_of).
    #[must_use]
    pub const fn account_id(&self) -> AccountId {
        self.account.id
    }

    /// Whether the key may do what `scope` says. `ADMIN` may do all, and what may write may read.
    #[must_use]
    pub fn may(&self, scope: api_key::Scope) -> bool {
        use api_key::Scope::{Admin, CatalogWrite, LinksWrite, Read};
        self.key.scopes.0.iter().any(|held| match (held, scope) {
            (Admin, _) | (LinksWrite | CatalogWrite, Read) => true,
            (held, wanted) => *held == wanted,
        })
    }
}

/// Finds whose keys these are, and remembers when they were used. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Authenticator {
    keys: Lookup<Keys>,
    last_used: LastUsed,
}

impl Authenticator {
    /// An authenticator over the store's keys.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self {
            keys: Lookup::new(store, Keys),
            last_used: LastUsed::spawn(store.clone()),
        }
    }

    /// Finds whose key this is. It is asked of the database each time, so that a key revoked or an account
    /// suspended by anybody, from anywhere, is refused at the next request.
    ///
    /// # Errors
    /// When the key does not work, its account is suspended, or the database does not answer.
    pub async fn authenticate(
        &self,
        key: &ApiKey,
        now: Timestamp,
    ) -> Result<Arc<Principal>, AuthenticateError> {
        self.authenticate_hash(key.hash(), now).await
    }

    /// Finds whether a caller who was let in before still would be, and as what: for whoever stays connected.
    ///
    /// # Errors
    /// As [`Authenticator::authenticate`].
    pub async fn authenticate_again(
        &self,
        principal: &Principal,
        now: Timestamp,
    ) -> Result<Arc<Principal>, AuthenticateError> {
        self.authenticate_hash(principal.key.hash.clone(), now).await
    }

    async fn authenticate_hash(
        &self,
        hash: String,
        now: Timestamp,
    ) -> Result<Arc<Principal>, AuthenticateError> {
        let principal = self.keys.get(hash).await?.ok_or(AuthenticateError::UnknownKey)?;
        let row = &principal.key;
        if row.revoked_at.is_some() || row.expires_at.is_some_and(|end| end <= now) {
            return Err(AuthenticateError::UnknownKey);
        }
        if principal.account.status == account::Status::Suspended {
            return Err(AuthenticateError::Suspended);
        }
        self.last_used.note(row, now);
        Ok(principal)
    }

    /// Returns once the times at which keys were used so far are stored; they are written a few seconds behind.
    pub async fn flushed(&self) {
        self.last_used.flushed().await;
    }
}

/// Reads keys with their accounts by the keys' hashes.
struct Keys;

static KEY: LazyLock<String> = LazyLock::new(|| {
    let (key, account) = (columns::<api_key::Entity>("k"), columns::<account::Entity>("a"));
    format!("SELECT {key}, {account} FROM api_key k JOIN account a ON a.id = k.account_id WHERE k.hash = ?1")
});

impl ReadByKey for Keys {
    const TABLE: &'static str = "api_key";
    type Key = String;
    type Value = Arc<Principal>;

    fn one(&self, db: &rusqlite::Connection, hash: &String) -> rusqlite::Result<Option<Arc<Principal>>> {
        let found = db.prepare_cached(&KEY)?.query_row([hash], |row| {
            let mut columns = Columns::of(row);
            Ok(Principal {
                key: columns.api_key()?,
                account: columns.account()?,
            })
        });
        Ok(found.optional()?.map(Arc::new))
    }

    async fn many(
        &self,
        db: &DatabaseConnection,
        hashes: Vec<String>,
    ) -> Result<HashMap<String, Arc<Principal>>, DbErr> {
        let found = api_key::Entity::find()
            .filter(api_key::Column::Hash.is_in(pad(hashes)))
            .find_also_related(account::Entity)
            .all(db)
            .await?;
        let whole = |(key, account): (api_key::Model, Option<account::Model>)| {
            let (hash, account) = (key.hash.clone(), account?);
            Some((hash, Arc::new(Principal { account, key })))
        };
        Ok(found.into_iter().filter_map(whole).collect())
    }
}
