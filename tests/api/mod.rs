//! What clients and visitors see.

mod access;
mod clicks;
mod codes;
mod cors;
mod create;
mod create_bad_input;
mod create_errors;
mod create_offer;
mod create_refusals;
mod descriptions;
mod destinations;
mod hostile;
mod http;
mod idempotency;
mod limits;
mod negotiation;
mod nodes;
mod pages;
mod paging;
mod queries;
mod redirect;
mod schema_file;
mod tenancy;
mod time_limit;
mod variables;
