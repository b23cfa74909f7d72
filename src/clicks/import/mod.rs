//! Clicks of another system, brought along: a history that figures shall know.
//!
//! Each is judged and kept as if it had just been clicked, and appended beside those that come in meanwhile. A click has
//! the id that it brings or, from what its line says, always the same one: what is there already is skipped, so the same
//! file may be given again, also after it was stopped in the middle.

mod columns;
mod fields;
mod visit;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use entity::{AccountId, ClickId, ShortLinkId, Timestamp};
use sea_orm::{ConnectionTrait as _, DbErr, Statement};

pub use self::{
    columns::{Columns, MAX_LINE_BYTES, WrongColumns, WrongFields},
    fields::{FIELDS, Fields, WrongField},
    visit::{BROUGHT_LIST, WrongClick},
};
use super::{aggregator::Aggregator, judge::Judge};
use crate::{
    links::lookup,
    store::{NewClick, Store, WriteError, Writer, value_rows},
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
    /// Clicks are not summed, so it can't be known which are there.
    #[error(
        "the stored clicks are not summed after a minute of waiting; run it again when there are fewer redirects: \
         what is stored is skipped"
    )]
    Unsummed,
}

/// A click of the file, with the number of its line.
pub type Numbered = (u64, Arc<NewClick>);

/// What became of some clicks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Those that are stored now.
    pub stored: u64,
    /// Those that were there already.
    pub skipped: u64,
    /// Those that can't be stored, by the number of the line, and why.
    pub refused: Vec<(u64, WrongClick)>,
}

/// What is known of a lot in one moment.
#[derive(Debug)]
struct Known {
    /// Clicks that were made before may have been removed.
    kept_from: Timestamp,
    /// Those that are summed already.
    summed: HashSet<(ShortLinkId, ClickId)>,
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
        let mark = aggregator.caught_up_for_certain(store).await?;
        mark.ok_or(ImportError::Unsummed)?;
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
        Ok(visit::click(fields, &target, &self.judge, now).map(Arc::new))
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

    /// Stores those of a lot that are not there yet. Those of a time whose clicks are removed by now are refused.
    ///
    /// # Errors
    /// When the database does not answer or does not take them: those before may be stored all the same.
    pub async fn store(&mut self, lot: Vec<Numbered>) -> Result<Imported, ImportError> {
        let mut imported = Imported::default();
        if lot.is_empty() {
            return Ok(imported);
        }
        let Known { kept_from, summed } = self.known(&lot).await?;
        let mut handed = Vec::new();
        for (line, click) in lot {
            if click.row.clicked_at < kept_from {
                let why = WrongClick::TooOld(kept_from.utc());
                imported.refused.push((line, why));
                continue;
            }
            let key = (click.row.short_link_id, click.row.id);
            if summed.contains(&key) || !self.recent.insert(key) {
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
            self.summed().await?;
            self.recent.clear();
        }
        Ok(imported)
    }

    /// Waits until all that was stored is summed.
    ///
    /// # Errors
    /// When the database does not answer, or they are not summed after a minute: they are stored all the same.
    pub async fn finish(self) -> Result<(), ImportError> {
        if self.writer.is_some() {
            self.summed().await?;
        }
        Ok(())
    }

    async fn summed(&self) -> Result<(), ImportError> {
        let mark = self.aggregator.caught_up_for_certain(&self.store).await?;
        mark.map(drop).ok_or(ImportError::Unsummed)
    }

    /// What is known of a lot. Their links are the account's: [`Importer::read`] has looked.
    ///
    /// From when on clicks are kept is asked in the same statement: it is moved before any click is removed, so of what
    /// is not older each click that was summed is still there.
    async fn known(&self, lot: &[Numbered]) -> Result<Known, DbErr> {
        let db = &self.store.read;
        let (asked, values) = value_rows(
            lot.iter()
                .map(|(_, click)| [click.row.short_link_id.into(), click.row.id.into()]),
        );
        let sql = format!(
            "WITH asked (link, click) AS (VALUES {asked}) \
             SELECT s.kept_from, summed.short_link_id, summed.click_id FROM click_summing AS s LEFT JOIN ( \
                 SELECT k.short_link_id, k.click_id FROM asked CROSS JOIN link_click AS k \
                 WHERE k.short_link_id = asked.link AND k.click_id = asked.click \
             ) AS summed ON 1 = 1"
        );
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
        let mut known = Known {
            kept_from: Timestamp::from_millis(0),
            summed: HashSet::new(),
        };
        for row in db.query_all_raw(statement).await? {
            known.kept_from = row.try_get_by_index(0)?;
            let link: Option<ShortLinkId> = row.try_get_by_index(1)?;
            let click: Option<ClickId> = row.try_get_by_index(2)?;
            known.summed.extend(link.zip(click));
        }
        Ok(known)
    }
}
