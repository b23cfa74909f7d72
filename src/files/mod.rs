//! Files that an operator hands over, read line by line: in memory is one line, however long the file is.

mod lines;
mod quotes;
mod rejects;

pub use lines::{Format, Line, Lines, Object, Said, WrongFile, WrongLine};
pub use rejects::Rejects;
