//! What commands print: for people a table or a sentence, for scripts one JSON value.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;
use entity::Timestamp;
use serde_json::{Value, json};

use super::print;

/// How a command prints what it has to say.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Output {
    /// Print one JSON value, for scripts; fields and values are named as in the GraphQL API
    #[arg(long)]
    json: bool,
}

impl Output {
    /// Prints the one or the other.
    pub(super) fn print(self, json: impl FnOnce() -> Value, text: impl FnOnce() -> String) -> Result<()> {
        print(&if self.json {
            format!("{}\n", json())
        } else {
            text()
        })
    }
}

/// A time for scripts.
pub(super) fn time_json(time: Option<Timestamp>) -> Value {
    json!(time.map(Timestamp::utc))
}

/// A time for people; `none` where there is none.
pub(super) fn time_text(time: Option<Timestamp>, none: &str) -> String {
    time.map_or_else(
        || none.to_owned(),
        |time| time.utc().format("%Y-%m-%d %H:%M:%SZ").to_string(),
    )
}

/// The names that JSON gives to one thing or to several, for people.
pub(super) fn words(named: &Value) -> String {
    match named {
        Value::Array(several) => several.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::String(name) => name.clone(),
        other => other.to_string(),
    }
}

/// Rows below a header, each column as wide as its widest cell; `empty`, a sentence, where there are none.
pub(super) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]], empty: &str) -> String {
    if rows.is_empty() {
        return format!("{empty}\n");
    }
    let header = header.map(str::to_owned);
    let lines = || std::iter::once(&header).chain(rows);
    let widths: [usize; N] = std::array::from_fn(|at| {
        lines()
            .map(|row| row[at].chars().count())
            .max()
            .unwrap_or_default()
    });
    let mut text = String::new();
    for row in lines() {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["1", "Café"], ["1000", "x"]].map(|row| row.map(str::to_owned));
        let shown = table(["ID", "NAME"], &rows, "none");
        assert_eq!(shown, "ID    NAME\n1     Café\n1000  x\n");
    }

    #[test]
    fn no_rows_are_a_sentence() {
        assert_eq!(table(["ID"], &[], "There are none."), "There are none.\n");
    }

    #[test]
    fn a_time_is_one_in_utc_or_said_not_to_be() {
        let time = Timestamp::from_millis(1_795_435_200_123);
        assert_eq!(time_text(Some(time), "never"), "2026-11-23 12:00:00Z");
        assert_eq!(time_text(None, "never"), "never");
        assert_eq!(time_json(Some(time)), "2026-11-23T12:00:00.123Z");
        assert_eq!(time_json(None), Value::Null);
    }
}
