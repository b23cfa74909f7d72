//! Whose click is a visitor's first on a link, once some are people's that were bots', or the other way round.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{ClickId, ShortLinkId, StoredVerdict, Timestamp};
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbErr, FromQueryResult, Statement, Value};

use super::mend::{Moved, Moves, execute};
use crate::store::value_rows;

/// A click of somebody who can be told from others, that is a person's now and was not, or the other way round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub(super) link: ShortLinkId,
    pub(super) visitor: i64,
    pub(super) seq: i64,
    pub(super) is_human: bool,
}

/// A visitor of a link.
type Pair = (ShortLinkId, i64);

/// A visitor's first click as a person, or the one that is to be.
#[derive(Debug, FromQueryResult)]
struct First {
    short_link_id: ShortLinkId,
    visitor: i64,
    seq: i64,
}

/// A click as its link knows it.
#[derive(Debug, FromQueryResult)]
struct Noted {
    short_link_id: ShortLinkId,
    click_id: ClickId,
    seq: i64,
    clicked_at: Timestamp,
    verdict: StoredVerdict,
}

/// What a visitor's clicks have become in this transaction.
#[derive(Debug, Default)]
struct Turned {
    /// The first that is a person's now.
    gained: Option<i64>,
    /// Those that are bots' now.
    lost: BTreeSet<i64>,
}

/// Writes who has been to a link first by which click, and adds to `moves` what clicks become first ones or no longer are:
/// their rows are answered. The verdicts of `moves` must have been noted.
///
/// A first click that is no longer kept stays first, as long as it is not told what it was.
pub(super) async fn mend(
    db: &DatabaseTransaction,
    visits: &[Visit],
    kept_from: Timestamp,
    moves: &mut Moves,
) -> Result<Vec<i64>, DbErr> {
    let mut turned: BTreeMap<Pair, Turned> = BTreeMap::new();
    for visit in visits {
        let turned = turned.entry((visit.link, visit.visitor)).or_default();
        if visit.is_human {
            turned.gained = Some(turned.gained.map_or(visit.seq, |seq| seq.min(visit.seq)));
        } else {
            turned.lost.insert(visit.seq);
        }
    }
    let known = firsts(db, turned.keys(), KNOWN, &[]).await?;
    let bereft = |pair: &&Pair| {
        known
            .get(pair)
            .is_some_and(|first| turned[pair].lost.contains(first))
    };
    let next = firsts(db, turned.keys().filter(bereft), NEXT, &[kept_from.into()]).await?;
    // Of each visitor whose first click is another: the one that was, and the one that is.
    let mut changed: BTreeMap<Pair, (Option<i64>, Option<i64>)> = BTreeMap::new();
    for (pair, turned) in &turned {
        let before = known.get(pair).copied();
        let after = match before {
            Some(first) if turned.lost.contains(&first) => next.get(pair).copied(),
            Some(first) => Some(turned.gained.map_or(first, |gained| gained.min(first))),
            None => turned.gained,
        };
        if after != before {
            changed.insert(*pair, (before, after));
        }
    }
    let rows = changed.values().flat_map(|(before, after)| [*before, *after]);
    let noted = noted(db, rows.flatten().collect(), kept_from).await?;
    changed.retain(|_, (before, _)| before.is_none_or(|seq| noted.contains_key(&seq)));
    write(db, &changed).await?;
    let mut flagged = Vec::new();
    for (before, after) in changed.into_values() {
        for (seq, is_unique) in [(before, false), (after, true)] {
            let Some(click) = seq.and_then(|seq| noted.get(&seq)) else {
                continue;
            };
            let verdict = click.verdict;
            let after = StoredVerdict::new(verdict.reason(), verdict.kind(), is_unique);
            if after == verdict {
                continue;
            }
            let moved = moves.entry(click.seq).or_insert(Moved {
                link: click.short_link_id,
                id: click.click_id,
                clicked_at: click.clicked_at,
                before: verdict,
                after,
            });
            moved.after = after;
            flagged.push(click.seq);
        }
    }
    Ok(flagged)
}

/// The first click of each visitor as it is known.
const KNOWN: &str = "SELECT short_link_id, visitor, seq FROM link_visitor
    WHERE (short_link_id, visitor) IN (VALUES {pairs})";

/// The first of each visitor's clicks as a person, where none is known any more.
const NEXT: &str = "SELECT c.short_link_id, c.visitor, min(c.seq) AS seq
    FROM link_click AS k JOIN click AS c ON c.seq = k.seq
    WHERE k.short_link_id IN (SELECT v.column1 FROM (VALUES {pairs}) AS v)
        AND (k.verdict & 15) = 0 AND k.clicked_at >= {value}
        AND (c.short_link_id, c.visitor) IN (VALUES {pairs})
    GROUP BY c.short_link_id, c.visitor";

async fn firsts(
    db: &DatabaseTransaction,
    pairs: impl Iterator<Item = &Pair>,
    sql: &str,
    more: &[Value],
) -> Result<HashMap<Pair, i64>, DbErr> {
    let (rows, mut values) = value_rows(pairs.map(|(link, visitor)| [(*link).into(), (*visitor).into()]));
    if values.is_empty() {
        return Ok(HashMap::new());
    }
    values.extend_from_slice(more);
    let sql = sql
        .replace("{pairs}", &rows)
        .replace("{value}", &format!("${}", values.len()));
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let firsts = First::find_by_statement(statement).all(db).await?;
    let firsts = firsts.into_iter();
    Ok(firsts
        .map(|first| ((first.short_link_id, first.visitor), first.seq))
        .collect())
}

/// Those of the clicks that are kept, by their rows.
async fn noted(
    db: &DatabaseTransaction,
    rows: Vec<i64>,
    kept_from: Timestamp,
) -> Result<HashMap<i64, Noted>, DbErr> {
    let (rows, mut values) = value_rows(rows.into_iter().map(|seq| [seq.into()]));
    if values.is_empty() {
        return Ok(HashMap::new());
    }
    values.push(kept_from.into());
    let sql = format!(
        "SELECT k.short_link_id, k.click_id, k.seq, k.clicked_at, k.verdict
        FROM click AS c
        JOIN link_click AS k ON k.short_link_id = c.short_link_id AND k.click_id = c.id AND k.seq = c.seq
        WHERE c.seq IN (VALUES {rows}) AND c.clicked_at >= ${}",
        values.len()
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let clicks = Noted::find_by_statement(statement).all(db).await?;
    Ok(clicks.into_iter().map(|click| (click.seq, click)).collect())
}

async fn write(
    db: &DatabaseTransaction,
    changed: &BTreeMap<Pair, (Option<i64>, Option<i64>)>,
) -> Result<(), DbErr> {
    let first = changed.iter().filter_map(|((link, visitor), (_, after))| {
        after.map(|seq| [(*link).into(), (*visitor).into(), seq.into()])
    });
    let (rows, values) = value_rows(first);
    if !values.is_empty() {
        let sql = format!(
            "INSERT INTO link_visitor (short_link_id, visitor, seq) VALUES {rows}
            ON CONFLICT (short_link_id, visitor) DO UPDATE SET seq = excluded.seq"
        );
        execute(db, sql, values).await?;
    }
    let gone = changed.iter().filter(|(_, (_, after))| after.is_none());
    let (rows, values) = value_rows(gone.map(|((link, visitor), _)| [(*link).into(), (*visitor).into()]));
    if !values.is_empty() {
        let sql = format!("DELETE FROM link_visitor WHERE (short_link_id, visitor) IN (VALUES {rows})");
        execute(db, sql, values).await?;
    }
    Ok(())
}
