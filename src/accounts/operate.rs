//! What the operator of a server does with accounts and keys, whosever they are.

use entity::{AccountId, ApiKeyId, Timestamp, account, api_key, audit_entry::Action};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel as _, QueryOrder, QuerySelect,
    sea_query::LockType,
};

use super::{Actor, audit, keys::revoke_key};
use crate::store::{Store, again, met_another};

/// No account has this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no account {0}")]
pub struct UnknownAccount(pub AccountId);

/// No key has this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no API key {0}")]
pub struct UnknownKey(pub ApiKeyId);

/// A row as it is now, and whether that is news.
#[derive(Clone, Debug)]
pub struct Changed<M> {
    /// The row.
    pub row: M,
    /// Whether the call changed it; it was so already if not.
    pub is_new: bool,
}

/// Every account, in the order of their making.
///
/// # Errors
/// When the database does not answer.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<account::Model>, DbErr> {
    account::Entity::find()
        .order_by_asc(account::Column::Id)
        .all(db)
        .await
}

/// The account with this id.
///
/// # Errors
/// The outer one when the database does not answer, the inner one when there is no such account.
pub async fn find(
    db: &impl ConnectionTrait,
    id: AccountId,
) -> Result<Result<account::Model, UnknownAccount>, DbErr> {
    let account = account::Entity::find_by_id(id).one(db).await?;
    Ok(account.ok_or(UnknownAccount(id)))
}

/// Suspends an account, or lets it go on. Keys are looked up at each request, so the next one sees it.
///
/// # Errors
/// The outer one when the database does not answer, the inner one when there is no such account.
pub async fn set_status(
    store: &Store,
    id: AccountId,
    status: account::Status,
    now: Timestamp,
) -> Result<Result<Changed<account::Model>, UnknownAccount>, DbErr> {
    let action = match status {
        account::Status::Active => Action::AccountResumed,
        account::Status::Suspended => Action::AccountSuspended,
    };
    change(store, id, action, now, |row| row.status = status).await
}

/// Gives products to an account beside those that it has. The next request with one of its keys sees them.
///
/// # Errors
/// The outer one when the database does not answer, the inner one when there is no such account.
pub async fn enable(
    store: &Store,
    id: AccountId,
    products: &[account::Product],
    now: Timestamp,
) -> Result<Result<Changed<account::Model>, UnknownAccount>, DbErr> {
    change(store, id, Action::AccountProductsEnabled, now, |row| {
        for product in products {
            if !row.products.0.contains(product) {
                row.products.0.push(*product);
            }
        }
    })
    .await
}

async fn change(
    store: &Store,
    id: AccountId,
    action: Action,
    now: Timestamp,
    make: impl Fn(&mut account::Model),
) -> Result<Result<Changed<account::Model>, UnknownAccount>, DbErr> {
    again(met_another, async || {
        let transaction = store.begin().await?;
        let before = account::Entity::find_by_id(id)
            .lock(LockType::NoKeyUpdate)
            .one(&*transaction)
            .await?;
        let Some(before) = before else {
            return Ok(Err(UnknownAccount(id)));
        };
        let mut row = before.clone();
        make(&mut row);
        let is_new = row != before;
        if is_new {
            row = row.into_active_model().reset_all().update(&*transaction).await?;
            audit::record(
                &*transaction,
                Actor::operator(id),
                action,
                Some(&before),
                &row,
                now,
            )
            .await?;
            transaction.commit().await?;
        }
        Ok(Ok(Changed { row, is_new }))
    })
    .await
}

/// Takes a key back for good, whosever it is. The next request with it is refused. Who did it first set the time of it.
///
/// # Errors
/// The outer one when the database does not answer, the inner one when there is no such key.
pub async fn revoke_any_key(
    store: &Store,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<Result<Changed<api_key::Model>, UnknownKey>, DbErr> {
    let Some(key) = api_key::Entity::find_by_id(id).one(&store.read).await? else {
        return Ok(Err(UnknownKey(id)));
    };
    let revoked = revoke_key(store, Actor::operator(key.account_id), id, now).await?;
    Ok(revoked.ok_or(UnknownKey(id)))
}
