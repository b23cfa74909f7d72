//! GraphQL over a WebSocket: subscriptions, and whatever else a client sends the same way.
//!
//! Any site's script may open one. That harms nobody: browsers send no key by themselves, there are no cookies, and a
//! script that has a key could use it from anywhere. So `Origin` is not looked at.

mod message;
mod outputs;

use std::{collections::HashMap, net::IpAddr, pin::pin, sync::Arc, time::Duration};

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
use serde_json::value::RawValue;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout};

use self::{
    message::{Closing, Said, ack, error, is_too_long, pong, presented},
    outputs::{Operation, Output, outputs},
};
use super::{
    body::{MediaType, Refusal},
    operation::Deadline,
    principal::Caller,
    request_id::RequestId,
    state::State,
    streams::Place,
    visitor::address_of,
};
use crate::{accounts::Principal, graphql::error::Code};

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

/// The most bytes of a message, where bodies may not be shorter: many clients may send one at the same time.
const MOST_MESSAGE: usize = 1024 * 1024;

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
    let address = address_of(&parts.extensions, &parts.headers, &state.settings.trusted_proxies);
    match accept(&state, parts, address).await {
        Ok((upgrade, principal, place)) => {
            let most = state.settings.body_limit.min(MOST_MESSAGE);
            upgrade
                .protocols([PROTOCOL])
                .max_message_size(most)
                .max_frame_size(most)
                .read_buffer_size(BUFFER_BYTES)
                .write_buffer_size(BUFFER_BYTES)
                .on_upgrade(move |socket| {
                    Connection::new(state, id, socket, principal, place, address).talk()
                })
        }
        Err(refusal) => MediaType::Json.refuse(refusal, &id),
    }
}

async fn accept(
    state: &State,
    parts: &mut Parts,
    address: Option<IpAddr>,
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
    let caller = deadline
        .work(Caller::of(state, &parts.headers, address))
        .await??;
    let place = state
        .streams
        .take(caller.account())
        .ok_or_else(Refusal::no_place)?;
    Ok((upgrade, caller.principal, place))
}

/// What an operation says: its id, and a message. The last one has no message after it.
type Operations = SelectAll<BoxStream<'static, (String, Output)>>;

/// One client, for as long as they are connected.
struct Connection {
    state: State,
    id: RequestId,
    socket: WebSocket,
    principal: Option<Arc<Principal>>,
    place: Place,
    /// Where they come from.
    address: Option<IpAddr>,
    is_open: bool,
    /// No operation is begun any more, and the connection is closed once none is under way.
    is_stopping: bool,
    operations: Operations,
    /// What ends each operation that is under way.
    ends: HashMap<String, AbortHandle>,
}

impl Connection {
    fn new(
        state: State,
        id: RequestId,
        socket: WebSocket,
        principal: Option<Arc<Principal>>,
        place: Place,
        address: Option<IpAddr>,
    ) -> Self {
        Self {
            state,
            id,
            socket,
            principal,
            place,
            address,
            is_open: false,
            is_stopping: false,
            operations: SelectAll::new(),
            ends: HashMap::new(),
        }
    }

    /// Talks until either side has enough.
    async fn talk(mut self) {
        let Some(closing) = self.listen().await else {
            return;
        };
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
        let mut stopping = pin!(self.place.stopping());
        loop {
            if self.is_stopping && self.ends.is_empty() {
                return Some(Closing::STOPPING);
            }
            let answer = tokio::select! {
                // First, so that nobody is taken for gone whose answer is there.
                biased;
                said = self.socket.recv() => {
                    heard = Instant::now();
                    match said {
                        Some(Ok(message)) => self.hear(message).await,
                        Some(Err(error)) if is_too_long(&error) => Err(Some(Closing::TOO_LONG)),
                        Some(Err(_)) => Err(Some(Closing::UNREADABLE)),
                        None => Err(None),
                    }
                }
                Some((id, output)) = self.operations.next() => self.take(&id, output),
                () = &mut stopping, if !self.is_stopping => {
                    self.is_stopping = true;
                    Ok(None)
                }
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
        match Said::read(&text).ok_or(Closing::INVALID)? {
            Said::ConnectionInit { .. } if self.is_open => Err(Some(Closing::INIT_TWICE)),
            Said::ConnectionInit { payload } => {
                if let Some(key) = presented(&payload) {
                    self.let_in(key).await?;
                }
                // Only what is somebody's goes on.
                self.principal.as_ref().ok_or(Closing::FORBIDDEN)?;
                self.is_open = true;
                Ok(Some(ack()))
            }
            Said::Ping { payload } => Ok(Some(pong(payload.as_deref()))),
            Said::Pong => Ok(None),
            Said::Subscribe { .. } if !self.is_open => Err(Some(Closing::UNAUTHORIZED)),
            Said::Subscribe { id, payload } => self.begin(id, payload),
            Said::Complete { id } => {
                if let Some(end) = self.ends.remove(&id) {
                    end.abort();
                }
                Ok(None)
            }
        }
    }

    /// Lets in whose key this is, if the account has a place.
    ///
    /// # Errors
    /// Why the connection is to be closed.
    async fn let_in(&mut self, key: &str) -> Result<(), Closing> {
        let finding = Caller::with_key(&self.state, key, self.address);
        let found = Deadline::of(&self.state).work(finding).await;
        let caller = found.flatten().map_err(|refusal| closing(&refusal, &self.id))?;
        if let Some(account) = caller.account()
            && !self.place.is_of(account)
        {
            self.place = self.state.streams.take(Some(account)).ok_or(Closing::FULL)?;
        }
        self.principal = caller.principal;
        Ok(())
    }

    /// Begins an operation.
    ///
    /// # Errors
    /// Where there is one with that id already.
    fn begin(&mut self, id: String, payload: Box<RawValue>) -> Result<Option<Message>, Option<Closing>> {
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
        if self.is_stopping {
            // The close that follows tells the client to send it elsewhere.
            return Ok(None);
        }
        let operation = Operation {
            request_id: self.id.clone(),
            principal: self.principal.clone(),
            id: id.clone(),
            payload,
        };
        let outputs = outputs(self.state.clone(), operation, self.place.stopping());
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
            Output::Stopped => {
                self.ends.remove(id);
                Ok(None)
            }
            Output::Forbidden(closing) => Err(Some(closing)),
        }
    }
}

fn pings() -> Interval {
    let mut pings = interval_at(Instant::now() + PING, PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings
}

/// As what a connection ends for a refusal.
fn closing(refusal: &Refusal, id: &RequestId) -> Closing {
    match refusal {
        Refusal::Fault(fault) => {
            id.log(&fault.chain());
            Closing::FAULT
        }
        Refusal::Spent(_)
        | Refusal::Caller {
            code: Code::RateLimited,
            ..
        } => Closing::SPENT,
        Refusal::Caller {
            code: Code::Timeout, ..
        } => Closing::FAULT,
        Refusal::Caller { .. } => Closing::FORBIDDEN,
    }
}
