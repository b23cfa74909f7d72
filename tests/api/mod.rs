//! What clients and visitors see.

mod smoke;
