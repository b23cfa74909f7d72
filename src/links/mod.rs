//! Short links: their codes and destinations, how one is made, changed, and found by its visitors.

pub mod code;
pub mod create;
pub mod destination;
pub mod edit;
pub mod export;
pub mod idempotency;
pub mod import;
pub mod list;
pub mod lookup;
pub mod message;
pub mod qr_code;
pub mod report;
pub mod resolve;
pub mod usage;
