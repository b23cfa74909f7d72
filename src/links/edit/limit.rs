//! How many people a link lets through, changed beside those who come.

use entity::{ShortLinkId, Timestamp, link_use, short_link};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, DbErr, EntityTrait as _, ExprTrait as _, QueryFilter as _,
    QuerySelect as _, sea_query::OnConflict,
};

use crate::store::WriteTransaction;

/// Keeps people from taking places of a link until the transaction ends, and answers how many they have taken.
///
/// Call it before the link itself is locked: the writer, which marks the link whose last place it gives away, goes in this
/// order.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn hold(transaction: &WriteTransaction, link: ShortLinkId) -> Result<i32, DbErr> {
    let first = link_use::ActiveModel {
        short_link_id: Set(link),
        used: Set(0),
    };
    let once = OnConflict::new().do_nothing().to_owned();
    link_use::Entity::insert(first)
        .on_conflict(once)
        .exec_without_returning(&**transaction)
        .await?;
    let row = link_use::Entity::find_by_id(link)
        .lock_exclusive()
        .one(&**transaction)
        .await?;
    Ok(row.map_or(0, |row| row.used))
}

/// Gives a link another limit, or none, where so many people have `used` the one that it has. Without a limit nobody is
/// counted, so one that is given later counts from then on.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn set(
    transaction: &WriteTransaction,
    link: &mut short_link::Model,
    max_clicks: Option<i32>,
    used: i32,
    now: Timestamp,
) -> Result<(), DbErr> {
    if link.max_clicks == max_clicks {
        return Ok(());
    }
    link.max_clicks = max_clicks;
    let is_exhausted = max_clicks.is_some_and(|most| used >= most);
    link.exhausted_at = is_exhausted.then(|| link.exhausted_at.unwrap_or(now));
    if max_clicks.is_none() && used > 0 {
        link_use::Entity::update_many()
            .col_expr(link_use::Column::Used, 0.into())
            .filter(link_use::Column::ShortLinkId.into_expr().eq(link.id))
            .exec(&**transaction)
            .await?;
    }
    Ok(())
}
