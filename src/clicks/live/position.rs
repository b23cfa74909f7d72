//! Which rows have been seen.

use std::{
    collections::{HashSet, VecDeque},
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use entity::{ClickId, ShortLinkId};

/// Which click a row is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) seq: i64,
    pub(super) link: ShortLinkId,
    pub(super) id: ClickId,
}

/// How many clicks are remembered, so that one that was written twice is told of once.
const REMEMBERED: usize = 10_000;

/// How many gaps are looked into; of more the oldest are given up.
const MOST_GAPS: usize = 100;

/// How long a gap is looked into: transactions that store clicks take milliseconds, and one that was rolled back leaves
/// its gap for ever.
const PATIENCE: Duration = Duration::from_mins(1);

/// Row numbers that were passed over, and since when.
#[derive(Clone, Debug)]
struct Gap {
    seqs: RangeInclusive<i64>,
    since: Instant,
}

/// Which rows have been seen: all up to the newest, but for those that were not there yet.
///
/// `PostgreSQL` gives row numbers in order, but rows appear in any: whoever stores many clicks at once may be done after
/// others that began later. So numbers that were passed over are looked for again. `SQLite` has one writer at a time, and
/// none of this.
#[derive(Debug)]
pub(super) struct Position {
    newest: i64,
    has_gaps: bool,
    gaps: VecDeque<Gap>,
    known: HashSet<(ShortLinkId, ClickId)>,
    order: VecDeque<(ShortLinkId, ClickId)>,
}

impl Position {
    /// Behind these rows, which are the newest in ascending order.
    pub(super) fn behind(rows: &[Row], has_gaps: bool, now: Instant) -> Self {
        let mut position = Self {
            newest: rows.first().map_or(0, |row| row.seq - 1),
            has_gaps,
            gaps: VecDeque::new(),
            known: HashSet::new(),
            order: VecDeque::new(),
        };
        position.see(rows.to_vec(), now);
        position
    }

    /// The highest row number that was seen.
    pub(super) const fn newest(&self) -> i64 {
        self.newest
    }

    /// Row numbers to be looked for again.
    pub(super) fn gaps(&self) -> impl Iterator<Item = RangeInclusive<i64>> {
        self.gaps.iter().map(|gap| gap.seqs.clone())
    }

    /// Takes note of rows in ascending order, and answers which of them are of clicks that were not seen before.
    pub(super) fn see(&mut self, mut rows: Vec<Row>, now: Instant) -> Vec<Row> {
        for row in &rows {
            if row.seq > self.newest {
                if self.has_gaps && row.seq - self.newest > 1 {
                    self.pass_over(self.newest + 1..=row.seq - 1, now);
                }
                self.newest = row.seq;
            } else {
                self.fill(row.seq);
            }
        }
        rows.retain(|row| self.remember((row.link, row.id)));
        rows
    }

    /// Gives up gaps that were looked into for long enough.
    pub(super) fn give_up(&mut self, now: Instant) {
        self.gaps.retain(|gap| now.duration_since(gap.since) < PATIENCE);
    }

    fn pass_over(&mut self, seqs: RangeInclusive<i64>, since: Instant) {
        if self.gaps.len() == MOST_GAPS {
            self.gaps.pop_front();
        }
        self.gaps.push_back(Gap { seqs, since });
    }

    fn fill(&mut self, seq: i64) {
        let Some(at) = self.gaps.iter().position(|gap| gap.seqs.contains(&seq)) else {
            return;
        };
        let Some(Gap { seqs, since }) = self.gaps.remove(at) else {
            return;
        };
        for rest in [*seqs.start()..=seq - 1, seq + 1..=*seqs.end()] {
            if !rest.is_empty() {
                self.pass_over(rest, since);
            }
        }
    }

    /// Whether the click was not known.
    fn remember(&mut self, click: (ShortLinkId, ClickId)) -> bool {
        if !self.known.insert(click) {
            return false;
        }
        self.order.push_back(click);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use entity::Timestamp;

    use super::*;

    fn rows(seqs: impl IntoIterator<Item = i64>) -> Vec<Row> {
        let time = Timestamp::from_millis(0);
        let link = ShortLinkId::at(time);
        let row = |seq| Row {
            seq,
            link,
            id: ClickId::at(time),
        };
        seqs.into_iter().map(row).collect()
    }

    fn gaps(position: &Position) -> Vec<(i64, i64)> {
        position.gaps().map(|gap| (*gap.start(), *gap.end())).collect()
    }

    fn seqs(rows: &[Row]) -> Vec<i64> {
        rows.iter().map(|row| row.seq).collect()
    }

    #[test]
    fn numbers_that_were_passed_over_are_looked_for_until_they_are_there() {
        let now = Instant::now();
        let mut position = Position::behind(&rows([5, 6, 9]), true, now);
        assert_eq!((position.newest(), gaps(&position)), (9, vec![(7, 8)]));
        assert_eq!(seqs(&position.see(rows([14]), now)), [14]);
        assert_eq!(gaps(&position), [(7, 8), (10, 13)]);
        assert_eq!(seqs(&position.see(rows([8, 11, 12]), now)), [8, 11, 12]);
        assert_eq!(gaps(&position), [(7, 7), (10, 10), (13, 13)]);
        position.see(rows([7, 10, 13]), now);
        assert_eq!((position.newest(), gaps(&position)), (14, vec![]));
    }

    #[test]
    fn a_gap_that_nothing_fills_is_given_up() {
        let now = Instant::now();
        let mut position = Position::behind(&rows([1, 3]), true, now);
        position.give_up(now + PATIENCE / 2);
        assert_eq!(gaps(&position), [(2, 2)]);
        position.give_up(now + PATIENCE);
        assert_eq!(gaps(&position), []);
    }

    #[test]
    fn there_are_never_more_gaps_than_are_looked_into_at_once() {
        let now = Instant::now();
        let mut position = Position::behind(&[], true, now);
        position.see(rows((2..2000).step_by(2)), now);
        let gaps = gaps(&position);
        assert_eq!((gaps.len(), gaps.last()), (MOST_GAPS, Some(&(1997, 1997))));
        let mut position = Position::behind(&[], false, now);
        position.see(rows((2..2000).step_by(2)), now);
        assert_eq!(position.gaps().count(), 0);
    }

    #[test]
    fn a_click_that_was_written_twice_is_told_of_once() {
        let now = Instant::now();
        let old = rows([1, 2]);
        let mut position = Position::behind(&old, false, now);
        let again = |row: Row, seq| Row { seq, ..row };
        let new = rows([3])[0];
        let told = position.see(vec![new, again(old[0], 4), again(new, 5)], now);
        assert_eq!(told, [new]);
    }

    #[test]
    fn no_more_clicks_are_remembered_than_have_room() {
        let now = Instant::now();
        let mut position = Position::behind(&[], false, now);
        let most = i64::try_from(REMEMBERED).expect("a small number");
        let first = rows([1]);
        position.see(first.clone(), now);
        position.see(rows(2..=most + 1), now);
        assert_eq!(
            (position.known.len(), position.order.len()),
            (REMEMBERED, REMEMBERED)
        );
        assert_eq!(position.see(first.clone(), now), first);
    }
}
