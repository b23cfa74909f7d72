//! GraphQL over a WebSocket: subscriptions, and whatever else a client sends the same way.
//!
//! Any site's script may open one. That harms nobody: browsers send no key by themselves, there are no cookies, and a
//! script that has a key could use it from anywhere. So `Origin` is not looked at.

mod message;

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    extract::{
        FromRequestParts as _,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::Response,
};
use futures_util::{
    StreamExt as _,
    future::AbortHandle,
    stream::{self, BoxStream, SelectAll},
};
use serde_json::Value;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout};

use self::message::{Closing, Said, ack, complete as completed, error, next, pong, presented};
use super::{
    body::{MediaType, Refusal},
    operation::{Deadline, Outcome, complete, run},
    principal::{holder, principal},
    received::Received,
    request_id::RequestId,
    state::State,
    streams::Place,
};
use crate::{
    accounts::{AuthenticateError, Principal},
    graphql::{
        error::{Code, Fault},
        prepare,
    },
};

/// The one subprotocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";

/// How many operations of one connection may be under way.
const MOST_OPERATIONS: usize = 20;

/// How long a client may take to say who they are.
const INIT_WAIT: Duration = Duration::from_secs(10);

/// How often a client is asked whether they are still there.
const PING: Duration = Duration::from_secs(15);

/// How long a client may be silent, or take one message, until they are taken for gone.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long a client may take to close its side.
const GOODBYE: Duration = Duration::from_secs(1);

/// What is set aside for each connection's reading and writing; longer messages take more while they last.
const BUFFER_BYTES: usize = 8 * 1024;

/// Whether a request asks for a WebSocket.
pub(super) fn is_asked(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Answers a request for a WebSocket, and talks over it once it is there.
pub(super) async fn open(state: State, id: RequestId, parts: &mut Parts) -> Response {
    match accept(&state, parts).await {
        Ok((upgrade, principal, place)) => {
            let most = state.settings.body_limit;
            upgrade
                .protocols([PROTOCOL])
                .max_message_size(most)
                .max_frame_size(most)
                .read_buffer_size(BUFFER_BYTES)
                .write_buffer_size(BUFFER_BYTES)
                .on_upgrade(move |socket| Connection::new(state, id, socket, principal).talk(place))
        }
        Err(refusal) => MediaType::Json.refuse(refusal, &id),
    }
}

async fn accept(
    state: &State,
    parts: &mut Parts,
) -> Result<(WebSocketUpgrade, Option<Arc<Principal>>, Place), Refusal> {
    let upgrade = WebSocketUpgrade::from_request_parts(parts, &()).await;
    let upgrade = upgrade.map_err(|rejection| {
        let message = format!("This can't become a WebSocket: {}", rejection.body_text());
        Refusal::new(rejection.status(), Code::BadRequest, message)
    })?;
    if !upgrade.requested_protocols().any(|protocol| protocol == PROTOCOL) {
        let message = "Ask for the subprotocol graphql-transport-ws; no other one is spoken.";
        return Err(Refusal::bad_request(message));
    }
    let deadline = Deadline::of(state);
    let principal = deadline.work(principal(&state.app, &parts.headers)).await??;
    let place = state.streams.take().ok_or_else(Refusal::no_place)?;
    Ok((upgrade, principal, place))
}

/// What an operation says: its id, and a message. The last one has no message after it.
type Operations = SelectAll<BoxStream<'static, (String, Output)>>;

/// What comes of an operation.
enum Output {
    /// Something.
    Some(Message),
    /// Something, and then nothing more.
    Last(Message),
    /// The key is no longer good for anything.
    Forbidden(Closing),
}

/// One client, for as long as they are connected.
struct Connection {
    state: State,
    id: RequestId,
    socket: WebSocket,
    principal: Option<Arc<Principal>>,
    is_open: bool,
    operations: Operations,
    /// What ends each operation that is under way.
    ends: HashMap<String, AbortHandle>,
}

impl Connection {
    fn new(state: State, id: RequestId, socket: WebSocket, principal: Option<Arc<Principal>>) -> Self {
        Self {
            state,
            id,
            socket,
            principal,
            is_open: false,
            operations: SelectAll::new(),
            ends: HashMap::new(),
        }
    }

    /// Talks until either side has enough.
    async fn talk(mut self, place: Place) {
        let closing = tokio::select! {
            closing = self.listen() => closing,
            () = place.stopping() => Some(Closing::STOPPING),
        };
        let Some(closing) = closing else { return };
        self.operations.clear();
        let goodbye = async {
            if self.socket.send(closing.message()).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        // Who does not close their side is not waited for.
        let _ = timeout(GOODBYE, goodbye).await;
    }

    /// Answers what the client says, until the connection is to be closed for a reason, or is gone.
    async fn listen(&mut self) -> Option<Closing> {
        let init_end = Instant::now() + INIT_WAIT;
        let mut pings = pings();
        let mut heard = Instant::now();
        loop {
            let answer = tokio::select! {
                // First, so that nobody is taken for gone whose answer is there.
                biased;
                said = self.socket.recv() => {
                    heard = Instant::now();
                    match said {
                        Some(Ok(message)) => self.hear(message).await,
                        Some(Err(_)) => Err(Some(Closing::UNREADABLE)),
                        None => Err(None),
                    }
                }
                Some((id, output)) = self.operations.next() => self.take(&id, output),
                () = sleep_until(init_end), if !self.is_open => Err(Some(Closing::INIT_LATE)),
                _ = pings.tick() => if heard.elapsed() > PATIENCE {
                    Err(None)
                } else {
                    Ok(Some(Message::Ping(Vec::new().into())))
                },
            };
            match answer {
                Ok(Some(message)) => match timeout(PATIENCE, self.socket.send(message)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return None,
                },
                Ok(None) => {}
                Err(closing) => return closing,
            }
        }
    }

    /// What is answered to a message.
    ///
    /// # Errors
    /// Why the connection is to be closed; `None` where it is.
    async fn hear(&mut self, message: Message) -> Result<Option<Message>, Option<Closing>> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(Some(Closing::INVALID)),
            // The library answers these.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(None),
        };
        match serde_json::from_str(&text) {
            Ok(Said::ConnectionInit { .. }) if self.is_open => Err(Some(Closing::INIT_TWICE)),
            Ok(Said::ConnectionInit { payload }) => {
                if let Some(key) = payload.as_ref().and_then(presented) {
                    self.principal = Some(let_in(self.state.clone(), self.id.clone(), key).await?);
                }
                self.is_open = true;
                Ok(Some(ack()))
            }
            Ok(Said::Ping { payload }) => Ok(Some(pong(payload))),
            Ok(Said::Pong) => Ok(None),
            Ok(Said::Subscribe { .. }) if !self.is_open => Err(Some(Closing::UNAUTHORIZED)),
            Ok(Said::Subscribe { id, payload }) => self.begin(id, payload),
            Ok(Said::Complete { id }) => {
                if let Some(end) = self.ends.remove(&id) {
                    end.abort();
                }
                Ok(None)
            }
            Err(_) => Err(Some(Closing::INVALID)),
        }
    }

    /// Begins an operation.
    ///
    /// # Errors
    /// Where there is one with that id already.
    fn begin(&mut self, id: String, payload: Received) -> Result<Option<Message>, Option<Closing>> {
        if self.ends.contains_key(&id) {
            return Err(Some(Closing::TAKEN));
        }
        if self.ends.len() >= MOST_OPERATIONS {
            let message = format!(
                "This connection has {MOST_OPERATIONS} operations under way; complete one, or open another connection."
            );
            let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, Code::TooManySubscriptions, message);
            return Ok(Some(error(&id, &refusal.errors(&self.id))));
        }
        let outputs = outputs(
            self.state.clone(),
            self.id.clone(),
            self.principal.clone(),
            id.clone(),
            payload,
        );
        let (outputs, end) = stream::abortable(outputs);
        let name = id.clone();
        self.operations
            .push(outputs.map(move |output| (name.clone(), output)).boxed());
        self.ends.insert(id, end);
        Ok(None)
    }

    /// What an operation has to say to the client.
    ///
    /// # Errors
    /// Why the connection is to be closed.
    fn take(&mut self, id: &str, output: Output) -> Result<Option<Message>, Option<Closing>> {
        match output {
            Output::Some(message) => Ok(Some(message)),
            Output::Last(message) => {
                self.ends.remove(id);
                Ok(Some(message))
            }
            Output::Forbidden(closing) => Err(Some(closing)),
        }
    }
}

/// Whose key this is.
///
/// # Errors
/// As what the connection is closed if it is nobody's.
async fn let_in(state: State, id: RequestId, key: &str) -> Result<Arc<Principal>, Option<Closing>> {
    let found = Deadline::of(&state).work(holder(&state.app, key)).await;
    match found {
        Ok(Ok(principal)) => Ok(principal),
        Ok(Err(refusal)) | Err(refusal) => Err(Some(closing(&refusal, &id))),
    }
}

fn pings() -> Interval {
    let mut pings = interval_at(Instant::now() + PING, PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings
}

/// All that comes of an operation.
fn outputs(
    state: State,
    request_id: RequestId,
    principal: Option<Arc<Principal>>,
    id: String,
    payload: Received,
) -> BoxStream<'static, Output> {
    let beginning = async move {
        let outcome = match execute(&state, principal, payload).await {
            Ok(outcome) => outcome,
            Err(Failed::Key(closing)) => return one(Output::Forbidden(closing)),
            Err(Failed::Operation(refusal)) => {
                return one(Output::Last(error(&id, &refusal.errors(&request_id))));
            }
        };
        match outcome {
            Outcome::Answered(mut response) => {
                complete(&mut response, &request_id);
                if response.data == async_graphql::Value::Null
                    && response.errors.iter().any(|error| error.path.is_empty())
                {
                    return one(Output::Last(error(&id, &json(&response.errors))));
                }
                let messages = [Output::Some(next(&id, &response)), Output::Last(completed(&id))];
                stream::iter(messages).boxed()
            }
            Outcome::Refused(mut response) => {
                complete(&mut response, &request_id);
                one(Output::Last(error(&id, &json(&response.errors))))
            }
            Outcome::Begun(responses) => {
                let end = Output::Last(completed(&id));
                responses
                    .map(move |mut response| {
                        complete(&mut response, &request_id);
                        Output::Some(next(&id, &response))
                    })
                    .chain(stream::once(async { end }))
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
    payload: Received,
) -> Result<Outcome, Failed> {
    let request = payload.request()?;
    let deadline = Deadline::of(state);
    let principal = match principal {
        Some(principal) => {
            let authenticator = &state.app.authenticator;
            let again = authenticator.authenticate_again(&principal, state.app.clock.now());
            match deadline.work(again).await? {
                Ok(principal) => Some(principal),
                Err(AuthenticateError::UnknownKey | AuthenticateError::Suspended) => {
                    return Err(Failed::Key(Closing::FORBIDDEN));
                }
                Err(AuthenticateError::Database(error)) => {
                    return Err(Refusal::Fault(Fault::new(error)).into());
                }
            }
        }
        None => None,
    };
    Ok(run(state, prepare(request, &state.app, principal), deadline).await?)
}

/// As what a connection ends for a refusal.
fn closing(refusal: &Refusal, id: &RequestId) -> Closing {
    match refusal {
        Refusal::Fault(fault) => {
            id.log(&fault.chain());
            Closing::FAULT
        }
        Refusal::Caller {
            code: Code::Timeout, ..
        } => Closing::FAULT,
        Refusal::Caller { .. } => Closing::FORBIDDEN,
    }
}
