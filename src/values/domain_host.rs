//! The host of a domain that an account brings.

use entity::domain::Scheme;

use super::host::Host;

/// A host that short links can live on, in the form in which it is stored: lower case, punycode, its port only where
/// that is not the scheme's own.
///
/// Unlike a [`Host`], which a visitor may have typed in any way, its name has been looked at: it is no wildcard, and
/// nobody else can own a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainHost(String);

/// Why a text is no host for short links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHost {
    /// More than a host: a whole URL, a path, a user.
    #[error("give the host alone, such as go.example.com, without https://, path or user")]
    NotAlone,
    /// Not of the form of a host.
    #[error(
        "give a host such as go.example.com: letters, digits and hyphens, in parts of 1 to 63 between dots"
    )]
    Form,
    /// A star.
    #[error("give one host, such as go.example.com; wildcards are not taken")]
    Wildcard,
    /// No number from 1 to 65535.
    #[error("the port is a number from 1 to 65535; leave it out where it is the scheme's own")]
    Port,
    /// The port of the other scheme.
    #[error(
        "port 80 is that of http and port 443 that of https: leave the port out, or give the other scheme"
    )]
    PortOfOtherScheme,
    /// A name below which anybody can register names.
    #[error("this is a public suffix, below which anybody can have a name; give a host of your own below it")]
    PublicSuffix,
}

impl DomainHost {
    /// Takes a text as the host of a domain that is reached by `scheme`.
    ///
    /// Addresses and `localhost` are taken too: a server is tried out there before it has a name.
    ///
    /// # Errors
    /// When it is more or less than one host with an optional port, a wildcard, or a public suffix
    /// (<https://publicsuffix.org>, private section included).
    pub fn parse(text: &str, scheme: Scheme) -> Result<Self, InvalidHost> {
        if text.contains(['/', '\\', '?', '#', '@']) {
            return Err(InvalidHost::NotAlone);
        }
        if text.contains('*') {
            return Err(InvalidHost::Wildcard);
        }
        let bracket = text.rfind(']').map_or(0, |end| end + 1);
        let (name, port) = match text[bracket..].find(':') {
            Some(colon) => (&text[..bracket + colon], Some(&text[bracket + colon + 1..])),
            None => (text, None),
        };
        let name = name_of(name)?;
        let port = port.map(port_of).transpose()?;
        let other = match scheme {
            Scheme::Http => Scheme::Https,
            Scheme::Https => Scheme::Http,
        };
        match port {
            // Else two domains could be meant by one visit: whether it named its port is not the visitor's to say.
            Some(port) if port == other.default_port() => Err(InvalidHost::PortOfOtherScheme),
            Some(port) if port != scheme.default_port() => Ok(Self(format!("{name}:{port}"))),
            _ => Ok(Self(name)),
        }
    }

    /// The host as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<DomainHost> for String {
    fn from(host: DomainHost) -> Self {
        host.0
    }
}

/// The name in lower case and punycode.
fn name_of(text: &str) -> Result<String, InvalidHost> {
    // The URL standard would drop some characters, such as a soft hyphen: whoever typed one meant something else.
    let plain = text.chars().all(|c| c.is_alphanumeric() || ".-_[]:".contains(c));
    let text = text.strip_suffix('.').unwrap_or(text);
    if !plain || text.is_empty() {
        return Err(InvalidHost::Form);
    }
    let name = match url::Host::parse(text).map_err(|_| InvalidHost::Form)? {
        url::Host::Domain(name) => name,
        // The URL standard reads `1` and `0x7f.1` as addresses too: whoever typed one meant something else.
        url::Host::Ipv4(address) if address.to_string() != text => return Err(InvalidHost::Form),
        address @ (url::Host::Ipv4(_) | url::Host::Ipv6(_)) => return Ok(address.to_string()),
    };
    let is_label =
        |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    if name.len() > 253 || !name.split('.').all(is_label) || Host::parse(&name).is_none() {
        return Err(InvalidHost::Form);
    }
    if name != "localhost" && psl::suffix_str(&name).is_none_or(|suffix| suffix == name) {
        return Err(InvalidHost::PublicSuffix);
    }
    Ok(name)
}

fn port_of(text: &str) -> Result<u16, InvalidHost> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| is_number && *port > 0);
    port.ok_or(InvalidHost::Port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(text: &str, scheme: Scheme) -> Result<String, InvalidHost> {
        DomainHost::parse(text, scheme).map(String::from)
    }

    #[test]
    fn a_host_is_stored_in_one_form_with_its_port_only_where_that_says_something() {
        for (text, host) in [
            ("go.example.com", "go.example.com"),
            ("GO.Example.COM.", "go.example.com"),
            ("example.co.uk", "example.co.uk"),
            ("go.example.com:443", "go.example.com"),
            ("go.example.com:8443", "go.example.com:8443"),
            ("Bücher.example", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("my_links.example.com", "my_links.example.com"),
            ("me.github.io", "me.github.io"),
            ("links.internal", "links.internal"),
            ("localhost:8443", "localhost:8443"),
            ("127.0.0.1:8443", "127.0.0.1:8443"),
            ("[::1]", "[::1]"),
            ("[0:0:0:0:0:0:0:1]:9000", "[::1]:9000"),
        ] {
            assert_eq!(stored(text, Scheme::Https).as_deref(), Ok(host), "{text}");
        }
        assert_eq!(
            stored("go.example.com:80", Scheme::Http).as_deref(),
            Ok("go.example.com")
        );
    }

    #[test]
    fn what_is_no_host_of_one_s_own_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", InvalidHost::Form),
            (".", InvalidHost::Form),
            ("a..example.com", InvalidHost::Form),
            ("-a.example.com", InvalidHost::Form),
            ("go example.com", InvalidHost::Form),
            ("go.example.com\0", InvalidHost::Form),
            ("go.ex\u{ad}ample.com", InvalidHost::Form),
            ("{{list.id}}.example.com", InvalidHost::Form),
            ("[::1", InvalidHost::Form),
            ("1", InvalidHost::Form),
            ("0x7f.1", InvalidHost::Form),
            (&format!("{}.example.com", "a".repeat(64)), InvalidHost::Form),
            (&format!("{}example.com", "a.".repeat(130)), InvalidHost::Form),
            ("https://go.example.com", InvalidHost::NotAlone),
            ("go.example.com/", InvalidHost::NotAlone),
            ("go.example.com?x", InvalidHost::NotAlone),
            ("me@go.example.com", InvalidHost::NotAlone),
            ("*.example.com", InvalidHost::Wildcard),
            ("go.example.com:", InvalidHost::Port),
            ("go.example.com:0", InvalidHost::Port),
            ("go.example.com:65536", InvalidHost::Port),
            ("go.example.com:+80", InvalidHost::Port),
            ("go.example.com:https", InvalidHost::Port),
            ("go.example.com:1:2", InvalidHost::Port),
            ("go.example.com:80", InvalidHost::PortOfOtherScheme),
            ("com", InvalidHost::PublicSuffix),
            ("co.uk", InvalidHost::PublicSuffix),
            ("github.io", InvalidHost::PublicSuffix),
            ("intranet", InvalidHost::PublicSuffix),
        ] {
            assert_eq!(stored(text, Scheme::Https), Err(reason), "{text:.40?}");
        }
        assert_eq!(
            stored("go.example.com:443", Scheme::Http),
            Err(InvalidHost::PortOfOtherScheme)
        );
    }
}
