//! What an account sends with: offers, sending lists, domains.

use entity::{Owned, Timestamp, audit_entry::Action};
use sea_orm::{ActiveModelBehavior, ActiveModelTrait, DbErr, IntoActiveModel, Value, sea_query::Expr};

use crate::{
    accounts::{Actor, Audited, audit, locked},
    store::{Store, again, met_another},
};

pub mod blocked;
mod changes;
pub mod domain;
pub mod list;
pub mod offer;
pub mod sending_list;

pub use self::changes::Changes;

/// Sets one column of the row of the account that `which` names, writes down that this `action` was done, and answers the
/// row; `None` where there is none. What is to be done `then` is done once it is stored.
///
/// # Errors
/// When the database does not answer.
async fn set<E>(
    store: &Store,
    (actor, action, now): (Actor, Action, Timestamp),
    which: Expr,
    (column, value): (E::Column, Value),
    then: impl Fn() + Clone + Send + 'static,
) -> Result<Option<E::Model>, DbErr>
where
    E: Owned,
    E::Model: IntoActiveModel<E::ActiveModel> + Audited,
    E::ActiveModel: ActiveModelBehavior + Send,
{
    let changed = again(met_another, async || {
        let transaction = store.begin().await?;
        let Some(before) = locked::<E>(&transaction, actor.account, which.clone()).await? else {
            return Ok(None);
        };
        let mut row = before.clone().into_active_model();
        row.set(column, value.clone());
        let row = row.update(&*transaction).await?;
        audit::record(&*transaction, actor, action, Some(&before), &row, now).await?;
        transaction.commit_then(then.clone()).await?;
        Ok(Some(row))
    });
    changed.await
}
