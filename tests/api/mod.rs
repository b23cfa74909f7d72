//! What clients and visitors see.

mod codes;
mod create;
mod create_bad_input;
mod create_errors;
mod create_offer;
mod create_refusals;
mod destinations;
mod idempotency;
mod nodes;
