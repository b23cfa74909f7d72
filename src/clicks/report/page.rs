//! Clicks that pass a filter, one by one.

use std::{cmp::Reverse, collections::HashMap};

use entity::{AccountId, Timestamp, click};
use sea_orm::{DbErr, FromQueryResult as _, Value, sea_query::ValueType};

use super::{
    ClickFilter, Period, ReportError, Reports, chunks, named,
    sieve::Sieve,
    tail::Tail,
    view::{View, places},
};
use crate::{
    clicks::{
        columns::{Chunk, Column, DAY, day_of},
        list::Listed,
    },
    store::{Page, Part, columns, pad},
};

/// Where a click stands in the list, newest first: when it was made, and its row.
type Place = (i64, i64);

/// Of how many days chunks are read at first, and of how many at most where none of them had enough.
const DAYS: (i32, i32) = (1, 64);

/// How many more clicks than are wanted are kept at most before the nearest are picked.
const MOST: usize = 100_000;

impl Reports {
    /// A part of the account's clicks that pass the filter, newest first; of those made in the same millisecond the one
    /// that was stored last. Each is there once, however often it was written. What its part stands beyond is the time of
    /// a click, in milliseconds, and the number of its row.
    ///
    /// Clicks that were made before single clicks are kept are not listed. Chunks say which clicks pass, day by day until
    /// there are enough, so a page costs as much as the days that it is of.
    ///
    /// # Errors
    /// When something named in the filter is not the account's, or the database does not answer.
    pub async fn clicks(
        &self,
        account: AccountId,
        filter: &ClickFilter,
        part: Part,
    ) -> Result<Page<Listed>, ReportError> {
        let view = self.view(account, Some(self.place(account).await)).await?;
        named::check(view.db(), account, filter).await?;
        let mut sieve = Sieve::of(&view, filter).await?;
        let asked = usize::try_from(part.rows).unwrap_or(usize::MAX);
        let mut list = List {
            beyond: place(&part)?,
            upwards: part.from_end,
            wanted: asked.saturating_add(1),
            found: Vec::new(),
        };
        let Some(period) = list.period(filter.period(), view.kept_from()) else {
            return Ok(Page {
                rows: Vec::new(),
                has_more: false,
            });
        };
        sieve.keep_to(period);
        let mut tail = Tail::of(&view);
        while let Some(chunks) = tail.next().await? {
            for (day, chunk) in chunks {
                list.add(day, &chunk, &sieve);
            }
        }
        list.read(&view, &sieve).await?;
        list.sort();
        let mut found = list.found;
        let has_more = found.len() > asked;
        found.truncate(asked);
        let mut rows = rows(&view, &found).await?;
        if part.from_end {
            rows.reverse();
        }
        Ok(Page { rows, has_more })
    }
}

/// What the part stands beyond.
fn place(part: &Part) -> Result<Option<Place>, DbErr> {
    let number = |value: &Value| <i64 as ValueType>::try_from(value.clone());
    let place = part.beyond.as_deref().map(|values| match values {
        [time, seq] => Ok((number(time), number(seq))),
        _ => Err(DbErr::Type(
            "a place in a list of clicks has two numbers".to_owned(),
        )),
    });
    match place.transpose()? {
        None => Ok(None),
        Some((Ok(time), Ok(seq))) => Ok(Some((time, seq))),
        Some(_) => Err(DbErr::Type(
            "a place in a list of clicks is of numbers".to_owned(),
        )),
    }
}

/// The clicks nearest to where a page begins.
struct List {
    beyond: Option<Place>,
    /// Whether older clicks come first, as they are looked for from the end.
    upwards: bool,
    wanted: usize,
    found: Vec<(Place, bool)>,
}

impl List {
    /// The period in which its clicks can be; `None` where they can be in none.
    fn period(&self, asked: Period, kept_from: Option<Timestamp>) -> Option<Period> {
        let (mut from, mut before) = asked.millis();
        from = from.max(kept_from.map_or(i64::MIN, Timestamp::millis));
        match self.beyond {
            Some((time, _)) if self.upwards => from = from.max(time),
            Some((time, _)) => before = before.min(time.saturating_add(1)),
            None => {}
        }
        (from < before).then_some(Period {
            from: Some(Timestamp::from_millis(from)),
            before: Some(Timestamp::from_millis(before)),
        })
    }

    /// Takes the clicks of a chunk that pass and stand beyond.
    fn add(&mut self, day: i32, chunk: &Chunk, sieve: &Sieve) {
        let mut classes = Vec::new();
        if !sieve.classify(day, chunk, &mut classes) {
            return;
        }
        let start = i64::from(day) * DAY;
        let clicks = chunk
            .seqs()
            .zip(chunk.times())
            .zip(chunk.verdicts())
            .zip(&classes);
        for (((seq, time), verdict), class) in clicks {
            let place = (start + i64::from(*time), seq);
            let is_beyond = self.beyond.is_none_or(|beyond| {
                if self.upwards {
                    place > beyond
                } else {
                    place < beyond
                }
            });
            if *class > 0 && is_beyond {
                self.found.push((place, verdict.is_unique()));
            }
        }
        if self.found.len() > self.wanted + MOST {
            self.sort();
        }
    }

    /// Reads chunks of days, from where the page begins, until there are enough clicks.
    async fn read(&mut self, view: &View, sieve: &Sieve) -> Result<(), DbErr> {
        let days = sieve.days();
        let Some((first, last)) = extent(view, (*days.start(), *days.end())).await? else {
            return Ok(());
        };
        let mut columns: Vec<_> = sieve.columns().chain([Column::Seq, Column::Time]).collect();
        columns.sort_unstable();
        columns.dedup();
        let (mut next, mut many) = (if self.upwards { first } else { last }, DAYS.0);
        while (first..=last).contains(&next) {
            let end = if self.upwards {
                next.saturating_add(many - 1)
            } else {
                next.saturating_sub(many - 1)
            };
            // The tail may have later clicks than the chunks: what it has is enough only where it is of these days.
            if self.has_enough(next) {
                return Ok(());
            }
            for lot in chunks::lots(view, next.min(end)..=next.max(end)).await? {
                for (day, chunk) in chunks::read(view, lot, &columns).await? {
                    self.add(day, &chunk, sieve);
                    tokio::task::yield_now().await;
                }
            }
            next = if self.upwards {
                end.saturating_add(1)
            } else {
                end.saturating_sub(1)
            };
            many = (many * 2).min(DAYS.1);
        }
        Ok(())
    }

    /// Whether there are enough clicks that stand before all of a day and those behind it.
    fn has_enough(&self, day: i32) -> bool {
        let stands_before = |place: &Place| {
            let of = day_of(Timestamp::from_millis(place.0));
            if self.upwards { of < day } else { of > day }
        };
        self.found
            .iter()
            .filter(|(place, _)| stands_before(place))
            .count()
            >= self.wanted
    }

    /// Sorts the clicks as they are looked for, and keeps no more than are wanted.
    fn sort(&mut self) {
        if self.upwards {
            self.found.sort_unstable();
        } else {
            self.found.sort_unstable_by_key(|click| Reverse(*click));
        }
        self.found.truncate(self.wanted);
    }
}

/// The first and the last of these days of which there are chunks.
async fn extent(view: &View, (from, to): (i32, i32)) -> Result<Option<(i32, i32)>, DbErr> {
    // Each by itself: then it is looked up in the key, whatever there is between them.
    let day = |which| {
        format!("SELECT {which}(day) FROM click_column WHERE account_id = $1 AND day BETWEEN $2 AND $3")
    };
    let sql = format!("SELECT ({}), ({})", day("min"), day("max"));
    let rows = view.rows(sql, [from.into(), to.into()]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let (first, last): (Option<i32>, Option<i32>) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    Ok(first.zip(last))
}

/// The raw rows of clicks, in their order; one that has just been removed is left out.
async fn rows(view: &View, found: &[(Place, bool)]) -> Result<Vec<Listed>, DbErr> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let seqs = pad(found.iter().map(|((_, seq), _)| *seq).collect());
    let sql = format!(
        "SELECT {} FROM click AS c CROSS JOIN short_link AS l
WHERE c.seq IN ({}) AND l.id = c.short_link_id AND l.account_id = $1",
        columns::<click::Entity>("c"),
        places(2, seqs.len())
    );
    let rows = view.rows(sql, seqs.into_iter().map(Into::into)).await?;
    let mut clicks: HashMap<i64, click::Model> = HashMap::new();
    for row in &rows {
        let click = click::Model::from_query_result(row, "")?;
        clicks.insert(click.seq, click);
    }
    let listed = found.iter().filter_map(|((_, seq), is_unique)| {
        Some(Listed {
            click: clicks.remove(seq)?,
            is_unique: Some(*is_unique),
        })
    });
    Ok(listed.collect())
}
