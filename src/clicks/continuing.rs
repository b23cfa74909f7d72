//! The `Continue` of a preview page: a person's click, once, however often it is sent.

use std::{fmt, sync::Arc, time::Duration};

use entity::{ClickId, ShortLinkId, Timestamp, click, click_summing, link_click};
use quick_cache::sync::Cache;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, ExprTrait as _, QueryFilter as _,
    QuerySelect as _, QueryTrait as _, sea_query::Expr,
};
use tokio::time::timeout;

use super::{
    recorder::{Recorded, Recorder},
    token::Tokens,
};
use crate::store::{NewClick, Secret, Store};

/// How many of the last tokens are remembered as used.
const USED: usize = 10_000;

/// Gives preview pages their tokens and records what becomes of them. Cheap to clone.
#[derive(Clone)]
pub struct Continuing(Arc<Inner>);

struct Inner {
    tokens: Tokens,
    store: Store,
    recorder: Recorder,
    click_wait: Duration,
    /// Clicks that are recorded; whoever comes with one that is being recorded waits.
    used: Cache<ClickId, ()>,
}

impl fmt::Debug for Continuing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Continuing")
    }
}

impl Continuing {
    /// The name of the key among the server's secrets.
    pub const SECRET: &'static str = "continue";

    /// Signs with `key`, and records clicks by `recorder` over `store`, which is asked for at most `click_wait` whether it
    /// has one already.
    #[must_use]
    pub fn new(key: &Secret, store: Store, recorder: Recorder, click_wait: Duration) -> Self {
        Self(Arc::new(Inner {
            tokens: Tokens::new(key),
            store,
            recorder,
            click_wait,
            used: Cache::new(USED),
        }))
    }

    /// A token for one more click on a link.
    #[must_use]
    pub fn token(&self, link: ShortLinkId, now: Timestamp) -> String {
        self.0.tokens.sign(link, ClickId::at(now), now)
    }

    /// The click that a token of the link is for; `None` for any other text.
    #[must_use]
    pub fn click(&self, token: &str, link: ShortLinkId, now: Timestamp) -> Option<ClickId> {
        self.0.tokens.verify(token, link, now)
    }

    /// Records a click that has its id from a token. One that was recorded before counts, and is not recorded again:
    /// also where the link has let its last visitor through since, who may be this one (`is_exhausted`).
    pub async fn record(&self, click: Arc<NewClick>, limit: Option<i32>, is_exhausted: bool) -> Recorded {
        let inner = Arc::clone(&self.0);
        // To its end, also where the visitor goes away in the middle: who taps twice hangs up on the first answer, and the
        // second must find what became of it.
        let recorded = tokio::spawn(async move { inner.record_once(click, limit, is_exhausted).await });
        // An error is a panic, which is logged where it is made.
        recorded.await.unwrap_or(Recorded::Undecided)
    }
}

impl Inner {
    async fn record_once(&self, click: Arc<NewClick>, limit: Option<i32>, is_exhausted: bool) -> Recorded {
        let Err(turn) = self.used.get_value_or_guard_async(&click.row.id).await else {
            return Recorded::Counted;
        };
        let (id, link) = (click.row.id, click.row.short_link_id);
        let recorded = match self.is_stored(link, id).await {
            Some(true) => Recorded::Counted,
            Some(false) if is_exhausted => Recorded::Exhausted,
            // Written twice it would take two places of a link that has few.
            None if limit.is_some() => Recorded::Undecided,
            // Elsewhere it would count once: nobody waits for a database that does not answer.
            Some(false) | None => self.recorder.record(click, limit).await,
        };
        let recorded = match recorded {
            // It may have been the last one itself, of a call that was not told in time.
            Recorded::Exhausted if !is_exhausted => match self.is_stored(link, id).await {
                Some(true) => Recorded::Counted,
                Some(false) => Recorded::Exhausted,
                None => Recorded::Undecided,
            },
            recorded => recorded,
        };
        if matches!(recorded, Recorded::Counted | Recorded::CountedLast) {
            // Nobody else ends a turn.
            let _ = turn.insert(());
        }
        recorded
    }

    /// Whether a click is stored; `None` where the database does not say so in the time that a click may take.
    async fn is_stored(&self, link: ShortLinkId, id: ClickId) -> Option<bool> {
        match timeout(self.click_wait, is_stored(&self.store.read, link, id)).await {
            Ok(Ok(is_stored)) => Some(is_stored),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the database does not say whether a click is stored");
                None
            }
            Err(_) => None,
        }
    }
}

/// Whether a click is stored. First among those that are not summed yet: one that is summed in between is found after it.
async fn is_stored(db: &impl ConnectionTrait, link: ShortLinkId, id: ClickId) -> Result<bool, DbErr> {
    let through = click_summing::Entity::find()
        .select_only()
        .column(click_summing::Column::Through)
        .into_query();
    let last = click::Entity::find()
        .select_only()
        .column_as(click::Column::Seq.max(), "last")
        .into_query();
    let through = Expr::SubQuery(None, Box::new(through.into()));
    let waiting: Option<i64> = click::Entity::find()
        .select_only()
        .column(click::Column::Seq)
        .filter(click::Column::Seq.into_expr().gt(through))
        // Else PostgreSQL takes what it can't see the end of for a third of the table.
        .filter(
            click::Column::Seq
                .into_expr()
                .lte(Expr::SubQuery(None, Box::new(last.into()))),
        )
        .filter(click::Column::Id.eq(id))
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    if waiting.is_some() {
        return Ok(true);
    }
    let summed = link_click::Entity::find_by_id((link, id)).one(db).await?;
    Ok(summed.is_some())
}
