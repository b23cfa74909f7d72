//! What an account sends with: offers, sending lists, domains.

pub mod domain;
pub mod list;
pub mod offer;
pub mod sending_list;
