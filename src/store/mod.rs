//! Where rows are kept: connections, pages, and the writer that stores together what waits together.

mod aside;
mod backup;
mod connect;
mod lookup;
mod page;
mod secret;
mod snapshot;
mod sqlite_file;
mod sqlite_reader;
mod transaction;
mod transfer;
mod value_rows;
mod writer;

pub use aside::aside;
pub use backup::{CopyError, Rows};
pub use connect::{ConnectError, Connections, Options, Store, Synchronous, is_database_url};
pub use lookup::{Lookup, ReadByKey, ReadError, pad};
pub use page::{Direction, Indexes, Key, Page, Part, count, counting, page};
pub use secret::Secret;
pub use snapshot::Snapshot;
pub use sqlite_file::SqliteFile;
pub(crate) use sqlite_reader::{Columns, columns};
pub use transaction::{WriteTransaction, again, given_up, met_another};
pub use transfer::{
    Column, End, Kind, Moved, Progress, ReadError as TableReadError, Schema, Side, Table, TransferError,
    WriteError as TableWriteError, WrongForm, tables, transfer,
};
pub use value_rows::value_rows;
pub use writer::{Kept, NewClick, NewLink, Outcome, UsedKey, WriteError, Writer};
