//! Large requests, carried out beside the threads that send visitors on.
//!
//! A call for a thousand links is read, checked and answered in some tens of milliseconds, in which its thread does
//! nothing else: on the server's own threads every visitor behind it would wait for that long. On a thread of its own the
//! system shares the processors out between them.

use std::{io, panic::resume_unwind, sync::LazyLock};

use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
};

/// From how many bytes of a body on its request is large: some hundred links.
const LARGE: usize = 16 * 1024;

static APART: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("large requests")
        .enable_all()
        .build()
});

/// Does the work for a body of so many bytes, apart from other requests if that is large. It ends with whoever waits for it.
pub(super) async fn work<T: Send + 'static>(
    bytes: usize,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    if bytes < LARGE {
        return work.await;
    }
    let apart = match &*APART {
        Ok(apart) => apart.handle(),
        Err(error) => {
            tracing::warn!(%error, "there is no thread for large requests");
            return work.await;
        }
    };
    let mut tasks = JoinSet::new();
    tasks.spawn_on(work, apart);
    match tasks.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
        // Nobody else ends it.
        Some(Err(_)) | None => std::future::pending().await,
    }
}
