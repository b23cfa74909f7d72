//! Connections: taking them, how many there may be, and how long each may be silent.

use std::{
    future::{pending, poll_fn},
    io,
    net::SocketAddr,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    task::Poll,
    time::{Duration, Instant},
};

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
    sync::{OwnedSemaphorePermit, watch},
    task::yield_now,
    time::{sleep, timeout},
};
use tower::Service as _;

use super::patient::Patient;
use crate::http::{Connections, State};

/// The most bytes of a request's headers that are answered with words.
const MOST_HEADERS: usize = 32 * 1024;

/// The most bytes of a request's first line and headers together: those of a longer one are not read to their end.
const MOST_HEAD: usize = 128 * 1024;

/// How long to wait before a connection is taken again after the system had no room for one.
const FULL: Duration = Duration::from_secs(1);

/// Into how many parts connections are divided: that many are asked to end at a time where there is no place for another.
const PARTS: u32 = 16;

/// How long these may take before more are asked.
const MOMENT: Duration = Duration::from_millis(20);

/// How long a connection has for its first request, from when it was taken, before it is asked to end for another.
const NEW: Duration = Duration::from_secs(1);

/// How long it may then still take for one that it has begun.
const BEGUN: Duration = Duration::from_secs(2);

/// How often the log is told that there are as many as may be.
const REPORT: Duration = Duration::from_mins(1);

/// The number up to which connections end when all do.
const STOP: u64 = u64::MAX;

/// On what terms connections are taken.
#[derive(Clone)]
pub(super) struct Terms {
    /// How long one may take to send the headers of a request, be it its first or its next, and to take anything of an
    /// answer.
    pub(super) patience: Duration,
    /// Places for them.
    pub(super) connections: Connections,
    /// Counts answers that no route gives.
    pub(super) counting: Option<State>,
}

/// Answers connections until `stop` is there, then lets those finish that are being answered.
///
/// Where there are as many as may be, the oldest of them end as they do when the server stops: those on which nothing is
/// asked at once, others after their answer. Only a new one has a moment for its first request, since who has just come
/// in would else be turned away for who comes next. So whoever keeps connections open and idle keeps nobody out; and who comes
/// while all are at work waits where the system lets them wait, for a moment rather than for an answer that says no.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    terms: Terms,
    stop: impl Future<Output = ()> + Send,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(terms.patience)
        .max_header_size(MOST_HEAD);
    let door = Door {
        http,
        router,
        counting: terms.counting.clone(),
    };
    // Connections have numbers in the order in which they come; those up to this one are to end.
    let (ending, is_ending) = watch::channel(0);
    let mut crowd = Crowd {
        connections: terms.connections,
        ending: &ending,
        told: None,
    };
    let mut number = 0;
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
        let place = tokio::select! {
            () = &mut stop => break,
            place = crowd.place(number) => place,
        };
        number += 1;
        // A redirect is one small packet: it must not wait for another.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let stream = Patient::new(stream, terms.patience, place);
        tokio::spawn(answer(door.clone(), stream, peer, number, is_ending.clone()));
    }
    drop((listener, is_ending));
    ending.send_replace(STOP);
    // Until every connection is gone: each holds a receiver until its last answer is sent.
    ending.closed().await;
}

/// What answers connections.
#[derive(Clone)]
struct Door {
    http: http1::Builder,
    router: Router,
    counting: Option<State>,
}

/// Finds places for connections.
struct Crowd<'a> {
    connections: Connections,
    ending: &'a watch::Sender<u64>,
    /// When the log was last told that there was none.
    told: Option<Instant>,
}

impl Crowd<'_> {
    /// A place for one more, after that many.
    async fn place(&mut self, newest: u64) -> OwnedSemaphorePermit {
        loop {
            if let Some(place) = self.connections.take() {
                return place;
            }
            self.tell();
            let most = self.connections.most();
            self.ending.send_if_modified(|until| {
                let next = (*until).max(newest.saturating_sub(most.into())) + u64::from(most.div_ceil(PARTS));
                let next = next.min(newest);
                let is_more = next > *until;
                *until = next.max(*until);
                is_more
            });
            if let Ok(place) = timeout(MOMENT, self.connections.freed()).await {
                return place;
            }
        }
    }

    fn tell(&mut self) {
        if self.told.is_none_or(|told| told.elapsed() >= REPORT) {
            self.told = Some(Instant::now());
            let most = self.connections.most();
            tracing::warn!(
                most,
                "as many connections are open as may be: idle ones are closed for new ones"
            );
        }
    }
}

/// Answers the requests of one connection; once it is to end, the one that is being answered is the last.
async fn answer(
    Door {
        http,
        router,
        counting,
    }: Door,
    stream: Patient<TcpStream>,
    peer: SocketAddr,
    number: u64,
    mut is_ending: watch::Receiver<u64>,
) {
    // Said and heard in this one task, whose parts are polled one after another.
    let (has_asked, is_last) = (&AtomicBool::new(false), &AtomicBool::new(false));
    let came = Instant::now();
    let refusing = counting.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        has_asked.store(true, Relaxed);
        let is_too_large = header_bytes(request.headers()) > MOST_HEADERS;
        if is_too_large && let Some(state) = &refusing {
            state.count_refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        let mut router = router.clone();
        async move {
            if is_last.load(Relaxed) {
                // Until the connection is told, so that the answer says that it closes.
                yield_now().await;
            }
            if is_too_large {
                return Ok(too_large());
            }
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            router.call(request).await
        }
    });
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection.with_upgrades());
    // Whether everything stops. Borrows the receiver: when that is dropped, the server takes this connection for ended.
    let to_end = async {
        // An error would mean that nobody could tell any more.
        let until = is_ending.wait_for(|until| *until >= number).await;
        if until.map_or(STOP, |until| *until) == STOP {
            return true;
        }
        is_last.store(true, Relaxed);
        // Nobody needs to wake it: a request is seen where the connection was polled, just before.
        let asked = poll_fn(|_| {
            if has_asked.load(Relaxed) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        tokio::select! {
            biased;
            () = asked => false,
            () = sleep(NEW.saturating_sub(came.elapsed())) => false,
            _ = is_ending.wait_for(|until| *until == STOP) => true,
        }
    };
    let ended = tokio::select! {
        // What has come is read before its connection is closed: else it would be reset.
        biased;
        ended = &mut connection => ended,
        is_stop = to_end => {
            connection.as_mut().graceful_shutdown();
            // The library closes one that said nothing. One that said a byte would keep its place as long as any patience.
            let never_asked = async {
                sleep(BEGUN).await;
                if has_asked.load(Relaxed) {
                    pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                ended = &mut connection => ended,
                () = never_asked, if !is_stop && !has_asked.load(Relaxed) => {
                    tracing::debug!("a connection made room that had begun a request");
                    return;
                }
            }
        }
    };
    if let Err(error) = ended {
        if let (Some(state), Some(status)) = (counting, refused_as(&error)) {
            state.count_refused(status);
        }
        // Whoever is gone, or said nothing or took nothing in time, is not told.
        tracing::debug!(%error, "a connection ended");
    }
}

/// As what the library itself has answered what it could not read. It does not say so, but for its words.
fn refused_as(error: &hyper::Error) -> Option<StatusCode> {
    if error.is_parse_too_large() {
        let is_url = error.to_string().contains("URI");
        return Some(if is_url {
            StatusCode::URI_TOO_LONG
        } else {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        });
    }
    // Who begins to speak HTTP/2 is not answered.
    let is_answered = error.is_parse() && !error.to_string().contains("HTTP2");
    is_answered.then_some(StatusCode::BAD_REQUEST)
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
        sleep(FULL).await;
    }
}
