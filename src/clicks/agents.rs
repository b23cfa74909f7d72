//! Bots by their user agent: the lists under `third_party`, or a file in their place, compiled once.
//!
//! Who is a bot is npm `isbot`'s answer, with a few words of ours: of the lists measured it alone knows every previewer
//! and leaves in-app browsers alone. What kind of bot is `crawler-user-agents`' answer, asked only once an agent is
//! judged a bot, since that list takes some people (Facebook's in-app browser) for crawlers.

use std::{borrow::Cow, fs, path::Path, sync::LazyLock};

use entity::{click::BotKind, text_id};
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::{
    file_error::{FileError, WrongLine},
    kind::Kinds,
    look_around::GUARDED,
};

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
    bots: Bots,
    kinds: LazyLock<Kinds>,
    version: Cow<'static, str>,
}

#[derive(Debug)]
enum Bots {
    /// Three, since automata that run at once multiply their states: together these need four times the memory.
    Embedded([Regex; 3]),
    File(RegexSet),
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
            bots: Bots::Embedded(bots),
            kinds: LazyLock::new(Kinds::embedded),
            version: Cow::Borrowed(VERSION),
        }
    }

    /// Compiles a file in place of isbot's list: one regular expression a line, whatever its case; a line that begins
    /// with `#` is a comment, an empty one nothing. Its version is the file's name and the beginning of its SHA-256.
    ///
    /// # Errors
    /// When it can't be read, or a line is no regular expression, or one that would make bots of people.
    pub fn read(file: &Path) -> Result<Self, FileError> {
        let text = fs::read_to_string(file).map_err(|error| FileError::read(file, error))?;
        let mut patterns = Vec::new();
        for (line, number) in text.lines().map(str::trim).zip(1..) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |what| FileError::line(file, number, line, what);
            // By itself first: the error of all of them together does not say which.
            let compiled = RegexBuilder::new(line)
                .case_insensitive(true)
                .unicode(false)
                .build()
                .map_err(|error| wrong(WrongLine::Pattern(error)))?;
            if ORDINARY.iter().any(|agent| compiled.is_match(agent.as_bytes())) {
                return Err(wrong(WrongLine::MatchesBrowsers));
            }
            patterns.push(line);
        }
        let bots = RegexSetBuilder::new(patterns)
            .case_insensitive(true)
            .unicode(false)
            .dfa_size_limit(AUTOMATON_BYTES)
            .build()
            .map_err(|source| FileError::TooMuch {
                file: file.to_owned(),
                source,
            })?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // The first 12 digits of the text's SHA-256, of which an id is the first 16.
        let digits = text_id(&text).cast_unsigned() >> 16;
        Ok(Self {
            bots: Bots::File(bots),
            kinds: LazyLock::new(Kinds::embedded),
            version: Cow::Owned(format!("{name} sha256:{digits:012x}")),
        })
    }

    /// Whether this user agent is a bot's. An empty one is none of the list's business.
    #[must_use]
    pub fn is_bot(&self, agent: &str) -> bool {
        match &self.bots {
            Bots::Embedded(groups) => groups.iter().any(|bots| bots.is_match(agent.as_bytes())),
            Bots::File(bots) => bots.is_match(agent.as_bytes()),
        }
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
        &self.version
    }
}

/// Agents of browsers and of an app that opens links in itself, without versions: what finds one of them finds a lot of
/// people.
const ORDINARY: [&str; 6] = [
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/0.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 0_0 like Mac OS X) AppleWebKit/0.0.0 (KHTML, like Gecko) Version/0.0 Mobile/0 \
        Safari/0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/0.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:0.0) Gecko/20100101 Firefox/0.0",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/0.0 Chrome/0.0.0.0 \
        Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 0_0 like Mac OS X) AppleWebKit/0.0.0 (KHTML, like Gecko) Mobile/0 \
        Instagram 0.0.0 (iPhone0,0; iOS 0_0; en_US; scale=0.00; 0x0; 0)",
];

/// What each automaton may keep, a thread: a list of 2,000 different bots fills two thirds of the largest.
///
/// Over it, states are thrown away and an agent may cost tens of microseconds until the traffic calms down.
const AUTOMATON_BYTES: usize = 1 << 20;

/// The same pattern for `regex`, where a hyphen after a class is an error and not itself, as in JavaScript.
fn in_our_dialect(pattern: &str) -> String {
    pattern.replace(r"\d-.]", r"\d.\-]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agents() -> &'static AgentList {
        static AGENTS: LazyLock<AgentList> = LazyLock::new(AgentList::embedded);
        &AGENTS
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
        for isbot in GUARDED.map(|guarded| guarded.isbot) {
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

    fn read(text: &str) -> Result<AgentList, FileError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("ours.txt");
        fs::write(&file, text).expect("a list");
        AgentList::read(&file)
    }

    #[test]
    fn a_file_takes_the_lists_place_and_has_its_own_version() {
        let list = read("# ours\n\n  (?x) acme [-] probe # watches \n^Checker/\\d\r\n").expect("a list");
        for (agent, is_bot) in [
            ("x ACME-Probe", true),
            ("checker/7", true),
            ("a Checker/7", false),
            ("curl/8.5.0", false),
            ("ours", false),
            ("", false),
        ] {
            assert_eq!(list.is_bot(agent), is_bot, "{agent}");
        }
        assert_eq!(list.version(), "ours.txt sha256:2b2d1bcd3704");
        assert_eq!(list.kind_of("curl/8.5.0"), BotKind::HttpLibrary);
        assert!(!read("").expect("an empty list").is_bot("curl/8.5.0"));
    }

    #[test]
    fn a_line_that_is_no_pattern_is_named() {
        for (line, what) in [
            ("bot(", "is no regular expression: "),
            ("(?<!lib)http", "is no regular expression: "),
            ("bot|", "matches ordinary browsers"),
            ("mozilla", "matches ordinary browsers"),
            (".", "matches ordinary browsers"),
            ("iphone", "matches ordinary browsers"),
            ("windows nt", "matches ordinary browsers"),
            ("firefox", "matches ordinary browsers"),
            ("samsung", "matches ordinary browsers"),
            ("instagram", "matches ordinary browsers"),
        ] {
            let error = read(&format!("# ours\ncurl\n{line}\n"))
                .expect_err("no list")
                .to_string();
            let named = format!("ours.txt, line 3: {line:?} {what}");
            assert!(error.contains(&named), "{error}");
        }
    }
}
