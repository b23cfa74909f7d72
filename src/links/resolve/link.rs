//! What the redirect needs of a link, in as few bytes as can be.

use entity::{ShortLinkId, Timestamp, short_link};

use crate::{
    catalog::blocked::{Blocked, List},
    links::lookup::{State, state},
    values::host_name::host_of,
};

/// What the redirect needs of a link. Many are kept in memory, so its texts are one allocation.
#[derive(Clone, Debug)]
pub struct LiveLink {
    /// Names the link.
    pub id: ShortLinkId,
    /// How many people it lets through.
    pub max_clicks: Option<i32>,
    /// Whether bots see the preview page.
    pub filter_bots: bool,
    /// The list that blocks where it leads, as it was when the link was read.
    blocked: Option<List>,
    status: short_link::Status,
    is_exhausted: bool,
    expires_at: Option<Timestamp>,
    /// The destination, then the fallback URL, then the brand.
    texts: Box<str>,
    fallback_from: u32,
    brand_from: u32,
}

/// A link as it is read: columns of its own, of its domain and of its list.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub id: ShortLinkId,
    pub destination: String,
    pub fallback_url: Option<String>,
    pub brand_name: Option<String>,
    pub status: short_link::Status,
    pub expires_at: Option<Timestamp>,
    pub exhausted_at: Option<Timestamp>,
    pub max_clicks: Option<i32>,
    pub filter_bots: bool,
}

impl LiveLink {
    /// `None` for texts of gigabytes. Nobody is sent to a blocked host instead of another either.
    pub(super) fn of(facts: Facts, blocked: &Blocked) -> Option<Self> {
        let list_of = |url: &str| blocked.list_of(host_of(url));
        let fallback_url = facts
            .fallback_url
            .filter(|url| list_of(url).is_none())
            .unwrap_or_default();
        let brand_name = facts.brand_name.unwrap_or_default();
        let fallback_from = facts.destination.len();
        let brand_from = fallback_from + fallback_url.len();
        Some(Self {
            id: facts.id,
            max_clicks: facts.max_clicks,
            filter_bots: facts.filter_bots,
            blocked: list_of(&facts.destination),
            status: facts.status,
            is_exhausted: facts.exhausted_at.is_some(),
            expires_at: facts.expires_at,
            texts: [facts.destination, fallback_url, brand_name].concat().into(),
            fallback_from: u32::try_from(fallback_from).ok()?,
            brand_from: u32::try_from(brand_from).ok()?,
        })
    }

    /// Where it leads; macros of click time stand in it literally.
    #[must_use]
    pub fn destination(&self) -> &str {
        self.text(0, self.fallback_from)
    }

    /// Where its visitors are sent once it no longer redirects: its own or its domain's.
    #[must_use]
    pub fn fallback_url(&self) -> Option<&str> {
        let url = self.text(self.fallback_from, self.brand_from);
        (!url.is_empty()).then_some(url)
    }

    /// Who it is sent from, as recipients know them; known only of a link that shows bots a page, and empty else.
    #[must_use]
    pub fn brand_name(&self) -> &str {
        let end = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.text(self.brand_from, end)
    }

    fn text(&self, from: u32, end: u32) -> &str {
        let range = usize::try_from(from).ok().zip(usize::try_from(end).ok());
        range
            .and_then(|(from, end)| self.texts.get(from..end))
            .unwrap_or_default()
    }

    /// The list that blocks where it leads.
    #[must_use]
    pub const fn blocked(&self) -> Option<List> {
        self.blocked
    }

    /// Where it stands at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        state(self.status, self.expires_at, self.is_exhausted, now)
    }

    /// The bytes of its texts.
    pub(super) fn text_bytes(&self) -> usize {
        self.texts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart_again() {
        for (fallback_url, brand_name) in [
            (None, None),
            (Some("https://f.example/"), None),
            (None, Some("Äpfel & Co")),
            (Some("https://f.example/"), Some("Äpfel & Co")),
        ] {
            let facts = Facts {
                id: ShortLinkId::at(Timestamp::from_millis(0)),
                destination: "https://example.com/ä".to_owned(),
                fallback_url: fallback_url.map(str::to_owned),
                brand_name: brand_name.map(str::to_owned),
                status: short_link::Status::Active,
                expires_at: None,
                exhausted_at: None,
                max_clicks: None,
                filter_bots: false,
            };
            let link = LiveLink::of(facts, &Blocked::nothing()).expect("short texts");
            assert_eq!(link.destination(), "https://example.com/ä");
            assert_eq!(link.fallback_url(), fallback_url);
            assert_eq!(link.brand_name(), brand_name.unwrap_or_default());
        }
    }
}
