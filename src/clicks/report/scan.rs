//! Counting the clicks of chunks.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::{
    Counts, ReportError,
    axis::{Axis, Codes, Local},
    chunks::{self, Lot},
    sieve::{CLASSES, Class, Sieve},
    tail::Tail,
    view::View,
};
use crate::clicks::columns::{Chunk, Column};

/// The most different groups that are counted at once: 40 MB.
const MOST_GROUPS: usize = 1_000_000;

/// How many times as many groups as clicks a chunk may have to be counted in a table that has a place for each.
const DENSE: usize = 4;

/// How many clicks a group has of each class.
type Classes = [u32; CLASSES];

/// Groups of clicks, and how many there are in each. A group is named by its numbers on the axes.
#[derive(Debug)]
pub(super) struct Groups {
    pub(super) axes: Vec<Axis>,
    /// Those of one axis, by their number: there are few clicks to each where links are texts to one recipient.
    single: Vec<Counts>,
    /// How many of those have clicks: there may be a number for every link of the account.
    met: usize,
    /// Those of two.
    double: HashMap<[u32; 2], Counts, RandomState>,
    are_double: bool,
}

impl Groups {
    /// No clicks yet, to be grouped by at most two axes.
    pub(super) fn new(axes: Vec<Axis>) -> Self {
        Self {
            are_double: axes.len() > 1,
            axes,
            single: Vec::new(),
            met: 0,
            double: HashMap::default(),
        }
    }

    /// The groups that have clicks.
    pub(super) fn counts(&self) -> impl Iterator<Item = ([u32; 2], Counts)> {
        let single = (0..)
            .zip(&self.single)
            .map(|(number, counts)| ([number, 0], *counts));
        let double = self.double.iter().map(|(group, counts)| (*group, *counts));
        single.filter(|(_, counts)| counts.clicks > 0).chain(double)
    }

    /// Adds clicks to a group.
    pub(super) fn add(&mut self, group: [u32; 2], counts: Counts) {
        if counts.clicks == 0 {
            return;
        }
        if self.are_double {
            *self.double.entry(group).or_default() += counts;
            return;
        }
        let place = group[0] as usize;
        if self.single.len() <= place {
            self.single.resize(place + 1, Counts::default());
        }
        self.met += usize::from(self.single[place].clicks == 0);
        self.single[place] += counts;
    }

    /// The columns that are looked at, beside that of times.
    fn columns(&self, sieve: &Sieve) -> Vec<Column> {
        let axes = self.axes.iter().filter_map(Axis::column);
        let mut columns: Vec<_> = sieve.columns().chain(axes).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Counts the account's clicks that pass and that chunks have.
    ///
    /// # Errors
    /// When there are too many groups, or the database does not answer.
    pub(super) async fn count_chunks(&mut self, view: &View, sieve: &Sieve) -> Result<(), ReportError> {
        let plain = self.columns(sieve);
        let timed: Vec<_> = plain.iter().copied().chain([Column::Time]).collect();
        let mut classes = Vec::new();
        for lot in chunks::lots(view, sieve.days()).await? {
            let columns = if self.needs_times(sieve, lot) {
                &timed
            } else {
                &plain
            };
            for (day, chunk) in chunks::read(view, lot, columns).await? {
                if sieve.classify(day, &chunk, &mut classes) {
                    self.count_chunk(day, &chunk, &classes)?;
                }
                // Others may have their turn.
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    fn needs_times(&self, sieve: &Sieve, (first, last): Lot) -> bool {
        (first.day..=last.day).any(|day| sieve.cuts(day) || self.axes.iter().any(|axis| axis.parts(day)))
    }

    /// Counts the account's clicks that pass and that are in no chunk.
    ///
    /// # Errors
    /// When there are too many groups, or the database does not answer.
    pub(super) async fn count_tail(&mut self, view: &View, sieve: &Sieve) -> Result<(), ReportError> {
        let mut classes = Vec::new();
        let mut tail = Tail::of(view);
        while let Some(chunks) = tail.next().await? {
            for (day, chunk) in chunks {
                if sieve.classify(day, &chunk, &mut classes) {
                    self.count_chunk(day, &chunk, &classes)?;
                }
            }
        }
        Ok(())
    }

    fn count_chunk(&mut self, day: i32, chunk: &Chunk, classes: &[Class]) -> Result<(), ReportError> {
        let mut axes = std::mem::take(&mut self.axes);
        match &mut axes[..] {
            [] => self.add([0, 0], total(classes)),
            [only] => {
                let mut local = only.local(day, chunk);
                let places = places(&local, classes);
                for (code, counted) in places.into_iter().enumerate() {
                    if let Some(counts) = counts(counted) {
                        self.add([only.number(&mut local, code), 0], counts);
                    }
                }
            }
            [one, other, ..] => {
                let (mut mine, mut theirs) = (one.local(day, chunk), other.local(day, chunk));
                if mine.size.saturating_mul(theirs.size) <= DENSE * classes.len() {
                    let width = theirs.size;
                    let places = places_of_two(&mine, &theirs, classes);
                    for (place, counted) in places.into_iter().enumerate() {
                        if let Some(counts) = counts(counted) {
                            let group = [
                                one.number(&mut mine, place / width),
                                other.number(&mut theirs, place % width),
                            ];
                            self.add(group, counts);
                        }
                    }
                } else {
                    let mut found: HashMap<[u32; 2], Classes, RandomState> = HashMap::default();
                    for (click, class) in classes.iter().enumerate().filter(|(_, class)| **class > 0) {
                        let (code, their_code) = (mine.code(click), theirs.code(click));
                        let group = [one.number(&mut mine, code), other.number(&mut theirs, their_code)];
                        found.entry(group).or_default()[usize::from(*class)] += 1;
                    }
                    for (group, counted) in found {
                        self.add(group, counts(counted).unwrap_or_default());
                    }
                }
            }
        }
        self.axes = axes;
        self.within_limits()
    }

    fn within_limits(&self) -> Result<(), ReportError> {
        if self.met.max(self.double.len()) > MOST_GROUPS {
            return Err(ReportError::TooManyGroups);
        }
        Ok(())
    }
}

impl Local<'_> {
    /// Which of the chunk's values a click has.
    fn code(&self, click: usize) -> usize {
        match &self.codes {
            Codes::Stored(codes) => codes[click] as usize,
            Codes::Made(codes) => codes[click] as usize,
            Codes::Same => 0,
        }
    }

    /// The codes of all clicks; `None` where all have the first.
    fn codes(&self) -> Option<&[u32]> {
        match &self.codes {
            Codes::Stored(codes) => Some(codes),
            Codes::Made(codes) => Some(codes),
            Codes::Same => None,
        }
    }
}

/// How many clicks of each class have each value.
fn places(local: &Local<'_>, classes: &[Class]) -> Vec<Classes> {
    let mut places = vec![[0; CLASSES]; local.size];
    match local.codes() {
        Some(codes) => {
            for (code, class) in codes.iter().zip(classes) {
                places[*code as usize][usize::from(*class)] += 1;
            }
        }
        None => {
            for class in classes {
                places[0][usize::from(*class)] += 1;
            }
        }
    }
    places
}

/// How many clicks of each class have each pair of values.
fn places_of_two(one: &Local<'_>, other: &Local<'_>, classes: &[Class]) -> Vec<Classes> {
    let (Some(codes), Some(others)) = (one.codes(), other.codes()) else {
        // One has a single value: the pairs are the values of the other.
        return places(if one.codes().is_none() { other } else { one }, classes);
    };
    let mut places = vec![[0; CLASSES]; one.size * other.size];
    for ((code, other_code), class) in codes.iter().zip(others).zip(classes) {
        let place = *code as usize * other.size + *other_code as usize;
        places[place][usize::from(*class)] += 1;
    }
    places
}

/// All clicks.
fn total(classes: &[Class]) -> Counts {
    let mut counted = [0; CLASSES];
    for class in classes {
        counted[usize::from(*class)] += 1;
    }
    counts(counted).unwrap_or_default()
}

/// The clicks of each class as they are counted; `None` where none passed.
fn counts([_, bots, humans, uniques]: Classes) -> Option<Counts> {
    let [bots, humans, uniques] = [bots, humans, uniques].map(i64::from);
    let clicks = bots + humans + uniques;
    (clicks > 0).then_some(Counts {
        clicks,
        human_clicks: humans + uniques,
        unique_clicks: uniques,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_with_clicks_are_too_many() {
        let click = Counts {
            clicks: 1,
            ..Counts::default()
        };
        let mut groups = Groups::new(Vec::new());
        // As where one link of millions was clicked, and each has a value of its own.
        let highest = u32::try_from(2 * MOST_GROUPS).expect("a number");
        for number in [highest, highest, 7] {
            groups.add([number, 0], click);
        }
        assert!(groups.within_limits().is_ok());
        assert_eq!(groups.counts().count(), 2);
        for number in 0..=highest / 2 {
            groups.add([number, 0], click);
        }
        assert!(matches!(groups.within_limits(), Err(ReportError::TooManyGroups)));
    }
}
