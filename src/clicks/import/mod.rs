//! Clicks of another system, brought along: a history that figures shall know.
//!
//! Each is judged and kept as if it had just been clicked, and appended beside those that come in meanwhile. A click has
//! the id that it brings or, from what its line says, always the same one: what is there already is skipped, so the same
//! file may be given again, also after it was stopped in the middle.

mod fields;
mod file;
mod visit;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use entity::{AccountId, ClickId, ShortLinkId, Timestamp, click_summing};
use sea_orm::{ConnectionTrait as _, DbErr, EntityTrait as _, Statement};

pub use self::{
    fields::{FIELDS, Fields, WrongField},
    file::{Format, Line, Lines, MAX_LINE_BYTES, WrongHeader, WrongLine},
    visit::WrongClick,
};
use super::{aggregator::Aggregator, judge::Judge};
use crate::{
    links::lookup,
    store::{NewClick, Store, WriteError, Writer},
};

/// How many clicks are looked up and stored together.
pub const LOT: usize = 256;

/// After how many stored clicks it is waited until they are summed: so many are remembered to know a second one by.
const SUMMED_AFTER: usize = 50_000;

/// How many links are remembered.
const KNOWN_LINKS: usize = 50_000;

/// How long clicks gather before they are summed. It is asked for, too.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(5);

/// Why importing stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database did not answer.
    #[error("the database did not answer")]
    Read(#[from] DbErr),
    /// The database did not store clicks.
    #[error("the database did not store clicks")]
    Write(#[from] WriteError),
}

/// What became of some clicks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Those that are stored now.
    pub stored: u64,
    /// Those that were there already.
    pub skipped: u64,
}

/// Takes clicks of an account's links.
#[derive(Debug)]
pub struct Importer {
    store: Store,
    account: AccountId,
    judge: Judge,
    /// `None` where nothing is to be stored.
    writer: Option<Writer>,
    aggregator: Aggregator,
    kept_from: Timestamp,
    links: HashMap<LinkName, Option<Arc<Target>>>,
    /// What was stored and may not be summed yet.
    recent: HashSet<(ShortLinkId, ClickId)>,
}

/// How a line names its link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum LinkName {
    Id(ShortLinkId),
    Url(String),
}

/// What a click must know of its link.
#[derive(Debug)]
struct Target {
    id: ShortLinkId,
    destination: String,
}

impl Importer {
    /// Begins once all clicks that are stored are summed: then it is known where to look for each. A dry run stores none.
    ///
    /// # Errors
    /// When the database does not answer or can't be written.
    pub async fn begin(
        store: &Store,
        account: AccountId,
        judge: Judge,
        is_dry_run: bool,
    ) -> Result<Self, ImportError> {
        let aggregator = Aggregator::spawn(store, PAUSE)?;
        aggregator.caught_up().await;
        let summing = click_summing::Entity::find_by_id(1).one(&store.read).await?;
        let writer = if is_dry_run {
            None
        } else {
            Some(Writer::spawn(store)?)
        };
        Ok(Self {
            store: store.clone(),
            account,
            judge,
            writer,
            aggregator,
            kept_from: summing.map_or(Timestamp::from_millis(0), |summing| summing.kept_from),
            links: HashMap::new(),
            recent: HashSet::new(),
        })
    }

    /// The click that a line describes, judged by the server's rules unless it brings a verdict.
    ///
    /// # Errors
    /// The outer one when the database does not answer, the inner one when the line describes no click of the account.
    pub async fn read(
        &mut self,
        fields: &Fields,
        now: Timestamp,
    ) -> Result<Result<Arc<NewClick>, WrongClick>, DbErr> {
        let name = match visit::link_name(fields) {
            Ok(name) => name,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let Some(target) = self.target(name).await? else {
            return Ok(Err(WrongClick::UnknownLink));
        };
        let click = visit::click(fields, &target, &self.judge, now);
        Ok(click.and_then(|click| {
            if click.row.clicked_at < self.kept_from {
                return Err(WrongClick::TooOld(self.kept_from.utc()));
            }
            Ok(Arc::new(click))
        }))
    }

    /// The account's link of that name.
    async fn target(&mut self, name: LinkName) -> Result<Option<Arc<Target>>, DbErr> {
        if let Some(known) = self.links.get(&name) {
            return Ok(known.clone());
        }
        let db = &self.store.read;
        let link = match &name {
            LinkName::Id(id) => lookup::by_id(db, self.account, *id).await?,
            LinkName::Url(url) => lookup::by_short_url(db, self.account, url).await?,
        };
        let target = link.map(|link| {
            Arc::new(Target {
                id: link.id,
                destination: link.destination,
            })
        });
        if self.links.len() >= KNOWN_LINKS {
            self.links.clear();
        }
        self.links.insert(name, target.clone());
        Ok(target)
    }

    /// Stores those of a lot that are not there yet.
    ///
    /// # Errors
    /// When the database does not answer or does not take them: those before may be stored all the same.
    pub async fn store(&mut self, lot: Vec<Arc<NewClick>>) -> Result<Imported, ImportError> {
        let mut imported = Imported::default();
        let there = self.there(&lot).await?;
        let mut handed = Vec::new();
        for click in lot {
            let key = (click.row.short_link_id, click.row.id);
            if there.contains(&key) || !self.recent.insert(key) {
                imported.skipped += 1;
                continue;
            }
            imported.stored += 1;
            if let Some(writer) = &self.writer {
                handed.push(writer.append_old_click(click).await?);
            }
        }
        for waiting in handed {
            waiting.await?;
        }
        // What a dry run has not stored is never summed: it remembers fewer, and may count a second one.
        if self.recent.len() >= SUMMED_AFTER {
            self.aggregator.caught_up().await;
            self.recent.clear();
        }
        Ok(imported)
    }

    /// Waits until all that was stored is summed.
    pub async fn finish(self) {
        if self.writer.is_some() {
            self.aggregator.caught_up().await;
        }
    }

    /// Those of a lot that are summed already. Their links are the account's: [`Importer::read`] has looked.
    async fn there(&self, lot: &[Arc<NewClick>]) -> Result<HashSet<(ShortLinkId, ClickId)>, DbErr> {
        if lot.is_empty() {
            return Ok(HashSet::new());
        }
        let db = &self.store.read;
        let asked: Vec<_> = (0..lot.len())
            .map(|at| format!("(${}, ${})", 2 * at + 1, 2 * at + 2))
            .collect();
        let sql = format!(
            "WITH asked (link, click) AS (VALUES {}) SELECT k.short_link_id, k.click_id \
             FROM asked CROSS JOIN link_click AS k WHERE k.short_link_id = asked.link AND k.click_id = asked.click",
            asked.join(", ")
        );
        let values = lot
            .iter()
            .flat_map(|click| [click.row.short_link_id.into(), click.row.id.into()]);
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
        let rows = db.query_all_raw(statement).await?;
        rows.iter()
            .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
            .collect()
    }
}
