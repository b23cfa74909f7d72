//! What clients and visitors see.

mod limits;
mod smoke;
