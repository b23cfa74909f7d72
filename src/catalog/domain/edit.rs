//! Making and changing domains.

use entity::{DomainId, Timestamp, audit_entry::Action, domain};
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, IntoActiveModel, SqlErr};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ServerHosts, Unwanted, hosts::leads_to};
use crate::{
    accounts::{Actor, Audited, audit, locked},
    catalog::{blocked::List, set},
    store::{Store, again, met_another},
    values::{
        domain_host::{DomainHost, InvalidHost},
        web_url::{InvalidUrl, WebUrl},
    },
};

/// What a new domain is to be.
#[derive(Clone, Debug)]
pub struct NewDomain {
    /// Its host.
    pub host: String,
    /// How it is reached.
    pub scheme: domain::Scheme,
    /// Where visitors of the bare host are sent.
    pub root_url: Option<String>,
    /// Where visitors of links that no longer work are sent.
    pub fallback_url: Option<String>,
}

/// What is to be different about a domain; `None` leaves it as it is, an inner one clears it.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the field of that name of a domain")]
pub struct DomainChange {
    pub host: Option<String>,
    pub scheme: Option<domain::Scheme>,
    pub status: Option<domain::Status>,
    pub root_url: Option<Option<String>>,
    pub fallback_url: Option<Option<String>>,
}

/// A URL of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the field of that name")]
pub enum UrlField {
    RootUrl,
    FallbackUrl,
}

/// What is wrong with a domain as it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDomain {
    /// The host is none that short links can live on.
    #[error(transparent)]
    Host(#[from] InvalidHost),
    /// Another domain of the server has the host.
    #[error("the host is in use")]
    HostInUse,
    /// A URL is no web address.
    #[error("{1}")]
    Url(UrlField, InvalidUrl),
    /// A URL leads to a domain of this server, so visitors could be sent in a circle.
    #[error("the URL leads to a domain of this server")]
    Loop(UrlField),
    /// A URL leads to a host that is blocked.
    #[error("{1}")]
    Blocked(UrlField, List),
}

/// Why no domain was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// It can't be as it is to be.
    #[error(transparent)]
    Invalid(#[from] InvalidDomain),
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

/// Why a domain was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The account has no domain with that id.
    #[error("no such domain")]
    NotFound,
    /// It can't be as it is to be.
    #[error(transparent)]
    Invalid(#[from] InvalidDomain),
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

/// Makes a domain of the account.
///
/// # Errors
/// With the first thing that is wrong. Nothing is stored then.
pub async fn create(
    store: &Store,
    hosts: &ServerHosts,
    actor: Actor,
    new: &NewDomain,
    now: Timestamp,
) -> Result<domain::Model, CreateError> {
    let host = DomainHost::parse(&new.host, new.scheme).map_err(InvalidDomain::from)?;
    let row = domain::Model {
        id: DomainId::at(now),
        account_id: actor.account,
        host: host.into(),
        scheme: new.scheme,
        status: domain::Status::Active,
        root_url: url::<CreateError>(hosts, UrlField::RootUrl, new.root_url.as_deref()).await?,
        fallback_url: url::<CreateError>(hosts, UrlField::FallbackUrl, new.fallback_url.as_deref()).await?,
        created_at: now,
    };
    refuse_circle(&row)?;
    let transaction = store.begin().await?;
    let made = row.into_active_model().insert(&*transaction).await;
    let made = made.map_err(host_in_use::<CreateError>)?;
    audit::record(&*transaction, actor, Action::DomainCreated, None, &made, now).await?;
    let counts = hosts.changes().clone();
    transaction.commit_then(move || counts.note_domain()).await?;
    Ok(made)
}

/// Changes a domain of the account. Links that were sent out follow at their next visit: with another host they are found
/// under that one only.
///
/// # Errors
/// With the first thing that is wrong. Nothing is stored then.
pub async fn update(
    store: &Store,
    hosts: &ServerHosts,
    actor: Actor,
    id: DomainId,
    change: &DomainChange,
    now: Timestamp,
) -> Result<domain::Model, UpdateError> {
    let root_url = match &change.root_url {
        Some(text) => Some(url::<UpdateError>(hosts, UrlField::RootUrl, text.as_deref()).await?),
        None => None,
    };
    let fallback_url = match &change.fallback_url {
        Some(text) => Some(url::<UpdateError>(hosts, UrlField::FallbackUrl, text.as_deref()).await?),
        None => None,
    };
    let in_the_way =
        |error: &UpdateError| matches!(error, UpdateError::Database(error) if met_another(error));
    let changed = again(in_the_way, async || {
        let transaction = store.begin().await?;
        let which = domain::Column::Id.eq(id);
        let row = locked::<domain::Entity>(&transaction, actor.account, which).await?;
        let mut row = row.ok_or(UpdateError::NotFound)?;
        let before = row.clone();
        row.scheme = change.scheme.unwrap_or(row.scheme);
        row.status = change.status.unwrap_or(row.status);
        if change.host.is_some() || change.scheme.is_some() {
            let host = change.host.as_ref().unwrap_or(&row.host);
            let host = DomainHost::parse(host, row.scheme).map_err(InvalidDomain::from)?;
            row.host = host.into();
        }
        row.root_url = root_url.clone().unwrap_or(row.root_url);
        row.fallback_url = fallback_url.clone().unwrap_or(row.fallback_url);
        refuse_circle(&row)?;
        let changed = row.into_active_model().reset_all().update(&*transaction).await;
        let changed = changed.map_err(host_in_use::<UpdateError>)?;
        let action = Action::DomainUpdated;
        audit::record(&*transaction, actor, action, Some(&before), &changed, now).await?;
        let counts = hosts.changes().clone();
        let is_seen = visitors_see(&before) != visitors_see(&changed);
        let note = move || {
            counts.note_domain();
            if is_seen {
                counts.note_catalog();
            }
        };
        transaction.commit_then(note).await?;
        Ok(changed)
    });
    changed.await
}

/// Archives a domain of the account; one that is archived stays so. `None` where the account has none with that id.
///
/// # Errors
/// When the database does not answer.
pub async fn archive(
    store: &Store,
    hosts: &ServerHosts,
    actor: Actor,
    id: DomainId,
    now: Timestamp,
) -> Result<Option<domain::Model>, DbErr> {
    let which = domain::Column::Id.eq(id);
    let counts = hosts.changes().clone();
    let archived = (domain::Column::Status, domain::Status::Archived.into());
    let what = (actor, Action::DomainArchived, now);
    set::<domain::Entity>(store, what, which, archived, move || counts.note_domain()).await
}

impl Audited for domain::Model {
    fn subject(&self) -> Uuid {
        self.id.into()
    }

    fn facts(&self) -> Value {
        json!({
            "host": self.host,
            "scheme": self.scheme,
            "status": self.status,
            "rootUrl": self.root_url,
            "fallbackUrl": self.fallback_url,
        })
    }
}

/// What visitors of a domain's links see of it. Links stay where they are when it is archived, and its root is no link.
fn visitors_see(domain: &domain::Model) -> (&str, domain::Scheme, Option<&str>) {
    (&domain.host, domain.scheme, domain.fallback_url.as_deref())
}

/// A URL as it is stored, if one is given: one that leads to a domain of this server could lead in a circle.
async fn url<E: From<InvalidDomain> + From<DbErr>>(
    hosts: &ServerHosts,
    field: UrlField,
    text: Option<&str>,
) -> Result<Option<String>, E> {
    let Some(text) = text else { return Ok(None) };
    let url = WebUrl::parse(text).map_err(|invalid| InvalidDomain::Url(field, invalid))?;
    match hosts.unwanted(&url).await? {
        None => Ok(Some(url.into())),
        Some(Unwanted::Loop) => Err(InvalidDomain::Loop(field).into()),
        Some(Unwanted::Blocked(list)) => Err(InvalidDomain::Blocked(field, list).into()),
    }
}

/// The domain that is being made or moved is not one of the server's hosts yet.
fn refuse_circle(row: &domain::Model) -> Result<(), InvalidDomain> {
    for (field, url) in [
        (UrlField::RootUrl, &row.root_url),
        (UrlField::FallbackUrl, &row.fallback_url),
    ] {
        let url = url.as_deref().and_then(|url| WebUrl::parse(url).ok());
        if url.is_some_and(|url| leads_to(&url, row.scheme, &row.host)) {
            return Err(InvalidDomain::Loop(field));
        }
    }
    Ok(())
}

/// The host is all that is unique of a domain.
fn host_in_use<E: From<InvalidDomain> + From<DbErr>>(error: DbErr) -> E {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => InvalidDomain::HostInUse.into(),
        _ => error.into(),
    }
}
