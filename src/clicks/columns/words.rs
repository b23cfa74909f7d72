//! Values that many clicks share, each kept once and called by a code.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::codec::LONGEST;

/// Values of which many clicks share one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The different ones.
    pub words: Vec<Box<[u8]>>,
    /// Which one each click has, counted from 1; 0 for none.
    pub codes: Vec<u32>,
}

impl Words {
    /// The word of a code; `None` for that of none.
    #[must_use]
    pub fn word(&self, code: u32) -> Option<&[u8]> {
        let place = usize::try_from(code).ok()?.checked_sub(1)?;
        self.words.get(place).map(AsRef::as_ref)
    }
}

/// Which of some numbers each click has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coded {
    /// The different ones, in the order in which clicks first have them.
    pub(super) numbers: Vec<u32>,
    /// Which one each click has, counted from 1.
    pub(super) codes: Vec<u32>,
}

/// Finds out which numbers clicks have, without a look-up for each: numbers are small.
#[derive(Debug, Default)]
pub struct Coder {
    /// The code of each number; 0 for one that has none, as all have in between.
    known: Vec<u32>,
}

impl Coder {
    /// Which of their numbers clicks have.
    pub fn code(&mut self, numbers: impl IntoIterator<Item = u32>) -> Coded {
        let mut coded = Coded::default();
        for number in numbers {
            let place = number as usize;
            if place >= self.known.len() {
                self.known.resize(place + 1, 0);
            }
            if self.known[place] == 0 {
                coded.numbers.push(number);
                self.known[place] = u32::try_from(coded.numbers.len()).unwrap_or(u32::MAX);
            }
            coded.codes.push(self.known[place]);
        }
        for number in &coded.numbers {
            self.known[*number as usize] = 0;
        }
        coded
    }
}

/// Words that grow.
#[derive(Debug, Default)]
pub(super) struct Builder {
    pub(super) words: Words,
    codes: HashMap<Box<[u8]>, u32, RandomState>,
}

impl Builder {
    pub(super) fn of(words: Words) -> Self {
        let codes = words.words.iter().cloned().zip(1..).collect();
        Self { words, codes }
    }

    pub(super) fn push(&mut self, word: Option<&[u8]>) {
        let code = word.map_or(0, |word| self.code(word));
        self.words.codes.push(code);
    }

    pub(super) fn code(&mut self, word: &[u8]) -> u32 {
        let word = &word[..word.len().min(LONGEST)];
        if let Some(code) = self.codes.get(word) {
            return *code;
        }
        self.words.words.push(word.into());
        let code = u32::try_from(self.words.words.len()).unwrap_or(u32::MAX);
        self.codes.insert(word.into(), code);
        code
    }
}
