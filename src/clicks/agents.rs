//! Bots by their user agent: the lists under `third_party`, compiled once.
//!
//! Who is a bot is npm `isbot`'s answer, with a few words of ours: of the lists measured it alone knows every previewer
//! and leaves in-app browsers alone. What kind of bot is `crawler-user-agents`' answer, asked only once an agent is
//! judged a bot, since that list takes some people (Facebook's in-app browser) for crawlers.

use std::{collections::BTreeSet, sync::LazyLock};

use entity::click::BotKind;
use regex::bytes::{Regex, RegexBuilder};

use super::kind::Kinds;

const ISBOT: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/third_party/isbot/patterns.json"
));
const VERSION: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/third_party/user-agents.version"
))
.trim_ascii();

/// The user agents of bots, and what kind each is.
#[derive(Debug)]
pub struct AgentList {
    /// Three, since automata that run at once multiply their states: together these need four times the memory.
    bots: [Regex; 3],
    kinds: LazyLock<Kinds>,
    version: &'static str,
}

impl AgentList {
    /// Compiles the lists that are built into the binary; the kinds wait for the first bot.
    ///
    /// # Panics
    /// If a list does not compile: the tests of this file would have failed before it was built in.
    #[must_use]
    pub fn embedded() -> Self {
        let patterns: Vec<String> =
            serde_json::from_str(ISBOT).expect("isbot's patterns are a list of strings");
        let mut groups: [Vec<String>; 3] = Default::default();
        for pattern in patterns {
            match GUARDED.iter().find(|guarded| guarded.isbot == pattern) {
                Some(guarded) => groups[0].push(guarded.without_look_around()),
                None if pattern.starts_with('^') => groups[1].push(in_our_dialect(&pattern)),
                None => groups[2].push(in_our_dialect(&pattern)),
            }
        }
        let bots = groups.map(|patterns| {
            RegexBuilder::new(&patterns.join("|"))
                .case_insensitive(true)
                .unicode(false)
                .dfa_size_limit(AUTOMATON_BYTES)
                .build()
                .expect("isbot's patterns compile once nothing in them looks around")
        });
        Self {
            bots,
            kinds: LazyLock::new(Kinds::embedded),
            version: VERSION,
        }
    }

    /// Whether this user agent is a bot's. An empty one is none of the list's business.
    #[must_use]
    pub fn is_bot(&self, agent: &str) -> bool {
        self.bots.iter().any(|bots| bots.is_match(agent.as_bytes()))
    }

    /// What kind of bot an agent is that [`is_bot`](Self::is_bot) found; people's agents may have a kind too.
    #[must_use]
    pub fn kind_of(&self, agent: &str) -> BotKind {
        self.kinds.of(agent.as_bytes()).unwrap_or(BotKind::Other)
    }

    /// Which lists these are, such as `isbot 5.2.3 + crawler-user-agents 1.60.0`: stored beside a verdict, so that
    /// a change in the counts can be told from a change of the list.
    #[must_use]
    pub fn version(&self) -> &str {
        self.version
    }
}

/// What each automaton may keep, a thread: a list of 2,000 different bots fills two thirds of the largest.
///
/// Over it, states are thrown away and an agent may cost tens of microseconds until the traffic calms down.
const AUTOMATON_BYTES: usize = 1 << 20;

/// A word that means a bot unless one of these stands right before or after it: what isbot writes with look-around.
struct Guarded {
    isbot: &'static str,
    word: &'static str,
    not_after: &'static [&'static str],
    not_before: &'static [&'static str],
}

/// The six patterns of isbot that need look-around, which `regex` leaves out in return for linear time.
///
/// Ours beyond isbot's: Instagram names a phone's maker (`CUBOT/CUBOT`, `Google; Pixel 8`, `LGE/google; Nexus 5X`),
/// Facebook's apps name maker, brand and carrier (`FBMF/Google;FBBD/google`, `FBCR/Google Fi`). These are people.
const GUARDED: [Guarded; 6] = [
    Guarded {
        isbot: "(?:^|[^g])news(?!sapphire)",
        word: "news",
        not_after: &["g"],
        not_before: &["sapphire"],
    },
    Guarded {
        isbot: "(?<! channel/|google/)google(?!(?:wv|app|/google| pixel))",
        word: "google",
        not_after: &[" channel/", "google/", "fbmf/", "fbbd/", "fbcr/"],
        not_before: &["wv", "app", "/google", " pixel", "; pixel", "; nexus"],
    },
    Guarded {
        isbot: r"(?<! cu)bots?(?:\b|_)",
        word: r"bots?(?:\b|_)",
        not_after: &[" cu", "/cu"],
        not_before: &[],
    },
    Guarded {
        isbot: "(?<!cam)scan",
        word: "scan",
        not_after: &["cam"],
        not_before: &[],
    },
    Guarded {
        isbot: "(?<!lib)http",
        word: "http",
        not_after: &["lib"],
        not_before: &[],
    },
    Guarded {
        isbot: "java(?!;)",
        word: "java",
        not_after: &[],
        not_before: &[";"],
    },
];

impl Guarded {
    fn without_look_around(&self) -> String {
        let Self {
            word,
            not_after,
            not_before,
            ..
        } = self;
        format!(
            "{}{word}{}",
            anything_but(not_after, true),
            anything_but(not_before, false)
        )
    }
}

/// The same pattern for `regex`, where a hyphen after a class is an error and not itself, as in JavaScript.
fn in_our_dialect(pattern: &str) -> String {
    pattern.replace(r"\d-.]", r"\d.\-]")
}

/// A pattern for whatever may stand right after (or, `reversed`, right before) something when none of `words` may.
///
/// Each beginning of a word (the empty one too), gone on by a character that leads to no word, or cut off by the end.
/// It eats what look-around would only look at, which a search for a bare yes or no never notices.
fn anything_but(words: &[&str], reversed: bool) -> String {
    let turn = |text: &str| {
        if reversed {
            text.chars().rev().collect()
        } else {
            text.to_owned()
        }
    };
    let words: BTreeSet<String> = words.iter().map(|word| turn(word)).collect();
    let beginnings: BTreeSet<&str> = words
        .iter()
        .flat_map(|word| word.char_indices().map(|(end, _)| &word[..end]))
        .collect();
    let ways: Vec<_> = beginnings
        .iter()
        .map(|beginning| {
            let onward = words
                .iter()
                .filter_map(|word| word.strip_prefix(beginning)?.get(..1));
            let onward: String = onward
                .collect::<BTreeSet<_>>()
                .into_iter()
                .map(regex::escape)
                .collect();
            let beginning = regex::escape(&turn(beginning));
            if reversed {
                format!("(?:^|[^{onward}]){beginning}")
            } else {
                format!("{beginning}(?:[^{onward}]|$)")
            }
        })
        .collect();
    format!("(?:{})", ways.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agents() -> &'static AgentList {
        static AGENTS: LazyLock<AgentList> = LazyLock::new(AgentList::embedded);
        &AGENTS
    }

    #[test]
    fn nearly_all_known_crawlers_are_bots() {
        let instances = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/third_party/crawler-user-agents/instances.json"
        ));
        let instances: Vec<String> =
            serde_json::from_str(instances).expect("instances are a list of strings");
        assert!(instances.len() > 2_000);
        let missed: Vec<_> = instances.iter().filter(|agent| !agents().is_bot(agent)).collect();
        assert!(missed.len() * 1_000 <= instances.len() * 5, "{missed:#?}");
    }

    #[test]
    fn a_guarded_word_means_a_bot_only_where_no_guard_stands() {
        for (agent, is_bot) in [
            ("Mozilla/5.0 (x) news", true),
            ("Mozilla/5.0 (x) GNews", false),
            ("Mozilla/5.0 (x) NewsSapphire/1", false),
            ("Mozilla/5.0 (x) NewsSapphic/1", true),
            ("Mozilla/5.0 (x) Google", true),
            ("Mozilla/5.0 (x) GoogleWv/1", false),
            ("Mozilla/5.0 (x) Channel/googleplay", false),
            ("Mozilla/5.0 (x) XChannel/googleplay", true),
            ("Mozilla/5.0 (x; Google/google; y)", false),
            ("Mozilla/5.0 (x; Google; Pixel 8)", false),
            ("Mozilla/5.0 (x; LGE/google; Nexus 5X)", false),
            ("Mozilla/5.0 (x; Google; Picasa)", true),
            ("Mozilla/5.0 (x) CUBOT_X18", false),
            ("Mozilla/5.0 (x) CUBOT/CUBOT; y", false),
            ("Mozilla/5.0 (x) Acubot/1", true),
            ("Mozilla/5.0 (x) robots", true),
            ("Mozilla/5.0 (x) bottle", false),
            ("Mozilla/5.0 (x) CamScan", false),
            ("Mozilla/5.0 (x) scan", true),
            ("Mozilla/5.0 (x) libhttp", false),
            ("Mozilla/5.0 (x) libhttp http", true),
            ("Mozilla/5.0 (x; Java; y)", false),
            ("Mozilla/5.0 (x) Java", true),
        ] {
            assert_eq!(agents().is_bot(agent), is_bot, "{agent}");
        }
    }

    #[test]
    fn every_pattern_done_by_hand_is_still_isbots() {
        for Guarded { isbot, .. } in GUARDED {
            let written = serde_json::to_string(isbot).expect("a string is JSON");
            assert!(
                ISBOT.contains(&written),
                "{isbot} is gone from the list: take it out of GUARDED"
            );
        }
    }

    #[test]
    fn an_empty_agent_is_none_of_the_lists_business() {
        assert!(!agents().is_bot(""));
    }

    #[test]
    fn a_bot_that_no_list_knows_more_about_is_another_kind() {
        assert!(agents().is_bot("frobnicator-bot/7"));
        assert_eq!(agents().kind_of("frobnicator-bot/7"), BotKind::Other);
    }

    #[test]
    fn the_version_names_both_lists() {
        let words: Vec<_> = agents().version().split(' ').collect();
        let [isbot, number, "+", crawlers, other] = words[..] else {
            panic!("{words:?}")
        };
        assert_eq!((isbot, crawlers), ("isbot", "crawler-user-agents"));
        assert!(number.starts_with(|sign: char| sign.is_ascii_digit()));
        assert!(other.starts_with(|sign: char| sign.is_ascii_digit()));
    }
}
