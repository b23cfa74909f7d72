//! Reading the clicks of a lot, and what reports want to know of them.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use entity::{ShortLinkId, StoredVerdict, Timestamp};
use foldhash::fast::RandomState;
use rusqlite::{
    Connection, OptionalExtension as _, Row,
    types::{FromSqlError, Type},
};
use sea_orm::ActiveEnum;
use uuid::Uuid;

use super::LOT;
use crate::clicks::{
    aggregator::facts::{Facts, Owner, TextNumbers, Texts, quarter_of, tell_of_unknown_link},
    columns::{Column, day_of},
};

const CLICKS: &str = "SELECT short_link_id, seq, id, clicked_at, bot_reason, bot_kind, visitor, user_agent_id, \
    country, referrer, parameters FROM click WHERE seq > ?1 AND seq <= ?2 \
    ORDER BY seq";

const AGENT: &str = "SELECT device, os, browser FROM user_agent WHERE id = ?1";

const LINK: &str = "SELECT account_id, sending_list_id, offer_id, domain_id FROM short_link WHERE id = ?1";

/// How many subjects a click counts for at most, and how many columns most chunks have.
const SUBJECTS: usize = 4;
const COLUMNS_OF_MOST: usize = 12;

const VERDICT: &str =
    "SELECT verdict FROM link_click WHERE short_link_id = ?1 AND click_id = ?2 AND seq = ?3";

/// Clicks, sorted by link and row, and what is to be told of them.
pub(super) struct Lot {
    pub(super) clicks: Vec<Click>,
    pub(super) facts: Facts,
}

/// One click of a lot; its link and its texts go by the numbers of the lot's facts.
#[derive(Clone, Copy)]
pub(super) struct Click {
    pub(super) seq: i64,
    pub(super) id: [u8; 16],
    pub(super) clicked_at: Timestamp,
    pub(super) visitor: Option<i64>,
    pub(super) link: u32,
    texts: u32,
    /// What it counts as, but for whether it is a visitor's first until it is summed by link.
    pub(super) verdict: StoredVerdict,
    /// Whether it is summed by link; not where it was written before.
    pub(super) is_counted: bool,
}

impl Lot {
    /// Reads the clicks behind one row up to another.
    pub(super) fn read(db: &Connection, through: i64, upcoming: i64) -> rusqlite::Result<Self> {
        let mut facts = Facts::default();
        // Nobody asks for more; where rows are missing it is room that nobody touches.
        let most = (upcoming - through).min(LOT);
        let mut clicks = Vec::with_capacity(usize::try_from(most).unwrap_or_default());
        let mut agents = Agents::default();
        let mut statement = db.prepare_cached(CLICKS)?;
        let mut rows = statement.query([through, upcoming])?;
        while let Some(row) = rows.next()? {
            clicks.push(click(db, row, &mut agents, &mut facts)?);
        }
        sort(&mut clicks, &facts.places_of_links());
        let mut lot = Self { clicks, facts };
        lot.read_owners(db)?;
        Ok(lot)
    }

    /// Reads what the clicks of each link count for.
    fn read_owners(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let mut statement = db.prepare_cached(LINK)?;
        for clicks in self.clicks.chunk_by(|one, other| one.link == other.link) {
            let Some(click) = clicks.first() else { continue };
            let id = self.facts.link_id(click.link);
            match statement.query_row([bytes(id)], owner).optional()? {
                Some(owner) => self.facts.owned(click.link, owner),
                None => tell_of_unknown_link(id),
            }
        }
        Ok(())
    }

    /// Where a click stands in it.
    pub(super) fn place(&self, click: &Click) -> ([u8; 16], i64) {
        (bytes(self.facts.link_id(click.link)), click.seq)
    }

    /// Reads what the first so many clicks count as, which are summed by link already.
    pub(super) fn read_verdicts(&mut self, db: &Connection, summed: usize) -> rusqlite::Result<()> {
        let mut statement = db.prepare_cached(VERDICT)?;
        for click in &mut self.clicks[..summed] {
            let key = (bytes(self.facts.link_id(click.link)), click.id, click.seq);
            let verdict: Option<u8> = statement.query_row(key, |row| row.get(0)).optional()?;
            if let Some(verdict) = verdict {
                click.verdict = StoredVerdict::from_byte(verdict);
                click.is_counted = true;
            }
        }
        Ok(())
    }

    /// About how many rows of sums and chunks the clicks add to, by the most that it can be.
    pub(super) fn rows(&self) -> usize {
        let (mut quarters, mut days) = (
            HashSet::<_, RandomState>::default(),
            HashSet::<_, RandomState>::default(),
        );
        let key = |click: &Click| (click.link, quarter_of(click.clicked_at));
        for clicks in self.clicks.chunk_by(|one, other| key(one) == key(other)) {
            let Some(click) = clicks.first() else { continue };
            if let Some(owner) = self.facts.owner_of(click.link) {
                days.insert((self.facts.account(owner), day_of(click.clicked_at)));
                quarters.insert((owner, quarter_of(click.clicked_at)));
            }
        }
        quarters.len() * SUBJECTS + days.len() * COLUMNS_OF_MOST
    }

    /// What is to be told of the clicks once all of them are summed by link.
    pub(super) fn facts(self) -> Facts {
        let Self { clicks, mut facts } = self;
        facts.reserve(clicks.len());
        for click in clicks.iter().filter(|click| click.is_counted) {
            facts.add(
                click.seq,
                click.clicked_at,
                click.verdict,
                click.link,
                click.texts,
            );
        }
        facts
    }
}

/// Sorts clicks, which are in the order of their rows, by the places of their links. Since all places are known, none of them
/// is compared with another.
fn sort(clicks: &mut [Click], places_of_links: &[u32]) {
    let mut nexts = vec![0_usize; places_of_links.len()];
    let link = |click: &Click| places_of_links[click.link as usize] as usize;
    for click in &*clicks {
        nexts[link(click)] += 1;
    }
    let mut begin = 0;
    for next in &mut nexts {
        begin += std::mem::replace(next, begin);
    }
    let targets = clicks.iter().map(|click| {
        let next = &mut nexts[link(click)];
        *next += 1;
        *next - 1
    });
    let mut targets: Vec<_> = targets.collect();
    for place in 0..targets.len() {
        while targets[place] != place {
            let target = targets[place];
            clicks.swap(place, target);
            targets.swap(place, target);
        }
    }
}

/// What an agent names: its texts, and the number of them together.
#[derive(Clone, Copy)]
struct Agent {
    numbers: TextNumbers,
    together: u32,
}

#[cfg(test)]
impl Click {
    /// A click of a person who says nothing.
    pub(super) fn of_person(seq: i64, id: [u8; 16], link: u32, visitor: i64) -> Self {
        Self {
            seq,
            id,
            clicked_at: Timestamp::from_millis(seq),
            visitor: Some(visitor),
            link,
            texts: 0,
            verdict: StoredVerdict::default(),
            is_counted: false,
        }
    }
}

/// By the number of its text; `None` is that of clicks without one.
type Agents = HashMap<Option<i64>, Agent, RandomState>;

fn click(db: &Connection, row: &Row<'_>, agents: &mut Agents, facts: &mut Facts) -> rusqlite::Result<Click> {
    let agent = match agents.entry(row.get(7)?) {
        Entry::Occupied(known) => *known.get(),
        Entry::Vacant(new) => {
            let numbers = read_agent(db, *new.key(), facts.texts())?;
            let together = facts.texts().together(numbers);
            *new.insert(Agent { numbers, together })
        }
    };
    let texts = (text(row, 8)?, text(row, 9)?, text(row, 10)?);
    let texts = if texts == (None, None, None) {
        agent.together
    } else {
        let (country, referrer, parameters) = texts;
        let mut numbers = agent.numbers;
        let known = facts.texts();
        known.set(&mut numbers, Column::Country, country);
        known.set(&mut numbers, Column::Referrer, referrer);
        if let Some(parameters) = parameters {
            known.number_parameters(parameters, &mut numbers);
        }
        known.together(numbers)
    };
    Ok(Click {
        link: facts.link(Uuid::from_bytes(row.get(0)?).into()),
        seq: row.get(1)?,
        id: row.get(2)?,
        clicked_at: Timestamp::from_millis(row.get(3)?),
        visitor: row.get(6)?,
        texts,
        verdict: StoredVerdict::new(word(row, 4)?, word(row, 5)?, false),
        is_counted: false,
    })
}

/// What an agent names, as a click that says nothing else.
fn read_agent(db: &Connection, agent: Option<i64>, texts: &mut Texts) -> rusqlite::Result<TextNumbers> {
    let mut numbers = TextNumbers::default();
    let mut statement = db.prepare_cached(AGENT)?;
    let mut rows = statement.query([agent])?;
    if let Some(row) = rows.next()? {
        for (place, column) in [Column::Device, Column::Os, Column::Browser]
            .into_iter()
            .enumerate()
        {
            texts.set(&mut numbers, column, text(row, place)?);
        }
    }
    Ok(numbers)
}

/// A link as it is stored.
pub(super) fn bytes(link: ShortLinkId) -> [u8; 16] {
    Uuid::from(link).into_bytes()
}

fn owner(row: &Row<'_>) -> rusqlite::Result<Owner> {
    let offer: Option<[u8; 16]> = row.get(2)?;
    Ok(Owner {
        account: Uuid::from_bytes(row.get(0)?).into(),
        list: Uuid::from_bytes(row.get(1)?).into(),
        offer: offer.map(|offer| Uuid::from_bytes(offer).into()),
        domain: Uuid::from_bytes(row.get(3)?).into(),
    })
}

fn text<'r>(row: &'r Row<'_>, at: usize) -> rusqlite::Result<Option<&'r str>> {
    let text = row.get_ref(at)?.as_str_or_null();
    text.map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(error)))
}

fn word<T: ActiveEnum<Value = String>>(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<T>> {
    let word = text(row, at)?.map(|word| T::try_from_value(&word.to_owned()));
    word.transpose().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(FromSqlError::other(error)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_are_sorted_by_the_place_of_their_link_and_then_by_row() {
        let links = [2, 0, 1, 2, 2, 0, 3, 1, 2];
        let clicks = (1..).zip(links);
        let mut clicks: Vec<_> = clicks
            .map(|(seq, link)| Click::of_person(seq, [0; 16], link, 0))
            .collect();
        sort(&mut clicks, &[1, 3, 0, 2]);
        let sorted: Vec<_> = clicks.iter().map(|click| (click.link, click.seq)).collect();
        let expected = [
            (2, 1),
            (2, 4),
            (2, 5),
            (2, 9),
            (0, 2),
            (0, 6),
            (3, 7),
            (1, 3),
            (1, 8),
        ];
        assert_eq!(sorted, expected);
    }
}
