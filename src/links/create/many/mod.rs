//! Many links by one call.

mod input;
mod makes;

use entity::{Timestamp, account, audit_entry::Action};
use sea_orm::DbErr;

use self::{input::parse, makes::Makes};
use super::{CreateError, Created, Making, NewShortLink, Tools};
use crate::{
    accounts::Actor,
    links::idempotency::InvalidIdempotencyKey,
    store::{ReadError, WriteError},
};

/// The most links of one call.
pub const MAX_ITEMS: usize = 1000;

/// What a caller asks for who wants many links, unchecked.
#[derive(Clone, Debug, Default)]
pub struct NewShortLinks {
    /// What holds for each link that does not say otherwise.
    pub defaults: Option<NewShortLink>,
    /// The links.
    pub items: Vec<NewShortLink>,
    /// Makes the whole call safe to repeat.
    pub idempotency_key: Option<String>,
}

/// Why none of the links was made, or nobody knows which.
#[derive(Debug, thiserror::Error)]
pub enum CreateManyError {
    /// None, or more than [`MAX_ITEMS`].
    #[error("a call makes 1 to {MAX_ITEMS} links, not {0}")]
    Size(usize),
    /// A code can't be that of each link.
    #[error("a code is one link's")]
    CodeInDefaults,
    /// Nor can an idempotency key.
    #[error("an idempotency key is one link's or the call's")]
    KeyInDefaults,
    /// The call's idempotency key is none.
    #[error(transparent)]
    InvalidIdempotencyKey(#[from] InvalidIdempotencyKey),
    /// The call's idempotency key was used with another input.
    #[error("the idempotency key was used with another input")]
    IdempotencyConflict,
    /// The account has no short links.
    #[error("the account lacks the SMS product")]
    ProductNotEnabled,
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
    /// The database did not answer one of many readers.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Links were not stored; those before them were.
    #[error("links were not stored")]
    Write(#[from] WriteError),
}

/// What became of each link of a call, in the order of the input.
pub type Results = Vec<Result<Created, CreateError>>;

/// Makes many links for the account, each as [`create`](super::create) would with what it and the defaults say: what is
/// wrong with one costs the others nothing. Links that an earlier call with the same idempotency key made are found again,
/// and only the others made.
///
/// They are stored in steps, each with an entry of the audit log: a server that ends in the middle has stored the first ones,
/// and the same call sent again with its key makes the rest.
///
/// # Errors
/// With what is wrong with the call itself. Links may have been made only if the database did not answer.
pub async fn create_many(
    tools: Tools<'_>,
    account: &account::Model,
    actor: Actor,
    new: NewShortLinks,
    now: Timestamp,
) -> Result<Results, CreateManyError> {
    let making = Making {
        tools,
        account,
        actor,
        now,
    };
    let (call, items) = parse(new)?;
    let mut makes = Makes::of(making, call, items.len());
    let left = makes.begin(items).await?;
    makes.make(left, Action::ShortLinksCreated).await?;
    Ok(makes.in_order())
}

/// Makes links that the operator brings along, each with an idempotency key of its own.
///
/// # Errors
/// When the account lacks the product, or the database did not answer.
pub(in crate::links) async fn bring_many(
    tools: Tools<'_>,
    account: &account::Model,
    items: Vec<NewShortLink>,
    now: Timestamp,
) -> Result<Results, CreateManyError> {
    let mut makes = Makes::of(Making::by_operator(tools, account, now), None, items.len());
    let left = makes.begin(items).await?;
    makes.make(left, Action::ShortLinksImported).await?;
    Ok(makes.in_order())
}

/// What [`bring_many`] would do: the links as they would be, apart from random codes that are in use.
///
/// # Errors
/// As it.
pub(in crate::links) async fn try_many(
    tools: Tools<'_>,
    account: &account::Model,
    items: Vec<NewShortLink>,
    now: Timestamp,
) -> Result<Results, CreateManyError> {
    let mut makes = Makes::of(Making::by_operator(tools, account, now), None, items.len());
    let left = makes.begin(items).await?;
    makes.try_out(left).await?;
    Ok(makes.in_order())
}
