//! The host that a request names.

/// The most characters of a host name (RFC 1035) with a port.
const MAX_BYTES: usize = 253 + 6;

/// A host with an optional port, in lower case, as a request's `Host` header or a short URL names it.
///
/// Only its form is known: whether a domain has that name is for the database to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    text: String,
    name_bytes: usize,
}

impl Host {
    /// Takes a text as a host; `None` where no domain could have that name, so that nothing need be asked.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > MAX_BYTES {
            return None;
        }
        let bracket = text.rfind(']').map_or(0, |end| end + 1);
        let (name, port) = match text[bracket..].find(':') {
            Some(colon) => (&text[..bracket + colon], Some(&text[bracket + colon + 1..])),
            None => (text, None),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let plain = name.bytes().all(allowed);
        let bracketed = bracket == name.len()
            && name.starts_with('[')
            && name[1..name.len() - 1]
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte));
        if name.is_empty() || name.ends_with('.') || !(plain || bracketed) {
            return None;
        }
        let mut host = name.to_ascii_lowercase();
        let name_bytes = host.len();
        if let Some(port) = port {
            if !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let port: u16 = port.parse().ok()?;
            host.push(':');
            host.push_str(&port.to_string());
        }
        Some(Self {
            text: host,
            name_bytes,
        })
    }

    /// Whether a text is a host as it stands, without a port, which costs less to know than to parse it.
    #[must_use]
    pub fn is_plain(text: &str) -> bool {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        (1..=MAX_BYTES).contains(&text.len()) && !text.ends_with('.') && text.bytes().all(allowed)
    }

    /// The host with its port, as it was named.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host without its port.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.text[..self.name_bytes]
    }

    /// The port, where one was named.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.text.get(self.name_bytes + 1..)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_lower_case_and_keeps_its_port() {
        for (text, name, port) in [
            ("Go.Example.COM", "go.example.com", None),
            ("go.example.com.", "go.example.com", None),
            ("127.0.0.1:4000", "127.0.0.1", Some(4000)),
            ("[::1]:80", "[::1]", Some(80)),
            ("[::1]", "[::1]", None),
        ] {
            let host = Host::parse(text).expect(text);
            assert_eq!((host.name(), host.port()), (name, port));
        }
    }

    #[test]
    fn a_plain_host_is_one_that_parsing_would_not_change() {
        for text in ["go.example.com", "localhost", "a_b-1.example", "127.0.0.1"] {
            assert!(Host::is_plain(text), "{text}");
            assert_eq!(Host::parse(text).expect(text).as_str(), text);
        }
        for text in [
            "",
            ".",
            "go.example.com.",
            "Go.example.com",
            "go.example.com:443",
            "[::1]",
            "a b",
            "ä",
            "a/b",
        ] {
            assert!(!Host::is_plain(text), "{text}");
        }
    }

    #[test]
    fn what_can_be_no_host_is_none() {
        for text in [
            "",
            ":80",
            ".",
            "a b",
            "a/b",
            "a:b",
            "a:99999",
            "a:",
            "a:1:2",
            "[]x",
            "[",
            "]",
            "bücher.example",
            "a\0",
            "go.example.com..",
            "..:80",
        ] {
            assert!(Host::parse(text).is_none(), "{text}");
        }
        assert!(Host::parse(&"a".repeat(300)).is_none());
    }
}
