//! What clients and visitors see.

mod access;
mod clicks;
mod codes;
mod create;
mod create_bad_input;
mod create_errors;
mod create_offer;
mod create_refusals;
mod descriptions;
mod destinations;
mod filters;
mod http;
mod idempotency;
mod limits;
mod nodes;
mod pages;
mod paging;
mod plans;
mod queries;
mod redirect;
mod schema_file;
mod tenancy;
