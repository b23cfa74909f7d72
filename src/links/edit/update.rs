//! Changing what a link is.

use chrono::{DateTime, Datelike as _, Utc};
use entity::{ShortLinkId, Timestamp, audit_entry::Action, short_link};
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, DbErr, IntoActiveModel as _};
use serde_json::Value;

use super::{Tools, limit};
use crate::{
    accounts::{Actor, audit, locked},
    catalog::{
        blocked::List,
        domain::{ServerHosts, Unwanted},
    },
    links::{create::LAST_YEAR, lookup},
    store::{again, met_another},
    values::{
        metadata::{InvalidMetadata, Metadata},
        web_url::{InvalidUrl, WebUrl},
    },
};

/// What is to be different about a link; `None` leaves it as it is, an inner one clears it.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the field of that name of a new link")]
pub struct LinkChange {
    pub url: Option<String>,
    pub expires_at: Option<Option<DateTime<Utc>>>,
    pub max_clicks: Option<Option<i32>>,
    pub fallback_url: Option<Option<String>>,
    pub filter_bots: Option<bool>,
    /// Merged into what is there; cleared altogether by an inner `None`.
    pub metadata: Option<Option<Value>>,
}

/// A field of [`LinkChange`], where an error could be about more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the field of that name")]
pub enum Field {
    Url,
    ExpiresAt,
    MaxClicks,
    FallbackUrl,
}

/// Why a link was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The account has no link with that id.
    #[error("no such short link")]
    NotFound,
    /// It is archived, which is final.
    #[error("the short link is archived")]
    Archived,
    /// A URL is no web address to send people to.
    #[error("{1}")]
    InvalidUrl(Field, InvalidUrl),
    /// A URL leads to a domain of this server.
    #[error("the URL leads to a domain of this server")]
    Loop(Field),
    /// A URL leads to a host that is blocked.
    #[error("{1}")]
    Blocked(Field, List),
    /// The metadata can't be kept.
    #[error(transparent)]
    InvalidMetadata(#[from] InvalidMetadata),
    /// The link would be gone at once, or for ever.
    #[error("the link would be gone at once, or for ever")]
    InvalidExpiry(Field),
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

/// Changes a link of the account, for the next visit on.
///
/// # Errors
/// With the first thing that is wrong. Nothing is stored then.
pub async fn update(
    Tools { store, hosts }: Tools<'_>,
    actor: Actor,
    id: ShortLinkId,
    change: &LinkChange,
    now: Timestamp,
) -> Result<short_link::Model, UpdateError> {
    let parsed = Parsed::of(hosts, change, now).await?;
    let in_the_way =
        |error: &UpdateError| matches!(error, UpdateError::Database(error) if met_another(error));
    let changed = again(in_the_way, async || {
        let transaction = store.begin().await?;
        let mut used = 0;
        if change.max_clicks.is_some() {
            // Nobody else's are held up, not even for a moment.
            lookup::by_id(&*transaction, actor.account, id)
                .await?
                .ok_or(UpdateError::NotFound)?;
            used = limit::hold(&transaction, id).await?;
        }
        let which = short_link::Column::Id.eq(id);
        let before = locked::<short_link::Entity>(&transaction, actor.account, which).await?;
        let before = before.ok_or(UpdateError::NotFound)?;
        if before.status == short_link::Status::Archived {
            return Err(UpdateError::Archived);
        }
        let mut after = parsed.apply(&before, change)?;
        if let Some(max_clicks) = change.max_clicks {
            limit::set(&transaction, &mut after, max_clicks, used, now).await?;
        }
        if after == before {
            return Ok(before);
        }
        let row = after.into_active_model().reset_all();
        let after = row.update(&*transaction).await?;
        let action = Action::ShortLinkUpdated;
        audit::record(&*transaction, actor, action, Some(&before), &after, now).await?;
        let (changes, code) = (hosts.changes().clone(), after.code.clone());
        transaction
            .commit_then(move || changes.note_edited_link(&code))
            .await?;
        Ok(after)
    });
    changed.await
}

/// What can be told without the link, each in a type that proves it.
struct Parsed {
    url: Option<WebUrl>,
    fallback_url: Option<WebUrl>,
}

impl Parsed {
    async fn of(hosts: &ServerHosts, change: &LinkChange, now: Timestamp) -> Result<Self, UpdateError> {
        let url = match &change.url {
            Some(text) => Some(web_url(hosts, Field::Url, text).await?),
            None => None,
        };
        // A later year has no four digits, which a time of RFC 3339 must have.
        if let Some(Some(end)) = change.expires_at
            && (Timestamp::from(end) <= now || end.year() > LAST_YEAR)
        {
            return Err(UpdateError::InvalidExpiry(Field::ExpiresAt));
        }
        if let Some(Some(most)) = change.max_clicks
            && most < 1
        {
            return Err(UpdateError::InvalidExpiry(Field::MaxClicks));
        }
        let fallback_url = match &change.fallback_url {
            Some(Some(text)) => Some(web_url(hosts, Field::FallbackUrl, text).await?),
            Some(None) | None => None,
        };
        Ok(Self { url, fallback_url })
    }

    /// The link as it is to be, but for its limit.
    fn apply(
        &self,
        before: &short_link::Model,
        change: &LinkChange,
    ) -> Result<short_link::Model, InvalidMetadata> {
        let mut link = before.clone();
        if let Some(url) = &self.url {
            url.as_str().clone_into(&mut link.destination);
        }
        if let Some(end) = change.expires_at {
            link.expires_at = end.map(Into::into);
        }
        if change.fallback_url.is_some() {
            link.fallback_url = self.fallback_url.as_ref().map(|url| url.as_str().to_owned());
        }
        link.filter_bots = change.filter_bots.unwrap_or(link.filter_bots);
        if let Some(metadata) = &change.metadata {
            link.metadata = match metadata {
                Some(changes) => Metadata::merge(link.metadata.take(), changes.clone())?,
                None => Metadata::empty(),
            }
            .into_json();
        }
        Ok(link)
    }
}

async fn web_url(hosts: &ServerHosts, field: Field, text: &str) -> Result<WebUrl, UpdateError> {
    let url = WebUrl::parse(text).map_err(|invalid| UpdateError::InvalidUrl(field, invalid))?;
    match hosts.unwanted(&url).await? {
        None => Ok(url),
        Some(Unwanted::Loop) => Err(UpdateError::Loop(field)),
        Some(Unwanted::Blocked(list)) => Err(UpdateError::Blocked(field, list)),
    }
}
