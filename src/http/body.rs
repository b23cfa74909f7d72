//! Bodies of GraphQL answers, and the media type they are sent as.

use std::{any::Any, borrow::Cow};

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    accept::{Accept, Precision},
    rate::tell_spent,
    request_id::RequestId,
};
use crate::{
    graphql::{
        cost::{message, seconds},
        error::{Code, Fault},
    },
    rates::Spent,
};

/// As what a GraphQL answer is sent (GraphQL over HTTP).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/graphql-response+json`: a request that could not be executed is a 400.
    GraphqlResponse,
    /// `application/json`: such a request is a 200, as clients of before the specification expect.
    Json,
}

/// What a caller takes as a stream of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Streamed {
    /// They don't name it.
    Nothing,
    /// They name it beside JSON, as clients do that send all their operations alike.
    Subscriptions,
    /// They take nothing else.
    Everything,
}

/// As what a caller wants to be answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// What is sent at once.
    pub(super) media_type: MediaType,
    /// What is sent as a stream.
    pub(super) streamed: Streamed,
}

impl Wanted {
    /// What `Accept` says. Who takes nothing but streams is refused as the specification has it, by status.
    ///
    /// # Errors
    /// A 406 where they want nothing that there is.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let stream = Accept::of(headers)
            .liking("text", "event-stream")
            .is_some_and(|liking| liking.precision == Precision::Exact);
        match MediaType::accepted(headers) {
            Ok(media_type) => Ok(Self {
                media_type,
                streamed: if stream {
                    Streamed::Subscriptions
                } else {
                    Streamed::Nothing
                },
            }),
            Err(_) if stream => Ok(Self {
                media_type: MediaType::GraphqlResponse,
                streamed: Streamed::Everything,
            }),
            Err(refusal) => Err(refusal),
        }
    }
}

impl MediaType {
    /// The one that the caller likes better, the new one where they like both as well and name both; JSON where
    /// they do not say.
    ///
    /// # Errors
    /// A 406 where they want neither.
    fn accepted(headers: &HeaderMap) -> Result<Self, Refusal> {
        let accept = Accept::of(headers);
        let new = accept.liking("application", "graphql-response+json");
        let old = accept.liking("application", "json");
        let is_named = new.is_some_and(|new| new.precision == Precision::Exact);
        if new.is_none() && old.is_none() {
            let message = "Answers are sent as application/graphql-response+json, application/json or, as a stream, \
                text/event-stream; accept one of them.";
            return Err(Refusal::new(
                StatusCode::NOT_ACCEPTABLE,
                Code::BadRequest,
                message,
            ));
        }
        if new > old || (new == old && is_named) {
            Ok(Self::GraphqlResponse)
        } else {
            Ok(Self::Json)
        }
    }

    const fn header(self) -> HeaderValue {
        match self {
            Self::GraphqlResponse => {
                HeaderValue::from_static("application/graphql-response+json; charset=utf-8")
            }
            Self::Json => HeaderValue::from_static("application/json; charset=utf-8"),
        }
    }

    /// The status of a request that could not be executed.
    pub(super) const fn status_of_request_error(self) -> StatusCode {
        match self {
            Self::GraphqlResponse => StatusCode::BAD_REQUEST,
            Self::Json => StatusCode::OK,
        }
    }

    /// A GraphQL answer.
    pub(super) fn answer(self, status: StatusCode, body: String) -> Response {
        let headers = [
            (header::CONTENT_TYPE, self.header()),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (status, headers, body).into_response()
    }

    /// An answer that holds one error and nothing else.
    pub(super) fn refuse(self, refusal: Refusal, id: &RequestId) -> Response {
        match refusal {
            Refusal::Fault(fault) => {
                id.log(&fault.chain());
                self.fail(id)
            }
            Refusal::Caller {
                status,
                code,
                message,
                header,
            } => {
                let errors = one_error(code, &message);
                let mut response = self.answer(status, json!({"errors": errors}).to_string());
                response.headers_mut().extend(header);
                response
            }
            Refusal::Spent(spent) => {
                let body = json!({"errors": spent_error(&spent)}).to_string();
                let mut response = self.answer(StatusCode::TOO_MANY_REQUESTS, body);
                tell_spent(response.headers_mut(), &spent);
                response
            }
        }
    }

    /// An answer for what is our fault: nothing of it but the id that the log also has.
    pub(super) fn fail(self, id: &RequestId) -> Response {
        let extensions = json!({"code": Code::Internal.as_str(), "requestId": id.as_str()});
        self.fault(&extensions)
    }

    fn fault(self, extensions: &Value) -> Response {
        let error = json!({"message": FAULT, "extensions": extensions});
        let body = json!({"errors": [error]}).to_string();
        self.answer(StatusCode::INTERNAL_SERVER_ERROR, body)
    }
}

/// Why a whole request is not executed: its status is the same under every media type.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The caller's doing, or their bad luck.
    Caller {
        status: StatusCode,
        code: Code,
        /// What to do.
        message: Cow<'static, str>,
        /// What the status wants said beside it.
        header: Option<(HeaderName, HeaderValue)>,
    },
    /// Their quota is spent: a 429.
    Spent(Spent),
    /// Our fault.
    Fault(Fault),
}

impl Refusal {
    /// A refusal with a message that says what to do.
    pub(super) fn new(status: StatusCode, code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Caller {
            status,
            code,
            message: message.into(),
            header: None,
        }
    }

    /// The list of errors of an answer that has no status; what is our fault is logged, and masked.
    pub(super) fn errors(&self, id: &RequestId) -> Value {
        match self {
            Self::Caller { code, message, .. } => one_error(*code, message),
            Self::Spent(spent) => spent_error(spent),
            Self::Fault(fault) => {
                id.log(&fault.chain());
                let extensions = json!({"code": Code::Internal.as_str(), "requestId": id.as_str()});
                json!([{"message": FAULT, "extensions": extensions}])
            }
        }
    }

    /// A 400.
    pub(super) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::BadRequest, message)
    }

    /// A 503 for one answer too many that goes on.
    pub(super) fn no_place() -> Self {
        let message = "As many streams are open as this server holds, or holds for one account; try again later, or \
            read with queries.";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Code::TooManySubscriptions,
            message,
        )
        .with(header::RETRY_AFTER, "60")
    }

    /// The same with a header.
    pub(super) fn with(self, name: HeaderName, value: &'static str) -> Self {
        self.with_value(name, HeaderValue::from_static(value))
    }

    /// The same with the time after which it may be tried again.
    pub(super) fn again_in(self, seconds: u32) -> Self {
        self.with_value(header::RETRY_AFTER, seconds.into())
    }

    fn with_value(self, name: HeaderName, value: HeaderValue) -> Self {
        match self {
            Self::Caller {
                status,
                code,
                message,
                ..
            } => Self::Caller {
                status,
                code,
                message,
                header: Some((name, value)),
            },
            other @ (Self::Spent(_) | Self::Fault(_)) => other,
        }
    }
}

fn one_error(code: Code, message: &str) -> Value {
    json!([{"message": message, "extensions": {"code": code.as_str()}}])
}

/// What a client need not read the message for: which quota it is, and after how many seconds to come again.
fn spent_error(spent: &Spent) -> Value {
    let extensions = json!({
        "code": Code::RateLimited.as_str(),
        "limit": spent.whose.name(),
        "retryAfter": seconds(spent.wait),
    });
    json!([{"message": message(spent), "extensions": extensions}])
}

/// All that callers are told of what is our fault.
pub(super) const FAULT: &str = "Something went wrong on our side; try again.";

/// What a panic becomes where no request has an id: the panic's own hook has logged it.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    MediaType::Json.fault(&json!({"code": Code::Internal.as_str()}))
}
