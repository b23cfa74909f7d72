//! What kind of bot an agent is: the tags of npm `crawler-user-agents`, as kinds that reports can show.

use std::collections::HashMap;

use regex::bytes::{Regex, RegexBuilder};

const CRAWLERS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/third_party/crawler-user-agents/patterns.json"
));

/// What a bot is for, as far as its user agent says.
///
/// The order is the priority: an agent that several patterns know (a scanner built on an HTTP library, a headless
/// browser that monitors) is the first of its kinds, so what is said by the tool alone comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl BotKind {
    /// Every kind, by priority, so that reports and the schema can list them.
    pub const ALL: [Self; 13] = [
        Self::SocialPreview,
        Self::Scanner,
        Self::AiCrawler,
        Self::SearchEngine,
        Self::Monitoring,
        Self::Feed,
        Self::Archive,
        Self::Advertising,
        Self::Academic,
        Self::Seo,
        Self::BrowserAutomation,
        Self::HttpLibrary,
        Self::Other,
    ];

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

    /// The kind that a tag of `crawler-user-agents` means; `None` for a tag that a renewed list brought along.
    fn of_tag(tag: &str) -> Option<Self> {
        Some(match tag {
            "social-preview" => Self::SocialPreview,
            "scanner" => Self::Scanner,
            "ai-crawler" => Self::AiCrawler,
            "search-engine" => Self::SearchEngine,
            "monitoring" => Self::Monitoring,
            "feed-reader" => Self::Feed,
            "archiver" => Self::Archive,
            "advertising" => Self::Advertising,
            "academic" => Self::Academic,
            "seo" => Self::Seo,
            "browser-automation" => Self::BrowserAutomation,
            "http-library" => Self::HttpLibrary,
            _ => return None,
        })
    }
}

/// The patterns of `crawler-user-agents` with their kinds: 1,500, nearly all of them plain text.
///
/// Plain ones lie in a table by their first bytes, and an agent is looked up from each of its places, in 2 µs. Measured
/// beside it: a search for each of them 18 µs, one automaton of them all 400 µs and 4 MB.
#[derive(Debug)]
pub(super) struct Kinds {
    plain: HashMap<[u8; 3], Vec<(String, BotKind)>>,
    others: Vec<(Regex, BotKind)>,
}

impl Kinds {
    /// Compiles the list that is built into the binary.
    pub(super) fn embedded() -> Self {
        let tags: HashMap<String, Vec<String>> =
            serde_json::from_str(CRAWLERS).expect("crawler-user-agents' patterns are lists by tag");
        let mut plain: HashMap<_, Vec<_>> = HashMap::new();
        let mut others = Vec::new();
        for (tag, patterns) in tags {
            let kind = BotKind::of_tag(&tag).unwrap_or(BotKind::Other);
            for pattern in patterns {
                let text = plain_text(&pattern).unwrap_or_default();
                if let Some(first) = text.as_bytes().first_chunk() {
                    plain.entry(*first).or_default().push((text, kind));
                } else {
                    let other = RegexBuilder::new(&pattern).unicode(false).build();
                    others.push((other.expect("crawler-user-agents' patterns compile"), kind));
                }
            }
        }
        Self { plain, others }
    }

    /// The first by priority of the kinds whose patterns are in the agent.
    pub(super) fn of(&self, agent: &[u8]) -> Option<BotKind> {
        let plain = (0..agent.len()).flat_map(|at| {
            let here = &agent[at..];
            let candidates = here.first_chunk().and_then(|first| self.plain.get(first));
            let found = move |(text, _): &&(String, BotKind)| here.starts_with(text.as_bytes());
            candidates
                .into_iter()
                .flatten()
                .filter(found)
                .map(|(_, kind)| *kind)
        });
        let others = self
            .others
            .iter()
            .filter(|(other, _)| other.is_match(agent))
            .map(|(_, kind)| *kind);
        plain.chain(others).min()
    }
}

/// The text that a pattern stands for when nothing in it but escaped signs needs an engine.
fn plain_text(pattern: &str) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut signs = pattern.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => text.push(signs.next().filter(char::is_ascii_punctuation)?),
            '.' | '*' | '+' | '?' | '^' | '$' | '|' | '(' | ')' | '[' | ']' | '{' | '}' => return None,
            _ => text.push(sign),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_has_the_first_by_priority_of_its_kinds() {
        let kinds = Kinds::embedded();
        for (agent, kind) in [
            (
                "facebookexternalhit/1.1 Facebot Twitterbot/1.0",
                Some(BotKind::SocialPreview),
            ),
            ("WhatsApp/2", Some(BotKind::SocialPreview)),
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +bot.html)",
                Some(BotKind::SearchEngine),
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36; compatible; GPTBot/1.2",
                Some(BotKind::AiCrawler),
            ),
            (
                "Mozilla/5.0 (compatible; CensysInspect/1.1)",
                Some(BotKind::Scanner),
            ),
            ("Pingdom.com_bot_version_1.4", Some(BotKind::Monitoring)),
            ("meta-externalagent/1.1", Some(BotKind::SocialPreview)),
            ("curl/8.5.0", Some(BotKind::HttpLibrary)),
            (
                "python-requests/2.31.0 (compatible; GPTBot/1.2)",
                Some(BotKind::AiCrawler),
            ),
            ("Mozilla/5.0 (like curl/8.5.0)", None),
            ("", None),
        ] {
            assert_eq!(kinds.of(agent.as_bytes()), kind, "{agent}");
        }
    }

    #[test]
    fn every_tag_of_the_list_is_a_kind() {
        let tags: HashMap<String, Vec<String>> = serde_json::from_str(CRAWLERS).expect("lists by tag");
        assert!(!tags.is_empty());
        for tag in tags.keys() {
            assert!(BotKind::of_tag(tag).is_some(), "{tag} is new: give it a kind");
        }
    }

    #[test]
    fn all_kinds_are_listed_by_priority_under_different_names() {
        assert!(BotKind::ALL.is_sorted());
        let names: HashMap<_, _> = BotKind::ALL.map(|kind| (kind.as_str(), kind)).into();
        assert_eq!(names.len(), BotKind::ALL.len());
    }

    #[test]
    fn only_a_pattern_without_meaning_signs_is_plain_text() {
        assert_eq!(plain_text(r"Googlebot\/").as_deref(), Some("Googlebot/"));
        assert_eq!(plain_text(r"Unshorten\.It\!").as_deref(), Some("Unshorten.It!"));
        for pattern in ["^curl", "[wW]get", r"Code\d", "a.b", "SSL Labs$"] {
            assert_eq!(plain_text(pattern), None, "{pattern}");
        }
    }
}
