//! The name of a host that links may lead to, as an operator writes it.

/// A host without a port, as a stored URL has it: lower case, punycode, no dot at its end, an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName(String);

/// The text is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHostName {
    /// Not of the form of one.
    #[error(
        "give a host alone, such as example.com, without https://, port, path or stars; all below it is meant too"
    )]
    Form,
    /// A name that has no dot: half of the web may be below it.
    #[error("this is a top-level domain; give hosts below it")]
    TopLevel,
}

impl HostName {
    /// Takes a text as a host.
    ///
    /// # Errors
    /// Where it is none, or more than one.
    pub fn parse(text: &str) -> Result<Self, InvalidHostName> {
        let plain = |c: char| c.is_alphanumeric() || ".-_[]:".contains(c);
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() || !text.chars().all(plain) {
            return Err(InvalidHostName::Form);
        }
        let host = url::Host::parse(text).map_err(|_| InvalidHostName::Form)?;
        match &host {
            url::Host::Domain(name) if name.contains(':') || name.split('.').any(str::is_empty) => {
                Err(InvalidHostName::Form)
            }
            url::Host::Domain(name) if !name.contains('.') && name != "localhost" => {
                Err(InvalidHostName::TopLevel)
            }
            _ => Ok(Self(host.to_string())),
        }
    }

    /// The host.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<HostName> for String {
    fn from(host: HostName) -> Self {
        host.0
    }
}

/// The host of a URL as it is stored, which has been one since it was parsed.
#[must_use]
pub fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.find(']') {
        Some(bracket) => &authority[..=bracket],
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.strip_suffix('.').unwrap_or(host)
}

/// A host, and what it is below of: `a.b.example`, `b.example`, `example`.
pub fn with_parents(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(host), |host| Some(host.split_once('.')?.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_as_a_stored_url_has_it() {
        for (text, host) in [
            ("Example.COM", "example.com"),
            ("example.com.", "example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("203.0.113.7", "203.0.113.7"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("localhost", "localhost"),
            ("a_b.example", "a_b.example"),
        ] {
            assert_eq!(
                HostName::parse(text).map(String::from).as_deref(),
                Ok(host),
                "{text}"
            );
        }
        for text in [
            "",
            ".",
            "https://example.com",
            "example.com/a",
            "example.com:443",
            "*.example.com",
            "a b.example",
            "a..example",
            ".example.com",
        ] {
            assert_eq!(HostName::parse(text), Err(InvalidHostName::Form), "{text}");
        }
        assert_eq!(HostName::parse("com"), Err(InvalidHostName::TopLevel));
    }

    #[test]
    fn the_host_of_a_stored_url_is_found_without_parsing_it() {
        for (url, host) in [
            ("https://example.com/a?b#c", "example.com"),
            ("https://example.com?b=https://other.example/", "example.com"),
            ("http://example.com:8080/", "example.com"),
            ("https://example.com./", "example.com"),
            ("https://[2001:db8::1]:8080/a", "[2001:db8::1]"),
            ("https://203.0.113.7#", "203.0.113.7"),
            ("", ""),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }

    #[test]
    fn what_a_host_is_below_of_is_cut_at_its_dots() {
        let parents: Vec<_> = with_parents("a.b.example").collect();
        assert_eq!(parents, ["a.b.example", "b.example", "example"]);
    }
}
