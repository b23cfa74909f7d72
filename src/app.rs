//! What each request can reach.

use std::{fmt, sync::Arc, time::Duration};

use entity::Timestamp;
use sea_orm::DbErr;

use crate::{
    accounts::Authenticator,
    catalog::{
        Changes,
        blocked::{self, Blocked, DenyListError},
        domain::ServerHosts,
        sending_list::ActiveLists,
    },
    clicks::{
        aggregator::{self, Aggregator},
        continuing::Continuing,
        file_error::FileError,
        judge::{self, Judge},
        live::{self, LiveClicks},
        recorder::{Recorder, RecorderOptions},
        report::Reports,
        retention::Retention,
    },
    links::{
        code::CodeSpace,
        create::Tools,
        edit,
        resolve::{self, Resolver},
    },
    store::{Store, WriteError, Writer},
};

/// Tells the time. The edge asks it and hands the answer down, so that a test can say what time it is.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that answers what `now` says.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The machine's own clock.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the edge that everybody else takes the time from"
    )]
    pub fn system() -> Self {
        Self::new(|| Timestamp::from(chrono::Utc::now()))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// How a server works beside what it answers.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most bytes of links that the redirect keeps in memory.
    pub redirect_cache: u64,
    /// How long it keeps each of them.
    pub redirect_lifetime: Duration,
    /// How long clicks gather before they are summed.
    pub sum_pause: Duration,
    /// How many days raw clicks are kept; for ever unless given.
    pub click_retention: Option<u32>,
    /// How clicks are stored.
    pub recorder: RecorderOptions,
    /// Which codes are drawn.
    pub codes: CodeSpace,
    /// How visits are judged.
    pub judge: judge::Options,
    /// How clicks are shown as they come.
    pub live: live::Options,
    /// Which hosts are blocked.
    pub blocked: blocked::Options,
}

/// Why a server's parts could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database can't be written.
    #[error("the database can't be opened for writing")]
    Writer(#[from] WriteError),
    /// The database has no secrets, and takes none.
    #[error("the server's secrets can't be read from the database; `linkhop migrate up` makes their table")]
    Secret(#[from] DbErr),
    /// A file that the settings name can't be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The deny list can't be used.
    #[error(transparent)]
    DenyList(#[from] DenyListError),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            redirect_cache: 16 << 20,
            redirect_lifetime: resolve::LIFETIME,
            sum_pause: aggregator::PAUSE,
            click_retention: None,
            recorder: RecorderOptions::default(),
            codes: CodeSpace::default(),
            judge: judge::Options::default(),
            live: live::Options::default(),
            blocked: blocked::Options::default(),
        }
    }
}

/// What each request can reach. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// The database.
    pub store: Store,
    /// Writes to it.
    pub writer: Writer,
    /// Finds whose keys are sent.
    pub authenticator: Authenticator,
    /// Finds sending lists.
    pub lists: ActiveLists,
    /// Knows the server's own hosts.
    pub hosts: ServerHosts,
    /// Finds links for the redirect.
    pub resolver: Resolver,
    /// Stores clicks.
    pub recorder: Recorder,
    /// Lets visitors of preview pages go on.
    pub continuing: Continuing,
    /// Sums clicks.
    pub aggregator: Aggregator,
    /// Removes clicks that are too old.
    pub retention: Retention,
    /// Counts clicks by whatever is asked.
    pub reports: Reports,
    /// Shows clicks as they come.
    pub live: LiveClicks,
    /// Tells bots from people.
    pub judge: Arc<Judge>,
    /// Which codes are drawn.
    pub codes: Arc<CodeSpace>,
    /// Tells the time.
    pub clock: Clock,
}

impl App {
    /// All that requests can reach of `store`. Starts the tasks that read and write for many at once; they
    /// end when the last clone is gone.
    ///
    /// # Errors
    /// When the database can't be opened for writing, or a file that the options name not be used.
    pub async fn start(store: Store, options: Options, clock: Clock) -> Result<Self, StartError> {
        let Options {
            redirect_cache,
            redirect_lifetime,
            sum_pause,
            click_retention,
            recorder,
            codes,
            judge,
            live,
            blocked,
        } = options;
        // Visitors are named by it: one database, one secret, so that they are the same on every node.
        let secret = store.secret("visitor", nanoid::rngs::default).await?;
        let judge = Judge::new(&judge, &secret)?;
        let writer = Writer::spawn(&store)?;
        let read = || store.read.clone();
        let changes = Changes::default();
        let blocked = Blocked::spawn(&store, blocked, changes.clone()).await?;
        let hosts = ServerHosts::new(read(), blocked, changes);
        let click_wait = recorder.click_wait;
        let time = clock.clone();
        let retention = Retention::spawn(&store, click_retention, move || time.now());
        let recorder = Recorder::spawn(writer.clone(), &recorder);
        let key = store.secret(Continuing::SECRET, nanoid::rngs::default).await?;
        Ok(Self {
            authenticator: Authenticator::new(&store),
            lists: ActiveLists::new(&store),
            resolver: Resolver::new(&store, redirect_cache, redirect_lifetime, &hosts),
            hosts,
            aggregator: Aggregator::spawn(&store, sum_pause)?,
            retention,
            continuing: Continuing::new(&key, store.clone(), recorder.clone(), click_wait),
            live: LiveClicks::spawn(&store, live),
            recorder,
            reports: Reports::new(&store),
            writer,
            judge: Arc::new(judge),
            codes: Arc::new(codes),
            clock,
            store,
        })
    }

    /// What making a link needs of it.
    #[must_use]
    pub fn link_tools(&self) -> Tools<'_> {
        Tools {
            store: &self.store,
            writer: &self.writer,
            lists: &self.lists,
            hosts: &self.hosts,
            codes: &self.codes,
        }
    }

    /// What changing a link needs.
    #[must_use]
    pub const fn edit_tools(&self) -> edit::Tools<'_> {
        edit::Tools {
            store: &self.store,
            hosts: &self.hosts,
        }
    }
}
