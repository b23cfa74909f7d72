//! Sending lists.

mod edit;

use std::{collections::HashMap, sync::Arc};

use entity::{AccountId, DomainId, SendingListId, domain, sending_list};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbErr, QueryFilter, QueryOrder};

pub use self::edit::{CreateError, InvalidList, ListChange, NewList, UpdateError, archive, create, update};
use crate::{
    accounts::rows_of,
    store::{Gather, ReadError, ReadMany, pad},
};

/// One of the ways to name a list of an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

/// A list that issues links, and the domain that these live on. A domain that is not the list's account's is none:
/// nothing in the database keeps a row from naming one.
pub type ListWithDomain = (sending_list::Model, Option<domain::Model>);

/// Finds lists that issue links. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ActiveLists(Gather<Lists>);

impl ActiveLists {
    /// Over `db`.
    #[must_use]
    pub fn new(db: DatabaseConnection) -> Self {
        Self(Gather::spawn(Lists(db)))
    }

    /// The list of the account that is so named and issues links, with its domain.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find(
        &self,
        account: AccountId,
        by: ListLookup,
    ) -> Result<Option<Arc<ListWithDomain>>, ReadError> {
        self.0.get((account, by)).await
    }
}

/// Reads lists of accounts by how these name them.
struct Lists(DatabaseConnection);

impl ReadMany for Lists {
    type Key = (AccountId, ListLookup);
    type Value = Arc<ListWithDomain>;

    async fn read(&self, keys: Vec<Self::Key>) -> Result<HashMap<Self::Key, Self::Value>, DbErr> {
        let mut wanted: HashMap<AccountId, Vec<ListLookup>> = HashMap::new();
        for (account, by) in keys {
            wanted.entry(account).or_default().push(by);
        }
        let mut found = HashMap::new();
        for (account, lookups) in wanted {
            let any = pad(lookups)
                .iter()
                .fold(Condition::any(), |any, by| any.add(by.condition()));
            let lists = rows_of::<sending_list::Entity>(account)
                .filter(any)
                .filter(sending_list::Column::Status.eq(sending_list::Status::Active))
                .find_also_related(domain::Entity)
                .all(&self.0)
                .await?;
            for (list, domain) in lists {
                let domain = domain.filter(|domain| domain.account_id == account);
                let list = Arc::new((list, domain));
                let row = &list.0;
                for by in [
                    ListLookup::Id(row.id),
                    ListLookup::ListId(row.list_id),
                    ListLookup::PhoneNumber(row.phone_number.clone()),
                ] {
                    found.insert((account, by), Arc::clone(&list));
                }
            }
        }
        Ok(found)
    }
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
