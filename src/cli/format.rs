//! How files that are brought along or written are called.

use std::path::Path;

use clap::ValueEnum;

use crate::files::Format;

/// A format by the name that flags give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatName {
    /// One JSON object a line
    Ndjson,
    /// Rows below a row of names
    Csv,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Ndjson => Self::Ndjson,
            FormatName::Csv => Self::Csv,
        }
    }
}

/// What the end of a file's name says.
pub(super) fn told_by_name(file: &Path) -> Option<Format> {
    let extension = file.extension()?;
    let is = |name: &str| extension.eq_ignore_ascii_case(name);
    if is("csv") {
        Some(Format::Csv)
    } else if is("ndjson") || is("jsonl") {
        Some(Format::Ndjson)
    } else {
        None
    }
}
