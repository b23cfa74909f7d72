//! Codes: the path of a short link on its domain.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// First path segments that belong to the server, on every domain. No code may be one, in any case.
///
/// A test walks the router's own routes and finds each of them here.
pub const RESERVED: [&str; 15] = [
    "graphql",
    "schema.graphql",
    "openapi.json",
    "healthz",
    "readyz",
    "metrics",
    "mcp",
    "v1",
    "v2",
    "api",
    "admin",
    "report",
    "robots.txt",
    "favicon.ico",
    ".well-known",
];

/// The fewest characters of a custom code.
pub const MIN_LENGTH: usize = 3;

/// The most characters of a code.
pub const MAX_LENGTH: usize = 64;

/// A code that may be given to a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code(String);

/// Why a text can't be a custom code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCode {
    /// Too short, too long, or of other characters.
    #[error("a code has {MIN_LENGTH} to {MAX_LENGTH} of the characters A-Z a-z 0-9 _ -")]
    Form,
    /// The server's own.
    #[error("this code is reserved for the server's own pages; choose another")]
    Reserved,
}

impl Code {
    /// Takes a text as a custom code.
    ///
    /// # Errors
    /// When it hasn't the form of one, or is reserved.
    pub fn parse(text: &str) -> Result<Self, InvalidCode> {
        if !(MIN_LENGTH..=MAX_LENGTH).contains(&text.len()) || !has_only_code_characters(text) {
            return Err(InvalidCode::Form);
        }
        if is_reserved(text) {
            return Err(InvalidCode::Reserved);
        }
        Ok(Self(text.to_owned()))
    }

    /// The code as it stands in a short URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.0
    }
}

/// Whether a visited path could be a code: what can't needs no look-up.
#[must_use]
pub fn could_be(text: &str) -> bool {
    (1..=MAX_LENGTH).contains(&text.len()) && has_only_code_characters(text)
}

fn has_only_code_characters(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Whether it is the server's own.
pub(super) fn is_reserved(text: &str) -> bool {
    RESERVED
        .iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(text))
}

/// Which codes are drawn where none is asked for.
#[derive(Clone, Debug)]
pub struct CodeSpace {
    /// The characters of a code.
    pub alphabet: Vec<char>,
    /// How many characters a code has at first.
    pub length: usize,
    /// How many codes of one length are tried before the length grows by one, and then again before giving up.
    pub draws: usize,
    /// Where randomness comes from.
    pub random: fn(usize) -> Vec<u8>,
    /// What became of those that were drawn.
    pub drawn: Arc<Drawn>,
}

/// What became of codes that were drawn. The part of them that was in use is the part of all codes that is: to count those
/// would take reading every link.
#[derive(Debug, Default)]
pub struct Drawn {
    free: AtomicU64,
    in_use: AtomicU64,
}

impl Drawn {
    /// How many were free and are a link's now.
    #[must_use]
    pub fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    /// How many were in use, so that another one was drawn.
    #[must_use]
    pub fn in_use(&self) -> u64 {
        self.in_use.load(Ordering::Relaxed)
    }

    pub(super) fn note_free(&self) {
        self.free.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_in_use(&self) {
        self.in_use.fetch_add(1, Ordering::Relaxed);
    }
}

impl Default for CodeSpace {
    /// Seven of the 62 digits and letters. With a thousand million links alive on one domain a draw meets one
    /// with a probability of 0.03 %, and eight in a row never.
    fn default() -> Self {
        let alphabet = ('0'..='9').chain('A'..='Z').chain('a'..='z').collect();
        Self {
            alphabet,
            length: 7,
            draws: 8,
            // ChaCha, seeded by the system: as hard to guess as what the system gives, without asking it for each code.
            random: nanoid::rngs::thread_local,
            drawn: Arc::default(),
        }
    }
}

impl CodeSpace {
    /// How many codes of the first length there are.
    #[must_use]
    pub fn size(&self) -> f64 {
        let length = i32::try_from(self.length).unwrap_or(i32::MAX);
        f64::from(u32::try_from(self.alphabet.len()).unwrap_or(u32::MAX)).powi(length)
    }

    /// The codes to try, one after the other: [`draws`](Self::draws) of the first length, as many of one more.
    /// Reserved ones are drawn and passed over.
    pub fn codes(&self) -> impl Iterator<Item = Code> + '_ {
        [self.length, self.length + 1]
            .into_iter()
            .flat_map(move |length| std::iter::repeat_n(length, self.draws))
            .map(|length| nanoid::format(self.random, &self.alphabet, length))
            .filter(|code| !is_reserved(code))
            .map(Code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_custom_code_has_three_to_sixty_four_plain_characters() {
        for good in ["abc", "A-b_9", &"x".repeat(64)] {
            assert_eq!(Code::parse(good).map(String::from).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "ab",
            &"x".repeat(65),
            "a b",
            "a.b",
            "a/b",
            "äbc",
            "abc\n",
            "abc\0",
            "%41bc",
        ] {
            assert_eq!(Code::parse(bad), Err(InvalidCode::Form), "{bad:?}");
        }
    }

    #[test]
    fn a_reserved_code_is_refused_in_any_case() {
        for reserved in ["graphql", "GraphQL", "healthz", "report"] {
            assert_eq!(Code::parse(reserved), Err(InvalidCode::Reserved));
        }
    }

    #[test]
    fn drawn_codes_are_seven_characters_then_eight_and_never_reserved() {
        let codes: Vec<_> = CodeSpace::default().codes().map(String::from).collect();
        let lengths: Vec<_> = codes.iter().map(String::len).collect();
        assert_eq!(lengths, [[7; 8], [8; 8]].concat());
        assert!(codes.iter().all(|code| could_be(code)));
        let only_reserved = CodeSpace {
            alphabet: vec!['a', 'p', 'i'],
            length: 3,
            draws: 2000,
            ..CodeSpace::default()
        };
        assert!(only_reserved.codes().all(|code| code.as_str() != "api"));
    }
}
