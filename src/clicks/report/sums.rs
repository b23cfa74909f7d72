//! Figures over time that are summed already.

use entity::{ShortLinkId, Timestamp, subject_quarter::QUARTER};
use sea_orm::DbErr;
use uuid::Uuid;

use super::{
    ClickFilter, Counts, Request,
    calendar::Calendar,
    period::{Parts, Period},
    scan::Groups,
    view::View,
};

/// What has sums of its own.
#[derive(Clone, Copy, Debug)]
enum Subject {
    /// The account, a list, an offer or a domain.
    Summed(Uuid),
    /// A link, of which each click is noted.
    Link(ShortLinkId),
}

/// How many quarters are added up before they are read: few rows cross, and an hour of most zones is whole.
const STEPS: [i64; 2] = [4, 1];

/// Counts the clicks that are summed by their time, where the request asks for no more than that, and answers of which
/// periods the chunks are still to be counted: those that are no whole quarters. `None` where sums don't say it.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn count(
    view: &View,
    request: &Request,
    groups: &mut Groups,
) -> Result<Option<Vec<Period>>, DbErr> {
    let filter = &request.filter;
    let Some(subject) = subject(view, request) else {
        return Ok(None);
    };
    let period = filter.period();
    let parts = match subject {
        Subject::Summed(_) => period.parts(),
        Subject::Link(link) if view.has_each_click(&[link], period).await? => Parts {
            quarters: 0..0,
            edges: Vec::new(),
        },
        Subject::Link(_) => return Ok(None),
    };
    let calendar = groups.axes.first().and_then(|axis| axis.calendar()).cloned();
    for step in STEPS {
        let found = match subject {
            Subject::Summed(subject) => summed(view, subject, &parts, step, calendar.is_some()).await?,
            Subject::Link(link) => noted(view, link, period, step, calendar.is_some()).await?,
        };
        let Some(calendar) = &calendar else {
            for (_, counts) in found {
                groups.add([0, 0], of_kind(counts, filter.is_bot));
            }
            return Ok(Some(parts.edges));
        };
        if let Some(starts) = starts(calendar, &found, step) {
            for (start, (_, counts)) in starts.into_iter().zip(found) {
                let number = groups.axes[0].number_of_time(start);
                groups.add([number, 0], of_kind(counts, filter.is_bot));
            }
            return Ok(Some(parts.edges));
        }
    }
    Ok(None)
}

/// Whose clicks are asked for, where nothing else is asked of them than when, and whether they are bots'.
fn subject(view: &View, request: &Request) -> Option<Subject> {
    let filter = &request.filter;
    let others = ClickFilter {
        from: filter.from,
        before: filter.before,
        is_bot: filter.is_bot,
        link: filter.link,
        offer: filter.offer,
        list: filter.list,
        domain: filter.domain,
        ..ClickFilter::default()
    };
    if !request.group_by.is_empty() || others != *filter {
        return None;
    }
    let summed = [
        filter.offer.map(Uuid::from),
        filter.list.map(Uuid::from),
        filter.domain.map(Uuid::from),
    ];
    let mut summed = summed.into_iter().flatten();
    match (filter.link, summed.next(), summed.next()) {
        (None, None, _) => Some(Subject::Summed(view.account.into())),
        (None, Some(subject), None) => Some(Subject::Summed(subject)),
        (Some(link), None, _) => Some(Subject::Link(link)),
        _ => None,
    }
}

/// In which interval each of these times is; `None` where one has moments of two.
fn starts(calendar: &Calendar, found: &[(i64, Counts)], step: i64) -> Option<Vec<Timestamp>> {
    let length = step * QUARTER;
    let mut starts: Vec<Timestamp> = Vec::with_capacity(found.len());
    let mut bucket = None;
    for (time, _) in found {
        let (start, end) = match bucket {
            Some((start, end)) if (start..end).contains(&Timestamp::from_millis(*time)) => (start, end),
            _ => calendar.bucket(Timestamp::from_millis(*time)),
        };
        if end.millis() < time + length {
            return None;
        }
        bucket = Some((start, end));
        starts.push(start);
    }
    Some(starts)
}

/// The sums of a list, an offer or a domain, or the account; those of a time together where there are times.
async fn summed(
    view: &View,
    subject: Uuid,
    parts: &Parts,
    step: i64,
    by_time: bool,
) -> Result<Vec<(i64, Counts)>, DbErr> {
    let time = time("CAST(q.quarter AS bigint) * 900000", step, by_time);
    let sql = format!(
        "SELECT {time} AS time, CAST(sum(q.clicks) AS bigint), CAST(sum(q.human_clicks) AS bigint),
    CAST(sum(q.unique_clicks) AS bigint)
FROM subject_quarter AS q
WHERE q.subject_id = $2 AND q.quarter >= $3 AND q.quarter < $4 AND (q.subject_id = $1 OR q.subject_id IN (
    SELECT id FROM offer WHERE account_id = $1 AND id = $2
    UNION ALL SELECT id FROM sending_list WHERE account_id = $1 AND id = $2
    UNION ALL SELECT id FROM domain WHERE account_id = $1 AND id = $2
))
GROUP BY 1 ORDER BY 1"
    );
    let values = [
        subject.into(),
        parts.quarters.start.into(),
        parts.quarters.end.into(),
    ];
    read(view, sql, values).await
}

/// The same of a link, from what is noted of each of its clicks.
async fn noted(
    view: &View,
    link: ShortLinkId,
    period: Period,
    step: i64,
    by_time: bool,
) -> Result<Vec<(i64, Counts)>, DbErr> {
    let time = time("k.clicked_at", step, by_time);
    let sql = format!(
        "SELECT {time} AS time, count(*), count(*) FILTER (WHERE (k.verdict & 7) = 0),
    count(*) FILTER (WHERE (k.verdict & 8) <> 0)
FROM link_click AS k
WHERE k.short_link_id IN (SELECT id FROM short_link WHERE account_id = $1 AND id = $2)
    AND k.seq <= $3 AND k.clicked_at >= $4 AND k.clicked_at < $5
GROUP BY 1 ORDER BY 1"
    );
    let (from, before) = period.millis();
    read(
        view,
        sql,
        [link.into(), view.through.into(), from.into(), before.into()],
    )
    .await
}

/// The beginning of the quarters in which a time is, so many together; the same for all where times don't matter.
fn time(time: &str, step: i64, by_time: bool) -> String {
    let length = step * QUARTER;
    if by_time {
        format!("{time} - ({time} % {length} + {length}) % {length}")
    } else {
        "CAST(0 AS bigint)".to_owned()
    }
}

async fn read<const N: usize>(
    view: &View,
    sql: String,
    values: [sea_orm::Value; N],
) -> Result<Vec<(i64, Counts)>, DbErr> {
    let rows = view.rows(sql, values).await?;
    let counts = rows.iter().map(|row| {
        let counts = Counts {
            clicks: row.try_get_by_index(1)?,
            human_clicks: row.try_get_by_index(2)?,
            unique_clicks: row.try_get_by_index(3)?,
        };
        Ok((row.try_get_by_index(0)?, counts))
    });
    counts.collect()
}

/// Only bots' clicks, or people's, if that is asked.
fn of_kind(counts: Counts, is_bot: Option<bool>) -> Counts {
    match is_bot {
        None => counts,
        Some(true) => Counts {
            clicks: counts.clicks - counts.human_clicks,
            ..Counts::default()
        },
        Some(false) => Counts {
            clicks: counts.human_clicks,
            ..counts
        },
    }
}
