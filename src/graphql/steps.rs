//! What is done with each request beside the library's own steps: it is checked and counted before anything of it is
//! executed, then paid for, and what fails in it is kept from taking away what does not.
//!
//! All of it is one extension, since the library goes through every extension at each field and each element of a list: with
//! four of them a link of a call cost a tenth more.

use std::sync::Arc;

use async_graphql::{
    Request, Response, ServerError, ServerResult, ValidationResult, Value,
    extensions::{
        Extension, ExtensionContext, ExtensionFactory, NextExecute, NextPrepareRequest, NextResolve,
        NextValidation, ResolveInfo,
    },
};

use super::{cost::Bill, documents::Documents, field_error::FieldErrors, limits::Limits};

/// Makes the steps of a request.
pub(super) struct Steps {
    pub(super) documents: Documents,
    pub(super) limits: Limits,
}

impl ExtensionFactory for Steps {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(StepsOfOne {
            documents: self.documents.clone(),
            limits: self.limits,
            field_errors: FieldErrors::default(),
        })
    }
}

struct StepsOfOne {
    documents: Documents,
    limits: Limits,
    field_errors: FieldErrors,
}

#[async_graphql::async_trait::async_trait]
impl Extension for StepsOfOne {
    async fn prepare_request(
        &self,
        context: &ExtensionContext<'_>,
        request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        let request = self.documents.prepare(&context.schema_env.registry, request)?;
        next.run(context, request).await
    }

    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(context).await?;
        let beyond = context.data_opt().copied().unwrap_or_default();
        let result = self.limits.judge(result, beyond)?;
        // What is over a limit is not paid for.
        if let Some(bill) = context.data_opt::<Bill>() {
            bill.charge_for(result.complexity)?;
        }
        Ok(result)
    }

    async fn execute(
        &self,
        context: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let mut response = next.run(context, operation_name).await;
        self.field_errors.tell(&mut response);
        response
    }

    async fn resolve(
        &self,
        context: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let return_type = info.return_type;
        let answer = next.run(context, info).await;
        self.field_errors.instead_of(answer, return_type)
    }
}
