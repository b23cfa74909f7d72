//! Work that gives way to other work of the program.
//!
//! A call for a thousand links is read, checked and answered in some tens of milliseconds, in which its thread does nothing
//! else. On a thread of a lower priority visitors don't wait for it. But nobody may wait for such a thread: so work goes home as
//! soon as it waits for something, which others may be next to have, and what it opens or starts is not of that thread.

use std::{
    future::{self, Future},
    io,
    panic::resume_unwind,
    pin::Pin,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    thread::available_parallelism,
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinSet,
};

/// Half as many threads as there are processors. They have no drivers: what work waits for is of the runtime that it comes
/// from.
static THREADS: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    let processors = available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(processors.div_ceil(2))
        .thread_name("large requests")
        .on_thread_start(lower_priority)
        .build()
});

/// How much less these threads are worth to the system than others (`nice`): where all processors are busy, one has a tenth of
/// the time of another.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Of this thread alone: on Linux each has its own.
#[cfg(target_os = "linux")]
fn lower_priority() {
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::warn!(%error, "large requests don't give way to others");
    }
}

#[cfg(not(target_os = "linux"))]
const fn lower_priority() {}

tokio::task_local! {
    /// Whether work that was begun by [`giving_way`] is to give way again.
    static WISHES: Arc<AtomicBool>;
}

/// Starts the threads. A program that has not done so starts them when they are first needed.
///
/// # Errors
/// When the system refuses them.
pub fn start() -> Result<(), &'static io::Error> {
    THREADS.as_ref().map(|_| ())
}

/// Does work on threads that give way to others, until it waits for something; then at home, until it is to
/// [`give_way`] again. It ends with whoever waits for it.
pub async fn giving_way<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let Ok(threads) = &*THREADS else {
        return work.await;
    };
    let wishes = Arc::new(AtomicBool::new(false));
    let mut away = Away {
        home: Handle::current(),
        wishes: Arc::clone(&wishes),
        work: Some(Box::pin(WISHES.scope(Arc::clone(&wishes), work))),
    };
    loop {
        let mut tasks = JoinSet::new();
        tasks.spawn_on(away, threads.handle());
        let mut rest = match tasks.join_next().await {
            Some(Ok(Ok(done))) => return done,
            Some(Ok(Err(rest))) => rest,
            Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
            // Nobody else ends it.
            Some(Err(_)) | None => future::pending().await,
        };
        let at_home = future::poll_fn(|context| match rest.poll_work(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if wishes.swap(false, Ordering::Relaxed) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        if let Some(done) = at_home.await {
            return done;
        }
        away = rest;
    }
}

/// Has what follows give way again, if this is work that was begun by [`giving_way`]: for what takes a while after a wait.
pub async fn give_way() {
    let mut is_said = false;
    future::poll_fn(|context| {
        if is_said
            || WISHES
                .try_with(|wishes| wishes.store(true, Ordering::Relaxed))
                .is_err()
        {
            return Poll::Ready(());
        }
        is_said = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Work away from the runtime that it comes from, until it is done or what is left of it is to go on there.
struct Away<T> {
    home: Handle,
    wishes: Arc<AtomicBool>,
    work: Option<Work<T>>,
}

impl<T> Away<T> {
    fn poll_work(&mut self, context: &mut Context<'_>) -> Poll<T> {
        // What it opens or starts is of its own runtime.
        let _home = self.home.enter();
        match &mut self.work {
            Some(work) => work.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

impl<T> Future for Away<T> {
    type Output = Result<T, Self>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.poll_work(context) {
                Poll::Ready(done) => return Poll::Ready(Ok(done)),
                // It gives way already.
                Poll::Pending if self.wishes.swap(false, Ordering::Relaxed) => {}
                Poll::Pending => {
                    return Poll::Ready(Err(Self {
                        home: self.home.clone(),
                        wishes: Arc::clone(&self.wishes),
                        work: self.work.take(),
                    }));
                }
            }
        }
    }
}

impl<T> Drop for Away<T> {
    fn drop(&mut self) {
        // What it gives back is given back there too.
        let _home = self.home.enter();
        drop(self.work.take());
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, thread, time::Duration};

    use futures_util::future::join_all;
    use tokio::{sync::oneshot, task::yield_now, time::timeout};

    use super::*;

    fn here() -> String {
        thread::current().name().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn work_that_gives_way_has_threads_of_its_own_and_what_it_starts_has_not() {
        let places = giving_way(async {
            let before = here();
            let started = tokio::spawn(async { here() }).await.expect("an end");
            [before, started]
        });
        assert_eq!(places.await, ["large requests", &here()]);
    }

    #[tokio::test]
    async fn work_goes_home_when_it_waits_and_away_when_it_is_to_give_way_again() {
        let home = here();
        let places = giving_way(async {
            let mut places = vec![here()];
            for gives_way in [false, true, true, false] {
                if gives_way {
                    give_way().await;
                } else {
                    yield_now().await;
                }
                places.push(here());
            }
            places
        });
        let away = "large requests";
        assert_eq!(places.await, [away, &home, away, away, &home]);
        // And what was not begun that way just goes on.
        give_way().await;
        assert_eq!(here(), home);
    }

    #[tokio::test]
    async fn many_that_wait_at_once_are_all_woken_wherever_they_wait() {
        let done = giving_way(async {
            let waits = (0..100).map(|number| async move {
                for _ in 0..number % 7 {
                    give_way().await;
                    yield_now().await;
                    tokio::spawn(yield_now()).await.expect("an end");
                }
                number
            });
            join_all(waits).await
        });
        let done = timeout(Duration::from_mins(1), done).await.expect("in time");
        assert_eq!(done, (0..100).collect::<Vec<_>>());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn its_threads_have_a_lower_priority() {
        let nice = || rustix::process::getpriority_process(None).expect("a priority");
        let before = nice();
        assert_eq!(giving_way(async move { nice() }).await, (before + NICE).min(19));
        assert_eq!(nice(), before);
    }

    #[tokio::test]
    async fn it_ends_with_whoever_waits_for_it() {
        let (kept, dropped) = oneshot::channel::<()>();
        let (begun, begins) = oneshot::channel();
        let waiting = giving_way(async move {
            begun.send(()).expect("somebody who waits");
            pending::<()>().await;
            drop(kept);
        });
        tokio::select! {
            () = waiting => unreachable!("it never ends"),
            begun = begins => begun.expect("a beginning"),
        }
        let dropped = timeout(Duration::from_mins(1), dropped).await;
        assert!(dropped.expect("in time").is_err());
    }

    #[tokio::test]
    #[should_panic(expected = "broken")]
    async fn a_panic_in_it_is_one_of_whoever_waits_for_it() {
        giving_way(async { panic!("broken") }).await;
    }
}
