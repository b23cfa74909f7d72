//! Mutations of offers.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Result, SimpleObject, Union};
use entity::{OfferId, api_key::Scope};
use serde_json::Value;

use super::{
    error::{internal, principal},
    offer::{Offer, OfferPlatform, OfferStatus, PayoutType},
    user_error::{
        Complaint, InvalidExternalIdError, InvalidMetadataError, InvalidNameError, InvalidPayoutError,
        InvalidTrackingUrlError, OfferNotFoundError, blocked,
    },
};
use crate::{
    accounts::Actor,
    app::App,
    catalog::offer::{
        CreateError, InvalidOffer, NewOffer, OfferChange, UpdateError, archive, create, update,
    },
    values::{payout::InvalidPayout, template::InvalidTemplate},
};

/// What an offer is to be. `name` and `trackingUrl` are required; all else is optional.
#[derive(Clone, Debug, InputObject)]
pub struct CreateOfferInput {
    /// What people call it, 1 to 255 characters and no control characters. Two offers may have one name.
    name: String,
    /// Where its links lead: an absolute http or https URL of at most 4,096 bytes, with macros after its host such as
    /// `{{contact.phone}}`, `{{metadata.campaign}}` (both filled when a link is made) or `{{click.id}}` (filled when it is
    /// clicked). The platform's link and click parameters are added by themselves.
    tracking_url: String,
    /// Whose tracking parameters the destination gets; none if null.
    platform: Option<OfferPlatform>,
    /// The offer's id on that platform, 1 to 255 characters and no control characters; what `{{offer.external_id}}` becomes.
    external_id: Option<String>,
    /// What a conversion earns: a decimal number in a string, such as `"12.50"`, with at most 12 digits before the point and
    /// 6 behind it. Needs `payoutCurrency` and `payoutType`.
    payout: Option<String>,
    /// The currency of the payout, three capital letters as in ISO 4217, such as `USD`.
    payout_currency: Option<String>,
    /// What the payout is paid for.
    payout_type: Option<PayoutType>,
    /// Whether bots are to see a preview page on its links; the account's default decides if null.
    filter_bots: Option<bool>,
    /// Whether links may be made for it from the start; `ACTIVE` if null.
    status: Option<OfferStatus>,
    /// What the account keeps with it: a JSON object of at most 4,096 bytes, 5 levels deep. Not what
    /// `{{metadata.KEY}}` reads: that is the link's.
    metadata: Option<Value>,
}

impl From<CreateOfferInput> for NewOffer {
    fn from(input: CreateOfferInput) -> Self {
        Self {
            name: input.name,
            tracking_url: input.tracking_url,
            rest: OfferChange {
                name: None,
                tracking_url: None,
                platform: Some(input.platform.map(Into::into)),
                external_id: Some(input.external_id),
                payout: Some(input.payout),
                payout_currency: Some(input.payout_currency),
                payout_type: Some(input.payout_type.map(Into::into)),
                filter_bots: Some(input.filter_bots),
                status: input.status.map(Into::into),
                metadata: input.metadata.map(Some),
            },
        }
    }
}

/// What is to be different about an offer. What is left out stays; null clears what may be empty and leaves what may not.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateOfferInput {
    /// Which offer: `offer_` and 32 hexadecimal digits.
    id: ID,
    /// Another name, 1 to 255 characters and no control characters.
    name: Option<String>,
    /// Another tracking URL, of the form that `createOffer` takes. Links that were made before keep their destinations.
    tracking_url: Option<String>,
    /// Another platform; null for none.
    platform: MaybeUndefined<OfferPlatform>,
    /// Another id on that platform; null for none.
    external_id: MaybeUndefined<String>,
    /// Another payout, a decimal number in a string, with at most 12 digits before the point and 6 behind it; null removes it with its currency and type.
    payout: MaybeUndefined<String>,
    /// Another currency of the payout, three capital letters as in ISO 4217, such as `USD`.
    payout_currency: MaybeUndefined<String>,
    /// Another thing that the payout is paid for.
    payout_type: MaybeUndefined<PayoutType>,
    /// Whether bots are to see a preview page on links that are made from now on; null leaves it to the account.
    filter_bots: MaybeUndefined<bool>,
    /// Another status: `PAUSED` stops new links for now, `ACTIVE` allows them again, also after archiving.
    status: Option<OfferStatus>,
    /// Merged into what the account keeps with it, key by key: a key's value replaces the one before, a key with null is
    /// removed, other keys stay. Null instead of an object removes all.
    metadata: MaybeUndefined<Value>,
}

impl From<UpdateOfferInput> for OfferChange {
    fn from(input: UpdateOfferInput) -> Self {
        Self {
            name: input.name,
            tracking_url: input.tracking_url,
            platform: input.platform.map_value(Into::into).into(),
            external_id: input.external_id.into(),
            payout: input.payout.into(),
            payout_currency: input.payout_currency.into(),
            payout_type: input.payout_type.map_value(Into::into).into(),
            filter_bots: input.filter_bots.into(),
            status: input.status.map(Into::into),
            metadata: input.metadata.into(),
        }
    }
}

/// The offer was made.
#[derive(Debug, SimpleObject)]
pub(super) struct CreateOfferSuccess {
    /// The new offer; its `id` is what `createShortLink` takes as `offerId`.
    offer: Offer,
}

/// The offer was changed.
#[derive(Debug, SimpleObject)]
pub(super) struct UpdateOfferSuccess {
    /// The offer as it is now.
    offer: Offer,
}

/// The offer is archived.
#[derive(Debug, SimpleObject)]
pub(super) struct ArchiveOfferSuccess {
    /// The offer, with the status `ARCHIVED`.
    offer: Offer,
}

/// The new offer, or the first thing that is wrong with the input. Every error is a `UserError`.
#[derive(Debug, Union)]
pub(super) enum CreateOfferResult {
    /// It is made.
    Success(CreateOfferSuccess),
    /// Code `INVALID_NAME`.
    InvalidName(InvalidNameError),
    /// Code `INVALID_TRACKING_URL`.
    InvalidTrackingUrl(InvalidTrackingUrlError),
    /// Code `INVALID_EXTERNAL_ID`.
    InvalidExternalId(InvalidExternalIdError),
    /// Code `INVALID_PAYOUT`.
    InvalidPayout(InvalidPayoutError),
    /// Code `INVALID_METADATA`.
    InvalidMetadata(InvalidMetadataError),
}

/// The changed offer, or the first thing that is wrong with the input. Every error is a `UserError`.
#[derive(Debug, Union)]
pub(super) enum UpdateOfferResult {
    /// It is changed.
    Success(UpdateOfferSuccess),
    /// Code `OFFER_NOT_FOUND`.
    OfferNotFound(OfferNotFoundError),
    /// Code `INVALID_NAME`.
    InvalidName(InvalidNameError),
    /// Code `INVALID_TRACKING_URL`.
    InvalidTrackingUrl(InvalidTrackingUrlError),
    /// Code `INVALID_EXTERNAL_ID`.
    InvalidExternalId(InvalidExternalIdError),
    /// Code `INVALID_PAYOUT`.
    InvalidPayout(InvalidPayoutError),
    /// Code `INVALID_METADATA`.
    InvalidMetadata(InvalidMetadataError),
}

/// The archived offer, or that there is none. Every error is a `UserError`.
#[derive(Debug, Union)]
pub(super) enum ArchiveOfferResult {
    /// It is archived.
    Success(ArchiveOfferSuccess),
    /// Code `OFFER_NOT_FOUND`.
    OfferNotFound(OfferNotFoundError),
}

/// Makes an offer of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn create_offer(
    context: &Context<'_>,
    input: CreateOfferInput,
) -> Result<CreateOfferResult> {
    let actor = Actor::from(principal(context, Scope::CatalogWrite)?);
    let app = context.data_unchecked::<App>();
    match create(&app.store, &app.hosts, actor, input.into(), app.clock.now()).await {
        Ok(row) => Ok(CreateOfferSuccess { offer: Offer(row) }.into()),
        Err(CreateError::Invalid(reason)) => Ok(invalid(reason)),
        Err(CreateError::Database(error)) => Err(internal(error)),
    }
}

/// Changes an offer of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn update_offer(
    context: &Context<'_>,
    input: UpdateOfferInput,
) -> Result<UpdateOfferResult> {
    let actor = Actor::from(principal(context, Scope::CatalogWrite)?);
    let app = context.data_unchecked::<App>();
    let not_found = || Ok(OfferNotFoundError::from(Complaint::new(&["input", "id"], NOT_FOUND)).into());
    let Ok(id) = input.id.parse::<OfferId>() else {
        return not_found();
    };
    match update(&app.store, &app.hosts, actor, id, &input.into(), app.clock.now()).await {
        Ok(row) => Ok(UpdateOfferSuccess { offer: Offer(row) }.into()),
        Err(UpdateError::NotFound) => not_found(),
        Err(UpdateError::Invalid(reason)) => Ok(invalid(reason)),
        Err(UpdateError::Database(error)) => Err(internal(error)),
    }
}

/// Archives an offer of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn archive_offer(context: &Context<'_>, id: &ID) -> Result<ArchiveOfferResult> {
    let actor = Actor::from(principal(context, Scope::CatalogWrite)?);
    let app = context.data_unchecked::<App>();
    let row = match id.parse::<OfferId>() {
        Ok(id) => archive(&app.store, actor, id, app.clock.now())
            .await
            .map_err(internal)?,
        Err(_) => None,
    };
    Ok(match row {
        Some(row) => ArchiveOfferSuccess { offer: Offer(row) }.into(),
        None => OfferNotFoundError::from(Complaint::new(&["id"], NOT_FOUND)).into(),
    })
}

const NOT_FOUND: &str = "The account has no offer with this id; take one from the query offers.";

/// What the caller is told, whether an offer is made or changed.
fn invalid<R>(reason: InvalidOffer) -> R
where
    R: From<InvalidNameError>
        + From<InvalidTrackingUrlError>
        + From<InvalidExternalIdError>
        + From<InvalidPayoutError>
        + From<InvalidMetadataError>,
{
    match reason {
        InvalidOffer::Name(reason) => InvalidNameError::from(Complaint::of("name", &reason)).into(),
        InvalidOffer::TrackingUrl(reason) => {
            let complaint = Complaint::of("trackingUrl", &reason);
            let unknown_macros = match reason {
                InvalidTemplate::UnknownMacros(names) => names,
                InvalidTemplate::MacroInHost | InvalidTemplate::Url(_) => Vec::new(),
            };
            InvalidTrackingUrlError::from(complaint.with_unknown_macros(unknown_macros)).into()
        }
        InvalidOffer::Blocked(list) => {
            InvalidTrackingUrlError::from(Complaint::new(&["input", "trackingUrl"], blocked(list))).into()
        }
        InvalidOffer::Loop => InvalidTrackingUrlError::from(Complaint::new(
            &["input", "trackingUrl"],
            "It leads to a domain of this server, so each of the offer's links would lead in a circle; give the final \
             destination.",
        ))
        .into(),
        InvalidOffer::ExternalId(_) => InvalidExternalIdError::from(Complaint::new(
            &["input", "externalId"],
            "An external id has 1 to 255 characters and no control characters; null is for none.",
        ))
        .into(),
        InvalidOffer::Payout(reason) => {
            let field = match reason {
                InvalidPayout::Amount | InvalidPayout::NoAmount => "payout",
                InvalidPayout::Currency | InvalidPayout::NoCurrency => "payoutCurrency",
                InvalidPayout::NoType => "payoutType",
            };
            InvalidPayoutError::from(Complaint::of(field, &reason)).into()
        }
        InvalidOffer::Metadata(reason) => {
            InvalidMetadataError::from(Complaint::of("metadata", &reason)).into()
        }
    }
}
