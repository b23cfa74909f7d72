//! Parsed documents, remembered by their text.
//!
//! Clients send the same few documents over and over, and parsing one is most of what a small mutation costs.

use std::sync::Arc;

use async_graphql::{
    Request, ServerResult,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextPrepareRequest},
    parser::types::ExecutableDocument,
};
use moka::sync::Cache;

use super::limits::Limits;

/// How many documents are remembered.
const MOST: u64 = 1000;

/// The longest text that is remembered, in bytes; whoever writes a longer one each time shall not fill memory.
const LONGEST: usize = 8 * 1024;

/// Parses documents within limits, and remembers those that passed them.
///
/// It hands the library what it parsed: the library's own parsing step follows every spread before anybody could
/// count them.
#[derive(Clone)]
pub(super) struct Documents {
    limits: Limits,
    known: Cache<String, Arc<ExecutableDocument>>,
}

impl Documents {
    /// Remembers nothing yet.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            known: Cache::new(MOST),
        }
    }

    fn parse(&self, query: &str) -> ServerResult<ExecutableDocument> {
        if let Some(document) = self.known.get(query) {
            return Ok(ExecutableDocument::clone(&document));
        }
        let document = self.limits.parse(query)?;
        if query.len() <= LONGEST {
            self.known.insert(query.to_owned(), Arc::new(document.clone()));
        }
        Ok(document)
    }
}

impl ExtensionFactory for Documents {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(self.clone())
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Documents {
    async fn prepare_request(
        &self,
        context: &ExtensionContext<'_>,
        mut request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        let document = self.parse(&request.query)?;
        request.set_parsed_query(document);
        next.run(context, request).await
    }
}
