//! Who visits, as far as a request says.

use std::{borrow::Cow, net::IpAddr, net::SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap, Method, header, request::Parts},
};
use entity::{ClickId, Timestamp, click::Method as ClickMethod};

use crate::{clicks::visit::Visit, links::resolve::LiveLink, values::network::Networks};

/// What a request says of its sender.
#[derive(Debug)]
pub(super) struct Visitor<'a> {
    method: ClickMethod,
    agent: Option<Cow<'a, str>>,
    is_prefetch: bool,
    address: Option<IpAddr>,
    referrer: Option<&'a str>,
    languages: Option<&'a str>,
    query: &'a str,
    is_private: bool,
}

impl<'a> Visitor<'a> {
    /// Reads a request; `trusted` are the proxies whose word on addresses is taken.
    pub(super) fn of(request: &'a Parts, trusted: &Networks) -> Self {
        let mut visitor = Self {
            method: match request.method {
                Method::HEAD => ClickMethod::Head,
                Method::POST => ClickMethod::Post,
                _ => ClickMethod::Get,
            },
            agent: None,
            is_prefetch: false,
            address: address_of(&request.extensions, &request.headers, trusted),
            referrer: None,
            languages: None,
            query: request.uri.query().unwrap_or_default(),
            is_private: false,
        };
        // Once over all of them: a look-up for each would cost more.
        for (name, value) in &request.headers {
            match name.as_str() {
                "user-agent" if visitor.agent.is_none() => {
                    // Some apps write their name in their own script, which is no reason to take them for bots.
                    visitor.agent = Some(String::from_utf8_lossy(value.as_bytes()));
                }
                "referer" => visitor.referrer = visitor.referrer.or(value.to_str().ok()),
                "accept-language" => visitor.languages = visitor.languages.or(value.to_str().ok()),
                "purpose" | "x-purpose" | "x-moz" | "sec-purpose" => {
                    visitor.is_prefetch |= says_ahead(value.as_bytes());
                }
                "sec-gpc" | "dnt" => visitor.is_private |= value == "1",
                _ => {}
            }
        }
        visitor
    }

    /// Its visit to a link.
    pub(super) fn visit(&'a self, id: ClickId, link: &'a LiveLink, at: Timestamp) -> Visit<'a> {
        Visit {
            id,
            link: link.id,
            destination: link.destination(),
            at,
            method: self.method,
            user_agent: self.agent.as_deref(),
            is_prefetch: self.is_prefetch,
            address: self.address,
            referrer: self.referrer,
            languages: self.languages,
            query: self.query,
            is_private: self.is_private,
        }
    }
}

/// Whether a header says that its request fetches ahead of a person: `prefetch`, `prefetch;prerender`, `preview`.
fn says_ahead(value: &[u8]) -> bool {
    let words = [b"prefetch".as_slice(), b"prerender", b"preview"];
    words.iter().any(|word| {
        value
            .windows(word.len())
            .any(|part| part.eq_ignore_ascii_case(word))
    })
}

/// The address that a request comes from: its peer's, or, where that is a trusted proxy, the last one in
/// `X-Forwarded-For` that is none. What stands to the left of that one is the sender's own word, and so is the whole
/// header from anywhere else. An entry that is no address ends the walk at the proxy that wrote it.
pub(super) fn address_of(extensions: &Extensions, headers: &HeaderMap, trusted: &Networks) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    let mut address = peer.ip();
    if trusted.is_empty() || !trusted.contain(address) {
        return Some(address);
    }
    let lines = headers.get_all(header::HeaderName::from_static("x-forwarded-for"));
    for line in lines.iter().rev() {
        for entry in line.as_bytes().rsplit(|byte| *byte == b',') {
            let Some(before) = forwarded(entry) else {
                return Some(address);
            };
            address = before;
            if !trusted.contain(address) {
                return Some(address);
            }
        }
    }
    Some(address)
}

/// An address as a proxy writes it, some with the port.
fn forwarded(entry: &[u8]) -> Option<IpAddr> {
    let entry = str::from_utf8(entry).ok()?.trim();
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = entry.parse().ok().or_else(in_brackets);
    address.or_else(|| entry.parse().map(|with_port: SocketAddr| with_port.ip()).ok())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(peer: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        let peer: SocketAddr = peer.parse().expect("a peer");
        parts.extensions.insert(ConnectInfo(peer));
        parts
    }

    #[test]
    fn the_address_is_the_last_one_that_no_trusted_proxy_has() {
        let trusted: Networks = ["10.0.0.0/8", "2001:db8:ffff::/48"]
            .iter()
            .map(|network| network.parse().expect("a network"))
            .collect::<Networks>();
        for (peer, forwarded, expected) in [
            ("203.0.113.7:1", &[][..], "203.0.113.7"),
            // From elsewhere it is forged.
            ("203.0.113.7:1", &["198.51.100.1"], "203.0.113.7"),
            ("203.0.113.7:1", &["10.0.0.1"], "203.0.113.7"),
            ("10.0.0.1:1", &[], "10.0.0.1"),
            ("10.0.0.1:1", &["198.51.100.1"], "198.51.100.1"),
            ("[::ffff:10.0.0.1]:1", &["198.51.100.1"], "198.51.100.1"),
            ("[2001:db8:ffff::1]:1", &["2001:db8:1::1"], "2001:db8:1::1"),
            // What a visitor sent before the proxy's own entry is a forgery too.
            ("10.0.0.1:1", &["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1:1", &["1.2.3.4", "198.51.100.1"], "198.51.100.1"),
            (
                "10.0.0.1:1",
                &["198.51.100.1,10.0.0.2 , 10.0.0.3"],
                "198.51.100.1",
            ),
            (
                "10.0.0.1:1",
                &["198.51.100.1, 10.0.0.2", "10.0.0.3"],
                "198.51.100.1",
            ),
            ("10.0.0.1:1", &["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
            // With its port.
            ("10.0.0.1:1", &["198.51.100.1:5678"], "198.51.100.1"),
            ("10.0.0.1:1", &["[2001:db8:1::1]:5678"], "2001:db8:1::1"),
            ("10.0.0.1:1", &["[2001:db8:1::1]"], "2001:db8:1::1"),
            // No address.
            ("10.0.0.1:1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1:1", &["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1:1", &[""], "10.0.0.1"),
            ("10.0.0.1:1", &["198.51.100.1,"], "10.0.0.1"),
        ] {
            let headers: Vec<_> = forwarded.iter().map(|line| ("x-forwarded-for", *line)).collect();
            let parts = parts(peer, &headers);
            let address =
                address_of(&parts.extensions, &parts.headers, &trusted).map(|address| address.to_string());
            assert_eq!(address.as_deref(), Some(expected), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn whoever_fetches_ahead_says_so_in_one_of_four_headers() {
        for (name, value, is_prefetch) in [
            ("purpose", "prefetch", true),
            ("x-purpose", "preview", true),
            ("x-moz", "PREFETCH", true),
            ("sec-purpose", "prefetch;prerender", true),
            ("sec-purpose", "prefetch;anonymous-client-ip", true),
            ("sec-purpose", "prerender", true),
            ("sec-purpose", "", false),
            ("purpose", "navigate", false),
            ("sec-fetch-mode", "prefetch", false),
            ("x-purpose", "pre", false),
        ] {
            let parts = parts("203.0.113.7:1", &[(name, value)]);
            let visitor = Visitor::of(&parts, &Networks::default());
            assert_eq!(visitor.is_prefetch, is_prefetch, "{name}: {value}");
        }
    }
}
