//! Clicks that are stored and in no chunk yet.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use entity::{ClickId, ShortLinkId, StoredVerdict, click};
use foldhash::fast::RandomState;
use sea_orm::{DatabaseBackend, DbErr, QueryResult};
use serde_json::Value;

use super::view::View;
use crate::clicks::columns::{Chunk, Fact, PARAMETERS, TEXTS, parameter};

/// The rows between two in their order, with what is needed to tell which of them count. `{link}` and `{agent}` join
/// in words of each database: `PostgreSQL`, which can't know how few rows there are, would else read every link that it has.
const ROWS: &str = "
SELECT c.seq, c.id, c.clicked_at, c.bot_reason, c.bot_kind, c.visitor, c.short_link_id, l.sending_list_id, l.offer_id,
    l.domain_id, c.country, a.device, a.os, a.browser, c.referrer, c.parameters,
    (SELECT k.seq FROM link_click AS k WHERE k.short_link_id = c.short_link_id AND k.click_id = c.id) AS noted_seq,
    (SELECT v.seq FROM link_visitor AS v WHERE v.short_link_id = c.short_link_id AND v.visitor = c.visitor) AS first_seq
FROM click AS c {link} {agent}
WHERE c.seq > $2 AND c.seq <= $3 AND l.account_id = $1
ORDER BY c.seq";

const POSTGRES: [&str; 2] = [
    "CROSS JOIN LATERAL (SELECT * FROM short_link WHERE id = c.short_link_id OFFSET 0) AS l",
    "LEFT JOIN LATERAL (SELECT * FROM user_agent WHERE id = c.user_agent_id OFFSET 0) AS a ON true",
];

const SQLITE: [&str; 2] = [
    "CROSS JOIN short_link AS l ON l.id = c.short_link_id",
    "LEFT JOIN user_agent AS a ON a.id = c.user_agent_id",
];

/// How many rows are read at once, whosever clicks they are: some megabytes.
const SLICE: i64 = 50_000;

/// The clicks of the account that no chunk has, each once, in the order of their rows.
///
/// Of a lot that is being summed it is noted already which clicks count and which are a visitor's first: then that
/// says it, and else the clicks before do. Where summing has much to catch up with they may be all that there are: so they
/// are read in slices, and who reads them keeps no more than what it makes of each.
pub(super) struct Tail<'a> {
    view: &'a View,
    sql: String,
    /// The last row that was read, and the last that there is.
    through: i64,
    last: i64,
    seen: Seen,
}

impl<'a> Tail<'a> {
    /// All of it, still to be read.
    pub(super) fn of(view: &'a View) -> Self {
        let [link, agent] = if view.backend() == DatabaseBackend::Postgres {
            POSTGRES
        } else {
            SQLITE
        };
        Self {
            view,
            sql: ROWS.replace("{link}", link).replace("{agent}", agent),
            through: view.through,
            last: view.last,
            seen: Seen::default(),
        }
    }

    /// The clicks of the next rows as chunks of their days, so that they are counted like all others; `None` once all are
    /// read.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<(i32, Chunk)>>, DbErr> {
        if self.through >= self.last {
            return Ok(None);
        }
        let to = self.last.min(self.through.saturating_add(SLICE));
        let rows = self
            .view
            .rows(self.sql.as_str(), [self.through.into(), to.into()])
            .await?;
        let mut facts = Vec::with_capacity(rows.len());
        for row in &rows {
            facts.extend(fact(row, self.view, &mut self.seen)?);
        }
        self.through = to;
        // Others may have their turn.
        tokio::task::yield_now().await;
        Ok(Some(chunks(&facts)))
    }
}

/// What clicks before have shown.
#[derive(Default)]
struct Seen {
    clicks: HashSet<(ShortLinkId, ClickId), RandomState>,
    visitors: HashSet<(ShortLinkId, i64), RandomState>,
}

/// The click of a row; `None` where it was written before.
fn fact(row: &QueryResult, view: &View, seen: &mut Seen) -> Result<Option<Fact>, DbErr> {
    let seq: i64 = row.try_get_by("seq")?;
    let link: ShortLinkId = row.try_get_by("short_link_id")?;
    let noted: Option<i64> = row.try_get_by("noted_seq")?;
    let is_first = match noted {
        Some(noted) => noted == seq,
        None => seen.clicks.insert((link, row.try_get_by("id")?)),
    };
    if !is_first {
        return Ok(None);
    }
    let reason: Option<click::BotReason> = row.try_get("", "bot_reason")?;
    let kind: Option<click::BotKind> = row.try_get("", "bot_kind")?;
    let visitor: Option<i64> = row.try_get_by("visitor")?;
    let first: Option<i64> = row.try_get_by("first_seq")?;
    let is_unique = match visitor.filter(|_| reason.is_none()) {
        Some(visitor) => match first {
            Some(first) => first == seq,
            None => seen.visitors.insert((link, visitor)),
        },
        None => false,
    };
    let parameters: Option<Value> = row.try_get_by("parameters")?;
    let mut texts = [const { None }; TEXTS.len()];
    for (text, column) in texts
        .iter_mut()
        .zip(["country", "device", "os", "browser", "referrer"])
    {
        *text = row.try_get_by::<Option<String>, _>(column)?.map(Arc::from);
    }
    for (column, name) in PARAMETERS {
        if let Some(place) = column.text_place() {
            texts[place] = parameter(parameters.as_ref(), name).map(Arc::from);
        }
    }
    Ok(Some(Fact {
        seq,
        clicked_at: row.try_get_by("clicked_at")?,
        verdict: StoredVerdict::new(reason, kind, is_unique),
        account: view.account,
        link,
        list: row.try_get_by("sending_list_id")?,
        offer: row.try_get_by("offer_id")?,
        domain: row.try_get_by("domain_id")?,
        texts,
    }))
}

/// Clicks as chunks of their days.
fn chunks(facts: &[Fact]) -> Vec<(i32, Chunk)> {
    let mut days: BTreeMap<i32, Vec<&Fact>> = BTreeMap::new();
    for fact in facts {
        days.entry(fact.day()).or_default().push(fact);
    }
    let mut chunks = Vec::new();
    for (day, facts) in days {
        match Chunk::of(&facts) {
            Some(chunk) => chunks.push((day, chunk)),
            // Their numbers are too far apart for one.
            None => chunks.extend(facts.iter().filter_map(|fact| Some((day, Chunk::of(&[*fact])?)))),
        }
    }
    chunks
}
