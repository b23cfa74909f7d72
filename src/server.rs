//! Starting, serving, draining.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::serve::ListenerExt as _;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};

use crate::{
    app::{App, Clock},
    clicks::{recorder::Recorder, verdict::Judge},
    config::ServerConfig,
    http::{Settings, State, router},
    links::{code::CodeSpace, resolve::Resolver},
    store::{Store, Writer},
    values::phone,
};

/// How long requests that are being answered may still take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// A server that has its address and is about to answer.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: App,
    writing: JoinHandle<()>,
}

impl Server {
    /// Takes the address and makes what requests can reach.
    ///
    /// # Errors
    /// When the address can't be taken.
    pub async fn bind(store: Store, config: &ServerConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        // Half a second of loading that the first link would otherwise wait for.
        std::thread::spawn(phone::warm_up);
        let (writer, writing) = Writer::spawn(store.write.clone());
        let app = App {
            store,
            resolver: Resolver::new(config.redirect_cache),
            recorder: Recorder::new(writer.clone()),
            writer,
            judge: Arc::new(Judge::embedded()),
            codes: Arc::new(CodeSpace::default()),
            clock: Clock::system(),
        };
        Ok(Self {
            listener,
            address,
            app,
            writing,
        })
    }

    /// The address that was taken.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop` is there, then lets those finish that have begun, and returns once all
    /// that was written is stored.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(
        self,
        settings: Settings,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let Self {
            listener,
            app,
            writing,
            ..
        } = self;
        let writer = app.writer.clone();
        let router = router(State::new(app, settings));
        // A redirect is one small packet: it must not wait for another.
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY could not be set");
            }
        });
        let (told, mut is_told) = tokio::sync::watch::channel(false);
        let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
            stop.await;
            told.send_replace(true);
        });
        let overdue = async move {
            // An error means that serving has ended, and with it whoever could tell.
            let _ = is_told.wait_for(|told| *told).await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            ended = async { serving.await } => ended?,
            () = overdue => tracing::warn!("some requests were not answered in time and are cut off"),
        }
        writer.drained().await;
        drop(writer);
        if timeout(DRAIN, writing).await.is_err() {
            tracing::debug!(
                "connections that are still open hold the writer; all that was answered is stored"
            );
        }
        Ok(())
    }
}
