//! What comes of an operation that was sent over a WebSocket.

use std::sync::Arc;

use axum::extract::ws::Message;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use serde_json::{Value, value::RawValue};

use super::{
    super::{
        body::Refusal,
        operation::{Deadline, Outcome, complete, is_request_error, run},
        principal::Caller,
        received::from_text,
        request_id::RequestId,
        state::State,
    },
    message::{Closing, complete as completed, error, next},
};
use crate::{
    accounts::{AuthenticateError, Principal},
    graphql::error::Fault,
};

/// What comes of an operation.
pub(super) enum Output {
    /// Something.
    Some(Message),
    /// Something, and then nothing more.
    Last(Message),
    /// Nothing more, since the server stops: that is said by closing.
    Stopped,
    /// The key is no longer good for anything.
    Forbidden(Closing),
}

/// An operation as it was sent, and by whom.
pub(super) struct Operation {
    pub(super) request_id: RequestId,
    pub(super) principal: Option<Arc<Principal>>,
    pub(super) id: String,
    pub(super) payload: Box<RawValue>,
}

/// All that comes of an operation. Once `stopping` is there, that is nothing more of a subscription; all else is carried
/// out to its end.
pub(super) fn outputs(
    state: State,
    operation: Operation,
    stopping: impl Future<Output = ()> + Send + 'static,
) -> BoxStream<'static, Output> {
    let Operation {
        request_id,
        principal,
        id,
        payload,
    } = operation;
    let beginning = async move {
        let (outcome, caller) = match execute(&state, principal, &payload).await {
            Ok(outcome) => outcome,
            Err(Failed::Key(closing)) => return one(Output::Forbidden(closing)),
            Err(Failed::Operation(refusal)) => {
                return one(Output::Last(error(&id, &refusal.errors(&request_id))));
            }
        };
        match outcome {
            Outcome::Answered(mut response) => {
                complete(&mut response, &request_id);
                caller.note_cost(&mut response);
                if is_request_error(&response) {
                    return one(Output::Last(error(&id, &json(&response.errors))));
                }
                let messages = [Output::Some(next(&id, &response)), Output::Last(completed(&id))];
                stream::iter(messages).boxed()
            }
            Outcome::Begun(responses) => {
                let end = Output::Last(completed(&id));
                responses
                    .map(move |mut response| {
                        complete(&mut response, &request_id);
                        Output::Some(next(&id, &response))
                    })
                    .chain(stream::once(async { end }))
                    .take_until(stopping)
                    // Whoever has heard the last by then hears nothing of this.
                    .chain(stream::once(async { Output::Stopped }))
                    .boxed()
            }
        }
    };
    stream::once(beginning).flatten().boxed()
}

fn one(output: Output) -> BoxStream<'static, Output> {
    stream::once(async { output }).boxed()
}

fn json(errors: &[async_graphql::ServerError]) -> Value {
    serde_json::to_value(errors).unwrap_or_default()
}

/// Why an operation is not carried out.
enum Failed {
    /// Nothing more will be for this key.
    Key(Closing),
    /// This one is refused.
    Operation(Refusal),
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Operation(refusal)
    }
}

/// Carries out an operation for whoever the connection belongs to, if their key still works.
async fn execute(
    state: &State,
    principal: Option<Arc<Principal>>,
    payload: &RawValue,
) -> Result<(Outcome, Caller), Failed> {
    let request = from_text(payload.get())?;
    let deadline = Deadline::of(state);
    let caller = match principal {
        Some(principal) => {
            let authenticator = &state.app.authenticator;
            let again = authenticator.authenticate_again(&principal, state.app.clock.now());
            match deadline.work(again).await? {
                Ok(principal) => Caller::paying(state, principal)?,
                Err(AuthenticateError::UnknownKey | AuthenticateError::Suspended) => {
                    return Err(Failed::Key(Closing::FORBIDDEN));
                }
                Err(AuthenticateError::Database(error)) => {
                    return Err(Refusal::Fault(Fault::new(error)).into());
                }
            }
        }
        None => Caller::default(),
    };
    let request = caller.prepare(state, request);
    Ok((run(state, request, deadline).await?, caller))
}
