//! Look-around done by hand: what isbot's patterns need and `regex` leaves out in return for linear time.

use std::collections::BTreeSet;

/// A word that means a bot unless one of these stands right before or after it: what isbot writes with look-around.
pub(super) struct Guarded {
    /// The pattern as isbot writes it.
    pub(super) isbot: &'static str,
    word: &'static str,
    not_after: &'static [&'static str],
    not_before: &'static [&'static str],
}

/// The six patterns of isbot that need look-around.
///
/// Ours beyond isbot's: Instagram names a phone's maker (`CUBOT/CUBOT`, `Google; Pixel 8`, `LGE/google; Nexus 5X`),
/// Facebook's apps name maker, brand and carrier (`FBMF/Google;FBBD/google`, `FBCR/Google Fi`). These are people.
pub(super) const GUARDED: [Guarded; 6] = [
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
    /// The same pattern without look-around.
    pub(super) fn without_look_around(&self) -> String {
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
