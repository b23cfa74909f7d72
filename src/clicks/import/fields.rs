//! What a line says, by name.

use serde::{Deserialize, Serialize};

/// One click as a line of a file describes it; what it doesn't say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fields {
    /// Names the click: `click_` and 32 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The short link, as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_url: Option<String>,
    /// The short link, by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_link_id: Option<String>,
    /// The short link's code, beside its domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_id: Option<String>,
    /// The host that the code is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// When it was clicked, as RFC 3339 has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clicked_at: Option<String>,
    /// `GET`, `HEAD` or `POST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The `User-Agent` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The visitor's whole address, which is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The visitor's network, where the address is not known any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The visitor, as an export has them; not where the address says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visitor: Option<String>,
    /// The visitor's country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The page that led to the link, or its host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// The `Accept-Language` header, or a language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Whether the request said that nobody looks at its answer yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_prefetch: Option<bool>,
    /// The query of the short link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The parameter of that name, and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub1: Option<String>,
    /// The second one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub2: Option<String>,
    /// The third one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub3: Option<String>,
    /// The fourth one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub4: Option<String>,
    /// The fifth one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub5: Option<String>,
    /// The parameter `source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether a bot clicked; judged where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_bot: Option<bool>,
    /// Why it is a bot's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_reason: Option<String>,
    /// Which kind of bot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_kind: Option<String>,
}

/// The names, as a line of JSON and the first line of CSV have them.
pub const FIELDS: [&str; 25] = [
    "id",
    "shortUrl",
    "shortLinkId",
    "linkId",
    "domain",
    "clickedAt",
    "method",
    "userAgent",
    "ip",
    "network",
    "visitor",
    "country",
    "referrer",
    "language",
    "isPrefetch",
    "query",
    "sub1",
    "sub2",
    "sub3",
    "sub4",
    "sub5",
    "source",
    "isBot",
    "botReason",
    "botKind",
];

/// A cell that should say yes or no says something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is true or false, or empty")]
pub struct WrongField(&'static str);

impl Fields {
    /// Takes a cell of CSV; an empty one says nothing.
    ///
    /// # Errors
    /// When it should say yes or no and says something else.
    pub(super) fn set(&mut self, name: &'static str, cell: String) -> Result<(), WrongField> {
        if cell.is_empty() {
            return Ok(());
        }
        let is = || match cell.as_str() {
            "true" | "TRUE" | "1" => Ok(Some(true)),
            "false" | "FALSE" | "0" => Ok(Some(false)),
            _ => Err(WrongField(name)),
        };
        match name {
            "isPrefetch" => self.is_prefetch = is()?,
            "isBot" => self.is_bot = is()?,
            text => {
                if let Some(field) = self.text(text) {
                    *field = Some(cell);
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "id" => &mut self.id,
            "shortUrl" => &mut self.short_url,
            "shortLinkId" => &mut self.short_link_id,
            "linkId" => &mut self.link_id,
            "domain" => &mut self.domain,
            "clickedAt" => &mut self.clicked_at,
            "method" => &mut self.method,
            "userAgent" => &mut self.user_agent,
            "ip" => &mut self.ip,
            "network" => &mut self.network,
            "visitor" => &mut self.visitor,
            "country" => &mut self.country,
            "referrer" => &mut self.referrer,
            "language" => &mut self.language,
            "query" => &mut self.query,
            "sub1" => &mut self.sub1,
            "sub2" => &mut self.sub2,
            "sub3" => &mut self.sub3,
            "sub4" => &mut self.sub4,
            "sub5" => &mut self.sub5,
            "source" => &mut self.source,
            "botReason" => &mut self.bot_reason,
            "botKind" => &mut self.bot_kind,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_can_be_set_from_a_cell_and_read_from_json() {
        for name in FIELDS {
            let cell = if name.starts_with("is") { "true" } else { "x" };
            let mut fields = Fields::default();
            fields.set(name, cell.to_owned()).expect("a field");
            assert_ne!(fields, Fields::default(), "{name}");
            let json = serde_json::to_string(&fields).expect("JSON");
            assert!(json.contains(&format!("\"{name}\":")), "{json}");
            assert_eq!(serde_json::from_str::<Fields>(&json).expect("fields"), fields);
        }
        let mut fields = Fields::default();
        assert_eq!(fields.set("isBot", "maybe".to_owned()), Err(WrongField("isBot")));
        assert_eq!(
            (fields.set("isBot", String::new()), fields.is_bot),
            (Ok(()), None)
        );
    }
}
