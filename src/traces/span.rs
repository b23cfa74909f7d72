//! Spans: of a request, and of its parts.

use std::{borrow::Cow, collections::HashMap, thread};

use futures_util::future::Either;
use opentelemetry::{
    Context, KeyValue,
    context::FutureExt as _,
    propagation::TextMapPropagator as _,
    trace::{SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _},
};
use opentelemetry_sdk::{
    propagation::TraceContextPropagator,
    trace::{IdGenerator as _, RandomIdGenerator, Span},
};

use super::{TRACING, Tracing};

/// The most characters of the name that a client gives its operation.
const MOST_OF_NAME: usize = 100;

/// The most characters of a `traceparent`: 55 today.
const MOST_OF_PARENT: usize = 128;

/// Who a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Anybody: a stranger's wish to be traced counts only as far as the draw goes.
    Visitors,
    /// Clients of the API: their wish counts.
    Api,
}

/// A request that is traced.
#[derive(Debug)]
pub struct Root(Context);

/// Begins the span of a request, if requests are traced and this one is; `parent` is its `traceparent`.
///
/// A caller that traces and has not drawn this request is heard: it is not traced here either.
pub fn begin(
    door: Door,
    parent: Option<&str>,
    name: impl FnOnce() -> String,
    attributes: impl FnOnce() -> Vec<KeyValue>,
) -> Option<Root> {
    let tracing = TRACING.get()?;
    let parent = parent.map_or_else(Context::new, context_of);
    if !is_drawn(tracing, door, &parent) {
        return None;
    }
    let span = SpanBuilder::from_name(name())
        .with_kind(SpanKind::Server)
        .with_attributes(attributes());
    let span = tracing.tracer.build_with_context(span, &parent);
    Some(Root(parent.with_span(span)))
}

/// The span that a caller names; none where it is no such name.
fn context_of(parent: &str) -> Context {
    if parent.len() > MOST_OF_PARENT {
        return Context::new();
    }
    // Its `tracestate` is for those that are called in turn, and nobody is.
    let carrier = HashMap::from([("traceparent".to_owned(), parent.to_owned())]);
    TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier)
}

fn is_drawn(tracing: &Tracing, door: Door, parent: &Context) -> bool {
    let span = parent.span();
    let caller = span.span_context();
    if caller.is_valid() {
        if !caller.is_sampled() {
            return false;
        }
        if door == Door::Api {
            return true;
        }
    }
    // Not the trace's own number: a stranger could choose one that is drawn.
    tracing.ratio.is_all() || tracing.ratio.holds(random())
}

fn random() -> u64 {
    u64::from_be_bytes(RandomIdGenerator::default().new_span_id().to_bytes())
}

impl Root {
    /// Does the request's work; spans of its parts come below this one.
    pub async fn around<T>(&self, work: impl Future<Output = T>) -> T {
        work.with_context(self.0.clone()).await
    }

    /// Ends the span with how it went. One that is dropped ends too, and says nothing of that.
    pub fn end(self, is_failure: bool, attributes: Vec<KeyValue>) {
        let span = self.0.span();
        span.set_attributes(attributes);
        if is_failure {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.span().set_status(Status::error(""));
        }
    }
}

/// A part of a request: its span ends when this is dropped.
#[derive(Debug)]
pub struct Part(#[expect(dead_code, reason = "its end is what it is for")] Box<Span>);

/// Begins the span of a wait for the database, if the request that waits is traced.
#[inline]
#[must_use]
pub fn of_database(operation: &'static str, table: &'static str) -> Option<Part> {
    TRACING.get()?.wait(operation, table)
}

impl Tracing {
    #[cold]
    fn wait(&self, operation: &'static str, table: &'static str) -> Option<Part> {
        Context::map_current(|request| {
            if !request.span().is_recording() {
                return None;
            }
            let span = SpanBuilder::from_name(format!("{operation} {table}"))
                .with_kind(self.call.clone())
                .with_attributes([
                    KeyValue::new("db.system.name", self.database),
                    KeyValue::new("db.operation.name", operation),
                    KeyValue::new("db.collection.name", table),
                ]);
            let span = self.tracer.build_with_context(span, request);
            Some(Part(Box::new(span)))
        })
    }

    /// A context with the span of a GraphQL operation, if its request is traced.
    fn operation(&self) -> Option<Context> {
        Context::map_current(|request| {
            if !request.span().is_recording() {
                return None;
            }
            // Which operation it is will be known once its document is read.
            let span = SpanBuilder::from_name("GraphQL Operation").with_kind(SpanKind::Internal);
            Some(request.with_span(self.tracer.build_with_context(span, request)))
        })
    }
}

/// Carries out a GraphQL operation, in a span of its own if the request that this task works on is traced.
pub fn graphql<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    match TRACING.get().and_then(Tracing::operation) {
        None => Either::Left(work),
        // In a box: what is not traced should not have to carry it.
        Some(operation) => Either::Right(Box::pin(work.with_context(operation))),
    }
}

/// The request that is worked on, for what is done on its behalf by another task.
#[derive(Clone, Debug)]
pub struct Here(Option<Context>);

impl Here {
    /// The request that this task works on.
    #[must_use]
    pub fn current() -> Self {
        Self(TRACING.get().map(|_| Context::current()))
    }

    /// Does work for the request.
    pub async fn around<T>(&self, work: impl Future<Output = T>) -> T {
        match &self.0 {
            None => work.await,
            Some(request) => work.with_context(request.clone()).await,
        }
    }
}

/// Says which GraphQL operation is carried out.
pub fn name_operation(kind: &'static str, name: Option<&str>) {
    if TRACING.get().is_none() {
        return;
    }
    Context::map_current(|operation| {
        let span = operation.span();
        if !span.is_recording() {
            return;
        }
        span.update_name(kind);
        span.set_attribute(KeyValue::new("graphql.operation.type", kind));
        if let Some(name) = name {
            let name: Cow<'_, str> = match name.char_indices().nth(MOST_OF_NAME) {
                Some((end, _)) => format!("{}…", &name[..end]).into(),
                None => name.into(),
            };
            span.set_attribute(KeyValue::new("graphql.operation.name", name.into_owned()));
        }
    });
}

/// Says that the request failed by our fault; what it was stands in the log, by the request's id.
pub fn note_fault() {
    if TRACING.get().is_some() {
        Context::map_current(|request| request.span().set_status(Status::error("")));
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanKind, TracerProvider as _};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const NOT_SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    fn tracing(ratio: &str) -> Tracing {
        Tracing {
            tracer: SdkTracerProvider::builder().build().tracer("test"),
            ratio: ratio.parse().expect("a share"),
            database: "sqlite",
            call: SpanKind::Internal,
        }
    }

    #[test]
    fn a_caller_that_has_not_drawn_a_request_is_heard_and_one_that_has_where_it_may() {
        let none = Context::new();
        let (sampled, not) = (context_of(SAMPLED), context_of(NOT_SAMPLED));
        for (ratio, door, parent, expected) in [
            ("1", Door::Visitors, &none, true),
            ("1", Door::Visitors, &sampled, true),
            ("1", Door::Visitors, &not, false),
            ("1", Door::Api, &none, true),
            ("1", Door::Api, &sampled, true),
            ("1", Door::Api, &not, false),
            ("0", Door::Visitors, &none, false),
            ("0", Door::Visitors, &sampled, false),
            ("0", Door::Visitors, &not, false),
            ("0", Door::Api, &none, false),
            ("0", Door::Api, &sampled, true),
            ("0", Door::Api, &not, false),
        ] {
            let drawn = is_drawn(&tracing(ratio), door, parent);
            assert_eq!(drawn, expected, "{ratio} {door:?} {parent:?}");
        }
    }

    #[test]
    fn about_as_many_requests_are_drawn_as_the_share_says() {
        let tracing = tracing("0.25");
        let drawn = (0..10_000).filter(|_| is_drawn(&tracing, Door::Visitors, &Context::new()));
        // Ten standard deviations to both sides.
        assert!((2067..2933).contains(&drawn.count()));
    }

    #[test]
    fn what_is_no_parent_is_none() {
        let long = format!("01-{}-01-{}", &SAMPLED[3..52], "x".repeat(200));
        for parent in [
            "",
            "00",
            "00-00000000000000000000000000000000-0000000000000000-01",
            &long,
        ] {
            assert!(!context_of(parent).span().span_context().is_valid(), "{parent}");
        }
    }
}
