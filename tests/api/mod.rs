//! What clients and visitors see.

mod access;
mod clicks;
mod descriptions;
mod http;
mod limits;
mod pages;
mod paging;
mod queries;
mod redirect;
mod schema_file;
mod smoke;
mod tenancy;
