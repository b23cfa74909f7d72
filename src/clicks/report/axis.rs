//! What clicks are grouped by, with a number for each different value.

use std::collections::HashMap;

use entity::Timestamp;
use foldhash::fast::RandomState;
use sea_orm::{DbErr, Iterable as _};
use uuid::Uuid;

use super::{
    Dimension, GroupKey,
    attributes::{self, Attribute, ByLink},
    calendar::{Bucket, Calendar},
    view::View,
};
use crate::clicks::columns::{self, Chunk, Column, DAY};

/// One of what clicks are grouped by. Values are numbered as they are met; 0 is none.
#[derive(Debug)]
pub(super) struct Axis {
    source: Source,
    numbers: HashMap<Box<[u8]>, u32, RandomState>,
    values: Vec<Box<[u8]>>,
}

/// Where the values of an axis come from.
#[derive(Debug)]
enum Source {
    /// A column's words, and what they are.
    Words(Column, fn(&[u8]) -> Option<GroupKey>),
    /// What is known of the link of this number, which are numbers of values.
    OfLink(ByLink<u32>),
    /// The verdict's reason.
    Reason,
    /// The verdict's kind.
    Kind,
    /// When.
    Time(Calendar),
}

/// The values that the clicks of one chunk have.
pub(super) struct Local<'a> {
    /// Which of the chunk's values each click has.
    pub(super) codes: Codes<'a>,
    /// How many there are.
    pub(super) size: usize,
    words: Words<'a>,
    /// The numbers of those that were asked for, or [`UNKNOWN`].
    numbers: Vec<u32>,
}

/// A code for each click.
pub(super) enum Codes<'a> {
    /// The chunk's own.
    Stored(&'a [u32]),
    /// Made of what it has.
    Made(Vec<u32>),
    /// All have the first one.
    Same,
}

/// What the codes of a chunk stand for.
enum Words<'a> {
    /// Nothing.
    None,
    /// Words of a column, from 1 on.
    Stored(&'a columns::Words),
    /// Bytes: each is its own code, and 0 is none.
    Bytes,
    /// Times, from 0 on.
    Buckets(Vec<Bucket>),
}

const UNKNOWN: u32 = u32::MAX;

impl Axis {
    fn new(source: Source) -> Self {
        Self {
            source,
            numbers: HashMap::default(),
            values: vec![Box::default()],
        }
    }

    /// The axis of a dimension, with whatever must be looked up for it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn of(view: &View, dimension: &Dimension) -> Result<Self, DbErr> {
        let text: fn(&[u8]) -> _ = |word| Some(GroupKey::Text(String::from_utf8_lossy(word).into_owned()));
        let attribute = match dimension {
            Dimension::Link => {
                return Ok(Self::words(Column::Link, |id| {
                    Some(GroupKey::Link(uuid(id)?.into()))
                }));
            }
            Dimension::Offer => {
                return Ok(Self::words(Column::Offer, |id| {
                    Some(GroupKey::Offer(uuid(id)?.into()))
                }));
            }
            Dimension::List => {
                return Ok(Self::words(Column::List, |id| {
                    Some(GroupKey::List(uuid(id)?.into()))
                }));
            }
            Dimension::Domain => {
                return Ok(Self::words(Column::Domain, |id| {
                    Some(GroupKey::Domain(uuid(id)?.into()))
                }));
            }
            Dimension::Text(column) => return Ok(Self::words(column.column(), text)),
            Dimension::BotReason => return Ok(Self::new(Source::Reason)),
            Dimension::BotKind => return Ok(Self::new(Source::Kind)),
            Dimension::ContactPhone => Attribute::ContactPhone,
            Dimension::Metadata(key) => Attribute::Metadata(key),
        };
        let (values, mut of_links) = attributes::values(view, attribute).await?;
        for number in of_links.values_mut() {
            *number += 1;
        }
        let mut axis = Self::new(Source::OfLink(of_links));
        axis.values
            .extend(values.into_iter().map(|value| value.into_bytes().into()));
        Ok(axis)
    }

    fn words(column: Column, key: fn(&[u8]) -> Option<GroupKey>) -> Self {
        Self::new(Source::Words(column, key))
    }

    /// The axis of times.
    pub(super) fn of_time(calendar: Calendar) -> Self {
        Self::new(Source::Time(calendar))
    }

    /// The column that it looks at, beside those of verdicts and times.
    pub(super) fn column(&self) -> Option<Column> {
        match self.source {
            Source::Words(column, _) => Some(column),
            Source::OfLink(_) => Some(Column::Link),
            Source::Reason | Source::Kind | Source::Time(_) => None,
        }
    }

    /// Whether it looks at the times of that day's clicks.
    pub(super) fn parts(&self, day: i32) -> bool {
        match &self.source {
            Source::Time(calendar) => calendar.may_part_days() && buckets_of(calendar, day).len() > 1,
            _ => false,
        }
    }

    /// What the clicks of a chunk have.
    pub(super) fn local<'a>(&self, day: i32, chunk: &'a Chunk) -> Local<'a> {
        let verdicts = |of: fn(u8) -> u8| {
            let codes = chunk.verdicts().iter().map(|verdict| of(verdict.byte()).into());
            Codes::Made(codes.collect())
        };
        let (codes, size, words) = match &self.source {
            Source::Words(..) | Source::OfLink(_) => {
                match self.column().and_then(|column| chunk.words(column)) {
                    Some(words) => (
                        Codes::Stored(&words.codes),
                        words.words.len() + 1,
                        Words::Stored(words),
                    ),
                    None => (Codes::Same, 1, Words::None),
                }
            }
            Source::Reason => (verdicts(|byte| byte & 0b111), 8, Words::Bytes),
            Source::Kind => (verdicts(|byte| byte >> 4), 16, Words::Bytes),
            Source::Time(calendar) => {
                let buckets = buckets_of(calendar, day);
                let codes = match buckets.len() {
                    1 => Codes::Same,
                    _ => Codes::Made(times(day, &buckets, chunk.times())),
                };
                (codes, buckets.len(), Words::Buckets(buckets))
            }
        };
        Local {
            codes,
            size,
            words,
            numbers: vec![UNKNOWN; size],
        }
    }

    /// The number of a value that a chunk has.
    pub(super) fn number(&mut self, local: &mut Local<'_>, code: usize) -> u32 {
        let known = local.numbers[code];
        if known != UNKNOWN {
            return known;
        }
        let number = match (&local.words, &self.source) {
            (Words::None, _) => 0,
            (Words::Stored(words), Source::OfLink(of_links)) => words
                .words
                .get(code.wrapping_sub(1))
                .and_then(|word| of_links.get(&**word))
                .copied()
                .unwrap_or_default(),
            (Words::Stored(words), _) => match words.words.get(code.wrapping_sub(1)) {
                Some(word) => self.number_of(word),
                None => 0,
            },
            (Words::Bytes, _) => match code {
                0 => 0,
                code => self.number_of(&code.to_le_bytes()[..1]),
            },
            (Words::Buckets(buckets), _) => self.number_of(&bytes_of(buckets[code].0)),
        };
        local.numbers[code] = number;
        number
    }

    fn number_of(&mut self, word: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).unwrap_or(UNKNOWN - 1);
        self.values.push(word.into());
        self.numbers.insert(word.into(), number);
        number
    }

    /// The number of the interval that has this moment.
    pub(super) fn number_of_time(&mut self, start: Timestamp) -> u32 {
        self.number_of(&bytes_of(start))
    }

    /// The place of each number among all in the order of the values, none first.
    pub(super) fn ranks(&self) -> Vec<u32> {
        let mut numbers: Vec<usize> = (0..self.values.len()).collect();
        // Of the first, none, they say nothing.
        numbers[1..].sort_unstable_by(|one, other| self.values[*one].cmp(&self.values[*other]));
        let mut ranks = vec![0; numbers.len()];
        for (rank, number) in (0..).zip(numbers) {
            ranks[number] = rank;
        }
        ranks
    }

    /// The value with a number.
    pub(super) fn key(&self, number: u32) -> Option<GroupKey> {
        let value = match number {
            0 => return None,
            number => self.values.get(number as usize)?,
        };
        let place = || usize::from(value.first().copied().unwrap_or_default()).checked_sub(1);
        match &self.source {
            Source::Words(_, key) => key(value),
            Source::OfLink(_) => Some(GroupKey::Text(String::from_utf8_lossy(value).into_owned())),
            Source::Reason => entity::click::BotReason::iter()
                .nth(place()?)
                .map(GroupKey::BotReason),
            Source::Kind => entity::click::BotKind::iter()
                .nth(place()?)
                .map(GroupKey::BotKind),
            Source::Time(_) => None,
        }
    }

    /// When the interval with a number begins.
    pub(super) fn start(&self, number: u32) -> Timestamp {
        let value = self
            .values
            .get(number as usize)
            .and_then(|value| value.first_chunk());
        Timestamp::from_millis(value.map_or(0, |bytes| i64::from_be_bytes(*bytes) ^ i64::MIN))
    }

    /// Whose intervals they are, if they are times.
    pub(super) const fn calendar(&self) -> Option<&Calendar> {
        match &self.source {
            Source::Time(calendar) => Some(calendar),
            _ => None,
        }
    }
}

fn uuid(bytes: &[u8]) -> Option<Uuid> {
    Uuid::from_slice(bytes).ok()
}

/// A moment as bytes that sort as moments do.
fn bytes_of(time: Timestamp) -> [u8; 8] {
    (time.millis() ^ i64::MIN).to_be_bytes()
}

/// The intervals that have moments of a day in UTC.
fn buckets_of(calendar: &Calendar, day: i32) -> Vec<Bucket> {
    let start = i64::from(day) * DAY;
    let mut buckets = vec![calendar.bucket(Timestamp::from_millis(start))];
    while let Some((_, end)) = buckets.last().copied()
        && end.millis() < start + DAY
        && end.millis() > start
    {
        buckets.push(calendar.bucket(end));
    }
    buckets
}

/// In which of the intervals of a day each time of it is.
fn times(day: i32, buckets: &[Bucket], times: &[u32]) -> Vec<u32> {
    const MINUTE: u32 = 60 * 1000;

    let start = i64::from(day) * DAY;
    let ends: Vec<u32> = buckets
        .iter()
        .map(|(_, end)| u32::try_from(end.millis() - start).unwrap_or(u32::MAX))
        .collect();
    let bucket = |first: u32, time: u32| {
        let later = ends[first as usize..].iter().take_while(|end| **end <= time);
        first + u32::try_from(later.count()).unwrap_or_default()
    };
    // Clocks are put at whole minutes almost always: then the bucket of a minute is that of all its moments.
    let minutes: Vec<u32> = (0..24 * 60).map(|minute| bucket(0, minute * MINUTE)).collect();
    let last = u32::try_from(buckets.len() - 1).unwrap_or_default();
    let times = times.iter().map(|time| {
        let first = minutes.get((time / MINUTE) as usize).copied().unwrap_or(last);
        if ends[first as usize] <= *time {
            bucket(first, *time).min(last)
        } else {
            first
        }
    });
    times.collect()
}
