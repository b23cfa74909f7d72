//! What handlers share.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State as Extract},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};

use entity::Timestamp;

use super::{
    connections::Connections,
    cors::Origin,
    guesses::Guesses,
    metrics::{Known, Requests},
    openapi::openapi,
    pages,
    playground::Playground,
    redirect::host_of,
    report::Reports,
    streams::Streams,
};
use crate::{
    app::App,
    graphql::{self, Limits, LinkhopSchema, Trusted},
    rates::{Quotas, Rates},
    values::{host::Host, network::Networks},
};

/// How the HTTP door is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The most bytes of a request's body.
    pub body_limit: usize,
    /// How long one request to the API may take, from its headers to its answer.
    pub request_timeout: Duration,
    /// How many connections may be open.
    pub connections: u32,
    /// The sites whose scripts may use the API.
    pub cors_origins: Vec<Origin>,
    /// The one host that answers `/graphql`; every host does if `None`.
    pub api_host: Option<Host>,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Networks,
    /// How much work one GraphQL request may ask for.
    pub limits: Limits,
    /// How much keys and accounts may ask for in a time.
    pub quotas: Quotas,
    /// Whether the schema may be asked for.
    pub introspection: bool,
    /// The documents that are run, and no others; any if `None`.
    pub trusted: Option<Arc<Trusted>>,
    /// A key to show in the playground: for a demo only, since whoever opens the page has it.
    pub playground_key: Option<String>,
    /// Whether requests are counted, for [`metrics_router`](super::metrics_router).
    pub metrics: bool,
    /// How old what the database says of itself may be there.
    pub metrics_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_limit: 5 * 1024 * 1024,
            request_timeout: Duration::from_secs(10),
            connections: 10_000,
            cors_origins: Vec::new(),
            api_host: None,
            trusted_proxies: Networks::default(),
            limits: Limits::default(),
            quotas: Quotas::default(),
            introspection: true,
            trusted: None,
            playground_key: None,
            metrics: false,
            metrics_age: Duration::from_secs(5),
        }
    }
}

/// What handlers share. Cheap to clone.
#[derive(Clone)]
pub struct State(Arc<Inner>);

/// The parts of [`State`].
pub struct Inner {
    /// What each request can reach.
    pub app: App,
    /// The schema over it.
    pub(super) schema: LinkhopSchema,
    /// How the door is set up.
    pub settings: Settings,
    /// Counts what keys and accounts ask for.
    pub(super) rates: Arc<Rates>,
    /// Counts wrong keys.
    pub(super) guesses: Guesses,
    /// Counts reports of abuse.
    pub(super) reports: Reports,
    /// Connections that are open.
    pub connections: Connections,
    /// Answers that go on.
    pub streams: Streams,
    /// Requests so far, if they are counted.
    pub(super) requests: Option<Requests>,
    pub(super) known: Known,
    /// When the door was opened.
    pub(super) started: Timestamp,
    pub(super) playground: Playground,
    pub(super) sdl: String,
    pub(super) openapi: String,
}

impl State {
    /// Makes the schema and the playground's page.
    #[must_use]
    pub fn new(app: App, settings: Settings) -> Self {
        let clock = app.clock.clone();
        Self(Arc::new(Inner {
            rates: Arc::new(Rates::new(settings.quotas, move || clock.now())),
            guesses: Guesses::default(),
            reports: Reports::default(),
            schema: graphql::schema(
                app.clone(),
                settings.limits,
                settings.introspection,
                settings.trusted.clone(),
            ),
            connections: Connections::new(settings.connections),
            streams: Streams::among(settings.connections),
            playground: Playground::new(settings.playground_key.as_deref()),
            sdl: graphql::sdl(),
            openapi: openapi(),
            requests: settings.metrics.then(Requests::default),
            known: Known::new(settings.metrics_age),
            started: app.clock.now(),
            app,
            settings,
        }))
    }
}

impl Inner {
    /// Counts an answer of this status that no route has given.
    pub fn count_refused(&self, status: StatusCode) {
        if let Some(requests) = &self.requests {
            requests.count_refused(status);
        }
    }
}

impl std::ops::Deref for State {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// On every other host than the API's own, its routes are not there.
pub(super) async fn api_host_only(Extract(state): Extract<State>, request: Request, next: Next) -> Response {
    if let Some(api_host) = &state.settings.api_host
        && host_of(request.uri(), request.headers())
            .and_then(Host::parse)
            .as_ref()
            != Some(api_host)
    {
        return pages::not_found().into_response();
    }
    next.run(request).await
}
