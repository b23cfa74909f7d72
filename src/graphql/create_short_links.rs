//! `createShortLinks`: many links by one call.

use async_graphql::{Context, Description, InputObject, Object, Result, Union};
use entity::api_key::Scope;

use super::{
    create_short_link::{At, CreateShortLinkInput, CreateShortLinkResult, answer},
    error::{internal, principal},
    user_error::{
        Complaint, IdempotencyConflictError, InvalidBatchSizeError, InvalidCodeError,
        InvalidIdempotencyKeyError, ProductNotEnabledError,
    },
};
use crate::{
    apart::give_way,
    app::App,
    links::create::{CreateManyError, MAX_ITEMS, NewShortLinks, create_many},
};

/// Many short links, and what they have in common.
#[derive(Clone, Debug, InputObject)]
pub(super) struct CreateShortLinksInput {
    /// What holds for each link that does not say otherwise itself; a null of a link is as good as nothing said. A link
    /// with a `url` and no `offerId` does not get the `offerId` from here, which would win over it, and one with a
    /// `phoneNumber` and no `listId` not the `listId`. Metadata is put together key by key: the link's value wins, and its
    /// null leaves the key out. `code` and `idempotencyKey` can't stand here.
    defaults: Option<CreateShortLinkInput>,
    /// The links to make, 1 to 1,000 of them. Each may have an `idempotencyKey` of its own, which works as in
    /// `createShortLink`; two with the same `code` are one link and one `CodeTakenError`.
    items: Vec<CreateShortLinkInput>,
    /// Makes the whole call safe to repeat: the same call with the same key within 24 hours answers the links that were
    /// made before, with `replayed`, and tries those again that failed; a call with other links or defaults answers
    /// `IdempotencyConflictError`. 1 to 255 characters.
    idempotency_key: Option<String>,
}

/// What became of each link.
#[derive(Debug, Description)]
pub(super) struct CreateShortLinksSuccess {
    results: Vec<CreateShortLinkResult>,
    created: usize,
}

#[Object(use_type_description)]
impl CreateShortLinksSuccess {
    /// What became of each link, in the order of `items`: what `createShortLink` answers for what the link and the
    /// defaults say. The `path` of an error says which it is, such as `["input", "items", "3", "url"]`. However many there
    /// are, a field costs one point of complexity; but `clicks` of each link and `usage` of what it leads through cost what
    /// they cost once for every ten links of the call, so ask for those later, of the links that you need them of.
    async fn results(&self) -> &[CreateShortLinkResult] {
        &self.results
    }

    /// How many of the results are links, those that an idempotency key found again too.
    async fn created(&self) -> usize {
        self.created
    }

    /// How many of the results are errors. Nothing is stored of these.
    async fn failed(&self) -> usize {
        self.results.len() - self.created
    }
}

/// What became of each link, or what is wrong with the call as a whole: then nothing is stored.
#[derive(Debug, Union)]
pub(super) enum CreateShortLinksResult {
    /// Each link is made or refused by itself.
    Success(CreateShortLinksSuccess),
    /// Code `INVALID_BATCH_SIZE`.
    InvalidBatchSize(InvalidBatchSizeError),
    /// Code `INVALID_CODE`.
    InvalidCode(InvalidCodeError),
    /// Code `INVALID_IDEMPOTENCY_KEY`.
    InvalidIdempotencyKey(InvalidIdempotencyKeyError),
    /// Code `IDEMPOTENCY_CONFLICT`.
    IdempotencyConflict(IdempotencyConflictError),
    /// Code `PRODUCT_NOT_ENABLED`.
    ProductNotEnabled(ProductNotEnabledError),
}

/// Makes many short links for the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn create_short_links(
    context: &Context<'_>,
    input: CreateShortLinksInput,
) -> Result<CreateShortLinksResult> {
    let principal = principal(context, Scope::LinksWrite)?;
    let app = context.data_unchecked::<App>();
    let new = NewShortLinks {
        defaults: input.defaults.map(Into::into),
        items: input.items.into_iter().map(Into::into).collect(),
        idempotency_key: input.idempotency_key,
    };
    let made = create_many(
        app.link_tools(),
        &principal.account,
        principal.into(),
        new,
        app.clock.now(),
    );
    let made = match made.await {
        Ok(made) => made,
        Err(error) => return refuse(error),
    };
    // A thousand links are a long answer.
    give_way().await;
    let created = made.iter().filter(|result| result.is_ok()).count();
    let results = made
        .into_iter()
        .enumerate()
        .map(|(at, result)| answer(result, At::Item(at)))
        .collect::<Result<_>>()?;
    Ok(CreateShortLinksSuccess { results, created }.into())
}

/// What the caller is told who can put the whole call right.
fn refuse(error: CreateManyError) -> Result<CreateShortLinksResult> {
    Ok(match error {
        CreateManyError::Size(size) => InvalidBatchSizeError::from(Complaint::new(
            &["input", "items"],
            format!("A call makes 1 to {MAX_ITEMS} links, not {size}; send more in several calls."),
        ))
        .into(),
        CreateManyError::CodeInDefaults => InvalidCodeError::from(Complaint::new(
            &["input", "defaults", "code"],
            "A code belongs to one link; move it to an item.",
        ))
        .into(),
        CreateManyError::KeyInDefaults => InvalidIdempotencyKeyError::from(Complaint::new(
            &["input", "defaults", "idempotencyKey"],
            "A key for one link belongs to an item; for the whole call, move it out of the defaults.",
        ))
        .into(),
        CreateManyError::InvalidIdempotencyKey(reason) => {
            InvalidIdempotencyKeyError::from(Complaint::of("idempotencyKey", &reason)).into()
        }
        CreateManyError::IdempotencyConflict => IdempotencyConflictError::from(Complaint::new(
            &["input", "idempotencyKey"],
            "This key was used with another input within 24 hours; use a new key for another call.",
        ))
        .into(),
        CreateManyError::ProductNotEnabled => ProductNotEnabledError::from(Complaint::new(
            &["input"],
            "This account lacks the SMS product; ask the operator of the server to enable it.",
        ))
        .into(),
        CreateManyError::Database(error) => return Err(internal(error)),
        CreateManyError::Read(error) => return Err(internal(error)),
        CreateManyError::Write(error) => return Err(internal(error)),
    })
}
