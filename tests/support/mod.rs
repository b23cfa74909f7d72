//! What tests are made of: a server of their own, rows to begin with, and a way to ask.

mod app;
mod database;
mod rows;
mod schema;

pub use app::{Answer, BROWSER, CREATE, START, Setup, TestApp};
pub use database::Database;
pub use rows::Tenant;
pub use schema::{INTROSPECTION, Schema, items, text};
