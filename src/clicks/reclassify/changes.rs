//! What judging anew has changed, or would change.

use std::collections::{BTreeMap, HashMap};

use entity::click::BotKind;

use super::rule::Verdict;

/// How many clicks were looked at, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Rows that were looked at.
    pub looked_at: u64,
    /// Clicks of people that are bots' now, by their kind.
    pub to_bots: BTreeMap<Option<BotKind>, u64>,
    /// Clicks of bots that are people's now.
    pub to_people: u64,
    /// Clicks that are bots' as before, for another reason or of another kind.
    pub of_another_kind: u64,
    agents: HashMap<i64, u64>,
}

impl Changes {
    /// How many clicks have another verdict.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.all_to_bots() + self.to_people + self.of_another_kind
    }

    /// How many clicks of people are bots' now.
    #[must_use]
    pub fn all_to_bots(&self) -> u64 {
        self.to_bots.values().sum()
    }

    /// The agents with the most clicks whose verdict is another, and how many each has.
    #[must_use]
    pub fn agents(&self, most: usize) -> Vec<(i64, u64)> {
        let mut agents: Vec<_> = self
            .agents
            .iter()
            .map(|(agent, clicks)| (*agent, *clicks))
            .collect();
        agents.sort_unstable_by_key(|(agent, clicks)| (std::cmp::Reverse(*clicks), *agent));
        agents.truncate(most);
        agents
    }

    /// Counts a click.
    pub(super) fn count(&mut self, agent: Option<i64>, before: Verdict, after: Verdict) {
        match (before.0, after.0) {
            (None, Some(_)) => *self.to_bots.entry(after.1).or_default() += 1,
            (Some(_), None) => self.to_people += 1,
            _ => self.of_another_kind += 1,
        }
        if let Some(agent) = agent {
            *self.agents.entry(agent).or_default() += 1;
        }
    }
}
