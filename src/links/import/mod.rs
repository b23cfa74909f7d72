//! Links of another system, brought along: those that an operator has in a file.
//!
//! Each is made as `createShortLinks` would make it, with an idempotency key of its own that comes of its line: so the same
//! file may be given again within [`HOURS`](idempotency::HOURS), also after it was stopped in the middle.

mod columns;

use entity::{Timestamp, account};

pub use self::columns::{Columns, WrongColumns, WrongValue, link_of};
use super::{
    create::{CreateError, CreateManyError, NewShortLink, Tools, bring_many, try_many},
    idempotency,
};
use crate::store::WriteError;

/// The most bytes of a line that asks for a link.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;

/// How many links are made together.
pub const LOT: usize = 512;

/// A link of a file, with the number of its line.
pub type Numbered = (u64, NewShortLink);

/// What became of a link of a file.
#[derive(Debug)]
pub enum Brought {
    /// It is made, or would be.
    Made,
    /// It was made before.
    Skipped,
    /// It can't be made.
    Refused(CreateError),
}

/// Makes links of an account, and answers what became of each, in their order. A dry run stores none.
///
/// # Errors
/// When the account lacks the product, or the database did not answer.
pub async fn bring(
    tools: Tools<'_>,
    account: &account::Model,
    (file, lot): (i64, Vec<Numbered>),
    is_dry_run: bool,
    now: Timestamp,
) -> Result<Vec<Brought>, CreateManyError> {
    let mut items = Vec::with_capacity(lot.len());
    for (line, mut new) in lot {
        let input = serde_json::to_value(&new).map_err(WriteError::from)?;
        // Two lines that say the same are two links, and so are those of two files.
        let key = format!("import {file:016x} {line} {}", idempotency::fingerprint(&input));
        new.idempotency_key = Some(key);
        items.push(new);
    }
    let made = if is_dry_run {
        try_many(tools, account, items, now).await?
    } else {
        bring_many(tools, account, items, now).await?
    };
    let brought = made.into_iter().map(|result| match result {
        Ok(created) if created.replayed => Brought::Skipped,
        Ok(_) => Brought::Made,
        Err(error) => Brought::Refused(error),
    });
    Ok(brought.collect())
}

/// Names a reason as the API does.
#[must_use]
pub const fn code_of(error: &CreateError) -> &'static str {
    match error {
        CreateError::MissingUrlOrOffer => "MISSING_URL_OR_OFFER",
        CreateError::MissingListIdentifier => "MISSING_LIST_IDENTIFIER",
        CreateError::InvalidUrl(..) | CreateError::Loop(_) | CreateError::Blocked(..) => "INVALID_URL",
        CreateError::InvalidPhone(..) => "INVALID_PHONE",
        CreateError::InvalidMetadata(_) => "INVALID_METADATA",
        CreateError::InvalidCode(_) => "INVALID_CODE",
        CreateError::InvalidExpiry(_) => "INVALID_EXPIRY",
        CreateError::InvalidIdempotencyKey(_) => "INVALID_IDEMPOTENCY_KEY",
        CreateError::ProductNotEnabled => "PRODUCT_NOT_ENABLED",
        CreateError::OfferNotFound => "OFFER_NOT_FOUND",
        CreateError::ListNotFound(_) => "LIST_NOT_FOUND",
        CreateError::NoDomainConfigured(_) => "NO_DOMAIN_CONFIGURED",
        CreateError::CodeTaken => "CODE_TAKEN",
        CreateError::IdempotencyConflict => "IDEMPOTENCY_CONFLICT",
        CreateError::IdCollision => "ID_COLLISION",
        CreateError::Database(_) | CreateError::Read(_) | CreateError::Write(_) => "INTERNAL",
    }
}

/// Says what is wrong with a line, and with which of its fields.
#[must_use]
pub fn reason_of(error: &CreateError) -> String {
    match error {
        CreateError::InvalidUrl(field, _)
        | CreateError::Loop(field)
        | CreateError::Blocked(field, _)
        | CreateError::InvalidPhone(field, _)
        | CreateError::InvalidExpiry(field)
        | CreateError::ListNotFound(field)
        | CreateError::NoDomainConfigured(field) => format!("{}: {error}", field.name()),
        _ => error.to_string(),
    }
}
