//! Files that operators bring along: any bytes as the lines of CSV and NDJSON, as links and as clicks.
//!
//! An input's first line says how to read the rest, `csv` or `ndjson`, with `short` behind it where lines may have no more than
//! [`SHORT`] bytes; where it says nothing, the first byte does.

use std::io::Read as _;

use linkhop::{
    clicks::import::{Columns as ClickColumns, Fields},
    files::{Format, Line, Lines, Rejects, Said, WrongLine},
    links::{
        create::NewShortLink,
        import::{Brought, Columns, bring, code_of, link_of},
    },
};
use serde_json::Value;
use tempfile::NamedTempFile;

use super::world::{self, NOW};

/// The most bytes of a line, where they are few.
const SHORT: usize = 64;

/// The most bytes of a line, else.
const LONG: usize = 64 * 1024;

/// How many links or clicks of an input are tried on a database.
const TRIED: usize = 16;

/// Reads an input as a file of links and as one of clicks.
///
/// # Panics
/// Where a line is neither read nor refused, or is lost; where a second reading of what was rejected says anything else than
/// the first; and where a line makes another click or link when it is read again, or its refusal is our fault.
pub fn run(input: &[u8]) {
    let (format, max_bytes, text) = kind(input);
    let Some(file) = File::read(text, format, max_bytes) else {
        return;
    };
    match format {
        Format::Ndjson => file.each_line_is_read(text, max_bytes),
        Format::Csv => file.each_text_is_read(text),
    }
    links(&file);
    clicks(text, format, max_bytes);
}

fn kind(input: &[u8]) -> (Format, usize, &[u8]) {
    let end = input
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(input.len());
    let text = input.get(end + 1..).unwrap_or_default();
    match &input[..end] {
        b"csv" => (Format::Csv, LONG, text),
        b"csv short" => (Format::Csv, SHORT, text),
        b"ndjson" => (Format::Ndjson, LONG, text),
        b"ndjson short" => (Format::Ndjson, SHORT, text),
        _ => {
            let (first, text) = input.split_first().unwrap_or((&0, &[]));
            let format = if first & 1 == 0 {
                Format::Csv
            } else {
                Format::Ndjson
            };
            (format, if first & 2 == 0 { LONG } else { SHORT }, text)
        }
    }
}

/// A file that was read to its end.
struct File {
    names: Vec<String>,
    format: Format,
    lines: Vec<Line>,
}

impl File {
    /// `None` where nothing of it can be read.
    fn read(text: &[u8], format: Format, max_bytes: usize) -> Option<Self> {
        let mut lines = Lines::of(text, format, max_bytes).ok()?;
        let mut read = Vec::new();
        while let Some(line) = lines.next_line().expect("it is in memory") {
            read.push(line);
        }
        Some(Self {
            names: lines.names().to_vec(),
            format,
            lines: read,
        })
    }

    /// NDJSON: each line that is not blank is an object or wrong, and no other.
    fn each_line_is_read(&self, text: &[u8], max_bytes: usize) {
        let physical = without_mark(text).split(|byte| *byte == b'\n').zip(1..);
        let wanted = physical.filter(|(line, _)| !line.trim_ascii().is_empty());
        let mut lines = self.lines.iter();
        for (wanted, number) in wanted {
            let Line { number: got, said } = lines.next().expect("a line is lost");
            assert_eq!(*got, number);
            let object = serde_json::from_slice::<Value>(wanted.trim_ascii())
                .ok()
                .filter(Value::is_object);
            match said {
                Ok(Said::Object(said)) => assert_eq!(Some(Value::Object(said.clone())), object),
                Ok(Said::Cells(cells)) => panic!("an object has no {cells:?}"),
                Err(WrongLine::TooLong(_)) => assert!(wanted.len() > max_bytes),
                Err(wrong) => assert_eq!(object, None, "{wrong}"),
            }
        }
        assert!(lines.next().is_none(), "a line from nowhere");
    }

    /// CSV: what lines say is in cells, in their order, but for rows that are refused with the number of their line.
    fn each_text_is_read(&self, text: &[u8]) {
        let text = without_mark(text);
        let numbers = self.lines.iter().map(|line| line.number);
        assert!(numbers.is_sorted_by(|one, other| one <= other), "out of order");
        // Behind one, a row begins in the midst of a line.
        if text.windows(2).any(|pair| pair[0] == b'\r' && pair[1] != b'\n') {
            return;
        }
        let physical: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').collect();
        let head = (1, Ok(&self.names));
        let rows = self.lines.iter().map(|line| match &line.said {
            Ok(Said::Cells(cells)) | Err(WrongLine::Cells { cells, .. }) => (line.number, Ok(cells)),
            Ok(Said::Object(object)) => panic!("a row has no {object:?}"),
            Err(wrong) => (line.number, Err(wrong)),
        });
        let mut rows = std::iter::once(head).chain(rows).peekable();
        while let Some((number, cells)) = rows.next() {
            let begin = usize::try_from(number - 1).expect("a number");
            let end = rows.peek().map_or(physical.len(), |(next, _)| {
                usize::try_from(next - 1).expect("a number")
            });
            assert!(begin < end && end <= physical.len(), "two rows of line {number}");
            let lines = &physical[begin..end];
            match cells {
                Ok(cells) => {
                    let said = cells.iter().flat_map(|cell| plain(cell.as_bytes()));
                    let wanted = lines.iter().flat_map(|line| plain(line));
                    assert!(
                        said.eq(wanted),
                        "line {number} says {:?}, and is read as {cells:?}",
                        String::from_utf8_lossy(&lines.concat())
                    );
                }
                Err(WrongLine::Encoding) => assert!(str::from_utf8(&lines.concat()).is_err()),
                // What follows is read again.
                Err(wrong) => {
                    let others = lines[1..].iter().filter(|line| !line.trim_ascii().is_empty());
                    assert_eq!(others.count(), 0, "lost behind line {number}: {wrong}");
                }
            }
        }
    }

    /// The same file of what was rejected, as it is written.
    fn rejected(&self, codes: &[&str]) -> Vec<u8> {
        let mut file = NamedTempFile::new().expect("a temporary file");
        let mut rejects = Rejects::create(file.path(), self.format, &self.names).expect("a file");
        for (line, code) in self.lines.iter().zip(codes) {
            rejects
                .add(
                    line.number,
                    line.said.as_ref(),
                    code,
                    "a, \"reason\"\nof two lines",
                )
                .expect("it is written");
        }
        rejects.flush().expect("it is written");
        let mut written = Vec::new();
        file.read_to_end(&mut written).expect("it is read");
        written
    }

    /// What each line asks for; `None` where the columns ask for nothing.
    fn asked(&self) -> Option<Vec<Result<NewShortLink, String>>> {
        let columns = match self.format {
            Format::Csv => Some(Columns::of(&self.names).ok()?),
            Format::Ndjson => None,
        };
        let asked = self.lines.iter().map(|line| {
            let said = line.said.as_ref().map_err(ToString::to_string)?;
            let link = match (said, &columns) {
                (Said::Cells(cells), Some(columns)) => columns.link(cells),
                (Said::Object(object), None) => link_of(object),
                (said, _) => panic!("{said:?} of {:?}", self.format),
            };
            link.map_err(|wrong| wrong.to_string())
        });
        Some(asked.collect())
    }
}

/// What was asked for, in words.
fn words(asked: &[Result<NewShortLink, String>]) -> Vec<Result<String, &str>> {
    let words = asked.iter().map(|asked| match asked {
        Ok(link) => Ok(serde_json::to_string(link).expect("JSON")),
        Err(wrong) => Err(wrong.as_str()),
    });
    words.collect()
}

fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text)
}

/// The bytes of a text that no format of CSV means anything by.
fn plain(text: &[u8]) -> impl Iterator<Item = u8> {
    let is_plain = |byte: &u8| !byte.is_ascii_whitespace() && !b"\",\x0b".contains(byte);
    // Around names also white space beyond ASCII is left out.
    text.iter()
        .copied()
        .filter(move |byte| is_plain(byte) && byte.is_ascii())
}

/// All lines could be refused, some for what the database says: the file of these says the same as the first.
fn links(file: &File) {
    let Some(asked) = file.asked() else { return };
    let codes: Vec<_> = asked
        .iter()
        .map(|asked| if asked.is_ok() { "TAKEN" } else { "BAD_REQUEST" })
        .collect();
    let written = file.rejected(&codes);
    let again = File::read(&written, file.format, 16 * LONG).expect("rejects can be read");
    let written = String::from_utf8_lossy(&written);
    assert_eq!(again.lines.len(), file.lines.len(), "{written:?}");
    let asked_again = again.asked().expect("the same columns");
    for ((line, first), second) in file.lines.iter().zip(words(&asked)).zip(words(&asked_again)) {
        // What could not be read leaves nothing.
        if line.said.is_ok() {
            assert_eq!(first, second, "line {}: {written:?}", line.number);
        }
    }
    let third = File::read(&again.rejected(&codes), file.format, 16 * LONG).expect("rejects can be read");
    let asked_third = third.asked().expect("the same columns");
    assert_eq!(words(&asked_third), words(&asked_again));
    let numbers = file.lines.iter().map(|line| line.number);
    let links = numbers
        .zip(asked)
        .filter_map(|(number, asked)| Some((number, asked.ok()?)));
    let links: Vec<_> = links.take(TRIED).collect();
    let count = links.len();
    world::with(|world| {
        world.wait(async |world| {
            let tools = world.app.link_tools();
            let brought = bring(tools, &world.account, (1, links), true, NOW).await;
            let brought = brought.expect("a database that answers");
            assert_eq!(brought.len(), count);
            for brought in brought {
                if let Brought::Refused(error) = brought {
                    assert_ne!(code_of(&error), "INTERNAL", "{error}");
                }
            }
        });
    });
}

fn clicks(text: &[u8], format: Format, max_bytes: usize) {
    let Ok(mut lines) = Lines::<_, Fields>::of(text, format, max_bytes) else {
        return;
    };
    let Ok(columns) = ClickColumns::of(lines.names()) else {
        return;
    };
    let mut read = Vec::new();
    while let Some(Line { said, .. }) = lines.next_line().expect("it is in memory") {
        if let Ok(fields) = columns.fields(said) {
            let written = serde_json::to_string(&fields).expect("JSON");
            assert_eq!(
                serde_json::from_str::<Fields>(&written).ok().as_ref(),
                Some(&fields)
            );
            read.push(fields);
        }
    }
    world::with(|world| {
        world.wait(async |world| {
            let mut lot = Vec::new();
            for fields in read.iter().take(TRIED) {
                let first = world.importer.read(fields, NOW).await.expect("an answer");
                let second = world.importer.read(fields, NOW).await.expect("an answer");
                assert_eq!(format!("{first:?}"), format!("{second:?}"));
                lot.extend(first.ok().map(|click| (1, click)));
            }
            let count = lot.len() as u64;
            let stored = world.importer.store(lot).await.expect("an answer");
            assert_eq!(
                stored.stored + stored.skipped + stored.refused.len() as u64,
                count
            );
        });
    });
}
