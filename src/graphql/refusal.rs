//! Why no link is made, for doors that speak no GraphQL: the same codes, statuses and words as in the result's union.

use std::io;

use async_graphql::{Error, resolver_utils::EnumType as _};

use super::{
    create_short_link::{At, CreateShortLinkResult, answer},
    error::Fault,
    user_error::{
        CodeTakenError, ErrorCode, IdCollisionError, IdempotencyConflictError, InvalidCodeError,
        InvalidExpiryError, InvalidIdempotencyKeyError, InvalidMetadataError, InvalidPhoneError,
        InvalidUrlError, ListNotFoundError, MissingListIdentifierError, MissingUrlOrOfferError,
        NoDomainConfiguredError, OfferNotFoundError, ProductNotEnabledError, Told,
    },
};
use crate::links::create::CreateError;

/// A reason that the caller can put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which it is.
    pub reason: Reason,
    /// What is wrong and what to do.
    pub message: String,
}

/// A kind of reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Its code, such as `CODE_TAKEN`.
    pub code: &'static str,
    /// Its HTTP status.
    pub status: u16,
    /// When it is given.
    pub when: &'static str,
}

impl Reason {
    fn of<T: Told>() -> Self {
        let named = ErrorCode::items().iter().find(|item| item.value == T::CODE);
        Self {
            code: named.map_or("", |item| item.name),
            status: T::STATUS,
            when: T::WHEN,
        }
    }
}

/// What is told to a caller for whom no link is made.
///
/// # Errors
/// When it is our fault.
pub fn refused(error: CreateError) -> Result<Refused, Fault> {
    match answer(Err(error), At::Call) {
        Ok(result) => told(&result).ok_or_else(|| Fault::new(io::Error::other("an error that is a success"))),
        Err(error) => Err(fault(&error)),
    }
}

fn fault(error: &Error) -> Fault {
    let fault = error
        .source
        .as_ref()
        .and_then(|source| source.downcast_ref::<Fault>());
    fault
        .cloned()
        .unwrap_or_else(|| Fault::new(io::Error::other(error.message.clone())))
}

macro_rules! reasons {
    ($($member:ident $error:ident),+ $(,)?) => {
        /// Every reason for which no link is made.
        #[must_use]
        pub fn reasons() -> Vec<Reason> {
            vec![$(Reason::of::<$error>()),+]
        }

        fn told(result: &CreateShortLinkResult) -> Option<Refused> {
            match result {
                CreateShortLinkResult::Success(_) => None,
                $(CreateShortLinkResult::$member(error) => Some(Refused {
                    reason: Reason::of::<$error>(),
                    message: error.told().to_owned(),
                }),)+
            }
        }
    };
}

reasons!(
    MissingUrlOrOffer MissingUrlOrOfferError,
    MissingListIdentifier MissingListIdentifierError,
    InvalidUrl InvalidUrlError,
    InvalidPhone InvalidPhoneError,
    InvalidMetadata InvalidMetadataError,
    InvalidCode InvalidCodeError,
    InvalidExpiry InvalidExpiryError,
    InvalidIdempotencyKey InvalidIdempotencyKeyError,
    ProductNotEnabled ProductNotEnabledError,
    OfferNotFound OfferNotFoundError,
    ListNotFound ListNotFoundError,
    NoDomainConfigured NoDomainConfiguredError,
    CodeTaken CodeTakenError,
    IdempotencyConflict IdempotencyConflictError,
    IdCollision IdCollisionError,
);
