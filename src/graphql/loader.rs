//! Rows that many nodes of one answer refer to, read once a level.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::{
    Context, Result,
    dataloader::{DataLoader, Loader},
    futures_util::future::BoxFuture,
};
use entity::{AccountId, DomainId, OfferId, SendingListId, domain, offer, sending_list};
use sea_orm::DbErr;
use tokio::task::JoinSet;

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
        spawner(),
    )
}

/// Runs tasks that end with the request: no row is read any more that nobody waits for.
fn spawner() -> impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static {
    let tasks = Mutex::new(JoinSet::new());
    move |task| {
        let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }
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

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use tokio::{sync::oneshot, time::timeout};

    use super::*;

    #[tokio::test]
    async fn what_a_request_still_reads_ends_with_it() {
        let spawn = spawner();
        let (held, gone) = oneshot::channel::<()>();
        spawn(Box::pin(async move {
            let _held = held;
            pending::<()>().await;
        }));
        drop(spawn);
        let ended = timeout(Duration::from_secs(10), gone).await;
        assert!(ended.is_ok_and(|answer| answer.is_err()));
    }
}
