//! Linkhop's tables, one file each, and the types of their ids and times.
//!
//! Rows only: no rule about links or clicks, no GraphQL, no HTTP. What a column may hold is decided
//! above, in the types of `linkhop::values`.

pub mod abuse_report;
pub mod account;
pub mod agent_list;
pub mod api_key;
pub mod audit_entry;
pub mod blocked_host;
pub mod click;
pub mod click_column;
pub mod click_summing;
pub mod domain;
mod id;
pub mod idempotency_key;
pub mod link_click;
pub mod link_total;
pub mod link_use;
pub mod link_visitor;
pub mod offer;
mod owned;
pub mod sending_list;
pub mod server_secret;
pub mod short_link;
mod stored_verdict;
pub mod subject_quarter;
pub mod subject_total;
mod text_id;
mod timestamp;
pub mod user_agent;

pub use id::{
    AbuseReportId, AccountId, ApiKeyId, AuditEntryId, ClickId, DomainId, OfferId, ParseIdError,
    SendingListId, ShortLinkId,
};
pub use owned::Owned;
pub use stored_verdict::StoredVerdict;
pub use text_id::text_id;
pub use timestamp::Timestamp;
