//! Sending spans to the collector.
//!
//! The library's own thread gathers them in a queue of a fixed size and sends them; who is traced never waits for it.

use std::{
    error::Error,
    iter,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter as Otlp, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};
use reqwest::{Client, redirect::Policy};
use tokio::runtime::Handle;

use super::{StartError, options::Endpoint};

/// How long the collector may take to answer, all tries together.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most bytes of an answer that are read: it says how many spans were refused, if any were.
const MOST_OF_ANSWER: usize = 64 * 1024;

/// Why a request came to nothing.
type Cause = Arc<Mutex<String>>;

/// Sends spans, and tells the log when that begins to fail and when it works again.
#[derive(Debug)]
pub(super) struct Exporter {
    otlp: Otlp,
    /// Why the last request came to nothing: the library keeps that to itself.
    cause: Cause,
    is_failing: AtomicBool,
    lost: AtomicU64,
}

impl Exporter {
    /// An exporter of spans to that collector. The variables of OpenTelemetry may say which headers it is sent.
    ///
    /// # Errors
    /// Where they ask for what this program can't do.
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, StartError> {
        let http = Client::builder()
            .timeout(PATIENCE)
            .redirect(Policy::none())
            .build()?;
        let cause = Cause::default();
        let http = Spawned {
            http,
            cause: Arc::clone(&cause),
            runtime: Handle::current(),
        };
        let otlp = Otlp::builder()
            .with_http()
            .with_http_client(http)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint.of_traces())
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| StartError::Exporter(error.to_string()))?;
        Ok(Self {
            otlp,
            cause,
            is_failing: AtomicBool::default(),
            lost: AtomicU64::default(),
        })
    }

    fn tell(&self, sent: &OTelSdkResult, spans: u64) {
        match sent {
            Ok(()) => {
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    let lost = self.lost.swap(0, Ordering::Relaxed);
                    tracing::info!(lost, "the collector takes spans again");
                }
            }
            Err(error) => {
                self.lost.fetch_add(spans, Ordering::Relaxed);
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    let cause = self.cause.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    tracing::warn!(%error, cause, "the collector does not take spans; they are lost until it does");
                }
            }
        }
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let sent = self.otlp.export(batch).await;
        self.tell(&sent, spans);
        // It is told; the library would tell it each time.
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "the collector has not taken the last spans");
        }
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}

/// The program's own HTTP client, for a thread that has no runtime.
#[derive(Debug)]
struct Spawned {
    http: Client,
    cause: Cause,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Spawned {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = request.try_into()?;
        let answered = self.runtime.spawn(answer(self.http.clone(), request)).await?;
        *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = match &answered {
            Ok(_) => String::new(),
            Err(error) => chain(&**error),
        };
        answered
    }
}

async fn answer(http: Client, request: reqwest::Request) -> Result<Response<Bytes>, HttpError> {
    let mut answer = http.execute(request).await?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MOST_OF_ANSWER {
            return Err("the collector's answer is too long".into());
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(body.into());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}

/// An error with all that led to it.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
