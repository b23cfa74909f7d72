//! Parsed values: holding one is the proof that it is valid.
//!
//! Each is parsed once, where input enters, and never checked again.

pub mod host;
pub mod metadata;
pub mod phone;
pub mod query;
pub mod search;
pub mod template;
pub mod web_url;
