//! Absolute web addresses.

use url::Url;

/// The most bytes that a stored URL may have.
pub const MAX_BYTES: usize = 4096;

/// An absolute `http` or `https` URL, in the normal form of the URL standard: host in lower case and
/// punycode, everything outside ASCII percent-encoded, no braces.
///
/// It can stand in a `Location` header as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebUrl(Url);

/// Why a text is no web address that Linkhop would send somebody to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Nothing, or not of a URL's form.
    #[error("give an absolute URL, such as https://example.com/sale")]
    NotAbsolute,
    /// `javascript:`, `ftp:` and the like.
    #[error("give an http or https URL")]
    Scheme,
    /// Control characters or white space, which the URL standard would silently drop.
    #[error("remove control characters and white space, or percent-encode them")]
    Space,
    /// `user@` or `user:password@`.
    #[error("remove the user name and password before the host")]
    UserInfo,
    /// Nothing after the scheme.
    #[error("give a host, such as example.com")]
    Host,
    /// More than [`MAX_BYTES`].
    #[error("shorten the URL to at most {MAX_BYTES} bytes")]
    TooLong,
}

impl WebUrl {
    /// Takes a text as a web address.
    ///
    /// # Errors
    /// When it is not absolute, not `http` or `https`, has user information, control characters, white space
    /// or no host, or is longer than [`MAX_BYTES`] before or after it is brought into normal form.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        if text.len() > MAX_BYTES {
            return Err(InvalidUrl::TooLong);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(InvalidUrl::Space);
        }
        let (scheme, rest) = text.split_once(':').ok_or(InvalidUrl::NotAbsolute)?;
        if !(scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")) {
            return Err(if is_scheme(scheme) {
                InvalidUrl::Scheme
            } else {
                InvalidUrl::NotAbsolute
            });
        }
        // The standard also reads `https:example.com` and `https:/\example.com`; a typed one is a slip.
        let authority = rest.strip_prefix("//").ok_or(InvalidUrl::NotAbsolute)?;
        let authority = authority.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() {
            return Err(InvalidUrl::Host);
        }
        if authority.contains('@') {
            return Err(InvalidUrl::UserInfo);
        }
        let url = Url::parse(text).map_err(|_| InvalidUrl::NotAbsolute)?;
        // The standard lets braces and the like stand in a host; no name that can be resolved has them.
        let host = url.host_str().unwrap_or_default();
        if !host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte))
        {
            return Err(InvalidUrl::Host);
        }
        let url = without_braces(url)?;
        if url.as_str().len() > MAX_BYTES {
            return Err(InvalidUrl::TooLong);
        }
        Ok(Self(url))
    }

    /// The URL as it is stored and sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host in lower case and punycode, without the port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The port that a request would go to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// The path, from its first slash.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path()
    }
}

impl From<WebUrl> for String {
    fn from(url: WebUrl) -> Self {
        url.0.into()
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// The standard leaves braces in queries and fragments as they are, where they would read as macros.
fn without_braces(url: Url) -> Result<Url, InvalidUrl> {
    if !url.as_str().contains(['{', '}']) {
        return Ok(url);
    }
    let encoded = url.as_str().replace('{', "%7B").replace('}', "%7D");
    Url::parse(&encoded).map_err(|_| InvalidUrl::NotAbsolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(text: &str) -> Result<String, InvalidUrl> {
        WebUrl::parse(text).map(String::from)
    }

    #[test]
    fn a_url_is_stored_in_normal_form() {
        for (text, normal) in [
            ("https://example.com", "https://example.com/"),
            ("HTTPS://EXAMPLE.com:443/A", "https://example.com/A"),
            (
                "https://bücher.example/ü?q=ü#ü",
                "https://xn--bcher-kva.example/%C3%BC?q=%C3%BC#%C3%BC",
            ),
            (
                "https://example.com/?sig=a%2Fb+c&x",
                "https://example.com/?sig=a%2Fb+c&x",
            ),
            (
                "https://example.com/{{a}}?b={{c}}#{d}",
                "https://example.com/%7B%7Ba%7D%7D?b=%7B%7Bc%7D%7D#%7Bd%7D",
            ),
            ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ] {
            assert_eq!(stored(text).as_deref(), Ok(normal));
        }
    }

    #[test]
    fn what_is_no_web_address_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", InvalidUrl::NotAbsolute),
            ("example.com/x", InvalidUrl::NotAbsolute),
            ("/x", InvalidUrl::NotAbsolute),
            ("https:example.com", InvalidUrl::NotAbsolute),
            ("https:///x", InvalidUrl::Host),
            ("https://", InvalidUrl::Host),
            ("https://?x", InvalidUrl::Host),
            ("https://:80/", InvalidUrl::NotAbsolute),
            ("javascript:alert(1)", InvalidUrl::Scheme),
            ("ftp://example.com/", InvalidUrl::Scheme),
            ("https://me@example.com/", InvalidUrl::UserInfo),
            ("https://@example.com/", InvalidUrl::UserInfo),
            ("https://a:b@example.com/", InvalidUrl::UserInfo),
            (" https://example.com/", InvalidUrl::Space),
            ("https://example.com/\r\nX: y", InvalidUrl::Space),
            ("https://example.com/\0", InvalidUrl::Space),
            ("https://example.com/a\u{a0}b", InvalidUrl::Space),
            ("https://exa mple.com/", InvalidUrl::Space),
            ("https://example.com:99999/", InvalidUrl::NotAbsolute),
            ("https://{{a}}.example.com/", InvalidUrl::Host),
        ] {
            assert_eq!(stored(text), Err(reason), "{text:?}");
        }
    }

    #[test]
    fn the_length_counts_before_and_after_encoding() {
        let long = format!("https://example.com/{}", "a".repeat(MAX_BYTES - 20));
        assert!(stored(&long).is_ok());
        assert_eq!(stored(&format!("{long}a")), Err(InvalidUrl::TooLong));
        let grows = format!("https://example.com/{}", "ü".repeat(1000));
        assert_eq!(stored(&grows), Err(InvalidUrl::TooLong));
    }
}
