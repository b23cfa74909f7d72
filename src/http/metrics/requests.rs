//! Requests, counted by route and status, with how long their answers took.
//!
//! The redirect is counted too, and it is short: what is counted are numbers in memory that are there from the start.
//! A request looks nothing up, waits for nobody and allocates nothing for it.

use std::{
    array, fmt,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State as Extract},
    http::StatusCode,
    middleware::Next,
    response::Response,
};

use super::super::{ROUTES, VISIT, state::State};

/// What is said to be the route of what was answered before one was looked for.
pub(super) const NONE: &str = "none";

/// As what that is answered: what is no HTTP, or has too long a URL or too many headers.
const REFUSED: [StatusCode; 3] = [
    StatusCode::BAD_REQUEST,
    StatusCode::URI_TOO_LONG,
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
];

/// The statuses that there can be: 100 to 599.
const FIRST_STATUS: u16 = 100;
const STATUSES: usize = 500;

/// Up to how many nanoseconds an answer takes to be in a bucket, and how the page says that in seconds.
pub(super) const BUCKETS: [(u64, &str); 15] = [
    (50_000, "0.00005"),
    (100_000, "0.0001"),
    (250_000, "0.00025"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_500_000, "0.0025"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (1_000_000_000, "1"),
    (10_000_000_000, "10"),
];

/// Counts requests.
#[derive(Debug)]
pub(in crate::http) struct Requests {
    /// The last one is [`VISIT`].
    routes: Vec<Route>,
    /// One for each of [`REFUSED`].
    refused: [AtomicU64; REFUSED.len()],
}

/// The requests to one route.
pub(super) struct Route {
    /// Its template: there are as many as the router has, whoever asks for what.
    pub(super) path: &'static str,
    statuses: [AtomicU64; STATUSES],
    /// One for each of [`BUCKETS`], and one for all that took longer.
    took: [AtomicU64; BUCKETS.len() + 1],
    nanoseconds: AtomicU64,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Route").field(&self.path).finish()
    }
}

impl Default for Requests {
    fn default() -> Self {
        let paths = ROUTES.into_iter().chain(["/", VISIT]);
        Self {
            routes: paths.map(Route::new).collect(),
            refused: array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Requests {
    pub(super) fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// What was answered before a route was looked for, by its status.
    pub(super) fn refused(&self) -> impl Iterator<Item = (StatusCode, u64)> + '_ {
        let counts = self.refused.iter().map(|count| count.load(Ordering::Relaxed));
        REFUSED.into_iter().zip(counts)
    }

    /// Something is answered so, and no route is looked for.
    pub(in crate::http) fn count_refused(&self, status: StatusCode) {
        let place = REFUSED.iter().position(|refused| *refused == status);
        if let Some(count) = place.and_then(|place| self.refused.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A request to a route of the server's own begins. One that [`ROUTES`] lacks counts as a visit.
    fn begin(&self, path: &str) -> Option<Measured<'_>> {
        let route = self.routes.iter().find(|route| route.path == path);
        route.or(self.routes.last()).map(Measured::begin)
    }

    /// A visit begins.
    pub(in crate::http) fn begin_visit(&self) -> Option<Measured<'_>> {
        self.routes.last().map(Measured::begin)
    }
}

impl Route {
    fn new(path: &'static str) -> Self {
        Self {
            path,
            statuses: array::from_fn(|_| AtomicU64::new(0)),
            took: array::from_fn(|_| AtomicU64::new(0)),
            nanoseconds: AtomicU64::new(0),
        }
    }

    fn count(&self, status: StatusCode, took: Duration) {
        let place = usize::from(status.as_u16().saturating_sub(FIRST_STATUS));
        if let Some(count) = self.statuses.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BUCKETS
            .iter()
            .take_while(|(limit, _)| nanoseconds > *limit)
            .count();
        if let Some(count) = self.took.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// How often each status was answered, without those that never were. Faults are always there: a rate can't be told of a
    /// count that begins with its first.
    pub(super) fn statuses(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        let counts = self.statuses.iter().map(|count| count.load(Ordering::Relaxed));
        let counts = (FIRST_STATUS..).zip(counts);
        counts.filter(|(status, count)| *count > 0 || [500, 503].contains(status))
    }

    /// How many were in each bucket, those of the buckets before included; and the seconds that all took.
    pub(super) fn took(&self) -> ([u64; BUCKETS.len() + 1], Duration) {
        let mut sum = 0;
        let up_to = array::from_fn(|at| {
            sum += self.took[at].load(Ordering::Relaxed);
            sum
        });
        let nanoseconds = self.nanoseconds.load(Ordering::Relaxed);
        (up_to, Duration::from_nanos(nanoseconds))
    }
}

/// A request that is being answered. One whose answer nobody waits for any more is not counted; one that panics is, as the
/// 500 that its caller gets.
pub(in crate::http) struct Measured<'a> {
    route: &'a Route,
    begun: Instant,
    is_counted: bool,
}

impl<'a> Measured<'a> {
    fn begin(route: &'a Route) -> Self {
        Self {
            route,
            begun: Instant::now(),
            is_counted: false,
        }
    }

    /// It is answered.
    pub(in crate::http) fn end(mut self, status: StatusCode) {
        self.route.count(status, self.begun.elapsed());
        self.is_counted = true;
    }
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        if !self.is_counted && thread::panicking() {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            self.route.count(status, self.begun.elapsed());
        }
    }
}

/// Counts the requests to the server's own routes.
pub(in crate::http) async fn count(Extract(state): Extract<State>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map_or("", MatchedPath::as_str);
    let measured = state.requests.as_ref().and_then(|requests| requests.begin(path));
    let response = next.run(request).await;
    if let Some(measured) = measured {
        measured.end(response.status());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_in_the_first_bucket_that_is_long_enough_and_in_all_after_it() {
        let route = Route::new(VISIT);
        for nanoseconds in [0, 50_000, 50_001, 10_000_000_000, 10_000_000_001, u64::MAX / 2] {
            route.count(StatusCode::FOUND, Duration::from_nanos(nanoseconds));
        }
        let (up_to, _) = route.took();
        assert_eq!(
            (up_to[0], up_to[1], up_to[13], up_to[14], up_to[15]),
            (2, 3, 3, 4, 6)
        );
        assert!(BUCKETS.is_sorted());
        for (nanoseconds, seconds) in BUCKETS {
            let said: f64 = seconds.parse().expect("a number");
            assert!(
                (Duration::from_nanos(nanoseconds).as_secs_f64() - said).abs() < 1e-12,
                "{seconds}"
            );
        }
    }

    #[test]
    fn a_visit_that_panics_is_counted_as_the_fault_that_it_is() {
        let requests = Requests::default();
        let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _measured = requests.begin_visit();
            panic!("a visit that a test breaks");
        }));
        assert!(broken.is_err());
        drop(requests.begin_visit());
        let visits = requests.routes().last().expect("visits");
        assert_eq!(visits.statuses().collect::<Vec<_>>(), [(500, 1), (503, 0)]);
    }
}
