//! The walk over all raw rows.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    time::Duration,
};

use entity::{ClickId, ShortLinkId, Timestamp, agent_list, click, click_summing, link_click, text_id};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use tokio::time::{Instant, sleep};

use super::{
    Changes, JudgedAgents,
    mend::{Mended, mend},
    rule::{Seen, judged_anew},
};
use crate::{
    clicks::{agents::AgentList, aggregator::Aggregator, columns::store::ChunkError},
    store::{Store, WriteError, pad},
};

/// How many row numbers are looked at together.
const SLICE: i64 = 20_000;

/// How many clicks are changed in one transaction, which redirects wait for in `SQLite`.
pub const BATCH: usize = 500;

/// How often it is tried to find clicks summed and nobody summing more, and how long between.
const TRIES: u32 = 600;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// Clicks that are to be judged anew.
#[derive(Debug)]
pub struct Reclassification<'a> {
    store: &'a Store,
    agents: &'a AgentList,
    list: agent_list::Model,
    since: Timestamp,
    batch: usize,
}

/// Why clicks were not judged to the end.
#[derive(Debug, thiserror::Error)]
pub enum ReclassifyError {
    /// The database does not answer.
    #[error("the database did not answer; what is judged by now stays, and running it again goes on")]
    Database(#[from] DbErr),
    /// What reports are read from can't be read or written.
    #[error("the columns of clicks can't be mended")]
    Chunk(#[from] ChunkError),
    /// Clicks can't be summed.
    #[error("clicks can't be summed")]
    Sum(#[from] WriteError),
    /// Clicks are not summed, or all the time.
    #[error(
        "the stored clicks are not summed after a minute of waiting; try it again when there are fewer redirects"
    )]
    Unsummed,
}

/// A raw row, as far as it decides on its verdict.
#[derive(Debug, FromQueryResult)]
struct Row {
    seq: i64,
    id: ClickId,
    short_link_id: ShortLinkId,
    #[sea_orm(nested)]
    seen: Seen,
}

impl<'a> Reclassification<'a> {
    /// Clicks that were made since then are to be judged by the list; `batch` of them are changed in one transaction.
    #[must_use]
    pub fn new(store: &'a Store, agents: &'a AgentList, since: Timestamp, batch: usize) -> Self {
        let version = agents.version().to_owned();
        Self {
            store,
            agents,
            list: agent_list::Model {
                id: text_id(&version),
                version,
            },
            since,
            batch: batch.max(1),
        }
    }

    /// Judges all clicks that are stored by now, and mends what was made of them. `progress` is told after each transaction
    /// and each stretch of rows without one, and may stop it.
    ///
    /// All of them are summed first: summing goes on from the rows behind, which are none of this one's business.
    ///
    /// # Errors
    /// When the database does not answer or holds what it can't, or clicks can't be summed.
    pub async fn run(
        &self,
        mut progress: impl FnMut(&Changes) -> ControlFlow<()>,
    ) -> Result<Changes, ReclassifyError> {
        let mut changes = Changes::default();
        let Some((mut from, newest)) = self.ends().await? else {
            return Ok(changes);
        };
        let aggregator = Aggregator::spawn(self.store, Duration::from_hours(1))?;
        let mark = aggregator.caught_up_for_certain(self.store).await?;
        let since = self.since.max(mark.ok_or(ReclassifyError::Unsummed)?.kept_from);
        // Not before: an agent that is not among them would be taken for a person's, though one of these clicks has it.
        let agents = JudgedAgents::read(&self.store.read, self.agents).await?;
        while from < newest {
            let to = newest.min(from + SLICE);
            let rows = self.rows(from, to, since).await?;
            changes.looked_at += rows.len() as u64;
            let differing: Vec<_> = rows
                .iter()
                .filter(|row| judged_anew(row.seen, &agents).is_some())
                .map(|row| row.seq)
                .collect();
            for batch in differing.chunks(self.batch) {
                self.mend_batch(&aggregator, &agents, batch, &mut changes).await?;
                if progress(&changes).is_break() {
                    return Ok(changes);
                }
            }
            if differing.is_empty() && progress(&changes).is_break() {
                return Ok(changes);
            }
            from = to;
        }
        Ok(changes)
    }

    /// What [`run`](Self::run) would change by now. Nothing is written.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rehearse(&self, mut progress: impl FnMut(&Changes)) -> Result<Changes, ReclassifyError> {
        let mut changes = Changes::default();
        let (mark, ends) = (self.mark().await?, self.ends().await?);
        let Some((mut from, newest)) = ends else {
            return Ok(changes);
        };
        let since = self.since.max(mark.kept_from);
        let agents = JudgedAgents::read(&self.store.read, self.agents).await?;
        // Written twice and counted once.
        let mut counted = HashSet::new();
        while from < newest {
            let to = newest.min(from + SLICE);
            let rows = self.rows(from, to, since).await?;
            changes.looked_at += rows.len() as u64;
            let mut differing = Vec::new();
            for row in &rows {
                if let Some(verdict) = judged_anew(row.seen, &agents) {
                    differing.push((row, verdict));
                }
            }
            for lot in differing.chunks(BATCH) {
                let noted = self.noted(lot.iter().map(|(row, _)| *row)).await?;
                for (row, verdict) in lot {
                    let is_first = match noted.get(&(row.short_link_id, row.id)) {
                        Some(seq) => *seq == row.seq,
                        None => counted.insert((row.short_link_id, row.id)),
                    };
                    if is_first {
                        changes.count(row.seen.user_agent_id, row.seen.verdict(), *verdict);
                    }
                }
            }
            progress(&changes);
            from = to;
        }
        Ok(changes)
    }

    /// Changes clicks in one transaction, and then waits as long as that took: half of the time is everybody else's.
    async fn mend_batch(
        &self,
        aggregator: &Aggregator,
        agents: &JudgedAgents,
        batch: &[i64],
        changes: &mut Changes,
    ) -> Result<(), ReclassifyError> {
        for _ in 0..TRIES {
            let began = Instant::now();
            let mended = mend(self.store, agents, &self.list, self.since, batch).await?;
            match mended {
                Mended::Changed(clicks) => {
                    for (agent, before, after) in clicks {
                        changes.count(agent, before, after);
                    }
                    sleep(began.elapsed()).await;
                    return Ok(());
                }
                // By whoever is at it, or, if nobody is any more, by us.
                Mended::BeingSummed => aggregator.caught_up().await,
            }
            sleep(BETWEEN_TRIES).await;
        }
        Err(ReclassifyError::Unsummed)
    }

    async fn mark(&self) -> Result<click_summing::Model, DbErr> {
        let mark = click_summing::Entity::find().one(&self.store.read).await?;
        mark.ok_or_else(|| DbErr::RecordNotFound("how far clicks are summed".to_owned()))
    }

    /// The number before the first row, and that of the last; `None` where there are no rows.
    async fn ends(&self) -> Result<Option<(i64, i64)>, DbErr> {
        let seq = || click::Entity::find().select_only().column(click::Column::Seq);
        let first = seq().order_by_asc(click::Column::Seq).into_tuple::<i64>();
        let last = seq().order_by_desc(click::Column::Seq).into_tuple();
        let first = first.one(&self.store.read).await?;
        let last = last.one(&self.store.read).await?;
        Ok(first.map(|first| first - 1).zip(last))
    }

    async fn rows(&self, from: i64, to: i64, since: Timestamp) -> Result<Vec<Row>, DbErr> {
        click::Entity::find()
            .filter(click::Column::Seq.gt(from))
            .filter(click::Column::Seq.lte(to))
            .filter(click::Column::ClickedAt.gte(since))
            .order_by_asc(click::Column::Seq)
            .select_only()
            .columns([
                click::Column::Seq,
                click::Column::Id,
                click::Column::ShortLinkId,
                click::Column::Method,
                click::Column::BotReason,
                click::Column::BotKind,
                click::Column::IsPrefetch,
                click::Column::UserAgentId,
                click::Column::AgentListId,
            ])
            .into_model()
            .all(&self.store.read)
            .await
    }

    /// The rows by which these clicks are noted, where they are.
    async fn noted(
        &self,
        rows: impl Iterator<Item = &Row>,
    ) -> Result<HashMap<(ShortLinkId, ClickId), i64>, DbErr> {
        let (links, ids): (Vec<_>, Vec<_>) = rows.map(|row| (row.short_link_id, row.id)).unzip();
        let noted = link_click::Entity::find()
            .filter(link_click::Column::ShortLinkId.is_in(pad(links)))
            .filter(link_click::Column::ClickId.is_in(pad(ids)))
            .all(&self.store.read)
            .await?;
        let noted = noted.into_iter();
        Ok(noted
            .map(|row| ((row.short_link_id, row.click_id), row.seq))
            .collect())
    }
}
