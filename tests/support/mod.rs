//! What tests are made of: a server of their own, rows to begin with, and a way to ask.

mod app;
mod database;
mod rows;

pub use app::{Answer, Setup, TestApp};
pub use database::Database;
pub use rows::Tenant;
