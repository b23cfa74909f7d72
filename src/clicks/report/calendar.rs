//! When an hour, a day, a week or a month begins by the clocks of a time zone.

use entity::Timestamp;
use jiff::{
    ToSpan as _,
    civil::{Date, Weekday},
    tz::{AmbiguousOffset, Offset, TimeZone},
};

use super::Interval;

/// The most intervals of one report.
pub(super) const MOST: usize = 10_000;

/// The milliseconds of an hour.
const HOUR: i64 = 60 * 60 * 1000;

/// The time that the calendar is asked for at most: about 9,000 years from year 0, so that a month more is one too.
const TIMES: (i64, i64) = (-346_000_000_000_000, 221_000_000_000_000);

/// A time from when on and before when clicks are counted together.
pub(super) type Bucket = (Timestamp, Timestamp);

/// Intervals by the clocks of a zone. Every moment is in exactly one.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    interval: Interval,
    zone: TimeZone,
}

/// There are more than [`MOST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Calendar {
    pub(super) const fn new(interval: Interval, zone: TimeZone) -> Self {
        Self { interval, zone }
    }

    /// Whether a day in UTC may have moments of more than one interval.
    pub(super) fn may_part_days(&self) -> bool {
        let is_utc = self.zone.to_fixed_offset().is_ok_and(Offset::is_zero);
        self.interval == Interval::Hour || !is_utc
    }

    /// The interval that has this moment.
    pub(super) fn bucket(&self, time: Timestamp) -> Bucket {
        let millis = time.millis().clamp(TIMES.0, TIMES.1);
        let (start, end) = match self.interval {
            Interval::Hour => self.hour(millis),
            Interval::Day | Interval::Week | Interval::Month => self.dates(millis),
        };
        (Timestamp::from_millis(start), Timestamp::from_millis(end))
    }

    /// All intervals that have a moment of the period.
    pub(super) fn buckets(&self, from: Timestamp, before: Timestamp) -> Result<Vec<Bucket>, TooMany> {
        let mut buckets = Vec::new();
        let mut next = from;
        while next < before && next.millis() <= TIMES.1 {
            if buckets.len() == MOST {
                return Err(TooMany);
            }
            let bucket = self.bucket(next);
            next = bucket.1;
            buckets.push(bucket);
        }
        Ok(buckets)
    }

    /// An hour of the clocks that is cut where they are put forward or back: what they show twice is two, and where
    /// they are put by half an hour one of the two is a half.
    fn hour(&self, millis: i64) -> (i64, i64) {
        let here = self.offset(millis);
        let start = millis - (millis + here).rem_euclid(HOUR);
        let end = start + HOUR;
        if self.offset(start) == here && self.offset(end - 1) == here {
            return (start, end);
        }
        let changed = self
            .zone
            .preceding(moment(millis + 1))
            .map(|change| change.timestamp());
        let changed = changed.map(jiff::Timestamp::as_millisecond);
        let began = changed
            .take_while(|change| *change > start)
            .find(|change| self.changes(*change));
        let ended = self.change_after(millis).filter(|change| *change < end);
        (began.unwrap_or(start), ended.unwrap_or(end))
    }

    /// The days from the one on which the interval begins to the one on which the next does. A day that its zone left
    /// out begins and ends with the next one, and so has no moments.
    fn dates(&self, millis: i64) -> (i64, i64) {
        let date = self.zone.to_datetime(moment(millis)).date();
        let mut date = match self.interval {
            Interval::Week => date.saturating_sub(i64::from(date.weekday().since(Weekday::Monday)).days()),
            Interval::Month => date.first_of_month(),
            Interval::Hour | Interval::Day => date,
        };
        loop {
            let next = date.saturating_add(match self.interval {
                Interval::Week => 7.days(),
                Interval::Month => 1.month(),
                Interval::Hour | Interval::Day => 1.day(),
            });
            let end = self.beginning(next);
            // Later than the clocks say where they were put back over midnight: then the day has begun already.
            if end > millis || next == date {
                return (self.beginning(date), end);
            }
            date = next;
        }
    }

    /// When a day begins: at the first of its midnights, or where the clocks were put forward over it, then.
    fn beginning(&self, date: Date) -> i64 {
        let midnight = date.at(0, 0, 0, 0);
        let ambiguous = self.zone.to_ambiguous_timestamp(midnight);
        let moment = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier(),
            AmbiguousOffset::Gap { after, .. } => {
                let earlier = after.to_timestamp(midnight);
                let change = earlier
                    .as_ref()
                    .ok()
                    .and_then(|time| self.change_after(time.as_millisecond()));
                match change {
                    Some(change) => return change,
                    None => earlier,
                }
            }
        };
        moment.unwrap_or_default().as_millisecond()
    }

    /// What the clocks show more than UTC, in milliseconds.
    fn offset(&self, millis: i64) -> i64 {
        i64::from(self.zone.to_offset(moment(millis)).seconds()) * 1000
    }

    /// Whether clocks are put then. What else the database of zones notes, such as a new name, is no change.
    fn changes(&self, millis: i64) -> bool {
        self.offset(millis) != self.offset(millis - 1)
    }

    /// When clocks are put the next time after a moment.
    fn change_after(&self, millis: i64) -> Option<i64> {
        let changes = self
            .zone
            .following(moment(millis))
            .map(|change| change.timestamp());
        let mut changes = changes.map(jiff::Timestamp::as_millisecond);
        changes.find(|change| self.changes(*change))
    }
}

fn moment(millis: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(millis).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(interval: Interval, zone: &str) -> Calendar {
        Calendar::new(interval, TimeZone::get(zone).expect("a zone"))
    }

    fn at(text: &str) -> Timestamp {
        let time: jiff::Timestamp = text.parse().expect("a time");
        Timestamp::from_millis(time.as_millisecond())
    }

    /// The beginnings of the intervals between two moments, and the end of the last.
    fn beginnings(interval: Interval, zone: &str, from: &str, before: &str) -> Vec<String> {
        let buckets = calendar(interval, zone)
            .buckets(at(from), at(before))
            .expect("few");
        let last = buckets.last().expect("some").1;
        let starts = buckets.iter().map(|bucket| bucket.0).chain([last]);
        for pair in buckets.windows(2) {
            assert_eq!(pair[0].1, pair[1].0);
        }
        starts.map(|start| moment(start.millis()).to_string()).collect()
    }

    #[test]
    fn an_hour_that_clocks_show_twice_is_two() {
        let hours = beginnings(
            Interval::Hour,
            "America/New_York",
            "2026-11-01T04:10:00Z",
            "2026-11-01T07:10:00Z",
        );
        let expected = [
            "2026-11-01T04:00:00Z",
            "2026-11-01T05:00:00Z",
            "2026-11-01T06:00:00Z",
            "2026-11-01T07:00:00Z",
            "2026-11-01T08:00:00Z",
        ];
        assert_eq!(hours, expected);
    }

    #[test]
    fn hours_begin_where_the_zones_clocks_say() {
        let hours = beginnings(
            Interval::Hour,
            "Asia/Kolkata",
            "2026-11-23T12:00:00Z",
            "2026-11-23T13:00:00Z",
        );
        assert_eq!(
            hours,
            [
                "2026-11-23T11:30:00Z",
                "2026-11-23T12:30:00Z",
                "2026-11-23T13:30:00Z"
            ]
        );
        let hours = beginnings(
            Interval::Hour,
            "Asia/Kathmandu",
            "2026-11-23T12:15:00Z",
            "2026-11-23T13:15:00Z",
        );
        assert_eq!(hours, ["2026-11-23T12:15:00Z", "2026-11-23T13:15:00Z"]);
    }

    #[test]
    fn clocks_that_are_put_by_half_an_hour_cut_one() {
        let zone = "Australia/Lord_Howe";
        let back = beginnings(
            Interval::Hour,
            zone,
            "2026-04-04T14:00:00Z",
            "2026-04-04T16:00:00Z",
        );
        let expected = [
            "2026-04-04T14:00:00Z",
            "2026-04-04T15:00:00Z",
            "2026-04-04T15:30:00Z",
            "2026-04-04T16:30:00Z",
        ];
        assert_eq!(back, expected);
        let forward = beginnings(
            Interval::Hour,
            zone,
            "2026-10-03T14:30:00Z",
            "2026-10-03T16:30:00Z",
        );
        let expected = [
            "2026-10-03T14:30:00Z",
            "2026-10-03T15:30:00Z",
            "2026-10-03T16:00:00Z",
            "2026-10-03T17:00:00Z",
        ];
        assert_eq!(forward, expected);
    }

    #[test]
    fn days_are_as_long_as_their_clocks_make_them() {
        let days = beginnings(
            Interval::Day,
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            "2026-10-26T12:00:00Z",
        );
        let expected = [
            "2026-10-23T22:00:00Z",
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
            "2026-10-26T23:00:00Z",
        ];
        assert_eq!(days, expected);
    }

    #[test]
    fn a_day_without_midnight_begins_with_its_first_moment() {
        let days = beginnings(
            Interval::Day,
            "America/Sao_Paulo",
            "2018-11-03T12:00:00Z",
            "2018-11-05T12:00:00Z",
        );
        let expected = [
            "2018-11-03T03:00:00Z",
            "2018-11-04T03:00:00Z",
            "2018-11-05T02:00:00Z",
            "2018-11-06T02:00:00Z",
        ];
        assert_eq!(days, expected);
        // The clocks went from 23:30 to 00:30.
        let days = beginnings(
            Interval::Day,
            "America/Toronto",
            "1919-03-30T12:00:00Z",
            "1919-03-31T12:00:00Z",
        );
        assert_eq!(
            days,
            [
                "1919-03-30T05:00:00Z",
                "1919-03-31T04:30:00Z",
                "1919-04-01T04:00:00Z"
            ]
        );
    }

    #[test]
    fn of_two_midnights_the_first_begins_the_day() {
        let days = beginnings(
            Interval::Day,
            "America/Havana",
            "2024-11-02T12:00:00Z",
            "2024-11-03T12:00:00Z",
        );
        assert_eq!(
            days,
            [
                "2024-11-02T04:00:00Z",
                "2024-11-03T04:00:00Z",
                "2024-11-04T05:00:00Z"
            ]
        );
        // A minute after midnight the clocks went back to 23:01 of the day before: that is the new day all the same.
        let zone = "America/St_Johns";
        let days = beginnings(
            Interval::Day,
            zone,
            "2010-11-06T12:00:00Z",
            "2010-11-07T12:00:00Z",
        );
        assert_eq!(
            days,
            [
                "2010-11-06T02:30:00Z",
                "2010-11-07T02:30:00Z",
                "2010-11-08T03:30:00Z"
            ]
        );
        let hours = beginnings(
            Interval::Hour,
            zone,
            "2010-11-07T02:30:00Z",
            "2010-11-07T03:40:00Z",
        );
        let expected = [
            "2010-11-07T02:30:00Z",
            "2010-11-07T02:31:00Z",
            "2010-11-07T03:30:00Z",
            "2010-11-07T04:30:00Z",
        ];
        assert_eq!(hours, expected);
    }

    #[test]
    fn a_day_that_was_left_out_is_none() {
        let days = beginnings(
            Interval::Day,
            "Pacific/Apia",
            "2011-12-29T12:00:00Z",
            "2011-12-31T12:00:00Z",
        );
        let expected = [
            "2011-12-29T10:00:00Z",
            "2011-12-30T10:00:00Z",
            "2011-12-31T10:00:00Z",
            "2012-01-01T10:00:00Z",
        ];
        assert_eq!(days, expected);
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_their_first_day() {
        let weeks = beginnings(
            Interval::Week,
            "Europe/Berlin",
            "2026-03-22T12:00:00Z",
            "2026-03-30T00:00:00Z",
        );
        let expected = [
            "2026-03-15T23:00:00Z",
            "2026-03-22T23:00:00Z",
            "2026-03-29T22:00:00Z",
            "2026-04-05T22:00:00Z",
        ];
        assert_eq!(weeks, expected);
        let months = beginnings(
            Interval::Month,
            "UTC",
            "2024-01-31T12:00:00Z",
            "2024-03-01T00:00:00.001Z",
        );
        let expected = [
            "2024-01-01T00:00:00Z",
            "2024-02-01T00:00:00Z",
            "2024-03-01T00:00:00Z",
            "2024-04-01T00:00:00Z",
        ];
        assert_eq!(months, expected);
    }

    #[test]
    fn ten_thousand_intervals_pass_and_one_more_does_not() {
        let hours = calendar(Interval::Hour, "UTC");
        let from = at("2026-01-01T00:00:00Z");
        let before = |hours: i64| Timestamp::from_millis(from.millis() + hours * HOUR);
        assert_eq!(
            hours.buckets(from, before(10_000)).map(|all| all.len()),
            Ok(10_000)
        );
        assert_eq!(hours.buckets(from, before(10_001)), Err(TooMany));
    }

    #[test]
    fn no_time_is_too_far_away() {
        for interval in [Interval::Hour, Interval::Day, Interval::Week, Interval::Month] {
            for zone in ["UTC", "Europe/Berlin"] {
                for millis in [i64::MIN, i64::MAX] {
                    let time = Timestamp::from_millis(millis);
                    let (start, end) = calendar(interval, zone).bucket(time);
                    assert!(start < end);
                }
            }
        }
    }
}
