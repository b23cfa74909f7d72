//! The clicks of one account and day, column by column.

use std::array;

use entity::StoredVerdict;
use uuid::Uuid;

use super::{
    COLUMNS, Column, Fact, time_of_day,
    words::{Builder, Coded, Words},
};

/// The clicks of a chunk, or of some of its columns, in the order of their raw rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    clicks: usize,
    columns: [Option<Values>; COLUMNS],
}

/// What the clicks of a chunk have in one respect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Numbers of raw rows: the first, and what each is more than that.
    Seqs(i64, Vec<u32>),
    /// Milliseconds of the day.
    Times(Vec<u32>),
    /// Verdicts.
    Verdicts(Vec<StoredVerdict>),
    /// Texts or ids.
    Words(Words),
}

impl Chunk {
    /// Facts of one account and one day, in the order of their rows.
    ///
    /// `None` where their numbers are too far apart for one chunk: more than four billion.
    #[must_use]
    pub fn of(facts: &[&Fact]) -> Option<Self> {
        let mut chunk = Self::of_clicks(
            facts.iter().map(|fact| fact.seq),
            facts.iter().map(|fact| time_of_day(fact.clicked_at)),
            facts.iter().map(|fact| fact.verdict),
        )?;
        let ids = |id: fn(&Fact) -> Option<Uuid>| {
            let mut words = Builder::default();
            for fact in facts {
                words.push(id(fact).as_ref().map(|id| &id.as_bytes()[..]));
            }
            words.words
        };
        chunk.set_words(Column::Link, ids(|fact| Some(fact.link.into())));
        chunk.set_words(Column::List, ids(|fact| Some(fact.list.into())));
        chunk.set_words(Column::Offer, ids(|fact| fact.offer.map(Into::into)));
        chunk.set_words(Column::Domain, ids(|fact| Some(fact.domain.into())));
        for (place, column) in super::TEXTS.into_iter().enumerate() {
            let mut words = Builder::default();
            for fact in facts {
                words.push(fact.texts[place].as_ref().map(|text| text.as_bytes()));
            }
            chunk.set_words(column, words.words);
        }
        Some(chunk)
    }

    /// A chunk that has of each click, in the order of their rows, the row, the milliseconds of the day and the verdict.
    ///
    /// `None` where their numbers are too far apart for one chunk: more than four billion.
    #[must_use]
    pub fn of_clicks(
        seqs: impl IntoIterator<Item = i64>,
        times: impl IntoIterator<Item = u32>,
        verdicts: impl IntoIterator<Item = StoredVerdict>,
    ) -> Option<Self> {
        let mut seqs = seqs.into_iter().peekable();
        let first = seqs.peek().copied().unwrap_or_default();
        let offsets = seqs.map(|seq| u32::try_from(seq - first).ok());
        let offsets = offsets.collect::<Option<Vec<_>>>()?;
        let mut chunk = Self::empty(offsets.len());
        chunk.set(Column::Seq, Values::Seqs(first, offsets));
        chunk.set(Column::Time, Values::Times(times.into_iter().collect()));
        chunk.set(Column::Verdict, Values::Verdicts(verdicts.into_iter().collect()));
        Some(chunk)
    }

    /// Sets a column to what the number of each click stands for.
    pub fn set_words_of<W: AsRef<[u8]>>(
        &mut self,
        column: Column,
        numbers: &Coded,
        word: impl Fn(u32) -> Option<W>,
    ) {
        let mut words = Builder::default();
        words.words.codes.reserve_exact(1 + numbers.numbers.len());
        words.push(None);
        for number in &numbers.numbers {
            words.push(word(*number).as_ref().map(AsRef::as_ref));
        }
        let Words { words, codes } = words.words;
        if !words.is_empty() {
            let codes = numbers.codes.iter().map(|code| codes[*code as usize]);
            let codes = codes.collect();
            self.set(column, Values::Words(Words { words, codes }));
        }
    }

    /// A chunk of so many clicks of which no column is read yet.
    #[must_use]
    pub fn empty(clicks: usize) -> Self {
        Self {
            clicks,
            columns: array::from_fn(|_| None),
        }
    }

    /// How many clicks it has.
    #[must_use]
    pub const fn clicks(&self) -> usize {
        self.clicks
    }

    /// A column; `None` where no click has anything in it, or it was not read.
    #[must_use]
    pub const fn get(&self, column: Column) -> Option<&Values> {
        self.columns[column.place()].as_ref()
    }

    /// The numbers of the raw rows; none where they were not read.
    pub fn seqs(&self) -> impl Iterator<Item = i64> {
        let (first, offsets) = match self.get(Column::Seq) {
            Some(Values::Seqs(first, offsets)) => (*first, &offsets[..]),
            _ => (0, &[][..]),
        };
        offsets.iter().map(move |offset| first + i64::from(*offset))
    }

    /// The milliseconds of the day; none where they were not read.
    #[must_use]
    pub fn times(&self) -> &[u32] {
        match self.get(Column::Time) {
            Some(Values::Times(times)) => times,
            _ => &[],
        }
    }

    /// The verdicts; none where they were not read.
    #[must_use]
    pub fn verdicts(&self) -> &[StoredVerdict] {
        match self.get(Column::Verdict) {
            Some(Values::Verdicts(verdicts)) => verdicts,
            _ => &[],
        }
    }

    /// The verdicts, to change them.
    pub fn verdicts_mut(&mut self) -> &mut [StoredVerdict] {
        match &mut self.columns[Column::Verdict.place()] {
            Some(Values::Verdicts(verdicts)) => verdicts,
            _ => &mut [],
        }
    }

    /// The words of a column; `None` where no click has one, or it was not read.
    #[must_use]
    pub const fn words(&self, column: Column) -> Option<&Words> {
        match self.get(column) {
            Some(Values::Words(words)) => Some(words),
            _ => None,
        }
    }

    pub(super) fn set(&mut self, column: Column, values: Values) {
        self.columns[column.place()] = Some(values);
    }

    /// Of a column without words nothing is kept.
    fn set_words(&mut self, column: Column, words: Words) {
        if !words.words.is_empty() {
            self.set(column, Values::Words(words));
        }
    }

    /// Takes the clicks of a later chunk of the same account and day. Both must have been read whole.
    ///
    /// Answers `false` and changes nothing where their numbers are too far apart.
    pub fn append(&mut self, later: &Self) -> bool {
        let seqs = match (self.get(Column::Seq), later.get(Column::Seq)) {
            (Some(Values::Seqs(first, mine)), Some(Values::Seqs(_, _))) => {
                let theirs = later.seqs().map(|seq| u32::try_from(seq - first).ok());
                let all = mine.iter().map(|offset| Some(*offset)).chain(theirs);
                all.collect::<Option<Vec<_>>>().map(|offsets| (*first, offsets))
            }
            _ => None,
        };
        let Some((first, offsets)) = seqs else {
            return false;
        };
        for column in <Column as sea_orm::Iterable>::iter() {
            let values = match (self.columns[column.place()].take(), later.get(column)) {
                (None, None) => continue,
                (Some(Values::Times(mut mine)), Some(Values::Times(theirs))) => {
                    mine.extend_from_slice(theirs);
                    Values::Times(mine)
                }
                (Some(Values::Verdicts(mut mine)), Some(Values::Verdicts(theirs))) => {
                    mine.extend_from_slice(theirs);
                    Values::Verdicts(mine)
                }
                (Some(Values::Seqs(..)), _) => Values::Seqs(first, offsets.clone()),
                (mine, theirs) => {
                    let none = Words::default();
                    let mut words = Builder::of(match mine {
                        Some(Values::Words(mine)) => mine,
                        _ => Words {
                            codes: vec![0; self.clicks],
                            ..Words::default()
                        },
                    });
                    let theirs = match theirs {
                        Some(Values::Words(theirs)) => theirs,
                        _ => &none,
                    };
                    let known: Vec<_> = theirs.words.iter().map(|word| words.code(word)).collect();
                    let code = |code: &u32| match code {
                        0 => 0,
                        code => known.get(*code as usize - 1).copied().unwrap_or_default(),
                    };
                    words.words.codes.extend(theirs.codes.iter().map(code));
                    words.words.codes.resize(self.clicks + later.clicks, 0);
                    Values::Words(words.words)
                }
            };
            self.set(column, values);
        }
        self.clicks += later.clicks;
        true
    }
}

#[cfg(test)]
pub(super) mod tests {
    use entity::{AccountId, DomainId, SendingListId, ShortLinkId, Timestamp, click::BotReason};

    use super::{super::Coder, *};

    fn fact(seq: i64) -> Fact {
        let id = |number: i64| Uuid::from_u128(u128::try_from(number).expect("a number"));
        let mut texts = array::from_fn(|_| None);
        texts[0] = (seq % 3 > 0).then(|| format!("country {}", seq % 3).into());
        texts[5] = (seq > 400).then(|| format!("sub {seq}").into());
        Fact {
            seq,
            clicked_at: Timestamp::from_millis(86_400_000 * 20_000 + seq * 1000),
            verdict: StoredVerdict::new((seq % 2 == 0).then_some(BotReason::Burst), None, seq % 4 == 1),
            account: AccountId::from(id(1)),
            link: ShortLinkId::from(id(seq % 300)),
            list: SendingListId::from(id(7)),
            offer: None,
            domain: DomainId::from(id(9)),
            texts,
        }
    }

    pub(in crate::clicks::columns) fn chunk(seqs: impl IntoIterator<Item = i64>) -> Chunk {
        let facts: Vec<_> = seqs.into_iter().map(fact).collect();
        Chunk::of(&facts.iter().collect::<Vec<_>>()).expect("a chunk")
    }

    #[test]
    fn chunks_that_are_put_together_are_the_chunk_of_all_their_clicks() {
        for cut in [1, 300, 400, 401, 999] {
            let mut first = chunk(0..cut);
            assert!(first.append(&chunk(cut..1000)));
            let whole = chunk(0..1000);
            assert_eq!(first.seqs().collect::<Vec<_>>(), whole.seqs().collect::<Vec<_>>());
            for column in <Column as sea_orm::Iterable>::iter() {
                let words = |chunk: &Chunk| {
                    let words = chunk.words(column).cloned().unwrap_or_default();
                    let texts = words
                        .codes
                        .iter()
                        .map(|code| words.word(*code).map(<[u8]>::to_vec));
                    texts.collect::<Vec<_>>()
                };
                assert_eq!(words(&first), words(&whole), "{column:?} cut at {cut}");
            }
            assert_eq!(first.times(), whole.times());
            assert_eq!(first.verdicts(), whole.verdicts());
        }
    }

    #[test]
    fn clicks_that_go_by_numbers_make_the_chunk_of_their_facts() {
        let facts: Vec<_> = (390..700).map(fact).collect();
        let (mut links, mut texts) = (Vec::new(), Vec::new());
        let number = |of: &Fact, all: &mut Vec<Fact>, is_same: fn(&Fact, &Fact) -> bool| {
            let place = all.iter().position(|one| is_same(one, of));
            let place = place.unwrap_or_else(|| {
                all.push(of.clone());
                all.len() - 1
            });
            u32::try_from(place).expect("a number")
        };
        // So that no number is the place at which it comes.
        links.push(fact(1));
        texts.push(fact(0));
        let numbers: Vec<_> = facts
            .iter()
            .map(|fact| {
                let link = number(fact, &mut links, |one, other| one.link == other.link);
                (
                    link,
                    number(fact, &mut texts, |one, other| one.texts == other.texts),
                )
            })
            .collect();
        let mut chunk = Chunk::of_clicks(
            facts.iter().map(|fact| fact.seq),
            facts.iter().map(|fact| time_of_day(fact.clicked_at)),
            facts.iter().map(|fact| fact.verdict),
        )
        .expect("a chunk");
        let mut coder = Coder::default();
        let of_links = coder.code(numbers.iter().map(|(link, _)| *link));
        let ids: Vec<_> = links
            .iter()
            .map(|link| [Uuid::from(link.link), link.list.into(), link.domain.into()])
            .collect();
        for (place, column) in [Column::Link, Column::List, Column::Domain]
            .into_iter()
            .enumerate()
        {
            chunk.set_words_of(column, &of_links, |link| {
                Some(ids[link as usize][place].as_bytes())
            });
        }
        let of_texts = coder.code(numbers.iter().map(|(_, texts)| *texts));
        for (place, column) in crate::clicks::columns::TEXTS.into_iter().enumerate() {
            chunk.set_words_of(column, &of_texts, |set| {
                texts[set as usize].texts[place]
                    .as_ref()
                    .map(|text| text.as_bytes())
            });
        }
        assert_eq!(Some(chunk), Chunk::of(&facts.iter().collect::<Vec<_>>()));
    }

    #[test]
    fn rows_that_are_too_far_apart_are_no_chunk() {
        let far = i64::from(u32::MAX) + 1;
        assert_eq!(Chunk::of(&[&fact(0), &fact(far)]), None);
        let mut first = chunk(0..3);
        let before = first.clone();
        assert!(!first.append(&chunk(far..=far)));
        assert_eq!(first, before);
    }
}
