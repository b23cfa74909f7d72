//! Answers as server-sent events: GraphQL over SSE, each operation with a connection of its own.

use std::{convert::Infallible, time::Duration};

use async_graphql::Response as GraphqlResponse;
use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, StreamExt as _, stream, stream::BoxStream};

use serde_json::json;

use super::{body::Refusal, operation::complete, request_id::RequestId, streams::Place};
use crate::graphql::error::Fault;

/// How often something is sent where nothing happens: proxies close what is silent for a minute or so.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// An answer that is complete, as a stream.
pub(super) fn of_one(response: GraphqlResponse, id: &RequestId) -> Response {
    let events = [next(response, id), end()];
    send(stream::iter(events))
}

/// Answers as they come, until there are no more. When the server stops they break off, and clients connect again.
pub(super) fn of_many(
    responses: BoxStream<'static, GraphqlResponse>,
    place: Place,
    id: RequestId,
) -> Response {
    let events = responses
        .map(move |response| next(response, &id))
        .chain(stream::once(async { end() }))
        .take_until(place.stopping());
    // The place is taken as long as there is a connection.
    let events = events.map(move |event| {
        let _ = &place;
        event
    });
    send(events)
}

fn next(mut response: GraphqlResponse, id: &RequestId) -> Event {
    complete(&mut response, id);
    let event = Event::default().event("next");
    match serde_json::to_string(&response) {
        Ok(data) => event.data(data),
        Err(error) => {
            let errors = Refusal::Fault(Fault::new(error)).errors(id);
            event.data(json!({"errors": errors}).to_string())
        }
    }
}

/// What tells a client that it need not connect again to hear the rest. Browsers pass over an event that has no data.
fn end() -> Event {
    Event::default().event("complete").data("null")
}

fn send(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let mut response = Sse::new(events.map(Ok::<_, Infallible>))
        .keep_alive(keep_alive)
        .into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Else nginx would hand on what it has once it has enough.
    let buffering = HeaderName::from_static("x-accel-buffering");
    headers.insert(buffering, HeaderValue::from_static("no"));
    response
}
