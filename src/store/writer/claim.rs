//! Who decides about a place of a link with a limit: the writer that takes it, or the visitor who waits no longer.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

const OPEN: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Shared by both: whoever is first decides, and the other gets to know. Else a place could be gone that nobody got.
#[derive(Clone, Debug, Default)]
pub(super) struct Claim(Arc<AtomicU8>);

impl Claim {
    fn decide(&self, decision: u8) -> bool {
        let decided = self
            .0
            .compare_exchange(OPEN, decision, Ordering::AcqRel, Ordering::Acquire);
        decided.is_ok() || decided == Err(decision)
    }

    /// For the writer: whether it may take the place.
    pub(super) fn take(&self) -> bool {
        self.decide(TAKEN)
    }

    /// For the visitor: whether nobody takes the place any more.
    pub(super) fn give_up(&self) -> bool {
        self.decide(GIVEN_UP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_first_decides_for_good() {
        let claim = Claim::default();
        assert!(claim.take());
        assert!(!claim.give_up());
        assert!(claim.take(), "a transaction that is tried again takes it again");
        let claim = Claim::default();
        assert!(claim.give_up());
        assert!(!claim.take());
    }
}
