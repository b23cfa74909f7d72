//! From what a request says to the click that is stored of it.

use std::sync::Arc;

use entity::{ClickId, ShortLinkId, Timestamp, agent_list, click, text_id, user_agent};

use super::verdict::{Judge, Verdict};
use crate::store::NewClick;

/// A request for a live link that is about to be answered.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// Names the click; made by the caller, whose answer may hold it.
    pub id: ClickId,
    /// What is clicked.
    pub link: ShortLinkId,
    /// When.
    pub at: Timestamp,
    /// How.
    pub method: click::Method,
    /// The `User-Agent` header, if there was one.
    pub user_agent: Option<&'a str>,
    /// Whether the visitor asked not to be tracked (`Sec-GPC: 1` or `DNT: 1`): then the click counts and
    /// nothing of the visitor is kept.
    pub is_private: bool,
}

impl Visit<'_> {
    /// The click, judged.
    #[must_use]
    pub fn click(&self, judge: &Judge) -> (Arc<NewClick>, Verdict) {
        // Whoever goes on from a preview page is a person, whatever else speaks against it.
        let verdict = if self.method == click::Method::Post {
            Verdict::default()
        } else {
            judge.judge(self)
        };
        let agent = self.user_agent.filter(|_| !self.is_private).map(|agent| {
            let text = storable(agent);
            Arc::new(user_agent::Model {
                id: text_id(&text),
                text,
                device: None,
                os: None,
                browser: None,
            })
        });
        let list = Arc::new(agent_list::Model {
            id: text_id(judge.list_version()),
            version: judge.list_version().to_owned(),
        });
        let row = click::Model {
            seq: 0,
            id: self.id,
            clicked_at: self.at,
            short_link_id: self.link,
            method: self.method,
            bot_reason: verdict.reason(),
            bot_kind: verdict.kind,
            is_prefetch: false,
            agent_list_id: list.id,
            user_agent_id: agent.as_ref().map(|agent| agent.id),
            address: None,
            visitor: None,
            country: None,
            referrer: None,
            language: None,
            parameters: None,
        };
        (Arc::new(NewClick { row, agent, list }), verdict)
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
