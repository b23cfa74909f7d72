//! The task that reads new clicks and hands them to whoever listens.

use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use entity::{AccountId, ShortLinkId, click, user_agent};
use sea_orm::{DatabaseBackend, DatabaseConnection, DbErr};
use tokio::{
    sync::{Semaphore, mpsc, oneshot, watch},
    time::sleep,
};

use super::{
    Event, MOST_OF_ACCOUNT, Options, Queue, SubscribeError, Subscription, Waiting,
    passes::{needs_agent, passes},
    position::{Position, Row},
    read::{self, LinkOf},
};
use crate::clicks::report::ClickFilter;

/// How many rows are read at once. Where there are more it is read on without a pause, so that nobody misses a click for
/// that.
const LOT: u64 = 5000;

/// How many rows from before somebody listens are known: what is written a second time is not new.
const BEFORE: u64 = 1000;

/// Somebody who wants to listen.
#[derive(Debug)]
pub(super) struct Join {
    pub(super) account: AccountId,
    pub(super) filter: ClickFilter,
    pub(super) answer: oneshot::Sender<Result<Subscription, SubscribeError>>,
}

/// Somebody who listens.
#[derive(Debug)]
struct Listener {
    filter: ClickFilter,
    events: mpsc::Sender<Waiting>,
    /// Where the events wait, as long as there is a reader.
    queue: Weak<Mutex<Queue>>,
    /// What they have not been told yet that they missed.
    missed: u64,
    /// Since when they have been missing clicks without taking one.
    stuck_since: Option<Instant>,
}

/// An account of which somebody listens.
#[derive(Debug)]
struct Listening {
    /// Places for the events of all its listeners together.
    places: Arc<Semaphore>,
    listeners: Vec<Listener>,
}

/// Reads clicks for all who listen.
#[derive(Debug)]
pub(super) struct Hub {
    db: DatabaseConnection,
    options: Options,
    /// Places for the events of all listeners together.
    places: Arc<Semaphore>,
    accounts: HashMap<AccountId, Listening>,
}

impl Hub {
    /// A hub that nobody listens to.
    pub(super) fn new(db: DatabaseConnection, options: Options) -> Self {
        Self {
            places: Arc::new(Semaphore::new(options.all_queues)),
            db,
            options,
            accounts: HashMap::new(),
        }
    }

    /// Works until nobody can join any more; between one listener and the next it reads nothing.
    pub(super) async fn run(mut self, mut joins: mpsc::Receiver<Join>, counted: watch::Sender<usize>) {
        while let Some(join) = joins.recv().await {
            match self.begin().await {
                Ok(position) => {
                    self.admit(join);
                    self.serve(position, &mut joins, &counted).await;
                }
                Err(error) => join.refuse(error.into()),
            }
            self.accounts.clear();
            counted.send_replace(0);
        }
    }

    /// Where to read on from: behind all that is there now.
    async fn begin(&self) -> Result<Position, DbErr> {
        let rows = read::newest(&self.db, BEFORE).await?;
        let has_gaps = self.db.get_database_backend() != DatabaseBackend::Sqlite;
        Ok(Position::behind(&rows, has_gaps, Instant::now()))
    }

    /// Reads until nobody listens any more.
    async fn serve(
        &mut self,
        mut position: Position,
        joins: &mut mpsc::Receiver<Join>,
        counted: &watch::Sender<usize>,
    ) {
        let mut is_failing = false;
        while !self.accounts.is_empty() {
            counted.send_replace(self.listeners().count());
            let mut joining = Vec::new();
            tokio::select! {
                () = sleep(self.options.pause) => {}
                join = joins.recv() => match join {
                    Some(join) => joining.push(join),
                    None => return,
                }
            }
            while let Ok(join) = joins.try_recv() {
                joining.push(join);
            }
            // Who joins is told of what is not there yet now.
            match self.catch_up(&mut position).await {
                Ok(()) => {
                    is_failing = false;
                    for join in joining {
                        self.admit(join);
                    }
                }
                Err(error) => {
                    if !is_failing {
                        tracing::warn!(%error, "new clicks can't be shown now; it is tried again");
                    }
                    is_failing = true;
                    let error = Arc::new(error);
                    for join in joining {
                        join.refuse(Arc::clone(&error));
                    }
                }
            }
            self.look_after();
        }
    }

    /// Hands over all that is new.
    async fn catch_up(&mut self, position: &mut Position) -> Result<(), DbErr> {
        position.give_up(Instant::now());
        if position.gaps().next().is_some() {
            let late = read::within(&self.db, position.gaps(), LOT).await?;
            self.hand_over(late, position).await?;
        }
        loop {
            let rows = read::behind(&self.db, position.newest(), LOT).await?;
            let is_last = (rows.len() as u64) < LOT;
            self.hand_over(rows, position).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Hands clicks to those who listen to them. What could not be read is not seen, and read again.
    async fn hand_over(&mut self, rows: Vec<Row>, position: &mut Position) -> Result<(), DbErr> {
        if rows.is_empty() {
            return Ok(());
        }
        let links: HashSet<_> = rows.iter().map(|row| row.link).collect();
        let accounts = self.accounts.keys().copied().collect();
        let links = read::links(&self.db, accounts, links.into_iter().collect()).await?;
        let listened = rows.iter().filter(|row| links.contains_key(&row.link));
        let seqs: Vec<_> = listened.map(|row| row.seq).collect();
        let (clicks, agents) = if seqs.is_empty() {
            (Vec::new(), HashMap::new())
        } else {
            let clicks = read::clicks(&self.db, seqs).await?;
            let agents = if self.needs_agents() {
                read::agents(&self.db, &clicks).await?
            } else {
                HashMap::new()
            };
            (clicks, agents)
        };
        let new = position.see(rows, Instant::now());
        let new: HashSet<_> = new.into_iter().map(|row| row.seq).collect();
        for click in clicks.into_iter().filter(|click| new.contains(&click.seq)) {
            self.tell(click, &links, &agents);
        }
        Ok(())
    }

    fn needs_agents(&self) -> bool {
        self.listeners().any(|listener| needs_agent(&listener.filter))
    }

    fn listeners(&self) -> impl Iterator<Item = &Listener> {
        self.accounts.values().flat_map(|account| &account.listeners)
    }

    /// Tells of a click to those of its account whose filters it passes.
    fn tell(
        &mut self,
        click: click::Model,
        links: &HashMap<ShortLinkId, LinkOf>,
        agents: &HashMap<i64, user_agent::Model>,
    ) {
        let Some(link) = links.get(&click.short_link_id) else {
            return;
        };
        let Some(Listening { places, listeners }) = self.accounts.get_mut(&link.account_id) else {
            return;
        };
        let agent = click.user_agent_id.and_then(|id| agents.get(&id));
        let click = Arc::new(click);
        for listener in listeners {
            if passes(&listener.filter, &click, link, agent) {
                listener.tell(&click, [places, &self.places]);
            }
        }
    }

    /// Tells whoever has room again what they missed, and forgets whoever has gone.
    fn look_after(&mut self) {
        let (patience, now) = (self.options.patience, Instant::now());
        self.accounts.retain(|_, account| {
            account.listeners.retain_mut(|listener| {
                listener.tell_missed();
                listener.give_up(patience, now);
                !listener.events.is_closed()
            });
            !account.listeners.is_empty()
        });
    }

    fn admit(&mut self, join: Join) {
        let account = self.accounts.entry(join.account).or_insert_with(|| Listening {
            places: Arc::new(Semaphore::new(self.options.account_queues)),
            listeners: Vec::new(),
        });
        account.listeners.retain(|listener| !listener.events.is_closed());
        if account.listeners.len() >= MOST_OF_ACCOUNT {
            let _ = join.answer.send(Err(SubscribeError::TooMany));
            return;
        }
        let (sender, events) = mpsc::channel(self.options.queue);
        let queue = Arc::new(Mutex::new(Queue {
            events,
            is_taken: false,
            is_given_up: false,
        }));
        account.listeners.push(Listener {
            filter: join.filter,
            events: sender,
            queue: Arc::downgrade(&queue),
            missed: 0,
            stuck_since: None,
        });
        // Who does not wait for the answer any more has gone, as the next round sees.
        let _ = join.answer.send(Ok(Subscription(queue)));
    }
}

impl Join {
    fn refuse(self, error: Arc<DbErr>) {
        let _ = self.answer.send(Err(error.into()));
    }
}

impl Listener {
    /// Puts a click where it waits for its reader, or counts it where there is no room.
    fn tell(&mut self, click: &Arc<click::Model>, [of_account, of_all]: [&Arc<Semaphore>; 2]) {
        let take = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned().ok();
        let places = take(of_account).and_then(|place| Some([place, take(of_all)?]));
        if places.is_some() {
            self.tell_missed();
            let waiting = Waiting {
                event: Event::Click(Arc::clone(click)),
                _places: places,
            };
            // What was missed before comes first.
            if self.missed == 0 && self.events.try_send(waiting).is_ok() {
                return;
            }
        }
        self.missed += 1;
    }

    /// Says how many clicks were missed, once there is room to say so.
    fn tell_missed(&mut self) {
        if self.missed > 0 {
            let waiting = Waiting {
                event: Event::Missed(self.missed),
                _places: None,
            };
            if self.events.try_send(waiting).is_ok() {
                self.missed = 0;
            }
        }
    }
    /// Gives up a reader that has been missing clicks for so long without taking one.
    fn give_up(&mut self, patience: Duration, now: Instant) {
        let Some(queue) = self.queue.upgrade() else {
            return;
        };
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        let is_taken = mem::take(&mut queue.is_taken);
        if is_taken || self.missed == 0 {
            self.stuck_since = None;
        } else if now.duration_since(*self.stuck_since.get_or_insert(now)) > patience {
            queue.give_up();
        }
    }
}
