//! Whether a target holds nothing that the source does not know of.

use std::collections::{HashMap, HashSet};

use entity::{AccountId, Timestamp, blocked_host};
use sea_orm::{ConnectionTrait as _, DbErr, EntityTrait as _, QueryResult, Statement, Value, prelude::Uuid};

use super::TransferError;
use crate::store::Store;

const ACCOUNTS: &str = "SELECT id FROM account";
const NEWEST_CLICK: &str = "SELECT seq, id, clicked_at FROM click ORDER BY seq DESC LIMIT 1";
const CLICK: &str = "SELECT id FROM click WHERE seq = $1";
const KEPT_FROM: &str = "SELECT kept_from FROM click_summing";
const NEWEST_LINK: &str = "SELECT id FROM short_link ORDER BY id DESC LIMIT 1";
const LINK: &str = "SELECT id FROM short_link WHERE id = $1";
const NEWEST_ENTRY: &str = "SELECT account_id, id FROM audit_entry ORDER BY id DESC LIMIT 1";
const ENTRY: &str = "SELECT id FROM audit_entry WHERE account_id = $1 AND id = $2";

/// Refuses a target whose rows would be lost: one of another server, and one that somebody has worked with since it was moved
/// there. Nobody removes an account, a link, an entry of the log or the newest click, and the ids of all but accounts are in
/// the order of time: so a target that only moves have written to has no newest row that the source lacks. That the source
/// has newer ones proves nothing: both may have been worked with.
pub(super) async fn expect_relation(source: &Store, target: &Store) -> Result<(), TransferError> {
    let there = ids(target).await?;
    let here: HashSet<Uuid> = ids(source).await?.into_iter().collect();
    if let Some(stranger) = there.into_iter().find(|id| !here.contains(id)) {
        return Err(TransferError::Stranger(AccountId::from(stranger)));
    }
    let Some(what) = lacking(source, target).await? else {
        return Ok(());
    };
    Err(match lacking(target, source).await? {
        None => TransferError::Ahead(what),
        Some(other) => TransferError::Apart(what, other),
    })
}

/// Of which kind the newest row of `one` is missing in `other`, if of any. Of reports of abuse nobody could tell: one that is
/// missing may have been closed.
async fn lacking(other: &Store, one: &Store) -> Result<Option<&'static str>, DbErr> {
    Ok(if lacks_click(other, one).await? {
        Some("clicks")
    } else if lacks_link(other, one).await? {
        Some("links")
    } else if lacks_entry(other, one).await? {
        Some("entries of the audit log")
    } else if lacks_host(other, one).await? {
        Some("changes of blocked hosts")
    } else {
        None
    })
}

/// A click has the same row number wherever it is moved, and another server over another database gives that number to a
/// click of its own: so both have to be the same.
async fn lacks_click(other: &Store, one: &Store) -> Result<bool, DbErr> {
    // In this order, here and below, since the other may grow meanwhile.
    let Some(newest) = row(one, NEWEST_CLICK, []).await? else {
        return Ok(false);
    };
    let (seq, id): (i64, Uuid) = (newest.try_get_by_index(0)?, newest.try_get_by_index(1)?);
    if let Some(found) = row(other, CLICK, [seq.into()]).await? {
        return Ok(found.try_get_by_index::<Uuid>(0)? != id);
    }
    // It may have been too old, but never the newest there.
    let Some(last) = row(other, NEWEST_CLICK, []).await? else {
        return Ok(true);
    };
    let Some(mark) = row(other, KEPT_FROM, []).await? else {
        return Ok(true);
    };
    let clicked_at: Timestamp = newest.try_get_by_index(2)?;
    let is_removed = seq < last.try_get_by_index(0)? && clicked_at < mark.try_get_by_index::<Timestamp>(0)?;
    Ok(!is_removed)
}

async fn lacks_link(other: &Store, one: &Store) -> Result<bool, DbErr> {
    let Some(newest) = row(one, NEWEST_LINK, []).await? else {
        return Ok(false);
    };
    let id: Uuid = newest.try_get_by_index(0)?;
    Ok(row(other, LINK, [id.into()]).await?.is_none())
}

async fn lacks_entry(other: &Store, one: &Store) -> Result<bool, DbErr> {
    let Some(newest) = row(one, NEWEST_ENTRY, []).await? else {
        return Ok(false);
    };
    let (account, id): (Uuid, Uuid) = (newest.try_get_by_index(0)?, newest.try_get_by_index(1)?);
    let found = row(other, ENTRY, [account.into(), id.into()]).await?;
    Ok(found.is_none())
}

/// The row of a host stays when it is blocked no longer, and counts what was done to it.
async fn lacks_host(other: &Store, one: &Store) -> Result<bool, DbErr> {
    let rows = blocked_host::Entity::find().all(&one.read).await?;
    let others = blocked_host::Entity::find().all(&other.read).await?;
    let others: HashMap<_, _> = others.iter().map(|row| (row.host.as_str(), row)).collect();
    Ok(rows.iter().any(|row| {
        others
            .get(row.host.as_str())
            .is_none_or(|found| row.changes > found.changes || row.changes == found.changes && row != *found)
    }))
}

/// All accounts.
async fn ids(store: &Store) -> Result<Vec<Uuid>, DbErr> {
    let select = Statement::from_string(store.read.get_database_backend(), ACCOUNTS);
    let rows = store.read.query_all_raw(select).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

async fn row<const N: usize>(
    store: &Store,
    select: &str,
    values: [Value; N],
) -> Result<Option<QueryResult>, DbErr> {
    let backend = store.read.get_database_backend();
    let select = Statement::from_sql_and_values(backend, select, values);
    store.read.query_one_raw(select).await
}
