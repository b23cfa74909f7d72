//! Carrying out an operation whose answer may go on.

use std::time::Duration;

use async_graphql::{Request as GraphqlRequest, Response as GraphqlResponse, ServerError};
use axum::http::StatusCode;
use futures_util::{StreamExt as _, stream::BoxStream};
use tokio::time::{Instant, timeout_at};

use super::{body::Refusal, request_id::RequestId, state::State};
use crate::graphql::{
    Streaming,
    error::{Code, Fault},
};

/// What came of an operation.
pub(super) enum Outcome {
    /// It is answered.
    Answered(GraphqlResponse),
    /// A subscription that does not begin, and why.
    Refused(GraphqlResponse),
    /// A subscription that has begun.
    Begun(BoxStream<'static, GraphqlResponse>),
}

/// Carries out an operation: a query or mutation to its end, a subscription until it has begun.
///
/// # Errors
/// When that takes too long.
pub(super) async fn run(
    state: &State,
    request: GraphqlRequest,
    deadline: Deadline,
) -> Result<Outcome, Refusal> {
    let streaming = Streaming::default();
    let mut responses = state.schema.execute_stream(request.data(streaming.clone()));
    let beginning = async {
        tokio::select! {
            biased;
            () = streaming.begun() => None,
            first = responses.next() => Some(first),
        }
    };
    let first = deadline.work(beginning).await?;
    Ok(match first {
        None => Outcome::Begun(responses),
        Some(Some(response)) if streaming.is_asked() => Outcome::Refused(response),
        Some(Some(response)) => Outcome::Answered(response),
        Some(None) => {
            let nothing = std::io::Error::other("an operation without an answer");
            return Err(Refusal::Fault(Fault::new(nothing)));
        }
    })
}

/// Until when a request may be worked on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) limit: Duration,
    pub(super) end: Instant,
}

impl Deadline {
    pub(super) fn of(state: &State) -> Self {
        let limit = state.settings.request_timeout;
        Self {
            limit,
            end: Instant::now() + limit,
        }
    }

    /// Works until the time is up, and no longer: what is not done by then is dropped, and asks the database for
    /// nothing more.
    ///
    /// A write that was handed to the writer by then is stored, as a whole: the caller can't be told which it was.
    pub(super) async fn work<T>(self, work: impl Future<Output = T>) -> Result<T, Refusal> {
        timeout_at(self.end, work).await.map_err(|_| {
            let message = format!(
                "This took longer than {:?} and was stopped; ask for less at once. A mutation may have been carried \
                 out all the same: before it is sent again, look, or use the same idempotencyKey.",
                self.limit
            );
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Code::Timeout, message)
        })
    }
}

/// The most characters of what the library says.
const MAX_MESSAGE: usize = 300;

/// Gives each error of an answer its code; what is our fault is logged once and masked.
pub(super) fn complete(response: &mut GraphqlResponse, id: &RequestId) {
    for error in &mut response.errors {
        complete_error(error, id);
    }
}

fn complete_error(error: &mut ServerError, id: &RequestId) {
    if let Some(fault) = error.source::<Fault>() {
        id.log(&fault.chain());
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("requestId", id.as_str());
    } else if error
        .extensions
        .as_ref()
        .is_none_or(|extensions| extensions.get("code").is_none())
    {
        // Whatever the library itself refuses: syntax, unknown fields, values of the wrong type. It repeats what it
        // refuses, which may be megabytes.
        if let Some((end, _)) = error.message.char_indices().nth(MAX_MESSAGE) {
            error.message.truncate(end);
            error.message.push('…');
        }
        error
            .extensions
            .get_or_insert_default()
            .set("code", Code::BadRequest.as_str());
    }
}
