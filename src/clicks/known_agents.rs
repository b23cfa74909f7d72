//! What agent strings mean, remembered: most clicks come with one of a few thousand.

use std::{
    borrow::Borrow,
    hash::{Hash, Hasher},
    sync::Arc,
};

use entity::{click::BotKind, text_id, user_agent};
use moka::sync::Cache;

use super::{agents::AgentList, device::device_of};

/// The most bytes that remembered agents take: more than ten thousand of them.
const MEMORY: u64 = 4 << 20;

/// What an agent costs beside its texts: the row, two pointers to it and the cache's own bookkeeping.
const ENTRY_BYTES: usize = 350;

/// The most bytes of an agent string that are looked at and kept; browsers send 100 to 400.
const MAX_AGENT_BYTES: usize = 1024;

/// An agent string and what it means. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KnownAgent {
    /// The row to store.
    pub row: Arc<user_agent::Model>,
    /// What kind of bot it is; `None` for a person's.
    pub bot: Option<BotKind>,
}

/// An agent's row, found by its text.
#[derive(Debug)]
struct Text(Arc<user_agent::Model>);

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0.text
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Text {}

/// Reads agent strings, each once for as long as there is room to remember it.
#[derive(Debug)]
pub struct KnownAgents {
    list: AgentList,
    known: Cache<Text, KnownAgent>,
}

impl KnownAgents {
    /// Reads agents by this list of bots.
    #[must_use]
    pub fn new(list: AgentList) -> Self {
        let weight = |_: &Text, agent: &KnownAgent| {
            let row = &agent.row;
            let device = [&row.device, &row.os, &row.browser];
            let names: usize = device.into_iter().flatten().map(String::len).sum();
            u32::try_from(row.text.len() + names + ENTRY_BYTES).unwrap_or(u32::MAX)
        };
        let known = Cache::builder().weigher(weight).max_capacity(MEMORY).build();
        Self { list, known }
    }

    /// What an agent string means. One that is known costs a look-up and no allocation; a new one ten microseconds.
    ///
    /// Only the beginning that is kept is looked at, so that history can be judged anew by the same text.
    #[must_use]
    pub fn read(&self, agent: &str) -> KnownAgent {
        let text = beginning(agent, MAX_AGENT_BYTES);
        if let Some(known) = self.known.get(text) {
            return known;
        }
        let device = device_of(text);
        let row = Arc::new(user_agent::Model {
            id: text_id(text),
            text: text.to_owned(),
            device: device.device.map(str::to_owned),
            os: device.os.map(str::to_owned),
            browser: device.browser.map(str::to_owned),
        });
        let known = KnownAgent {
            row: Arc::clone(&row),
            bot: self.list.is_bot(text).then(|| self.list.kind_of(text)),
        };
        self.known.insert(Text(row), known.clone());
        known
    }

    /// The list that they are read by.
    #[must_use]
    pub const fn list(&self) -> &AgentList {
        &self.list
    }
}

/// The first `bytes` of a text, or a little less where a character would be cut.
pub(super) fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_read_once_and_the_same_row_is_given_ever_after() {
        let agents = KnownAgents::new(AgentList::embedded());
        let (first, again) = (agents.read("curl/8.5.0"), agents.read("curl/8.5.0"));
        assert!(Arc::ptr_eq(&first.row, &again.row));
        assert_eq!(again.bot, Some(BotKind::HttpLibrary));
        let other = agents.read("curl/8.5.1");
        assert_ne!(first.row.id, other.row.id);
    }

    #[test]
    fn only_the_beginning_of_a_long_agent_is_looked_at() {
        let agents = KnownAgents::new(AgentList::embedded());
        let long = format!("Mozilla/5.0 (Linux; Android 10; K) {} bot", "ä".repeat(600));
        let read = agents.read(&long);
        assert_eq!((read.row.text.len(), read.bot), (1023, None));
        assert_eq!(read.row.id, text_id(&read.row.text));
    }

    #[test]
    fn memory_has_an_end_however_many_agents_there_are() {
        let agents = KnownAgents::new(AgentList::embedded());
        for number in 0..5_000 {
            let _ = agents.read(&format!("Mozilla/5.0 ({number}) {}", "x".repeat(1000)));
        }
        agents.known.run_pending_tasks();
        assert!(agents.known.entry_count() > 1_000);
        assert!(agents.known.weighted_size() <= MEMORY);
    }
}
