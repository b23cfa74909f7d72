//! Request ids: what an answer and the log have in common.

use std::time::Instant;

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The most characters of an id that a proxy in front may have given.
const MAX_CHARACTERS: usize = 64;

/// Names one request, in its answer and in the log.
#[derive(Clone, Debug)]
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    /// The id as it is sent and logged.
    pub(super) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// Takes the id that a proxy in front gave, or makes one, and sends it back; logs the request.
pub(super) async fn identify(mut request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(&HEADER)
        .filter(|value| is_sound(value.as_bytes()))
        .cloned();
    let id = given.unwrap_or_else(|| {
        let mut buffer = uuid::Uuid::encode_buffer();
        let id = uuid::Uuid::new_v4();
        let text = id.simple().encode_lower(&mut buffer);
        HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("-"))
    });
    let started =
        tracing::enabled!(tracing::Level::DEBUG).then(|| (Instant::now(), request.method().clone()));
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    if let Some((started, method)) = started {
        // No path: it is somebody's link. No query, no headers: they hold phone numbers and keys.
        tracing::debug!(
            request_id = id.to_str().unwrap_or_default(),
            %method,
            status = response.status().as_u16(),
            microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
    }
    response.headers_mut().insert(HEADER, id);
    response
}

fn is_sound(id: &[u8]) -> bool {
    (1..=MAX_CHARACTERS).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}
