//! Reading the clicks of a lot, and what reports want to know of them.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use entity::{
    ShortLinkId, StoredVerdict, Timestamp,
    click::{BotKind, BotReason},
};
use foldhash::fast::RandomState;
use rusqlite::{
    Connection, OptionalExtension as _, Row,
    types::{FromSqlError, Type},
};
use sea_orm::ActiveEnum;
use uuid::Uuid;

use crate::clicks::{
    aggregator::facts::{Facts, Owner, TextNumbers, Texts, quarter_of, tell_of_unknown_link},
    columns::{Column, day_of},
};

const CLICKS: &str = "SELECT short_link_id, seq, id, clicked_at, bot_reason, bot_kind, visitor, user_agent_id, \
    country, referrer, parameters FROM click WHERE seq > ?1 AND seq <= ?2";

const AGENT: &str = "SELECT device, os, browser FROM user_agent WHERE id = ?1";

const LINK: &str = "SELECT account_id, sending_list_id, offer_id, domain_id FROM short_link WHERE id = ?1";

/// How many subjects a click counts for at most, and how many columns most chunks have.
const SUBJECTS: usize = 4;
const COLUMNS_OF_MOST: usize = 12;

const VERDICT: &str =
    "SELECT verdict FROM link_click WHERE short_link_id = ?1 AND click_id = ?2 AND seq = ?3";

/// One click of a lot.
#[derive(Clone, Copy)]
pub(super) struct Click {
    pub(super) link: [u8; 16],
    pub(super) seq: i64,
    pub(super) id: [u8; 16],
    pub(super) clicked_at: Timestamp,
    pub(super) bot_reason: Option<BotReason>,
    pub(super) bot_kind: Option<BotKind>,
    pub(super) visitor: Option<i64>,
    /// What it counts as once it is summed by link; `None` for one that was written before.
    pub(super) verdict: Option<StoredVerdict>,
    texts: TextNumbers,
}

impl Click {
    /// Where it stands in its lot.
    pub(super) const fn place(&self) -> ([u8; 16], i64) {
        (self.link, self.seq)
    }

    pub(super) const fn is_human(&self) -> bool {
        self.bot_reason.is_none()
    }
}

/// The clicks behind one row up to another, sorted by link and row, and their texts.
pub(super) fn read(db: &Connection, through: i64, upcoming: i64) -> rusqlite::Result<(Vec<Click>, Texts)> {
    let (mut clicks, mut texts) = (Vec::new(), Texts::default());
    let mut agents: HashMap<i64, TextNumbers, RandomState> = HashMap::default();
    let mut statement = db.prepare_cached(CLICKS)?;
    let mut rows = statement.query([through, upcoming])?;
    while let Some(row) = rows.next()? {
        let agent: Option<i64> = row.get(7)?;
        let mut numbers = match agent.map(|agent| agents.entry(agent)) {
            None => TextNumbers::default(),
            Some(Entry::Occupied(known)) => *known.get(),
            Some(Entry::Vacant(new)) => {
                let agent = *new.key();
                *new.insert(read_agent(db, agent, &mut texts)?)
            }
        };
        texts.set(&mut numbers, Column::Country, text(row, 8)?);
        texts.set(&mut numbers, Column::Referrer, text(row, 9)?);
        if let Some(parameters) = text(row, 10)? {
            texts.number_parameters(parameters, &mut numbers);
        }
        clicks.push(Click {
            link: row.get(0)?,
            seq: row.get(1)?,
            id: row.get(2)?,
            clicked_at: Timestamp::from_millis(row.get(3)?),
            bot_reason: word(row, 4)?,
            bot_kind: word(row, 5)?,
            visitor: row.get(6)?,
            verdict: None,
            texts: numbers,
        });
    }
    clicks.sort_unstable_by_key(Click::place);
    Ok((clicks, texts))
}

/// What an agent names, as a click that says nothing else.
fn read_agent(db: &Connection, agent: i64, texts: &mut Texts) -> rusqlite::Result<TextNumbers> {
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

/// Reads what clicks count as that are summed by link already.
pub(super) fn read_verdicts(db: &Connection, clicks: &mut [Click]) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(VERDICT)?;
    for click in clicks {
        let key = (click.link, click.id, click.seq);
        let verdict: Option<u8> = statement.query_row(key, |row| row.get(0)).optional()?;
        click.verdict = verdict.map(StoredVerdict::from_byte);
    }
    Ok(())
}

/// What is to be told of clicks that are summed by link.
pub(super) fn facts(db: &Connection, clicks: &[Click], texts: Texts) -> rusqlite::Result<Facts> {
    let mut facts = Facts::of(texts);
    let mut statement = db.prepare_cached(LINK)?;
    for clicks in clicks.chunk_by(|one, other| one.link == other.link) {
        let Some(link) = clicks.first().map(|click| click.link) else {
            continue;
        };
        let id = ShortLinkId::from(Uuid::from_bytes(link));
        let Some(owner) = statement.query_row([link], owner).optional()? else {
            tell_of_unknown_link(id);
            continue;
        };
        let owner = facts.owner(owner);
        for click in clicks {
            if let Some(verdict) = click.verdict {
                facts.add(click.seq, click.clicked_at, verdict, (id, owner), click.texts);
            }
        }
    }
    Ok(facts)
}

/// About how many rows of sums and chunks clicks add to, by the most that it can be.
pub(super) fn rows(db: &Connection, clicks: &[Click]) -> rusqlite::Result<usize> {
    let (mut quarters, mut days) = (HashSet::new(), HashSet::new());
    let mut statement = db.prepare_cached(LINK)?;
    for clicks in clicks.chunk_by(|one, other| one.link == other.link) {
        let Some(first) = clicks.first() else { continue };
        let Some(owner) = statement.query_row([first.link], owner).optional()? else {
            continue;
        };
        for click in clicks {
            days.insert((owner.account, day_of(click.clicked_at)));
            quarters.insert((owner, quarter_of(click.clicked_at)));
        }
    }
    Ok(quarters.len() * SUBJECTS + days.len() * COLUMNS_OF_MOST)
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
