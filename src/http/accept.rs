//! What a caller would like to be sent (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header};

/// What `Accept` allows. Several lines of it are one list; what is no media range in it says nothing.
#[derive(Debug)]
pub(super) struct Accept<'a>(Vec<Range<'a>>);

/// How much a media type is liked: by its weight, then by how precisely it was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Liking {
    /// In thousandths; never 0, which is a refusal.
    weight: u16,
    pub(super) precision: Precision,
}

/// How precisely a range names a media type; of those that name it the most precise one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Precision {
    /// `*/*`, or no header at all.
    Anything,
    /// `application/*`.
    Type,
    /// `application/json`.
    Exact,
}

#[derive(Debug)]
struct Range<'a> {
    media_type: &'a str,
    subtype: &'a str,
    weight: u16,
}

impl<'a> Accept<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter();
        let lines = lines.filter_map(|line| line.to_str().ok());
        Self(
            lines
                .flat_map(|line| split(line, ','))
                .filter_map(Range::parse)
                .collect(),
        )
    }

    /// How much this media type is liked; `None` where it is refused.
    pub(super) fn liking(&self, media_type: &str, subtype: &str) -> Option<Liking> {
        if self.0.is_empty() {
            return Some(Liking {
                weight: MOST,
                precision: Precision::Anything,
            });
        }
        let named = self.0.iter().filter_map(|range| {
            let precision = range.precision(media_type, subtype)?;
            Some((precision, range.weight))
        });
        let (precision, weight) = named.max()?;
        (weight > 0).then_some(Liking { weight, precision })
    }

    /// Whether a page is asked for by name, and liked better than JSON of any kind: what browsers do.
    pub(super) fn prefers_html(&self) -> bool {
        let weight = |liking: Liking| liking.weight;
        let html = self
            .liking("text", "html")
            .filter(|liking| liking.precision == Precision::Exact);
        let json = ["graphql-response+json", "json"]
            .into_iter()
            .filter_map(|subtype| self.liking("application", subtype).map(weight))
            .max();
        html.map(weight) > json
    }
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = split(text, ';').map(str::trim);
        let (media_type, subtype) = parts.next()?.split_once('/')?;
        let mut weight = MOST;
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("q") {
                weight = parse_weight(value)?;
            } else if name.eq_ignore_ascii_case("charset") && !is_utf8(value) {
                return None;
            }
        }
        Some(Self {
            media_type: media_type.trim(),
            subtype: subtype.trim(),
            weight,
        })
    }

    fn precision(&self, media_type: &str, subtype: &str) -> Option<Precision> {
        if (self.media_type, self.subtype) == ("*", "*") {
            return Some(Precision::Anything);
        }
        if !self.media_type.eq_ignore_ascii_case(media_type) {
            return None;
        }
        if self.subtype == "*" {
            Some(Precision::Type)
        } else {
            let is_exact = self.subtype.eq_ignore_ascii_case(subtype);
            is_exact.then_some(Precision::Exact)
        }
    }
}

/// The weight of what is named without one.
const MOST: u16 = 1000;

/// `0` to `1` with at most three decimals, in thousandths.
fn parse_weight(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = [100, 10, 1]
        .into_iter()
        .zip(decimals.bytes())
        .map(|(worth, digit)| worth * u16::from(digit - b'0'))
        .sum();
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(MOST),
        _ => None,
    }
}

/// Whether a charset is the one in which all is read and sent.
pub(super) fn is_utf8(charset: &str) -> bool {
    let charset = charset.trim_matches('"');
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// The parts between separators that do not stand in a quoted string.
pub(super) fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |character| {
        is_quoted ^= character == '"';
        character == separator && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_has_at_most_three_decimals_and_is_at_most_one() {
        for (text, weight) in [
            ("0", 0),
            ("1", 1000),
            ("1.", 1000),
            ("1.000", 1000),
            ("0.5", 500),
            ("0.05", 50),
        ] {
            assert_eq!(parse_weight(text), Some(weight), "{text}");
        }
        for text in [
            "", "2", "1.001", "0.1234", "-1", "+0.5", ".5", "0.x", "NaN", "inf", "1e0", "0,5",
        ] {
            assert_eq!(parse_weight(text), None, "{text}");
        }
    }

    #[test]
    fn what_stands_in_quotes_separates_nothing() {
        let parts: Vec<_> = split(r#"a/b;x="1,2;3", c/d"#, ',').collect();
        assert_eq!(parts, [r#"a/b;x="1,2;3""#, " c/d"]);
    }
}
