//! The span of a request, as OpenTelemetry's conventions have it for HTTP servers.
//!
//! No path, no query, no headers: they hold links, phone numbers and keys. A route's template stands for its path.

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderValue, Method, Uri, Version},
    middleware::Next,
    response::Response,
};
use opentelemetry::{Array, KeyValue, StringValue, Value};

use super::{MCP, SHORTEN, VISIT, redirect::host_of, request_id};
use crate::{
    traces::{Door, Root, begin},
    values::host::Host,
};

/// What is asked for every few seconds, by machines that want no trace of it.
const UNTRACED: [&str; 2] = ["/healthz", "/readyz"];

/// What clients with keys ask for.
const API: [&str; 3] = ["/graphql", SHORTEN, MCP];

/// What stands for a method that nobody has heard of.
const OTHER: &str = "_OTHER";

/// A request that is traced.
pub(super) struct Traced(Root);

impl Traced {
    /// Begins the span of a visit, if it is traced.
    pub(super) fn visit(request: &Request) -> Option<Self> {
        Self::begin(Door::Visitors, VISIT, request)
    }

    fn route(path: &str, request: &Request) -> Option<Self> {
        if UNTRACED.contains(&path) {
            return None;
        }
        let door = if API.contains(&path) {
            Door::Api
        } else {
            Door::Visitors
        };
        Self::begin(door, path, request)
    }

    fn begin(door: Door, route: &str, request: &Request) -> Option<Self> {
        let parent = request.headers().get("traceparent");
        let parent = parent.and_then(|parent| parent.to_str().ok());
        let method = method_of(request.method());
        let name = || {
            let method = if method == OTHER { "HTTP" } else { method };
            format!("{method} {route}")
        };
        begin(door, parent, name, || attributes(method, route, request)).map(Self)
    }

    /// Does the request's work and says how it was answered.
    pub(super) async fn around(self, work: impl Future<Output = Response>) -> Response {
        let response = self.0.around(work).await;
        let status = response.status();
        let mut attributes = vec![KeyValue::new(
            "http.response.status_code",
            i64::from(status.as_u16()),
        )];
        if let Some(id) = response.headers().get(request_id::HEADER) {
            attributes.push(KeyValue::new("http.response.header.x-request-id", list_of(id)));
        }
        let is_failure = status.is_server_error();
        if is_failure {
            attributes.push(KeyValue::new("error.type", status.as_str().to_owned()));
        }
        self.0.end(is_failure, attributes);
        response
    }
}

/// Traces the requests to the server's own routes.
pub(super) async fn trace(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let traced = path.and_then(|path| Traced::route(path.as_str(), &request));
    match traced {
        Some(traced) => traced.around(next.run(request)).await,
        None => next.run(request).await,
    }
}

fn method_of(method: &Method) -> &'static str {
    const NAMES: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    let known = NAMES.into_iter().find(|name| *name == method.as_str());
    known.unwrap_or(OTHER)
}

fn attributes(method: &'static str, route: &str, request: &Request) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("http.request.method", method),
        KeyValue::new("http.route", route.to_owned()),
        // Its place in the conventions; the path of a visit is somebody's link.
        KeyValue::new("url.path", route.to_owned()),
        KeyValue::new("url.scheme", scheme_of(request.headers())),
    ];
    if let Some(version) = version_of(request.version()) {
        attributes.push(KeyValue::new("network.protocol.version", version));
    }
    attributes.extend(address_of(request.uri(), request.headers()));
    attributes
}

/// The scheme that the caller used, as far as a proxy in front says: one of two words, whoever says so.
fn scheme_of(headers: &HeaderMap) -> &'static str {
    let told = headers.get("x-forwarded-proto").map(HeaderValue::as_bytes);
    if told == Some(b"https") { "https" } else { "http" }
}

fn version_of(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        _ => None,
    }
}

/// The host that was asked, with its port where it was named.
fn address_of(uri: &Uri, headers: &HeaderMap) -> Vec<KeyValue> {
    let Some(host) = host_of(uri, headers).and_then(Host::parse) else {
        return Vec::new();
    };
    let mut address = vec![KeyValue::new("server.address", host.name().to_owned())];
    if let Some(port) = host.port() {
        address.push(KeyValue::new("server.port", i64::from(port)));
    }
    address
}

/// The value of a header, as the conventions have it.
fn list_of(header: &HeaderValue) -> Value {
    let value = StringValue::from(header.to_str().unwrap_or_default().to_owned());
    Value::Array(Array::String(vec![value]))
}
