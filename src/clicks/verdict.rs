//! The first verdict of a click: person or bot, and why.
//!
//! It is reached before the answer, from the request and what came shortly before it; a reason once given is never
//! taken back by another.

use entity::click::{BotKind, BotReason};
use sea_orm::Iterable as _;

const fn bit(reason: BotReason) -> u16 {
    1 << reason as u16
}

/// The reasons of one verdict: a set, so that none hides another, in two bytes, so that a person costs no allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BotReasons(u16);

impl BotReasons {
    /// These reasons and, when `holds`, one more.
    #[must_use]
    pub const fn and(self, reason: BotReason, holds: bool) -> Self {
        if holds { Self(self.0 | bit(reason)) } else { self }
    }

    /// Whether the reason is among them.
    #[must_use]
    pub const fn contains(self, reason: BotReason) -> bool {
        self.0 & bit(reason) != 0
    }

    /// The reasons, by priority.
    pub fn iter(self) -> impl Iterator<Item = BotReason> {
        BotReason::iter().filter(move |reason| self.contains(*reason))
    }
}

/// What a click was judged to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Every signal that spoke against a person; none for a person.
    pub reasons: BotReasons,
    /// What kind of bot the user agent says it is; `None` unless [`BotReason::UserAgent`] is among the reasons.
    pub kind: Option<BotKind>,
}

impl Verdict {
    /// Whether a bot clicked.
    #[must_use]
    pub fn is_bot(self) -> bool {
        self.reasons != BotReasons::default()
    }

    /// The reason to store: the first by priority, `None` for a person.
    #[must_use]
    pub fn reason(self) -> Option<BotReason> {
        self.reasons.iter().next()
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::ActiveEnum as _;

    use super::*;

    #[test]
    fn reasons_are_listed_by_priority_under_the_names_that_are_stored() {
        assert!(BotReason::iter().is_sorted());
        let names: Vec<_> = BotReason::iter().map(|reason| reason.to_value()).collect();
        let expected = [
            "HEAD",
            "EMPTY_USER_AGENT",
            "USER_AGENT",
            "PREFETCH",
            "IP_RANGE",
            "BURST",
        ];
        assert_eq!(names, expected);
    }
}
