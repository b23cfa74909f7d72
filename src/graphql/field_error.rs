//! A field that may be null and fails is null, and nothing beside it is lost.
//!
//! The specification has an error take away the nearest value that may be null; the library has it take away the
//! nearest object whose field was answered, so that `{ viewer { … } offer(id: …) { … } }` would lose the viewer to
//! an offer that could not be read.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{
    Response, ServerError, ServerResult, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo},
};

/// Makes fields that may be null and fail null.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldErrors;

impl ExtensionFactory for FieldErrors {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Kept::default())
    }
}

/// The errors of one request whose fields became null.
#[derive(Default)]
struct Kept(Mutex<Vec<ServerError>>);

#[async_graphql::async_trait::async_trait]
impl Extension for Kept {
    async fn execute(
        &self,
        context: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let mut response = next.run(context, operation_name).await;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        response.errors.append(&mut kept);
        response
    }

    async fn resolve(
        &self,
        context: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let may_be_null = !info.return_type.ends_with('!');
        match next.run(context, info).await {
            Err(error) if may_be_null => {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).push(error);
                Ok(Some(Value::Null))
            }
            answer => answer,
        }
    }
}
