//! From what a request says to the click that is stored of it.

use std::{net::IpAddr, sync::Arc};

use entity::{ClickId, ShortLinkId, Timestamp, click};

use super::{address::Address, judge::Judge, said, verdict::Verdict};
use crate::store::NewClick;

/// A request for a live link that is about to be answered.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// Names the click; made by the caller, whose answer may hold it.
    pub id: ClickId,
    /// What is clicked.
    pub link: ShortLinkId,
    /// Where it leads; macros of click time stand in it literally.
    pub destination: &'a str,
    /// When.
    pub at: Timestamp,
    /// How.
    pub method: click::Method,
    /// The `User-Agent` header, if there was one.
    pub user_agent: Option<&'a str>,
    /// Whether the request said that nobody looks at its answer yet.
    pub is_prefetch: bool,
    /// The visitor's address, if it is known.
    pub address: Option<IpAddr>,
    /// The `Referer` header, if there was one.
    pub referrer: Option<&'a str>,
    /// The `Accept-Language` header, if there was one.
    pub languages: Option<&'a str>,
    /// The query of the short link, as it was sent.
    pub query: &'a str,
    /// Whether the visitor asked not to be tracked (`Sec-GPC: 1` or `DNT: 1`): then the click counts and
    /// nothing of the visitor is kept.
    pub is_private: bool,
}

impl Visit<'_> {
    /// The click, judged. Counts towards bursts: made once a visit.
    ///
    /// Costs less than a microsecond for an agent that is known.
    #[must_use]
    pub fn click(&self, judge: &Judge) -> (Arc<NewClick>, Verdict) {
        let agent = judge.agent(self.user_agent);
        // Whoever goes on from a preview page is a person, whatever else speaks against it.
        let verdict = if self.method == click::Method::Post {
            Verdict::default()
        } else {
            judge.judge(self, agent.as_ref())
        };
        let list = Arc::clone(judge.list());
        let mut row = click::Model {
            seq: 0,
            id: self.id,
            clicked_at: self.at,
            short_link_id: self.link,
            method: self.method,
            bot_reason: verdict.reason(),
            bot_kind: verdict.kind,
            is_prefetch: self.is_prefetch,
            agent_list_id: list.id,
            user_agent_id: None,
            address: None,
            visitor: None,
            country: None,
            referrer: None,
            language: None,
            parameters: said::parameters(self.query, self.destination),
        };
        if self.is_private {
            let agent = None;
            return (Arc::new(NewClick { row, agent, list }), verdict);
        }
        if let Some(address) = self.address.map(Address::from) {
            row.address = Some(address.network());
            row.visitor = Some(judge.visitor(address, agent.as_ref()));
            row.country = judge.country(address);
        }
        row.referrer = self.referrer.and_then(said::referrer_host);
        row.language = self.languages.and_then(said::language);
        let agent = agent.map(|agent| agent.row);
        row.user_agent_id = agent.as_ref().map(|agent| agent.id);
        (Arc::new(NewClick { row, agent, list }), verdict)
    }
}
