//! What a click was judged to be, in one byte.

use sea_orm::{DeriveValueType, Iterable as _};

use crate::click::{BotKind, BotReason};

/// The reason and the kind of a click's verdict, and whether it is the first of a person on its link.
///
/// The lowest three bits are the reason, 0 for a person's click; the fourth is set for a first one; the others are the
/// kind, 0 for none. Reasons and kinds are numbered in their order from 1 on, so that order never changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, DeriveValueType)]
pub struct StoredVerdict(i16);

/// The bits of the reason.
const REASON: u8 = 0b111;

/// The bit of a first click.
const UNIQUE: u8 = 0b1000;

impl StoredVerdict {
    /// A verdict; `is_unique` says nothing of a bot's click.
    #[must_use]
    pub fn new(reason: Option<BotReason>, kind: Option<BotKind>, is_unique: bool) -> Self {
        let unique = if is_unique && reason.is_none() { UNIQUE } else { 0 };
        let reason = reason.map_or(0, |reason| reason as u8 + 1);
        let kind = kind.map_or(0, |kind| kind as u8 + 1);
        Self::from_byte(reason | unique | kind << 4)
    }

    /// The same verdict of a click that is a person's first on its link, or is not; says nothing of a bot's click.
    #[must_use]
    pub fn that_is_unique(self, is_unique: bool) -> Self {
        let unique = if is_unique && self.is_human() { UNIQUE } else { 0 };
        Self::from_byte(self.byte() & !UNIQUE | unique)
    }

    /// What [`StoredVerdict::byte`] was.
    #[must_use]
    pub fn from_byte(byte: u8) -> Self {
        Self(byte.into())
    }

    /// All of it.
    #[must_use]
    pub fn byte(self) -> u8 {
        self.0.to_le_bytes()[0]
    }

    /// Why it is a bot's; `None` for a person's.
    #[must_use]
    pub fn reason(self) -> Option<BotReason> {
        let number = usize::from(self.byte() & REASON);
        BotReason::iter().nth(number.checked_sub(1)?)
    }

    /// What kind of bot its agent names.
    #[must_use]
    pub fn kind(self) -> Option<BotKind> {
        let number = usize::from(self.byte() >> 4);
        BotKind::iter().nth(number.checked_sub(1)?)
    }

    /// Whether it is a person's.
    #[must_use]
    pub fn is_human(self) -> bool {
        self.byte() & REASON == 0
    }

    /// Whether it is a person's first on its link.
    #[must_use]
    pub fn is_unique(self) -> bool {
        self.byte() & UNIQUE != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_read_as_it_was_written() {
        let reasons: Vec<_> = std::iter::once(None).chain(BotReason::iter().map(Some)).collect();
        let kinds: Vec<_> = std::iter::once(None).chain(BotKind::iter().map(Some)).collect();
        for reason in reasons {
            for kind in &kinds {
                for is_unique in [false, true] {
                    let verdict = StoredVerdict::new(reason, *kind, is_unique);
                    let read = StoredVerdict::from_byte(verdict.byte());
                    assert_eq!((read.reason(), read.kind()), (reason, *kind));
                    assert_eq!(read.is_human(), reason.is_none());
                    assert_eq!(read.is_unique(), is_unique && reason.is_none());
                    let other = StoredVerdict::new(reason, *kind, !is_unique);
                    assert_eq!(other.that_is_unique(is_unique), verdict);
                }
            }
        }
    }

    #[test]
    fn the_byte_of_a_verdict_never_changes() {
        let byte = |reason, kind| StoredVerdict::new(reason, kind, true).byte();
        assert_eq!(byte(None, None), 0b1000);
        assert_eq!(byte(Some(BotReason::Head), None), 1);
        assert_eq!(byte(Some(BotReason::Burst), Some(BotKind::SocialPreview)), 0x16);
        assert_eq!(byte(Some(BotReason::UserAgent), Some(BotKind::Other)), 0xD3);
    }
}
