//! What a lot of clicks adds to whatever has many links, gathered in the same way from either database.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Once,
};

use entity::{
    AccountId, DomainId, OfferId, SendingListId, ShortLinkId, StoredVerdict, Timestamp,
    subject_quarter::QUARTER,
};
use foldhash::fast::RandomState;
use uuid::Uuid;

use super::texts::number_after;
pub(super) use super::texts::{TextNumbers, Texts};
use crate::clicks::columns::{Chunk, Coder, Column, MOST_CLICKS, TEXTS, day_of, time_of_day};

/// Clicks that are each counted once, with all that sums and chunks are made of.
///
/// A lot has very many clicks, of which many share what they are clicks of and what they say. So each link, and whatever
/// texts clicks have together, is kept once and goes by a number.
#[derive(Debug, Default)]
pub(super) struct Facts {
    owners: Vec<Owner>,
    owner_numbers: HashMap<Owner, u32, RandomState>,
    links: Vec<Link>,
    link_numbers: HashMap<ShortLinkId, u32, RandomState>,
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

#[derive(Clone, Copy, Debug)]
struct Link {
    id: ShortLinkId,
    /// The number of its owner; `None` where it is not known.
    owner: Option<u32>,
}

/// One click of an owner's link.
#[derive(Clone, Copy, Debug)]
struct Click {
    seq: i64,
    clicked_at: Timestamp,
    link: u32,
    texts: u32,
    owner: u32,
    verdict: StoredVerdict,
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
    /// The texts, to number those of a click.
    pub(super) const fn texts(&mut self) -> &mut Texts {
        &mut self.texts
    }

    /// The number of what clicks count for.
    pub(super) fn owner(&mut self, owner: Owner) -> u32 {
        if let Some(number) = self.owner_numbers.get(&owner) {
            return *number;
        }
        let number = number_after(self.owners.len());
        self.owners.push(owner);
        self.owner_numbers.insert(owner, number);
        number
    }

    /// The number of a link, of which nothing but its id need be known yet.
    pub(super) fn link(&mut self, id: ShortLinkId) -> u32 {
        let links = &mut self.links;
        *self.link_numbers.entry(id).or_insert_with(|| {
            let number = number_after(links.len());
            links.push(Link { id, owner: None });
            number
        })
    }

    /// Says what the clicks of a link count for.
    pub(super) fn owned(&mut self, link: u32, owner: Owner) {
        self.links[link as usize].owner = Some(self.owner(owner));
    }

    /// The id of a link.
    pub(super) fn link_id(&self, link: u32) -> ShortLinkId {
        self.links[link as usize].id
    }

    /// The number of a link's owner, if it is known.
    pub(super) fn owner_of(&self, link: u32) -> Option<u32> {
        self.links[link as usize].owner
    }

    /// The account of an owner.
    pub(super) fn account(&self, owner: u32) -> AccountId {
        self.owners[owner as usize].account
    }

    /// The place of each link in the order of their ids.
    pub(super) fn places_of_links(&self) -> Vec<u32> {
        let mut order: Vec<_> = (0..)
            .zip(&self.links)
            .map(|(number, link)| (link.id, number))
            .collect();
        order.sort_unstable_by_key(|(id, _)| *id);
        let mut places = vec![0; order.len()];
        for (place, (_, number)) in (0..).zip(order) {
            let number: u32 = number;
            places[number as usize] = place;
        }
        places
    }

    /// Makes room for so many clicks.
    pub(super) fn reserve(&mut self, clicks: usize) {
        self.clicks.reserve_exact(clicks);
    }

    /// Takes a click; no other copy of it may be taken. One of a link whose owner is not known is left out.
    pub(super) fn add(
        &mut self,
        seq: i64,
        clicked_at: Timestamp,
        verdict: StoredVerdict,
        link: u32,
        texts: u32,
    ) {
        let Some(owner) = self.owner_of(link) else { return };
        self.clicks.push(Click {
            seq,
            clicked_at,
            link,
            texts,
            owner,
            verdict,
        });
    }

    /// What the clicks add to the sums of their subjects.
    pub(super) fn sums(&self) -> Sums {
        // Few have the same quarter and not the same owner: then each click is looked up once, not once for each subject.
        let mut by_owner: HashMap<(u32, i32), Sum, RandomState> = HashMap::default();
        let key = |click: &Click| (click.owner, quarter_of(click.clicked_at));
        for clicks in self.clicks.chunk_by(|one, other| key(one) == key(other)) {
            let sums = clicks
                .iter()
                .map(|click| Sum::of(click.clicked_at, click.verdict));
            let Some(sum) = sums.reduce(Sum::and) else {
                continue;
            };
            let all = by_owner.entry(key(&clicks[0]));
            all.and_modify(|all| all.add(sum)).or_insert(sum);
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
    pub(super) fn chunks(mut self) -> Vec<NewChunk> {
        self.clicks.sort_unstable_by_key(|click| click.seq);
        let mut days: BTreeMap<(AccountId, i32), Vec<u32>> = BTreeMap::new();
        for (place, click) in (0..).zip(&self.clicks) {
            let day = (self.account(click.owner), day_of(click.clicked_at));
            days.entry(day).or_default().push(place);
        }
        let (mut coder, mut chunks) = (Coder::default(), Vec::new());
        for ((account, day), places) in days {
            // As large as each other, so that none is left over that is too small to stand beside full ones.
            let parts = places.len().div_ceil(MOST_CLICKS);
            for places in places.chunks(places.len().div_ceil(parts.max(1))) {
                self.put_in_chunks(places, &mut coder, &mut |last, chunk| {
                    chunks.push(NewChunk {
                        account,
                        day,
                        last,
                        chunk,
                    });
                });
            }
        }
        chunks
    }

    /// Makes a chunk of clicks of one account and day, or more where their rows are too far apart for one, each with the row
    /// of its last click.
    fn put_in_chunks(&self, places: &[u32], coder: &mut Coder, put: &mut impl FnMut(i64, Chunk)) {
        let Some(last) = places.last() else { return };
        if let Some(chunk) = self.chunk(places, coder) {
            put(self.clicks[*last as usize].seq, chunk);
            return;
        }
        let (first, rest) = places.split_at(places.len() / 2);
        self.put_in_chunks(first, coder, put);
        self.put_in_chunks(rest, coder, put);
    }

    /// A chunk of the clicks at these places; `None` where their rows are too far apart.
    fn chunk(&self, places: &[u32], coder: &mut Coder) -> Option<Chunk> {
        let clicks = || places.iter().map(|place| &self.clicks[*place as usize]);
        let mut chunk = Chunk::of_clicks(
            clicks().map(|click| click.seq),
            clicks().map(|click| time_of_day(click.clicked_at)),
            clicks().map(|click| click.verdict),
        )?;
        let links = coder.code(clicks().map(|click| click.link));
        chunk.set_words_of(Column::Link, &links, |link| Some(bytes(self.link_id(link))));
        let owners = coder.code(clicks().map(|click| click.owner));
        let owner = |owner: u32| &self.owners[owner as usize];
        chunk.set_words_of(Column::List, &owners, |of| Some(bytes(owner(of).list)));
        chunk.set_words_of(Column::Offer, &owners, |of| owner(of).offer.map(bytes));
        chunk.set_words_of(Column::Domain, &owners, |of| Some(bytes(owner(of).domain)));
        let texts = coder.code(clicks().map(|click| click.texts));
        for (place, column) in TEXTS.into_iter().enumerate() {
            chunk.set_words_of(column, &texts, |set| self.texts.get(set, place));
        }
        Some(chunk)
    }
}

fn bytes(id: impl Into<Uuid>) -> [u8; 16] {
    id.into().into_bytes()
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

    /// That of both.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.add(other);
        self
    }

    pub(super) fn add(&mut self, other: Self) {
        self.clicks += other.clicks;
        self.human_clicks += other.human_clicks;
        self.unique_clicks += other.unique_clicks;
        self.first_clicked_at = self.first_clicked_at.min(other.first_clicked_at);
        self.last_clicked_at = self.last_clicked_at.max(other.last_clicked_at);
    }
}

#[cfg(test)]
mod tests {
    use entity::click::BotReason;

    use super::*;
    use crate::clicks::columns::DAY;

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

    /// The link of an owner.
    fn link(facts: &mut Facts, owner: Owner) -> u32 {
        let number = facts.owner(owner);
        let link = facts.link(id(100 + u128::from(number)));
        facts.owned(link, owner);
        link
    }

    /// Takes a person's click of an owner.
    fn add(facts: &mut Facts, seq: i64, millis: i64, owner: Owner) {
        let verdict = StoredVerdict::new(None, None, seq % 2 == 0);
        let link = link(facts, owner);
        let texts = facts.texts().together(TextNumbers::default());
        facts.add(seq, Timestamp::from_millis(millis), verdict, link, texts);
    }

    #[test]
    fn a_click_counts_for_its_account_list_offer_and_domain() {
        let mut facts = Facts::default();
        add(&mut facts, 1, 5, owner(1, Some(7)));
        add(&mut facts, 2, QUARTER, owner(1, None));
        add(&mut facts, 3, -1, owner(2, Some(8)));
        let bot = StoredVerdict::new(Some(BotReason::Burst), None, false);
        let known = link(&mut facts, owner(1, Some(7)));
        let texts = facts.texts().together(TextNumbers::default());
        facts.add(4, Timestamp::from_millis(3), bot, known, texts);
        let unknown = facts.link(id(99));
        facts.add(5, Timestamp::from_millis(3), bot, unknown, texts);
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
        let mut others = TextNumbers::default();
        texts.set(&mut others, Column::Country, Some("DE"));
        let link = link(&mut facts, owner(1, None));
        for (seq, numbers) in (1..).zip([numbers, others, TextNumbers::default(), others, numbers]) {
            let texts = facts.texts().together(numbers);
            facts.add(
                seq,
                Timestamp::from_millis(0),
                StoredVerdict::default(),
                link,
                texts,
            );
        }
        let chunk = facts.chunks().remove(0).chunk;
        let texts = |column| {
            let words = chunk.words(column)?;
            let texts = words.codes.iter().map(|code| words.word(*code));
            let texts = texts.map(|text| text.map(|text| String::from_utf8_lossy(text).into_owned()));
            Some(texts.map(Option::unwrap_or_default).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(texts(Column::Country).as_deref(), Some("US DE  DE US"));
        assert_eq!(texts(Column::Sub2).as_deref(), Some("US    US"));
        assert_eq!(texts(Column::Source).as_deref(), Some("a\"b    a\"b"));
        for column in [Column::Os, Column::Sub1, Column::Sub3, Column::Browser] {
            assert_eq!(texts(column), None, "{column:?}");
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
