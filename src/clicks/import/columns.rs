//! Which column of a file says what of a click.

use super::fields::{FIELDS, Fields, WrongField};
use crate::files::{Said, WrongLine};

/// The most bytes of a line that describes a click.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// Why a line describes no click.
#[derive(Debug, thiserror::Error)]
pub enum WrongFields {
    /// It is no JSON object of ours.
    #[error("no click in JSON: {0}")]
    Json(serde_json::Error),
    /// It can't be read.
    #[error(transparent)]
    Line(WrongLine),
    /// A cell says neither yes nor no.
    #[error(transparent)]
    Field(#[from] WrongField),
}

impl From<WrongLine> for WrongFields {
    fn from(wrong: WrongLine) -> Self {
        match wrong {
            WrongLine::Json(error) => Self::Json(error),
            other => Self::Line(other),
        }
    }
}

/// Why the first row of CSV names no fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongColumns {
    /// There is no such field.
    #[error("the first row of CSV names {0:?}, which is no field; there are {fields}", fields = FIELDS.join(", "))]
    Unknown(String),
    /// It is there twice.
    #[error("the first row of CSV names {0:?} twice")]
    Twice(&'static str),
}

/// The columns of a file of CSV; there are none of NDJSON.
#[derive(Clone, Debug)]
pub struct Columns(Vec<&'static str>);

impl Columns {
    /// What the names of a first row stand for.
    ///
    /// # Errors
    /// When one stands for nothing, or two for the same.
    pub fn of(names: &[String]) -> Result<Self, WrongColumns> {
        let mut columns = Vec::new();
        for name in names {
            let field = FIELDS.into_iter().find(|field| field == name);
            let field = field.ok_or_else(|| WrongColumns::Unknown(name.chars().take(50).collect()))?;
            if columns.contains(&field) {
                return Err(WrongColumns::Twice(field));
            }
            columns.push(field);
        }
        Ok(Self(columns))
    }

    /// The fields of a line.
    ///
    /// # Errors
    /// When it has none.
    pub fn fields(&self, said: Result<Said<Fields>, WrongLine>) -> Result<Fields, WrongFields> {
        match said? {
            Said::Object(fields) => Ok(fields),
            Said::Cells(cells) => {
                let mut fields = Fields::default();
                for (name, cell) in self.0.iter().zip(cells) {
                    fields.set(name, cell)?;
                }
                Ok(fields)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Format, Line, Lines};

    /// The lines of a text: number, and the link's code or the reason.
    fn read(text: &str, format: Format) -> Vec<(u64, String)> {
        let mut lines = Lines::of(text.as_bytes(), format, MAX_LINE_BYTES).expect("a beginning");
        let columns = Columns::of(lines.names()).expect("columns");
        let mut read = Vec::new();
        while let Some(Line { number, said }) = lines.next_line().expect("a line") {
            let said = match columns.fields(said) {
                Ok(fields) => fields.link_id.unwrap_or_default(),
                Err(wrong) => format!("! {wrong}"),
            };
            read.push((number, said));
        }
        read
    }

    fn expect(text: &str, format: Format, expected: &[(u64, &str)]) {
        let read = read(text, format);
        assert_eq!(read.len(), expected.len(), "{read:?}");
        for ((number, said), (line, start)) in read.iter().zip(expected) {
            assert_eq!(number, line, "{read:?}");
            assert!(said.starts_with(start), "{said}");
        }
    }

    #[test]
    fn a_line_has_the_fields_of_a_click_in_either_format() {
        let long = "x".repeat(MAX_LINE_BYTES);
        let text = format!(
            "{{\"linkId\":\"a\"}}\n{{\"linkId\":\"b\"\n{{\"linkId\":\"{long}\"}}\n[]\n{{\"linkId\":5}}\n{{\"other\":\"c\"}}\n\
             {{\"linkId\":\"d\",\"linkId\":\"e\"}}\n{{\"linkId\":\"f\"}}\n"
        );
        expect(
            &text,
            Format::Ndjson,
            &[
                (1, "a"),
                (2, "! no click in JSON: EOF"),
                (3, "! the line is longer than 65536 bytes"),
                (4, "! no click in JSON: "),
                (5, "! no click in JSON: invalid type: integer `5`"),
                (6, "! no click in JSON: unknown field `other`"),
                (7, "! no click in JSON: duplicate field `linkId`"),
                (8, "f"),
            ],
        );
        let text = "linkId,query,isBot\na,,\n\"b\",\"two\nlines\",true\nc,x\nd,x,maybe\ne,,0\n";
        expect(
            text,
            Format::Csv,
            &[
                (2, "a"),
                (3, "b"),
                (5, "! the row has 2 cells, and the first row 3 names"),
                (6, "! isBot is true or false, or empty"),
                (7, "e"),
            ],
        );
    }

    #[test]
    fn the_first_row_of_csv_names_fields_that_there_are() {
        for (names, expected) in [
            (
                ["shortUrl", "useragent"],
                "the first row of CSV names \"useragent\", which is no field; there are id, ",
            ),
            (
                ["shortUrl", "shortUrl"],
                "the first row of CSV names \"shortUrl\" twice",
            ),
        ] {
            let wrong = Columns::of(&names.map(str::to_owned)).expect_err("wrong columns");
            assert!(wrong.to_string().starts_with(expected), "{wrong}");
        }
    }
}
