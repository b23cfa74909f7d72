//! Hosts that the operator has blocked, in the database.

use std::sync::Arc;

use entity::{Timestamp, blocked_host};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::Hosts;
use crate::{store::Store, values::host_name::HostName};

/// Hosts as they were read last.
pub(super) struct Stored {
    store: Store,
    /// How many rows there were, and how often they had been changed.
    seen: Option<(i64, i64)>,
    /// Whether it was said that the database does not answer.
    is_said: bool,
}

impl Stored {
    /// Nothing is read yet.
    pub(super) const fn new(store: Store) -> Self {
        Self {
            store,
            seen: None,
            is_said: false,
        }
    }

    /// The hosts that are blocked, where that has changed.
    pub(super) async fn changed(&mut self) -> Option<Hosts> {
        match self.read().await {
            Ok(hosts) => {
                self.is_said = false;
                hosts
            }
            Err(error) => {
                if !self.is_said {
                    tracing::warn!(%error, "blocked hosts can't be read; those that were known stay blocked");
                }
                self.is_said = true;
                None
            }
        }
    }

    async fn read(&mut self) -> Result<Option<Hosts>, DbErr> {
        let seen: Option<(i64, Option<i64>)> = blocked_host::Entity::find()
            .select_only()
            .expr(blocked_host::Column::Host.count())
            .expr(blocked_host::Column::Changes.sum())
            .into_tuple()
            .one(&self.store.read)
            .await?;
        let seen = seen.map(|(rows, changes)| (rows, changes.unwrap_or_default()));
        if seen == self.seen {
            return Ok(None);
        }
        let is_first = self.seen.is_none();
        let hosts: Vec<String> = blocked_host::Entity::find()
            .select_only()
            .column(blocked_host::Column::Host)
            .filter(blocked_host::Column::LiftedAt.is_null())
            .into_tuple()
            .all(&self.store.read)
            .await?;
        self.seen = seen;
        if is_first && hosts.is_empty() {
            return Ok(None);
        }
        let hosts = hosts.into_iter().map(String::into_boxed_str);
        Ok(Some(Arc::new(hosts.collect())))
    }
}

/// Blocks a host with all below it, from the next moment on, and answers its row. One that is blocked stays so, with the
/// reason that is given now.
///
/// # Errors
/// When the database does not answer.
pub async fn block(
    store: &Store,
    host: &HostName,
    reason: Option<String>,
    now: Timestamp,
) -> Result<blocked_host::Model, DbErr> {
    let transaction = store.begin().await?;
    let before = blocked_host::Entity::find_by_id(host.as_str())
        .one(&*transaction)
        .await?;
    let is_blocked = before.as_ref().is_some_and(|row| row.lifted_at.is_none());
    let row = blocked_host::ActiveModel {
        host: Set(host.as_str().to_owned()),
        reason: Set(reason.or_else(|| before.as_ref().filter(|_| is_blocked)?.reason.clone())),
        blocked_at: Set(before
            .as_ref()
            .filter(|_| is_blocked)
            .map_or(now, |row| row.blocked_at)),
        lifted_at: Set(None),
        changes: Set(before.as_ref().map_or(1, |row| row.changes + 1)),
    };
    let row = match before {
        Some(_) => row.update(&*transaction).await?,
        None => row.insert(&*transaction).await?,
    };
    transaction.commit().await?;
    Ok(row)
}

/// Blocks a host no longer, and answers its row; `None` where it was not blocked.
///
/// # Errors
/// When the database does not answer.
pub async fn lift(
    store: &Store,
    host: &HostName,
    now: Timestamp,
) -> Result<Option<blocked_host::Model>, DbErr> {
    let transaction = store.begin().await?;
    let row = blocked_host::Entity::find_by_id(host.as_str())
        .filter(blocked_host::Column::LiftedAt.is_null())
        .one(&*transaction)
        .await?;
    let Some(row) = row else {
        transaction.rollback().await?;
        return Ok(None);
    };
    let lifted = blocked_host::ActiveModel {
        lifted_at: Set(Some(now)),
        changes: Set(row.changes + 1),
        ..row.into()
    };
    let lifted = lifted.update(&*transaction).await?;
    transaction.commit().await?;
    Ok(Some(lifted))
}

/// All hosts that are blocked.
///
/// # Errors
/// When the database does not answer.
pub async fn all(store: &Store) -> Result<Vec<blocked_host::Model>, DbErr> {
    blocked_host::Entity::find()
        .filter(blocked_host::Column::LiftedAt.is_null())
        .order_by_asc(blocked_host::Column::Host)
        .all(&store.read)
        .await
}
