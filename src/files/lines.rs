//! The lines of a file, and of CSV the rows.

use std::io::{self, BufRead};

use serde_json::{Map, Value};

/// The most bytes of a line, and of a row of CSV that has several.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;

/// How much of what was read already is left lying before it is cleared away.
const LITTER: usize = 256 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// Rows below a row of names.
    Csv,
}

/// A line that says something, with its number from 1.
#[derive(Debug)]
pub struct Line {
    /// Which it is; of several, the first.
    pub number: u64,
    /// What it says.
    pub said: Result<Said, WrongLine>,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// A JSON object.
    Object(Map<String, Value>),
    /// A cell for each name.
    Cells(Vec<String>),
}

impl Said {
    /// About how much memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Cells(cells) => cells.iter().map(String::len).sum(),
            Self::Object(object) => object.values().map(size).sum(),
        }
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields.values().map(size).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => size_of::<Value>(),
    }
}

/// Why a line can't be read.
#[derive(Debug, thiserror::Error)]
pub enum WrongLine {
    /// It is too long.
    #[error("the line is longer than {MAX_LINE_BYTES} bytes, or a quotation mark is never closed")]
    TooLong,
    /// It is no text.
    #[error("the line is not UTF-8")]
    Encoding,
    /// It is no JSON object.
    #[error("no JSON object: {0}")]
    Json(serde_json::Error),
    /// It has more or fewer cells than there are names.
    #[error("the row has {} cells, and the first row {names} names", cells.len())]
    Cells {
        /// Those that it has.
        cells: Vec<String>,
        /// How many it should have.
        names: usize,
    },
    /// It can't be taken apart.
    #[error("no row of CSV: {0}")]
    Csv(csv::Error),
}

/// Why nothing of a file can be read.
#[derive(Debug, thiserror::Error)]
pub enum WrongFile {
    /// It can't be read.
    #[error("the file can't be read")]
    Read(#[from] io::Error),
    /// It is text in another encoding.
    #[error("the file is UTF-16; save it as UTF-8")]
    Utf16,
    /// The first row of CSV can't be taken apart, or is not there.
    #[error("the first row of CSV holds the names of its cells, such as url,listId")]
    Header,
}

/// The lines of a file.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    /// Of CSV the names of its cells.
    names: Vec<String>,
    format: Format,
    /// What is read; up to `begin` it is taken apart already.
    buffer: Vec<u8>,
    begin: usize,
    /// The number of the line at `begin`.
    number: u64,
    is_at_end: bool,
}

impl<R: BufRead> Lines<R> {
    /// Begins a file; of CSV it reads the names.
    ///
    /// # Errors
    /// When the file can't be read, is in another encoding, or there are no names.
    pub fn of(input: R, format: Format) -> Result<Self, WrongFile> {
        let mut lines = Self {
            input,
            names: Vec::new(),
            format,
            buffer: Vec::new(),
            begin: 0,
            number: 1,
            is_at_end: false,
        };
        lines.fill()?;
        if lines.rest().starts_with(BYTE_ORDER_MARK) {
            lines.begin = BYTE_ORDER_MARK.len();
        }
        if [b"\xFF\xFE", b"\xFE\xFF"]
            .iter()
            .any(|mark| lines.rest().starts_with(*mark))
        {
            return Err(WrongFile::Utf16);
        }
        if format == Format::Csv {
            let Ok(Some(cells)) = lines.row()? else {
                return Err(WrongFile::Header);
            };
            lines.names = cells.into_iter().map(|name| name.trim().to_owned()).collect();
        }
        Ok(lines)
    }

    /// Of CSV the names of the cells.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The next line that says something; `None` at the end.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            if self.rest().is_empty() {
                self.fill()?;
            }
            if self.rest().is_empty() {
                return Ok(None);
            }
            let number = self.number;
            let said = match self.format {
                Format::Ndjson => self.object(),
                Format::Csv => self.row()?.and_then(|cells| match cells {
                    Some(cells) if cells.len() != self.names.len() => Err(WrongLine::Cells {
                        cells,
                        names: self.names.len(),
                    }),
                    cells => Ok(cells.map(Said::Cells)),
                }),
            };
            if let Some(said) = said.transpose() {
                return Ok(Some(Line { number, said }));
            }
        }
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.begin..]
    }

    /// Adds the next line of the file to the buffer; one that is too long is cut off behind [`MAX_LINE_BYTES`].
    fn fill(&mut self) -> io::Result<()> {
        if self.begin > LITTER || self.begin == self.buffer.len() {
            self.buffer.drain(..self.begin);
            self.begin = 0;
        }
        let line_begin = self.buffer.len();
        loop {
            let read = self.input.fill_buf()?;
            if read.is_empty() {
                self.is_at_end = true;
                return Ok(());
            }
            let line = read.iter().position(|byte| *byte == b'\n');
            let end = line.map_or(read.len(), |at| at + 1);
            let room = (MAX_LINE_BYTES + 2).saturating_sub(self.buffer.len() - line_begin);
            self.buffer.extend_from_slice(&read[..end.min(room)]);
            if line.is_some() && end > room {
                // Whatever was cut off, the line ends.
                self.buffer.push(b'\n');
            }
            self.input.consume(end);
            if line.is_some() {
                return Ok(());
            }
        }
    }

    /// Takes so many bytes.
    fn take(&mut self, bytes: usize) {
        let taken = &self.rest()[..bytes];
        self.number += count(taken, b'\n');
        self.begin += bytes;
    }

    fn first_line(&self) -> usize {
        let line = self.rest().iter().position(|byte| *byte == b'\n');
        line.map_or(self.rest().len(), |at| at + 1)
    }

    fn object(&mut self) -> Result<Option<Said>, WrongLine> {
        let bytes = self.first_line();
        let line = self.rest()[..bytes].trim_ascii();
        let object = if line.is_empty() {
            Ok(None)
        } else if line.len() > MAX_LINE_BYTES {
            Err(WrongLine::TooLong)
        } else {
            let text = str::from_utf8(line).map_err(|_| WrongLine::Encoding);
            text.and_then(|text| serde_json::from_str(text).map_err(WrongLine::Json))
                .map(|object| Some(Said::Object(object)))
        };
        self.take(bytes);
        object
    }

    /// The cells of the next row; `None` for an empty line.
    fn row(&mut self) -> io::Result<Result<Option<Vec<String>>, WrongLine>> {
        let Some(end) = self.row_end()? else {
            // What follows may be rows again.
            self.take(self.first_line());
            return Ok(Err(WrongLine::TooLong));
        };
        let row = &self.rest()[..end];
        if row.trim_ascii().is_empty() {
            self.take(end);
            return Ok(Ok(None));
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(row.len())
            .from_reader(row);
        let mut cells = csv::ByteRecord::new();
        let read = reader.read_byte_record(&mut cells);
        // Where a quotation mark stands within a cell without marks around it, the library knows better where the row
        // ends: what was read beyond it stays for the next.
        let bytes = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        let bytes = bytes.clamp(1, row.len());
        self.take(bytes);
        if let Err(error) = read {
            return Ok(Err(WrongLine::Csv(error)));
        }
        let cells: Result<Vec<String>, _> = cells
            .iter()
            .map(|cell| str::from_utf8(cell).map(str::to_owned))
            .collect();
        Ok(cells.map(Some).map_err(|_| WrongLine::Encoding))
    }

    /// Where the next row ends: with a line behind which no quotation mark is open. `None` where there is none within
    /// [`MAX_LINE_BYTES`].
    fn row_end(&mut self) -> io::Result<Option<usize>> {
        let (mut end, mut quotes) = (0, 0);
        loop {
            let rest = &self.rest()[end..];
            if rest.is_empty() {
                if self.is_at_end {
                    return Ok((quotes % 2 == 0).then_some(end));
                }
                self.fill()?;
                continue;
            }
            let line = rest
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(rest.len(), |at| at + 1);
            quotes += count(&rest[..line], b'"');
            end += line;
            if self.rest()[..end].trim_ascii_end().len() > MAX_LINE_BYTES {
                return Ok(None);
            }
            if quotes % 2 == 0 {
                return Ok(Some(end));
            }
        }
    }
}

fn count(text: &[u8], wanted: u8) -> u64 {
    text.iter().map(|byte| u64::from(*byte == wanted)).sum()
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::*;

    /// The lines of a text: number, and what it says or why not.
    fn read(text: impl Read, format: Format) -> Vec<(u64, String)> {
        let mut lines = Lines::of(BufReader::new(text), format).expect("a beginning");
        let mut read = Vec::new();
        while let Some(Line { number, said }) = lines.next_line().expect("a line") {
            let said = match said {
                Ok(Said::Cells(cells)) => cells.join("|"),
                Ok(Said::Object(object)) => Value::from(object).to_string(),
                Err(wrong) => format!("! {wrong}"),
            };
            read.push((number, said));
        }
        read
    }

    fn expect(text: &[u8], format: Format, expected: &[(u64, &str)]) {
        let read = read(text, format);
        assert_eq!(read.len(), expected.len(), "{read:?}");
        for ((number, said), (line, start)) in read.iter().zip(expected) {
            assert_eq!(number, line, "{read:?}");
            assert!(said.starts_with(start), "{said}");
        }
    }

    #[test]
    fn a_line_is_an_object_and_a_wrong_one_hides_none_behind_it() {
        let long = "x".repeat(MAX_LINE_BYTES);
        let text = format!("\u{FEFF}{{\"a\":1}}\r\n\n{{\"a\"\n{{\"a\":\"{long}\"}}\n[]\n  \n{{\"a\":2}}");
        let mut text = text.into_bytes();
        text.extend_from_slice(b"\n{\"a\":\"\xFF\"}\n{\"a\":3}");
        expect(
            &text,
            Format::Ndjson,
            &[
                (1, "{\"a\":1}"),
                (3, "! no JSON object: EOF"),
                (4, "! the line is longer"),
                (5, "! no JSON object: "),
                (7, "{\"a\":2}"),
                (8, "! the line is not UTF-8"),
                (9, "{\"a\":3}"),
            ],
        );
    }

    #[test]
    fn a_row_has_a_cell_for_each_name_and_a_wrong_one_hides_none_behind_it() {
        let long = "x".repeat(MAX_LINE_BYTES);
        let text = format!(
            "\u{FEFF}a,b\r\na,\r\n\"b\",\"two\nlines, \"\"quoted\"\"\"\n\nc\ne\"x,\nf,\"\n{long},\ng,0\n"
        );
        let mut text = text.into_bytes();
        text.extend_from_slice(b"\xFF,\nh,\n\"i,\nj,\n");
        expect(
            &text,
            Format::Csv,
            &[
                (2, "a|"),
                (3, "b|two\nlines, \"quoted\""),
                (6, "! the row has 1 cells, and the first row 2 names"),
                (7, "e\"x|"),
                (8, "! the line is longer"),
                (9, "! the line is longer"),
                (10, "g|0"),
                (11, "! the line is not UTF-8"),
                (12, "h|"),
                (13, "! the line is longer"),
                (14, "j|"),
            ],
        );
    }

    #[test]
    fn a_line_of_a_gigabyte_is_skipped_without_being_held() {
        let huge = io::repeat(b'x').take(1 << 30).chain(&b"\nurl,1\n"[..]);
        let text = (&b"a,b\n"[..]).chain(huge);
        let mut lines = Lines::of(BufReader::new(text), Format::Csv).expect("a beginning");
        let wrong = lines.next_line().expect("a line").expect("a line");
        assert!(matches!(wrong.said, Err(WrongLine::TooLong)));
        assert!(lines.buffer.capacity() < 4 * MAX_LINE_BYTES);
        let good = lines.next_line().expect("a line").expect("a line");
        assert_eq!(
            (good.number, good.said.ok()),
            (3, Some(Said::Cells(vec!["url".into(), "1".into()])))
        );
    }

    #[test]
    fn a_file_without_names_or_in_another_encoding_is_none() {
        for text in [&b""[..], b"\n", b"\"a,b\n"] {
            let wrong = Lines::of(text, Format::Csv).expect_err("a wrong file");
            assert!(matches!(wrong, WrongFile::Header), "{wrong}");
        }
        for format in [Format::Csv, Format::Ndjson] {
            let wrong = Lines::of(&b"\xFF\xFEu\0r\0l\0"[..], format).expect_err("a wrong file");
            assert!(matches!(wrong, WrongFile::Utf16), "{wrong}");
        }
    }
}
