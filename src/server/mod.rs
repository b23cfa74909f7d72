//! Starting, serving, draining.

mod connections;
mod patient;

use std::{future::pending, io, net::SocketAddr, time::Duration};

use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    app::{App, Clock, StartError},
    clicks::judge::Judge,
    config::ServerConfig,
    http::{Connections, Settings, State, max_open_files, metrics_router, router},
    store::Store,
};

use self::connections::Terms;

/// How long requests that are being answered may still take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// How many connections the listener for metrics has, which a few ask.
const METRICS_CONNECTIONS: u32 = 64;

/// How many files are open beside those of connections: the database's, the spool's, the log's.
const OTHER_FILES: u64 = 128;

/// A server that has its address and is about to answer.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    metrics: Option<(TcpListener, SocketAddr)>,
    app: App,
    /// How long a connection may be silent, and take nothing.
    patience: Duration,
}

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is in use, or not this machine's.
    #[error("can't listen on {0}; --listen takes another address, and port 0 a free one")]
    Listen(SocketAddr, #[source] io::Error),
    /// The address for metrics is in use, or not this machine's.
    #[error("can't listen on {0}; --metrics-listen takes another address, and port 0 a free one")]
    ListenForMetrics(SocketAddr, #[source] io::Error),
    /// What requests reach can't be made.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl Server {
    /// Takes the addresses and makes what requests can reach.
    ///
    /// # Errors
    /// When an address can't be taken, the database not be opened for writing, or a file that the settings name not be
    /// used.
    pub async fn bind(store: Store, config: &ServerConfig) -> Result<Self, BindError> {
        let bound = bind(config.listen).await;
        let (listener, address) = bound.map_err(|error| BindError::Listen(config.listen, error))?;
        let metrics = match config.metrics_listen {
            None => None,
            Some(asked) => {
                let bound = bind(asked).await;
                Some(bound.map_err(|error| BindError::ListenForMetrics(asked, error))?)
            }
        };
        let options = config.options(&store);
        let app = App::start(store, options, Clock::system()).await?;
        Ok(Self {
            listener,
            address,
            metrics,
            app,
            patience: config.connection_patience(),
        })
    }

    /// The address that was taken.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address for metrics, if one was taken.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, address)| *address)
    }

    /// What tells bots from people.
    #[must_use]
    pub fn judge(&self) -> &Judge {
        &self.app.judge
    }

    /// Answers requests until `stop` is there, then lets those finish that have begun, and returns once all
    /// that was written is stored.
    ///
    pub async fn run(self, settings: Settings, stop: impl Future<Output = ()> + Send + 'static) {
        let Self {
            listener,
            metrics,
            app,
            patience,
            ..
        } = self;
        let (recorder, authenticator) = (app.recorder.clone(), app.authenticator.clone());
        let settings = Settings {
            connections: within(settings.connections, max_open_files()),
            ..settings
        };
        let state = State::new(app, settings);
        let streams = state.streams.clone();
        // Answered to the last, and ended with what holds it.
        let mut beside = JoinSet::new();
        if let Some((listener, _)) = metrics {
            let terms = Terms {
                patience,
                connections: Connections::new(METRICS_CONNECTIONS),
                counting: None,
            };
            let page = metrics_router(state.clone());
            beside.spawn(connections::serve(listener, page, terms, pending()));
        }
        let terms = Terms {
            patience,
            connections: state.connections.clone(),
            counting: Some(state.clone()),
        };
        let router = router(state);
        let (told, mut is_told) = tokio::sync::watch::channel(false);
        let going_on = streams.clone();
        let serving = connections::serve(listener, router, terms, async move {
            stop.await;
            told.send_replace(true);
            // They have no end of their own.
            going_on.stop();
        });
        let serving = async move {
            serving.await;
            // Connections that became WebSockets are no longer those that serving waits for.
            streams.ended().await;
        };
        let overdue = async move {
            // An error means that serving has ended, and with it whoever could tell.
            let _ = is_told.wait_for(|told| *told).await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            () = serving => {}
            () = overdue => tracing::warn!("some requests were not answered in time and are cut off"),
        }
        authenticator.flushed().await;
        recorder.finish().await;
    }
}

async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// How many connections there may be where so many files may be open: a connection is one, and what else needs one must
/// find it.
fn within(asked: u32, files: Option<u64>) -> u32 {
    let Some(files) = files else {
        return asked;
    };
    let other = OTHER_FILES + u64::from(METRICS_CONNECTIONS);
    let room = u32::try_from(files.saturating_sub(other))
        .unwrap_or(u32::MAX)
        .max(1);
    if room < asked {
        tracing::warn!(
            asked,
            connections = room,
            "as many files may be open as leave room for fewer connections than --connections says; raise that limit"
        );
    }
    asked.min(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_other_files() {
        for (asked, files, most) in [
            (10_000, Some(65_536), 10_000),
            (10_000, Some(1024), 832),
            (100, Some(1024), 100),
            (10_000, Some(64), 1),
            (10_000, None, 10_000),
            (u32::MAX, Some(u64::MAX), u32::MAX),
        ] {
            assert_eq!(within(asked, files), most, "{asked} {files:?}");
        }
    }
}
