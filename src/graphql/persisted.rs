//! Documents that are asked for by the SHA-256 of their text.

use std::{any::TypeId, fmt, sync::Arc};

use async_graphql::{Request, ServerError};
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::{error::Code, limits::refusal};

/// What all remembered texts may take up in memory together, in bytes.
const BYTES: u64 = 4 * 1024 * 1024;

/// The longest text that is remembered, in bytes. A longer one has to be sent each time.
const LONGEST: usize = 64 * 1024;

/// What an entry takes beside its text.
const ENTRY_BYTES: usize = 160;

/// The SHA-256 of a document's text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DocumentId([u8; 32]);

impl fmt::Debug for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DocumentId").field(&self.to_string()).finish()
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl DocumentId {
    /// Takes 64 hexadecimal digits, with `sha256:` before them or without.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
        }
        Some(Self(bytes))
    }

    /// The id of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// The one that a request asks for, if it does.
    pub(super) fn asked_for(request: &Request) -> Option<Self> {
        let data = request.data.get(&TypeId::of::<Self>())?;
        data.downcast_ref().copied()
    }
}

/// Texts of documents, remembered by their ids: whoever has sent one with its id may leave it out afterwards (the protocol
/// of Apollo's automatic persisted queries).
///
/// Nobody's text is taken for another's: an id that is not its text's is refused. Whoever sends new ones all the time gets
/// no more memory than [`BYTES`], and does not drive out what is asked for often.
#[derive(Clone)]
pub(super) struct Persisted(Cache<DocumentId, Arc<str>>);

impl Persisted {
    pub(super) fn new() -> Self {
        let weigh =
            |_: &DocumentId, text: &Arc<str>| u32::try_from(text.len() + ENTRY_BYTES).unwrap_or(u32::MAX);
        Self(Cache::builder().weigher(weigh).max_capacity(BYTES).build())
    }

    /// The text that was sent with that id.
    ///
    /// # Errors
    /// `PERSISTED_QUERY_NOT_FOUND` where none was, or it is forgotten. The message is the protocol's: clients look for it.
    pub(super) fn text(&self, id: DocumentId) -> Result<Arc<str>, ServerError> {
        let text = self.0.get(&id);
        text.ok_or_else(|| refusal(Code::PersistedQueryNotFound, "PersistedQueryNotFound"))
    }

    /// Remembers a text that was sent with its id.
    pub(super) fn keep(&self, id: DocumentId, text: &str) {
        if text.len() <= LONGEST && !self.0.contains_key(&id) {
            self.0.insert(id, text.into());
        }
    }
}

/// Refuses an id that is not its text's.
///
/// # Errors
/// `BAD_REQUEST`.
pub(super) fn expect_id_of(text: &str, id: DocumentId) -> Result<(), ServerError> {
    if DocumentId::of(text) == id {
        return Ok(());
    }
    let message =
        "The hash that was sent is not the query's: send the SHA-256 of exactly this text, or none.";
    Err(refusal(Code::BadRequest, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = DocumentId::of("{ __typename }");
        let digits = id.to_string();
        assert_eq!(
            digits,
            "7f56e67dd21ab3f30d1ff8b7bed08893f0a0db86449836189b361dd1e56ddb4b"
        );
        for text in [digits.clone(), format!("sha256:{digits}"), digits.to_uppercase()] {
            assert_eq!(DocumentId::parse(&text), Some(id), "{text}");
        }
        for text in [
            "",
            "sha256:",
            &digits[1..],
            &format!("{digits}0"),
            &digits.replace('7', "g"),
        ] {
            assert_eq!(DocumentId::parse(text), None, "{text}");
        }
        assert_eq!(DocumentId::parse(&"ä".repeat(32)), None);
    }

    #[test]
    fn no_more_texts_are_remembered_than_there_is_memory_for() {
        let persisted = Persisted::new();
        for number in 0..1000 {
            let text = format!("{{ a }} # {number:032000}");
            persisted.keep(DocumentId::of(&text), &text);
        }
        persisted.0.run_pending_tasks();
        assert!(persisted.0.weighted_size() <= BYTES);
        assert!(persisted.0.entry_count() > 50, "{}", persisted.0.entry_count());
        let long = "x".repeat(LONGEST + 1);
        persisted.keep(DocumentId::of(&long), &long);
        assert!(persisted.text(DocumentId::of(&long)).is_err());
    }
}
