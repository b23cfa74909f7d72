//! A move that is under way.

use std::sync::Arc;

use super::{
    Moved, Progress, Side, TransferError,
    lot::{self, Lot},
    read::{ReadError, Reader},
    table::{Kind, Table},
    walk::{Sum, Walk},
    write::{Changes, Target},
};

/// After how many rows it is told how far it has got.
const TOLD_AFTER: u64 = 4096;

/// The two databases, and what is still to be done.
pub(super) struct Transfer {
    /// Reads the source. `None` while its rows are walked over.
    pub(super) reader: Option<Reader>,
    /// Reads the target.
    pub(super) reads_back: Option<Reader>,
    pub(super) writer: Target,
    /// Rows that go once no other row refers to them.
    pub(super) late: Vec<(Arc<Table>, Lot)>,
    pub(super) placeholders: Placeholders,
}

impl Transfer {
    fn walk(&mut self, table: &Arc<Table>) -> Result<Walk, TransferError> {
        let broken = |side| TransferError::Read(side, table.name, ReadError::BrokenOff);
        let source = self.reader.take().ok_or_else(|| broken(Side::Source))?;
        let target = self.reads_back.take().ok_or_else(|| broken(Side::Target))?;
        Ok(Walk::new(table, source.rows(table), target.rows(table)))
    }

    fn end(&mut self, walk: Walk) -> Result<(), TransferError> {
        let (source, target) = walk.end()?;
        (self.reader, self.reads_back) = (Some(source), Some(target));
        Ok(())
    }

    async fn apply(&mut self, table: &Arc<Table>, changes: Changes) -> Result<(), TransferError> {
        if changes.is_empty() {
            return Ok(());
        }
        let applied = self.writer.apply(table, changes).await;
        applied.map_err(|error| TransferError::Write(table.name, error))
    }

    /// Takes from rows of the target that are to be changed or removed what is unique: a row may get what another one has
    /// until it is changed too.
    pub(super) async fn make_way(&mut self, table: &Arc<Table>) -> Result<(), TransferError> {
        let mut walk = self.walk(table)?;
        let mut changes = Changes::default();
        while let Some(found) = walk.next().await? {
            if let (source, Some(row)) = found
                && source != Some(row)
            {
                let row = self.placeholders.row(table, row);
                changes.changed.push(&row);
            }
            if changes.are_many() {
                self.apply(table, std::mem::take(&mut changes)).await?;
            }
        }
        self.apply(table, changes).await?;
        self.end(walk)
    }

    /// Makes a table of the target the same as the source's, but for rows that others may refer to: those go last.
    pub(super) async fn merge(
        &mut self,
        table: &Arc<Table>,
        tell: &mut (impl FnMut(Progress) + Send),
    ) -> Result<Moved, TransferError> {
        let mut walk = self.walk(table)?;
        let (mut changes, mut late, mut sum) = (Changes::default(), Lot::default(), Sum::default());
        let mut moved = Moved {
            table: table.name,
            rows: 0,
            added: 0,
            changed: 0,
            removed: 0,
            checksum: String::new(),
        };
        while let Some(found) = walk.next().await? {
            if let (Some(row), _) = found {
                sum.add(row);
                if sum.rows.is_multiple_of(TOLD_AFTER) {
                    tell(Progress {
                        table: table.name,
                        rows: sum.rows,
                        is_check: false,
                    });
                }
            }
            match found {
                (Some(row), None) => {
                    changes.added.push(row);
                    moved.added += 1;
                }
                (Some(row), Some(other)) if row != other => {
                    changes.changed.push(row);
                    moved.changed += 1;
                }
                (None, Some(row)) => {
                    let removed = if table.is_referred_to {
                        &mut late
                    } else {
                        &mut changes.removed
                    };
                    removed.push(row);
                    moved.removed += 1;
                }
                _ => {}
            }
            if changes.are_many() {
                self.apply(table, std::mem::take(&mut changes)).await?;
            }
        }
        self.apply(table, changes).await?;
        self.end(walk)?;
        self.late.push((Arc::clone(table), late));
        moved.rows = sum.rows;
        moved.checksum = sum.finish();
        Ok(moved)
    }

    /// Removes what nothing refers to any more, first what refers to others.
    pub(super) async fn remove_late(&mut self) -> Result<(), TransferError> {
        while let Some((table, removed)) = self.late.pop() {
            let changes = Changes {
                removed,
                ..Changes::default()
            };
            self.apply(&table, changes).await?;
        }
        Ok(())
    }

    /// Reads what was written, and compares it with what was read. A table to which nothing was written has been compared
    /// row by row.
    pub(super) async fn read_back(
        &mut self,
        all: &[Arc<Table>],
        moved: &[Moved],
        tell: &mut (impl FnMut(Progress) + Send),
    ) -> Result<(), TransferError> {
        let mut differences = Vec::new();
        let written = all
            .iter()
            .zip(moved)
            .filter(|(_, moved)| moved.added + moved.changed + moved.removed > 0);
        for (table, moved) in written {
            let failed = |error| TransferError::Read(Side::Target, table.name, error);
            let reader = self.reads_back.take();
            let mut rows = reader.ok_or_else(|| failed(ReadError::BrokenOff))?.rows(table);
            let mut sum = Sum::default();
            loop {
                rows.fill().await.map_err(failed)?;
                let Some(row) = rows.row() else { break };
                sum.add(row);
                rows.pass();
                if sum.rows.is_multiple_of(TOLD_AFTER) {
                    tell(Progress {
                        table: table.name,
                        rows: sum.rows,
                        is_check: true,
                    });
                }
            }
            self.reads_back = Some(rows.end().map_err(failed)?);
            let (rows, checksum) = (sum.rows, sum.finish());
            if (rows, &checksum) != (moved.rows, &moved.checksum) {
                differences.push(format!(
                    "{} has {} rows with the sum {} in the source, {rows} with {checksum} in the target",
                    table.name, moved.rows, moved.checksum
                ));
            }
        }
        if differences.is_empty() {
            Ok(())
        } else {
            Err(TransferError::Differs(differences))
        }
    }
}

/// Values that no row has.
pub(super) struct Placeholders {
    seed: i64,
    given: i32,
}

impl Placeholders {
    pub(super) fn new(seed: i64) -> Self {
        Self {
            seed,
            // Others than those of a move that was broken off, and with space for more.
            given: i32::MIN + i32::try_from(seed & 0x3FFF_FFFF).unwrap_or_default(),
        }
    }

    /// The row with one in the place of each value that is unique.
    fn row(&mut self, table: &Table, row: &[u8]) -> Vec<u8> {
        self.given += 1;
        let mut changed = Vec::with_capacity(row.len() + 32);
        for (column, value) in table.columns.iter().zip(lot::fields(row)) {
            match column.kind {
                _ if !table.exchanged.contains(&column.name) => lot::put(&mut changed, value),
                Kind::Int => lot::put(&mut changed, Some(&self.given.to_be_bytes())),
                _ => {
                    let text = format!("~{:x}~{:x}", self.seed, self.given);
                    lot::put(&mut changed, Some(text.as_bytes()));
                }
            }
        }
        changed
    }
}
