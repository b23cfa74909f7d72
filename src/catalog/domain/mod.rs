//! Domains.

mod edit;
mod hosts;

use entity::{AccountId, DomainId, domain};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

pub use self::{
    edit::{
        CreateError, DomainChange, InvalidDomain, NewDomain, UpdateError, UrlField, archive, create, update,
    },
    hosts::{ServerHosts, Unwanted},
};
use crate::{accounts::rows_of, values::host::Host};

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
