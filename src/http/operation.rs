//! Carrying out an operation whose answer may go on.

use std::time::Duration;

use async_graphql::{Request as GraphqlRequest, Response as GraphqlResponse, ServerError};
use axum::{
    body::{Bytes, HttpBody as _},
    extract::{DefaultBodyLimit, FromRequest as _, Request},
    http::{StatusCode, header},
};
use futures_util::{
    Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::time::{Instant, sleep, timeout_at};

use super::{body::Refusal, principal::Caller, request_id::RequestId, state::State};
use crate::{
    graphql::{
        Streaming,
        error::{Code, Fault},
    },
    rates::Spent,
    traces,
};

/// What came of an operation.
#[expect(clippy::large_enum_variant, reason = "a request has one")]
pub(super) enum Outcome {
    /// It is answered, or a subscription does not begin, and this says why.
    Answered(GraphqlResponse),
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
    let responses = state.schema.execute_stream(request.data(streaming.clone()));
    traces::graphql(begin(responses, streaming, deadline)).await
}

/// Waits for the answer, or until the operation has begun.
async fn begin(
    mut responses: BoxStream<'static, GraphqlResponse>,
    streaming: Streaming,
    deadline: Deadline,
) -> Result<Outcome, Refusal> {
    let beginning = async {
        tokio::select! {
            biased;
            () = streaming.begun() => None,
            first = responses.next() => first,
        }
    };
    let first = deadline.work(beginning).await?;
    // It may have begun and come to its first event in one go.
    if streaming.has_begun() {
        let rest = in_time(responses, streaming.clone(), deadline.limit);
        if first.is_some() {
            streaming.done();
        }
        let responses = stream::iter(first).chain(rest);
        return Ok(Outcome::Begun(responses.boxed()));
    }
    let first = first.ok_or_else(|| {
        let nothing = std::io::Error::other("an operation without an answer");
        Refusal::Fault(Fault::new(nothing))
    })?;
    answered(first)
}

/// An answer as what came of an operation.
///
/// # Errors
/// Where it says that the caller's quota is spent: then nothing was done.
pub(super) fn answered(response: GraphqlResponse) -> Result<Outcome, Refusal> {
    let mut errors = response.errors.iter();
    match errors.find_map(|error| error.source::<Spent>()) {
        Some(spent) => Err(Refusal::Spent(*spent)),
        None => Ok(Outcome::Answered(response)),
    }
}

/// The events of a subscription, up to one whose fields take longer than a request may.
fn in_time(
    responses: BoxStream<'static, GraphqlResponse>,
    streaming: Streaming,
    limit: Duration,
) -> impl Stream<Item = GraphqlResponse> + Send {
    stream::unfold(Some((responses, streaming)), move |open| async move {
        let (mut responses, streaming) = open?;
        let late = async {
            streaming.working().await;
            sleep(limit).await;
        };
        tokio::select! {
            biased;
            response = responses.next() => {
                streaming.done();
                Some((response?, Some((responses, streaming))))
            }
            () = late => Some((took_too_long(limit), None)),
        }
    })
}

fn took_too_long(limit: Duration) -> GraphqlResponse {
    let message = format!(
        "The fields of a click took longer than {limit:?}, which ends the subscription; subscribe to fewer."
    );
    let mut error = ServerError::new(message, None);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", Code::Timeout.as_str());
    GraphqlResponse::from_errors(vec![error])
}

/// Whether a request could not be executed: errors with a path, or with data beside them, come from fields.
pub(super) fn is_request_error(response: &GraphqlResponse) -> bool {
    response.data == async_graphql::Value::Null && response.errors.iter().any(|error| error.path.is_empty())
}

/// The most bytes of the body of who sends no key: what they may ask for, the schema above all, is short.
const BYTES_OF_NOBODY: usize = 256 * 1024;

/// How long a body may be, and what to do about one that is longer.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimit {
    bytes: usize,
    advice: &'static str,
}

impl BodyLimit {
    /// For a caller who was let in, or who sent no key: then nobody pays for reading it.
    pub(super) fn of(state: &State, caller: &Caller) -> Self {
        let bytes = state.settings.body_limit;
        if caller.principal.is_none() && bytes > BYTES_OF_NOBODY {
            return Self {
                bytes: BYTES_OF_NOBODY,
                advice: "the most that are taken without an API key; send one, as the header X-Api-Key or as \
                    Authorization: Bearer, or send less.",
            };
        }
        Self {
            bytes,
            advice: "the most that are taken; send less at once.",
        }
    }
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

    /// A little later, for what waits for something that ends by itself.
    pub(super) fn afterwards(self) -> Self {
        Self {
            end: self.end + Duration::from_secs(1),
            ..self
        }
    }

    /// Reads a body that arrives in time.
    pub(super) async fn body(self, most: BodyLimit, mut request: Request) -> Result<Bytes, Refusal> {
        let BodyLimit { bytes, advice } = most;
        let too_large = || {
            let message = format!("The body has over {bytes} bytes, {advice}");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Code::BadRequest, message)
        };
        // Who says so beforehand need not send it.
        if request.body().size_hint().lower() > u64::try_from(bytes).unwrap_or(u64::MAX) {
            return Err(too_large());
        }
        DefaultBodyLimit::max(bytes).apply(&mut request);
        match timeout_at(self.end, Bytes::from_request(request, &())).await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(unread)) if unread.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(too_large()),
            Ok(Err(_)) => Err(Refusal::bad_request("The body broke off; send it whole.")),
            Err(_) => {
                let message = format!("The body did not arrive within {:?}; send it faster.", self.limit);
                let refusal = Refusal::new(StatusCode::REQUEST_TIMEOUT, Code::Timeout, message);
                // What is left of the body is not waited for either.
                Err(refusal.with(header::CONNECTION, "close"))
            }
        }
    }

    /// Works until the time is up, and no longer: what is not done by then is dropped, and asks the database for
    /// nothing more.
    ///
    /// A write that was handed to the writer by then is stored, links of one call a part at a time: the caller can't be told which it was.
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

/// The most errors of a document that can't be run: a short text can have thousands.
const MAX_ERRORS: usize = 25;

/// Gives each error of an answer its code; what is our fault is logged once and masked.
pub(super) fn complete(response: &mut GraphqlResponse, id: &RequestId) {
    if is_request_error(response) {
        response.errors.truncate(MAX_ERRORS);
    }
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

#[cfg(test)]
mod tests {
    use async_graphql::Value;

    use super::*;

    fn deadline(limit: Duration) -> Deadline {
        Deadline {
            limit,
            end: Instant::now() + limit,
        }
    }

    /// What has begun of a stream of responses.
    async fn begun(
        responses: impl Stream<Item = GraphqlResponse> + Send + 'static,
        streaming: Streaming,
        limit: Duration,
    ) -> BoxStream<'static, GraphqlResponse> {
        match begin(responses.boxed(), streaming, deadline(limit)).await {
            Ok(Outcome::Begun(responses)) => responses,
            Ok(Outcome::Answered(response)) => panic!("{response:?}"),
            Err(refusal) => panic!("{refusal:?}"),
        }
    }

    #[tokio::test]
    async fn what_begins_and_has_an_event_in_one_go_has_begun() {
        let streaming = Streaming::default();
        let told = streaming.clone();
        let events = stream::iter([1, 2]).map(move |number| {
            told.begin();
            GraphqlResponse::new(Value::from(number))
        });
        let responses = begun(events, streaming, Duration::from_mins(1)).await;
        let shown: Vec<_> = responses.map(|response| response.data).collect().await;
        assert_eq!(shown, [Value::from(1), Value::from(2)]);
    }

    #[tokio::test]
    async fn an_event_whose_fields_never_come_ends_a_subscription_and_waiting_for_one_does_not() {
        let streaming = Streaming::default();
        let told = streaming.clone();
        let limit = Duration::from_millis(5);
        let events = stream::unfold(0, move |number| {
            let told = told.clone();
            async move {
                told.begin();
                // Far longer than the limit, and nothing is worked on.
                sleep(limit * 10).await;
                told.work();
                if number == 2 {
                    std::future::pending::<()>().await;
                }
                Some((GraphqlResponse::new(Value::from(number)), number + 1))
            }
        });
        let responses = begun(events, streaming, limit).await;
        let shown: Vec<_> = responses.collect().await;
        let data: Vec<_> = shown.iter().map(|response| response.data.clone()).collect();
        assert_eq!(data, [Value::from(0), Value::from(1), Value::Null]);
        let extensions = shown[2].errors[0].extensions.as_ref().expect("extensions");
        assert_eq!(extensions.get("code"), Some(&Value::from("TIMEOUT")));
    }
}
