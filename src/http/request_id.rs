//! Request ids: what an answer and the log have in common.

use std::{
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    time::Instant,
};

use async_graphql::futures_util::FutureExt as _;
use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use uuid::Uuid;

use super::{MCP, SHORTEN, body::MediaType, mcp, shorten};
use crate::traces;

/// The header that has it.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The most characters of an id that a proxy in front may have given.
const MAX_CHARACTERS: usize = 64;

tokio::task_local! {
    /// The request that this task answers.
    static ANSWERED: RequestId;
}

/// Names one request, in its answer and in the log.
#[derive(Clone, Debug)]
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    /// The id that a proxy in front gave, if it is a sound one; else a new one.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if let Some(given) = headers.get(&HEADER)
            && is_sound(given.as_bytes())
        {
            return Self(given.clone());
        }
        let mut buffer = Uuid::encode_buffer();
        let text = Uuid::new_v4().simple().encode_lower(&mut buffer);
        Self(HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("-")))
    }

    /// The id as it is sent and logged.
    pub(super) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Logs what is our fault.
    pub(super) fn log(&self, error: &str) {
        tracing::error!(request_id = self.as_str(), error, "a request failed");
        traces::note_fault();
    }

    /// Does work for the request: a panic in it is logged with the id.
    pub(super) fn around<T>(self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        ANSWERED.scope(self, work)
    }

    /// Sends the id back.
    pub(super) fn name(self, mut response: Response) -> Response {
        response.headers_mut().insert(HEADER, self.0);
        response
    }
}

/// Names a request, sends the name back and logs how it was answered. A panic is answered too.
pub(super) async fn identify(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(id.clone());
    let answering = id.clone().around(next.run(request));
    let response = AssertUnwindSafe(answering)
        .catch_unwind()
        .await
        // The panic's hook has logged it.
        .unwrap_or_else(|_| fail(path.as_ref(), &id));
    // No path: it may be somebody's link. No query, no headers: they hold phone numbers and keys.
    tracing::debug!(
        request_id = id.as_str(),
        %method,
        status = response.status().as_u16(),
        microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    id.name(response)
}

/// An answer for what is our fault, in the form of the route that broke.
fn fail(path: Option<&MatchedPath>, id: &RequestId) -> Response {
    match path.map(MatchedPath::as_str) {
        Some(SHORTEN) => shorten::fail(),
        Some(MCP) => mcp::fail(),
        _ => MediaType::Json.fail(id),
    }
}

/// From now on panics are logged like all else, once each and with the id of the request that is answered, if one is.
pub fn log_panics() {
    panic::set_hook(Box::new(log_panic));
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let error = panic.payload_as_str().unwrap_or("a panic without a message");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let id = ANSWERED.try_with(RequestId::clone).ok();
    let request_id = id.as_ref().map(RequestId::as_str);
    tracing::error!(request_id, error, place, "a panic");
}

fn is_sound(id: &[u8]) -> bool {
    (1..=MAX_CHARACTERS).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
        thread,
    };

    use axum::{Router, body::to_bytes, middleware, routing::get};
    use tower::ServiceExt as _;

    use super::{super::body::FAULT, *};

    /// What was logged.
    #[derive(Clone, Debug, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panicked").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    async fn panic() {
        panic!("this route is broken");
    }

    /// What a route that panics answers a request `req-7`.
    async fn broken(path: &str) -> (u16, serde_json::Value) {
        let router = Router::new()
            .route(path, get(panic))
            .layer(middleware::from_fn(identify));
        let request = Request::get(path).header(HEADER, "req-7");
        let request = request.body(axum::body::Body::empty()).expect("a request");
        let response = router.oneshot(request).await.expect("an answer");
        assert_eq!(response.headers()[HEADER], "req-7");
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1000).await.expect("a body");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    #[tokio::test]
    async fn a_panic_is_answered_in_the_form_of_its_route() {
        let rest = serde_json::json!({"error": FAULT, "code": "internal"});
        assert_eq!(broken(SHORTEN).await, (500, rest));
        let error = serde_json::json!({"code": -32603, "message": FAULT});
        let rpc = serde_json::json!({"jsonrpc": "2.0", "error": error});
        assert_eq!(broken(MCP).await, (500, rpc));
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_logged_once_with_the_request_s_id() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        // Other tests of this process keep the hook that they had.
        let here = thread::current().id();
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if thread::current().id() == here {
                log_panic(panic);
            } else {
                others(panic);
            }
        }));

        let (status, body) = broken("/").await;
        assert_eq!(status, 500);
        let extensions = serde_json::json!({"code": "INTERNAL", "requestId": "req-7"});
        assert_eq!(body["errors"][0]["extensions"], extensions);
        let logged = log.0.lock().expect("nobody panicked").clone();
        let logged = String::from_utf8(logged).expect("UTF-8");
        let lines: Vec<_> = logged.lines().filter(|line| line.contains("ERROR")).collect();
        assert_eq!(lines.len(), 1, "{logged}");
        for part in ["req-7", "this route is broken", "request_id.rs"] {
            assert!(lines[0].contains(part), "{logged}");
        }
    }
}
