//! What the database and the disk say: asked seldom, however often the page is.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::DbErr;
use tokio::{sync::Mutex, time::timeout};

use super::process::Process;
use crate::{
    app::App,
    clicks::{
        aggregator,
        recorder::{Recorder, Spooled},
    },
    links::usage,
    store::aside,
};

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was found out; `None` is what nobody said.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    /// What the database says.
    pub counts: Option<Counts>,
    /// What waits in the spool.
    pub spooled: Option<Spooled>,
    /// What the process uses.
    pub process: Process,
}

/// What the database counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    /// About how many links there are.
    pub links: u64,
    /// Clicks that are not summed yet.
    pub unsummed: u64,
}

/// Finds [`Facts`] out, for all who ask within a while at once.
pub(in crate::http) struct Known {
    /// How long they are taken for true.
    lifetime: Duration,
    last: Arc<Mutex<Option<(Instant, Facts)>>>,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}

impl Known {
    pub(in crate::http) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            last: Arc::default(),
        }
    }

    /// The facts of now, or of a while ago. Who asks while they are found out waits for that; who goes away in the middle
    /// leaves it to come to its end, so that coming and going starts no work.
    pub(super) async fn facts(&self, app: &App) -> Facts {
        let mut last = Arc::clone(&self.last).lock_owned().await;
        if let Some((at, facts)) = *last
            && at.elapsed() < self.lifetime
        {
            return facts;
        }
        let app = app.clone();
        let found = tokio::spawn(async move {
            let facts = find_out(&app).await;
            *last = Some((Instant::now(), facts));
            facts
        });
        // An error is a panic, which is logged where it is made.
        found.await.unwrap_or_default()
    }
}

async fn find_out(app: &App) -> Facts {
    let counts = match timeout(PATIENCE, counts(app)).await {
        Ok(Ok(counts)) => Some(counts),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database does not say what is measured");
            None
        }
        Err(_) => {
            tracing::warn!("the database does not say in time what is measured");
            None
        }
    };
    let recorder = app.recorder.clone();
    let seen = aside(move || (spooled(&recorder), Process::now())).await;
    let (spooled, process) = seen.unwrap_or_default();
    Facts {
        counts,
        spooled,
        process,
    }
}

async fn counts(app: &App) -> Result<Counts, DbErr> {
    let db = &app.store.read;
    Ok(Counts {
        links: usage::about_how_many(db).await?,
        unsummed: aggregator::unsummed(db).await?,
    })
}

fn spooled(recorder: &Recorder) -> Option<Spooled> {
    match recorder.spooled() {
        Ok(spooled) => Some(spooled),
        Err(error) => {
            tracing::warn!(%error, "the spool can't be looked at");
            None
        }
    }
}
