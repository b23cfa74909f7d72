//! Domains.

use std::time::Duration;

use entity::{AccountId, DomainId, domain};
use moka::sync::Cache;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QuerySelect,
};

use crate::{
    accounts::rows_of,
    values::{host::Host, web_url::WebUrl},
};

/// Domains of the account by their ids.
///
/// # Errors
/// When the database does not answer.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    account: AccountId,
    ids: &[DomainId],
) -> Result<Vec<domain::Model>, DbErr> {
    let ids = ids.iter().copied();
    rows_of::<domain::Entity>(account)
        .filter(domain::Column::Id.is_in(ids))
        .all(db)
        .await
}

/// The domain of the account that a short URL's host names.
///
/// # Errors
/// When the database does not answer.
pub async fn by_host(
    db: &impl ConnectionTrait,
    account: AccountId,
    host: &Host,
) -> Result<Option<domain::Model>, DbErr> {
    let named = rows_of::<domain::Entity>(account)
        .filter(domain::Column::Host.is_in([host.as_str(), host.name()]))
        .all(db)
        .await?;
    Ok(named
        .into_iter()
        .find(|domain| is_named(domain.scheme, &domain.host, host)))
}

/// The domain that a request's host names, whoever owns it: who visits has no account.
///
/// # Errors
/// When the database does not answer.
pub async fn of_visit(db: &impl ConnectionTrait, host: &Host) -> Result<Option<domain::Model>, DbErr> {
    let named = domain::Entity::find()
        .filter(domain::Column::Host.is_in([host.as_str(), host.name()]))
        .all(db)
        .await?;
    Ok(named
        .into_iter()
        .find(|domain| is_named(domain.scheme, &domain.host, host)))
}

/// Whether `host` names a domain stored as `stored`: a port may be left out or written out where it is the
/// scheme's own, and nowhere else.
#[must_use]
pub fn is_named(scheme: domain::Scheme, stored: &str, host: &Host) -> bool {
    stored == host.as_str() || (stored == host.name() && host.port() == Some(scheme.default_port()))
}

/// How long it is remembered whether a host is a domain of this server: links lead to few hosts, and a domain
/// that is a second old has no circles to lead in.
const REMEMBERED: Duration = Duration::from_secs(1);

/// Knows which hosts are domains of this server, whoever owns them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerHosts {
    db: DatabaseConnection,
    /// By host with port.
    known: Cache<String, bool>,
}

impl ServerHosts {
    /// Over `db`.
    #[must_use]
    pub fn new(db: DatabaseConnection) -> Self {
        let known = Cache::builder()
            .max_capacity(1000)
            .time_to_live(REMEMBERED)
            .build();
        Self { db, known }
    }

    /// Whether a URL leads to a domain of this server: same host, same effective port. A short link to it
    /// would lead in a circle.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn holds(&self, url: &WebUrl) -> Result<bool, DbErr> {
        // A trailing dot names the same host, and a visit with one is answered.
        let host = url.host().strip_suffix('.').unwrap_or(url.host());
        let with_port = format!("{host}:{}", url.port());
        if let Some(known) = self.known.get(&with_port) {
            return Ok(known);
        }
        // A port is stored only where it is not the scheme's own.
        let named: Vec<(String, domain::Scheme)> = domain::Entity::find()
            .select_only()
            .columns([domain::Column::Host, domain::Column::Scheme])
            .filter(domain::Column::Host.is_in([host, with_port.as_str()]))
            .into_tuple()
            .all(&self.db)
            .await?;
        let holds = named
            .iter()
            .any(|(named, scheme)| *named == with_port || scheme.default_port() == url.port());
        self.known.insert(with_port, holds);
        Ok(holds)
    }
}
