//! Short links: their codes and destinations, how one is made and how one is found by its visitors.

pub mod code;
pub mod create;
pub mod destination;
pub mod idempotency;
pub mod import;
pub mod list;
pub mod lookup;
pub mod resolve;
