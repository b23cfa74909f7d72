//! Forgetting a recipient.

use async_graphql::{Context, Result, SimpleObject, Union};
use entity::api_key::Scope;

use super::{
    error::{Code, internal, principal},
    user_error::{Complaint, InvalidPhoneError},
};
use crate::{
    accounts::Actor,
    app::App,
    clicks::erase::{EraseError, Erased, erase_contact as erase},
};

/// How much was forgotten.
#[derive(Debug, SimpleObject)]
pub(super) struct EraseContactSuccess {
    /// How many links were for the person and no longer say so; 0 where there were none.
    links: i32,
    /// How many clicks of those links no longer say anything of who made them. They count as before.
    clicks: i32,
}

/// How much was forgotten, or that the number is none. Every error is a `UserError`.
#[derive(Debug, Union)]
pub(super) enum EraseContactResult {
    /// Nothing tells of the person any more.
    Success(EraseContactSuccess),
    /// Code `INVALID_PHONE`.
    InvalidPhone(InvalidPhoneError),
}

/// Forgets a recipient of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, `TIMEOUT`, or when the database does not answer.
pub(super) async fn erase_contact(context: &Context<'_>, phone_number: &str) -> Result<EraseContactResult> {
    let actor = Actor::from(principal(context, Scope::Admin)?);
    let app = context.data_unchecked::<App>();
    let changes = app.hosts.changes();
    match erase(
        &app.store,
        &app.aggregator,
        changes,
        actor,
        phone_number,
        app.clock.now(),
    )
    .await
    {
        Ok(Erased { links, clicks }) => Ok(EraseContactSuccess {
            links: links.try_into().unwrap_or(i32::MAX),
            clicks: clicks.try_into().unwrap_or(i32::MAX),
        }
        .into()),
        Err(EraseError::Phone(reason)) => {
            Ok(InvalidPhoneError::from(Complaint::of_path(&["phoneNumber"], &reason)).into())
        }
        Err(EraseError::NotSummed) => Err(Code::Timeout
            .error("Clicks can't be summed now, which comes first; nobody was forgotten, try again later.")),
        Err(EraseError::Database(error)) => Err(internal(error)),
    }
}
