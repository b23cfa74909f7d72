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
use entity::{
    AccountId, ApiKeyId, DomainId, OfferId, SendingListId, ShortLinkId, Timestamp, agent_list, api_key,
    domain, offer, sending_list, short_link, user_agent,
};
use sea_orm::DbErr;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::error::unanswered;
use crate::{
    accounts,
    app::App,
    catalog,
    clicks::{
        list,
        report::{Period, Reports, Stats, Subject},
    },
    links::{
        lookup,
        usage::{self, Through, Usage},
    },
    store::Store,
};

/// Reads rows of one account, so that no id can lead to another's.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    store: Store,
    reports: Reports,
    account: AccountId,
    /// When the request came: all of its rows are looked at as of then.
    now: Timestamp,
}

/// Gathers the ids that are asked for at the same time and reads their rows together.
pub(super) type RowLoader = DataLoader<Rows>;

/// A loader for one request of one account.
#[must_use]
pub(super) fn loader(app: &App, account: AccountId) -> RowLoader {
    DataLoader::new(
        Rows {
            store: app.store.clone(),
            reports: app.reports.clone(),
            account,
            now: app.clock.now(),
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
        .map_err(unanswered)
}

impl Loader<ApiKeyId> for Rows {
    type Value = api_key::Model;
    type Error = Arc<DbErr>;

    async fn load(&self, ids: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, Self::Value>, Self::Error> {
        let rows = accounts::keys_by_ids(&self.store.read, self.account, ids).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
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

impl Loader<ShortLinkId> for Rows {
    type Value = short_link::Model;
    type Error = Arc<DbErr>;

    async fn load(&self, ids: &[ShortLinkId]) -> Result<HashMap<ShortLinkId, Self::Value>, Self::Error> {
        let rows = lookup::by_ids(&self.store.read, self.account, ids).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Stands for the figures of a subject in a period; one without clicks in it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Figures {
    pub subject: Subject,
    pub period: Period,
}

impl Loader<Figures> for Rows {
    type Value = Stats;
    type Error = Arc<DbErr>;

    async fn load(&self, all: &[Figures]) -> Result<HashMap<Figures, Self::Value>, Self::Error> {
        let mut subjects: HashMap<Period, Vec<Subject>> = HashMap::new();
        for Figures { subject, period } in all {
            subjects.entry(*period).or_default().push(*subject);
        }
        let mut found = HashMap::with_capacity(all.len());
        for (period, subjects) in subjects {
            let stats = self.reports.stats(self.account, &subjects, period).await?;
            let stats = stats.into_iter();
            found.extend(stats.map(|(subject, stats)| (Figures { subject, period }, stats)));
        }
        Ok(found)
    }
}

/// Stands for the links that redirect at a time through an offer, a list or a domain; one without links has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Using {
    pub through: Through,
    pub id: Uuid,
}

impl Loader<Using> for Rows {
    type Value = Usage;
    type Error = Arc<DbErr>;

    async fn load(&self, all: &[Using]) -> Result<HashMap<Using, Self::Value>, Self::Error> {
        let mut kinds: HashMap<Through, Vec<Uuid>> = HashMap::new();
        for Using { through, id } in all {
            kinds.entry(*through).or_default().push(*id);
        }
        let mut found = HashMap::with_capacity(all.len());
        for (through, ids) in kinds {
            let usage = usage::usage(&self.store.read, self.account, through, &ids, self.now).await?;
            let usage = usage.into_iter();
            found.extend(usage.map(|(id, usage)| (Using { through, id }, usage)));
        }
        Ok(found)
    }
}

/// Stands for the lists whose links live on a domain; one without has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ListsOn(pub DomainId);

impl Loader<ListsOn> for Rows {
    type Value = i64;
    type Error = Arc<DbErr>;

    async fn load(&self, all: &[ListsOn]) -> Result<HashMap<ListsOn, Self::Value>, Self::Error> {
        let domains: Vec<_> = all.iter().map(|on| on.0).collect();
        let lists = usage::lists_on(&self.store.read, self.account, &domains).await?;
        Ok(lists
            .into_iter()
            .map(|(on, lists)| (ListsOn(on), lists))
            .collect())
    }
}

/// Names an agent string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Agent(pub i64);

impl Loader<Agent> for Rows {
    type Value = user_agent::Model;
    type Error = Arc<DbErr>;

    async fn load(&self, ids: &[Agent]) -> Result<HashMap<Agent, Self::Value>, Self::Error> {
        let rows = list::user_agents(&self.store.read, ids.iter().map(|id| id.0).collect()).await?;
        Ok(rows.into_iter().map(|row| (Agent(row.id), row)).collect())
    }
}

/// Names a version of the list of bots' agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AgentList(pub i64);

impl Loader<AgentList> for Rows {
    type Value = agent_list::Model;
    type Error = Arc<DbErr>;

    async fn load(&self, ids: &[AgentList]) -> Result<HashMap<AgentList, Self::Value>, Self::Error> {
        let rows = list::agent_lists(&self.store.read, ids.iter().map(|id| id.0).collect()).await?;
        Ok(rows.into_iter().map(|row| (AgentList(row.id), row)).collect())
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
