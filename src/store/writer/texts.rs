//! Texts that many clicks share: each is written once, and not with each click.

use std::collections::{HashMap, HashSet};

use entity::{agent_list, user_agent};

use super::lot::{Asked, Write};

/// Ids of texts that are known to be stored, so that each is written once and not with each click.
#[derive(Debug, Default)]
pub(super) struct KnownTexts(HashSet<i64>);

/// How many ids of texts are known at most, 4 MiB of them. Then all are forgotten: to write one again does no harm.
const TEXTS: usize = 1 << 18;

impl KnownTexts {
    pub(super) fn holds(&self, id: i64) -> bool {
        self.0.contains(&id)
    }

    /// Notes what was stored.
    pub(super) fn learn(&mut self, ids: impl IntoIterator<Item = i64>) {
        if self.0.len() > TEXTS {
            self.0.clear();
        }
        self.0.extend(ids);
    }
}

/// Texts that clicks name and that nobody knows to be stored.
#[derive(Debug, Default)]
pub(super) struct NewTexts<'a> {
    pub(super) agents: HashMap<i64, &'a user_agent::Model>,
    pub(super) lists: HashMap<i64, &'a agent_list::Model>,
}

impl<'a> NewTexts<'a> {
    pub(super) fn among(writes: &'a [Asked], known: &KnownTexts) -> Self {
        let mut new = Self::default();
        for asked in writes {
            let Write::Click(click, _) = &asked.write else {
                continue;
            };
            if let Some(agent) = click.agent.as_deref().filter(|agent| !known.holds(agent.id)) {
                new.agents.insert(agent.id, agent);
            }
            if !known.holds(click.list.id) {
                new.lists.insert(click.list.id, &click.list);
            }
        }
        new
    }

    pub(super) fn is_empty(&self) -> bool {
        self.agents.is_empty() && self.lists.is_empty()
    }

    pub(super) fn ids(&self) -> Vec<i64> {
        self.agents.keys().chain(self.lists.keys()).copied().collect()
    }
}
