//! Hosts that no link may lead to: those that the operator has blocked, and those of a deny list.
//!
//! They are in memory, so that asking costs a look into a table, and only where a link is made or read from the database.
//! What was read before they changed is not to be trusted any more.

mod deny_list;
mod stored;

use std::{
    collections::HashSet,
    fmt,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use self::{deny_list::DenyList, stored::Stored};
pub use self::{
    deny_list::DenyListError,
    stored::{all, block, lift},
};
use super::Changes;
use crate::{store::Store, values::host_name::with_parents};

/// How often it is looked whether they have changed.
const PAUSE: Duration = Duration::from_secs(1);

/// Hosts, each with all below it.
type Hosts = Arc<HashSet<Box<str>>>;

/// How hosts are blocked.
#[derive(Clone, Debug)]
pub struct Options {
    /// A file of hosts, one a line.
    pub deny_list: Option<PathBuf>,
    /// How often it is looked whether file or database have changed.
    pub pause: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deny_list: None,
            pause: PAUSE,
        }
    }
}

/// What a host stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// The operator has blocked it.
    Operator,
    /// It is on the deny list.
    DenyList,
}

/// Why no link may lead there.
impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operator => "its host is blocked by the operator of this server",
            Self::DenyList => "its host is on the deny list of this server",
        })
    }
}

/// Knows which hosts are blocked. Cheap to clone; what it knows is kept up to date until the last clone is gone.
#[derive(Clone, Debug)]
pub struct Blocked {
    known: Arc<RwLock<Known>>,
    asked: mpsc::Sender<oneshot::Sender<()>>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    stored: Hosts,
    denied: Hosts,
}

impl Blocked {
    /// Reads them, and from then on what has changed of them, telling `changes`.
    ///
    /// # Errors
    /// When the deny list can't be used. A database that does not answer yet is asked again.
    pub async fn spawn(store: &Store, options: Options, changes: Changes) -> Result<Self, DenyListError> {
        let mut watch = Watch {
            stored: Stored::new(store.clone()),
            denied: options.deny_list.map(DenyList::new),
            known: Arc::default(),
            changes,
        };
        if let Some(denied) = &mut watch.denied
            && let Some(hosts) = denied.read().await?
        {
            watch.change(|known| known.denied = hosts);
        }
        watch.look().await;
        let (asked, asks) = mpsc::channel(1);
        let known = Arc::clone(&watch.known);
        tokio::spawn(watch.go_on(options.pause, asks));
        Ok(Self { known, asked })
    }

    /// Nothing is blocked, and nothing ever will be.
    #[cfg(test)]
    pub(crate) fn nothing() -> Self {
        Self {
            known: Arc::default(),
            asked: mpsc::channel(1).0,
        }
    }

    /// The list that a host stands on, or one that it is below of: in the form that a stored URL has.
    #[must_use]
    pub fn list_of(&self, host: &str) -> Option<List> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.stored.is_empty() && known.denied.is_empty() {
            return None;
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        let holds = |hosts: &Hosts| with_parents(host).any(|name| hosts.contains(name));
        if holds(&known.stored) {
            Some(List::Operator)
        } else {
            holds(&known.denied).then_some(List::DenyList)
        }
    }

    /// Returns once all that has changed by now is known, unless it can't be read.
    pub async fn caught_up(&self) {
        let (done, caught_up) = oneshot::channel();
        if self.asked.send(done).await.is_ok() {
            let _ = caught_up.await;
        }
    }
}

/// Looks whether file or database have changed.
struct Watch {
    stored: Stored,
    denied: Option<DenyList>,
    known: Arc<RwLock<Known>>,
    changes: Changes,
}

impl Watch {
    /// Looks until nobody is left to ask for it.
    async fn go_on(mut self, pause: Duration, mut asks: mpsc::Receiver<oneshot::Sender<()>>) {
        loop {
            let asked = match timeout(pause, asks.recv()).await {
                Ok(Some(asked)) => Some(asked),
                Ok(None) => return,
                Err(_) => None,
            };
            self.look().await;
            if let Some(asked) = asked {
                // Whoever has gone away no longer asks.
                let _ = asked.send(());
            }
        }
    }

    /// What can't be read now stays as it was.
    async fn look(&mut self) {
        if let Some(hosts) = self.stored.changed().await {
            self.change(|known| known.stored = hosts);
        }
        if let Some(denied) = &mut self.denied
            && let Some(hosts) = denied.changed().await
        {
            tracing::info!(hosts = hosts.len(), "the deny list is read");
            self.change(|known| known.denied = hosts);
        }
    }

    /// First they are changed, then it is told: who reads a link in between reads it again.
    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
        self.changes.note_catalog();
    }
}
