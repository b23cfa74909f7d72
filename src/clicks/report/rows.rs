//! From groups of clicks to the rows of a report.

use std::{cmp::Reverse, collections::HashMap};

use entity::Timestamp;

use super::{
    Counts, Order, Report, ReportError, Request, Row,
    axis::Axis,
    calendar::{Bucket, TooMany},
    scan::Groups,
};

impl From<TooMany> for ReportError {
    fn from(_: TooMany) -> Self {
        Self::TooManyIntervals
    }
}

/// What a row is sorted by: when, how many clicks, and its values. The last decide between equals, so that the same
/// clicks are the same report.
type Place = (Option<Timestamp>, Reverse<i64>, [u32; 2]);

/// A group: its numbers on the axes, and its clicks.
type Group = ([u32; 2], Counts);

/// The report of these groups. Where there is an interval it is on the first axis.
///
/// # Errors
/// When there are too many intervals.
pub(super) fn report(
    groups: &mut Groups,
    request: &Request,
    kept_from: Option<Timestamp>,
    now: Timestamp,
) -> Result<Report, ReportError> {
    let mut found: Vec<Group> = groups.counts().collect();
    let total: Counts = found.iter().map(|(_, counts)| *counts).sum();
    let buckets = buckets(groups, request, now)?;
    match &mut groups.axes[..] {
        [] => found.clear(),
        [time] if request.interval.is_some() => {
            let mut counts: HashMap<_, _> = found.into_iter().collect();
            let all = buckets.iter().map(|(start, _)| {
                let group = [time.number_of_time(*start), 0];
                (group, counts.remove(&group).unwrap_or_default())
            });
            found = all.collect();
        }
        _ => {}
    }
    let row_count = found.len();
    let ranks: Vec<_> = groups.axes.iter().map(Axis::ranks).collect();
    let starts = groups.axes.first().filter(|_| request.interval.is_some());
    let place = |group: &Group| place(group, request.order, starts, &ranks);
    let shown = request.rows.min(row_count);
    if shown < row_count {
        // Only what is shown is sorted.
        found.select_nth_unstable_by_key(shown, place);
    }
    let rest = found.split_off(shown);
    found.sort_unstable_by_key(place);
    let ends: HashMap<_, _> = buckets.into_iter().collect();
    let keyed = groups.axes.len() - usize::from(starts.is_some());
    let rows = found.into_iter().map(|(group, counts)| {
        let start = starts.map(|axis| axis.start(group[0]));
        let keys = groups.axes.iter().zip(group).skip(groups.axes.len() - keyed);
        Row {
            time: start.and_then(|start| Some((start, *ends.get(&start)?))),
            keys: keys.map(|(axis, number)| axis.key(number)).collect(),
            counts,
        }
    });
    Ok(Report {
        total,
        rows: rows.collect(),
        row_count,
        rest: rest.iter().map(|(_, counts)| *counts).sum(),
        kept_from,
    })
}

fn place((group, counts): &Group, order: Order, starts: Option<&Axis>, ranks: &[Vec<u32>]) -> Place {
    let most = match order {
        Order::MostClicks => counts.clicks,
        Order::MostHumanClicks => counts.human_clicks,
        Order::MostUniqueClicks => counts.unique_clicks,
        Order::Value => 0,
    };
    let mut values = [0; 2];
    for ((value, ranks), number) in values.iter_mut().zip(ranks).zip(group) {
        *value = ranks.get(*number as usize).copied().unwrap_or_default();
    }
    (starts.map(|axis| axis.start(group[0])), Reverse(most), values)
}

/// All intervals of the report: those of the period, which where it is open is from the first click on, and up to the
/// last one or now.
fn buckets(groups: &Groups, request: &Request, now: Timestamp) -> Result<Vec<Bucket>, TooMany> {
    let Some((axis, calendar)) = groups
        .axes
        .first()
        .and_then(|axis| Some((axis, axis.calendar()?)))
    else {
        return Ok(Vec::new());
    };
    let starts = || groups.counts().map(|(group, _)| axis.start(group[0]));
    let Some(from) = request.filter.from.or_else(|| starts().min()) else {
        return Ok(Vec::new());
    };
    let before = request.filter.before.unwrap_or_else(|| {
        // The last click is in an interval that may begin before the period does.
        let last = starts().max().map_or(now, |start| start.max(from).max(now));
        Timestamp::from_millis(last.millis().saturating_add(1))
    });
    calendar.buckets(from, before)
}
