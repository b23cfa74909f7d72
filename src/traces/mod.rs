//! Traces of requests, for the OpenTelemetry collector that the operator names, if one is named.
//!
//! A process has one tracer, as it has one log. Where none is set up, all of this is one look at a cell that is empty:
//! no span is made and nothing is allocated. A request that is not drawn costs a random number more.

mod export;
mod options;
mod span;

use std::{sync::OnceLock, time::Duration};

use opentelemetry::{
    KeyValue,
    trace::{SpanKind, TracerProvider as _},
};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider},
};
use uuid::Uuid;

use self::export::Exporter;
pub use self::{
    options::{Endpoint, EndpointError, Options, Ratio, RatioError},
    span::{Door, Here, Part, Root, begin, graphql, name_operation, note_fault, of_database},
};

/// What spans are made with, once a collector is named.
static TRACING: OnceLock<Tracing> = OnceLock::new();

/// The service that spans are said to be of, where no variable of OpenTelemetry's says another.
const SERVICE: &str = "linkhop";

/// How many spans wait to be sent: those beyond are dropped.
const QUEUE: usize = 2048;

/// How many spans are sent together at most.
const LOT: usize = 512;

/// How long spans gather.
const PAUSE: Duration = Duration::from_secs(5);

/// How long a server that stops waits for the collector to take the last spans.
const LAST: Duration = Duration::from_secs(2);

/// What spans are made with.
#[derive(Debug)]
struct Tracing {
    tracer: SdkTracer,
    ratio: Ratio,
    /// The name that OpenTelemetry has for the database.
    database: &'static str,
    /// How calls of it are told from the program's own work.
    call: SpanKind,
}

/// Why nothing can be traced.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The client for the collector can't be made.
    #[error("no client for the collector of --traces-endpoint can be made")]
    Client(#[from] reqwest::Error),
    /// A variable of OpenTelemetry's says what can't be done.
    #[error("spans can't be sent to the collector of --traces-endpoint: {0}")]
    Exporter(String),
}

/// Spans that are on their way to the collector.
#[derive(Debug)]
#[must_use = "what was not sent is lost unless its end is waited for"]
pub struct Sending(SdkTracerProvider);

/// Traces requests from now on, of a server over that kind of database: `sqlite` or `postgres`.
///
/// # Errors
/// Where the variables of OpenTelemetry ask for what this program can't do.
pub fn start(options: &Options, database: &str) -> Result<Sending, StartError> {
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(LOT)
        .with_scheduled_delay(PAUSE)
        .build();
    let batches = BatchSpanProcessor::builder(Exporter::new(&options.endpoint)?).with_batch_config(batches);
    let provider = SdkTracerProvider::builder()
        .with_span_processor(batches.build())
        // Who is not drawn never gets as far as the library.
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(resource())
        .build();
    let (database, call) = if database == "postgres" {
        ("postgresql", SpanKind::Client)
    } else {
        ("sqlite", SpanKind::Internal)
    };
    // A second one in the same process, as in a test, is no reason to stop.
    let _ = TRACING.set(Tracing {
        tracer: provider.tracer(SERVICE),
        ratio: options.ratio,
        database,
        call,
    });
    Ok(Sending(provider))
}

/// Whether requests are traced, be it some of them.
#[must_use]
pub fn is_on() -> bool {
    TRACING.get().is_some()
}

impl Sending {
    /// Returns once the collector has taken the last spans, or after a moment.
    pub async fn finish(self) {
        // It waits for a thread. What could not be sent is told by who sends.
        let finished = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(LAST));
        let _ = finished.await;
    }
}

/// What all spans are of: the variables of OpenTelemetry may say it, else this program does.
fn resource() -> Resource {
    let told = Resource::builder().build();
    let mut more = vec![
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        // Nodes of one service are told apart by it.
        KeyValue::new("service.instance.id", Uuid::new_v4().to_string()),
    ];
    let is_unnamed = told
        .get(&"service.name".into())
        .is_none_or(|name| name.as_str().starts_with("unknown_service"));
    if is_unnamed {
        more.push(KeyValue::new("service.name", SERVICE));
    }
    more.retain(|attribute| attribute.key.as_str() == "service.name" || told.get(&attribute.key).is_none());
    Resource::builder().with_attributes(more).build()
}
