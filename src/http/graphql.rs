//! `/graphql`: operations in, answers out; the playground for browsers.

use async_graphql::{Request as GraphqlRequest, Response as GraphqlResponse};
use axum::{
    Extension,
    extract::{RawQuery, Request, State as Extract},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};

use super::{
    accept::Accept,
    body::{MediaType, Refusal, Streamed, Wanted},
    event_stream, large,
    operation::{BodyLimit, Deadline, Outcome, answered, complete, is_request_error, run},
    principal::Caller,
    received::{expect_json, from_body, from_url},
    request_id::RequestId,
    socket,
    state::State,
    visitor::address_of,
};
use crate::{
    graphql::{
        INTROSPECTION_IS_OFF,
        error::{Code, Fault, ReadOnly},
    },
    traces,
};

/// `POST /graphql`.
pub(super) async fn post(
    Extract(state): Extract<State>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let wanted = match Wanted::of(&headers) {
        Ok(wanted) => wanted,
        Err(refusal) => return MediaType::Json.refuse(refusal, &id),
    };
    let deadline = Deadline::of(&state);
    let received = async {
        expect_json(&headers)?;
        // Nobody's body is read who is not let in.
        let address = address_of(request.extensions(), &headers, &state.settings.trusted_proxies);
        let caller = deadline.work(Caller::of(&state, &headers, address)).await??;
        let body = deadline.body(BodyLimit::of(&state, &caller), request).await?;
        Ok((caller, body))
    };
    let (caller, body) = match received.await {
        Ok(received) => received,
        Err(refusal) => return wanted.media_type.refuse(refusal, &id),
    };
    let (bytes, request_id) = (body.len(), id.clone());
    let answering = Box::pin(async move {
        let request = from_body(&body);
        drop(body);
        let answered = async {
            let request = caller.prepare(&state, request?);
            execute(&state, request, wanted, deadline).await
        };
        match answered.await {
            Ok(outcome) => answer(&state, outcome, &caller, wanted, &id),
            Err(refusal) => wanted.media_type.refuse(refusal, &id),
        }
    });
    match large::carry_out(bytes, deadline, &request_id, answering).await {
        Ok(response) => response,
        Err(refusal) => wanted.media_type.refuse(refusal, &request_id),
    }
}

/// `GET /graphql`: a query in the URL, the playground for a browser that opens it without one, or a WebSocket.
pub(super) async fn get(
    Extract(state): Extract<State>,
    Extension(id): Extension<RequestId>,
    RawQuery(url): RawQuery,
    request: Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    if socket::is_asked(&parts.headers) {
        return socket::open(state, id, &mut parts).await;
    }
    let response = answer_get(&state, &id, url.as_deref().unwrap_or_default(), &parts).await;
    ([(header::VARY, "accept")], response).into_response()
}

async fn answer_get(state: &State, id: &RequestId, url: &str, parts: &Parts) -> Response {
    let headers = &parts.headers;
    let request = from_url(url);
    if matches!(request, Ok(None)) && Accept::of(headers).prefers_html() {
        return state.playground.page();
    }
    let wanted = match Wanted::of(headers) {
        Ok(wanted) => wanted,
        Err(refusal) => return MediaType::Json.refuse(refusal, id),
    };
    let deadline = Deadline::of(state);
    let answered = async {
        let message = "Send a GraphQL request with POST, or a query in the URL's parameter query.";
        let request = request?.ok_or_else(|| Refusal::bad_request(message))?;
        let address = address_of(&parts.extensions, headers, &state.settings.trusted_proxies);
        let caller = deadline.work(Caller::of(state, headers, address)).await??;
        let request = caller.prepare(state, request).data(ReadOnly);
        Ok((execute(state, request, wanted, deadline).await?, caller))
    };
    match answered.await {
        Ok((Outcome::Answered(response), _)) if would_change(&response) => {
            let message = "A mutation changes something: send it with POST.";
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, message)
                .with(header::ALLOW, "POST");
            wanted.media_type.refuse(refusal, id)
        }
        Ok((outcome, caller)) => answer(state, outcome, &caller, wanted, id),
        Err(refusal) => wanted.media_type.refuse(refusal, id),
    }
}

/// Any other method on `/graphql`.
pub(super) async fn method_not_allowed(Extension(id): Extension<RequestId>, headers: HeaderMap) -> Response {
    let message = "Send GraphQL requests with POST, or queries with GET.";
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, message)
        .with(header::ALLOW, "GET, HEAD, POST");
    Wanted::of(&headers)
        .map_or(MediaType::Json, |wanted| wanted.media_type)
        .refuse(refusal, &id)
}

/// `GET /schema.graphql`.
pub(super) async fn schema(Extract(state): Extract<State>) -> Response {
    if !state.settings.introspection {
        return (StatusCode::NOT_FOUND, format!("{INTROSPECTION_IS_OFF}\n")).into_response();
    }
    (
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        state.sdl.clone(),
    )
        .into_response()
}

/// Whether a request that may change nothing was refused since it would.
fn would_change(response: &GraphqlResponse) -> bool {
    let mut errors = response.errors.iter();
    errors.any(|error| error.source::<ReadOnly>().is_some())
}

/// Carries out an operation; a subscription only for who takes a stream.
async fn execute(
    state: &State,
    request: GraphqlRequest,
    wanted: Wanted,
    deadline: Deadline,
) -> Result<Outcome, Refusal> {
    match wanted.streamed {
        Streamed::Nothing => answered(
            deadline
                .work(traces::graphql(state.schema.execute(request)))
                .await?,
        ),
        Streamed::Subscriptions | Streamed::Everything => run(state, request, deadline).await,
    }
}

/// Sends what came of an operation.
fn answer(state: &State, outcome: Outcome, caller: &Caller, wanted: Wanted, id: &RequestId) -> Response {
    let media_type = wanted.media_type;
    let mut response = match outcome {
        Outcome::Answered(mut response)
            if wanted.streamed == Streamed::Everything && !is_request_error(&response) =>
        {
            caller.note_cost(&mut response);
            event_stream::of_one(response, id)
        }
        Outcome::Answered(mut response) => {
            caller.note_cost(&mut response);
            let is_refused = is_request_error(&response);
            send(response, is_refused, media_type, id)
        }
        Outcome::Begun(responses) => match state.streams.take(caller.account()) {
            Some(place) => event_stream::of_many(responses, place, id.clone()),
            None => media_type.refuse(Refusal::no_place(), id),
        },
    };
    caller.tell_left(&mut response);
    response
}

/// Sends an answer, each of its errors with a code; what is our fault is logged once and masked.
fn send(
    mut response: GraphqlResponse,
    is_request_error: bool,
    media_type: MediaType,
    id: &RequestId,
) -> Response {
    complete(&mut response, id);
    let status = if is_request_error {
        media_type.status_of_request_error()
    } else {
        StatusCode::OK
    };
    let body = if is_request_error {
        serde_json::to_string(&serde_json::json!({ "errors": response.errors }))
    } else {
        serde_json::to_string(&response)
    };
    match body {
        Ok(body) => media_type.answer(status, body),
        Err(error) => media_type.refuse(Refusal::Fault(Fault::new(error)), id),
    }
}
