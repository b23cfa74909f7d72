//! Connections: taking them, and how long each may be silent.

use std::{io, net::SocketAddr, pin::pin, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Request, StatusCode},
    response::{IntoResponse as _, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tower::Service as _;

/// The most bytes of a request's headers that are answered with words.
const MOST_HEADERS: usize = 32 * 1024;

/// The most bytes of a request's first line and headers together: those of a longer one are not read to their end.
const MOST_HEAD: usize = 128 * 1024;

/// How long to wait before a connection is taken again after there was no room for one.
const FULL: Duration = Duration::from_secs(1);

/// Answers connections until `stop` is there, then lets those finish that are being answered. One that has not sent the
/// headers of a request, be it its first or its next, within `patience` is closed.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    patience: Duration,
    stop: impl Future<Output = ()> + Send,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_header_size(MOST_HEAD);
    let (stopping, is_stopping) = watch::channel(false);
    let mut stop = pin!(stop);
    loop {
        let taken = tokio::select! {
            // Who is to be told to stop must wait for that before the first answer, else its signal ends the process.
            biased;
            () = &mut stop => break,
            taken = listener.accept() => taken,
        };
        let (stream, peer) = match taken {
            Ok(taken) => taken,
            Err(error) => {
                wait_for_room(&error).await;
                continue;
            }
        };
        tokio::spawn(answer(
            http.clone(),
            stream,
            peer,
            router.clone(),
            is_stopping.clone(),
        ));
    }
    drop((listener, is_stopping));
    stopping.send_replace(true);
    // Until every connection is gone: each holds a receiver until its last answer is sent.
    stopping.closed().await;
}

/// Answers the requests of one connection; once the server stops, the one that is being answered is the last.
async fn answer(
    http: http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    mut is_stopping: watch::Receiver<bool>,
) {
    // A redirect is one small packet: it must not wait for another.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let mut router = router.clone();
        async move {
            if header_bytes(request.headers()) > MOST_HEADERS {
                return Ok(too_large());
            }
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            router.call(request).await
        }
    });
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection.with_upgrades());
    // Borrows the receiver: when that is dropped, the server takes this connection for ended.
    let stopped = async {
        // An error would mean that nobody could tell any more.
        let _ = is_stopping.wait_for(|is_stopping| *is_stopping).await;
    };
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Whoever is gone, or said nothing in time, is not told.
        tracing::debug!(%error, "a connection ended");
    }
}

/// What a request's headers take up, as they were sent.
fn header_bytes(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum()
}

fn too_large() -> Response {
    let text =
        format!("The headers of this request have over {MOST_HEADERS} bytes; send fewer or shorter ones.\n");
    (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text).into_response()
}

/// A connection that was gone before it was taken is nothing to wait for; where there is no room for one, there will be.
async fn wait_for_room(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    ) {
        tracing::error!(%error, "no connection can be taken; is the limit of open files too low?");
        tokio::time::sleep(FULL).await;
    }
}
