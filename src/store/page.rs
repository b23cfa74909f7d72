//! Pages of rows by keyset.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Select,
};
use uuid::Uuid;

/// One page of rows, newest first.
#[derive(Clone, Debug)]
pub struct Page<M> {
    /// The rows.
    pub rows: Vec<M>,
    /// Whether rows follow the last of these.
    pub has_more: bool,
}

/// Reads the `first` newest rows that are older than the one with the id `after`.
///
/// One more than asked for is read, to know whether rows follow; nothing is skipped over, so the thousandth
/// page costs what the first does.
///
/// # Errors
/// When the database does not answer.
pub async fn page<E>(
    db: &impl ConnectionTrait,
    rows: Select<E>,
    id: E::Column,
    first: u64,
    after: Option<Uuid>,
) -> Result<Page<E::Model>, DbErr>
where
    E: EntityTrait,
    E::Model: FromQueryResult,
{
    let mut rows = rows.order_by_desc(id).limit(first + 1);
    if let Some(after) = after {
        rows = rows.filter(id.lt(after));
    }
    let mut rows = rows.all(db).await?;
    let asked = usize::try_from(first).unwrap_or(usize::MAX);
    let has_more = rows.len() > asked;
    rows.truncate(asked);
    Ok(Page { rows, has_more })
}
