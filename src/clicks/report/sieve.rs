//! Which clicks of a chunk pass a filter.

use std::{collections::HashSet, ops::RangeInclusive};

use entity::{StoredVerdict, Timestamp};
use foldhash::fast::RandomState;
use sea_orm::DbErr;
use uuid::Uuid;

use super::{ClickFilter, Period, attributes, view::View};
use crate::clicks::columns::{Chunk, Column, DAY, day_of};

/// A filter, as clicks of chunks are compared with it.
#[derive(Debug)]
pub(super) struct Sieve {
    from: i64,
    before: i64,
    /// What a click with each verdict counts as.
    classes: [Class; 256],
    words: Vec<Wanted>,
}

/// What a click counts as: nothing, a bot's, a person's, or a person's first.
pub(super) type Class = u8;

/// It does not pass.
const NOTHING: Class = 0;
const BOT: Class = 1;
const HUMAN: Class = 2;
const UNIQUE: Class = 3;

/// How many of them there are.
pub(super) const CLASSES: usize = 4;

/// Which words a click must have one of in a column.
#[derive(Debug)]
struct Wanted {
    column: Column,
    /// Whether none will do.
    none: bool,
    words: HashSet<Box<[u8]>, RandomState>,
}

impl Sieve {
    /// The filter, with whatever must be looked up for it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn of(view: &View, filter: &ClickFilter) -> Result<Self, DbErr> {
        let mut sieve = Self::of_clicks(filter);
        if filter.contact_phone.is_some() || filter.metadata.is_some() {
            let links = attributes::links(view, filter.contact_phone.as_deref(), filter.metadata.as_ref());
            let words = links.await?.into_iter().map(|id| Box::from(&id[..]));
            sieve.words.push(Wanted {
                column: Column::Link,
                none: false,
                words: words.collect(),
            });
        }
        Ok(sieve)
    }

    /// All clicks of a period.
    pub(super) fn of_period(period: Period) -> Self {
        Self::of_clicks(&ClickFilter {
            from: period.from,
            before: period.before,
            ..ClickFilter::default()
        })
    }

    /// All of the filter but what is looked up.
    fn of_clicks(filter: &ClickFilter) -> Self {
        let ids = [
            (Column::Link, filter.link.map(Uuid::from)),
            (Column::Offer, filter.offer.map(Uuid::from)),
            (Column::List, filter.list.map(Uuid::from)),
            (Column::Domain, filter.domain.map(Uuid::from)),
        ];
        let ids = ids.into_iter().filter_map(|(column, id)| {
            Some(Wanted {
                column,
                none: false,
                words: HashSet::from_iter([Box::from(&id?.as_bytes()[..])]),
            })
        });
        let texts = filter.texts.iter().map(|(column, texts)| Wanted {
            column: column.column(),
            none: texts.contains(&None),
            words: texts
                .iter()
                .flatten()
                .map(|text| Box::from(text.as_bytes()))
                .collect(),
        });
        let (from, before) = filter.period().millis();
        Self {
            from,
            before,
            classes: std::array::from_fn(|byte| class(filter, byte)),
            words: ids.chain(texts).collect(),
        }
    }

    /// The days that clicks which pass can be of.
    pub(super) fn days(&self) -> RangeInclusive<i32> {
        let last = self.before.saturating_sub(1);
        day_of(Timestamp::from_millis(self.from))..=day_of(Timestamp::from_millis(last))
    }

    /// Keeps to clicks of this period from here on, whatever it was before.
    pub(super) fn keep_to(&mut self, period: Period) {
        (self.from, self.before) = period.millis();
    }

    /// Whether only some moments of the day pass.
    pub(super) fn cuts(&self, day: i32) -> bool {
        let start = i64::from(day) * DAY;
        start < self.from || self.before.saturating_sub(DAY) < start
    }

    /// The columns that it looks at, beside that of times.
    pub(super) fn columns(&self) -> impl Iterator<Item = Column> {
        let words = self.words.iter().map(|wanted| wanted.column);
        std::iter::once(Column::Verdict).chain(words)
    }

    /// What each click of a chunk counts as; `false` where none passes.
    pub(super) fn classify(&self, day: i32, chunk: &Chunk, classes: &mut Vec<Class>) -> bool {
        classes.clear();
        let mut tables = Vec::new();
        for wanted in &self.words {
            let Some(words) = chunk.words(wanted.column) else {
                if wanted.none {
                    continue;
                }
                return false;
            };
            let passing = words.words.iter().map(|word| wanted.words.contains(word));
            let table: Vec<bool> = std::iter::once(wanted.none).chain(passing).collect();
            if !table.contains(&true) {
                return false;
            }
            if table.contains(&false) {
                tables.push((&words.codes, table));
            }
        }
        let verdicts = chunk.verdicts().iter();
        classes.extend(verdicts.map(|verdict| self.classes[usize::from(verdict.byte())]));
        for (codes, table) in tables {
            for (class, code) in classes.iter_mut().zip(codes) {
                *class *= u8::from(table[*code as usize]);
            }
        }
        if self.cuts(day) {
            let start = i64::from(day) * DAY;
            for (class, time) in classes.iter_mut().zip(chunk.times()) {
                let time = start + i64::from(*time);
                *class *= u8::from(self.from <= time && time < self.before);
            }
        }
        true
    }
}

fn class(filter: &ClickFilter, byte: usize) -> Class {
    let verdict = StoredVerdict::from_byte(byte.to_le_bytes()[0]);
    let passes = filter.is_bot.is_none_or(|is_bot| is_bot != verdict.is_human())
        && filter
            .bot_reasons
            .as_ref()
            .is_none_or(|reasons| reasons.contains(&verdict.reason()))
        && filter
            .bot_kinds
            .as_ref()
            .is_none_or(|kinds| kinds.contains(&verdict.kind()));
    match passes {
        false => NOTHING,
        true if verdict.is_unique() => UNIQUE,
        true if verdict.is_human() => HUMAN,
        true => BOT,
    }
}
