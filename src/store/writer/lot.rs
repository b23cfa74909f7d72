//! What waits for the writer, and what of it is stored together.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Done, NewClick, NewLinks, Outcome, WriteError, claim::Claim};

#[derive(Debug)]
pub(super) enum Message {
    Store(Asked),
    Drained(oneshot::Sender<()>),
}

/// A write and who waits for it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) write: Write,
    pub(super) caller: oneshot::Sender<Result<Done, WriteError>>,
}

#[derive(Debug)]
pub(super) enum Write {
    /// With what became of the first of them, where a part is stored already.
    Links(Arc<NewLinks>, Vec<Outcome>, After),
    /// With its claim to a place, where the click uses one up.
    Click(Arc<NewClick>, Option<Claim>),
}

/// What follows once links are stored, or can't be. It goes with the write and not with the caller, who may hang up.
pub(super) struct After {
    /// Is told the codes of links.
    pub(super) told: Box<dyn Fn(&str) + Send + Sync>,
    /// Lets the next set in when it is dropped.
    pub(super) turn: Option<OwnedSemaphorePermit>,
}

impl fmt::Debug for After {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { told: _, turn } = self;
        formatter
            .debug_struct("After")
            .field("turn", turn)
            .finish_non_exhaustive()
    }
}

impl Write {
    /// Tells of links that are there now. Where the database did not answer they may be.
    fn tell(&self, outcome: &Result<Done, WriteError>) {
        let Self::Links(new, _, after) = self else {
            return;
        };
        for (at, link) in new.links.iter().enumerate() {
            let may_be_there = match outcome {
                Ok(Done::Links(outcomes)) => outcomes.get(at) == Some(&Outcome::Stored),
                Ok(Done::Click(_)) | Err(_) => true,
            };
            if may_be_there {
                (after.told)(&link.row.code);
            }
        }
    }
}

impl Asked {
    /// Whether it would use up a place of a link that nobody waits for any more: whoever asked was answered that it could
    /// not be decided. If not, it is decided that the place is taken.
    pub(super) fn is_given_up(&self) -> bool {
        let claim = match &self.write {
            Write::Click(_, claim) => claim.as_ref(),
            Write::Links(..) => None,
        };
        claim.is_some_and(|claim| self.caller.is_closed() || !claim.take())
    }

    /// Whether whoever waited for a place has gone away since it was taken.
    pub(super) fn has_left(&self) -> bool {
        matches!(self.write, Write::Click(_, Some(_))) && self.caller.is_closed()
    }
}

/// What was waiting, taken apart.
#[derive(Debug, Default)]
pub(super) struct Lot {
    pub(super) writes: Vec<Asked>,
    /// How many of these are clicks.
    pub(super) clicks: usize,
    drained: Vec<oneshot::Sender<()>>,
}

impl Lot {
    /// Takes what was received.
    pub(super) fn of(messages: &mut Vec<Message>) -> Self {
        let mut lot = Self::default();
        for message in messages.drain(..) {
            lot.add(message);
        }
        lot
    }

    pub(super) fn add(&mut self, message: Message) {
        match message {
            Message::Store(asked) => {
                self.clicks += usize::from(matches!(asked.write, Write::Click(..)));
                self.writes.push(asked);
            }
            Message::Drained(caller) => self.drained.push(caller),
        }
    }

    /// Whether there is nothing to store and nobody to wake.
    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.drained.is_empty()
    }

    /// Parts the writes that are done with, with what became of them, from those of whose links some are left. Whoever
    /// waits for all of it waits for those too.
    pub(super) fn settle(
        mut self,
        outcomes: Vec<Result<Done, WriteError>>,
    ) -> (Self, Vec<Result<Done, WriteError>>, Self) {
        let mut rest = Self::default();
        let (mut done, mut kept) = (
            Vec::with_capacity(outcomes.len()),
            Vec::with_capacity(outcomes.len()),
        );
        for (mut asked, outcome) in self.writes.drain(..).zip(outcomes) {
            let outcome = match (&mut asked.write, outcome) {
                (Write::Links(new, stored, after), Ok(Done::Links(mut part))) => {
                    let before = stored.len();
                    stored.append(&mut part);
                    if stored.len() < new.links.len() {
                        for (link, outcome) in new.links[before..].iter().zip(&stored[before..]) {
                            if *outcome == Outcome::Stored {
                                (after.told)(&link.row.code);
                            }
                        }
                        rest.writes.push(asked);
                        continue;
                    }
                    Ok(Done::Links(std::mem::take(stored)))
                }
                (_, outcome) => outcome,
            };
            kept.push(asked);
            done.push(outcome);
        }
        self.writes = kept;
        if !rest.writes.is_empty() {
            rest.drained = std::mem::take(&mut self.drained);
        }
        (self, done, rest)
    }

    /// Writes down how many are stored together.
    pub(super) fn note(&self, lots: &Lots) {
        let writes = self.writes.len();
        if writes > 0 {
            lots.last.store(writes, Ordering::Relaxed);
            lots.count.fetch_add(1, Ordering::Relaxed);
            lots.writes.fetch_add(writes as u64, Ordering::Relaxed);
        }
    }

    /// Wakes everybody. A caller that has gone away no longer asks; its row is stored all the same.
    pub(super) fn answer(self, outcomes: Vec<Result<Done, WriteError>>) {
        for (Asked { write, caller }, outcome) in self.writes.into_iter().zip(outcomes) {
            write.tell(&outcome);
            // Whoever gets links back has them alone then, and need not copy them.
            drop(write);
            let _ = caller.send(outcome);
        }
        for caller in self.drained {
            let _ = caller.send(());
        }
    }
}

/// How many writes were stored together, so far.
#[derive(Debug, Default)]
pub(super) struct Lots {
    /// Writes that were received and not stored with the last lot.
    pub(super) held: AtomicUsize,
    pub(super) last: AtomicUsize,
    pub(super) count: AtomicU64,
    pub(super) writes: AtomicU64,
}

/// Whether writes that could not be stored together are tried one by one: where a link's own error may be the cause. A
/// click has none of its own, and each of them must not wait its time out again.
pub(super) fn is_tried_alone(writes: &[Asked]) -> bool {
    writes.len() > 1 && writes.iter().any(|asked| matches!(asked.write, Write::Links(..)))
}

/// The error of a transaction, for each of the writes that were to be stored by it.
pub(super) fn failed(writes: &[Asked], error: WriteError) -> Vec<Result<Done, WriteError>> {
    let error = Arc::new(error);
    writes
        .iter()
        .map(|_| Err(WriteError::Together(Arc::clone(&error))))
        .collect()
}
