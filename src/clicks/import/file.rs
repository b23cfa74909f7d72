//! Reading a file of clicks line by line: in memory is one line of it, however long the file is.

use std::io::{self, BufRead};

use super::fields::{FIELDS, Fields, WrongField};

/// The most bytes of a line, and of a row of CSV that has several.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

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
    pub said: Result<Fields, WrongLine>,
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
    /// It is no JSON object of ours.
    #[error("no click in JSON: {0}")]
    Json(serde_json::Error),
    /// It has more or fewer cells than there are names.
    #[error("the row has {0} cells, and the first row {1} names")]
    Cells(usize, usize),
    /// It can't be taken apart.
    #[error("no row of CSV: {0}")]
    Csv(csv::Error),
    /// A cell says neither yes nor no.
    #[error(transparent)]
    Field(#[from] WrongField),
}

/// Why the first row of CSV names no fields.
#[derive(Debug, thiserror::Error)]
pub enum WrongHeader {
    /// The file can't be read.
    #[error("the file can't be read")]
    Read(#[from] io::Error),
    /// It can't be taken apart, or is not there.
    #[error("the first row of CSV holds the names of the fields, such as shortUrl,clickedAt")]
    Row,
    /// There is no such field.
    #[error("the first row of CSV names {0:?}, which is no field; there are {fields}", fields = FIELDS.join(", "))]
    Unknown(String),
    /// It is there twice.
    #[error("the first row of CSV names {0:?} twice")]
    Twice(&'static str),
}

/// The lines of a file.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    /// Of CSV the names of its cells.
    names: Option<Vec<&'static str>>,
    /// What is read and not taken apart yet, and the number of its first line.
    buffer: Vec<u8>,
    number: u64,
    is_at_end: bool,
}

impl<R: BufRead> Lines<R> {
    /// Begins a file; of CSV it reads the names.
    ///
    /// # Errors
    /// When the file can't be read, or those are no names.
    pub fn of(input: R, format: Format) -> Result<Self, WrongHeader> {
        let mut lines = Self {
            input,
            names: None,
            buffer: Vec::new(),
            number: 1,
            is_at_end: false,
        };
        lines.fill()?;
        if lines.buffer.starts_with(BYTE_ORDER_MARK) {
            lines.buffer.drain(..BYTE_ORDER_MARK.len());
        }
        if format == Format::Csv {
            lines.names = Some(lines.header()?);
        }
        Ok(lines)
    }

    /// The next line that says something; `None` at the end.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            if self.buffer.is_empty() {
                self.fill()?;
            }
            if self.buffer.is_empty() {
                return Ok(None);
            }
            let number = self.number;
            let said = match self.names.clone() {
                None => self.object(),
                Some(names) => self.row(&names)?,
            };
            if let Some(said) = said.transpose() {
                return Ok(Some(Line { number, said }));
            }
        }
    }

    /// Adds the next line of the file to the buffer; one that is too long is cut off behind [`MAX_LINE_BYTES`].
    fn fill(&mut self) -> io::Result<()> {
        let begin = self.buffer.len();
        loop {
            let read = self.input.fill_buf()?;
            if read.is_empty() {
                self.is_at_end = true;
                return Ok(());
            }
            let line = read.iter().position(|byte| *byte == b'\n');
            let end = line.map_or(read.len(), |at| at + 1);
            let room = (MAX_LINE_BYTES + 2).saturating_sub(self.buffer.len() - begin);
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

    /// Takes so many bytes off the buffer.
    fn take(&mut self, bytes: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(bytes);
        let taken = std::mem::replace(&mut self.buffer, rest);
        self.number += count(&taken, b'\n');
        taken
    }

    fn first_line(&self) -> usize {
        let line = self.buffer.iter().position(|byte| *byte == b'\n');
        line.map_or(self.buffer.len(), |at| at + 1)
    }

    fn object(&mut self) -> Result<Option<Fields>, WrongLine> {
        let line = self.take(self.first_line());
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() > MAX_LINE_BYTES {
            return Err(WrongLine::TooLong);
        }
        let text = str::from_utf8(line).map_err(|_| WrongLine::Encoding)?;
        serde_json::from_str(text).map(Some).map_err(WrongLine::Json)
    }

    fn row(&mut self, names: &[&'static str]) -> io::Result<Result<Option<Fields>, WrongLine>> {
        Ok(self.cells()?.and_then(|cells| match cells {
            None => Ok(None),
            Some(cells) => fields_of(names, &cells).map(Some),
        }))
    }

    /// The cells of the next row; `None` for an empty line.
    fn cells(&mut self) -> io::Result<Result<Option<csv::ByteRecord>, WrongLine>> {
        // Where a quotation mark is open, the row goes on behind the line.
        while self.buffer.len() <= MAX_LINE_BYTES && has_open_quote(&self.buffer) && !self.is_at_end {
            self.fill()?;
        }
        if self.buffer.len() > MAX_LINE_BYTES && self.first_line() > MAX_LINE_BYTES
            || has_open_quote(&self.buffer)
        {
            // What follows may be rows again.
            self.take(self.first_line());
            return Ok(Err(WrongLine::TooLong));
        }
        if self.buffer[..self.first_line()].trim_ascii().is_empty() {
            self.take(self.first_line());
            return Ok(Ok(None));
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(self.buffer.len())
            .from_reader(self.buffer.as_slice());
        let mut cells = csv::ByteRecord::new();
        let read = reader.read_byte_record(&mut cells);
        let bytes = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        let bytes = bytes.clamp(1, self.buffer.len());
        self.take(bytes);
        Ok(read.map(|_| Some(cells)).map_err(WrongLine::Csv))
    }

    fn header(&mut self) -> Result<Vec<&'static str>, WrongHeader> {
        if self.buffer.is_empty() {
            return Err(WrongHeader::Row);
        }
        let Ok(Some(cells)) = self.cells()? else {
            return Err(WrongHeader::Row);
        };
        let mut names = Vec::new();
        for cell in &cells {
            let cell = String::from_utf8_lossy(cell);
            let name = FIELDS.into_iter().find(|field| *field == cell.trim());
            let name = name.ok_or_else(|| WrongHeader::Unknown(cell.chars().take(50).collect()))?;
            if names.contains(&name) {
                return Err(WrongHeader::Twice(name));
            }
            names.push(name);
        }
        Ok(names)
    }
}

/// Whether more quotation marks are opened than closed, as far as counting says: where one stands within a cell without
/// marks around it, the library knows better, and what is read beyond its row stays for the next.
fn has_open_quote(text: &[u8]) -> bool {
    count(text, b'"') % 2 == 1
}

fn count(text: &[u8], wanted: u8) -> u64 {
    text.iter().map(|byte| u64::from(*byte == wanted)).sum()
}

fn fields_of(names: &[&'static str], cells: &csv::ByteRecord) -> Result<Fields, WrongLine> {
    if cells.len() != names.len() {
        return Err(WrongLine::Cells(cells.len(), names.len()));
    }
    let mut fields = Fields::default();
    for (name, cell) in names.iter().zip(cells) {
        let cell = str::from_utf8(cell).map_err(|_| WrongLine::Encoding)?;
        fields.set(name, cell)?;
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a text: number, and the link's code or the reason.
    fn read(text: &[u8], format: Format) -> Vec<(u64, String)> {
        let mut lines = Lines::of(text, format).expect("a beginning");
        let mut read = Vec::new();
        while let Some(Line { number, said }) = lines.next_line().expect("a line") {
            let said = match said {
                Ok(fields) => fields.link_id.unwrap_or_default(),
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
    fn a_line_of_json_is_a_click_and_a_wrong_one_hides_none_behind_it() {
        let long = "x".repeat(MAX_LINE_BYTES);
        let text = format!(
            "\u{FEFF}{{\"linkId\":\"a\"}}\r\n\n{{\"linkId\":\"b\"\n{{\"linkId\":\"{long}\"}}\n[]\n{{\"linkId\":5}}\n{{\"other\":\"c\"}}\n{{\"linkId\":\"d\"}}"
        );
        let mut text = text.into_bytes();
        text.extend_from_slice(b"\n{\"linkId\":\"\xFF\"}\n  \n");
        expect(
            &text,
            Format::Ndjson,
            &[
                (1, "a"),
                (3, "! no click in JSON: EOF"),
                (4, "! the line is longer"),
                (5, "! no click in JSON: "),
                (6, "! no click in JSON: invalid type: integer `5`"),
                (7, "! no click in JSON: unknown field `other`"),
                (8, "d"),
                (9, "! the line is not UTF-8"),
            ],
        );
    }

    #[test]
    fn a_row_of_csv_is_a_click_and_a_wrong_one_hides_none_behind_it() {
        let long = "x".repeat(MAX_LINE_BYTES);
        let text = format!(
            "\u{FEFF}linkId,query,isBot\r\na,,\r\n\"b\",\"two\nlines, \"\"quoted\"\"\",true\n\nc,x\nd,x,maybe\ne\"x,,\nf,,\"\n{long},,\ng,,0\n"
        );
        let mut text = text.into_bytes();
        text.extend_from_slice(b"\xFF,,\nh,,\n\"i,,\nj,,\n");
        expect(
            &text,
            Format::Csv,
            &[
                (2, "a"),
                (3, "b"),
                (6, "! the row has 2 cells, and the first row 3 names"),
                (7, "! isBot is true or false, or empty"),
                (8, "e\"x"),
                (9, "! the line is longer"),
                (10, "! the line is longer"),
                (11, "g"),
                (12, "! the line is not UTF-8"),
                (13, "h"),
                (14, "! the line is longer"),
                (15, "j"),
            ],
        );
    }

    #[test]
    fn the_first_row_of_csv_names_fields_that_there_are() {
        for (text, expected) in [
            ("", "the first row of CSV holds the names"),
            ("\n", "the first row of CSV holds the names"),
            (
                "shortUrl,useragent\n",
                "the first row of CSV names \"useragent\", which is no field; there are id, ",
            ),
            (
                "shortUrl,shortUrl\n",
                "the first row of CSV names \"shortUrl\" twice",
            ),
        ] {
            let wrong = Lines::of(text.as_bytes(), Format::Csv).expect_err("a wrong header");
            assert!(wrong.to_string().starts_with(expected), "{wrong}");
        }
    }
}
