//! A collector of OpenTelemetry's, as far as a server that sends it traces can tell.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
    trace::v1 as proto,
};
use prost::Message as _;
use tokio::net::TcpListener;

/// A span as a collector sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Its name.
    pub name: String,
    /// The trace that it is of.
    pub trace: String,
    /// Its own id.
    pub id: String,
    /// That of the span that it is a part of; empty if it is of none.
    pub parent: String,
    /// Whose work it is, in the words of OpenTelemetry.
    pub kind: &'static str,
    /// Whether it failed.
    pub is_failure: bool,
    /// What is said of it.
    pub attributes: BTreeMap<String, String>,
}

async fn free_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port")
}

/// A running collector.
#[derive(Clone, Debug)]
pub struct Collector {
    /// Its address.
    pub url: String,
    taken: Arc<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    requests: Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>,
    begun: AtomicUsize,
    hangs: bool,
}

impl Collector {
    /// A collector that takes what it is sent.
    pub async fn start() -> Self {
        Self::start_on(free_port().await)
    }

    /// The same on a listener of one's own.
    pub fn start_on(listener: TcpListener) -> Self {
        Self::start_as(listener, Taken::default())
    }

    /// One that never answers.
    pub async fn hanging() -> Self {
        let taken = Taken {
            hangs: true,
            ..Taken::default()
        };
        Self::start_as(free_port().await, taken)
    }

    fn start_as(listener: TcpListener, taken: Taken) -> Self {
        let taken = Arc::new(taken);
        let address = listener.local_addr().expect("an address");
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&taken));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url: format!("http://{address}"),
            taken,
        }
    }

    /// How many requests have come, answered or not.
    pub fn begun(&self) -> usize {
        self.taken.begun.load(Ordering::Relaxed)
    }

    /// The headers of the first request.
    pub fn headers(&self) -> HeaderMap {
        let requests = self.taken.requests.lock().expect("nobody panicked");
        requests.first().expect("a request").0.clone()
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<Span> {
        let requests = self.taken.requests.lock().expect("nobody panicked");
        let resources = requests.iter().flat_map(|(_, request)| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| &scope.spans).map(Span::of).collect()
    }

    /// What the first spans are of.
    pub fn resource(&self) -> BTreeMap<String, String> {
        let requests = self.taken.requests.lock().expect("nobody panicked");
        let (_, request) = requests.first().expect("a request");
        let resource = request.resource_spans.first().expect("spans");
        texts(&resource.resource.as_ref().expect("a resource").attributes)
    }

    /// All that was sent, as a text to be searched.
    pub fn text(&self) -> String {
        let requests = self.taken.requests.lock().expect("nobody panicked");
        let bodies: Vec<_> = requests.iter().map(|(_, request)| request).collect();
        format!("{bodies:?}")
    }
}

async fn take(State(taken): State<Arc<Taken>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    taken.begun.fetch_add(1, Ordering::Relaxed);
    if taken.hangs {
        std::future::pending::<()>().await;
    }
    let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
    taken
        .requests
        .lock()
        .expect("nobody panicked")
        .push((headers, request));
    StatusCode::OK
}

impl Span {
    fn of(span: &proto::Span) -> Self {
        use proto::{span::SpanKind, status::StatusCode};
        let is_failure = |status: &proto::Status| status.code() == StatusCode::Error;
        Self {
            name: span.name.clone(),
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            kind: match span.kind() {
                SpanKind::Server => "server",
                SpanKind::Client => "client",
                SpanKind::Internal => "internal",
                _ => "another",
            },
            is_failure: span.status.as_ref().is_some_and(is_failure),
            attributes: texts(&span.attributes),
        }
    }

    /// What it says under that name; nothing where it does not.
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes all");
        text
    })
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let texts: BTreeMap<_, _> = attributes
        .iter()
        .map(|attribute| {
            let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
            (attribute.key.clone(), text(value))
        })
        .collect();
    assert_eq!(texts.len(), attributes.len(), "one is said twice: {attributes:?}");
    texts
}

fn text(value: Option<&any_value::Value>) -> String {
    match value {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::ArrayValue(array)) => {
            let values = array.values.iter().map(|value| text(value.value.as_ref()));
            format!("[{}]", values.collect::<Vec<_>>().join(","))
        }
        other => panic!("no attribute of ours: {other:?}"),
    }
}
