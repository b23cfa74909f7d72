//! Clicks: one raw row for each answered request for a live link.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ClickId, ShortLinkId, Timestamp};

/// One click. Redirects only ever append rows, and no index but the row number's own stands in their way:
/// each one more would cost every redirect. What is looked up by link is in [`crate::link_click`], written behind. Rows that
/// are too old may be removed, never the newest; a verdict may be reached anew; and what a row says of its visitor goes when
/// the person is to be forgotten, or once summing finds that it is a copy of another row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "click")]
pub struct Model {
    /// The order in which rows were stored; given by the database.
    #[sea_orm(primary_key)]
    #[serde(skip)]
    pub seq: i64,
    /// Names the click; not unique in this table, where a replay may write one twice.
    pub id: ClickId,
    /// When it was answered.
    pub clicked_at: Timestamp,
    /// What was clicked.
    pub short_link_id: ShortLinkId,
    /// How it was asked for.
    pub method: Method,
    /// Why it is a bot's click; a person's where it is not set.
    pub bot_reason: Option<BotReason>,
    /// What kind of bot its agent string names.
    pub bot_kind: Option<BotKind>,
    /// Whether the request said that nobody looks at its answer yet.
    pub is_prefetch: bool,
    /// The list of bots' agents that judged it, see [`crate::agent_list`].
    pub agent_list_id: i64,
    /// The visitor's agent string, see [`crate::user_agent`].
    pub user_agent_id: Option<i64>,
    /// The visitor's network: the first 24 bits of an IPv4 address, the first 48 of an IPv6 one, the rest zero.
    pub address: Option<String>,
    /// The visitor, as a keyed hash of address and agent.
    pub visitor: Option<i64>,
    /// The visitor's country, ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// The host of the page that led here.
    pub referrer: Option<String>,
    /// The language that the visitor prefers, such as `en-US`.
    pub language: Option<String>,
    /// What the short link's query gave: `sub1` to `sub5`, `source`, and whatever filled a macro; a flat object of texts.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub parameters: Option<Json>,
}

/// How a click was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Method {
    /// As a browser does.
    Get,
    /// Headers only, as no browser does for a tap.
    Head,
    /// By the `Continue` of a preview page.
    Post,
}

/// Why a click counts as a bot's.
///
/// The order is the priority: the first reason of several is the one that is stored.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BotReason {
    /// The request was a `HEAD`, which no browser sends for a tap; X does, with a person's agent.
    Head,
    /// The user agent is missing, empty or blank; every browser sends one, and no list looks for none.
    EmptyUserAgent,
    /// The user agent is on the list of bots.
    UserAgent,
    /// The request said that it fetches ahead (`Purpose`, `Sec-Purpose` and their like).
    Prefetch,
    /// The address is in a network that the operator named.
    IpRange,
    /// More clicks in a short time than a person makes.
    Burst,
}

/// What a bot is for, as far as its user agent says.
///
/// The order is the priority: an agent that several patterns know (a scanner built on an HTTP library, a headless
/// browser that monitors) is the first of its kinds, so what is said by the tool alone comes last.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BotKind {
    /// Fetches a link to show its title and picture in a chat or feed: in SMS the most common bot.
    SocialPreview,
    /// Looks for malware, leaks or holes: mail gateways, carriers' link checkers, internet-wide scans.
    Scanner,
    /// Gathers text for a language model, or fetches for one that answers somebody.
    AiCrawler,
    /// Fills a search engine's index.
    SearchEngine,
    /// Watches that a site answers, and how fast.
    Monitoring,
    /// Reads feeds for subscribers.
    Feed,
    /// Keeps copies of the web.
    Archive,
    /// Checks advertisements and the pages behind them.
    Advertising,
    /// Research by a university or the like.
    Academic,
    /// Site audits and backlinks; the source list also files here what it found no better tag for.
    Seo,
    /// A browser driven by a program, purpose unknown.
    BrowserAutomation,
    /// A program's HTTP client, purpose unknown.
    HttpLibrary,
    /// A bot whose kind no list knows.
    Other,
}

impl Method {
    /// The name that is stored and shown; never change one, since clicks keep it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
        }
    }
}

impl BotReason {
    /// The name that is stored and shown; never change one, since clicks keep it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Head => "HEAD",
            Self::EmptyUserAgent => "EMPTY_USER_AGENT",
            Self::UserAgent => "USER_AGENT",
            Self::Prefetch => "PREFETCH",
            Self::IpRange => "IP_RANGE",
            Self::Burst => "BURST",
        }
    }
}

impl BotKind {
    /// The name that is stored and shown; never change one, since clicks keep it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SocialPreview => "SOCIAL_PREVIEW",
            Self::Scanner => "SCANNER",
            Self::AiCrawler => "AI_CRAWLER",
            Self::SearchEngine => "SEARCH_ENGINE",
            Self::Monitoring => "MONITORING",
            Self::Feed => "FEED",
            Self::Archive => "ARCHIVE",
            Self::Advertising => "ADVERTISING",
            Self::Academic => "ACADEMIC",
            Self::Seo => "SEO",
            Self::BrowserAutomation => "BROWSER_AUTOMATION",
            Self::HttpLibrary => "HTTP_LIBRARY",
            Self::Other => "OTHER",
        }
    }
}

/// No relation is declared, and no foreign key: a link is never deleted, and a check costs each redirect.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[cfg(test)]
mod tests {
    use sea_orm::Iterable as _;

    use super::*;

    #[test]
    fn each_word_is_stored_under_the_name_it_is_shown_by() {
        for method in Method::iter() {
            assert_eq!(method.to_value(), method.as_str());
        }
        for reason in BotReason::iter() {
            assert_eq!(reason.to_value(), reason.as_str());
        }
        for kind in BotKind::iter() {
            assert_eq!(kind.to_value(), kind.as_str());
        }
    }
}
