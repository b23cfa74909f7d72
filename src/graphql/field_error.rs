//! A field that may be null and fails is null, and nothing beside it is lost.
//!
//! The specification has an error take away the nearest value that may be null; the library has it take away the
//! nearest object whose field was answered, so that `{ viewer { … } offer(id: …) { … } }` would lose the viewer to
//! an offer that could not be read.

use std::sync::{Mutex, PoisonError};

use async_graphql::{Response, ServerError, ServerResult, Value};

/// The errors of one request whose fields became null.
#[derive(Default)]
pub(super) struct FieldErrors(Mutex<Vec<ServerError>>);

impl FieldErrors {
    /// What a field is answered with: null where it failed and may be null, and its error is kept.
    pub(super) fn instead_of(
        &self,
        answer: ServerResult<Option<Value>>,
        return_type: &str,
    ) -> ServerResult<Option<Value>> {
        match answer {
            Err(error) if !return_type.ends_with('!') => {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).push(error);
                Ok(Some(Value::Null))
            }
            answer => answer,
        }
    }

    /// Adds what was kept to the answer.
    pub(super) fn tell(&self, response: &mut Response) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        response.errors.append(&mut kept);
    }
}
