//! Sums and chunks, mended for clicks that have another verdict.

use std::collections::{BTreeMap, HashMap};

use entity::{
    AccountId, DomainId, OfferId, SendingListId, ShortLinkId, StoredVerdict, subject_quarter::QUARTER,
};
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbErr, FromQueryResult, Statement};
use uuid::Uuid;

use super::{
    ReclassifyError,
    mend::{Moved, Moves, execute},
};
use crate::{
    clicks::columns::{
        Column, CorruptColumn, day_of,
        store::{self, ChunkError},
    },
    store::value_rows,
};

/// What a link's clicks count for beside the link.
#[derive(Debug, FromQueryResult)]
struct Owner {
    id: ShortLinkId,
    account_id: AccountId,
    sending_list_id: SendingListId,
    offer_id: Option<OfferId>,
    domain_id: DomainId,
}

/// How many clicks of people and how many unique ones there are more.
#[derive(Clone, Copy, Debug, Default)]
struct More {
    humans: i64,
    uniques: i64,
}

impl More {
    fn add(&mut self, moved: &Moved) {
        let Moved { before, after, .. } = moved;
        self.humans += i64::from(after.is_human()) - i64::from(before.is_human());
        self.uniques += i64::from(after.is_unique()) - i64::from(before.is_unique());
    }

    const fn is_nothing(&self) -> bool {
        self.humans == 0 && self.uniques == 0
    }
}

/// Mends all that was summed of these clicks.
pub(super) async fn mend(db: &DatabaseTransaction, moves: &Moves) -> Result<(), ReclassifyError> {
    let mut links: BTreeMap<ShortLinkId, More> = BTreeMap::new();
    for moved in moves.values() {
        links.entry(moved.link).or_default().add(moved);
    }
    let owners = owners(db, links.keys()).await?;
    let mut totals: BTreeMap<Uuid, More> = BTreeMap::new();
    let mut quarters: BTreeMap<(Uuid, i32), More> = BTreeMap::new();
    let mut days: BTreeMap<(AccountId, i32), Vec<(i64, StoredVerdict)>> = BTreeMap::new();
    for (seq, moved) in moves {
        // Of a link that is nowhere nothing is summed but by link.
        let Some(owner) = owners.get(&moved.link) else {
            continue;
        };
        let day = days.entry((owner.account_id, day_of(moved.clicked_at)));
        day.or_default().push((*seq, moved.after));
        let quarter = moved.clicked_at.millis().div_euclid(QUARTER);
        let quarter = i32::try_from(quarter).unwrap_or(if quarter < 0 { i32::MIN } else { i32::MAX });
        for subject in owner.subjects() {
            totals.entry(subject).or_default().add(moved);
            quarters.entry((subject, quarter)).or_default().add(moved);
        }
    }
    mend_links(db, links).await?;
    mend_totals(db, totals).await?;
    mend_quarters(db, quarters).await?;
    for ((account, day), verdicts) in days {
        mend_chunks(db, account, day, &verdicts).await?;
    }
    Ok(())
}

impl Owner {
    fn subjects(&self) -> impl Iterator<Item = Uuid> {
        let always = [
            self.account_id.into(),
            self.sending_list_id.into(),
            self.domain_id.into(),
        ];
        always.into_iter().chain(self.offer_id.map(Uuid::from))
    }
}

/// Links of whatever account, by their ids.
async fn owners(
    db: &DatabaseTransaction,
    links: impl Iterator<Item = &ShortLinkId>,
) -> Result<HashMap<ShortLinkId, Owner>, DbErr> {
    let (rows, values) = value_rows(links.map(|link| [(*link).into()]));
    if values.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT id, account_id, sending_list_id, offer_id, domain_id FROM short_link WHERE id IN (VALUES {rows})"
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let owners = Owner::find_by_statement(statement).all(db).await?;
    Ok(owners.into_iter().map(|owner| (owner.id, owner)).collect())
}

async fn mend_links(db: &DatabaseTransaction, links: BTreeMap<ShortLinkId, More>) -> Result<(), DbErr> {
    let links = links.into_iter().filter(|(_, more)| !more.is_nothing());
    let rows = links.map(|(link, more)| [link.into(), more.humans.into(), more.uniques.into()]);
    let (rows, values) = value_rows(rows);
    if values.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "UPDATE link_total SET human_clicks = link_total.human_clicks + v.column2,
            unique_clicks = link_total.unique_clicks + v.column3
        FROM (VALUES {rows}) AS v WHERE link_total.short_link_id = v.column1"
    );
    execute(db, sql, values).await
}

async fn mend_totals(db: &DatabaseTransaction, totals: BTreeMap<Uuid, More>) -> Result<(), DbErr> {
    let totals = totals.into_iter().filter(|(_, more)| !more.is_nothing());
    let rows = totals.map(|(subject, more)| [subject.into(), more.humans.into(), more.uniques.into()]);
    let (rows, values) = value_rows(rows);
    if values.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "UPDATE subject_total SET human_clicks = subject_total.human_clicks + v.column2,
            unique_clicks = subject_total.unique_clicks + v.column3
        FROM (VALUES {rows}) AS v WHERE subject_total.subject_id = v.column1"
    );
    execute(db, sql, values).await
}

async fn mend_quarters(db: &DatabaseTransaction, quarters: BTreeMap<(Uuid, i32), More>) -> Result<(), DbErr> {
    let quarters = quarters.into_iter().filter(|(_, more)| !more.is_nothing());
    let rows = quarters.map(|((subject, quarter), more)| {
        [
            subject.into(),
            quarter.into(),
            more.humans.into(),
            more.uniques.into(),
        ]
    });
    let (rows, values) = value_rows(rows);
    if values.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "UPDATE subject_quarter SET human_clicks = subject_quarter.human_clicks + v.column3,
            unique_clicks = subject_quarter.unique_clicks + v.column4
        FROM (VALUES {rows}) AS v
        WHERE subject_quarter.subject_id = v.column1 AND subject_quarter.quarter = v.column2"
    );
    execute(db, sql, values).await
}

/// Writes verdicts into the chunks of an account's day; `verdicts` are in the order of their rows.
async fn mend_chunks(
    db: &DatabaseTransaction,
    account: AccountId,
    day: i32,
    mut verdicts: &[(i64, StoredVerdict)],
) -> Result<(), ReclassifyError> {
    while let Some((first, _)) = verdicts.first() {
        let place = store::holding(db, account, day, *first).await?;
        // Whoever damages a chunk is told, and nothing is mended by halves.
        let place = place.ok_or(ChunkError::Corrupt(CorruptColumn))?;
        let here = verdicts.partition_point(|(seq, _)| *seq <= place.last);
        let (mine, rest) = verdicts.split_at(here);
        verdicts = rest;
        let chunk = store::read(db, place, &[Column::Seq, Column::Verdict]).await?;
        let mut chunk = chunk.ok_or(ChunkError::Corrupt(CorruptColumn))?;
        let rows: Vec<i64> = chunk.seqs().collect();
        for (seq, verdict) in mine {
            let at = rows.binary_search(seq);
            let at = at.map_err(|_| ChunkError::Corrupt(CorruptColumn))?;
            let stored = chunk.verdicts_mut().get_mut(at);
            *stored.ok_or(ChunkError::Corrupt(CorruptColumn))? = *verdict;
        }
        if !store::rewrite_verdicts(db, place, &chunk).await? {
            return Err(ChunkError::Corrupt(CorruptColumn).into());
        }
    }
    Ok(())
}
