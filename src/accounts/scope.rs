//! Where every query over an account's rows starts.

use entity::{AccountId, Owned};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, Select,
    sea_query::{Expr, LockType},
};

use crate::store::WriteTransaction;

/// The rows of `E` that belong to the account: to everybody else they do not exist.
///
/// Nothing above the store reads an account's rows in another way (`tests/floors.rs` sees to it), so that a
/// forgotten filter can't show one account's rows to another.
#[must_use]
pub fn rows_of<E: Owned>(account: AccountId) -> Select<E> {
    E::find().filter(E::ACCOUNT.eq(account))
}

/// The row of the account that `which` names, for this transaction to change: until it ends, nobody else does.
///
/// # Errors
/// When the database does not answer.
pub async fn locked<E: Owned>(
    transaction: &WriteTransaction,
    account: AccountId,
    which: Expr,
) -> Result<Option<<E as EntityTrait>::Model>, DbErr> {
    // Not FOR UPDATE, which would hold up every link that refers to the row: its key does not change.
    let rows = rows_of::<E>(account).filter(which).lock(LockType::NoKeyUpdate);
    rows.one(&**transaction).await
}
