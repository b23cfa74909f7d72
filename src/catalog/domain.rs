//! Domains.

use std::collections::HashMap;

use entity::{AccountId, DomainId, domain};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QuerySelect,
};

use crate::{
    accounts::rows_of,
    store::{Gather, ReadError, ReadMany, pad},
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

/// Knows which hosts are domains of this server, whoever owns them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerHosts(Gather<Hosts>);

impl ServerHosts {
    /// Over `db`.
    #[must_use]
    pub fn new(db: DatabaseConnection) -> Self {
        Self(Gather::spawn(Hosts(db)))
    }

    /// Whether a URL leads to a domain of this server: same host, same effective port. A short link to it
    /// would lead in a circle.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn holds(&self, url: &WebUrl) -> Result<bool, ReadError> {
        // A trailing dot names the same host, and a visit with one is answered.
        let host = url.host().strip_suffix('.').unwrap_or(url.host());
        Ok(self.0.get((host.to_owned(), url.port())).await?.is_some())
    }
}

/// Finds hosts with their effective ports among the domains.
struct Hosts(DatabaseConnection);

impl ReadMany for Hosts {
    type Key = (String, u16);
    type Value = ();

    async fn read(&self, hosts: Vec<(String, u16)>) -> Result<HashMap<(String, u16), ()>, DbErr> {
        // A port is stored only where it is not the scheme's own.
        let names = hosts
            .iter()
            .flat_map(|(host, port)| [host.clone(), format!("{host}:{port}")]);
        let named: Vec<(String, domain::Scheme)> = domain::Entity::find()
            .select_only()
            .columns([domain::Column::Host, domain::Column::Scheme])
            .filter(domain::Column::Host.is_in(pad(names.collect())))
            .into_tuple()
            .all(&self.0)
            .await?;
        let with_port = |(stored, scheme): (String, domain::Scheme)| {
            let stored = Host::parse(&stored)?;
            let port = stored.port().unwrap_or(scheme.default_port());
            Some(((stored.name().to_owned(), port), ()))
        };
        Ok(named.into_iter().filter_map(with_port).collect())
    }
}
