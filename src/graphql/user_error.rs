//! What a caller can put right: the members of result unions that are no success.

use async_graphql::{Description, Enum, Interface, Object};

use crate::catalog::blocked::List;

/// What is wrong, and where.
#[derive(Clone, Debug)]
pub(super) struct Complaint {
    message: String,
    path: Vec<String>,
    unknown_macros: Vec<String>,
}

impl Complaint {
    /// A complaint about the argument at `path`, with a message that says what to do.
    pub(super) fn new(path: &[&str], message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            path: path.iter().map(|&part| part.to_owned()).collect(),
            unknown_macros: Vec::new(),
        }
    }

    /// A complaint about a field of the input, whose reason is made a sentence.
    pub(super) fn of(field: &str, reason: &impl ToString) -> Self {
        Self::of_path(&["input", field], reason)
    }

    /// The same about what is at `path`.
    pub(super) fn of_path(path: &[&str], reason: &impl ToString) -> Self {
        Self::new(path, format!("{}.", capitalised(&reason.to_string())))
    }

    /// The same with the macros that nothing fills.
    pub(super) fn with_unknown_macros(self, unknown_macros: Vec<String>) -> Self {
        Self {
            unknown_macros,
            ..self
        }
    }
}

/// What the caller is told of a URL whose host is blocked.
pub(super) fn blocked(list: List) -> String {
    format!("It can't be used: {list}. Lead to another host, or ask the operator.")
}

/// A reason as a sentence begins.
fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
        .unwrap_or_default()
}

/// What is said by an error of one kind, whichever door says it.
pub(super) trait Told {
    /// Its kind.
    const CODE: ErrorCode;
    /// Its HTTP status.
    const STATUS: u16;
    /// When it is given.
    const WHEN: &'static str;

    /// What is wrong and what to do.
    fn told(&self) -> &str;
}

macro_rules! user_errors {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident, $code:ident, $status:literal, $retryable:literal $(, $(#[doc = $more_doc:literal])+ $more:ident)?;
    )+) => {
        /// Names the kind of a `UserError` for programs; each kind is also a type of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
        pub(super) enum ErrorCode {
            $($(#[doc = $doc])+ $code,)+
        }

        /// Something about the input that the caller can put right. Every error of every result implements
        /// it, so `... on UserError { code message path }` reads them all.
        #[derive(Debug, Interface)]
        #[expect(clippy::enum_variant_names, reason = "a variant is named as its type, and types are named as the API has them")]
        #[graphql(
            field(name = "code", ty = "ErrorCode", desc = "Which error it is, for programs."),
            field(name = "message", ty = "&str", desc = "What is wrong and what to do, for people; its wording may change."),
            field(
                name = "path",
                ty = "&[String]",
                desc = "Where in the arguments it is, such as `[\"input\", \"url\"]`; list positions are written as numbers."
            ),
            field(name = "http_status", ty = "i32", desc = "The HTTP status that a REST API would answer."),
            field(name = "retryable", ty = "bool", desc = "Whether the same call may succeed when it is sent again unchanged.")
        )]
        pub(super) enum UserError {
            $($name($name),)+
        }

        $(
            $(#[doc = $doc])+
            #[derive(Clone, Debug, Description)]
            pub(super) struct $name(Complaint);

            impl From<Complaint> for $name {
                fn from(complaint: Complaint) -> Self {
                    Self(complaint)
                }
            }

            impl Told for $name {
                const CODE: ErrorCode = ErrorCode::$code;
                const STATUS: u16 = $status;
                const WHEN: &'static str = concat!($($doc),+);

                fn told(&self) -> &str {
                    &self.0.message
                }
            }

            #[Object(use_type_description)]
            impl $name {
                /// Which error it is, for programs.
                async fn code(&self) -> ErrorCode {
                    ErrorCode::$code
                }

                /// What is wrong and what to do, for people; its wording may change.
                async fn message(&self) -> &str {
                    &self.0.message
                }

                /// Where in the arguments it is, such as `["input", "url"]`; list positions are written as numbers.
                async fn path(&self) -> &[String] {
                    &self.0.path
                }

                /// The HTTP status that a REST API would answer.
                async fn http_status(&self) -> i32 {
                    $status
                }

                /// Whether the same call may succeed when it is sent again unchanged.
                async fn retryable(&self) -> bool {
                    $retryable
                }

                $(
                    $(#[doc = $more_doc])+
                    async fn $more(&self) -> &[String] {
                        &self.0.$more
                    }
                )?
            }
        )+
    };
}

user_errors! {
    /// Neither `url` nor `offerId` was given.
    MissingUrlOrOfferError, MissingUrlOrOffer, 400, false;
    /// Neither `listId` nor `phoneNumber` was given.
    MissingListIdentifierError, MissingListIdentifier, 400, false;
    /// A URL, or what an offer makes of it, is not an absolute http or https URL; has a user name, control
    /// characters, white space or no host; is over 4,096 bytes; or points at a domain of this server.
    InvalidUrlError, InvalidUrl, 400, false;
    /// A phone number is not a valid E.164 number: `+` and up to 15 digits, nothing else.
    InvalidPhoneError, InvalidPhone, 400, false;
    /// The metadata, or what it comes to with what is stored, is not a JSON object, over 4,096 bytes, nested deeper than
    /// 5, or holds U+0000.
    InvalidMetadataError, InvalidMetadata, 400, false;
    /// The custom code is of the wrong form or reserved.
    InvalidCodeError, InvalidCode, 400, false;
    /// `expiresAt` is not in the future, or of an API key later than the caller's own; or `maxClicks` is below 1.
    InvalidExpiryError, InvalidExpiry, 400, false;
    /// The idempotency key is empty, over 255 characters, or has control characters.
    InvalidIdempotencyKeyError, InvalidIdempotencyKey, 400, false;
    /// A call is to make no link, or more than 1,000.
    InvalidBatchSizeError, InvalidBatchSize, 400, false;
    /// A name is empty, over 255 characters, or has control characters.
    InvalidNameError, InvalidName, 400, false;
    /// A tracking URL is not an absolute http or https URL of at most 4,096 bytes, has a macro before its path or one that
    /// does not exist, or points at a domain of this server.
    InvalidTrackingUrlError, InvalidTrackingUrl, 400, false,
        /// The names between `{{` and `}}` that are no macros, in the order in which they stand; none if something else
        /// is wrong.
        unknown_macros;
    /// An offer's id on its platform is empty, over 255 characters, or has control characters.
    InvalidExternalIdError, InvalidExternalId, 400, false;
    /// A payout is no decimal number, or it lacks its currency or type, or one of these is there without it.
    InvalidPayoutError, InvalidPayout, 400, false;
    /// A list's number in the account is below 1, or none is left above the highest.
    InvalidListIdError, InvalidListId, 400, false;
    /// A filter that says which rows are to be changed says nothing.
    InvalidFilterError, InvalidFilter, 400, false;
    /// A host is more or less than one host with an optional port, a wildcard, or a public suffix such as `co.uk`.
    InvalidHostError, InvalidHost, 400, false;
    /// The name or value of a query parameter is of the wrong form, or there are too many, or two that must differ are the
    /// same.
    InvalidParameterError, InvalidParameter, 400, false;
    /// An API key would get no scope, or one that the caller's own key lacks.
    InvalidScopesError, InvalidScopes, 400, false;
    /// An old key would work beside the one that replaces it for less than no time, or for longer than 30 days.
    InvalidOverlapError, InvalidOverlap, 400, false;
    /// The account lacks the SMS product.
    ProductNotEnabledError, ProductNotEnabled, 403, false;
    /// No offer of the account has that id; where a link is made, no active one.
    OfferNotFoundError, OfferNotFound, 404, false;
    /// No sending list of the account is so named; where a link is made, no active one.
    ListNotFoundError, ListNotFound, 404, false;
    /// No domain of the account has that id; where a list is given one, no active one.
    DomainNotFoundError, DomainNotFound, 404, false;
    /// No API key of the account has that id; where one is replaced, none that works.
    ApiKeyNotFoundError, ApiKeyNotFound, 404, false;
    /// No short link of the account has that id.
    ShortLinkNotFoundError, ShortLinkNotFound, 404, false;
    /// The sending list has no active domain to put links on.
    NoDomainConfiguredError, NoDomainConfigured, 409, false;
    /// The short link is archived, which is final: nothing can be changed about it.
    ShortLinkArchivedError, ShortLinkArchived, 409, false;
    /// The custom code is in use on the domain.
    CodeTakenError, CodeTaken, 409, false;
    /// Another sending list of the account, maybe an archived one, has that phone number.
    PhoneInUseError, PhoneInUse, 409, false;
    /// Another sending list of the account, maybe an archived one, has that number in the account.
    ListIdInUseError, ListIdInUse, 409, false;
    /// A domain of this server, maybe an archived one, has that host.
    HostInUseError, HostInUse, 409, false;
    /// The idempotency key was used with another input within the last 24 hours.
    IdempotencyConflictError, IdempotencyConflict, 422, false;
    /// Every code that was drawn is in use. Nothing was stored; the same call may succeed.
    IdCollisionError, IdCollision, 500, true;
}
