//! How the columns of a chunk are written and read.
//!
//! - `Seq`: the first number in eight bytes, then of each click what is to be added to it, in four.
//! - `Time`: four bytes of each.
//! - `Verdict`: one byte of each.
//! - All others are words: how many different ones there are, in four bytes; how long each is, in two, or 65,535 where they
//!   are not all as long as the first; then each one's bytes, in the latter case after its length, in two; then of each
//!   click which word it has, counted from 1, or 0 for none: in one byte where there are at most 255 words, else in two, or
//!   in four.
//!
//! Numbers are little-endian.

use entity::StoredVerdict;

use super::{Chunk, Column, Values, Words};

/// A stored column can't be read: it was not written by this code, or is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored column of clicks is damaged")]
pub struct CorruptColumn;

impl Chunk {
    /// All columns as they are stored.
    pub fn write(&self) -> impl Iterator<Item = (Column, Vec<u8>)> {
        let columns = <Column as sea_orm::Iterable>::iter();
        columns.filter_map(|column| Some((column, self.get(column)?.write())))
    }

    /// Reads a column of it.
    ///
    /// # Errors
    /// When it is none, or one of another number of clicks.
    pub fn read(&mut self, column: Column, data: &[u8]) -> Result<(), CorruptColumn> {
        let mut bytes = Bytes(data);
        let values = match column {
            Column::Seq => Values::Seqs(i64::from_le_bytes(bytes.array()?), bytes.numbers(self.clicks())?),
            Column::Time => Values::Times(bytes.numbers(self.clicks())?),
            Column::Verdict => {
                let verdicts = bytes.take(self.clicks())?.iter();
                Values::Verdicts(verdicts.map(|byte| StoredVerdict::from_byte(*byte)).collect())
            }
            _ => Values::Words(bytes.words(self.clicks())?),
        };
        if !bytes.0.is_empty() {
            return Err(CorruptColumn);
        }
        self.set(column, values);
        Ok(())
    }
}

impl Values {
    fn write(&self) -> Vec<u8> {
        let numbers = |numbers: &[u32]| {
            numbers
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect::<Vec<_>>()
        };
        match self {
            Self::Seqs(first, offsets) => [&first.to_le_bytes()[..], &numbers(offsets)].concat(),
            Self::Times(times) => numbers(times),
            Self::Verdicts(verdicts) => verdicts.iter().map(|verdict| verdict.byte()).collect(),
            Self::Words(words) => words.write(),
        }
    }
}

/// The least that each code must be able to say.
const fn width(words: usize) -> usize {
    match words {
        0..=0xFF => 1,
        0x100..=0xFFFF => 2,
        _ => 4,
    }
}

impl Words {
    fn write(&self) -> Vec<u8> {
        let texts: usize = self.words.iter().map(|word| 2 + word.len()).sum::<usize>() + 2;
        let width = width(self.words.len());
        let mut bytes = Vec::with_capacity(4 + texts + width * self.codes.len());
        bytes.extend_from_slice(&u32::try_from(self.words.len()).unwrap_or(u32::MAX).to_le_bytes());
        let length = |word: &[u8]| u16::try_from(word.len()).unwrap_or(EACH).to_le_bytes();
        let first = self.words.first().map_or(&[][..], AsRef::as_ref);
        let is_each = self.words.iter().any(|word| word.len() != first.len());
        bytes.extend_from_slice(&if is_each {
            EACH.to_le_bytes()
        } else {
            length(first)
        });
        for word in &self.words {
            if is_each {
                bytes.extend_from_slice(&length(word));
            }
            bytes.extend_from_slice(word);
        }
        // Each width apart: then as many are written at once as there is room for.
        let codes = self.codes.iter().map(|code| code.to_le_bytes());
        match width {
            1 => bytes.extend(codes.map(|[byte, ..]| byte)),
            2 => bytes.extend(codes.flat_map(|[low, high, ..]| [low, high])),
            _ => bytes.extend(codes.flatten()),
        }
        bytes
    }
}

/// Says that each word has a length of its own.
const EACH: u16 = u16::MAX;

/// The longest word that is kept: what is beyond would not fit its length.
pub(super) const LONGEST: usize = EACH as usize - 1;

/// Bytes that are read from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], CorruptColumn> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(CorruptColumn)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CorruptColumn> {
        self.take(N)?.try_into().map_err(|_| CorruptColumn)
    }

    fn numbers(&mut self, count: usize) -> Result<Vec<u32>, CorruptColumn> {
        let bytes = self.take(count.checked_mul(4).ok_or(CorruptColumn)?)?;
        let (numbers, _) = bytes.as_chunks::<4>();
        Ok(numbers.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect())
    }

    fn words(&mut self, clicks: usize) -> Result<Words, CorruptColumn> {
        let count = u32::from_le_bytes(self.array()?) as usize;
        if count > clicks {
            return Err(CorruptColumn);
        }
        let all = u16::from_le_bytes(self.array()?);
        let mut words = Vec::with_capacity(count);
        for _ in 0..count {
            let length = match all {
                EACH => u16::from_le_bytes(self.array()?),
                all => all,
            };
            words.push(self.take(length.into())?.into());
        }
        let width = width(count);
        let bytes = self.take(clicks.checked_mul(width).ok_or(CorruptColumn)?)?;
        let codes: Vec<u32> = match width {
            1 => bytes.iter().map(|byte| u32::from(*byte)).collect(),
            2 => {
                let (codes, _) = bytes.as_chunks::<2>();
                codes
                    .iter()
                    .map(|bytes| u16::from_le_bytes(*bytes).into())
                    .collect()
            }
            _ => Bytes(bytes).numbers(clicks)?,
        };
        if codes.iter().any(|code| *code as usize > count) {
            return Err(CorruptColumn);
        }
        Ok(Words { words, codes })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::chunk::tests::chunk, *};

    fn reread(chunk: &Chunk) -> Chunk {
        let mut read = Chunk::empty(chunk.clicks());
        for (column, data) in chunk.write() {
            read.read(column, &data).expect("a column");
        }
        read
    }

    #[test]
    fn a_chunk_is_read_as_it_was_written_whatever_its_words_take() {
        for seqs in [0..1, 5..50, 1..400, 100..70_000] {
            let chunk = chunk(seqs);
            assert_eq!(reread(&chunk), chunk);
        }
        let mut joined = chunk(0..300);
        assert!(joined.append(&chunk(300..1000)));
        assert_eq!(reread(&joined), joined);
    }

    #[test]
    fn what_no_click_has_is_left_out() {
        let chunk = chunk(1..10);
        let columns: Vec<_> = chunk.write().map(|(column, _)| column).collect();
        let (link, list) = (Column::Link, Column::List);
        assert_eq!(
            columns,
            [
                Column::Seq,
                Column::Time,
                Column::Verdict,
                link,
                list,
                Column::Domain,
                Column::Country
            ]
        );
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let chunk = chunk(0..10);
        for (column, data) in chunk.write() {
            let mut read = Chunk::empty(10);
            assert_eq!(read.read(column, &data[1..]), Err(CorruptColumn), "{column:?}");
            assert_eq!(
                read.read(column, &[&data[..], &[0]].concat()),
                Err(CorruptColumn),
                "{column:?}"
            );
            assert_eq!(
                Chunk::empty(11).read(column, &data),
                Err(CorruptColumn),
                "{column:?}"
            );
        }
    }
}
