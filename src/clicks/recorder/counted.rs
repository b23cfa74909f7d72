//! Clicks that were answered, counted by their verdicts.

use std::sync::atomic::{AtomicU64, Ordering};

use entity::click::BotReason;
use sea_orm::Iterable as _;

/// One for people, and one for each reason.
const VERDICTS: usize = 7;

/// How often each verdict was reached: one addition a click, without a lock.
#[derive(Debug, Default)]
pub(super) struct Counted([AtomicU64; VERDICTS]);

/// `None` is a person.
const fn place(reason: Option<BotReason>) -> usize {
    match reason {
        None => 0,
        Some(reason) => 1 + reason as usize,
    }
}

impl Counted {
    pub(super) fn note(&self, reason: Option<BotReason>) {
        if let Some(count) = self.0.get(place(reason)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Option<BotReason>, u64)> + '_ {
        let verdicts = std::iter::once(None).chain(BotReason::iter().map(Some));
        verdicts.zip(self.0.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_has_a_place_of_its_own() {
        let counted = Counted::default();
        let verdicts: Vec<_> = counted.all().map(|(reason, _)| reason).collect();
        assert_eq!(verdicts.len(), 1 + BotReason::iter().count());
        for (at, reason) in verdicts.iter().enumerate() {
            for _ in 0..=at {
                counted.note(*reason);
            }
        }
        for (at, (reason, count)) in counted.all().enumerate() {
            assert_eq!(count, at as u64 + 1, "{reason:?}");
        }
    }
}
