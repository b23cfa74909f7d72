//! Work that takes a while.

use sea_orm::DbErr;
use tokio::task::spawn_blocking;

/// Does what takes a while without an `await` where redirects don't have to wait for it. Whoever goes away meanwhile leaves
/// it to come to its end.
///
/// # Errors
/// When it panics.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DbErr> {
    // By a task: a thread is as willing to give way as the one that starts it, and is used by others afterwards.
    let done = tokio::spawn(async { spawn_blocking(work).await }).await;
    done.flatten().map_err(|error| DbErr::Custom(error.to_string()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::apart::giving_way;

    #[tokio::test]
    async fn what_is_done_aside_for_work_that_gives_way_does_not() {
        let nice = || rustix::process::getpriority_process(None).expect("a priority");
        assert_eq!(giving_way(aside(nice)).await.expect("an end"), nice());
    }
}
