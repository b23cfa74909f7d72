//! What tests are made of: a server of their own, rows to begin with, and a way to ask.

mod app;
mod database;
mod refusal;
mod rows;

pub use app::{Answer, CREATE, START, Setup, TestApp};
pub use database::Database;
pub use refusal::{refused, user_error};
pub use rows::{Tenant, of_offer};
