//! Counting again, one click after another.

use std::collections::BTreeMap;

use entity::{Timestamp, click, short_link, user_agent};
use jiff::tz::TimeZone;
use linkhop::clicks::{
    columns::Column,
    report::{Counts, Dimension, GroupKey, Interval, Order, Period, Report, Request, Row, Stats, Subject},
};
use serde_json::Value;

/// A click, with what belongs to it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) click: click::Model,
    pub(super) link: short_link::Model,
    pub(super) agent: Option<user_agent::Model>,
    pub(super) is_unique: bool,
    /// Whether it is of the account that asks.
    pub(super) is_own: bool,
}

impl Known {
    pub(super) fn text(&self, column: Column) -> Option<String> {
        let agent = self.agent.as_ref();
        let parameter = |name: &str| {
            let value = self.click.parameters.as_ref()?.get(name)?;
            value.as_str().map(str::to_owned)
        };
        match column {
            Column::Country => self.click.country.clone(),
            Column::Device => agent?.device.clone(),
            Column::Os => agent?.os.clone(),
            Column::Browser => agent?.browser.clone(),
            Column::Referrer => self.click.referrer.clone(),
            Column::Sub1 => parameter("sub1"),
            Column::Sub2 => parameter("sub2"),
            Column::Sub3 => parameter("sub3"),
            Column::Sub4 => parameter("sub4"),
            Column::Sub5 => parameter("sub5"),
            Column::Source => parameter("source"),
            _ => panic!("{column:?} holds no texts"),
        }
    }

    fn key(&self, dimension: &Dimension) -> Option<GroupKey> {
        let text = match dimension {
            Dimension::Link => return Some(GroupKey::Link(self.link.id)),
            Dimension::Offer => return self.link.offer_id.map(GroupKey::Offer),
            Dimension::List => return Some(GroupKey::List(self.link.sending_list_id)),
            Dimension::Domain => return Some(GroupKey::Domain(self.link.domain_id)),
            Dimension::BotReason => return self.click.bot_reason.map(GroupKey::BotReason),
            Dimension::BotKind => return self.click.bot_kind.map(GroupKey::BotKind),
            Dimension::ContactPhone => self.link.contact_phone.clone(),
            Dimension::Text(column) => self.text(column.column()),
            Dimension::Metadata(key) => match self.link.metadata.get(key)? {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                Value::Number(number) if number.as_f64() == Some(1.0) => Some("1".to_owned()),
                other => Some(other.to_string()),
            },
        };
        text.map(GroupKey::Text)
    }

    fn counts(&self) -> Counts {
        Counts {
            clicks: 1,
            human_clicks: self.click.bot_reason.is_none().into(),
            unique_clicks: self.is_unique.into(),
        }
    }
}

pub(super) const ZONES: [&str; 5] = [
    "UTC",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Europe/Berlin",
];

pub(super) const INTERVALS: [Interval; 4] = [Interval::Hour, Interval::Day, Interval::Week, Interval::Month];

/// When intervals begin in some zones: found by going through all quarters of hours and looking at the clocks.
pub(super) struct Calendars(Vec<(usize, usize, Vec<i64>)>);

impl Calendars {
    pub(super) fn new() -> Self {
        let millis = |text: &str| text.parse::<jiff::Timestamp>().expect("a time").as_millisecond();
        let (first, last) = (millis("2026-01-01T00:00:00Z"), millis("2027-02-15T00:00:00Z"));
        let mut calendars = Vec::new();
        for (at, zone) in ZONES.iter().enumerate() {
            let zone = TimeZone::get(zone).expect("a zone");
            let mut labels: [Option<(i32, i32, i32)>; 4] = [None; 4];
            let mut starts: [Vec<i64>; 4] = Default::default();
            for time in (first..last).step_by(15 * 60 * 1000) {
                let moment = jiff::Timestamp::from_millisecond(time).expect("a time");
                let offset = zone.to_offset(moment);
                let clock = offset.to_datetime(moment);
                let (year, month) = (i32::from(clock.year()), i32::from(clock.month()));
                let day = year * 1000 + i32::from(clock.day_of_year());
                let week = clock.date().iso_week_date();
                let shown = [
                    (day, clock.hour().into(), offset.seconds()),
                    (day, 0, 0),
                    (week.year().into(), week.week().into(), 0),
                    (year, month, 0),
                ];
                for ((label, shown), starts) in labels.iter_mut().zip(shown).zip(&mut starts) {
                    if *label != Some(shown) {
                        *label = Some(shown);
                        starts.push(time);
                    }
                }
            }
            for (interval, starts) in starts.into_iter().enumerate() {
                calendars.push((at, interval, starts));
            }
        }
        Self(calendars)
    }

    fn starts(&self, interval: Interval, zone: &TimeZone) -> &[i64] {
        let name = zone.iana_name().unwrap_or("UTC");
        let found = self
            .0
            .iter()
            .find(|(at, one, _)| ZONES[*at] == name && INTERVALS[*one] == interval);
        &found.expect("a calendar").2
    }
}

/// The interval of a moment, by its place.
fn bucket(starts: &[i64], time: i64) -> usize {
    starts
        .iter()
        .rposition(|start| *start <= time)
        .expect("a time that is looked at")
}

fn sum(all: impl Iterator<Item = Counts>) -> Counts {
    all.fold(Counts::default(), |sum, counts| Counts {
        clicks: sum.clicks + counts.clicks,
        human_clicks: sum.human_clicks + counts.human_clicks,
        unique_clicks: sum.unique_clicks + counts.unique_clicks,
    })
}

fn has(period: Period, click: &click::Model) -> bool {
    period.from.is_none_or(|from| click.clicked_at >= from)
        && period.before.is_none_or(|before| click.clicked_at < before)
}

pub(super) fn report(
    calendars: &Calendars,
    request: &Request,
    known: &[Known],
    filter: &dyn Fn(&Known) -> bool,
    now: Timestamp,
) -> Report {
    let starts = request
        .interval
        .as_ref()
        .map(|(interval, zone)| calendars.starts(*interval, zone));
    let mut groups: BTreeMap<(Option<usize>, Vec<Option<GroupKey>>), Counts> = BTreeMap::new();
    let passing: Vec<_> = known
        .iter()
        .filter(|known| known.is_own && filter(known))
        .collect();
    for known in &passing {
        let time = starts.map(|starts| bucket(starts, known.click.clicked_at.millis()));
        let keys = request
            .group_by
            .iter()
            .map(|dimension| known.key(dimension))
            .collect();
        let counts = groups.entry((time, keys)).or_default();
        *counts = sum([*counts, known.counts()].into_iter());
    }
    if let (Some(starts), true) = (starts, request.group_by.is_empty()) {
        let times = || passing.iter().map(|known| known.click.clicked_at.millis());
        let from = request
            .filter
            .from
            .map(Timestamp::millis)
            .or_else(|| times().min());
        let last = match request.filter.before {
            Some(before) => before.millis() - 1,
            None => times().max().unwrap_or(i64::MIN).max(now.millis()),
        };
        if let Some(from) = from.filter(|from| *from <= last) {
            for time in bucket(starts, from)..=bucket(starts, last) {
                groups.entry((Some(time), Vec::new())).or_default();
            }
        }
    }
    let mut rows: Vec<_> = groups.into_iter().collect();
    if request.interval.is_none() && request.group_by.is_empty() {
        rows.clear();
    }
    rows.sort_by_key(|((time, keys), counts)| {
        let most = match request.order {
            Order::MostClicks => counts.clicks,
            Order::MostHumanClicks => counts.human_clicks,
            Order::MostUniqueClicks => counts.unique_clicks,
            Order::Value => 0,
        };
        (*time, -most, keys.clone())
    });
    let row_count = rows.len();
    let rest = rows.split_off(request.rows.min(row_count));
    let rows = rows.into_iter().map(|((time, keys), counts)| Row {
        time: time.zip(starts).map(|(at, starts)| {
            (
                Timestamp::from_millis(starts[at]),
                Timestamp::from_millis(starts[at + 1]),
            )
        }),
        keys,
        counts,
    });
    Report {
        total: sum(passing.iter().map(|known| known.counts())),
        rows: rows.collect(),
        row_count,
        rest: sum(rest.into_iter().map(|(_, counts)| counts)),
        kept_from: None,
    }
}

pub(super) fn stats(subject: Subject, known: &[Known], period: Period) -> Option<Stats> {
    let is_of = |known: &&Known| {
        let link = &known.link;
        known.is_own
            && has(period, &known.click)
            && match subject {
                Subject::Link(id) => link.id == id,
                Subject::Offer(id) => link.offer_id == Some(id),
                Subject::List(id) => link.sending_list_id == id,
                Subject::Domain(id) => link.domain_id == id,
            }
    };
    let clicks: Vec<_> = known.iter().filter(is_of).collect();
    let times = || clicks.iter().map(|known| known.click.clicked_at);
    Some(Stats {
        counts: sum(clicks.iter().map(|known| known.counts())),
        first_clicked_at: times().min()?,
        last_clicked_at: times().max()?,
    })
}
