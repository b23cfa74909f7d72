//! Offers.

mod edit;

use entity::{AccountId, OfferId, offer};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, QueryFilter};

pub use self::edit::{
    CreateError, InvalidOffer, NewOffer, OfferChange, UpdateError, archive, create, update,
};
use crate::accounts::rows_of;

/// Offers of the account by their ids.
///
/// # Errors
/// When the database does not answer.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    account: AccountId,
    ids: &[OfferId],
) -> Result<Vec<offer::Model>, DbErr> {
    let ids = ids.iter().copied();
    rows_of::<offer::Entity>(account)
        .filter(offer::Column::Id.is_in(ids))
        .all(db)
        .await
}

/// The offer of the account that links may be made for.
///
/// # Errors
/// When the database does not answer.
pub async fn active(
    db: &impl ConnectionTrait,
    account: AccountId,
    id: OfferId,
) -> Result<Option<offer::Model>, DbErr> {
    rows_of::<offer::Entity>(account)
        .filter(offer::Column::Id.eq(id))
        .filter(offer::Column::Status.eq(offer::Status::Active))
        .one(db)
        .await
}
