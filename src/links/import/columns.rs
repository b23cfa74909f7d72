//! Which column of a file says what of a link.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::links::create::NewShortLink;

/// What a column or a field of a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
    Url,
    OfferId,
    ListId,
    PhoneNumber,
    ContactPhone,
    Code(CodeFrom),
    FilterBots,
    ExpiresAt,
    MaxClicks,
    FallbackUrl,
    Metadata,
    MetadataKey(String),
}

/// Where a code comes from; what stands first wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum CodeFrom {
    /// The code itself.
    Code,
    /// A short URL with a code that somebody chose.
    CustomUrl,
    /// A short URL.
    Url,
}

impl Column {
    /// By its name, as this program, Bitly, YOURLS or Shlink writes it; upper and lower case, spaces and `_` make no
    /// difference. `None` for one that says nothing of a link.
    fn named(name: &str) -> Option<Self> {
        if let Some(key) = name.strip_prefix("metadata.") {
            return Some(Self::MetadataKey(key.to_owned()));
        }
        let plain: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|character| character.to_ascii_lowercase())
            .collect();
        Some(match plain.as_str() {
            "url" | "longurl" => Self::Url,
            "offerid" => Self::OfferId,
            "listid" => Self::ListId,
            "phonenumber" => Self::PhoneNumber,
            "contactphone" => Self::ContactPhone,
            "code" | "keyword" | "shortcode" => Self::Code(CodeFrom::Code),
            "custombitlink" | "custombitlinks" => Self::Code(CodeFrom::CustomUrl),
            "bitlink" | "shorturl" | "link" => Self::Code(CodeFrom::Url),
            "filterbots" => Self::FilterBots,
            "expiresat" => Self::ExpiresAt,
            "maxclicks" => Self::MaxClicks,
            "fallbackurl" => Self::FallbackUrl,
            "metadata" => Self::Metadata,
            "title" | "tags" => Self::MetadataKey(plain),
            _ => return None,
        })
    }
}

/// Why a column's value says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongValue {
    /// No number.
    #[error("{0} is a whole number such as 42")]
    Number(&'static str),
    /// Neither yes nor no.
    #[error("filterBots is true or false, or empty")]
    Flag,
    /// No time.
    #[error("expiresAt is a time with its zone, such as 2026-12-24T18:00:00Z")]
    Time,
    /// No text.
    #[error("{0} is a text")]
    Text(&'static str),
    /// No JSON.
    #[error("metadata is a JSON object, such as {{\"campaign\": \"spring\"}}")]
    Metadata,
}

/// Why a file's columns make no links.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongColumns {
    /// None says where links lead.
    #[error("the first row of CSV names neither url nor offerId, so no link would lead anywhere")]
    NoTarget,
    /// Two say the same.
    #[error("the first row of CSV names {0:?} and {1:?}, which say the same")]
    Twice(String, String),
}

/// The columns of a file of CSV.
#[derive(Clone, Debug)]
pub struct Columns(Vec<Option<Column>>);

impl Columns {
    /// What the names of a first row stand for.
    ///
    /// # Errors
    /// When two say the same, or none says where links lead.
    pub fn of(names: &[String]) -> Result<Self, WrongColumns> {
        let columns: Vec<_> = names.iter().map(|name| Column::named(name)).collect();
        for (at, column) in columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let before = columns[..at]
                .iter()
                .position(|other| other.as_ref() == Some(column));
            // Other shorteners have the same in several columns, and titles beside tags: the last that says something counts.
            let is_ours = !matches!(
                column,
                Column::Code(CodeFrom::Url | CodeFrom::CustomUrl) | Column::MetadataKey(_)
            );
            if let Some(before) = before.filter(|_| is_ours) {
                return Err(WrongColumns::Twice(names[before].clone(), names[at].clone()));
            }
        }
        let leads = |column: &Option<Column>| matches!(column, Some(Column::Url | Column::OfferId));
        if !columns.iter().any(leads) {
            return Err(WrongColumns::NoTarget);
        }
        Ok(Self(columns))
    }

    /// Which of the names say nothing of a link.
    #[must_use]
    pub fn ignored<'a>(&self, names: &'a [String]) -> Vec<&'a str> {
        let pairs = self.0.iter().zip(names);
        pairs
            .filter(|(column, _)| column.is_none())
            .map(|(_, name)| name.as_str())
            .collect()
    }

    /// The link that a row asks for; what is empty says nothing.
    ///
    /// # Errors
    /// With the first cell that is wrong.
    pub fn link(&self, cells: &[String]) -> Result<NewShortLink, WrongValue> {
        let mut asked = Asked::default();
        for (column, cell) in self.0.iter().zip(cells) {
            if let Some(column) = column
                && !cell.is_empty()
            {
                asked.set_text(column, cell)?;
            }
        }
        Ok(asked.link())
    }
}

/// The link that an object asks for; null says nothing, nor do fields that there are not.
///
/// # Errors
/// With the first field that is wrong.
pub fn link_of(object: &Map<String, Value>) -> Result<NewShortLink, WrongValue> {
    let mut asked = Asked::default();
    for (name, value) in object {
        if let Some(column) = Column::named(name)
            && !value.is_null()
        {
            asked.set(&column, value)?;
        }
    }
    Ok(asked.link())
}

#[derive(Default)]
struct Asked {
    new: NewShortLink,
    metadata: Map<String, Value>,
    has_metadata: bool,
    code_from: Option<CodeFrom>,
}

impl Asked {
    fn set(&mut self, column: &Column, value: &Value) -> Result<(), WrongValue> {
        match (column, value) {
            (Column::Metadata, Value::Object(fields)) => {
                self.has_metadata = true;
                self.metadata.extend(fields.clone());
                Ok(())
            }
            (Column::MetadataKey(key), value) => {
                self.has_metadata = true;
                self.metadata.insert(key.clone(), value.clone());
                Ok(())
            }
            (Column::FilterBots, Value::Bool(flag)) => {
                self.new.filter_bots = Some(*flag);
                Ok(())
            }
            (Column::ListId | Column::MaxClicks, Value::Number(number)) => {
                self.set_text(column, &number.to_string())
            }
            (_, Value::String(text)) if text.is_empty() => Ok(()),
            (_, Value::String(text)) => self.set_text(column, text),
            (column, _) => Err(match column {
                Column::ListId => WrongValue::Number("listId"),
                Column::MaxClicks => WrongValue::Number("maxClicks"),
                Column::FilterBots => WrongValue::Flag,
                Column::ExpiresAt => WrongValue::Time,
                Column::Metadata | Column::MetadataKey(_) => WrongValue::Metadata,
                Column::Url => WrongValue::Text("url"),
                Column::OfferId => WrongValue::Text("offerId"),
                Column::PhoneNumber => WrongValue::Text("phoneNumber"),
                Column::ContactPhone => WrongValue::Text("contactPhone"),
                Column::Code(_) => WrongValue::Text("code"),
                Column::FallbackUrl => WrongValue::Text("fallbackUrl"),
            }),
        }
    }

    fn set_text(&mut self, column: &Column, text: &str) -> Result<(), WrongValue> {
        let new = &mut self.new;
        let own = || Some(text.to_owned());
        match column {
            Column::Url => new.url = own(),
            Column::OfferId => new.offer_id = own(),
            Column::PhoneNumber => new.phone_number = own(),
            Column::ContactPhone => new.contact_phone = own(),
            Column::FallbackUrl => new.fallback_url = own(),
            Column::ListId => new.list_id = Some(number(text, "listId")?),
            Column::MaxClicks => new.max_clicks = Some(number(text, "maxClicks")?),
            Column::FilterBots => {
                let (yes, no) = (["true", "1", "yes"], ["false", "0", "no"]);
                let is = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
                if !is(yes) && !is(no) {
                    return Err(WrongValue::Flag);
                }
                new.filter_bots = Some(is(yes));
            }
            Column::ExpiresAt => {
                let time = text.trim().parse::<DateTime<Utc>>();
                new.expires_at = Some(time.map_err(|_| WrongValue::Time)?);
            }
            Column::Code(from) => {
                let code = match from {
                    CodeFrom::Code => Some(text),
                    CodeFrom::CustomUrl | CodeFrom::Url => code_of_url(text),
                };
                if self.code_from.is_none_or(|other| *from <= other)
                    && let Some(code) = code
                {
                    self.code_from = Some(*from);
                    new.code = Some(code.to_owned());
                }
            }
            Column::Metadata => match serde_json::from_str(text) {
                Ok(Value::Object(fields)) => {
                    self.has_metadata = true;
                    self.metadata.extend(fields);
                }
                _ => return Err(WrongValue::Metadata),
            },
            Column::MetadataKey(key) => {
                self.has_metadata = true;
                self.metadata.insert(key.clone(), text.into());
            }
        }
        Ok(())
    }

    fn link(self) -> NewShortLink {
        let metadata = self.has_metadata.then(|| self.metadata.into());
        NewShortLink { metadata, ..self.new }
    }
}

fn number(text: &str, name: &'static str) -> Result<i32, WrongValue> {
    text.trim().parse().map_err(|_| WrongValue::Number(name))
}

/// The code of a short URL, with or without its scheme, if it has a path.
fn code_of_url(text: &str) -> Option<&str> {
    let url = text.split_once("://").map_or(text, |(_, rest)| rest);
    let url = url.split(['?', '#']).next()?;
    let (_host, path) = url.trim_end_matches('/').split_once('/')?;
    path.rsplit('/').next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(names: &str, cells: &str) -> Result<NewShortLink, WrongValue> {
        let split = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
        Columns::of(&split(names)).expect("columns").link(&split(cells))
    }

    #[test]
    fn a_row_says_all_that_an_input_can() {
        let link = row(
            "url|offerId|listId|phoneNumber|contactPhone|code|filterBots|expiresAt|maxClicks|fallbackUrl|metadata|metadata.Key",
            "u|o|42|+1|+2|c|TRUE|2026-12-24T20:00:00+02:00|3|f|{\"a\":1}|x",
        );
        let link = serde_json::to_value(link.expect("a link")).expect("JSON");
        let expected = json!({
            "url": "u", "offer_id": "o", "list_id": 42, "phone_number": "+1", "contact_phone": "+2", "code": "c",
            "filter_bots": true, "expires_at": "2026-12-24T18:00:00Z", "max_clicks": 3, "fallback_url": "f",
            "metadata": {"a": 1, "Key": "x"},
        });
        assert_eq!(link, expected);
        let object = json!({
            "url": "u", "offerId": "o", "listId": 42, "phoneNumber": "+1", "contactPhone": "+2", "code": "c",
            "filterBots": true, "expiresAt": "2026-12-24T18:00:00Z", "maxClicks": "3", "fallbackUrl": "f",
            "metadata": {"a": 1}, "metadata.Key": "x", "line": 7, "other": null,
        });
        let link = link_of(object.as_object().expect("an object")).expect("a link");
        assert_eq!(serde_json::to_value(link).expect("JSON"), expected);
        let nothing = row("url|listId|metadata|metadata.a", "|||").expect("a link");
        assert_eq!(
            serde_json::to_value(nothing).ok(),
            serde_json::to_value(NewShortLink::default()).ok()
        );
    }

    #[test]
    fn exports_of_other_shorteners_keep_their_codes() {
        for (names, cells, code) in [
            (
                "Bitlink|Long URL|Title|Custom Bitlinks",
                "bit.ly/3abcXYZ|https://a.example/|T|",
                "3abcXYZ",
            ),
            (
                "Bitlink|Long URL|Title|Custom Bitlinks",
                "bit.ly/3abcXYZ|https://a.example/|T|go.example.com/Spring",
                "Spring",
            ),
            (
                "keyword|url|title|timestamp|ip|clicks",
                "spring|https://a.example/|T|2020|1.2.3.4|5",
                "spring",
            ),
            (
                "createdAt|title|shortUrl|domain|shortCode|longUrl|tags|visits",
                "2020|T|https://s.example/other|s.example|spring|https://a.example/||3",
                "spring",
            ),
            ("shortUrl|longUrl", "https://s.example/spring/?x=1", "spring"),
        ] {
            let link = row(names, cells).expect("a link");
            assert_eq!(link.code.as_deref(), Some(code), "{names}");
        }
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for (name, cell, wrong) in [
            ("listId", "x", WrongValue::Number("listId")),
            ("maxClicks", "1.5", WrongValue::Number("maxClicks")),
            ("filterBots", "maybe", WrongValue::Flag),
            ("expiresAt", "2026-12-24", WrongValue::Time),
            ("metadata", "[]", WrongValue::Metadata),
            ("metadata", "{", WrongValue::Metadata),
        ] {
            assert_eq!(
                row(&format!("url|{name}"), &format!("u|{cell}")).err(),
                Some(wrong),
                "{cell}"
            );
        }
        for object in [
            json!({"url": 5}),
            json!({"code": {}}),
            json!({"listId": true}),
            json!({"metadata": []}),
        ] {
            assert!(
                link_of(object.as_object().expect("an object")).is_err(),
                "{object}"
            );
        }
    }

    #[test]
    fn columns_lead_somewhere_and_say_each_thing_once() {
        let of = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            Columns::of(&names).map(|columns| columns.ignored(&names).join(","))
        };
        assert_eq!(of(&["url", "line", "reason"]), Ok("line,reason".to_owned()));
        assert_eq!(of(&["listId", "code"]), Err(WrongColumns::NoTarget));
        assert_eq!(
            of(&["url", "Long URL"]),
            Err(WrongColumns::Twice("url".to_owned(), "Long URL".to_owned()))
        );
    }
}
