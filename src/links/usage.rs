//! How many links still redirect through an offer, a list or a domain.

use std::{collections::HashMap, fmt::Write as _};

use entity::{AccountId, DomainId, Timestamp, sending_list};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseBackend, DbErr, QueryFilter as _, QuerySelect as _, Statement,
};
use uuid::Uuid;

use crate::accounts::rows_of;

/// How many links of each are looked at, the newest: somebody may have made millions, and a page asks for a hundred.
pub const LOOKED_AT: i64 = 10_000;

/// What links go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the thing of that name")]
pub enum Through {
    Offer,
    List,
    Domain,
}

/// What is known of the links of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many of those that were looked at redirect.
    pub active_links: i64,
    /// Whether there may be more than were looked at.
    pub is_capped: bool,
}

/// The links of the account that redirect at `now` through each of these, in one statement; one without links has no
/// entry.
///
/// # Errors
/// When the database does not answer.
pub async fn usage(
    db: &impl ConnectionTrait,
    account: AccountId,
    through: Through,
    ids: &[Uuid],
    now: Timestamp,
) -> Result<HashMap<Uuid, Usage>, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DatabaseBackend::Sqlite => sqlite(through),
        _ => postgres(through),
    };
    let values = [ids_as_json(ids).into(), account.into(), now.into()];
    let rows = db
        .query_all_raw(Statement::from_sql_and_values(backend, sql, values))
        .await?;
    let unreadable = |error: &dyn std::fmt::Display| DbErr::Type(error.to_string());
    let usages = rows.iter().map(|row| {
        let id: String = row.try_get_by_index(0)?;
        let figures: String = row.try_get_by_index(1)?;
        let id = Uuid::try_parse(&id).map_err(|error| unreadable(&error))?;
        let (links, active_links): (i64, i64) =
            serde_json::from_str(&figures).map_err(|error| unreadable(&error))?;
        let is_capped = links >= LOOKED_AT;
        Ok((
            id,
            Usage {
                active_links,
                is_capped,
            },
        ))
    });
    usages.collect()
}

/// How many lists of the account that are not archived have their links on each of these domains; one without has no entry.
///
/// # Errors
/// When the database does not answer.
pub async fn lists_on(
    db: &impl ConnectionTrait,
    account: AccountId,
    domains: &[DomainId],
) -> Result<HashMap<DomainId, i64>, DbErr> {
    use sending_list::{
        Column::{self, Id},
        Status::Archived,
    };

    let lists = rows_of::<sending_list::Entity>(account)
        .filter(Column::DomainId.is_in(domains.iter().copied()))
        .filter(Column::Status.ne(Archived))
        .select_only()
        .column(Column::DomainId)
        .column_as(Id.count(), "lists")
        .group_by(Column::DomainId);
    let lists: Vec<(DomainId, i64)> = lists.into_tuple().all(db).await?;
    Ok(lists.into_iter().collect())
}

/// About how many links the database holds, of all accounts, without counting them: in `SQLite` the number of the newest
/// one, since none is ever removed, in `PostgreSQL` what its statistics say.
///
/// # Errors
/// When the database does not answer.
pub async fn about_how_many(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DatabaseBackend::Postgres => {
            "SELECT reltuples::bigint FROM pg_class WHERE oid = 'short_link'::regclass"
        }
        _ => "SELECT coalesce(max(seq), 0) FROM short_link",
    };
    let row = db.query_one_raw(Statement::from_string(backend, sql)).await?;
    let links: i64 = match row {
        Some(row) => row.try_get_by_index(0)?,
        None => 0,
    };
    // PostgreSQL says -1 where it has never looked.
    Ok(u64::try_from(links).unwrap_or_default())
}

fn ids_as_json(ids: &[Uuid]) -> String {
    let mut json = String::with_capacity(ids.len() * 35 + 2);
    for (at, id) in ids.iter().enumerate() {
        let _ = write!(json, "{}\"{}\"", if at == 0 { "[" } else { "," }, id.simple());
    }
    if json.is_empty() {
        json.push('[');
    }
    json.push(']');
    json
}

/// What [`state`](super::lookup::state) calls active, of the account. Not a condition: `PostgreSQL` might then go through all
/// links of the account.
const IS_ACTIVE: &str = "(account_id = $2 AND status = 'ACTIVE' AND exhausted_at IS NULL \
    AND (expires_at IS NULL OR expires_at > $3))";

/// From the inverted index, whose rows come in the order of their making, as `migration::m0002_lists` has the terms.
fn sqlite(through: Through) -> String {
    let term = match through {
        Through::Offer => "§o",
        Through::List => "§l",
        Through::Domain => "§d",
    };
    format!(
        "SELECT k.value, (SELECT json_array(count(*), coalesce(sum(is_active), 0)) FROM (\
            SELECT {IS_ACTIVE} AS is_active FROM short_link_index CROSS JOIN short_link \
            ON short_link.seq = short_link_index.rowid \
            WHERE short_link_index MATCH '{term}' || k.value \
            ORDER BY short_link_index.rowid DESC LIMIT {LOOKED_AT}\
         )) FROM json_each($1) AS k"
    )
}

/// From the index of each.
fn postgres(through: Through) -> String {
    let column = match through {
        Through::Offer => "offer_id",
        Through::List => "sending_list_id",
        Through::Domain => "domain_id",
    };
    format!(
        "SELECT k.id, (SELECT json_build_array(count(*), count(*) FILTER (WHERE is_active))::text FROM (\
            SELECT {IS_ACTIVE} AS is_active FROM short_link \
            WHERE {column} = k.id::uuid \
            ORDER BY id DESC NULLS LAST LIMIT {LOOKED_AT}\
         ) AS newest) FROM json_array_elements_text($1::json) AS k(id)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_an_array_of_digits() {
        let id = Uuid::from_u128(1);
        let digits = format!("\"{}\"", id.simple());
        assert_eq!(ids_as_json(&[]), "[]");
        assert_eq!(ids_as_json(&[id, id]), format!("[{digits},{digits}]"));
    }
}
