//! From when on and before when clicks are counted.

use std::ops::Range;

use entity::{Timestamp, subject_quarter::QUARTER};

/// A time whose clicks are counted; open where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Period {
    /// They were made then or later.
    pub from: Option<Timestamp>,
    /// They were made earlier.
    pub before: Option<Timestamp>,
}

/// A period in whole quarters of hours, as sums have them, and the rest of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// The quarters that are all in the period.
    pub(super) quarters: Range<i32>,
    /// What it has before and behind them: nothing, one or two pieces.
    pub(super) edges: Vec<Period>,
}

impl Period {
    /// The period in whole quarters, and its edges.
    pub(super) fn parts(self) -> Parts {
        let quarter =
            |quarter: i64| i32::try_from(quarter).unwrap_or(if quarter < 0 { i32::MIN } else { i32::MAX });
        let first = self.from.map_or(i64::MIN, |from| {
            let whole = from.millis().div_euclid(QUARTER);
            whole + i64::from(from.millis().rem_euclid(QUARTER) > 0)
        });
        let last = self
            .before
            .map_or(i64::MAX, |before| before.millis().div_euclid(QUARTER));
        if first >= last {
            return Parts {
                quarters: 0..0,
                edges: vec![self],
            };
        }
        let start = |quarter: i64| Timestamp::from_millis(quarter.saturating_mul(QUARTER));
        let mut edges = Vec::new();
        if self.from.is_some_and(|from| from < start(first)) {
            edges.push(Self {
                from: self.from,
                before: Some(start(first)),
            });
        }
        if self.before.is_some_and(|before| start(last) < before) {
            edges.push(Self {
                from: Some(start(last)),
                before: self.before,
            });
        }
        Parts {
            quarters: quarter(first)..quarter(last),
            edges,
        }
    }

    /// Whether it is all there has ever been.
    pub(super) const fn is_open(self) -> bool {
        self.from.is_none() && self.before.is_none()
    }

    /// The first moment, and the one behind the last, in milliseconds.
    pub(super) fn millis(self) -> (i64, i64) {
        let millis = |time: Option<Timestamp>, open| time.map_or(open, Timestamp::millis);
        (millis(self.from, i64::MIN), millis(self.before, i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(from: Option<i64>, before: Option<i64>) -> Period {
        Period {
            from: from.map(Timestamp::from_millis),
            before: before.map(Timestamp::from_millis),
        }
    }

    #[test]
    fn a_period_is_its_quarters_and_its_edges() {
        let parts = |from, before| {
            let parts = period(from, before).parts();
            (parts.quarters, parts.edges)
        };
        assert_eq!(parts(None, None), (i32::MIN..i32::MAX, vec![]));
        assert_eq!(parts(Some(QUARTER), Some(3 * QUARTER)), (1..3, vec![]));
        let edges = |first: (i64, i64), last: (i64, i64)| {
            vec![
                period(Some(first.0), Some(first.1)),
                period(Some(last.0), Some(last.1)),
            ]
        };
        assert_eq!(
            parts(Some(1), Some(3 * QUARTER + 1)),
            (1..3, edges((1, QUARTER), (3 * QUARTER, 3 * QUARTER + 1)))
        );
        assert_eq!(
            parts(Some(-1), None),
            (0..i32::MAX, vec![period(Some(-1), Some(0))])
        );
        assert_eq!(
            parts(Some(1), Some(QUARTER)),
            (0..0, vec![period(Some(1), Some(QUARTER))])
        );
        assert_eq!(parts(Some(5), Some(5)), (0..0, vec![period(Some(5), Some(5))]));
    }
}
