//! Reading links by what visitors ask for: one indexed statement, and only the columns that the redirect needs.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
};

use entity::domain;
use rusqlite::params;
use sea_orm::{
    ActiveEnum as _, ConnectionTrait as _, DatabaseBackend, DatabaseConnection, DbErr, QueryResult, Statement,
};
use serde_json::json;

use super::link::{Facts, LiveLink};
use crate::{
    catalog::{blocked::Blocked, domain::is_named},
    store::{Columns, ReadByKey},
    values::host::Host,
};

/// Reads links with their domains, whoever owns them: who visits has no account.
pub(super) struct Links(pub Blocked);

/// What is behind a host that is a domain's, and a code.
#[derive(Clone)]
pub(super) struct Behind(pub Option<Arc<LiveLink>>);

/// A domain is stored under a host with a port or without; the code is looked up on both.
pub(super) type Visited = (Host, Box<str>);

/// The brand is only read where a page shows it.
const COLUMNS: &str = "d.host, d.scheme, l.id, l.destination, coalesce(l.fallback_url, d.fallback_url), \
    CASE WHEN l.filter_bots THEN (SELECT brand_name FROM sending_list WHERE id = l.sending_list_id) END, \
    l.status, l.expires_at, l.exhausted_at, l.max_clicks, l.filter_bots";

static ONE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {COLUMNS} FROM domain d LEFT JOIN short_link l ON l.domain_id = d.id AND l.code = ?3 \
         WHERE d.host IN (?1, ?2)"
    )
});

/// As JSON, so that the text is the same however many are asked for.
static MANY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {COLUMNS}, k.code FROM json_to_recordset($1::json) AS k(host text, code text) \
         JOIN domain d ON d.host = k.host LEFT JOIN short_link l ON l.domain_id = d.id AND l.code = k.code"
    )
});

/// A domain, and the link that was found on it.
struct Found {
    host: String,
    scheme: domain::Scheme,
    link: Option<Arc<LiveLink>>,
}

impl Found {
    /// What is behind a visit, where the domain is the one that was visited.
    fn if_visited(&self, host: &Host) -> Option<Behind> {
        is_named(self.scheme, &self.host, host).then(|| Behind(self.link.clone()))
    }
}

impl ReadByKey for Links {
    const TABLE: &'static str = "short_link";
    type Key = Visited;
    type Value = Behind;

    fn one(&self, db: &rusqlite::Connection, (host, code): &Visited) -> rusqlite::Result<Option<Behind>> {
        let mut statement = db.prepare_cached(&ONE)?;
        let mut rows = statement.query(params![host.as_str(), host.name(), code])?;
        while let Some(row) = rows.next()? {
            let mut columns = Columns::of(row);
            let (host_of, scheme) = (columns.value()?, columns.word()?);
            let facts = if columns.is_nothing()? {
                None
            } else {
                Some(Facts {
                    id: columns.id()?,
                    destination: columns.value()?,
                    fallback_url: columns.value()?,
                    brand_name: columns.value()?,
                    status: columns.word()?,
                    expires_at: columns.time_null()?,
                    exhausted_at: columns.time_null()?,
                    max_clicks: columns.value()?,
                    filter_bots: columns.value()?,
                })
            };
            let found = Found {
                host: host_of,
                scheme,
                link: facts.and_then(|facts| LiveLink::of(facts, &self.0)).map(Arc::new),
            };
            if let Some(behind) = found.if_visited(host) {
                return Ok(Some(behind));
            }
        }
        Ok(None)
    }

    async fn many(
        &self,
        db: &DatabaseConnection,
        keys: Vec<Visited>,
    ) -> Result<HashMap<Visited, Behind>, DbErr> {
        let wanted: HashSet<(&str, &str)> = keys
            .iter()
            .flat_map(|(host, code)| [(host.as_str(), &**code), (host.name(), &**code)])
            .collect();
        let wanted: Vec<_> = wanted
            .into_iter()
            .map(|(host, code)| json!({"host": host, "code": code}))
            .collect();
        let values = [serde_json::Value::from(wanted).to_string().into()];
        let statement = Statement::from_sql_and_values(DatabaseBackend::Postgres, &*MANY, values);
        let mut found: HashMap<String, Vec<Found>> = HashMap::new();
        for row in db.query_all_raw(statement).await? {
            let (code, link) = of_row(&row, &self.0)?;
            found.entry(code).or_default().push(link);
        }
        let named = keys.into_iter().filter_map(|(host, code)| {
            let behind = found
                .get(&*code)?
                .iter()
                .find_map(|found| found.if_visited(&host))?;
            Some(((host, code), behind))
        });
        Ok(named.collect())
    }
}

fn of_row(row: &QueryResult, blocked: &Blocked) -> Result<(String, Found), DbErr> {
    let scheme: String = row.try_get_by_index(1)?;
    let facts = match row.try_get_by_index::<Option<String>>(6)? {
        None => None,
        Some(status) => Some(Facts {
            id: row.try_get_by_index(2)?,
            destination: row.try_get_by_index(3)?,
            fallback_url: row.try_get_by_index(4)?,
            brand_name: row.try_get_by_index(5)?,
            status: entity::short_link::Status::try_from_value(&status)?,
            expires_at: row.try_get_by_index(7)?,
            exhausted_at: row.try_get_by_index(8)?,
            max_clicks: row.try_get_by_index(9)?,
            filter_bots: row.try_get_by_index(10)?,
        }),
    };
    let found = Found {
        host: row.try_get_by_index(0)?,
        scheme: domain::Scheme::try_from_value(&scheme)?,
        link: facts.and_then(|facts| LiveLink::of(facts, blocked)).map(Arc::new),
    };
    Ok((row.try_get_by_index(11)?, found))
}
