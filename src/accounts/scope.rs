//! Where every query over an account's rows starts.

use entity::{AccountId, Owned};
use sea_orm::{ColumnTrait, QueryFilter, Select};

/// The rows of `E` that belong to the account: to everybody else they do not exist.
///
/// Nothing above the store reads an account's rows in another way (`tests/floors.rs` sees to it), so that a
/// forgotten filter can't show one account's rows to another.
#[must_use]
pub fn rows_of<E: Owned>(account: AccountId) -> Select<E> {
    E::find().filter(E::ACCOUNT.eq(account))
}
