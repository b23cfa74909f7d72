//! What a request says of where its visitor comes from, in which language, and with which parameters.
//!
//! All of it is written by strangers: each is brought into one form, or left out.

use std::collections::HashSet;

use sea_orm::prelude::Json;
use serde_json::Map;
use url::Url;

use super::known_agents::beginning;
use crate::values::{query, template};

/// The longest host that can be.
const MAX_HOST_BYTES: usize = 253;

/// What RFC 4646 has room made for; longer tags are no language that reports know.
const MAX_LANGUAGE_BYTES: usize = 35;

/// The most bytes of a parameter's value that are kept.
const MAX_VALUE_BYTES: usize = 255;

/// The most bytes of all parameters together, as JSON.
const MAX_PARAMETERS_BYTES: usize = 2048;

/// What is kept of a short link's query, whether or not the destination asks for it.
const ALWAYS_KEPT: [&str; 6] = ["sub1", "sub2", "sub3", "sub4", "sub5", "source"];

/// The host of a page that led here, in lower case; `None` where that is no page of the web.
#[must_use]
pub fn referrer_host(referer: &str) -> Option<String> {
    let url = Url::parse(referer).ok()?;
    let host = url
        .host_str()
        .filter(|host| (1..=MAX_HOST_BYTES).contains(&host.len()))?;
    matches!(url.scheme(), "http" | "https").then(|| host.to_owned())
}

/// The language that an `Accept-Language` prefers, such as `en-US` or `zh-Hant-TW`; `None` where it prefers none.
#[must_use]
pub fn language(accepted: &str) -> Option<String> {
    let mut best = (0.0, None);
    for entry in accepted.split(',') {
        let (tag, weight) = match entry.split_once(';') {
            None => (entry, 1.0),
            Some((tag, weight)) => (tag, weight_of(weight).unwrap_or_default()),
        };
        let tag = tag.trim();
        if weight > best.0 && is_tag(tag) {
            best = (weight, Some(tag));
        }
        if best.0 >= 1.0 {
            break;
        }
    }
    best.1.map(canonical)
}

fn weight_of(parameter: &str) -> Option<f32> {
    parameter.trim().strip_prefix("q=")?.parse().ok()
}

fn is_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let is_language =
        |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    tag.len() <= MAX_LANGUAGE_BYTES
        && parts.next().is_some_and(is_language)
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

/// A tag as BCP 47 writes it: a script with one capital, a region in capitals, all else small.
fn canonical(tag: &str) -> String {
    let mut written = tag.to_ascii_lowercase();
    let mut at = 0;
    let mut is_extension = false;
    for (position, part) in tag.split('-').enumerate() {
        let end = at + part.len();
        is_extension |= part.len() == 1;
        if position > 0 && !is_extension {
            match part.len() {
                2 => written[at..end].make_ascii_uppercase(),
                4 => written[at..=at].make_ascii_uppercase(),
                _ => {}
            }
        }
        at = end + 1;
    }
    written
}

/// The parameters of a short link's query that are kept: `sub1` to `sub5`, `source`, and what fills a macro of the
/// destination. Of two with one name it is the first, as in the destination; what finds no room is left out, and so is
/// what is beyond the first [`query::SHORT_LINK_PAIRS`] pairs.
#[must_use]
pub fn parameters(short_link_query: &str, destination: &str) -> Option<Json> {
    if short_link_query.is_empty() {
        return None;
    }
    let mut kept = Map::new();
    let mut bytes = "{}".len();
    let asked_for: HashSet<_> = template::parameters(destination).chain(ALWAYS_KEPT).collect();
    for pair in query::short_link_pairs(short_link_query) {
        let name = query::name(pair);
        if !asked_for.contains(name.as_ref()) || kept.contains_key(name.as_ref()) {
            continue;
        }
        // PostgreSQL's JSON has no U+0000.
        let value = query::value(pair).replace('\0', "");
        let value = Json::from(beginning(&value, MAX_VALUE_BYTES));
        let name = name.into_owned();
        let more = Json::from(name.as_str()).to_string().len() + value.to_string().len() + ":,".len();
        if bytes + more <= MAX_PARAMETERS_BYTES {
            bytes += more;
            kept.insert(name, value);
        }
    }
    (!kept.is_empty()).then_some(Json::Object(kept))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_referrer_is_the_host_of_a_web_page() {
        let long = format!("https://{}/", ["a".repeat(60).as_str(); 5].join("."));
        for (referer, host) in [
            ("https://www.Example.com:8443/a?b#c", Some("www.example.com")),
            ("http://me:secret@example.com", Some("example.com")),
            ("https://bücher.example/", Some("xn--bcher-kva.example")),
            ("https://[2001:db8::1]/", Some("[2001:db8::1]")),
            ("android-app://com.google.android.gm/", None),
            ("about:blank", None),
            ("/relative", None),
            ("", None),
            ("https://", None),
            (&long, None),
        ] {
            assert_eq!(referrer_host(referer).as_deref(), host, "{referer}");
        }
    }

    #[test]
    fn a_language_is_the_first_of_those_preferred_most_in_one_form() {
        for (accepted, expected) in [
            ("en-US,en;q=0.9", Some("en-US")),
            ("en-us", Some("en-US")),
            ("DE", Some("de")),
            ("de;q=0.5, fr-ch;q=0.8,fr;q=0.8", Some("fr-CH")),
            ("*, en;q=0.1", Some("en")),
            ("zh-hant-tw", Some("zh-Hant-TW")),
            ("es-419", Some("es-419")),
            ("en-US-u-ca-buddhist", Some("en-US-u-ca-buddhist")),
            ("sl-rozaj-1994", Some("sl-rozaj-1994")),
            ("en;q=0", None),
            ("*", None),
            ("", None),
            ("e", None),
            ("en_US", None),
            ("<script>", None),
            ("en-abcdefghi", None),
            (
                "en-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaa",
                Some("en-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaa"),
            ),
            ("en-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaa", None),
        ] {
            assert_eq!(language(accepted).as_deref(), expected, "{accepted}");
        }
    }

    #[test]
    fn parameters_are_the_known_ones_and_what_fills_a_macro() {
        let destination = "https://t.example/?a={{query.utm}}&b={{click.id}}&c={{sub1}}";
        for (query, expected) in [
            ("", None),
            ("other=1&utm_x=2&click.id=3", None),
            (
                "sub1=a%20b&sub5=&source=x+y",
                Some(json!({"sub1": "a b", "sub5": "", "source": "x y"})),
            ),
            (
                "utm=1&utm=2&%73ub2=3&sub6=4",
                Some(json!({"utm": "1", "sub2": "3"})),
            ),
            ("sub1=a%00b", Some(json!({"sub1": "ab"}))),
            ("sub1", Some(json!({"sub1": ""}))),
            ("&&", None),
            (
                &format!("{}sub1=in&sub2=out", "a&".repeat(99)),
                Some(json!({"sub1": "in"})),
            ),
        ] {
            assert_eq!(parameters(query, destination), expected, "{query}");
        }
    }

    #[test]
    fn parameters_have_room_for_so_much() {
        let long = format!("sub1=a{}", "ä".repeat(200));
        let kept = parameters(&long, "").expect("parameters");
        assert_eq!(kept, json!({"sub1": format!("a{}", "ä".repeat(127))}));
        let names: Vec<_> = (0..20).map(|number| format!("{{{{query.p{number}}}}}")).collect();
        let query: Vec<_> = (0..20)
            .map(|number| format!("p{number}={}", "\"".repeat(200)))
            .collect();
        let kept = parameters(&query.join("&"), &names.concat()).expect("parameters");
        assert_eq!(kept.as_object().map(Map::len), Some(5));
        assert!(kept.to_string().len() <= MAX_PARAMETERS_BYTES);
    }
}
