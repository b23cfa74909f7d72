//! Which other sites' scripts may use the API (CORS).

use std::{str::FromStr, time::Duration};

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::values::web_url::WebUrl;

/// How long a browser may remember that it was let in.
const REMEMBERED: Duration = Duration::from_hours(1);

/// A site whose scripts may use the API, or any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `*`
    Any,
    /// A scheme, a host and a port, exactly as browsers send them: `https://app.example.com`.
    Site(HeaderValue),
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Any);
        }
        // In normal form an origin as a URL has a slash at its end, and nothing else is changed.
        let is_origin = WebUrl::parse(text).is_ok_and(|url| url.as_str().strip_suffix('/') == Some(text));
        is_origin
            .then(|| HeaderValue::from_str(text).ok())
            .flatten()
            .map(Self::Site)
            .ok_or(
                "give an origin as browsers send it, such as https://app.example.com: lower case, no path, no slash at \
                 the end, no port that is the scheme's own; or * for any",
            )
    }
}

/// What tells browsers that these sites' scripts may use the API; `None` where none may.
///
/// Never with credentials: a key is sent in a header by whoever has it, and there are no cookies.
pub(super) fn layer(origins: &[Origin]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let sites = origins.iter().map(|origin| match origin {
        Origin::Any => None,
        Origin::Site(site) => Some(site.clone()),
    });
    let allowed = sites
        .collect::<Option<Vec<_>>>()
        .map_or_else(AllowOrigin::any, AllowOrigin::list);
    let names = ["x-api-key", "x-request-id", "ratelimit", "ratelimit-policy"];
    let [api_key, request_id, limit, policy] = names.map(HeaderName::from_static);
    // What MCP has its clients send.
    let [version, method, name] =
        ["mcp-protocol-version", "mcp-method", "mcp-name"].map(HeaderName::from_static);
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            api_key,
            request_id.clone(),
            version,
            method,
            name,
        ])
        .expose_headers([request_id, header::RETRY_AFTER, limit, policy])
        .max_age(REMEMBERED);
    Some(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_browsers_send() {
        for origin in [
            "*",
            "https://app.example.com",
            "http://localhost:3000",
            "http://[::1]:3000",
            "https://xn--bcher-kva.example",
        ] {
            assert!(origin.parse::<Origin>().is_ok(), "{origin}");
        }
        for other in [
            "",
            "null",
            "app.example.com",
            "https://app.example.com/",
            "https://App.example.com",
            "https://app.example.com:443",
            "https://user@app.example.com",
            "https://*.example.com",
            "https://bücher.example",
            "ftp://app.example.com",
            "file:///etc",
            " https://app.example.com",
        ] {
            assert!(other.parse::<Origin>().is_err(), "{other}");
        }
    }
}
