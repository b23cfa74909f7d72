//! Request ids: what an answer and the log have in common.

use std::time::Instant;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The most characters of an id that a proxy in front may have given.
const MAX_CHARACTERS: usize = 64;

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

    /// Sends the id back.
    pub(super) fn name(self, mut response: Response) -> Response {
        response.headers_mut().insert(HEADER, self.0);
        response
    }
}

/// Names a request, sends the name back and logs how it was answered.
pub(super) async fn identify(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let started = Instant::now();
    let method = request.method().clone();
    request.extensions_mut().insert(id.clone());
    let response = next.run(request).await;
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

fn is_sound(id: &[u8]) -> bool {
    (1..=MAX_CHARACTERS).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}
