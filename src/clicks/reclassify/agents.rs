//! What today's list says of every agent that is stored.

use std::collections::HashMap;

use entity::{click::BotKind, user_agent};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use crate::clicks::agents::AgentList;

/// How many agents are read at once.
const LOT: u64 = 1000;

/// Every stored agent string that the list names, judged once: a hundred thousand clicks may have the same.
#[derive(Debug)]
pub struct JudgedAgents {
    bots: HashMap<i64, BotKind>,
}

impl JudgedAgents {
    /// Judges all that are stored by now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(db: &impl ConnectionTrait, list: &AgentList) -> Result<Self, DbErr> {
        let mut bots = HashMap::new();
        let mut last = None;
        loop {
            let mut agents = user_agent::Entity::find()
                .order_by_asc(user_agent::Column::Id)
                .limit(LOT);
            if let Some(last) = last {
                agents = agents.filter(user_agent::Column::Id.gt(last));
            }
            let agents = agents.all(db).await?;
            let Some(end) = agents.last() else {
                return Ok(Self { bots });
            };
            last = Some(end.id);
            for agent in agents {
                if list.is_bot(&agent.text) {
                    bots.insert(agent.id, list.kind_of(&agent.text));
                }
            }
        }
    }

    /// Agents that are bots, and no others.
    #[cfg(test)]
    pub(super) fn of(bots: impl IntoIterator<Item = (i64, BotKind)>) -> Self {
        Self {
            bots: bots.into_iter().collect(),
        }
    }

    /// What kind of bot an agent is; `None` for a person's.
    #[must_use]
    pub fn kind(&self, agent: i64) -> Option<BotKind> {
        self.bots.get(&agent).copied()
    }
}
