//! Clicks that get another verdict, and with them all that was made of the old one, in one transaction.

use std::collections::BTreeMap;

use entity::{ClickId, ShortLinkId, StoredVerdict, Timestamp, agent_list, click_summing};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait as _, FromQueryResult, IntoActiveModel as _,
    QuerySelect as _, Statement, Value, sea_query::OnConflict,
};

use super::{
    JudgedAgents, ReclassifyError, firsts,
    rule::{Seen, Verdict, judged_anew},
    sums,
};
use crate::store::{Store, pad, value_rows};

/// What became of a batch.
#[derive(Debug)]
pub(super) enum Mended {
    /// These clicks have another verdict: each one's agent, what it was and what it is.
    Changed(Vec<(Option<i64>, Verdict, Verdict)>),
    /// None has, since a lot of clicks is being summed.
    BeingSummed,
}

/// A summed click whose verdict changes, or whether it is a visitor's first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rejudged {
    pub(super) link: ShortLinkId,
    pub(super) id: ClickId,
    pub(super) clicked_at: Timestamp,
    pub(super) before: StoredVerdict,
    pub(super) after: StoredVerdict,
}

/// Such clicks by their rows.
pub(super) type Moves = BTreeMap<i64, Rejudged>;

/// A click that was found to differ, with what its link knows of it.
#[derive(Debug, FromQueryResult)]
struct Differing {
    seq: i64,
    id: ClickId,
    short_link_id: ShortLinkId,
    clicked_at: Timestamp,
    #[sea_orm(nested)]
    seen: Seen,
    visitor: Option<i64>,
    noted: Option<i64>,
    verdict: Option<StoredVerdict>,
}

impl Differing {
    /// What it is summed as, and what it is to be; `None` of a copy of a click that is noted by another row, of which
    /// nothing is.
    fn rejudged(&self, (reason, kind): Verdict) -> Option<Rejudged> {
        let before = self.verdict.filter(|_| self.noted == Some(self.seq))?;
        Some(Rejudged {
            link: self.short_link_id,
            id: self.id,
            clicked_at: self.clicked_at,
            before,
            after: StoredVerdict::new(reason, kind, before.is_unique()),
        })
    }
}

/// Gives the clicks of these rows the verdicts that they have today.
///
/// Nobody sums meanwhile, and no lot is half summed: then all that is summed of these clicks is where sums are, and whoever
/// sums next has nothing in mind of what changes here.
pub(super) async fn mend(
    store: &Store,
    agents: &JudgedAgents,
    list: &agent_list::Model,
    since: Timestamp,
    rows: &[i64],
) -> Result<Mended, ReclassifyError> {
    let search = {
        let mark = marked(click_summing::Entity::find().one(&store.read).await?)?;
        let changed = changed(&store.read, agents, since, mark, rows).await?;
        firsts::Search::before(&store.read, &visits(&changed), mark).await?
    };
    let transaction = store.begin().await?;
    let mended = mend_in(&transaction, agents, list, since, rows, search).await;
    transaction.end(mended).await
}

async fn mend_in(
    db: &DatabaseTransaction,
    agents: &JudgedAgents,
    list: &agent_list::Model,
    since: Timestamp,
    rows: &[i64],
    search: firsts::Search,
) -> Result<Mended, ReclassifyError> {
    let mark = click_summing::Entity::find().lock_exclusive();
    let mark = marked(mark.one(db).await?)?;
    if mark.through != mark.upcoming {
        return Ok(Mended::BeingSummed);
    }
    let changed = changed(db, agents, since, mark, rows).await?;
    if changed.is_empty() {
        return Ok(Mended::Changed(Vec::new()));
    }
    change_rows(db, &changed, list).await?;
    let moves = changed.iter().filter_map(|(click, verdict)| {
        let rejudged = click.rejudged(*verdict)?;
        Some((click.seq, rejudged))
    });
    let mut moves: Moves = moves.collect();
    note(db, moves.values()).await?;
    let flagged = firsts::mend(db, &visits(&changed), mark, search, &mut moves).await?;
    note(db, flagged.iter().filter_map(|seq| moves.get(seq))).await?;
    sums::mend(db, &moves).await?;
    let changed = changed.iter().filter(|(click, _)| click.noted == Some(click.seq));
    Ok(Mended::Changed(
        changed
            .map(|(click, verdict)| (click.seen.user_agent_id, click.seen.verdict(), *verdict))
            .collect(),
    ))
}

fn marked(mark: Option<click_summing::Model>) -> Result<click_summing::Model, DbErr> {
    mark.ok_or_else(|| DbErr::RecordNotFound("how far clicks are summed".to_owned()))
}

/// Visits of somebody who can be told from others, as the person or the bot that they are now.
fn visits(changed: &[(Differing, Verdict)]) -> Vec<firsts::Visit> {
    let visits = changed.iter().filter_map(|(click, verdict)| {
        let rejudged = click.rejudged(*verdict)?;
        let is_human = rejudged.after.is_human();
        let visit = firsts::Visit {
            link: click.short_link_id,
            visitor: click.visitor?,
            seq: click.seq,
            is_human,
        };
        (rejudged.before.is_human() != is_human).then_some(visit)
    });
    visits.collect()
}

/// Those of the rows that are summed and kept and still differ, with the verdict that each has today.
async fn changed(
    db: &impl ConnectionTrait,
    agents: &JudgedAgents,
    since: Timestamp,
    mark: click_summing::Model,
    rows: &[i64],
) -> Result<Vec<(Differing, Verdict)>, DbErr> {
    let clicks = differing(db, rows, mark.through, since.max(mark.kept_from)).await?;
    let clicks = clicks.into_iter().filter_map(|click| {
        let verdict = judged_anew(click.seen, agents)?;
        Some((click, verdict))
    });
    Ok(clicks.collect())
}

/// Those of the rows that are summed and kept.
async fn differing(
    db: &impl ConnectionTrait,
    rows: &[i64],
    through: i64,
    since: Timestamp,
) -> Result<Vec<Differing>, DbErr> {
    let mut values: Vec<Value> = vec![through.into(), since.into()];
    let mut places = Vec::new();
    for row in pad(rows.to_vec()) {
        values.push(row.into());
        places.push(format!("${}", values.len()));
    }
    let sql = format!(
        "SELECT c.seq, c.id, c.short_link_id, c.clicked_at, c.method, c.bot_reason, c.bot_kind, c.is_prefetch,
            c.user_agent_id, c.agent_list_id, c.visitor, k.seq AS noted, k.verdict
        FROM click AS c
        LEFT JOIN link_click AS k ON k.short_link_id = c.short_link_id AND k.click_id = c.id
        WHERE c.seq <= $1 AND c.clicked_at >= $2 AND c.seq IN ({})
        ORDER BY c.seq",
        places.join(", ")
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Differing::find_by_statement(statement).all(db).await
}

/// Writes the verdicts into the raw rows, and which list reached them.
async fn change_rows(
    db: &DatabaseTransaction,
    changed: &[(Differing, Verdict)],
    list: &agent_list::Model,
) -> Result<(), DbErr> {
    let once = OnConflict::new().do_nothing().to_owned();
    agent_list::Entity::insert(list.clone().into_active_model())
        .on_conflict(once)
        .exec_without_returning(db)
        .await?;
    let (rows, mut values) = value_rows(
        changed
            .iter()
            .map(|(click, (reason, kind))| [click.seq.into(), (*reason).into(), (*kind).into()]),
    );
    values.push(list.id.into());
    let sql = format!(
        "UPDATE click SET bot_reason = v.column2, bot_kind = v.column3, agent_list_id = ${}
        FROM (VALUES {rows}) AS v WHERE click.seq = v.column1",
        values.len()
    );
    execute(db, sql, values).await
}

/// Writes what clicks count as now where their links find them.
async fn note<'m>(db: &DatabaseTransaction, moves: impl Iterator<Item = &'m Rejudged>) -> Result<(), DbErr> {
    let (rows, values) =
        value_rows(moves.map(|rejudged| [rejudged.link.into(), rejudged.id.into(), rejudged.after.into()]));
    if values.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "UPDATE link_click SET verdict = v.column3 FROM (VALUES {rows}) AS v
        WHERE link_click.short_link_id = v.column1 AND link_click.click_id = v.column2"
    );
    execute(db, sql, values).await
}

pub(super) async fn execute(db: &DatabaseTransaction, sql: String, values: Vec<Value>) -> Result<(), DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    db.execute_raw(statement).await?;
    Ok(())
}
