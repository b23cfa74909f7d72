//! Switching links off and on, and archiving them for good.

use entity::{ShortLinkId, Timestamp, audit_entry::Action, short_link};
use sea_orm::{ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, DbErr, IntoActiveModel as _};

use super::Tools;
use crate::{
    accounts::{Actor, audit, locked},
    store::{again, met_another},
};

/// Why a link was not switched off or on.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// The account has no link with that id.
    #[error("no such short link")]
    NotFound,
    /// It is archived, which is final.
    #[error("the short link is archived")]
    Archived,
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

/// Switches a link of the account off; one that is off stays so.
///
/// # Errors
/// When there is none with that id, or it is archived.
pub async fn disable(
    tools: Tools<'_>,
    actor: Actor,
    id: ShortLinkId,
    now: Timestamp,
) -> Result<short_link::Model, SwitchError> {
    let to = (short_link::Status::Disabled, Action::ShortLinkDisabled);
    switch(tools, actor, id, to, now).await
}

/// Switches a link of the account on again; one that is on stays so.
///
/// # Errors
/// When there is none with that id, or it is archived.
pub async fn enable(
    tools: Tools<'_>,
    actor: Actor,
    id: ShortLinkId,
    now: Timestamp,
) -> Result<short_link::Model, SwitchError> {
    let to = (short_link::Status::Active, Action::ShortLinkEnabled);
    switch(tools, actor, id, to, now).await
}

/// Archives a link of the account for good; one that is archived stays so. `None` where the account has none with that id.
///
/// # Errors
/// When the database does not answer.
pub async fn archive(
    tools: Tools<'_>,
    actor: Actor,
    id: ShortLinkId,
    now: Timestamp,
) -> Result<Option<short_link::Model>, DbErr> {
    let to = (short_link::Status::Archived, Action::ShortLinkArchived);
    match switch(tools, actor, id, to, now).await {
        Ok(link) => Ok(Some(link)),
        Err(SwitchError::NotFound | SwitchError::Archived) => Ok(None),
        Err(SwitchError::Database(error)) => Err(error),
    }
}

async fn switch(
    Tools { store, hosts }: Tools<'_>,
    actor: Actor,
    id: ShortLinkId,
    (status, action): (short_link::Status, Action),
    now: Timestamp,
) -> Result<short_link::Model, SwitchError> {
    let in_the_way =
        |error: &SwitchError| matches!(error, SwitchError::Database(error) if met_another(error));
    let switched = again(in_the_way, async || {
        let transaction = store.begin().await?;
        let which = short_link::Column::Id.eq(id);
        let before = locked::<short_link::Entity>(&transaction, actor.account, which).await?;
        let before = before.ok_or(SwitchError::NotFound)?;
        if before.status == status {
            return Ok(before);
        }
        if before.status == short_link::Status::Archived {
            return Err(SwitchError::Archived);
        }
        let mut row = before.clone().into_active_model();
        row.status = Set(status);
        let after = row.update(&*transaction).await?;
        audit::record(&*transaction, actor, action, Some(&before), &after, now).await?;
        let (changes, code) = (hosts.changes().clone(), after.code.clone());
        transaction
            .commit_then(move || changes.note_edited_link(&code))
            .await?;
        Ok(after)
    });
    switched.await
}
