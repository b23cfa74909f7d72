//! Where rows are kept: connections, pages, and the writer that stores together what waits together.

mod connect;
mod gather;
mod page;
mod transaction;
mod writer;

pub use connect::{ConnectError, Options, Store, Synchronous, is_database_url};
pub use gather::{Gather, ReadError, ReadMany, pad};
pub use page::{Page, page};
pub use transaction::{WriteTransaction, again, met_another};
pub use writer::{Outcome, UsedKey, WriteError, Writer};
