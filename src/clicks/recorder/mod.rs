//! Stores clicks before they are answered, and sees that none is lost where the database can't keep up.
//!
//! A click waits until it is stored, but not for ever: a visitor is not kept waiting because a disk is slow. What the
//! wait cuts off, or the database refuses, is written to a file first and then answered; the file is played back once
//! the database is there again. A click that neither would take is lost, and counted.

mod counted;
mod spool;

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entity::click::BotReason;
use tokio::time::{MissedTickBehavior, interval, timeout};

pub use self::spool::{Spooled, files_of};
use self::{counted::Counted, spool::Spool};
use crate::{
    store::{Kept, NewClick, WriteError, Writer},
    traces,
};

/// How a recorder works.
#[derive(Clone, Debug)]
pub struct RecorderOptions {
    /// How long a visitor waits at most until their click is stored.
    pub click_wait: Duration,
    /// The folder for clicks that the database did not take in time; it is made when it is needed.
    pub spool: PathBuf,
}

impl Default for RecorderOptions {
    fn default() -> Self {
        Self {
            click_wait: Duration::from_millis(50),
            spool: PathBuf::from("linkhop-spool"),
        }
    }
}

/// Hands clicks over to be stored. Cheap to clone; what it does behind the answers ends with the last clone.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    writer: Writer,
    click_wait: Duration,
    spool: Spool,
    lost: AtomicU64,
    unconfirmed: AtomicU64,
    counted: Counted,
    /// Why spooled clicks could not be stored when it was last tried.
    told: Mutex<String>,
}

/// What a visitor may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The click counts: send the visitor on.
    Counted,
    /// As `Counted`, and the link lets nobody through after this one.
    CountedLast,
    /// The link has let as many people through as it may; this click is not stored.
    Exhausted,
    /// Whether the link may let one more through could not be found out in time. This click is not stored, unless a commit
    /// that had begun took over a second.
    Undecided,
}

impl From<Kept> for Recorded {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Stored => Self::Counted,
            Kept::StoredLast => Self::CountedLast,
            Kept::Refused => Self::Exhausted,
        }
    }
}

/// How storing goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecorderState {
    /// Clicks that were answered and that neither the database nor the spool took, since the start.
    pub lost: u64,
    /// Clicks that were answered before the database had said that it has them, since the start; they went to the
    /// spool.
    pub unconfirmed: u64,
    /// Writes that wait for the database now.
    pub waiting: usize,
    /// Writes that were last stored together.
    pub lot: usize,
}

/// How long a visitor waits beyond `click_wait` for a place that is taken for them and not stored yet.
const DECIDING: Duration = Duration::from_secs(1);

/// How often it is tried to give the database what the spool holds.
const REPLAY: Duration = Duration::from_secs(1);

/// How often the log is told of what has changed.
const REPORT: Duration = Duration::from_mins(1);

/// How long a server that stops waits for the database to take what was handed over.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// How long it tries to empty its spool after that.
const LAST_REPLAY: Duration = Duration::from_secs(5);

impl Recorder {
    /// A recorder over the writer that all else is written by. Starts the task that plays the spool back, also what an
    /// earlier process has left in it.
    #[must_use]
    pub fn spawn(writer: Writer, options: &RecorderOptions) -> Self {
        let recorder = Self(Arc::new(Inner {
            writer,
            click_wait: options.click_wait,
            spool: Spool::new(options.spool.clone()),
            lost: AtomicU64::new(0),
            unconfirmed: AtomicU64::new(0),
            counted: Counted::default(),
            told: Mutex::default(),
        }));
        tokio::spawn(look_after(Arc::downgrade(&recorder.0)));
        recorder
    }

    /// Returns once the click is stored or, after a while, spooled: what is answered then survives the end of the
    /// process.
    ///
    /// `limit` is how many people its link lets through, where it has a limit and the click is a person's. Then nothing
    /// but the database can decide.
    pub async fn record(&self, click: Arc<NewClick>, limit: Option<i32>) -> Recorded {
        let _traced = traces::of_database("INSERT", "click");
        let reason = click.row.bot_reason;
        let recorded = self.keep(click, limit).await;
        if matches!(recorded, Recorded::Counted | Recorded::CountedLast) {
            self.0.counted.note(reason);
        }
        recorded
    }

    async fn keep(&self, click: Arc<NewClick>, limit: Option<i32>) -> Recorded {
        let Inner {
            writer, click_wait, ..
        } = &*self.0;
        let handed = writer.append_click(Arc::clone(&click), limit.is_some());
        let late = match handed {
            Ok(mut waiting) => match timeout(*click_wait, &mut waiting).await {
                Ok(Ok(kept)) => return kept.into(),
                Ok(Err(error)) => Err(error),
                Err(_) => Ok(waiting),
            },
            Err(error) => Err(error),
        };
        if limit.is_some() {
            return match late {
                // The place is taken already: to send the visitor away would lose it.
                Ok(mut waiting) if !waiting.give_up() => match timeout(DECIDING, &mut waiting).await {
                    Ok(Ok(kept)) => kept.into(),
                    _ => Recorded::Undecided,
                },
                _ => Recorded::Undecided,
            };
        }
        let Err(error) = self.0.spool.append(&click) else {
            self.0.unconfirmed.fetch_add(1, Ordering::Relaxed);
            return Recorded::Counted;
        };
        let inner = Arc::clone(&self.0);
        match late {
            // It may still be stored, late as it is.
            Ok(waiting) => {
                tokio::spawn(async move {
                    if let Err(refusal) = waiting.await {
                        inner.lose(&error, &refusal);
                    }
                });
            }
            Err(refusal) => inner.lose(&error, &refusal),
        }
        Recorded::Counted
    }

    /// How storing goes.
    #[must_use]
    pub fn state(&self) -> RecorderState {
        self.0.state()
    }

    /// Clicks that were answered since the start, by what they were judged to be: `None` is a person.
    pub fn counted(&self) -> impl Iterator<Item = (Option<BotReason>, u64)> + '_ {
        self.0.counted.all()
    }

    /// What waits in the spool, of other processes too. It asks the file system.
    ///
    /// # Errors
    /// When that does not answer.
    pub fn spooled(&self) -> io::Result<Spooled> {
        Spooled::of(&self.0.spool.folder)
    }

    /// Returns once all that was handed over is stored, the spool too if the database takes it soon, and tells the log
    /// how it went.
    pub async fn finish(&self) {
        // What the database does not take by then is in the spool, and waits for the next start.
        let _ = timeout(LAST_WRITES, self.0.writer.drained()).await;
        let _ = timeout(LAST_REPLAY, self.0.replay()).await;
        self.0.state().log("storing clicks has ended");
    }
}

impl Inner {
    fn state(&self) -> RecorderState {
        RecorderState {
            lost: self.lost.load(Ordering::Relaxed),
            unconfirmed: self.unconfirmed.load(Ordering::Relaxed),
            waiting: self.writer.waiting(),
            lot: self.writer.lot(),
        }
    }

    /// Counts a click that is gone, and says of the first why.
    fn lose(&self, spool: &io::Error, database: &WriteError) {
        if self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!(%spool, %database, "clicks are lost: neither the database nor the spool takes them");
        }
    }

    async fn replay(&self) {
        let replayed = self.spool.replay(&self.writer).await;
        self.lost.fetch_add(self.spool.unread(), Ordering::Relaxed);
        match replayed {
            Ok(0) => {}
            Ok(clicks) => {
                self.told.lock().unwrap_or_else(PoisonError::into_inner).clear();
                tracing::info!(clicks, "spooled clicks are stored");
            }
            // Tried again and again: said once, until it works or something else is wrong.
            Err(error) => {
                let error = error.to_string();
                let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                if *told != error {
                    tracing::warn!(error, "spooled clicks can't be stored yet");
                    *told = error;
                }
            }
        }
    }
}

impl RecorderState {
    /// Whether the log is to be told, which was last told of another state: of clicks that were not stored in time, and of
    /// writes that wait for a minute or longer.
    fn is_news(self, told: Self) -> bool {
        (self.lost, self.unconfirmed) != (told.lost, told.unconfirmed)
            || (self.waiting > 0 && told.waiting > 0)
    }

    /// Losses are for whoever is woken by warnings, all else is not.
    fn log(self, what: &str) {
        let Self {
            lost,
            unconfirmed,
            waiting,
            lot,
        } = self;
        if lost > 0 {
            tracing::warn!(lost, unconfirmed, waiting, lot, "{what}");
        } else {
            tracing::info!(lost, unconfirmed, waiting, lot, "{what}");
        }
    }
}

/// Plays the spool back and keeps the log up to date, for as long as somebody records.
async fn look_after(recorder: Weak<Inner>) {
    let mut replay = interval(REPLAY);
    replay.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut report = interval(REPORT);
    let mut told = RecorderState::default();
    loop {
        let is_report = tokio::select! {
            _ = replay.tick() => false,
            _ = report.tick() => true,
        };
        let Some(recorder) = recorder.upgrade() else {
            return;
        };
        if is_report {
            let state = recorder.state();
            if state.is_news(told) {
                state.log("storing clicks");
            }
            told = state;
        } else {
            recorder.replay().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_told_of_clicks_that_were_not_stored_in_time_and_of_a_queue_that_stays() {
        let state = |lost, unconfirmed, waiting| RecorderState {
            lost,
            unconfirmed,
            waiting,
            lot: 1,
        };
        for (now, told, is_news) in [
            (state(0, 0, 0), state(0, 0, 0), false),
            (state(1, 0, 0), state(0, 0, 0), true),
            (state(1, 0, 0), state(1, 0, 0), false),
            (state(1, 7, 0), state(1, 0, 0), true),
            (state(0, 0, 9), state(0, 0, 0), false),
            (state(0, 0, 9), state(0, 0, 1), true),
        ] {
            assert_eq!(now.is_news(told), is_news, "{now:?} after {told:?}");
        }
    }
}
