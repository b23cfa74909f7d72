//! What clients and visitors see.

mod access;
mod clicks;
mod http;
mod limits;
mod smoke;
mod tenancy;
