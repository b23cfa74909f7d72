//! API keys as they are sent.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// What every key starts with, so that people and secret scanners know one when they see it.
const PREFIX: &str = "trk_";

/// Characters after the prefix: 190 bits, beyond guessing, which is why a fast hash is enough to store.
const LENGTH: usize = 32;

const ALPHABET: [char; 62] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K',
    'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f',
    'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
];

/// A whole API key: `trk_` and 32 letters and digits. Whoever has it has the account.
#[derive(Clone, Debug)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// Draws a new key from `random`, which must be fit for secrets.
    pub fn draw(random: fn(usize) -> Vec<u8>) -> Self {
        Self(format!("{PREFIX}{}", nanoid::format(random, &ALPHABET, LENGTH)).into())
    }

    /// Takes a text as a key; `None` where it hasn't the form of one, so that nothing need be looked up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let secret = text.strip_prefix(PREFIX)?;
        let whole = secret.len() == LENGTH && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        whole.then(|| Self(text.into()))
    }

    /// What is stored and looked up: SHA-256 in hexadecimal.
    ///
    /// Looking a hash up tells an attacker nothing by its timing: to learn from it they would have to choose
    /// the hash, not the key.
    #[must_use]
    pub fn hash(&self) -> String {
        use std::fmt::Write as _;
        Sha256::digest(self.expose())
            .iter()
            .fold(String::with_capacity(64), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
    }

    /// The key in plain text, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_key_has_the_form_of_one_and_is_not_shown_by_debug() {
        let key = ApiKey::draw(nanoid::rngs::default);
        assert!(ApiKey::parse(key.expose()).is_some());
        assert!(!format!("{key:?}").contains(key.expose()));
        assert_ne!(key.hash(), ApiKey::draw(nanoid::rngs::default).hash());
    }

    #[test]
    fn what_hasn_t_the_form_of_a_key_is_none() {
        for text in [
            "",
            "trk_",
            "trk_short",
            "key_0123456789abcdefghijklmnopqrstuv",
            "trk_0123456789abcdefghijklmnopqrst-v",
        ] {
            assert!(ApiKey::parse(text).is_none(), "{text}");
        }
    }
}
