//! Chunks as they are stored, in either database.

use entity::{AccountId, click_column};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::{Chunk, Column, CorruptColumn};

/// Which chunk: of an account, of a day, and how it is called.
///
/// It is called by the row of its last click, so that the chunk that has a click is the first one of its day that is not
/// called less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Whose clicks it has.
    pub account: AccountId,
    /// The day they were made on, see [`super::day_of`].
    pub day: i32,
    /// The row of the last of them.
    pub last: i64,
}

/// Why a chunk can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// The database does not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
    /// It holds something else.
    #[error(transparent)]
    Corrupt(#[from] CorruptColumn),
}

/// The chunk that has the click of that row, if it is summed and the account's, and of that day.
///
/// # Errors
/// When the database does not answer.
pub async fn holding(
    db: &impl ConnectionTrait,
    account: AccountId,
    day: i32,
    seq: i64,
) -> Result<Option<Place>, DbErr> {
    let last: Option<i64> = click_column::Entity::find()
        .filter(click_column::Column::AccountId.eq(account))
        .filter(click_column::Column::Day.eq(day))
        .filter(click_column::Column::Chunk.gte(seq))
        .order_by_asc(click_column::Column::Chunk)
        .select_only()
        .column(click_column::Column::Chunk)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(last.map(|last| Place { account, day, last }))
}

/// Reads these columns of a chunk, or all of them where none is named; `None` where there is no such chunk, as once it has
/// become one with a later one.
///
/// # Errors
/// When the database does not answer, or holds something else.
pub async fn read(
    db: &impl ConnectionTrait,
    place: Place,
    columns: &[Column],
) -> Result<Option<Chunk>, ChunkError> {
    let mut query = click_column::Entity::find()
        .filter(click_column::Column::AccountId.eq(place.account))
        .filter(click_column::Column::Day.eq(place.day))
        .filter(click_column::Column::Chunk.eq(place.last));
    if !columns.is_empty() {
        let names = columns.iter().map(|column| column.number());
        query = query.filter(click_column::Column::Name.is_in(names));
    }
    let rows = query.all(db).await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let mut chunk = Chunk::empty(usize::try_from(first.clicks).map_err(|_| CorruptColumn)?);
    for row in &rows {
        if let Some(column) = Column::from_number(row.name) {
            chunk.read(column, &row.data)?;
        }
    }
    Ok(Some(chunk))
}

/// Writes the verdicts of a chunk over those that are stored. Whoever does has to keep clicks from being summed since before
/// they read the chunk, else it may have become a part of another; `false` where it has.
///
/// # Errors
/// When the database does not answer.
pub async fn rewrite_verdicts(db: &impl ConnectionTrait, place: Place, chunk: &Chunk) -> Result<bool, DbErr> {
    let Some((column, data)) = chunk.write().find(|(column, _)| *column == Column::Verdict) else {
        return Ok(false);
    };
    let written = click_column::Entity::update_many()
        .col_expr(click_column::Column::Data, data.into())
        .filter(click_column::Column::AccountId.eq(place.account))
        .filter(click_column::Column::Day.eq(place.day))
        .filter(click_column::Column::Chunk.eq(place.last))
        .filter(click_column::Column::Name.eq(column.number()))
        .exec(db)
        .await?;
    Ok(written.rows_affected == 1)
}
