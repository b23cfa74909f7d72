//! Visits: who came, person or bot, and how it is kept.

pub mod agents;
pub mod aggregator;
pub mod continuing;
pub mod kind;
pub mod recorder;
pub mod token;
pub mod verdict;
pub mod visit;
