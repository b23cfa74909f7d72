//! Visits: who came, person or bot, and how it is kept.

pub mod address;
pub mod agents;
pub mod aggregator;
pub mod burst;
pub mod columns;
pub mod continuing;
pub mod country;
pub mod device;
pub mod export;
pub mod file_error;
pub mod import;
pub mod judge;
pub mod kind;
pub mod known_agents;
pub mod list;
pub mod live;
mod look_around;
pub mod reclassify;
pub mod recorder;
pub mod report;
pub mod retention;
pub mod said;
mod tail;
pub mod token;
pub mod totals;
pub mod verdict;
pub mod visit;
