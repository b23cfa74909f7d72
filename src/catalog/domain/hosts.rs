//! The server's own hosts.

use std::time::Duration;

use entity::domain;
use moka::sync::Cache;
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::is_named;
use crate::{
    catalog::{
        Changes,
        blocked::{Blocked, List},
    },
    values::{host::Host, web_url::WebUrl},
};

/// How long it is remembered whether a host is a domain of this server: links lead to few hosts, and a domain
/// that is a second old has no circles to lead in.
const REMEMBERED: Duration = Duration::from_secs(1);

/// Why nobody is to be sent to a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwanted {
    /// It leads to a domain of this server, so visitors could be sent in a circle.
    Loop,
    /// Its host is blocked.
    Blocked(List),
}

/// Knows which hosts are domains of this server, whoever owns them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerHosts {
    db: DatabaseConnection,
    changes: Changes,
    blocked: Blocked,
    /// By host with port, each with the count of changes before it was read.
    known: Cache<String, (u64, bool)>,
}

impl ServerHosts {
    /// Over `db`, with what tells of changes.
    #[must_use]
    pub fn new(db: DatabaseConnection, blocked: Blocked, changes: Changes) -> Self {
        let known = Cache::builder()
            .max_capacity(1000)
            .time_to_live(REMEMBERED)
            .build();
        Self {
            db,
            changes,
            blocked,
            known,
        }
    }

    /// What tells of changes on this node.
    #[must_use]
    pub const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Why nobody is to be sent to a URL, where that is so.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn unwanted(&self, url: &WebUrl) -> Result<Option<Unwanted>, DbErr> {
        if let Some(list) = self.blocked.list_of(url.host()) {
            return Ok(Some(Unwanted::Blocked(list)));
        }
        Ok(self.holds(url).await?.then_some(Unwanted::Loop))
    }

    /// Which hosts are blocked.
    #[must_use]
    pub const fn blocked(&self) -> &Blocked {
        &self.blocked
    }

    /// Whether a URL leads to a domain of this server: same host, same effective port. A short link to it
    /// would lead in a circle.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn holds(&self, url: &WebUrl) -> Result<bool, DbErr> {
        // A trailing dot names the same host, and a visit with one is answered.
        let host = url.host().strip_suffix('.').unwrap_or(url.host());
        let with_port = format!("{host}:{}", url.port());
        let count = self.changes.of_domains();
        if let Some((_, known)) = self.known.get(&with_port).filter(|(then, _)| *then == count) {
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
        self.known.insert(with_port, (count, holds));
        Ok(holds)
    }
}

/// Whether a URL leads to the domain stored as `host`: same host, same effective port.
pub(super) fn leads_to(url: &WebUrl, scheme: domain::Scheme, host: &str) -> bool {
    let target = Host::parse(&format!("{}:{}", url.host(), url.port()));
    target.is_some_and(|target| is_named(scheme, host, &target))
}
