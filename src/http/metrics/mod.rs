//! `/metrics`, on a listener of its own: what a Prometheus server asks for every few seconds.
//!
//! Counted are numbers in memory, by those who do the work; the page only reads them. It is written by hand, since the
//! usual crates keep each latency until somebody asks for it, which costs the redirect an allocation and a server that
//! nobody asks its memory.

mod facts;
mod process;
mod requests;
mod text;

use axum::{
    Router,
    extract::State as Extract,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

pub use self::process::max_open_files;
pub(super) use self::{
    facts::Known,
    requests::{Requests, count},
};
use self::{
    facts::{Counts, Facts},
    process::Process,
    requests::{BUCKETS, NONE},
    text::{Kind, MEDIA_TYPE, Page},
};
use super::state::State;
use crate::{app::App, clicks::recorder::RecorderState};

/// What the listener for metrics answers: the page, and nothing else.
pub fn metrics_router(state: State) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(state)
}

/// `GET /metrics`.
async fn metrics(Extract(state): Extract<State>) -> Response {
    let facts = state.known.facts(&state.app).await;
    let mut page = Page::default();
    if let Some(requests) = &state.requests {
        write_requests(&mut page, requests);
    }
    write_clicks(&mut page, &state.app, &facts);
    write_links(&mut page, &state.app, facts.counts);
    write_database(&mut page, &state.app, &facts);
    write_connections(&mut page, &state);
    write_process(&mut page, &state, facts.process);
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], page.into_text()).into_response()
}

fn write_requests(page: &mut Page, requests: &Requests) {
    let mut answered = page.family(
        "linkhop_http_requests_total",
        Kind::Counter,
        "Requests that were answered, by the route's template and the status. Visits of short links are those of /{code}; none is what \
         was refused before its route was looked for.",
    );
    for route in requests.routes() {
        for (status, count) in route.statuses() {
            let status = status.to_string();
            answered.sample("", &[("route", route.path), ("status", &status)], count);
        }
    }
    for (status, count) in requests.refused() {
        answered.sample("", &[("route", NONE), ("status", status.as_str())], count);
    }
    let mut took = page.family(
        "linkhop_http_request_duration_seconds",
        Kind::Histogram,
        "How long it took until an answer began, by the route's template.",
    );
    for route in requests.routes() {
        let path = ("route", route.path);
        let (up_to, sum) = route.took();
        let limits = BUCKETS.iter().map(|(_, seconds)| *seconds).chain(["+Inf"]);
        for (limit, count) in limits.zip(up_to) {
            took.sample("_bucket", &[path, ("le", limit)], count);
        }
        took.sample("_sum", &[path], sum.as_secs_f64());
        took.sample("_count", &[path], up_to[BUCKETS.len()]);
    }
}

fn write_clicks(page: &mut Page, app: &App, facts: &Facts) {
    let RecorderState {
        lost,
        unconfirmed,
        waiting,
        lot,
    } = app.recorder.state();
    let mut clicks = page.family(
        "linkhop_clicks_total",
        Kind::Counter,
        "Clicks that were answered, by their verdict: a person's have no reason, a bot's the first one that spoke against a person.",
    );
    for (reason, count) in app.recorder.counted() {
        let (verdict, reason) = reason.map_or(("person", ""), |reason| ("bot", reason.as_str()));
        clicks.sample("", &[("verdict", verdict), ("reason", reason)], count);
    }
    page.one(
        "linkhop_clicks_lost_total",
        Kind::Counter,
        "Clicks that were answered and that neither the database nor the spool took: figures miss them for good.",
        lost,
    );
    page.one(
        "linkhop_clicks_unconfirmed_total",
        Kind::Counter,
        "Clicks that were answered from the spool, before the database had said that it has them.",
        unconfirmed,
    );
    if let Some(spooled) = facts.spooled {
        page.one(
            "linkhop_spool_files",
            Kind::Gauge,
            "Files of clicks that wait for the database.",
            spooled.files,
        );
        page.one(
            "linkhop_spool_bytes",
            Kind::Gauge,
            "Bytes of these files.",
            spooled.bytes,
        );
    }
    if let Some(Counts { unsummed, .. }) = facts.counts {
        page.one(
            "linkhop_clicks_unsummed",
            Kind::Gauge,
            "Clicks that are stored and not in the sums yet; reports count them one by one.",
            unsummed,
        );
    }
    page.one(
        "linkhop_writer_waiting",
        Kind::Gauge,
        "Writes of links and clicks that wait for the database now.",
        waiting,
    );
    page.one(
        "linkhop_writer_last_batch_size",
        Kind::Gauge,
        "Writes that were last stored together.",
        lot,
    );
    let (lots, writes) = app.writer.lots();
    let mut batches = page.family(
        "linkhop_writer_batch_size",
        Kind::Summary,
        "Writes that were stored together, each time.",
    );
    batches.sample("_sum", &[], writes);
    batches.sample("_count", &[], lots);
}

fn write_links(page: &mut Page, app: &App, counts: Option<Counts>) {
    page.one(
        "linkhop_redirect_cache_hits_total",
        Kind::Counter,
        "Visits whose link was remembered, or remembered not to be there.",
        app.resolver.remembered(),
    );
    page.one(
        "linkhop_redirect_cache_misses_total",
        Kind::Counter,
        "Visits for which the database was asked.",
        app.resolver.look_ups(),
    );
    let mut drawn = page.family(
        "linkhop_codes_drawn_total",
        Kind::Counter,
        "Random codes that were drawn for links, by whether they were free. The part that was in use is the part of all codes that is.",
    );
    drawn.sample("", &[("outcome", "free")], app.codes.drawn.free());
    drawn.sample("", &[("outcome", "in_use")], app.codes.drawn.in_use());
    if let Some(Counts { links, .. }) = counts {
        page.one(
            "linkhop_links",
            Kind::Gauge,
            "About how many links the database holds.",
            links,
        );
        let mut used = page.family(
            "linkhop_codes_used_ratio",
            Kind::Gauge,
            "The part of the codes of a length that would be in use if all links were on one domain and had such a code.",
        );
        #[expect(clippy::cast_precision_loss, reason = "a part of all codes need not be exact")]
        let part = links as f64 / app.codes.size();
        let length = app.codes.length.to_string();
        used.sample("", &[("length", &length)], part);
    }
}

fn write_database(page: &mut Page, app: &App, facts: &Facts) {
    page.one(
        "linkhop_database_up",
        Kind::Gauge,
        "Whether the database said in time what this page asked it.",
        u8::from(facts.counts.is_some()),
    );
    let mut connections = page.family(
        "linkhop_database_connections",
        Kind::Gauge,
        "Connections of the pools, by what they do. SQLite's writer and the readers of single rows have others of their own.",
    );
    for (pool, of) in app.store.pools() {
        connections.sample("", &[("pool", pool), ("state", "in_use")], of.in_use);
        connections.sample("", &[("pool", pool), ("state", "idle")], of.idle);
    }
}

fn write_connections(page: &mut Page, state: &State) {
    page.one(
        "linkhop_http_connections",
        Kind::Gauge,
        "Connections that are open, those of streams and WebSockets too.",
        state.connections.open(),
    );
    page.one(
        "linkhop_http_connections_max",
        Kind::Gauge,
        "How many may be.",
        state.connections.most(),
    );
}

fn write_process(page: &mut Page, state: &State, process: Process) {
    let mut build = page.family(
        "linkhop_build_info",
        Kind::Gauge,
        "Always 1: the program's version, and the kind of its database.",
    );
    let version = ("version", env!("CARGO_PKG_VERSION"));
    build.sample("", &[version, ("database", state.app.store.kind())], 1);
    page.one(
        "process_start_time_seconds",
        Kind::Gauge,
        "When the server was started, in seconds since 1970.",
        state.started.millis() / 1000,
    );
    let Process {
        cpu_seconds,
        resident_bytes,
        open_files,
        max_files,
    } = process;
    if let Some(seconds) = cpu_seconds {
        let help = "Seconds that processors worked for the process.";
        page.one("process_cpu_seconds_total", Kind::Counter, help, seconds);
    }
    for (name, help, value) in [
        (
            "process_resident_memory_bytes",
            "Memory of the process.",
            resident_bytes,
        ),
        (
            "process_open_fds",
            "Files and connections that are open.",
            open_files,
        ),
        ("process_max_fds", "How many may be.", max_files),
    ] {
        if let Some(value) = value {
            page.one(name, Kind::Gauge, help, value);
        }
    }
}
