//! What an account sends with: offers, sending lists, domains.

use entity::{AccountId, Owned};
use sea_orm::{ActiveModelBehavior, ActiveModelTrait, DbErr, IntoActiveModel, Value, sea_query::Expr};

use crate::{
    accounts::locked,
    store::{Store, again, met_another},
};

mod changes;
pub mod domain;
pub mod list;
pub mod offer;
pub mod sending_list;

pub use self::changes::Changes;

/// Sets one column of the row of the account that `which` names, and answers the row; `None` where there is none. What
/// is to be done `then` is done once it is stored.
///
/// # Errors
/// When the database does not answer.
async fn set<E>(
    store: &Store,
    account: AccountId,
    which: Expr,
    (column, value): (E::Column, Value),
    then: impl Fn() + Clone + Send + 'static,
) -> Result<Option<E::Model>, DbErr>
where
    E: Owned,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelBehavior + Send,
{
    let changed = again(met_another, async || {
        let transaction = store.begin().await?;
        let Some(row) = locked::<E>(&transaction, account, which.clone()).await? else {
            return Ok(None);
        };
        let mut row = row.into_active_model();
        row.set(column, value.clone());
        let row = row.update(&*transaction).await?;
        transaction.commit_then(then.clone()).await?;
        Ok(Some(row))
    });
    changed.await
}
