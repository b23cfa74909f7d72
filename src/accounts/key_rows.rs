//! Keys of an account by their ids.

use entity::{AccountId, ApiKeyId, api_key};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, QueryFilter};

use super::rows_of;

/// Keys of the account by their ids, those that no longer work too.
///
/// # Errors
/// When the database does not answer.
pub async fn keys_by_ids(
    db: &impl ConnectionTrait,
    account: AccountId,
    ids: &[ApiKeyId],
) -> Result<Vec<api_key::Model>, DbErr> {
    let ids = ids.iter().copied();
    rows_of::<api_key::Entity>(account)
        .filter(api_key::Column::Id.is_in(ids))
        .all(db)
        .await
}
