//! URLs with macros: `https://example.com/?phone={{contact.phone}}&click={{click.id}}`.
//!
//! Macros of creation time are filled when a link is made, those of click time when it is clicked. A value
//! is percent-encoded where it stands, so it can never change where a URL leads.

use std::{borrow::Cow, collections::HashSet};

use entity::ClickId;

use super::{
    query,
    web_url::{InvalidUrl, MAX_BYTES, WebUrl},
};

/// A tracking URL that has been checked: `http` or `https`, a fixed host and port, known macros only.
///
/// Its text is as it was given, byte for byte, but for the host in normal form and for characters that no
/// URL may hold raw, which are percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    address: WebUrl,
}

/// Why a text is no tracking URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// Macros that nothing fills.
    #[error("no such macro: {}", .0.join(", "))]
    UnknownMacros(Vec<String>),
    /// A macro before the path, where it could change the host.
    #[error("macros may stand only after the host and port")]
    MacroInHost,
    /// No web address, whatever the macros become.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
}

/// What a link gives to the macros of creation time.
#[derive(Clone, Copy, Debug)]
pub struct Creation<'a> {
    /// `{{contact.phone}}`: the recipient.
    pub contact_phone: Option<&'a str>,
    /// `{{link.id}}`: the link's code.
    pub code: &'a str,
    /// `{{offer.id}}`.
    pub offer_id: entity::OfferId,
    /// `{{offer.external_id}}`.
    pub offer_external_id: Option<&'a str>,
    /// `{{list.id}}`: the list's number in the account.
    pub list_id: i32,
    /// `{{metadata.KEY}}`: a top-level value of the link's metadata.
    pub metadata: &'a serde_json::Value,
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.text
    }
}

enum Macro<'a> {
    ContactPhone,
    LinkId,
    OfferId,
    OfferExternalId,
    ListId,
    Metadata(&'a str),
    ClickId,
    Query(&'a str),
}

impl<'a> Macro<'a> {
    fn named(name: &'a str) -> Option<Self> {
        if name.contains(|c: char| "{}".contains(c) || c.is_whitespace() || c.is_control()) {
            // One macro inside another, or a slip: what was meant is anybody's guess.
            return None;
        }
        let keyed = |prefix| name.strip_prefix(prefix).filter(|key: &&str| !key.is_empty());
        Some(match name {
            "contact.phone" => Self::ContactPhone,
            "link.id" => Self::LinkId,
            "offer.id" => Self::OfferId,
            "offer.external_id" => Self::OfferExternalId,
            "list.id" => Self::ListId,
            "click.id" | "click_id" => Self::ClickId,
            "sub1" | "sub2" | "sub3" | "sub4" | "sub5" | "source" => Self::Query(name),
            _ => match keyed("metadata.") {
                Some(key) => Self::Metadata(key),
                // What else is added to a URL before it is clicked would begin inside of such a name.
                None => Self::Query(keyed("query.").filter(|name| !name.contains(['?', '#', '&']))?),
            },
        })
    }
}

enum Piece<'a> {
    Text(&'a str),
    Macro(&'a str),
}

/// Cuts a text at its `{{name}}`s. Braces that open and never close are text.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let open = rest.find("{{").filter(|open| rest[*open..].contains("}}"));
        let (piece, after) = match open {
            None => (Piece::Text(rest), ""),
            Some(0) => {
                let close = rest.find("}}").unwrap_or(rest.len());
                (Piece::Macro(&rest[2..close]), &rest[close + 2..])
            }
            Some(open) => (Piece::Text(&rest[..open]), &rest[open..]),
        };
        rest = after;
        Some(piece)
    })
}

impl Template {
    /// Takes a text as a tracking URL.
    ///
    /// # Errors
    /// When it is no web address, has a macro before its path, or one that nothing fills.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        if text.len() > MAX_BYTES {
            return Err(InvalidUrl::TooLong.into());
        }
        let after_scheme = text.find("://").map_or(0, |at| at + 3);
        let path_at = text[after_scheme..]
            .find(['/', '\\', '?', '#'])
            .map_or(text.len(), |at| after_scheme + at);
        if text[..path_at].contains(['{', '}']) {
            return Err(InvalidTemplate::MacroInHost);
        }
        let origin = WebUrl::parse(&text[..path_at])?;
        let mut unknown = Vec::new();
        let mut template = origin.as_str().trim_end_matches('/').to_owned();
        if !text[path_at..].starts_with(['/', '\\']) {
            template.push('/');
        }
        for piece in pieces(&text[path_at..]) {
            match piece {
                Piece::Macro(name) if Macro::named(name).is_some() => {
                    template.extend(["{{", name, "}}"]);
                }
                Piece::Macro(name) => unknown.push(name.to_owned()),
                Piece::Text(text) => template.push_str(&query::safe_text(text)),
            }
        }
        if !unknown.is_empty() {
            return Err(InvalidTemplate::UnknownMacros(unknown));
        }
        let address = WebUrl::parse(&without_macros(text))?;
        if template.len() > MAX_BYTES {
            return Err(InvalidUrl::TooLong.into());
        }
        Ok(Self {
            text: template,
            address,
        })
    }

    /// The address that it has without its macros, which never reach the host.
    #[must_use]
    pub const fn address(&self) -> &WebUrl {
        &self.address
    }

    /// The checked text, macros and all.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Fills the macros of creation time; one without a value becomes empty, those of click time stay.
    #[must_use]
    pub fn fill(&self, link: &Creation<'_>) -> String {
        let mut filled = String::with_capacity(self.text.len());
        for piece in pieces(&self.text) {
            let name = match piece {
                Piece::Text(text) => {
                    filled.push_str(text);
                    continue;
                }
                Piece::Macro(name) => name,
            };
            let value: Option<Cow<'_, str>> = match Macro::named(name) {
                Some(Macro::ContactPhone) => link.contact_phone.map(Cow::Borrowed),
                Some(Macro::LinkId) => Some(link.code.into()),
                Some(Macro::OfferId) => Some(link.offer_id.to_string().into()),
                Some(Macro::OfferExternalId) => link.offer_external_id.map(Cow::Borrowed),
                Some(Macro::ListId) => Some(link.list_id.to_string().into()),
                Some(Macro::Metadata(key)) => super::metadata::text_of(link.metadata, key).map(Cow::Owned),
                Some(Macro::ClickId | Macro::Query(_)) => {
                    filled.extend(["{{", name, "}}"]);
                    continue;
                }
                None => None,
            };
            filled.push_str(&query::encode(&value.unwrap_or_default()));
        }
        filled
    }
}

/// The text with each of its macros empty.
#[must_use]
pub fn without_macros(text: &str) -> String {
    pieces(text)
        .filter_map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::Macro(_) => None,
        })
        .collect()
}

/// The parameters of a short link's query that fill macros of `destination`, once for each macro.
pub fn parameters(destination: &str) -> impl Iterator<Item = &str> {
    pieces(destination).filter_map(|piece| match piece {
        Piece::Macro(name) => match Macro::named(name) {
            Some(Macro::Query(parameter)) => Some(parameter),
            _ => None,
        },
        Piece::Text(_) => None,
    })
}

/// Where a click goes: `destination` with its macros of click time filled, and what the short link's own
/// query did not fill appended, where the destination has no parameter of that name. Of that query the first
/// [`query::SHORT_LINK_PAIRS`] pairs count, and it is as if there were no others.
#[must_use]
pub fn fill_at_click<'a>(destination: &'a str, click: ClickId, short_link_query: &str) -> Cow<'a, str> {
    let has_macros = destination.contains("{{");
    if !has_macros && short_link_query.is_empty() {
        return Cow::Borrowed(destination);
    }
    let given: Vec<_> = query::short_link_pairs(short_link_query)
        .map(|pair| (query::name(pair), pair))
        .collect();
    let mut url = String::with_capacity(destination.len() + short_link_query.len() + 48);
    for piece in pieces(destination) {
        match piece {
            Piece::Text(text) => url.push_str(text),
            Piece::Macro(name) => match Macro::named(name) {
                Some(Macro::ClickId) => url.push_str(&click.to_string()),
                Some(Macro::Query(parameter)) => {
                    if let Some((_, pair)) = given.iter().find(|(name, _)| name == parameter) {
                        url.push_str(&query::encode(&query::value(pair)));
                    }
                }
                _ => {}
            },
        }
    }
    if !given.is_empty() {
        let own = query::pairs(query::of(destination)).map(query::name);
        let taken: HashSet<_> = own.chain(parameters(destination).map(Cow::Borrowed)).collect();
        let more = given.iter().filter(|(name, _)| !taken.contains(name));
        query::append_raw(&mut url, more.map(|(_, pair)| *pair));
    }
    Cow::Owned(url)
}

#[cfg(test)]
mod tests {
    use entity::OfferId;
    use serde_json::json;

    use super::*;

    fn fill(template: &str) -> String {
        let link = Creation {
            contact_phone: Some("+18005551234"),
            code: "Ab3kX9q",
            offer_id: OfferId::from(uuid::Uuid::nil()),
            offer_external_id: None,
            list_id: 42,
            metadata: &json!({"c": "a/b?&#{{x}}", "n": 1.5, "list": [1]}),
        };
        Template::parse(template).expect("a good template").fill(&link)
    }

    fn click(destination: &str, query: &str) -> String {
        fill_at_click(destination, ClickId::from(uuid::Uuid::nil()), query).into_owned()
    }

    const NO_CLICK: &str = "click_00000000000000000000000000000000";

    #[test]
    fn creation_macros_are_encoded_where_they_stand() {
        assert_eq!(
            fill(
                "https://t.example/{{link.id}}/{{list.id}}?p={{contact.phone}}&x={{offer.external_id}}&c={{metadata.c}}"
            ),
            "https://t.example/Ab3kX9q/42?p=%2B18005551234&x=&c=a%2Fb%3F%26%23%7B%7Bx%7D%7D"
        );
        assert_eq!(
            fill("https://t.example/?n={{metadata.n}}&l={{metadata.list}}&no={{metadata.no}}"),
            "https://t.example/?n=1.5&l=&no="
        );
    }

    #[test]
    fn click_macros_stay_until_the_click() {
        let template = "https://t.example/?k={{click.id}}&s={{sub1}}&q={{query.a b}}";
        assert!(Template::parse(template).is_err());
        let template = "https://t.example/?k={{click.id}}&s={{sub1}}&q={{query.utm}}";
        assert_eq!(fill(template), template);
        assert_eq!(
            click(template, "sub1=a%20b&utm={{x}}&other=1&k=mine"),
            format!("https://t.example/?k={NO_CLICK}&s=a%20b&q=%7B%7Bx%7D%7D&other=1")
        );
        assert_eq!(
            click(template, ""),
            format!("https://t.example/?k={NO_CLICK}&s=&q=")
        );
    }

    #[test]
    fn the_click_id_never_comes_from_the_query() {
        assert_eq!(
            click("https://t.example/{{click_id}}", "click_id=forged"),
            format!("https://t.example/{NO_CLICK}?click_id=forged")
        );
    }

    #[test]
    fn a_forwarded_query_replaces_nothing_and_brings_no_braces() {
        assert_eq!(
            click("https://t.example/?a=1#f", "a=2&b={3}&b=4&c"),
            "https://t.example/?a=1&b=%7B3%7D&b=4&c#f"
        );
        assert_eq!(click("https://t.example/", ""), "https://t.example/");
    }

    #[test]
    fn of_a_query_the_first_hundred_pairs_count() {
        let names: Vec<_> = (0..99).map(|number| format!("p{number}")).collect();
        let ninety_nine = names.join("&");
        let all = format!("&{ninety_nine}&sub1=1&&sub2=2&p100#");
        assert_eq!(
            click("https://t.example/{{sub1}}/{{sub2}}#f", &all),
            format!("https://t.example/1/?{ninety_nine}#f")
        );
    }

    #[test]
    fn everything_else_of_a_template_stays_byte_for_byte() {
        for text in [
            "https://t.example/6JHXF/2CTPL?sig=a%2fb+c&&x=%zz",
            "https://t.example:8443/a//b/../c?x#y",
        ] {
            assert_eq!(Template::parse(text).expect("good").as_str(), text);
        }
        assert_eq!(
            Template::parse("HTTPS://T.example?a={1}").expect("good").as_str(),
            "https://t.example/?a=%7B1%7D"
        );
        assert_eq!(
            Template::parse("https://t.example/ü{{").expect("good").as_str(),
            "https://t.example/%C3%BC%7B%7B"
        );
    }

    #[test]
    fn a_template_is_as_long_as_it_is_written() {
        let long = |filler: usize| {
            let macros = "{{sub1}}".repeat(100);
            format!("https://t.example/?{macros}&a={}", "x".repeat(filler))
        };
        let rest = MAX_BYTES - long(0).len();
        assert_eq!(
            Template::parse(&long(rest)).map(|template| template.as_str().len()),
            Ok(MAX_BYTES)
        );
        assert_eq!(Template::parse(&long(rest + 1)), Err(InvalidUrl::TooLong.into()));
        // Nobody is told of a million macros.
        assert_eq!(
            Template::parse(&"{{a}}".repeat(1_000_000)),
            Err(InvalidUrl::TooLong.into())
        );
    }

    #[test]
    fn a_macro_can_neither_be_unknown_nor_touch_the_host() {
        assert_eq!(
            Template::parse("https://t.example/{{nope}}/{{link.id}}?{{metadata.}}"),
            Err(InvalidTemplate::UnknownMacros(vec![
                "nope".to_owned(),
                "metadata.".to_owned()
            ]))
        );
        assert_eq!(
            Template::parse("https://t.example/{{metadata.{{sub1}}}}?{{}}"),
            Err(InvalidTemplate::UnknownMacros(vec![
                "metadata.{{sub1".to_owned(),
                String::new()
            ]))
        );
        assert_eq!(
            Template::parse(
                "https://t.example/{{query.a?b}}/?{{query.a&sub1=}}#{{query.#}}{{metadata.a&b?#}}"
            ),
            Err(InvalidTemplate::UnknownMacros(
                ["query.a?b", "query.a&sub1=", "query.#"]
                    .map(str::to_owned)
                    .to_vec()
            ))
        );
        for text in [
            "https://{{list.id}}.example/",
            "{{link.id}}://t.example/",
            "https://t.example:{{list.id}}/",
            "{{link.id}}",
        ] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
        for text in ["https://t.example{{link.id}}", "https://me{{sub1}}@t.example/"] {
            assert_eq!(Template::parse(text), Err(InvalidTemplate::MacroInHost), "{text}");
        }
    }
}
