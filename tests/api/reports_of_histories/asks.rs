//! What is asked of a history.

use entity::{Timestamp, click};
use jiff::tz::TimeZone;
use linkhop::{
    clicks::{
        columns::{Column, TEXTS},
        report::{ClickFilter, Dimension, Order, Period, Request, TextColumn},
    },
    values::metadata::Scalar,
};
use proptest::{
    collection::vec,
    option,
    prelude::{Strategy, any},
    sample::{Index, select},
};
use serde_json::json;

use super::{
    recount::{INTERVALS, Known, ZONES},
    world::{PHONES, World},
};

/// A report that is asked for, in short.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    group_by: Vec<usize>,
    /// Which interval in which zone.
    interval: Option<(usize, usize)>,
    filters: Vec<usize>,
    from: Option<(Index, i64)>,
    before: Option<(Index, i64)>,
    order: Order,
    rows: usize,
}

const NOTHING: Ask = Ask {
    group_by: Vec::new(),
    interval: None,
    filters: Vec::new(),
    from: None,
    before: None,
    order: Order::MostClicks,
    rows: 10_000,
};

/// Each grouping, each interval and each filter, by itself.
pub(super) fn every() -> Vec<Ask> {
    let mut asks = vec![NOTHING];
    asks.extend((0..DIMENSIONS).map(|dimension| Ask {
        group_by: vec![dimension],
        ..NOTHING
    }));
    for interval in 0..INTERVALS.len() {
        asks.extend((0..ZONES.len()).map(|zone| Ask {
            interval: Some((interval, zone)),
            ..NOTHING
        }));
    }
    asks.extend((0..FILTERS).map(|filter| Ask {
        filters: vec![filter],
        ..NOTHING
    }));
    asks
}

/// Anything at once.
pub(super) fn asks() -> impl Strategy<Value = Ask> {
    let orders = [
        Order::MostClicks,
        Order::MostHumanClicks,
        Order::MostUniqueClicks,
        Order::Value,
    ];
    // At the moment of a click, next to it, or at the quarters before and behind it.
    let end = || option::weighted(0.4, (any::<Index>(), select(&[0, 1, -1, i64::MIN, i64::MAX][..])));
    (
        vec(0..DIMENSIONS, 0..3),
        option::of((0..INTERVALS.len(), 0..ZONES.len())),
        vec(0..FILTERS, 0..3),
        (end(), end()),
        select(orders.to_vec()),
        select(&[1, 2, 5, 10_000][..]),
    )
        .prop_map(|(mut group_by, interval, filters, (from, before), order, rows)| {
            group_by.dedup();
            group_by.truncate(if interval.is_some() { 1 } else { 2 });
            Ask {
                group_by,
                interval,
                filters,
                from,
                before,
                order,
                rows,
            }
        })
}

const QUARTER: i64 = 15 * 60 * 1000;

fn time((index, shift): (Index, i64), known: &[Known]) -> Timestamp {
    let time = index.get(known).click.clicked_at.millis();
    Timestamp::from_millis(match shift {
        i64::MIN => time - time % QUARTER,
        i64::MAX => time - time % QUARTER + QUARTER,
        shift => time + shift,
    })
}

/// Periods around the clicks: open, whole quarters, and not.
pub(super) fn periods(known: &[Known]) -> Vec<Period> {
    let mut times: Vec<_> = known
        .iter()
        .map(|known| known.click.clicked_at.millis())
        .collect();
    times.sort_unstable();
    let mut periods = vec![Period::default()];
    if let (Some(first), Some(middle)) = (times.first(), times.get(times.len() / 2)) {
        let whole = |time: i64| time - time % QUARTER;
        for (from, before) in [
            (Some(*middle), None),
            (Some(whole(*middle)), None),
            (None, Some(*middle)),
            (Some(first + 1), Some(middle + 1)),
            (Some(whole(*first)), Some(whole(*middle) + QUARTER)),
            (Some(*middle), Some(*middle)),
            (Some(*middle), Some(middle + 1)),
        ] {
            periods.push(Period {
                from: from.map(Timestamp::from_millis),
                before: before.map(Timestamp::from_millis),
            });
        }
    }
    periods
}

/// Keys of metadata that links have, and one that none has.
const KEYS: [&str; 5] = ["campaign", "n", "size", "we\"ird", "nothing"];

const DIMENSIONS: usize = 7 + TEXTS.len() + KEYS.len();

fn dimension(number: usize) -> Dimension {
    let plain = [
        Dimension::Link,
        Dimension::Offer,
        Dimension::List,
        Dimension::Domain,
        Dimension::ContactPhone,
        Dimension::BotReason,
        Dimension::BotKind,
    ];
    match number.checked_sub(plain.len()) {
        None => plain[number].clone(),
        Some(number) if number < TEXTS.len() => {
            Dimension::Text(TextColumn::of(TEXTS[number]).expect("texts"))
        }
        Some(number) => Dimension::Metadata(KEYS[number - TEXTS.len()].to_owned()),
    }
}

/// Whether a click passes.
type Passes = Box<dyn Fn(&Known) -> bool>;

const FILTERS: usize = 25;

/// Sets a filter, and answers which clicks pass it.
fn set(number: usize, filter: &mut ClickFilter, world: &World) -> Passes {
    let mut texts = |column: Column, texts: &[Option<&str>]| -> Passes {
        let texts: Vec<_> = texts.iter().map(|text| text.map(str::to_owned)).collect();
        filter
            .texts
            .push((TextColumn::of(column).expect("texts"), texts.clone()));
        Box::new(move |known| texts.contains(&known.text(column)))
    };
    match number {
        0 => return texts(Column::Country, &[Some("US")]),
        1 => return texts(Column::Country, &[None, Some("DE"), Some("FR")]),
        2 => return texts(Column::Device, &[Some("smartphone")]),
        3 => return texts(Column::Os, &[None]),
        4 => return texts(Column::Browser, &[Some("Safari"), None]),
        5 => return texts(Column::Referrer, &[Some("www.example.com")]),
        6 => return texts(Column::Sub1, &[Some(""), Some("ä b")]),
        7 => return texts(Column::Sub5, &[None]),
        8 => return texts(Column::Sub4, &[Some("a")]),
        9 => return texts(Column::Source, &[Some("sms"), Some("mail")]),
        _ => {}
    }
    let link = |number: usize| world.links[number].id;
    match number {
        10 | 11 => {
            let link = link(if number == 10 { 0 } else { 3 });
            filter.link = Some(link);
            Box::new(move |known| known.link.id == link)
        }
        12 | 13 => {
            let offer = world.offers[number - 12];
            filter.offer = Some(offer);
            Box::new(move |known| known.link.offer_id == Some(offer))
        }
        14 => {
            let list = world.lists[1];
            filter.list = Some(list);
            Box::new(move |known| known.link.sending_list_id == list)
        }
        15 => {
            let domain = world.domains[0];
            filter.domain = Some(domain);
            Box::new(move |known| known.link.domain_id == domain)
        }
        16 => {
            filter.contact_phone = Some(PHONES[0].to_owned());
            Box::new(|known| known.link.contact_phone.as_deref() == Some(PHONES[0]))
        }
        17..=20 => {
            let (key, value) = [
                ("campaign", json!("spring")),
                ("n", json!(1)),
                ("n", json!("1")),
                ("we\"ird", json!(2.0)),
            ][number - 17]
                .clone();
            filter.metadata = Some((key.to_owned(), Scalar::of(value.clone()).expect("a value")));
            Box::new(move |known| {
                known.link.metadata.get(key).is_some_and(|found| {
                    *found == value || (value.is_number() && found.as_f64() == value.as_f64())
                })
            })
        }
        21 | 22 => {
            let is_bot = number == 21;
            filter.is_bot = Some(is_bot);
            Box::new(move |known| known.click.bot_reason.is_some() == is_bot)
        }
        23 => {
            let reasons = vec![None, Some(click::BotReason::Burst)];
            filter.bot_reasons = Some(reasons.clone());
            Box::new(move |known| reasons.contains(&known.click.bot_reason))
        }
        _ => {
            let kinds = vec![Some(click::BotKind::SocialPreview)];
            filter.bot_kinds = Some(kinds.clone());
            Box::new(move |known| kinds.contains(&known.click.bot_kind))
        }
    }
}

/// Which of the filter's fields a filter sets: each only once.
fn field(number: usize) -> usize {
    match number {
        11 => 10,
        13 => 12,
        18..=20 => 17,
        22 => 21,
        number => number,
    }
}

impl Ask {
    /// What is asked for, and which clicks pass its filter.
    pub(super) fn request(&self, world: &World, known: &[Known]) -> (Request, Passes) {
        let mut filter = ClickFilter::default();
        if !known.is_empty() {
            filter.from = self.from.map(|end| time(end, known));
            filter.before = self.before.map(|end| time(end, known));
        }
        let mut passes: Vec<Passes> = Vec::new();
        let (mut fields, (from, before)) = (Vec::new(), (filter.from, filter.before));
        for number in &self.filters {
            if !fields.contains(&field(*number)) {
                fields.push(field(*number));
                passes.push(set(*number, &mut filter, world));
            }
        }
        let interval = self
            .interval
            .map(|(interval, zone)| (INTERVALS[interval], TimeZone::get(ZONES[zone]).expect("a zone")));
        let request = Request {
            filter,
            group_by: self.group_by.iter().map(|number| dimension(*number)).collect(),
            interval,
            order: self.order,
            rows: self.rows,
        };
        let passes: Passes = Box::new(move |known: &Known| {
            from.is_none_or(|from| known.click.clicked_at >= from)
                && before.is_none_or(|before| known.click.clicked_at < before)
                && passes.iter().all(|passes| passes(known))
        });
        (request, passes)
    }
}
