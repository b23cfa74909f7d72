//! Sending lists.

use entity::{AccountId, DomainId, SendingListId, domain, sending_list};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, QueryFilter, QueryOrder};

use crate::accounts::rows_of;

/// One of the ways to name a list of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListLookup {
    /// By its id within the server.
    Id(SendingListId),
    /// By its number within the account.
    ListId(i32),
    /// By the phone number it sends from.
    PhoneNumber(String),
}

impl ListLookup {
    fn condition(&self) -> Condition {
        Condition::all().add(match self {
            Self::Id(id) => sending_list::Column::Id.eq(*id),
            Self::ListId(number) => sending_list::Column::ListId.eq(*number),
            Self::PhoneNumber(number) => sending_list::Column::PhoneNumber.eq(number),
        })
    }
}

/// Lists of the account by their ids.
///
/// # Errors
/// When the database does not answer.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    account: AccountId,
    ids: &[SendingListId],
) -> Result<Vec<sending_list::Model>, DbErr> {
    let ids = ids.iter().copied();
    rows_of::<sending_list::Entity>(account)
        .filter(sending_list::Column::Id.is_in(ids))
        .all(db)
        .await
}

/// The list of the account that is so named.
///
/// # Errors
/// When the database does not answer.
pub async fn find(
    db: &impl ConnectionTrait,
    account: AccountId,
    by: &ListLookup,
) -> Result<Option<sending_list::Model>, DbErr> {
    rows_of::<sending_list::Entity>(account)
        .filter(by.condition())
        .one(db)
        .await
}

/// The list of the account that is so named and issues links, with the domain these live on, in one query.
///
/// # Errors
/// When the database does not answer.
pub async fn active_with_domain(
    db: &impl ConnectionTrait,
    account: AccountId,
    by: &ListLookup,
) -> Result<Option<(sending_list::Model, Option<domain::Model>)>, DbErr> {
    rows_of::<sending_list::Entity>(account)
        .filter(by.condition())
        .filter(sending_list::Column::Status.eq(sending_list::Status::Active))
        .find_also_related(domain::Entity)
        .one(db)
        .await
}

/// The brand that a domain's recipients know: that of its first list that is not archived.
///
/// # Errors
/// When the database does not answer.
pub async fn brand_of(
    db: &impl ConnectionTrait,
    account: AccountId,
    domain: DomainId,
) -> Result<Option<String>, DbErr> {
    let list = rows_of::<sending_list::Entity>(account)
        .filter(sending_list::Column::DomainId.eq(domain))
        .filter(sending_list::Column::Status.ne(sending_list::Status::Archived))
        .order_by_asc(sending_list::Column::Id)
        .one(db)
        .await?;
    Ok(list.map(|list| list.brand_name))
}
