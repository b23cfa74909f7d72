//! The HTTP door: routes and layers.

mod accept;
mod body;
mod connections;
mod cors;
mod event_stream;
mod graphql;
mod guesses;
mod health;
mod large;
mod mcp;
mod metrics;
mod openapi;
mod operation;
mod pages;
mod playground;
mod preview;
mod principal;
mod rate;
mod received;
mod redirect;
mod report;
mod request_id;
mod shorten;
mod socket;
mod state;
mod streams;
mod traced;
mod visitor;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{any, get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::traces;

pub use self::{
    connections::Connections,
    cors::Origin,
    metrics::{max_open_files, metrics_router},
    openapi::openapi,
    request_id::log_panics,
    state::{Settings, State},
    streams::Streams,
};

/// Where REST is spoken.
const SHORTEN: &str = "/v2/links/shorten";

/// Where MCP is spoken.
const MCP: &str = "/mcp";

/// What stands for visits: whatever is no path of the server's own.
const VISIT: &str = "/{code}";

/// Paths of the server's own. No code can be the first segment of one (`links::code::RESERVED`).
pub const ROUTES: [&str; 11] = [
    "/graphql",
    "/graphql/assets/{name}",
    "/schema.graphql",
    SHORTEN,
    "/openapi.json",
    MCP,
    "/healthz",
    "/readyz",
    "/report",
    "/robots.txt",
    "/favicon.ico",
];

/// Everything that the server answers; the binary and the tests call the same.
pub fn router(state: State) -> Router {
    let [
        graphql,
        assets,
        schema,
        shorten,
        openapi,
        mcp,
        healthz,
        readyz,
        reports,
        robots,
        favicon,
    ] = ROUTES;
    let mut api = Router::new()
        .route(
            graphql,
            get(graphql::get)
                .post(graphql::post)
                .fallback(graphql::method_not_allowed),
        )
        .route(assets, get(playground::asset))
        .route(schema, get(graphql::schema))
        .route(shorten, post(shorten::post).fallback(shorten::method_not_allowed))
        .route(openapi, get(openapi::served))
        .route(mcp, post(mcp::post).fallback(mcp::method_not_allowed));
    if let Some(cors) = cors::layer(&state.settings.cors_origins) {
        api = api.route_layer(cors);
    }
    let api = api
        .route_layer(middleware::from_fn_with_state(
            state.clone(),
            state::api_host_only,
        ))
        // Nothing else reads a body.
        .layer(DefaultBodyLimit::max(state.settings.body_limit));
    let mut routes = Router::new()
        .merge(api)
        .route(healthz, get(health::live))
        .route(readyz, get(health::ready))
        .route(reports, get(report::get).post(report::post))
        .route(robots, get(pages::robots))
        .route(favicon, get(pages::favicon))
        .route("/", any(redirect::root))
        .layer(middleware::from_fn(request_id::identify));
    if state.requests.is_some() {
        routes = routes.layer(middleware::from_fn_with_state(state.clone(), metrics::count));
    }
    // Visits name, count and trace themselves: a layer costs each of them a tenth of what a bare answer does.
    let routes = if traces::is_on() {
        routes
            .layer(middleware::from_fn(traced::trace))
            .fallback(redirect::traced_visit)
    } else {
        routes.fallback(redirect::visit)
    };
    routes
        .layer(CatchPanicLayer::custom(body::panicked))
        .with_state(state)
}
