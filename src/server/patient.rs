//! A stream whose other end must take what is written to it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::{Sleep, sleep},
};

/// A connection that breaks once nothing of what is written to it is taken for a while. Who asks and never reads would
/// otherwise hold its answer, and a place, for ever.
///
/// Time runs only while a write waits: a stream on which nothing happens is as old as it likes, and a reader who takes
/// a little now and then is slow and not gone. A write that is taken at once costs a comparison, and no timer.
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    patience: Duration,
    /// How long the write that waits still may.
    left: Option<Pin<Box<Sleep>>>,
    /// Given back with the stream, which may outlive its connection's HTTP: a WebSocket's does.
    _place: OwnedSemaphorePermit,
}

impl<S> Patient<S> {
    pub(super) const fn new(stream: S, patience: Duration, place: OwnedSemaphorePermit) -> Self {
        Self {
            stream,
            patience,
            left: None,
            _place: place,
        }
    }

    /// What came of a write, or that it has waited for too long.
    fn in_time(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.left = None;
            return written;
        }
        let patience = self.patience;
        let left = self.left.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(left.as_mut().poll(context));
        let error = "nothing of what was written was taken in time";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, error)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

/// For a stream such as TCP's, which holds nothing back: to flush it is to write.
impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.in_time(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        sync::Semaphore,
        time::timeout,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(400);

    /// A stream that takes 8 bytes until somebody reads them, and its other end.
    fn patient() -> (Patient<DuplexStream>, DuplexStream, Arc<Semaphore>) {
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().expect("a place");
        let (near, far) = duplex(8);
        (Patient::new(near, PATIENCE, place), far, places)
    }

    #[tokio::test]
    async fn a_write_that_nobody_takes_breaks_and_gives_its_place_back() {
        let (mut near, far, places) = patient();
        near.write_all(b"12345678").await.expect("there is room");
        let written = timeout(PATIENCE * 50, near.write_all(b"9")).await;
        let error = written.expect("an end").expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(places.available_permits(), 0);
        drop(near);
        assert_eq!(places.available_permits(), 1);
        drop(far);
    }

    #[tokio::test]
    async fn a_slow_reader_and_a_stream_on_which_nothing_happens_are_let_be() {
        let (mut near, mut far, _places) = patient();
        let reading = async {
            let mut bytes = [0; 1];
            // Longer than the patience in all, and never so long for one byte.
            for _ in 0..10 {
                sleep(PATIENCE / 4).await;
                far.read_exact(&mut bytes).await.expect("a byte");
            }
            far
        };
        let (written, mut far) = tokio::join!(near.write_all(&[7; 18]), reading);
        written.expect("it is taken in time");
        assert!(near.left.is_none());
        sleep(PATIENCE * 2).await;
        far.read_exact(&mut [0; 8]).await.expect("what was left");
        near.write_all(b"later").await.expect("it is let be");
    }
}
