//! What the operator of a server does with accounts and keys, whosever they are.

use entity::{AccountId, ApiKeyId, Timestamp, account, api_key};
use sea_orm::{
    ActiveEnum, ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};

use super::rows_of;
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
    db: &impl ConnectionTrait,
    id: AccountId,
    status: account::Status,
) -> Result<Result<Changed<account::Model>, UnknownAccount>, DbErr> {
    let changed = account::Entity::update_many()
        .col_expr(account::Column::Status, Expr::value(status.to_value()))
        .filter(account::Column::Id.eq(id))
        .filter(account::Column::Status.ne(status))
        .exec(db)
        .await?;
    let is_new = changed.rows_affected > 0;
    Ok(find(db, id).await?.map(|row| Changed { row, is_new }))
}

/// Gives products to an account beside those that it has. The next request with one of its keys sees them.
///
/// # Errors
/// The outer one when the database does not answer, the inner one when there is no such account.
pub async fn enable(
    store: &Store,
    id: AccountId,
    products: &[account::Product],
) -> Result<Result<Changed<account::Model>, UnknownAccount>, DbErr> {
    again(met_another, async || {
        let transaction = store.begin().await?;
        let row = account::Entity::find_by_id(id)
            .lock(LockType::NoKeyUpdate)
            .one(&*transaction)
            .await?;
        let Some(mut row) = row else {
            return Ok(Err(UnknownAccount(id)));
        };
        let before = row.products.0.len();
        for product in products {
            if !row.products.0.contains(product) {
                row.products.0.push(*product);
            }
        }
        let is_new = row.products.0.len() > before;
        if is_new {
            account::ActiveModel {
                id: Set(id),
                products: Set(row.products.clone()),
                ..Default::default()
            }
            .update(&*transaction)
            .await?;
            transaction.commit().await?;
        }
        Ok(Ok(Changed { row, is_new }))
    })
    .await
}

/// The keys of an account, in the order of their making, those that no longer work among them.
///
/// # Errors
/// When the database does not answer.
pub async fn keys(db: &impl ConnectionTrait, account: AccountId) -> Result<Vec<api_key::Model>, DbErr> {
    rows_of::<api_key::Entity>(account)
        .order_by_asc(api_key::Column::Id)
        .all(db)
        .await
}

/// Takes a key back for good. The next request with it is refused. Who did it first set the time of it.
///
/// # Errors
/// The outer one when the database does not answer, the inner one when there is no such key.
pub async fn revoke_key(
    db: &impl ConnectionTrait,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<Result<Changed<api_key::Model>, UnknownKey>, DbErr> {
    let changed = api_key::Entity::update_many()
        .col_expr(api_key::Column::RevokedAt, Expr::value(now))
        .filter(api_key::Column::Id.eq(id))
        .filter(api_key::Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    let is_new = changed.rows_affected > 0;
    let key = api_key::Entity::find_by_id(id).one(db).await?;
    Ok(key.map(|row| Changed { row, is_new }).ok_or(UnknownKey(id)))
}
