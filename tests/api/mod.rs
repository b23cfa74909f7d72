//! What clients and visitors see.

mod access;
mod clicks;
mod descriptions;
mod http;
mod limits;
mod paging;
mod queries;
mod schema_file;
mod smoke;
mod tenancy;
