//! Sending lists.

mod edit;

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use entity::{AccountId, DomainId, SendingListId, domain, sending_list};
use rusqlite::{OptionalExtension as _, params};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbErr, QueryFilter, QueryOrder};
use uuid::Uuid;

pub use self::edit::{CreateError, InvalidList, ListChange, NewList, UpdateError, archive, create, update};
use crate::{
    accounts::rows_of,
    store::{Columns, Lookup, ReadByKey, ReadError, Store, columns, pad},
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
pub struct ActiveLists(Lookup<Lists>);

impl ActiveLists {
    /// Over the store's lists.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self(Lookup::new(store, Lists))
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
struct Lists;

/// The list that is so named, with the domain that it and its account have.
static BY_ID: LazyLock<String> = LazyLock::new(|| active_list("id"));
static BY_LIST_ID: LazyLock<String> = LazyLock::new(|| active_list("list_id"));
static BY_PHONE_NUMBER: LazyLock<String> = LazyLock::new(|| active_list("phone_number"));

fn active_list(column: &str) -> String {
    let (list, domain) = (
        columns::<sending_list::Entity>("l"),
        columns::<domain::Entity>("d"),
    );
    format!(
        "SELECT {list}, {domain} FROM sending_list l \
         LEFT JOIN domain d ON d.id = l.domain_id AND d.account_id = l.account_id \
         WHERE l.account_id = ?1 AND l.{column} = ?2 AND l.status = 'ACTIVE'"
    )
}

impl ReadByKey for Lists {
    const TABLE: &'static str = "sending_list";
    type Key = (AccountId, ListLookup);
    type Value = Arc<ListWithDomain>;

    fn one(
        &self,
        db: &rusqlite::Connection,
        (account, by): &Self::Key,
    ) -> rusqlite::Result<Option<Self::Value>> {
        let account = Uuid::from(*account).into_bytes();
        let list = |row: &rusqlite::Row<'_>| {
            let mut columns = Columns::of(row);
            let list = columns.sending_list()?;
            let domain = if columns.is_nothing()? {
                None
            } else {
                Some(columns.domain()?)
            };
            Ok(Arc::new((list, domain)))
        };
        let found = match by {
            ListLookup::Id(id) => {
                let id = Uuid::from(*id).into_bytes();
                db.prepare_cached(&BY_ID)?.query_row(params![account, id], list)
            }
            ListLookup::ListId(number) => db
                .prepare_cached(&BY_LIST_ID)?
                .query_row(params![account, number], list),
            ListLookup::PhoneNumber(number) => db
                .prepare_cached(&BY_PHONE_NUMBER)?
                .query_row(params![account, number], list),
        };
        found.optional()
    }

    async fn many(
        &self,
        db: &DatabaseConnection,
        keys: Vec<Self::Key>,
    ) -> Result<HashMap<Self::Key, Self::Value>, DbErr> {
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
                .all(db)
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
