//! The lines of a file, and of CSV the rows.

use std::{
    io::{self, BufRead, Read as _},
    marker::PhantomData,
};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::quotes::{Quotes, Row};

/// How much of what was read already is left lying before it is cleared away.
const LITTER: usize = 256 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

const LINE_END: &[u8] = b"\n";

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// Rows below a row of names.
    Csv,
}

/// A JSON object, whatever its fields are.
pub type Object = Map<String, Value>;

/// A line that says something, with its number from 1.
#[derive(Debug)]
pub struct Line<O = Object> {
    /// Which it is; of several, the first.
    pub number: u64,
    /// What it says.
    pub said: Result<Said<O>, WrongLine>,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Said<O = Object> {
    /// A JSON object, read as one of these.
    Object(O),
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
    /// It is longer than so many bytes.
    #[error("the line is longer than {0} bytes")]
    TooLong(usize),
    /// A row of CSV never ends.
    #[error("the quotation mark that opens in line {0} is never closed")]
    OpenQuote(u64),
    /// A row of CSV does not end for long.
    #[error("the quotation mark that opens in line {line} is not closed within {max_bytes} bytes")]
    LongQuote {
        /// Where it opens.
        line: u64,
        /// How much of a row is read.
        max_bytes: usize,
    },
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
    /// The first row of CSV is not there.
    #[error("the first row of CSV holds the names of its cells; this one is empty")]
    NoNames,
    /// The first row of CSV can't be taken apart.
    #[error("the first row of CSV can't be read")]
    Names(#[source] WrongLine),
}

/// The lines of a file, of NDJSON each read as an `O`.
#[derive(Debug)]
pub struct Lines<R, O = Object> {
    input: R,
    /// The most bytes of a line, and of a row of CSV that has several.
    max_bytes: usize,
    /// Of CSV the names of its cells.
    names: Vec<String>,
    format: Format,
    /// What is read; up to `begin` it is taken apart already.
    buffer: Vec<u8>,
    begin: usize,
    /// The number of the line at `begin`.
    number: u64,
    /// A row that went too far: others that are open at the end of one of its lines go as far.
    endless: Option<Scan>,
    is_at_end: bool,
    object: PhantomData<fn() -> O>,
}

/// How far a row was gone through, and in vain.
#[derive(Clone, Copy, Debug)]
struct Scan {
    /// Behind its last line, counted from `begin`.
    end: usize,
    quotes: Quotes,
}

impl<R: BufRead, O: DeserializeOwned> Lines<R, O> {
    /// Begins a file whose lines have at most so many bytes; of CSV it reads the names.
    ///
    /// # Errors
    /// When the file can't be read, is in another encoding, or there are no names.
    pub fn of(input: R, format: Format, max_bytes: usize) -> Result<Self, WrongFile> {
        let mut lines = Self {
            input,
            max_bytes,
            names: Vec::new(),
            format,
            buffer: Vec::new(),
            begin: 0,
            number: 1,
            endless: None,
            is_at_end: false,
            object: PhantomData,
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
            let cells = lines.row()?.map_err(WrongFile::Names)?;
            let cells = cells.ok_or(WrongFile::NoNames)?;
            // Programs begin a file with the mark that already begins with it, too.
            let is_nothing = |character: char| character.is_whitespace() || character == '\u{feff}';
            let names = cells.iter().map(|name| name.trim_matches(is_nothing).to_owned());
            lines.names = names.collect();
        }
        Ok(lines)
    }

    /// How it is written.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Of CSV the names of the cells.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The next line that says something; `None` at the end.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn next_line(&mut self) -> io::Result<Option<Line<O>>> {
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

    /// Adds the next line of the file to the buffer; one that is too long is cut off, and is too long afterwards too.
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
            let room = (self.max_bytes + 2).saturating_sub(self.buffer.len() - line_begin);
            let (kept, cut) = read[..end].split_at(end.min(room));
            self.buffer.extend_from_slice(kept);
            // White space at its end is not counted, but only where nothing stands behind it.
            if !cut.trim_ascii().is_empty()
                && let Some(last) = self.buffer.last_mut()
            {
                *last = b'.';
            }
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
        self.endless = self.endless.and_then(|scan| {
            let end = scan.end.checked_sub(bytes)?;
            Some(Scan { end, ..scan })
        });
    }

    fn object(&mut self) -> Result<Option<Said<O>>, WrongLine> {
        let bytes = first_line(self.rest());
        let line = self.rest()[..bytes].trim_ascii_end();
        let object = if line.is_empty() {
            Ok(None)
        } else if line.len() > self.max_bytes {
            Err(WrongLine::TooLong(self.max_bytes))
        } else {
            let text = str::from_utf8(line.trim_ascii_start()).map_err(|_| WrongLine::Encoding);
            text.and_then(|text| serde_json::from_str(text).map_err(WrongLine::Json))
                .map(|object| Some(Said::Object(object)))
        };
        self.take(bytes);
        object
    }

    /// The cells of the next row; `None` for an empty line.
    fn row(&mut self) -> io::Result<Result<Option<Vec<String>>, WrongLine>> {
        let end = match self.row_end()? {
            Ok(end) => end,
            Err(wrong) => {
                // What follows may be rows again.
                self.take(first_line(self.rest()));
                return Ok(Err(wrong));
            }
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
            // Behind an empty line, since at its beginning the library drops a mark of the byte order, here a cell's.
            .from_reader(LINE_END.chain(row));
        let mut cells = csv::ByteRecord::new();
        let read = reader.read_byte_record(&mut cells);
        // For the library a row ends with a carriage return too: what is behind it stays for the next.
        let bytes = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        let bytes = bytes.saturating_sub(LINE_END.len()).clamp(1, row.len());
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

    /// Where the next row ends: with a line behind which no quotation mark is open.
    fn row_end(&mut self) -> io::Result<Result<usize, WrongLine>> {
        let mut scan = Scan {
            end: 0,
            quotes: Quotes::before(self.number),
        };
        loop {
            let rest = &self.rest()[scan.end..];
            if rest.is_empty() && !self.is_at_end {
                self.fill()?;
                continue;
            }
            if rest.is_empty() && scan.end > 0 {
                self.endless = Some(scan);
                return Ok(Err(WrongLine::OpenQuote(scan.quotes.opened())));
            }
            let (is_first, line) = (scan.end == 0, first_line(rest));
            let row = scan.quotes.pass(&rest[..line]);
            scan.end += line;
            let is_too_long = self.rest()[..scan.end].trim_ascii_end().len() > self.max_bytes;
            match row {
                Row::Torn => return Ok(Err(WrongLine::OpenQuote(scan.quotes.opened()))),
                Row::Open if is_too_long && !is_first => {
                    self.endless = Some(scan);
                    return Ok(Err(WrongLine::LongQuote {
                        line: scan.quotes.opened(),
                        max_bytes: self.max_bytes,
                    }));
                }
                Row::Whole | Row::Open if is_too_long => return Ok(Err(WrongLine::TooLong(self.max_bytes))),
                Row::Whole => return Ok(Ok(scan.end)),
                Row::Open => {
                    // Lines would be gone through again and again where each leaves a mark open.
                    if let Some(endless) = self.endless.filter(|endless| endless.end > scan.end) {
                        scan.end = endless.end;
                        scan.quotes.join(endless.quotes);
                    }
                }
            }
        }
    }
}

/// How many bytes the first line has, with its end.
fn first_line(text: &[u8]) -> usize {
    let end = text.iter().position(|byte| *byte == b'\n');
    end.map_or(text.len(), |at| at + 1)
}

fn count(text: &[u8], wanted: u8) -> u64 {
    text.iter().map(|byte| u64::from(*byte == wanted)).sum()
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::*;

    const MAX_BYTES: usize = 64 * 1024;

    fn lines<R: Read>(text: R, format: Format) -> Result<Lines<BufReader<R>>, WrongFile> {
        Lines::of(BufReader::new(text), format, MAX_BYTES)
    }

    /// The lines of a text: number, and what it says or why not.
    fn read(text: impl Read, format: Format) -> Vec<(u64, String)> {
        let mut lines = lines(text, format).expect("a beginning");
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
        let long = "x".repeat(MAX_BYTES);
        let text = format!("\u{FEFF}{{\"a\":1}}\r\n\n{{\"a\"\n{{\"a\":\"{long}\"}}\n[]\n  \n{{\"a\":2}}");
        let mut text = text.into_bytes();
        text.extend_from_slice(b"\n{\"a\":\"\xFF\"}\n{\"a\":3}");
        expect(
            &text,
            Format::Ndjson,
            &[
                (1, "{\"a\":1}"),
                (3, "! no JSON object: EOF"),
                (4, "! the line is longer than 65536 bytes"),
                (5, "! no JSON object: "),
                (7, "{\"a\":2}"),
                (8, "! the line is not UTF-8"),
                (9, "{\"a\":3}"),
            ],
        );
    }

    #[test]
    fn a_row_has_a_cell_for_each_name_and_a_wrong_one_hides_none_behind_it() {
        let long = "x".repeat(MAX_BYTES);
        let text = format!(
            "\u{FEFF}a,b\r\na,\r\n\"b\",\"two\nlines, \"\"quoted\"\"\"\n\nc\ne\"x,\nf,5\" \"pipe\n{long},\ng,0\rh,1\n"
        );
        let mut text = text.into_bytes();
        text.extend_from_slice(b"\xFF,\ni,\n");
        expect(
            &text,
            Format::Csv,
            &[
                (2, "a|"),
                (3, "b|two\nlines, \"quoted\""),
                (6, "! the row has 1 cells, and the first row 2 names"),
                (7, "e\"x|"),
                (8, "f|5\" \"pipe"),
                (9, "! the line is longer than 65536 bytes"),
                (10, "g|0"),
                (10, "h|1"),
                (11, "! the line is not UTF-8"),
                (12, "i|"),
            ],
        );
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_is_told_with_its_line_and_hides_no_row() {
        let long = "x".repeat(MAX_BYTES);
        for (text, expected) in [
            // At the end of the file.
            (
                "a,b\nc,\"d\ne,f\n".to_owned(),
                [
                    (2, "! the quotation mark that opens in line 2 is never closed"),
                    (3, "e|f"),
                ],
            ),
            // Where a later row has a quoted cell.
            (
                "a,b\nc,\"d\ne,\"f, g\"\n".to_owned(),
                [
                    (2, "! the quotation mark that opens in line 2 is never closed"),
                    (3, "e|f, g"),
                ],
            ),
            // In the second line of its row.
            (
                "a,b\n\"c\nd\",\"e\n".to_owned(),
                [
                    (2, "! the quotation mark that opens in line 3 is never closed"),
                    (3, "! the quotation mark that opens in line 3 is never closed"),
                ],
            ),
            // Where the file goes on and on.
            (
                format!("a,b\nc,\"d\n{long},\n"),
                [
                    (
                        2,
                        "! the quotation mark that opens in line 2 is not closed within 65536 bytes",
                    ),
                    (3, "! the line is longer than 65536 bytes"),
                ],
            ),
        ] {
            expect(text.as_bytes(), Format::Csv, &expected);
        }
        // All lines are gone through once, though each leaves a mark open.
        let text = format!("a,b\n{}", "a\",\"b\n".repeat(300_000));
        let read = read(text.as_bytes(), Format::Csv);
        assert_eq!(read.len(), 300_000);
        let (number, said) = &read[1000];
        assert_eq!(*number, 1002);
        assert!(said.ends_with(" is not closed within 65536 bytes"), "{said}");
        assert!(read[299_999].1.ends_with("line 300001 is never closed"));
    }

    #[test]
    fn a_line_of_a_gigabyte_is_skipped_without_being_held() {
        let huge = |bytes| io::repeat(b'x').take(bytes);
        let text = (&b"a,b\n"[..]).chain(huge(1 << 30)).chain(&b"\n\"open\n"[..]);
        let text = text.chain(huge(1 << 20)).chain(&b"\nurl,1\n"[..]);
        let mut lines = lines(text, Format::Csv).expect("a beginning");
        let mut next = || {
            let line = lines.next_line().expect("a line").expect("a line");
            assert!(lines.buffer.capacity() < 4 * MAX_BYTES + LITTER);
            (line.number, line.said.map_err(|wrong| wrong.to_string()))
        };
        let too_long = || Err("the line is longer than 65536 bytes".to_owned());
        let open = "the quotation mark that opens in line 3 is not closed within 65536 bytes";
        assert_eq!(next(), (2, too_long()));
        assert_eq!(next(), (3, Err(open.to_owned())));
        assert_eq!(next(), (4, too_long()));
        assert_eq!(next(), (5, Ok(Said::Cells(vec!["url".into(), "1".into()]))));
    }

    #[test]
    fn names_have_no_mark_of_the_byte_order_and_no_white_space_around_them() {
        let text = "\u{FEFF}\u{FEFF}a, \u{FEFF}b c\u{a0}\n1,2\n";
        let lines = lines(text.as_bytes(), Format::Csv).expect("a beginning");
        assert_eq!(lines.names(), ["a", "b c"]);
    }

    #[test]
    fn a_row_that_begins_with_a_mark_of_the_byte_order_keeps_it_and_ends_where_it_ends() {
        let text = "a,b\n\u{FEFF}1,2\n\u{FEFF}\"3,4\n5\",6\n";
        let expected = [(2, "\u{FEFF}1|2"), (3, "\u{FEFF}\"3|4"), (4, "5\"|6")];
        expect(text.as_bytes(), Format::Csv, &expected);
    }

    #[test]
    fn what_stands_behind_much_white_space_is_not_lost() {
        let blank = " ".repeat(MAX_BYTES + 10);
        let too_long = "! the line is longer than 65536 bytes";
        let text = format!("a,b\nc,{blank}d\n{blank}e,f\n{blank}\ng,h{blank}\n");
        let expected = [(2, too_long), (3, too_long), (5, "g|h")];
        expect(text.as_bytes(), Format::Csv, &expected);
        let text = format!("{{\"a\":1}}{blank}}}\n{blank}{{\"a\":2}}\n{blank}\n{{\"a\":3}}{blank}\n");
        let expected = [(1, too_long), (2, too_long), (4, "{\"a\":3}")];
        expect(text.as_bytes(), Format::Ndjson, &expected);
    }

    #[test]
    fn a_file_without_names_or_in_another_encoding_is_none() {
        for text in [&b""[..], b"\n"] {
            let wrong = lines(text, Format::Csv).expect_err("a wrong file");
            assert!(matches!(wrong, WrongFile::NoNames), "{wrong}");
        }
        let wrong = lines(&b"\"a,b\nc,d\n"[..], Format::Csv).expect_err("a wrong file");
        assert!(
            matches!(wrong, WrongFile::Names(WrongLine::OpenQuote(1))),
            "{wrong}"
        );
        for format in [Format::Csv, Format::Ndjson] {
            let wrong = lines(&b"\xFF\xFEu\0r\0l\0"[..], format).expect_err("a wrong file");
            assert!(matches!(wrong, WrongFile::Utf16), "{wrong}");
        }
    }
}
