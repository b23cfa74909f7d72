//! Rows that many nodes of one answer refer to, read once a level.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Context, Result,
    dataloader::{DataLoader, Loader},
};
use entity::{AccountId, DomainId, OfferId, SendingListId, domain, offer, sending_list};
use sea_orm::DbErr;

use super::error::internal;
use crate::{catalog, store::Store};

/// Reads rows of one account, so that no id can lead to another's.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    store: Store,
    account: AccountId,
}

/// Gathers the ids that are asked for at the same time and reads their rows together.
pub(super) type RowLoader = DataLoader<Rows>;

/// A loader for one request of one account.
#[must_use]
pub(super) fn loader(store: &Store, account: AccountId) -> RowLoader {
    DataLoader::new(
        Rows {
            store: store.clone(),
            account,
        },
        tokio::spawn,
    )
}

/// The row with that id, read together with the others that are asked for now.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn load<K>(context: &Context<'_>, id: K) -> Result<Option<<Rows as Loader<K>>::Value>>
where
    K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
    Rows: Loader<K, Error = Arc<DbErr>>,
{
    context
        .data_unchecked::<RowLoader>()
        .load_one(id)
        .await
        .map_err(internal)
}

impl Loader<DomainId> for Rows {
    type Value = domain::Model;
    type Error = Arc<DbErr>;

    async fn load(&self, ids: &[DomainId]) -> Result<HashMap<DomainId, Self::Value>, Self::Error> {
        let rows = catalog::domain::by_ids(&self.store.read, self.account, ids).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<OfferId> for Rows {
    type Value = offer::Model;
    type Error = Arc<DbErr>;

    async fn load(&self, ids: &[OfferId]) -> Result<HashMap<OfferId, Self::Value>, Self::Error> {
        let rows = catalog::offer::by_ids(&self.store.read, self.account, ids).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<SendingListId> for Rows {
    type Value = sending_list::Model;
    type Error = Arc<DbErr>;

    async fn load(&self, ids: &[SendingListId]) -> Result<HashMap<SendingListId, Self::Value>, Self::Error> {
        let rows = catalog::sending_list::by_ids(&self.store.read, self.account, ids).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}
