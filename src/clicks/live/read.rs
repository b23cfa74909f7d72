//! The rows that are read for all who listen at once.
//!
//! Whose a click is, only its link says: so links are read for all accounts that listen, and each listener is told of its
//! own account's.

use std::{collections::HashMap, ops::RangeInclusive};

use entity::{
    AccountId, ClickId, DomainId, OfferId, SendingListId, ShortLinkId, click, short_link, user_agent,
};
use sea_orm::{
    ColumnTrait as _, Condition, DatabaseConnection, DbErr, EntityTrait as _, FromQueryResult,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use serde_json::Value;

use super::position::Row;
use crate::{clicks::list, store::pad};

/// What listeners may ask of a click's link.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct LinkOf {
    pub(super) id: ShortLinkId,
    pub(super) account_id: AccountId,
    pub(super) domain_id: DomainId,
    pub(super) sending_list_id: SendingListId,
    pub(super) offer_id: Option<OfferId>,
    pub(super) contact_phone: Option<String>,
    pub(super) metadata: Value,
}

/// The newest rows, in ascending order.
pub(super) async fn newest(db: &DatabaseConnection, most: u64) -> Result<Vec<Row>, DbErr> {
    let newest = click::Entity::find()
        .order_by_desc(click::Column::Seq)
        .limit(most);
    let mut rows = rows(db, newest).await?;
    rows.reverse();
    Ok(rows)
}

/// The first rows behind that number, in ascending order.
pub(super) async fn behind(db: &DatabaseConnection, seq: i64, most: u64) -> Result<Vec<Row>, DbErr> {
    let behind = click::Entity::find()
        .filter(click::Column::Seq.gt(seq))
        .order_by_asc(click::Column::Seq)
        .limit(most);
    rows(db, behind).await
}

/// The first rows with such numbers, in ascending order.
pub(super) async fn within(
    db: &DatabaseConnection,
    seqs: impl Iterator<Item = RangeInclusive<i64>>,
    most: u64,
) -> Result<Vec<Row>, DbErr> {
    let ranges = seqs.map(|range| click::Column::Seq.between(*range.start(), *range.end()));
    let within = click::Entity::find()
        .filter(ranges.fold(Condition::any(), Condition::add))
        .order_by_asc(click::Column::Seq)
        .limit(most);
    rows(db, within).await
}

async fn rows(db: &DatabaseConnection, select: Select<click::Entity>) -> Result<Vec<Row>, DbErr> {
    let columns = [click::Column::Seq, click::Column::ShortLinkId, click::Column::Id];
    let found = select.select_only().columns(columns);
    let found: Vec<(i64, ShortLinkId, ClickId)> = found.into_tuple().all(db).await?;
    let row = |(seq, link, id)| Row { seq, link, id };
    Ok(found.into_iter().map(row).collect())
}

/// Those of the links that belong to one of the accounts.
pub(super) async fn links(
    db: &DatabaseConnection,
    accounts: Vec<AccountId>,
    ids: Vec<ShortLinkId>,
) -> Result<HashMap<ShortLinkId, LinkOf>, DbErr> {
    let found = short_link::Entity::find()
        .select_only()
        .columns([
            short_link::Column::Id,
            short_link::Column::AccountId,
            short_link::Column::DomainId,
            short_link::Column::SendingListId,
            short_link::Column::OfferId,
            short_link::Column::ContactPhone,
            short_link::Column::Metadata,
        ])
        .filter(short_link::Column::Id.is_in(pad(ids)))
        .filter(short_link::Column::AccountId.is_in(pad(accounts)))
        .into_model::<LinkOf>()
        .all(db)
        .await?;
    Ok(found.into_iter().map(|link| (link.id, link)).collect())
}

/// The clicks of these rows, in ascending order.
pub(super) async fn clicks(db: &DatabaseConnection, seqs: Vec<i64>) -> Result<Vec<click::Model>, DbErr> {
    click::Entity::find()
        .filter(click::Column::Seq.is_in(pad(seqs)))
        .order_by_asc(click::Column::Seq)
        .all(db)
        .await
}

/// What the agent strings of these clicks say.
pub(super) async fn agents(
    db: &DatabaseConnection,
    clicks: &[click::Model],
) -> Result<HashMap<i64, user_agent::Model>, DbErr> {
    let mut ids: Vec<_> = clicks.iter().filter_map(|click| click.user_agent_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = list::user_agents(db, ids).await?;
    Ok(found.into_iter().map(|agent| (agent.id, agent)).collect())
}
