//! `PostgreSQL`'s `COPY … (FORMAT binary)`, out and in.

use sea_orm::sqlx::{PgConnection, Result};

use super::{
    json,
    lot::{Lot, fields, put},
    table::{Kind, Table},
};

/// What a stream begins with: its name, no flags, no extension.
const BEGIN: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What it ends with, in the place of a row's number of fields.
const END: i16 = -1;

/// How many bytes are sent together.
const PIECE: usize = 256 * 1024;

/// In which form `jsonb` comes: there has only ever been this one.
const JSON_VERSION: u8 = 1;

/// What came is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum WrongForm {
    /// It is not built as a stream of rows is.
    #[error("PostgreSQL sent rows in a form that is not known")]
    Rows,
    /// A column holds what it can't.
    #[error("the column {0} holds what is no value of its kind")]
    Column(&'static str),
}

/// Takes rows out of a stream that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Stream {
    waiting: Vec<u8>,
    has_begun: bool,
    pub(super) has_ended: bool,
}

impl Stream {
    /// Takes the next piece, and adds the rows that are whole with it.
    pub(super) fn take(
        &mut self,
        piece: &[u8],
        table: &Table,
        lot: &mut Lot,
    ) -> std::result::Result<(), WrongForm> {
        let columns = table.columns.len();
        self.waiting.extend_from_slice(piece);
        let mut rest = self.waiting.as_slice();
        if !self.has_begun {
            let Some((begin, behind)) = rest.split_first_chunk() else {
                return Ok(());
            };
            if *begin != BEGIN {
                return Err(WrongForm::Rows);
            }
            self.has_begun = true;
            rest = behind;
        }
        while let Some((number, behind)) = rest.split_first_chunk() {
            let number = i16::from_be_bytes(*number);
            if number == END {
                self.has_ended = true;
                rest = behind;
                break;
            }
            if usize::try_from(number) != Ok(columns) {
                return Err(WrongForm::Rows);
            }
            let Some(length) = length(behind, columns) else {
                break;
            };
            let (row, behind) = behind.split_at(length);
            lot.push_with(|image| put_row(image, row, table))?;
            rest = behind;
        }
        let taken = self.waiting.len() - rest.len();
        self.waiting.drain(..taken);
        Ok(())
    }
}

/// How many bytes the first row takes; none if it is not whole yet.
fn length(bytes: &[u8], columns: usize) -> Option<usize> {
    let mut end = 0_usize;
    for _ in 0..columns {
        let length = bytes.get(end..)?.first_chunk()?;
        end += 4 + usize::try_from(i32::from_be_bytes(*length)).unwrap_or_default();
    }
    (end <= bytes.len()).then_some(end)
}

fn put_row(image: &mut Vec<u8>, row: &[u8], table: &Table) -> std::result::Result<(), WrongForm> {
    if !table.columns.iter().any(|column| column.kind == Kind::Json) {
        image.extend_from_slice(row);
        return Ok(());
    }
    for (value, column) in fields(row).zip(&table.columns) {
        match (value, column.kind) {
            (Some(value), Kind::Json) => put_json(image, table, json_text(value).unwrap_or_default())
                .map_err(|_| WrongForm::Column(column.name))?,
            (value, _) => put(image, value),
        }
    }
    Ok(())
}

/// Appends a JSON value in the one form.
pub(super) fn put_json(image: &mut Vec<u8>, table: &Table, text: &[u8]) -> serde_json::Result<()> {
    let mut value = vec![JSON_VERSION];
    value.extend(json::plain(text, table.goes_over)?);
    put(image, Some(&value));
    Ok(())
}

/// The text of a JSON field.
pub(super) fn json_text(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(&[JSON_VERSION])
}

/// Sends rows to a `COPY … FROM STDIN`.
pub(super) async fn copy_in(
    db: &mut PgConnection,
    statement: &str,
    columns: usize,
    rows: &Lot,
) -> Result<()> {
    let number = i16::try_from(columns).unwrap_or(i16::MAX).to_be_bytes();
    let mut copy = db.copy_in_raw(statement).await?;
    let mut piece = Vec::with_capacity(PIECE + PIECE / 4);
    piece.extend_from_slice(&BEGIN);
    for row in rows.iter() {
        piece.extend_from_slice(&number);
        piece.extend_from_slice(row);
        if piece.len() >= PIECE {
            copy.send(piece.as_slice()).await?;
            piece.clear();
        }
    }
    piece.extend_from_slice(&END.to_be_bytes());
    copy.send(piece.as_slice()).await?;
    copy.finish().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::transfer::table::{Column, tables};

    fn table() -> Table {
        let column = |name, kind| Column { name, kind };
        Table {
            columns: vec![column("id", Kind::Small), column("metadata", Kind::Json)],
            ..tables().remove(0)
        }
    }

    fn stream(rows: i16) -> Vec<u8> {
        let mut bytes = BEGIN.to_vec();
        for number in 0..rows {
            bytes.extend(2_i16.to_be_bytes());
            put(&mut bytes, Some(&number.to_be_bytes()));
            put(&mut bytes, (number > 0).then_some(b"\x01{\"b\": 1.0, \"a\": []}"));
        }
        bytes.extend(END.to_be_bytes());
        bytes
    }

    #[test]
    fn rows_are_taken_out_of_pieces_of_any_size() {
        let bytes = stream(3);
        for size in 1..=bytes.len() {
            let (mut stream, mut lot) = (Stream::default(), Lot::default());
            for piece in bytes.chunks(size) {
                assert!(!stream.has_ended);
                stream.take(piece, &table(), &mut lot).expect("rows");
            }
            assert!(stream.has_ended);
            let rows: Vec<Vec<_>> = lot.iter().map(|row| fields(row).collect()).collect();
            assert_eq!(rows.len(), 3);
            assert_eq!(rows[0], [Some([0, 0].as_slice()), None]);
            assert_eq!(
                rows[2],
                [Some([0, 2].as_slice()), Some(b"\x01{\"a\":[],\"b\":1.0}")]
            );
        }
    }

    #[test]
    fn what_is_no_stream_of_such_rows_is_refused() {
        let mut lot = Lot::default();
        let mut narrow = table();
        narrow.columns.truncate(1);
        let mut other = stream(1);
        other[0] = b'p';
        assert!(Stream::default().take(&other, &table(), &mut lot).is_err());
        assert!(Stream::default().take(&stream(1), &narrow, &mut lot).is_err());
        let no_json = [BEGIN.as_slice(), &2_i16.to_be_bytes()].concat();
        let mut no_json = no_json;
        put(&mut no_json, Some(&[0, 0]));
        put(&mut no_json, Some(b"\x01{"));
        assert!(Stream::default().take(&no_json, &table(), &mut lot).is_err());
        assert!(lot.is_empty());
    }
}
