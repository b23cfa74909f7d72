//! Where a row of CSV ends: at the end of a line behind which no quotation mark is open.

/// What a line leaves of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// It ends with the line.
    Whole,
    /// A quotation mark is open: it goes on in the next line.
    Open,
    /// What an earlier line opened is closed in the midst of a text: the mark is another cell's, and one is missing.
    Torn,
}

/// What stands before a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    CellStart,
    Plain,
    Quoted,
    /// A quotation mark within a quoted cell: it closes the cell unless another one follows.
    Mark,
}

/// Goes through the lines of a row as the library does that takes it apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quotes {
    place: Place,
    /// The number of the next line.
    line: u64,
    /// The line with the latest mark that opens a cell.
    opened: u64,
}

impl Quotes {
    /// Before a row that begins with the line of that number.
    pub(super) const fn before(line: u64) -> Self {
        Self {
            place: Place::CellStart,
            line,
            opened: line,
        }
    }

    /// Goes through the next line, with its end.
    pub(super) fn pass(&mut self, line: &[u8]) -> Row {
        use Place::{CellStart, Mark, Plain, Quoted};

        let number = self.line;
        self.line += 1;
        if !line.contains(&b'"') {
            return self.row();
        }
        for byte in line {
            self.place = match (self.place, *byte) {
                (CellStart, b'"') => {
                    self.opened = number;
                    Quoted
                }
                (CellStart | Plain | Mark, b',' | b'\r' | b'\n') => CellStart,
                (Mark, b'"') => Quoted,
                (Mark, _) if self.opened < number => return Row::Torn,
                (CellStart | Plain | Mark, _) => Plain,
                (Quoted, b'"') => Mark,
                (Quoted, _) => Quoted,
            };
        }
        self.row()
    }

    /// What the lines so far leave of the row.
    fn row(&self) -> Row {
        if self.place == Place::Quoted {
            Row::Open
        } else {
            Row::Whole
        }
    }

    /// Where the latest mark opens a cell.
    pub(super) const fn opened(&self) -> u64 {
        self.opened
    }

    /// Goes on where another one is, which came to the same place from an earlier row.
    pub(super) fn join(&mut self, other: Self) {
        *self = Self {
            opened: other.opened.max(self.opened),
            ..other
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the lines of a row leave of it, from line 1 on.
    fn passed(lines: &[&str]) -> (Vec<Row>, u64) {
        let mut quotes = Quotes::before(1);
        let rows = lines.iter().map(|line| quotes.pass(line.as_bytes())).collect();
        (rows, quotes.opened())
    }

    #[test]
    fn a_row_goes_on_while_a_mark_is_open() {
        use Row::{Open, Whole};

        for (lines, rows, opened) in [
            (["a,b\n", "\n"].as_slice(), [Whole, Whole].as_slice(), 1),
            (&["a,\"b\"\"\r\n", "\"\"\n", "\",c\n"], &[Open, Open, Whole], 1),
            (&["\"a\n", "b\",\"\n", "c\"\r\n"], &[Open, Open, Whole], 2),
            (&["a,\"b\n", "c\""], &[Open, Whole], 1),
            // Marks within a cell that has none around it, and text behind one that has.
            (&["5\" \"pipe,\"b\"c\n"], &[Whole], 1),
            (&["a\",\"b\n", "a\",\"b\n"], &[Open, Open], 2),
        ] {
            assert_eq!(passed(lines), (rows.to_vec(), opened), "{lines:?}");
        }
    }

    #[test]
    fn a_mark_that_is_missing_shows_in_the_next_quoted_cell() {
        for next in ["\"c\",d\n", "c,\"d\"\n"] {
            let (rows, opened) = passed(&["a,\"b\n", "\n", next]);
            assert_eq!(
                (rows, opened),
                (vec![Row::Open, Row::Open, Row::Torn], 1),
                "{next}"
            );
        }
    }
}
