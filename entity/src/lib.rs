//! Linkhop's tables, one file each, and the types of their ids and times.
//!
//! Rows only: no rule about links or clicks, no GraphQL, no HTTP. What a column may hold is decided
//! above, in the types of `linkhop::values`.

pub mod account;
pub mod api_key;
pub mod click;
pub mod domain;
mod id;
pub mod idempotency_key;
pub mod offer;
mod owned;
pub mod sending_list;
pub mod short_link;
mod timestamp;

pub use id::{AccountId, ApiKeyId, ClickId, DomainId, OfferId, ParseIdError, SendingListId, ShortLinkId};
pub use owned::Owned;
pub use timestamp::Timestamp;
