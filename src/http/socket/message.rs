//! What is said over a WebSocket (the subprotocol `graphql-transport-ws`).

use async_graphql::Response as GraphqlResponse;
use axum::extract::ws::{CloseFrame, Message};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::super::principal::bearer;

/// What a client says.
#[derive(Debug)]
pub(super) enum Said {
    /// The first message; who they are may stand in it.
    ConnectionInit {
        payload: Value,
    },
    Ping {
        payload: Option<Box<RawValue>>,
    },
    Pong,
    /// An operation, whatever its kind. What it holds is read with it, so that it is what is refused.
    Subscribe {
        id: String,
        payload: Box<RawValue>,
    },
    /// They want to hear no more of an operation.
    Complete {
        id: String,
    },
}

/// A message, whatever its type.
#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    payload: Option<Box<RawValue>>,
}

impl Said {
    /// Reads a message; `None` where it is none of the protocol's.
    pub(super) fn read(text: &str) -> Option<Self> {
        // What is read below would also take a list for an object's values.
        if !text.trim_start().starts_with('{') {
            return None;
        }
        let Envelope { kind, id, payload } = serde_json::from_str(text).ok()?;
        Some(match kind.as_str() {
            "connection_init" => Self::ConnectionInit {
                payload: match payload {
                    Some(payload) => serde_json::from_str(payload.get()).ok()?,
                    None => Value::Null,
                },
            },
            "ping" => Self::Ping { payload },
            "pong" => Self::Pong,
            "subscribe" => Self::Subscribe {
                id: id?,
                payload: payload?,
            },
            "complete" => Self::Complete { id: id? },
            _ => return None,
        })
    }
}

/// Whether a message could not be read since it is longer than may be. The type that says so is none that is handed on.
pub(super) fn is_too_long(error: &axum::Error) -> bool {
    error.to_string().starts_with("Space limit exceeded")
}

/// Why a connection is closed; the numbers are the protocol's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing(u16, &'static str);

impl Closing {
    pub(super) const STOPPING: Self = Self(1001, "The server stops; connect again");
    pub(super) const UNREADABLE: Self = Self(1002, "Send whole messages, and texts as UTF-8");
    pub(super) const TOO_LONG: Self = Self(1009, "This message is too long; send it as a POST");
    /// Not 1011, which clients take for the end.
    pub(super) const FAULT: Self = Self(1013, "Something went wrong on our side; try again");
    pub(super) const FULL: Self = Self(1013, "As many connections are open as may be; try again later");
    pub(super) const SPENT: Self = Self(1013, "Too much is asked for at once; try again later");
    pub(super) const INVALID: Self = Self(4400, "Send messages of graphql-transport-ws, as JSON texts");
    pub(super) const UNAUTHORIZED: Self = Self(4401, "Unauthorized");
    pub(super) const FORBIDDEN: Self = Self(4403, "Forbidden");
    pub(super) const INIT_LATE: Self = Self(4408, "Connection initialisation timeout");
    pub(super) const TAKEN: Self = Self(4409, "Subscriber already exists");
    pub(super) const INIT_TWICE: Self = Self(4429, "Too many initialisation requests");

    pub(super) fn message(self) -> Message {
        Message::Close(Some(CloseFrame {
            code: self.0,
            reason: self.1.into(),
        }))
    }
}

/// That the connection is ready.
pub(super) fn ack() -> Message {
    text(&json!({"type": "connection_ack"}))
}

/// The answer to a ping.
pub(super) fn pong(payload: Option<&RawValue>) -> Message {
    Message::text(match payload {
        Some(payload) => format!(r#"{{"type":"pong","payload":{payload}}}"#),
        None => r#"{"type":"pong"}"#.to_owned(),
    })
}

/// One answer of an operation.
pub(super) fn next(id: &str, response: &GraphqlResponse) -> Message {
    text(&json!({"type": "next", "id": id, "payload": response}))
}

/// That an operation could not be carried out; nothing more comes of it.
pub(super) fn error(id: &str, errors: &Value) -> Message {
    text(&json!({"type": "error", "id": id, "payload": errors}))
}

/// That nothing more comes of an operation.
pub(super) fn complete(id: &str) -> Message {
    text(&json!({"type": "complete", "id": id}))
}

fn text(message: &Value) -> Message {
    Message::text(message.to_string())
}

/// What stands in a first message as a key, whether or not it can be one: names are those of headers, and `apiKey`.
pub(super) fn presented(payload: &Value) -> Option<&str> {
    let named = |wanted: &[&str]| {
        let (_, value) = payload
            .as_object()?
            .iter()
            .find(|(name, _)| wanted.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)))?;
        Some(value.as_str().unwrap_or_default())
    };
    named(&["x-api-key", "apiKey"])
        .map(str::trim)
        .or_else(|| named(&["authorization"]).map(bearer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_under_each_of_its_names() {
        for (payload, key) in [
            (json!({"X-Api-Key": " trk_1 "}), Some("trk_1")),
            (
                json!({"x-api-key": "trk_1", "Authorization": "Bearer trk_2"}),
                Some("trk_1"),
            ),
            (json!({"apiKey": "trk_1"}), Some("trk_1")),
            (json!({"APIKEY": "trk_1"}), Some("trk_1")),
            (json!({"authorization": "bearer trk_2"}), Some("trk_2")),
            // Something that is meant as one, and can't be.
            (json!({"Authorization": "trk_2"}), Some("")),
            (json!({"apiKey": 1}), Some("")),
            (json!({"key": "trk_1"}), None),
            (json!({}), None),
            (json!(null), None),
            (json!("trk_1"), None),
        ] {
            assert_eq!(presented(&payload), key, "{payload}");
        }
    }
}
