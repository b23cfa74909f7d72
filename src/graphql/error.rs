//! Top-level errors: what is no answer to the input.

use std::{borrow::Borrow, error::Error as StdError, fmt::Write as _, sync::Arc};

use async_graphql::{Context, Error, ErrorExtensions, Result};
use entity::api_key::Scope;
use sea_orm::DbErr;

use crate::{accounts::Principal, store};

/// What stands in `extensions.code` of a top-level error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// No key, or one that does not work.
    Unauthenticated,
    /// The account is suspended.
    AccountSuspended,
    /// The key lacks the scope.
    Forbidden,
    /// More work than one request may ask for.
    QueryTooComplex,
    /// Not what the schema or the protocol allows.
    BadRequest,
    /// A document is asked for by its hash, and has yet to be sent with it.
    PersistedQueryNotFound,
    /// The server runs documents of its operator's only, and this is none.
    DocumentNotTrusted,
    /// The schema is asked for, and the server does not tell it.
    IntrospectionDisabled,
    /// A time that ends before it begins, or is too long.
    InvalidPeriod,
    /// Not the name of a time zone.
    InvalidTimezone,
    /// More to group by than a report takes, or the same twice.
    InvalidGrouping,
    /// Something that is named and that the account does not have.
    NotFound,
    /// More different values than a report counts.
    TooManyGroups,
    /// More is asked for in a time than may be.
    RateLimited,
    /// As many subscriptions are open as may be.
    TooManySubscriptions,
    /// Not done in the time that one request may take.
    Timeout,
    /// Our fault.
    Internal,
}

impl Code {
    /// The code as it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::AccountSuspended => "ACCOUNT_SUSPENDED",
            Self::Forbidden => "FORBIDDEN",
            Self::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Self::BadRequest => "BAD_REQUEST",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::DocumentNotTrusted => "DOCUMENT_NOT_TRUSTED",
            Self::IntrospectionDisabled => "INTROSPECTION_DISABLED",
            Self::InvalidPeriod => "INVALID_PERIOD",
            Self::InvalidTimezone => "INVALID_TIMEZONE",
            Self::InvalidGrouping => "INVALID_GROUPING",
            Self::NotFound => "NOT_FOUND",
            Self::TooManyGroups => "TOO_MANY_GROUPS",
            Self::RateLimited => "RATE_LIMITED",
            Self::TooManySubscriptions => "TOO_MANY_SUBSCRIPTIONS",
            Self::Timeout => "TIMEOUT",
            Self::Internal => "INTERNAL",
        }
    }

    /// An error with this code and a message that says what to do.
    pub fn error(self, message: impl Into<String>) -> Error {
        Error::new(message).extend_with(|_, extensions| extensions.set("code", self.as_str()))
    }
}

/// What to do without a key.
pub const NO_KEY: &str = "Send an API key, as the header X-Api-Key or as Authorization: Bearer.";

/// Marks a request that may change nothing, and the error of one that would.
#[derive(Clone, Copy, Debug)]
pub struct ReadOnly;

/// What went wrong inside. The caller sees none of it: the door logs it, once, with the request's id, and
/// masks it.
#[derive(Clone, Debug)]
pub struct Fault(Arc<dyn StdError + Send + Sync>);

impl Fault {
    /// What went wrong.
    pub fn new(error: impl StdError + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }

    /// The error and all it came from, in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        chain(&*self.0)
    }
}

/// An error and all it came from, in one line. Errors of libraries that end with what they came from don't say it twice.
#[must_use]
pub fn chain(error: &dyn StdError) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if !line.ends_with(&text) {
            let _ = write!(line, ": {text}");
        }
        source = error.source();
    }
    line
}

/// An error of ours, to be logged and masked by the door.
pub fn internal(error: impl StdError + Send + Sync + 'static) -> Error {
    let mut masked = Code::Internal.error("Something went wrong on our side; try again.");
    masked.source = Some(Arc::new(Fault::new(error)));
    masked
}

/// What the database did not answer: our fault, unless it was asked for more than it does in the time that it has.
pub fn unanswered(error: impl Borrow<DbErr> + StdError + Send + Sync + 'static) -> Error {
    if store::given_up(error.borrow()) {
        return Code::Timeout.error(
            "The database took too long and was stopped; ask for a shorter period or for less at once.",
        );
    }
    internal(error)
}

/// Who is asking, if they may do what `scope` says.
///
/// # Errors
/// `UNAUTHENTICATED` when no key was sent, `FORBIDDEN` when the key lacks the scope.
pub fn principal<'a>(context: &Context<'a>, scope: Scope) -> Result<&'a Principal> {
    let Some(principal) = context.data_opt::<Arc<Principal>>() else {
        return Err(Code::Unauthenticated.error(NO_KEY));
    };
    if !principal.may(scope) {
        return Err(Code::Forbidden.error(lacks(scope)));
    }
    Ok(principal)
}

/// What to do about a key that lacks a scope.
#[must_use]
pub fn lacks(scope: Scope) -> String {
    let name = match scope {
        Scope::Read => "READ",
        Scope::LinksWrite => "LINKS_WRITE",
        Scope::CatalogWrite => "CATALOG_WRITE",
        Scope::Admin => "ADMIN",
    };
    format!("This key lacks the scope {name}; use one that has it.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Said {
        text: &'static str,
        source: Option<Box<Self>>,
    }

    fn said(texts: &[&'static str]) -> Option<Box<Said>> {
        let (text, rest) = texts.split_first()?;
        let source = said(rest);
        Some(Box::new(Said { text, source }))
    }

    #[test]
    fn a_line_says_all_that_an_error_came_from_once() {
        for (texts, line) in [
            (
                ["not stored", "disk", "full"].as_slice(),
                "not stored: disk: full",
            ),
            (&["not stored: disk", "disk", "full"], "not stored: disk: full"),
            (&["not stored: full", "full", "full"], "not stored: full"),
        ] {
            assert_eq!(chain(&*said(texts).expect("an error")), line);
        }
    }
}
