//! `createShortLink`: from its input to what the domain takes, and from there to its result.

use async_graphql::{Context, Description, ID, InputObject, Object, Result, Union};
use chrono::{DateTime, Utc};
use entity::api_key::Scope;
use serde_json::Value;

use super::{
    error::{internal, principal},
    short_link::ShortLink,
    user_error::{
        CodeTakenError, Complaint, IdCollisionError, IdempotencyConflictError, InvalidCodeError,
        InvalidExpiryError, InvalidIdempotencyKeyError, InvalidMetadataError, InvalidPhoneError,
        InvalidUrlError, ListNotFoundError, MissingListIdentifierError, MissingUrlOrOfferError,
        NoDomainConfiguredError, OfferNotFoundError, ProductNotEnabledError, blocked,
    },
};
use crate::{
    app::App,
    links::create::{CreateError, Created, Field, NewShortLink, create},
};

/// What a short link is to be. Give `url` or `offerId`, and `listId` or `phoneNumber`; all else is optional.
#[derive(Clone, Debug, InputObject)]
pub struct CreateShortLinkInput {
    /// Where the link leads: an absolute http or https URL of at most 4,096 bytes. Required unless `offerId`
    /// is given, and ignored then. Not a template: braces are percent-encoded.
    url: Option<String>,
    /// An active offer of the account, whose tracking URL the link leads to. Wins over `url`.
    offer_id: Option<ID>,
    /// The sending list that the link is sent from, by its number in the account. Required unless
    /// `phoneNumber` is given, which it wins over.
    list_id: Option<i32>,
    /// The sending list that the link is sent from, by its phone number, E.164 such as `+18005551234`.
    phone_number: Option<String>,
    /// The recipient, E.164; kept with the link, and what `{{contact.phone}}` in an offer becomes.
    contact_phone: Option<String>,
    /// What clicks are attributed to: a JSON object of at most 4,096 bytes, 5 levels deep, such as
    /// `{"campaign": "spring"}`. `{{metadata.campaign}}` in an offer becomes its value.
    metadata: Option<Value>,
    /// The code that the link is to have, 3 to 64 of `A-Z a-z 0-9 _ -`, none that the server uses itself, such as
    /// `graphql`. Seven random letters and digits unless given.
    code: Option<String>,
    /// Whether bots are to see a preview page instead of being sent on: it has the list's brand and a `Continue`, which
    /// counts as a person's click. The offer's setting decides if null, then the account's.
    filter_bots: Option<bool>,
    /// From when on visitors get a 410 page, or `fallbackUrl`. In the future, the year 9999 at the latest.
    expires_at: Option<DateTime<Utc>>,
    /// How many people the link lets through; at least 1. Those after them get a 410 page, or `fallbackUrl`. Bots pass, and
    /// use nothing of it up.
    max_clicks: Option<i32>,
    /// Where visitors are sent once the link no longer redirects, of the same form as `url`. The domain's
    /// decides if null.
    fallback_url: Option<String>,
    /// Makes the call safe to repeat: a call with the same key and input within 24 hours answers the link that
    /// the first one made, a call with another input `IdempotencyConflictError`. 1 to 255 characters; only
    /// successes are remembered.
    idempotency_key: Option<String>,
}

impl From<CreateShortLinkInput> for NewShortLink {
    fn from(input: CreateShortLinkInput) -> Self {
        Self {
            url: input.url,
            offer_id: input.offer_id.map(|id| id.0),
            list_id: input.list_id,
            phone_number: input.phone_number,
            contact_phone: input.contact_phone,
            metadata: input.metadata,
            code: input.code,
            filter_bots: input.filter_bots,
            expires_at: input.expires_at,
            max_clicks: input.max_clicks,
            fallback_url: input.fallback_url,
            idempotency_key: input.idempotency_key,
        }
    }
}

/// The short link, ready to be sent.
#[derive(Debug, Description)]
pub(super) struct CreateShortLinkSuccess(Created);

#[Object(use_type_description)]
impl CreateShortLinkSuccess {
    /// What to send to recipients, such as `https://go.example.com/Ab3kX9q`.
    async fn short_url(&self) -> String {
        self.0.domain.short_url(&self.0.link.code)
    }

    /// The link's code on its domain, such as `Ab3kX9q`.
    async fn link_id(&self) -> &str {
        &self.0.link.code
    }

    /// Where recipients land. Macros of click time, such as `{{click.id}}`, stand in it literally.
    async fn destination_url(&self) -> &str {
        &self.0.link.destination
    }

    /// The host of `shortUrl`.
    async fn domain(&self) -> &str {
        &self.0.domain.host
    }

    /// The offer that the link leads to; null if it was made with `url`.
    async fn offer_id(&self) -> Option<ID> {
        self.0.link.offer_id.map(|id| id.to_string().into())
    }

    /// Whether bots see a preview page instead of being sent on: as asked for, else as the offer or the account has it.
    async fn filter_bots(&self) -> bool {
        self.0.link.filter_bots
    }

    /// Whether `idempotencyKey` was used before, and this is the link that it made then.
    async fn replayed(&self) -> bool {
        self.0.replayed
    }

    /// The whole link.
    async fn short_link(&self) -> ShortLink {
        ShortLink(self.0.link.clone())
    }
}

/// The short link, or the first thing that is wrong with the input. Every error is a `UserError`.
#[derive(Debug, Union)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is made once and moved once; a box would cost more"
)]
pub(super) enum CreateShortLinkResult {
    /// It is made.
    Success(CreateShortLinkSuccess),
    /// Code `MISSING_URL_OR_OFFER`.
    MissingUrlOrOffer(MissingUrlOrOfferError),
    /// Code `MISSING_LIST_IDENTIFIER`.
    MissingListIdentifier(MissingListIdentifierError),
    /// Code `INVALID_URL`.
    InvalidUrl(InvalidUrlError),
    /// Code `INVALID_PHONE`.
    InvalidPhone(InvalidPhoneError),
    /// Code `INVALID_METADATA`.
    InvalidMetadata(InvalidMetadataError),
    /// Code `INVALID_CODE`.
    InvalidCode(InvalidCodeError),
    /// Code `INVALID_EXPIRY`.
    InvalidExpiry(InvalidExpiryError),
    /// Code `INVALID_IDEMPOTENCY_KEY`.
    InvalidIdempotencyKey(InvalidIdempotencyKeyError),
    /// Code `PRODUCT_NOT_ENABLED`.
    ProductNotEnabled(ProductNotEnabledError),
    /// Code `OFFER_NOT_FOUND`.
    OfferNotFound(OfferNotFoundError),
    /// Code `LIST_NOT_FOUND`.
    ListNotFound(ListNotFoundError),
    /// Code `NO_DOMAIN_CONFIGURED`.
    NoDomainConfigured(NoDomainConfiguredError),
    /// Code `CODE_TAKEN`.
    CodeTaken(CodeTakenError),
    /// Code `IDEMPOTENCY_CONFLICT`.
    IdempotencyConflict(IdempotencyConflictError),
    /// Code `ID_COLLISION`.
    IdCollision(IdCollisionError),
}

/// Makes a short link for the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn create_short_link(
    context: &Context<'_>,
    input: CreateShortLinkInput,
) -> Result<CreateShortLinkResult> {
    let principal = principal(context, Scope::LinksWrite)?;
    let app = context.data_unchecked::<App>();
    let made = create(
        app.link_tools(),
        &principal.account,
        principal.into(),
        input.into(),
        app.clock.now(),
    );
    answer(made.await, At::Call)
}

/// Where in the arguments a link stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    /// It is the only one of the call.
    Call,
    /// It is one of many.
    Item(usize),
}

impl At {
    /// The path of a field of the link, or of all of it.
    fn path<R>(self, field: Option<&str>, complain: impl FnOnce(&[&str]) -> R) -> R {
        match self {
            Self::Call => complain(&["input"].into_iter().chain(field).collect::<Vec<_>>()),
            Self::Item(at) => {
                let at = at.to_string();
                complain(
                    &["input", "items", &at]
                        .into_iter()
                        .chain(field)
                        .collect::<Vec<_>>(),
                )
            }
        }
    }

    fn whole(self, message: &str) -> Complaint {
        self.path(None, |path| Complaint::new(path, message))
    }

    fn about(self, field: &str, message: String) -> Complaint {
        self.path(Some(field), |path| Complaint::new(path, message))
    }

    fn of(self, field: &str, reason: &impl ToString) -> Complaint {
        self.path(Some(field), |path| Complaint::of_path(path, reason))
    }
}

/// What the caller is told: each reason that they can put right is a member of the union.
pub(super) fn answer(
    made: std::result::Result<Created, CreateError>,
    at: At,
) -> Result<CreateShortLinkResult> {
    let about = |field: &str, message: String| at.about(field, message);
    let input = |message: &str| at.whole(message);
    let error = match made {
        Ok(created) => return Ok(CreateShortLinkSuccess(created).into()),
        Err(error) => error,
    };
    Ok(match error {
        CreateError::MissingUrlOrOffer => {
            MissingUrlOrOfferError::from(input("Give url or offerId: one says where the link leads.")).into()
        }
        CreateError::MissingListIdentifier => MissingListIdentifierError::from(input(
            "Give listId or phoneNumber: one says which sending list the link is sent from.",
        ))
        .into(),
        CreateError::InvalidUrl(field @ Field::OfferId, reason) => InvalidUrlError::from(about(
            field.name(),
            format!("The offer's tracking URL gives no usable destination: {reason}."),
        ))
        .into(),
        CreateError::InvalidUrl(field, reason) => {
            InvalidUrlError::from(about(field.name(), format!("{} can't be used: {reason}.", field.name()))).into()
        }
        CreateError::Blocked(field, list) => InvalidUrlError::from(about(field.name(), blocked(list))).into(),
        CreateError::Loop(field) => InvalidUrlError::from(about(
            field.name(),
            "It leads to a domain of this server, so the link would lead in a circle; give its final destination."
                .to_owned(),
        ))
        .into(),
        CreateError::InvalidPhone(field, reason) => {
            InvalidPhoneError::from(about(field.name(), format!("{} can't be used: {reason}.", field.name()))).into()
        }
        CreateError::InvalidMetadata(reason) => {
            InvalidMetadataError::from(at.of("metadata", &reason)).into()
        }
        CreateError::InvalidCode(reason) => {
            InvalidCodeError::from(at.of("code", &reason)).into()
        }
        CreateError::InvalidExpiry(field) => {
            let message = match field {
                Field::MaxClicks => "maxClicks must be at least 1; leave it out for any number.",
                _ => {
                    "expiresAt must be in the future and no later than the year 9999; leave it out for a link that \
                     does not expire."
                },
            };
            InvalidExpiryError::from(about(field.name(), message.to_owned())).into()
        }
        CreateError::InvalidIdempotencyKey(reason) => InvalidIdempotencyKeyError::from(at.of("idempotencyKey", &reason)).into(),
        CreateError::ProductNotEnabled => ProductNotEnabledError::from(input(
            "This account lacks the SMS product; ask the operator of the server to enable it.",
        ))
        .into(),
        CreateError::OfferNotFound => OfferNotFoundError::from(about(
            "offerId",
            "No active offer has this id; take one from the query offers.".to_owned(),
        ))
        .into(),
        CreateError::ListNotFound(field) => ListNotFoundError::from(about(
            field.name(),
            format!("No active sending list has this {}; take one from the query sendingLists.", field.name()),
        ))
        .into(),
        CreateError::NoDomainConfigured(field) => NoDomainConfiguredError::from(about(
            field.name(),
            "This sending list has no active domain; give it one, or send from another list.".to_owned(),
        ))
        .into(),
        CreateError::CodeTaken => CodeTakenError::from(about(
            "code",
            "This code is in use on the list's domain; choose another, or leave it out for a random one.".to_owned(),
        ))
        .into(),
        CreateError::IdempotencyConflict => IdempotencyConflictError::from(about(
            "idempotencyKey",
            "This key was used with another input within 24 hours; use a new key for a new link.".to_owned(),
        ))
        .into(),
        CreateError::IdCollision => IdCollisionError::from(input(
            "Every code that was drawn is in use; nothing was stored, send the same call again.",
        ))
        .into(),
        CreateError::Database(error) => return Err(internal(error)),
        CreateError::Read(error) => return Err(internal(error)),
        CreateError::Write(error) => return Err(internal(error)),
    })
}
