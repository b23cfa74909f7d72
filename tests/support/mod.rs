//! What tests are made of: a server of their own, rows to begin with, and a way to ask.

mod app;
mod campaign;
mod clicks;
mod collector;
mod database;
mod live;
mod mcp;
mod metrics;
mod mmdb;
mod refusal;
mod reports;
mod rows;
mod schema;
mod sums;

pub use app::{Answer, BROWSER, CREATE, START, Setup, TestApp};
pub use campaign::Campaign;
pub use clicks::{LIST, a_click, summed_through, untraced};
pub use collector::{Collector, Span};
pub use database::Database;
pub use live::{Events, Socket};
pub use mcp::{Agent, call};
pub use metrics::Metrics;
pub use mmdb::{Value as MmdbValue, country, mmdb};
pub use refusal::{refused, user_error};
pub use reports::{REPORT, counts, rows};
pub use rows::{Tenant, of_offer};
pub use schema::{INTROSPECTION, Schema, items, text};
