//! The rows of both sides side by side, and their sums.

use std::{cmp::Ordering, fmt::Write as _, sync::Arc};

use sha2::{Digest as _, Sha256};

use super::{
    Side, TransferError,
    read::{Reader, Rows},
    table::Table,
};

/// The source's row and the target's of the same key; `None` for the one that has none.
pub(super) type Found<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// Goes over a table on both sides at once.
pub(super) struct Walk {
    table: Arc<Table>,
    source: Rows,
    target: Rows,
    /// Whose row was answered last.
    passes: (bool, bool),
}

impl Walk {
    pub(super) fn new(table: &Arc<Table>, source: Rows, target: Rows) -> Self {
        Self {
            table: Arc::clone(table),
            source,
            target,
            passes: (false, false),
        }
    }

    /// The next row in the order of keys.
    pub(super) async fn next(&mut self) -> Result<Option<Found<'_>>, TransferError> {
        let (of_source, of_target) = std::mem::take(&mut self.passes);
        if of_source {
            self.source.pass();
        }
        if of_target {
            self.target.pass();
        }
        let name = self.table.name;
        let failed = |side| move |error| TransferError::Read(side, name, error);
        self.source.fill().await.map_err(failed(Side::Source))?;
        self.target.fill().await.map_err(failed(Side::Target))?;
        let found = match (self.source.row(), self.target.row()) {
            (Some(source), Some(target)) => match self.table.order(source, target) {
                Ordering::Less => (Some(source), None),
                Ordering::Greater => (None, Some(target)),
                Ordering::Equal => (Some(source), Some(target)),
            },
            one_at_most => one_at_most,
        };
        self.passes = (found.0.is_some(), found.1.is_some());
        Ok((found != (None, None)).then_some(found))
    }

    /// Gives the connections back, once all rows are read.
    pub(super) fn end(self) -> Result<(Reader, Reader), TransferError> {
        let name = self.table.name;
        let failed = |side| move |error| TransferError::Read(side, name, error);
        Ok((
            self.source.end().map_err(failed(Side::Source))?,
            self.target.end().map_err(failed(Side::Target))?,
        ))
    }
}

/// Number and sum of rows.
#[derive(Debug, Default)]
pub(super) struct Sum {
    pub(super) rows: u64,
    hash: Sha256,
}

impl Sum {
    pub(super) fn add(&mut self, row: &[u8]) {
        self.rows += 1;
        // Each field says how long it is, and all rows have as many.
        self.hash.update(row);
    }

    pub(super) fn finish(self) -> String {
        let digest: [u8; 32] = self.hash.finalize().into();
        digest.iter().fold(String::new(), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        })
    }
}
