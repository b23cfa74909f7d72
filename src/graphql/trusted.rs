//! Documents that an operator trusts: where there are such, no others are run.

use std::{collections::HashMap, fs, io, path::Path, path::PathBuf, sync::Arc};

use async_graphql::ServerError;

use super::{
    error::Code,
    limits::{Limits, normalised, refusal},
    persisted::{DocumentId, expect_id_of},
};

/// The endings of files that hold documents.
const ENDINGS: [&str; 2] = ["graphql", "gql"];

/// Says of a request that its document is the server's own, which nobody need trust.
#[derive(Clone, Copy, Debug)]
pub struct Own;

/// The documents of a folder, each by its text and by its id.
#[derive(Debug)]
pub struct Trusted {
    by_id: HashMap<DocumentId, Arc<str>>,
    by_text: HashMap<String, Arc<str>>,
}

/// Why a folder of documents can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustedError {
    /// It, or a file in it, can't be read.
    #[error("can't read {} for --trusted-documents", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// A file is no document that this server would run.
    #[error("{} is no GraphQL document for --trusted-documents: {}", .0.display(), .1)]
    Invalid(PathBuf, String),
    /// There is nothing in it.
    #[error("no file in {} ends with .graphql or .gql; --trusted-documents needs some", .0.display())]
    Empty(PathBuf),
}

impl Trusted {
    /// Reads the files of a folder whose names end with `.graphql` or `.gql`.
    ///
    /// # Errors
    /// Where there is none, or one can't be read, or is no document within the limits.
    pub fn read(folder: &Path, limits: &Limits) -> Result<Self, TrustedError> {
        let unreadable = |error| TrustedError::Unreadable(folder.to_owned(), error);
        let mut trusted = Self {
            by_id: HashMap::new(),
            by_text: HashMap::new(),
        };
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let ending = path.extension().and_then(|ending| ending.to_str());
            if ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
                trusted.add(path, limits)?;
            }
        }
        if trusted.by_id.is_empty() {
            return Err(TrustedError::Empty(folder.to_owned()));
        }
        Ok(trusted)
    }

    fn add(&mut self, path: PathBuf, limits: &Limits) -> Result<(), TrustedError> {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => return Err(TrustedError::Unreadable(path, error)),
        };
        if let Err(error) = limits.parse(&text) {
            return Err(TrustedError::Invalid(path, error.message));
        }
        let key = normalised(&text).unwrap_or_default();
        // As `sha256sum` has it, and as who leaves out the last line break.
        let ids = [DocumentId::of(&text), DocumentId::of(text.trim())];
        let text: Arc<str> = text.into();
        self.by_text.insert(key, Arc::clone(&text));
        for id in ids {
            self.by_id.insert(id, Arc::clone(&text));
        }
        Ok(())
    }

    /// How many documents there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.by_text.len()
    }

    /// The document that a request asks for, by its id, or by its text but for white space, commas and comments.
    ///
    /// # Errors
    /// `DOCUMENT_NOT_TRUSTED` where there is none; `BAD_REQUEST` where an id and a text are sent that are not the same's.
    pub(super) fn text(&self, id: Option<DocumentId>, query: &str) -> Result<Arc<str>, ServerError> {
        let by_id = id.and_then(|id| self.by_id.get(&id));
        let found = if query.is_empty() {
            by_id
        } else {
            let by_text = normalised(query).and_then(|key| self.by_text.get(&key));
            if let (Some(id), Some(found)) = (id, by_text)
                && !by_id.is_some_and(|by_id| Arc::ptr_eq(by_id, found))
            {
                expect_id_of(query, id)?;
            }
            by_text
        };
        found.cloned().ok_or_else(|| {
            let message = "This server runs only the documents that its operator trusts: send one of them, by its text or by \
                the SHA-256 of its file, or ask the operator to add this one.";
            refusal(Code::DocumentNotTrusted, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operations_of_this_repository_can_be_trusted() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("operations");
        let trusted = Trusted::read(&folder, &Limits::default()).expect("documents");
        assert!(trusted.count() > 30, "{}", trusted.count());
        for entry in fs::read_dir(&folder).expect("a folder") {
            let text = fs::read_to_string(entry.expect("a file").path()).expect("a text");
            let id = DocumentId::of(&text);
            for (id, query) in [(Some(id), ""), (None, text.as_str()), (Some(id), text.trim())] {
                assert_eq!(&*trusted.text(id, query).expect("trusted"), text);
            }
        }
    }
}
