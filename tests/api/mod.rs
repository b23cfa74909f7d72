//! What clients and visitors see.

mod clicks;
mod http;
mod limits;
mod smoke;
