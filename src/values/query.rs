//! The query of a URL, handled as text.
//!
//! A library's pair interface would decode and re-encode the whole query, and a signature over it would
//! break: so pairs are looked at in place, and what is not meant stays byte for byte.

use std::{borrow::Cow, fmt::Write as _, ops::Range};

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All but the characters that RFC 3986 calls unreserved: a value so encoded stands anywhere in a URL after
/// its port and is read as nothing but a value.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What may not stand raw in a URL that is sent, nor be read as a macro there.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'{')
    .add(b'}');

/// In a single pair, a `#` would begin the fragment.
const UNSAFE_IN_PAIR: &AsciiSet = &UNSAFE.add(b'#');

/// Encodes a value so that it is only ever read as a value.
#[must_use]
pub fn encode(value: &str) -> String {
    utf8_percent_encode(value, VALUE).to_string()
}

/// Encodes what no URL may hold raw, and leaves the rest as it is.
#[must_use]
pub fn safe_text(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, UNSAFE).into()
}

/// Reads a name or value of a query: plus is a space, percent escapes are bytes.
#[must_use]
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

/// The raw pairs of a query without its question mark; empty ones are left out.
pub fn pairs(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|pair| !pair.is_empty())
}

/// How many pairs of a short link's query are looked at.
pub const SHORT_LINK_PAIRS: usize = 100;

/// The raw pairs of a short link's query that are looked at, its first hundred: strangers write it, 64 KiB of it if they
/// like, and each pair is held against others.
pub fn short_link_pairs(query: &str) -> impl Iterator<Item = &str> {
    pairs(query).take(SHORT_LINK_PAIRS)
}

/// The name of a raw pair, decoded.
#[must_use]
pub fn name(pair: &str) -> Cow<'_, str> {
    decode(pair.split_once('=').map_or(pair, |(name, _)| name))
}

/// The value of a raw pair, decoded.
#[must_use]
pub fn value(pair: &str) -> Cow<'_, str> {
    decode(pair.split_once('=').map_or("", |(_, value)| value))
}

/// Where the query of `url` is, without its question mark; `None` where it has none.
fn span(url: &str) -> Option<Range<usize>> {
    let end = url.find('#').unwrap_or(url.len());
    let start = url[..end].find('?')? + 1;
    Some(start..end)
}

/// The query of `url`, without its question mark.
#[must_use]
pub fn of(url: &str) -> &str {
    span(url).map_or("", |span| &url[span])
}

/// Whether the query of `url` has a pair of that name.
#[must_use]
pub fn has(url: &str, wanted: &str) -> bool {
    pairs(of(url)).any(|pair| name(pair) == wanted)
}

/// Appends raw pairs to the query of `url`, before its fragment, escaping what must not stand there raw.
pub fn append_raw<'a>(url: &mut String, pairs: impl IntoIterator<Item = &'a str>) {
    let escaped = pairs
        .into_iter()
        .map(|pair| utf8_percent_encode(pair, UNSAFE_IN_PAIR).into());
    insert(url, escaped);
}

/// Appends a pair whose value is already encoded.
pub fn append_encoded(url: &mut String, name: &str, encoded_value: &str) {
    insert(url, [format!("{}={encoded_value}", encode(name)).into()]);
}

fn insert<'a>(url: &mut String, pairs: impl IntoIterator<Item = Cow<'a, str>>) {
    let fragment = url.split_off(url.find('#').unwrap_or(url.len()));
    let mut separator = match span(url) {
        None => "?",
        Some(span) if url[span.clone()].is_empty() || url[span.clone()].ends_with('&') => "",
        Some(_) => "&",
    };
    for pair in pairs {
        url.extend([separator, &pair]);
        separator = "&";
    }
    url.push_str(&fragment);
}

/// Sets a parameter: its first pair gets the value and any further one goes; where there is none, one is
/// appended.
pub fn set(url: &mut String, wanted: &str, encoded_value: &str) {
    if !has(url, wanted) {
        return append_encoded(url, wanted, encoded_value);
    }
    let Some(span) = span(url) else { return };
    let mut query = String::with_capacity(span.len() + encoded_value.len());
    let mut seen = false;
    for (position, pair) in url[span.clone()].split('&').enumerate() {
        let is_wanted = !pair.is_empty() && name(pair) == wanted;
        if is_wanted && seen {
            continue;
        }
        if position > 0 {
            query.push('&');
        }
        if is_wanted {
            seen = true;
            let raw_name = pair.split_once('=').map_or(pair, |(raw_name, _)| raw_name);
            let _ = write!(query, "{raw_name}={encoded_value}");
        } else {
            query.push_str(pair);
        }
    }
    url.replace_range(span, &query);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_appended_before_the_fragment() {
        for (url, expected) in [
            ("https://a.example/", "https://a.example/?n%20m=1"),
            ("https://a.example/?", "https://a.example/?n%20m=1"),
            ("https://a.example/?b=2", "https://a.example/?b=2&n%20m=1"),
            ("https://a.example/?b=2&", "https://a.example/?b=2&n%20m=1"),
            ("https://a.example/#f?x", "https://a.example/?n%20m=1#f?x"),
        ] {
            let mut url = url.to_owned();
            append_encoded(&mut url, "n m", "1");
            assert_eq!(url, expected);
        }
    }

    #[test]
    fn many_pairs_are_appended_in_their_order() {
        for (url, expected) in [
            ("https://a.example/#f", "https://a.example/?a=?&b%23#f"),
            ("https://a.example/?c&#f", "https://a.example/?c&a=?&b%23#f"),
        ] {
            let mut url = url.to_owned();
            append_raw(&mut url, ["a=?", "b#"]);
            assert_eq!(url, expected);
            append_raw(&mut url, []);
            assert_eq!(url, expected);
        }
    }

    #[test]
    fn setting_a_parameter_leaves_the_others_byte_for_byte() {
        let mut url = "https://a.example/p?&s=%2f+x&&sub1=old&e&sub1=again#f".to_owned();
        set(&mut url, "sub1", "new");
        assert_eq!(url, "https://a.example/p?&s=%2f+x&&sub1=new&e#f");
        set(&mut url, "sub2", "two");
        assert_eq!(url, "https://a.example/p?&s=%2f+x&&sub1=new&e&sub2=two#f");
    }

    #[test]
    fn a_name_is_found_however_it_is_escaped() {
        assert!(has("https://a.example/?%73ub1", "sub1"));
        assert!(!has("https://a.example/#?sub1", "sub1"));
        assert_eq!(value("a=b%20c+d=e"), "b c d=e");
    }
}
