//! What a lot of clicks adds to whatever has many links, gathered in the same way from either database.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Once},
};

use entity::{
    AccountId, DomainId, OfferId, SendingListId, ShortLinkId, StoredVerdict, Timestamp,
    subject_quarter::QUARTER,
};
use foldhash::fast::RandomState;
use serde_json::Value;
use uuid::Uuid;

use crate::clicks::columns::{self, Chunk, Column, Fact, MOST_CLICKS, PARAMETERS, TEXTS, day_of};

/// Clicks that are each counted once, with all that sums and chunks are made of.
#[derive(Debug, Default)]
pub(super) struct Facts {
    owners: Vec<Owner>,
    owner_numbers: HashMap<Owner, u32, RandomState>,
    texts: Texts,
    clicks: Vec<Click>,
}

/// What a click of a link counts for beside the link; many links have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    pub(super) account: AccountId,
    pub(super) list: SendingListId,
    pub(super) offer: Option<OfferId>,
    pub(super) domain: DomainId,
}

/// One click: a [`Fact`] in a third of its size, since a lot has very many.
#[derive(Clone, Copy, Debug)]
struct Click {
    seq: i64,
    clicked_at: Timestamp,
    verdict: StoredVerdict,
    link: ShortLinkId,
    owner: u32,
    texts: TextNumbers,
}

/// The numbers of a click's texts, in the order of [`TEXTS`]; 0 for none.
pub(super) type TextNumbers = [u32; TEXTS.len()];

/// Texts that are each kept once, however many clicks of the lot have them.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32, RandomState>,
}

/// What clicks of one subject add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) clicks: i64,
    pub(super) human_clicks: i64,
    pub(super) unique_clicks: i64,
    pub(super) first_clicked_at: Timestamp,
    pub(super) last_clicked_at: Timestamp,
}

/// What clicks add to the sums of accounts, lists, offers and domains, in the order of the keys.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// By subject.
    pub(super) totals: BTreeMap<Uuid, Sum>,
    /// By subject and quarter of an hour.
    pub(super) quarters: BTreeMap<(Uuid, i32), Sum>,
}

/// A chunk that is to be written.
#[derive(Debug)]
pub(super) struct NewChunk {
    pub(super) account: AccountId,
    pub(super) day: i32,
    /// The row of its last click, by which it is called.
    pub(super) last: i64,
    pub(super) chunk: Chunk,
}

impl Facts {
    /// Facts of clicks whose texts are numbered already.
    pub(super) fn of(texts: Texts) -> Self {
        Self {
            texts,
            ..Self::default()
        }
    }

    /// The texts, to number those of a click.
    pub(super) const fn texts(&mut self) -> &mut Texts {
        &mut self.texts
    }

    /// The number of what clicks count for.
    pub(super) fn owner(&mut self, owner: Owner) -> u32 {
        if let Some(number) = self.owner_numbers.get(&owner) {
            return *number;
        }
        let number = u32::try_from(self.owners.len()).unwrap_or(u32::MAX);
        self.owners.push(owner);
        self.owner_numbers.insert(owner, number);
        number
    }

    /// Takes a click; no other copy of it may be taken.
    pub(super) fn add(
        &mut self,
        seq: i64,
        clicked_at: Timestamp,
        verdict: StoredVerdict,
        (link, owner): (ShortLinkId, u32),
        texts: TextNumbers,
    ) {
        self.clicks.push(Click {
            seq,
            clicked_at,
            verdict,
            link,
            owner,
            texts,
        });
    }

    /// What the clicks add to the sums of their subjects.
    pub(super) fn sums(&self) -> Sums {
        // Few have the same quarter and not the same owner: then each click is looked up once, not once for each subject.
        let mut by_owner: HashMap<(u32, i32), Sum, RandomState> = HashMap::default();
        for click in &self.clicks {
            let sum = Sum::of(click.clicked_at, click.verdict);
            let key = (click.owner, quarter_of(click.clicked_at));
            by_owner.entry(key).and_modify(|all| all.add(sum)).or_insert(sum);
        }
        let mut sums = Sums::default();
        for ((owner, quarter), sum) in by_owner {
            for subject in self.owners[owner as usize].subjects() {
                let total = sums.totals.entry(subject);
                total.and_modify(|all| all.add(sum)).or_insert(sum);
                let part = sums.quarters.entry((subject, quarter));
                part.and_modify(|all| all.add(sum)).or_insert(sum);
            }
        }
        sums
    }

    /// The clicks in chunks, sorted by account, day and row.
    pub(super) fn chunks(&self) -> Vec<NewChunk> {
        let mut clicks: Vec<_> = self.clicks.iter().collect();
        let account = |click: &Click| self.owners[click.owner as usize].account;
        clicks.sort_unstable_by_key(|click| (account(click), day_of(click.clicked_at), click.seq));
        let mut chunks = Vec::new();
        let is_same = |one: &&Click, other: &&Click| {
            account(one) == account(other) && day_of(one.clicked_at) == day_of(other.clicked_at)
        };
        for clicks in clicks.chunk_by(is_same) {
            // As large as each other, so that none is left over that is too small to stand beside full ones.
            let parts = clicks.len().div_ceil(MOST_CLICKS);
            for clicks in clicks.chunks(clicks.len().div_ceil(parts.max(1))) {
                let facts: Vec<_> = clicks.iter().map(|click| self.fact(click)).collect();
                put_in_chunks(&facts.iter().collect::<Vec<_>>(), &mut chunks);
            }
        }
        chunks
    }

    fn fact(&self, click: &Click) -> Fact {
        let owner = self.owners[click.owner as usize];
        Fact {
            seq: click.seq,
            clicked_at: click.clicked_at,
            verdict: click.verdict,
            account: owner.account,
            link: click.link,
            list: owner.list,
            offer: owner.offer,
            domain: owner.domain,
            texts: click.texts.map(|number| self.texts.get(number)),
        }
    }
}

/// Makes a chunk of clicks of one account and day, or more where their rows are too far apart for one.
fn put_in_chunks(facts: &[&Fact], chunks: &mut Vec<NewChunk>) {
    let Some(last) = facts.last() else { return };
    if let Some(chunk) = Chunk::of(facts) {
        chunks.push(NewChunk {
            account: last.account,
            day: last.day(),
            last: last.seq,
            chunk,
        });
        return;
    }
    let (first, rest) = facts.split_at(facts.len() / 2);
    put_in_chunks(first, chunks);
    put_in_chunks(rest, chunks);
}

/// How many of the chunks before a new one of so many clicks become one with it, given how many clicks each of them has, the
/// latest first.
///
/// A chunk is rewritten only with so many more clicks that each click is rewritten a few times a day, and what is left are
/// few chunks, each more than twice as large as the next, or so large that two are more than a chunk may be.
pub(super) fn joined(before: impl IntoIterator<Item = usize>, clicks: usize) -> usize {
    let mut all = clicks;
    let mut joined = 0;
    for before in before {
        if before > 2 * all || before + all > MOST_CLICKS {
            break;
        }
        all += before;
        joined += 1;
    }
    joined
}

/// The quarter of an hour of a moment: how many after 1970 began.
pub(super) fn quarter_of(time: Timestamp) -> i32 {
    let quarter = time.millis().div_euclid(QUARTER);
    i32::try_from(quarter).unwrap_or(if quarter < 0 { i32::MIN } else { i32::MAX })
}

/// Says that a click's link is nowhere, once as long as the server runs: no such click is ever stored.
pub(super) fn tell_of_unknown_link(link: ShortLinkId) {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        tracing::error!(%link, "clicks of a link that is not stored are in no report but the link's own");
    });
}

impl Owner {
    /// Whose sums a click adds to.
    fn subjects(self) -> impl Iterator<Item = Uuid> {
        let offer = self.offer.map(Uuid::from);
        [self.account.into(), self.list.into(), self.domain.into()]
            .into_iter()
            .chain(offer)
    }
}

impl Sum {
    /// That of one click.
    pub(super) fn of(clicked_at: Timestamp, verdict: StoredVerdict) -> Self {
        Self {
            clicks: 1,
            human_clicks: verdict.is_human().into(),
            unique_clicks: verdict.is_unique().into(),
            first_clicked_at: clicked_at,
            last_clicked_at: clicked_at,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.clicks += other.clicks;
        self.human_clicks += other.human_clicks;
        self.unique_clicks += other.unique_clicks;
        self.first_clicked_at = self.first_clicked_at.min(other.first_clicked_at);
        self.last_clicked_at = self.last_clicked_at.max(other.last_clicked_at);
    }
}

impl Texts {
    /// The number of a text; 0 for none.
    pub(super) fn number(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text else { return 0 };
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        let number = u32::try_from(self.texts.len()).unwrap_or_default();
        self.numbers.insert(text, number);
        number
    }

    fn get(&self, number: u32) -> Option<Arc<str>> {
        let place = (number as usize).checked_sub(1)?;
        self.texts.get(place).cloned()
    }

    /// Numbers those parameters of a click that have columns; what is no JSON has none.
    pub(super) fn number_parameters(&mut self, parameters: &str, numbers: &mut TextNumbers) {
        let Ok(parameters) = serde_json::from_str::<Value>(parameters) else {
            return;
        };
        for (column, name) in PARAMETERS {
            self.set(numbers, column, columns::parameter(Some(&parameters), name));
        }
    }

    /// Numbers the text of a column.
    pub(super) fn set(&mut self, numbers: &mut TextNumbers, column: Column, text: Option<&str>) {
        if let Some(place) = column.text_place() {
            numbers[place] = self.number(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::click::BotReason;

    use super::*;

    const DAY: i64 = columns::DAY;

    fn id<T: From<Uuid>>(number: u128) -> T {
        Uuid::from_u128(number).into()
    }

    fn owner(account: u128, offer: Option<u128>) -> Owner {
        Owner {
            account: id(account),
            list: id(10 + account),
            offer: offer.map(id),
            domain: id(20 + account),
        }
    }

    /// Takes a person's click of an owner.
    fn add(facts: &mut Facts, seq: i64, millis: i64, owner: Owner) {
        let verdict = StoredVerdict::new(None, None, seq % 2 == 0);
        let owner = facts.owner(owner);
        let link = (id(100), owner);
        facts.add(
            seq,
            Timestamp::from_millis(millis),
            verdict,
            link,
            TextNumbers::default(),
        );
    }

    #[test]
    fn a_click_counts_for_its_account_list_offer_and_domain() {
        let mut facts = Facts::default();
        add(&mut facts, 1, 5, owner(1, Some(7)));
        add(&mut facts, 2, QUARTER, owner(1, None));
        add(&mut facts, 3, -1, owner(2, Some(8)));
        let bot = StoredVerdict::new(Some(BotReason::Burst), None, false);
        let known = facts.owner(owner(1, Some(7)));
        facts.add(
            4,
            Timestamp::from_millis(3),
            bot,
            (id(1), known),
            TextNumbers::default(),
        );
        let sums = facts.sums();
        let total = |number| {
            let sum = sums.totals[&id(number)];
            (
                sum.clicks,
                sum.human_clicks,
                sum.unique_clicks,
                sum.first_clicked_at.millis(),
                sum.last_clicked_at.millis(),
            )
        };
        for number in [1, 11, 21] {
            assert_eq!(total(number), (3, 2, 1, 3, QUARTER), "{number}");
        }
        assert_eq!(total(7), (2, 1, 0, 3, 5));
        assert_eq!(total(8), (1, 1, 0, -1, -1));
        assert_eq!(sums.totals.len(), 8);
        let quarters = sums
            .quarters
            .iter()
            .map(|((subject, quarter), sum)| (*subject, *quarter, sum.clicks));
        let of = |number| {
            quarters
                .clone()
                .filter(move |(subject, ..)| *subject == Uuid::from_u128(number))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(1), [(id(1), 0, 2), (id(1), 1, 1)]);
        assert_eq!(of(7), [(id(7), 0, 2)]);
        assert_eq!(of(8), [(id(8), -1, 1)]);
    }

    #[test]
    fn chunks_are_of_one_account_and_day_and_sorted_by_row() {
        let mut facts = Facts::default();
        for (seq, millis, account) in [(9, 1, 1), (3, DAY - 1, 1), (4, DAY, 1), (5, 2, 2), (6, -1, 1)] {
            add(&mut facts, seq, millis, owner(account, None));
        }
        let found = facts.chunks().into_iter().map(|new| {
            let seqs: Vec<_> = new.chunk.seqs().collect();
            (new.account, new.day, new.last, seqs)
        });
        let expected = [
            (id(1), -1, 6, vec![6]),
            (id(1), 0, 9, vec![3, 9]),
            (id(1), 1, 4, vec![4]),
            (id(2), 0, 5, vec![5]),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn no_chunk_has_too_many_clicks_or_rows_too_far_apart() {
        let mut facts = Facts::default();
        let most = i64::try_from(MOST_CLICKS).expect("a number");
        for seq in 0..=most {
            add(&mut facts, seq, seq, owner(1, None));
        }
        add(&mut facts, 1 << 40, 7, owner(2, None));
        add(&mut facts, 1, 7, owner(2, None));
        let sizes: Vec<_> = facts.chunks().iter().map(|new| new.chunk.clicks()).collect();
        assert_eq!(sizes, [MOST_CLICKS / 2 + 1, MOST_CLICKS / 2, 1, 1]);
    }

    #[test]
    fn a_fact_has_the_texts_of_its_click() {
        let mut facts = Facts::default();
        let mut numbers = TextNumbers::default();
        let texts = facts.texts();
        texts.set(&mut numbers, Column::Country, Some("US"));
        texts.set(&mut numbers, Column::Os, None);
        texts.number_parameters(
            r#"{"sub2": "US", "source": "a\"b", "other": "c", "sub1": 7}"#,
            &mut numbers,
        );
        texts.number_parameters("no JSON", &mut numbers);
        let owner = facts.owner(owner(1, None));
        facts.add(
            1,
            Timestamp::from_millis(0),
            StoredVerdict::default(),
            (id(1), owner),
            numbers,
        );
        let chunk = facts.chunks().remove(0).chunk;
        let text = |column| {
            let words = chunk.words(column)?;
            Some(String::from_utf8_lossy(words.word(words.codes[0])?).into_owned())
        };
        assert_eq!(text(Column::Country).as_deref(), Some("US"));
        assert_eq!(text(Column::Sub2).as_deref(), Some("US"));
        assert_eq!(text(Column::Source).as_deref(), Some("a\"b"));
        for column in [Column::Os, Column::Sub1, Column::Sub3, Column::Browser] {
            assert_eq!(text(column), None, "{column:?}");
        }
    }

    #[test]
    fn chunks_join_while_the_one_before_is_not_much_larger() {
        assert_eq!(joined([], 1), 0);
        assert_eq!(joined([2, 6, 18, 55], 1), 3);
        assert_eq!(joined([3], 1), 0);
        assert_eq!(joined([1, 1, 1], 1), 3);
        assert_eq!(joined([MOST_CLICKS - 10], 10), 0, "it is much larger");
        assert_eq!(joined([MOST_CLICKS / 2], MOST_CLICKS / 2), 1);
        assert_eq!(joined([MOST_CLICKS / 2], MOST_CLICKS / 2 + 1), 0);
    }

    #[test]
    fn there_are_never_many_chunks_and_each_click_is_rewritten_a_few_times() {
        let mut chunks: Vec<usize> = Vec::new();
        let mut written = 0;
        for lot in 0..200_000_usize {
            let mut clicks = 1 + lot % 7;
            for _ in 0..joined(chunks.iter().rev().copied(), clicks) {
                clicks += chunks.pop().expect("a chunk");
            }
            written += clicks;
            chunks.push(clicks);
            let all: usize = chunks.iter().sum();
            assert!(chunks.len() <= 17 + 2 * all / MOST_CLICKS, "{chunks:?}");
            assert!(clicks <= MOST_CLICKS);
        }
        let all: usize = chunks.iter().sum();
        assert!(written / all < 20, "{written} of {all}");
    }
}
