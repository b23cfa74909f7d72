//! When keys were last used: remembered in memory, written behind.
//!
//! A key's row is read at each request anyway, and it tells when the key was last used. Only a request that comes a
//! minute after that has anything to remember, so all others pay one comparison, and no key is written more than
//! once a minute, however many servers share the database. What a crash takes with it is a minute of a time that is
//! only meant to tell keys in use from those that are not.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use entity::{ApiKeyId, Timestamp, api_key};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, sea_query::CaseStatement};
use tokio::sync::{mpsc, oneshot};

use crate::store::{Store, again, met_another, pad};

/// How old a stored time gets before a use is stored again, in milliseconds.
const PRECISION: i64 = 60_000;

/// How long uses gather, so that those of many keys are one write.
const GATHER: Duration = Duration::from_secs(5);

/// How many keys one statement writes at most.
const LOT: usize = 128;

/// Uses that are not yet stored: of each key the latest.
type Uses = HashMap<ApiKeyId, Timestamp>;

/// Remembers when keys were used. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct LastUsed {
    uses: Arc<Mutex<Uses>>,
    wake: mpsc::Sender<Wake>,
}

#[derive(Debug)]
enum Wake {
    /// There are uses where there were none.
    Used,
    /// Somebody waits until those that there are now are stored.
    Flush(oneshot::Sender<()>),
}

impl LastUsed {
    /// Starts the task that writes. It ends once every clone is gone and all is stored.
    pub(super) fn spawn(store: Store) -> Self {
        let uses = Arc::default();
        let (wake, waking) = mpsc::channel(64);
        tokio::spawn(write_behind(store, Arc::clone(&uses), waking));
        Self { uses, wake }
    }

    /// Remembers that the key is used now, if its row does not tell so already.
    pub(super) fn note(&self, key: &api_key::Model, now: Timestamp) {
        if key
            .last_used_at
            .is_some_and(|at| now.millis() - at.millis() < PRECISION)
        {
            return;
        }
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = uses.is_empty();
        let at = uses.entry(key.id).or_insert(now);
        *at = now.max(*at);
        drop(uses);
        if is_first {
            // Where there is no room, whoever is woken by what is waiting finds this use too.
            let _ = self.wake.try_send(Wake::Used);
        }
    }

    /// Returns once every use that was remembered before is stored, or could not be.
    pub(super) async fn flushed(&self) {
        let (done, stored) = oneshot::channel();
        if self.wake.send(Wake::Flush(done)).await.is_ok() {
            let _ = stored.await;
        }
    }
}

async fn write_behind(store: Store, uses: Arc<Mutex<Uses>>, mut waking: mpsc::Receiver<Wake>) {
    while let Some(mut wake) = waking.recv().await {
        if matches!(wake, Wake::Used)
            && let Ok(Some(sooner)) = tokio::time::timeout(GATHER, waking.recv()).await
        {
            wake = sooner;
        }
        let taken = std::mem::take(&mut *uses.lock().unwrap_or_else(PoisonError::into_inner));
        let taken: Vec<_> = taken.into_iter().collect();
        for lot in taken.chunks(LOT) {
            if let Err(error) = again(met_another, || write(&store, lot)).await {
                // The rows are as old as before: the next use of each key is remembered again.
                tracing::warn!(%error, "the last uses of keys could not be stored");
            }
        }
        if let Wake::Flush(caller) = wake {
            // A caller that has gone away no longer asks.
            let _ = caller.send(());
        }
    }
}

/// The one place that writes, in its turn.
async fn write(store: &Store, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), DbErr> {
    let uses = pad(uses.to_vec());
    let cases = uses.iter().fold(CaseStatement::new(), |cases, (key, at)| {
        cases.case(api_key::Column::Id.eq(*key), *at)
    });
    let transaction = store.begin().await?;
    api_key::Entity::update_many()
        .col_expr(api_key::Column::LastUsedAt, cases.into())
        .filter(api_key::Column::Id.is_in(uses.iter().map(|(key, _)| *key)))
        .exec(&*transaction)
        .await?;
    transaction.commit().await
}
