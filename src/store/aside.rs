//! Work that takes a while.

use sea_orm::DbErr;

/// Does what takes a while without an `await` where redirects don't have to wait for it. Whoever goes away meanwhile leaves
/// it to come to its end.
///
/// # Errors
/// When it panics.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DbErr> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| DbErr::Custom(error.to_string()))
}
