//! Stores clicks before they are answered.

use entity::{ClickId, ShortLinkId, Timestamp, click};

use super::verdict::Judge;
use super::verdict::Visit;
use crate::store::{WriteError, Writer};

/// Hands clicks over to be stored. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorder {
    writer: Writer,
}

/// A request for a live link that is about to be answered.
#[derive(Clone, Copy, Debug)]
pub struct NewClick<'a> {
    /// Names it; made by the caller, whose answer may hold it.
    pub id: ClickId,
    /// What was clicked.
    pub link: ShortLinkId,
    /// When.
    pub at: Timestamp,
    /// What the request says of the visitor.
    pub visit: Visit<'a>,
    /// Whether the visitor asked not to be tracked (`Sec-GPC: 1` or `DNT: 1`): then the click counts and
    /// nothing of the visitor is kept.
    pub is_private: bool,
}

impl Recorder {
    /// A recorder over the writer that all else is written by.
    #[must_use]
    pub const fn new(writer: Writer) -> Self {
        Self { writer }
    }

    /// Judges the click and returns once it is stored: what is answered then survives the end of the process.
    ///
    /// # Errors
    /// When it was not stored.
    pub async fn record(&self, judge: &Judge, new: NewClick<'_>) -> Result<(), WriteError> {
        let verdict = judge.judge(&new.visit);
        let click = click::Model {
            seq: 0,
            id: new.id,
            clicked_at: new.at,
            short_link_id: new.link,
            method: if new.visit.method_is_head { "HEAD" } else { "GET" }.to_owned(),
            bot_reason: verdict.reason().map(|reason| reason.as_str().to_owned()),
            bot_kind: verdict.kind.map(|kind| kind.as_str().to_owned()),
            list_version: judge.list_version().to_owned(),
            user_agent: new.visit.user_agent.filter(|_| !new.is_private).map(storable),
        };
        self.writer.append_click(click).await
    }
}

/// The most bytes of an agent string that are kept; browsers send 100 to 400.
const MAX_AGENT_BYTES: usize = 1024;

fn storable(agent: &str) -> String {
    let mut end = agent.len().min(MAX_AGENT_BYTES);
    while !agent.is_char_boundary(end) {
        end -= 1;
    }
    agent[..end].to_owned()
}
