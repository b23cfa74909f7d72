//! What is wrong with a file that an operator gave.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use crate::values::network::InvalidNetwork;

/// Why a file that the verdict needs can't be used; the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not there, or may not be read.
    #[error("can't read {file}")]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line of it is wrong.
    #[error("{file}, line {line}: {text:?} {what}")]
    Line {
        /// The file.
        file: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// What the line says.
        text: String,
        /// What of it is wrong.
        what: WrongLine,
    },
    /// All its lines together are more than can be compiled.
    #[error("{file}: its patterns are too much together")]
    TooMuch {
        /// The file.
        file: PathBuf,
        /// Why.
        source: regex::Error,
    },
    /// It is no MMDB.
    #[error("{file} is no MMDB of countries")]
    Country {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: maxminddb::MaxMindDbError,
    },
}

/// What is wrong with a line of a file.
#[derive(Debug)]
pub enum WrongLine {
    /// It is no regular expression.
    Pattern(regex::Error),
    /// It would make a bot of everybody.
    MatchesBrowsers,
    /// It is no network.
    Network(InvalidNetwork),
}

impl fmt::Display for WrongLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern(error) => write!(f, "is no regular expression: {error}"),
            Self::MatchesBrowsers => f.write_str("matches ordinary browsers, and would make bots of people"),
            Self::Network(error) => write!(f, "is no network: {error}"),
        }
    }
}

impl FileError {
    pub(super) fn read(file: &Path, source: io::Error) -> Self {
        Self::Read {
            file: file.to_owned(),
            source,
        }
    }

    pub(super) fn country(file: &Path, source: maxminddb::MaxMindDbError) -> Self {
        Self::Country {
            file: file.to_owned(),
            source,
        }
    }

    pub(super) fn line(file: &Path, line: usize, text: &str, what: WrongLine) -> Self {
        Self::Line {
            file: file.to_owned(),
            line,
            text: text.to_owned(),
            what,
        }
    }
}
