//! Where rows are kept: connections, pages, and the writer that stores together what waits together.

mod connect;
mod gather;
mod page;
mod writer;

pub use connect::{ConnectError, Options, Store, Synchronous, is_database_url};
pub use gather::{Gather, ReadError, ReadMany, pad};
pub use page::{Direction, Indexes, Key, Page, Part, count, counting, page};
pub use writer::{Outcome, UsedKey, WriteError, Writer};
