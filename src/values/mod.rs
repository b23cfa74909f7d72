//! Parsed values: holding one is the proof that it is valid.
//!
//! Each is parsed once, where input enters, and never checked again.

pub mod domain_host;
pub mod host;
pub mod host_name;
pub mod metadata;
pub mod name;
pub mod network;
pub mod parameters;
pub mod payout;
pub mod phone;
pub mod query;
pub mod search;
pub mod sms;
pub mod template;
pub mod web_url;
