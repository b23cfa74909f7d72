//! Mutations of sending lists.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Result, SimpleObject, Union};
use entity::{SendingListId, api_key::Scope};
use serde_json::Value;

use super::{
    error::{internal, principal},
    sending_list::{SendingList, SendingListStatus},
    user_error::{
        Complaint, DomainNotFoundError, InvalidListIdError, InvalidMetadataError, InvalidNameError,
        InvalidPhoneError, ListIdInUseError, ListNotFoundError, PhoneInUseError,
    },
};
use crate::{
    accounts::Actor,
    app::App,
    catalog::sending_list::{
        CreateError, InvalidList, ListChange, NewList, UpdateError, archive, create, update,
    },
};

/// What a sending list is to be. `phoneNumber` and `brandName` are required; all else is optional.
#[derive(Clone, Debug, InputObject)]
pub struct CreateSendingListInput {
    /// Its number in the account, 1 to 2,147,483,647, which no other list of the account has; one more than the highest if
    /// null.
    list_id: Option<i32>,
    /// The number that messages come from, E.164 such as `+18005551234`, which no other list of the account has.
    phone_number: String,
    /// The brand that recipients know, 1 to 255 characters and no control characters; shown on the domain's own pages.
    brand_name: String,
    /// Where its links are to live: the id of an active domain of the account, from the query `domains`. Without one no
    /// link can be made for it.
    domain_id: Option<ID>,
    /// What the account keeps with it: a JSON object of at most 4,096 bytes, 5 levels deep, such as
    /// `{"team": "retention"}`.
    metadata: Option<Value>,
}

impl From<CreateSendingListInput> for NewList {
    fn from(input: CreateSendingListInput) -> Self {
        Self {
            list_id: input.list_id,
            phone_number: input.phone_number,
            brand_name: input.brand_name,
            domain: input.domain_id.map(|id| id.0),
            metadata: input.metadata,
        }
    }
}

/// What is to be different about a sending list. What is left out stays; null clears what may be empty and leaves what
/// may not.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateSendingListInput {
    /// Which list: `list_` and 32 hexadecimal digits; not the `listId`, which may be changed by this.
    id: ID,
    /// Another number in the account, which no other list of it has.
    list_id: Option<i32>,
    /// Another number that messages come from, E.164 such as `+18005551234`.
    phone_number: Option<String>,
    /// Another brand, 1 to 255 characters and no control characters.
    brand_name: Option<String>,
    /// Another domain for links that are made from now on: the id of an active domain of the account; null for none.
    domain_id: MaybeUndefined<ID>,
    /// Another status: `PAUSED` stops new links for now, `ACTIVE` allows them again, also after archiving.
    status: Option<SendingListStatus>,
    /// Merged into what the account keeps with it, key by key: a key with null is removed, keys that are not named stay.
    /// Null instead of an object removes all.
    metadata: MaybeUndefined<Value>,
}

impl From<UpdateSendingListInput> for ListChange {
    fn from(input: UpdateSendingListInput) -> Self {
        Self {
            list_id: input.list_id,
            phone_number: input.phone_number,
            brand_name: input.brand_name,
            status: input.status.map(Into::into),
            domain: input.domain_id.map_value(|id| id.0).into(),
            metadata: input.metadata.into(),
        }
    }
}

/// The sending list was made.
#[derive(Debug, SimpleObject)]
pub(super) struct CreateSendingListSuccess {
    /// The new list; its `listId` is what `createShortLink` takes.
    sending_list: SendingList,
}

/// The sending list was changed.
#[derive(Debug, SimpleObject)]
pub(super) struct UpdateSendingListSuccess {
    /// The list as it is now.
    sending_list: SendingList,
}

/// The sending list is archived.
#[derive(Debug, SimpleObject)]
pub(super) struct ArchiveSendingListSuccess {
    /// The list, with the status `ARCHIVED`.
    sending_list: SendingList,
}

/// The new sending list, or the first thing that is wrong with the input. Every error is a `UserError`.
#[derive(Debug, Union)]
pub(super) enum CreateSendingListResult {
    /// It is made.
    Success(CreateSendingListSuccess),
    /// Code `INVALID_LIST_ID`.
    InvalidListId(InvalidListIdError),
    /// Code `LIST_ID_IN_USE`.
    ListIdInUse(ListIdInUseError),
    /// Code `INVALID_PHONE`.
    InvalidPhone(InvalidPhoneError),
    /// Code `PHONE_IN_USE`.
    PhoneInUse(PhoneInUseError),
    /// Code `INVALID_NAME`.
    InvalidName(InvalidNameError),
    /// Code `DOMAIN_NOT_FOUND`.
    DomainNotFound(DomainNotFoundError),
    /// Code `INVALID_METADATA`.
    InvalidMetadata(InvalidMetadataError),
}

/// The changed sending list, or the first thing that is wrong with the input. Every error is a `UserError`.
#[derive(Debug, Union)]
pub(super) enum UpdateSendingListResult {
    /// It is changed.
    Success(UpdateSendingListSuccess),
    /// Code `LIST_NOT_FOUND`.
    ListNotFound(ListNotFoundError),
    /// Code `INVALID_LIST_ID`.
    InvalidListId(InvalidListIdError),
    /// Code `LIST_ID_IN_USE`.
    ListIdInUse(ListIdInUseError),
    /// Code `INVALID_PHONE`.
    InvalidPhone(InvalidPhoneError),
    /// Code `PHONE_IN_USE`.
    PhoneInUse(PhoneInUseError),
    /// Code `INVALID_NAME`.
    InvalidName(InvalidNameError),
    /// Code `DOMAIN_NOT_FOUND`.
    DomainNotFound(DomainNotFoundError),
    /// Code `INVALID_METADATA`.
    InvalidMetadata(InvalidMetadataError),
}

/// The archived sending list, or that there is none. Every error is a `UserError`.
#[derive(Debug, Union)]
pub(super) enum ArchiveSendingListResult {
    /// It is archived.
    Success(ArchiveSendingListSuccess),
    /// Code `LIST_NOT_FOUND`.
    ListNotFound(ListNotFoundError),
}

/// Makes a sending list of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn create_sending_list(
    context: &Context<'_>,
    input: CreateSendingListInput,
) -> Result<CreateSendingListResult> {
    let actor = Actor::from(principal(context, Scope::CatalogWrite)?);
    let app = context.data_unchecked::<App>();
    match create(&app.store, actor, input.into(), app.clock.now()).await {
        Ok(row) => Ok(CreateSendingListSuccess {
            sending_list: SendingList(row),
        }
        .into()),
        Err(CreateError::Invalid(reason)) => Ok(invalid(&reason)),
        Err(CreateError::Database(error)) => Err(internal(error)),
    }
}

/// Changes a sending list of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn update_sending_list(
    context: &Context<'_>,
    input: UpdateSendingListInput,
) -> Result<UpdateSendingListResult> {
    let actor = Actor::from(principal(context, Scope::CatalogWrite)?);
    let app = context.data_unchecked::<App>();
    let not_found = || Ok(ListNotFoundError::from(Complaint::new(&["input", "id"], NOT_FOUND)).into());
    let Ok(id) = input.id.parse::<SendingListId>() else {
        return not_found();
    };
    match update(
        &app.store,
        app.hosts.changes(),
        actor,
        id,
        &input.into(),
        app.clock.now(),
    )
    .await
    {
        Ok(row) => Ok(UpdateSendingListSuccess {
            sending_list: SendingList(row),
        }
        .into()),
        Err(UpdateError::NotFound) => not_found(),
        Err(UpdateError::Invalid(reason)) => Ok(invalid(&reason)),
        Err(UpdateError::Database(error)) => Err(internal(error)),
    }
}

/// Archives a sending list of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn archive_sending_list(context: &Context<'_>, id: &ID) -> Result<ArchiveSendingListResult> {
    let actor = Actor::from(principal(context, Scope::CatalogWrite)?);
    let app = context.data_unchecked::<App>();
    let row = match id.parse::<SendingListId>() {
        Ok(id) => archive(&app.store, actor, id, app.clock.now())
            .await
            .map_err(internal)?,
        Err(_) => None,
    };
    Ok(match row {
        Some(row) => ArchiveSendingListSuccess {
            sending_list: SendingList(row),
        }
        .into(),
        None => ListNotFoundError::from(Complaint::new(&["id"], NOT_FOUND)).into(),
    })
}

const NOT_FOUND: &str = "The account has no sending list with this id; take one from the query sendingLists.";

/// What the caller is told, whether a list is made or changed.
fn invalid<R>(reason: &InvalidList) -> R
where
    R: From<InvalidListIdError>
        + From<ListIdInUseError>
        + From<InvalidPhoneError>
        + From<PhoneInUseError>
        + From<InvalidNameError>
        + From<DomainNotFoundError>
        + From<InvalidMetadataError>,
{
    let about = |field: &str, message: &str| Complaint::new(&["input", field], message);
    match reason {
        InvalidList::ListId => {
            InvalidListIdError::from(about("listId", "A list's number is at least 1; leave it out for the next one."))
                .into()
        }
        InvalidList::NoListIdLeft => InvalidListIdError::from(about(
            "listId",
            "The highest number that there can be is in use, so none follows it; give one that is free.",
        ))
        .into(),
        InvalidList::ListIdInUse => ListIdInUseError::from(about(
            "listId",
            "Another sending list has this number, maybe an archived one; choose another, or change that list.",
        ))
        .into(),
        InvalidList::Phone(reason) => InvalidPhoneError::from(Complaint::of("phoneNumber", reason)).into(),
        InvalidList::PhoneInUse => PhoneInUseError::from(about(
            "phoneNumber",
            "Another sending list has this phone number, maybe an archived one; find it with the query sendingList and \
             change that one.",
        ))
        .into(),
        InvalidList::BrandName(reason) => InvalidNameError::from(Complaint::of("brandName", reason)).into(),
        InvalidList::DomainNotFound => DomainNotFoundError::from(about(
            "domainId",
            "The account has no active domain with this id; take one from the query domains.",
        ))
        .into(),
        InvalidList::Metadata(reason) => {
            InvalidMetadataError::from(Complaint::of("metadata", reason)).into()
        }
    }
}
