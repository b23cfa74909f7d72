//! Parsed documents, remembered by their text.
//!
//! Clients send the same few documents over and over, and parsing one is most of what a small mutation costs.

use std::sync::Arc;

use async_graphql::{
    ServerResult, Variables,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextParseQuery},
    parser::types::ExecutableDocument,
};
use moka::sync::Cache;

/// How many documents are remembered.
const MOST: u64 = 1000;

/// The longest text that is remembered, in bytes; whoever writes a longer one each time shall not fill memory.
const LONGEST: usize = 8 * 1024;

/// Remembers documents that were parsed and found within the limits. It stands before those, so that what it
/// remembers has passed them.
#[derive(Clone)]
pub(super) struct Documents(Cache<String, Arc<ExecutableDocument>>);

impl Default for Documents {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl ExtensionFactory for Documents {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(self.clone())
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Documents {
    async fn parse_query(
        &self,
        context: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        if let Some(document) = self.0.get(query) {
            return Ok(ExecutableDocument::clone(&document));
        }
        let document = next.run(context, query, variables).await?;
        if query.len() <= LONGEST {
            self.0.insert(query.to_owned(), Arc::new(document.clone()));
        }
        Ok(document)
    }
}
