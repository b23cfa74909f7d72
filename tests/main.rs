//! The whole suite: one binary, through the real router, on the database that the environment names.
//!
//! Without `LINKHOP_TEST_DATABASE_URL` each test has an `SQLite` file of its own; with it, a database of its own
//! on that `PostgreSQL` server. `scripts/test` runs both.

#![expect(
    unreachable_pub,
    reason = "a test binary exports nothing; `pub` says what a file offers the others"
)]

mod agents;
mod api;
mod dashboards;
mod floors;
mod fuzz;
mod operations;
mod program;
mod readme;
mod support;
