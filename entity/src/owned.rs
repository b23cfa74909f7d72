//! Which rows belong to an account.

use sea_orm::EntityTrait;

use crate::{api_key, audit_entry, click_column, domain, idempotency_key, offer, sending_list, short_link};

/// A table whose rows each belong to one account.
///
/// `linkhop::accounts::rows_of` starts every query over such a table, so no query can forget whose rows it
/// may see.
pub trait Owned: EntityTrait {
    /// The column that holds the owner's id.
    const ACCOUNT: Self::Column;
}

impl Owned for api_key::Entity {
    const ACCOUNT: api_key::Column = api_key::Column::AccountId;
}

impl Owned for audit_entry::Entity {
    const ACCOUNT: audit_entry::Column = audit_entry::Column::AccountId;
}

impl Owned for click_column::Entity {
    const ACCOUNT: click_column::Column = click_column::Column::AccountId;
}

impl Owned for domain::Entity {
    const ACCOUNT: domain::Column = domain::Column::AccountId;
}

impl Owned for idempotency_key::Entity {
    const ACCOUNT: idempotency_key::Column = idempotency_key::Column::AccountId;
}

impl Owned for offer::Entity {
    const ACCOUNT: offer::Column = offer::Column::AccountId;
}

impl Owned for sending_list::Entity {
    const ACCOUNT: sending_list::Column = sending_list::Column::AccountId;
}

impl Owned for short_link::Entity {
    const ACCOUNT: short_link::Column = short_link::Column::AccountId;
}
