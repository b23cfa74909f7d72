//! Archiving all links that a filter names.

use entity::{AccountId, ShortLinkId, Timestamp, audit_entry::Action, short_link};
use sea_orm::{
    ActiveEnum as _, ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, sea_query::LockType,
};

use super::Tools;
use crate::{
    accounts::{Actor, audit, rows_of},
    links::{
        list::{self, LinkFilter},
        lookup::{State, state},
    },
    store::{WriteTransaction, again, met_another},
};

/// How many links one call archives at most: it must end while somebody waits for it.
pub const LINKS_A_CALL: usize = 10_000;

/// How many are archived together: in `SQLite` clicks wait for that long.
const LOT: usize = 250;

/// What became of the links that a filter names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archived {
    /// How many were archived.
    pub links: usize,
    /// Whether there are more.
    pub has_more: bool,
}

/// Archives the links of the account that pass the filter when this begins, lot by lot: what ends it in the middle leaves
/// whole lots behind, and the same call again does the rest.
///
/// # Errors
/// When the database does not answer. The lots before are archived then.
pub async fn archive_all(
    tools: Tools<'_>,
    actor: Actor,
    mut filter: LinkFilter,
    now: Timestamp,
) -> Result<Archived, DbErr> {
    if let Some(states) = &mut filter.states {
        states.retain(|state| *state != State::Archived);
    }
    let states = filter.states.clone();
    let mut ids = passing(tools, actor.account, filter, now).await?;
    let has_more = ids.len() > LINKS_A_CALL;
    ids.truncate(LINKS_A_CALL);
    // Locked in this order by everybody.
    ids.sort_unstable();
    let mut links = 0;
    for lot in ids.chunks(LOT) {
        links += again(met_another, || {
            archive_lot(tools, actor, lot, states.as_deref(), now)
        })
        .await?;
    }
    Ok(Archived { links, has_more })
}

/// Links that pass the filter, in whatever order is cheapest, and one more than are archived.
async fn passing(
    Tools { store, .. }: Tools<'_>,
    account: AccountId,
    filter: LinkFilter,
    now: Timestamp,
) -> Result<Vec<ShortLinkId>, DbErr> {
    let db = &store.read;
    let (rows, _) = list::rows(account, filter, now, db.get_database_backend());
    rows.select_only()
        .column(short_link::Column::Id)
        .limit(u64::try_from(LINKS_A_CALL + 1).unwrap_or(u64::MAX))
        .into_tuple()
        .all(db)
        .await
}

/// Archives those that are still in one of these states.
async fn archive_lot(
    Tools { store, hosts }: Tools<'_>,
    actor: Actor,
    ids: &[ShortLinkId],
    states: Option<&[State]>,
    now: Timestamp,
) -> Result<usize, DbErr> {
    let transaction = store.begin().await?;
    let mut links = unarchived(&transaction, actor.account, ids).await?;
    links.retain(|link| {
        let stands = state(link.status, link.expires_at, link.exhausted_at.is_some(), now);
        states.is_none_or(|states| states.contains(&stands))
    });
    if links.is_empty() {
        return Ok(0);
    }
    short_link::Entity::update_many()
        .col_expr(
            short_link::Column::Status,
            short_link::Status::Archived.to_value().into(),
        )
        .filter(short_link::Column::Id.is_in(links.iter().map(|link| link.id)))
        .exec(&*transaction)
        .await?;
    let entries = links.iter().filter_map(|before| {
        let mut after = before.clone();
        after.status = short_link::Status::Archived;
        audit::entry(actor, Action::ShortLinkArchived, Some(before), &after, now)
    });
    audit::store(&*transaction, entries.collect::<Vec<_>>()).await?;
    let archived = links.len();
    let changes = hosts.changes().clone();
    transaction
        .commit_then(move || {
            for link in links {
                changes.note_edited_link(&link.code);
            }
        })
        .await?;
    Ok(archived)
}

/// Those of the account's links that are not archived, for this transaction to change.
async fn unarchived(
    transaction: &WriteTransaction,
    account: AccountId,
    ids: &[ShortLinkId],
) -> Result<Vec<short_link::Model>, DbErr> {
    use short_link::Column::{Id, Status};

    rows_of::<short_link::Entity>(account)
        .filter(Id.is_in(ids.iter().copied()))
        .filter(Status.ne(short_link::Status::Archived))
        .order_by_asc(Id)
        .lock(LockType::NoKeyUpdate)
        .all(&**transaction)
        .await
}
