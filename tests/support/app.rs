//! A server of a test's own, asked through its router.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, HeaderName, Method, Request, StatusCode, header},
};
use entity::{
    ClickId, ShortLinkId, Timestamp,
    audit_entry::{self, Action},
    click, link_total, short_link,
};
use http_body_util::BodyExt as _;
use linkhop::{
    app::{App, Clock, Options},
    http::{Settings, State, Streams, metrics_router, router},
    store::Store,
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, DatabaseBackend, DatabaseTransaction,
    EntityTrait, IntoActiveModel, ModelTrait, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::{Database, Tenant};

/// 2026-11-23 12:00:00 UTC: when every test begins.
pub const START: Timestamp = Timestamp::from_millis(1_795_435_200_000);

/// An agent string of a person's browser.
pub const BROWSER: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
    (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";

/// How a test wants its server.
#[derive(Debug, Default)]
pub struct Setup {
    /// How the door is set up.
    pub settings: Settings,
    /// How it works beside what it answers.
    pub options: Options,
    /// How long a visit waits for its click; longer than any test runs, unless it says: these machines are busy.
    pub click_wait: Option<Duration>,
}

/// A server over a database of its own, with one tenant.
#[derive(Debug)]
pub struct TestApp {
    /// What requests can reach.
    pub app: App,
    /// The account that requests are sent for, unless they say.
    pub tenant: Tenant,
    database: Database,
    router: Router,
    metrics: Router,
    streams: Streams,
    options: Options,
    now: Arc<AtomicI64>,
    reads: Arc<Mutex<Vec<Statement>>>,
}

/// What a request was answered.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.body))
    }

    /// What a field of `data` holds; fails on errors.
    pub fn data(&self, field: &str) -> Value {
        let mut json = self.json();
        assert!(json.get("errors").is_none(), "{json}");
        json["data"][field].take()
    }

    /// The code of the only top-level error.
    pub fn error_code(&self) -> String {
        let json = self.json();
        let errors = json["errors"]
            .as_array()
            .unwrap_or_else(|| panic!("no errors: {json}"));
        assert_eq!(errors.len(), 1, "{json}");
        errors[0]["extensions"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no code: {json}"))
            .to_owned()
    }

    /// Where a visit is sent.
    pub fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::FOUND, "{}", self.body);
        self.header("location")
    }

    /// A header's text; empty where there is none.
    pub fn header(&self, name: impl AsRef<str>) -> &str {
        self.headers
            .get(name.as_ref())
            .map_or("", |value| value.to_str().expect("a printable header"))
    }
}

impl TestApp {
    /// A server as it is set up by default; its tenant's domain is `go.example.com`.
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    /// A server as the test wants it.
    pub async fn with(setup: Setup) -> Self {
        let database = Database::migrated().await;
        let mut store = database.store().await;
        let reads = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&reads);
        store.read.set_metric_callback(move |info| {
            if !info.statement.sql.contains("\"api_key\"") {
                noted.lock().expect("the reads").push(info.statement.clone());
            }
        });
        let tenant = Tenant::make(&store, "go.example.com", START).await;
        let now = Arc::new(AtomicI64::new(START.millis()));
        let time = Arc::clone(&now);
        let clock = Clock::new(move || Timestamp::from_millis(time.load(Ordering::SeqCst)));
        let mut options = setup.options;
        options.recorder.spool = database.spool();
        // When a test asks for it.
        options.sum_pause = Duration::from_hours(1);
        options.blocked.pause = Duration::from_hours(1);
        options.live.pause = Duration::from_millis(5);
        options.recorder.click_wait = setup.click_wait.unwrap_or(Duration::from_mins(5));
        let app = App::start(store, options.clone(), clock).await.expect("an app");
        let state = State::new(app.clone(), setup.settings);
        let streams = state.streams.clone();
        let metrics = metrics_router(state.clone());
        let router = router(state);
        Self {
            app,
            tenant,
            database,
            router,
            metrics,
            streams,
            options,
            now,
            reads,
        }
    }

    /// Another server over the same database, as a second node is.
    pub async fn neighbour(&self) -> Self {
        let database = self.database.shared();
        let store = database.store().await;
        let clock = self.app.clock.clone();
        let app = App::start(store, self.options.clone(), clock)
            .await
            .expect("an app");
        let state = State::new(app.clone(), Settings::default());
        Self {
            streams: state.streams.clone(),
            metrics: metrics_router(state.clone()),
            router: router(state),
            app,
            tenant: self.tenant.clone(),
            database,
            options: self.options.clone(),
            now: Arc::clone(&self.now),
            reads: Arc::default(),
        }
    }

    /// How many statements have been read with so far, beside those that look keys up.
    pub fn reads(&self) -> usize {
        self.reads.lock().expect("the reads").len()
    }

    /// The last statement that was read with.
    pub fn last_read(&self) -> Statement {
        self.reads
            .lock()
            .expect("the reads")
            .last()
            .expect("a read")
            .clone()
    }

    /// All that the server answers.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Answers that go on.
    pub const fn streams(&self) -> &Streams {
        &self.streams
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.app.store
    }

    /// Lets time pass.
    pub fn advance_hours(&self, hours: i64) {
        self.advance_seconds(hours * 3600);
    }

    /// Lets a little time pass.
    pub fn advance_seconds(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Sends a request.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        answer(self.router.clone(), request).await
    }

    /// Asks the listener for metrics.
    pub fn metrics(&self, path: &str) -> impl Future<Output = Answer> + Send + use<> {
        let request = Request::get(path).body(Body::empty());
        answer(self.metrics.clone(), request.expect("a request"))
    }

    /// Whether its database is an `SQLite` file.
    pub fn is_sqlite(&self) -> bool {
        self.app.store.write.get_database_backend() == DatabaseBackend::Sqlite
    }

    /// Sends a body to `/graphql` with these headers and no others.
    pub async fn post(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::post("/graphql");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).expect("a request")).await
    }

    /// Sends an operation with a key, or without one.
    pub async fn graphql_as(&self, key: Option<&str>, query: &str, variables: Value) -> Answer {
        let mut request = Request::post("/graphql").header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        let body = json!({"query": query, "variables": variables}).to_string();
        self.send(request.body(body.into()).expect("a request")).await
    }

    /// Sends an operation with the tenant's key.
    pub async fn graphql(&self, query: &str, variables: Value) -> Answer {
        self.graphql_as(Some(&self.tenant.key), query, variables).await
    }

    /// Makes a link with this input and answers the union's member, errors and all.
    pub async fn create(&self, input: Value) -> Value {
        self.create_as(&self.tenant.key, input).await
    }

    /// The same with another key.
    pub async fn create_as(&self, key: &str, input: Value) -> Value {
        self.graphql_as(Some(key), CREATE, json!({"input": input}))
            .await
            .data("createShortLink")
    }

    /// Runs a mutation that takes an `input`, and answers the union's member: of a success what `selection` asks for.
    pub async fn mutate(&self, name: &str, selection: &str, input: Value) -> Value {
        let pascal = pascal_case(name);
        let query = format!(
            "mutation Mutate($input: {pascal}Input!) {{ {name}(input: $input) {{
                __typename ... on {pascal}Success {selection} ... on UserError {{ code message path httpStatus retryable }}
            }} }}"
        );
        self.graphql(&query, json!({"input": input})).await.data(name)
    }

    /// Runs a mutation that takes an `id`, the same way.
    pub async fn archive(&self, name: &str, selection: &str, id: &str) -> Value {
        let pascal = pascal_case(name);
        let query = format!(
            "mutation Archive($id: ID!) {{ {name}(id: $id) {{
                __typename ... on {pascal}Success {selection} ... on UserError {{ code message path httpStatus retryable }}
            }} }}"
        );
        self.graphql(&query, json!({"id": id})).await.data(name)
    }

    /// Makes links with all these inputs at once, and answers what each call got, in no order.
    pub async fn create_at_once(self: &Arc<Self>, inputs: impl IntoIterator<Item = Value>) -> Vec<Value> {
        let mut calls = JoinSet::new();
        for input in inputs {
            let app = Arc::clone(self);
            calls.spawn(async move { app.create(input).await });
        }
        calls.join_all().await
    }

    /// Stores a row that has been changed, as another node or an operator would.
    pub async fn save<M>(&self, row: M) -> M
    where
        M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
        M::Entity: EntityTrait<Model = M>,
        <M::Entity as EntityTrait>::ActiveModel: Send,
    {
        let changed = row.into_active_model().reset_all();
        changed
            .update(&self.app.store.write)
            .await
            .expect("a changed row")
    }

    /// Makes a link that leads to `url` and answers its code.
    pub async fn link(&self, url: &str) -> String {
        let made = self.create(json!({"url": url, "listId": 42})).await;
        made["linkId"]
            .as_str()
            .unwrap_or_else(|| panic!("no link: {made}"))
            .to_owned()
    }

    /// Visits a path of a host as a person's browser does.
    pub async fn get(&self, host: &str, path: &str) -> Answer {
        self.visit(Method::GET, host, path, &[("user-agent", BROWSER)])
            .await
    }

    /// Visits a path of a host with these headers and no others.
    pub async fn visit(&self, method: Method, host: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host);
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a header's name");
            request = request.header(name, *value);
        }
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// Visits a path of a host from an address, with these headers and no others.
    pub async fn visit_from(&self, peer: &str, host: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().uri(path).header(header::HOST, host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).expect("a request");
        let peer: IpAddr = peer.parse().expect("an address");
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::new(peer, 40_000)));
        self.send(request).await
    }

    /// The audit log, the earliest entry first, without what the operator did and these actions.
    pub async fn audit_log_without(&self, actions: &[Action]) -> Vec<audit_entry::Model> {
        audit_entry::Entity::find()
            .filter(audit_entry::Column::ApiKeyId.is_not_null())
            .filter(audit_entry::Column::Action.is_not_in(actions.iter().copied()))
            .order_by_asc(audit_entry::Column::Id)
            .all(&self.store().read)
            .await
            .expect("the log")
    }

    /// Every click that is stored, in the order of its storing.
    pub async fn clicks(&self) -> Vec<click::Model> {
        self.app.writer.drained().await;
        let clicks = click::Entity::find().order_by_asc(click::Column::Seq);
        clicks.all(&self.app.store.read).await.expect("clicks")
    }

    /// Every click that is stored, each once, however often it was written.
    pub async fn clicks_by_id(&self) -> HashMap<ClickId, click::Model> {
        let clicks = self.clicks().await.into_iter();
        clicks.map(|click| (click.id, click)).collect()
    }

    /// What is summed of a link once all that is stored is.
    pub async fn summed(&self, link: ShortLinkId) -> Option<link_total::Model> {
        self.app.writer.drained().await;
        self.app.aggregator.caught_up().await;
        link_total::Entity::find_by_id(link)
            .one(&self.app.store.read)
            .await
            .expect("a total")
    }

    /// Holds the database so that nobody else writes clicks, until what is returned is rolled back.
    pub async fn stall(&self) -> DatabaseTransaction {
        let store = self.database.store().await;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let held = store
            .write
            .begin_with_options(options)
            .await
            .expect("a transaction");
        if held.get_database_backend() == DatabaseBackend::Postgres {
            let lock = "LOCK TABLE click IN ACCESS EXCLUSIVE MODE";
            held.execute_unprepared(lock).await.expect("a lock");
        }
        held
    }

    /// The folder for clicks that the database does not take in time.
    pub fn spool(&self) -> PathBuf {
        self.database.spool()
    }

    /// How many links are stored.
    pub async fn count_links(&self) -> u64 {
        short_link::Entity::find()
            .count(&self.app.store.read)
            .await
            .expect("a count")
    }

    /// A stored link by its code.
    pub async fn stored(&self, code: &str) -> short_link::Model {
        let link = short_link::Entity::find().filter(short_link::Column::Code.eq(code));
        link.one(&self.app.store.read)
            .await
            .expect("an answer")
            .expect("a link")
    }

    /// A stored link by its id.
    pub async fn stored_by_id(&self, id: ShortLinkId) -> short_link::Model {
        let link = short_link::Entity::find_by_id(id);
        link.one(&self.app.store.read)
            .await
            .expect("an answer")
            .expect("a link")
    }

    /// A stored link's id by its code.
    pub async fn link_id(&self, code: &str) -> ShortLinkId {
        self.stored(code).await.id
    }
}

async fn answer(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.expect("the router never fails");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

fn pascal_case(name: &str) -> String {
    name[..1].to_uppercase() + &name[1..]
}

/// Makes a link and asks for all that its result has.
pub const CREATE: &str = "
mutation Create($input: CreateShortLinkInput!) {
  createShortLink(input: $input) {
    __typename
    ... on CreateShortLinkSuccess { shortUrl linkId destinationUrl domain offerId filterBots replayed }
    ... on UserError { code message path httpStatus retryable }
  }
}";
