//! Visits: who came, person or bot, and how it is kept.

pub mod agents;
pub mod kind;
pub mod list;
pub mod recorder;
mod tail;
pub mod totals;
pub mod verdict;
pub mod visit;
