//! A server with an account, over a database of its own, for targets that ask one.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use entity::{Timestamp, account, api_key::Scope};
use http_body_util::BodyExt as _;
use linkhop::{
    accounts::{self, Granter, NewApiKey},
    app::{App, Clock, Options},
    clicks::{
        import::Importer,
        judge::{self, Judge},
    },
    http::{Settings, State, router},
    store::{self, Store},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

/// 2026-11-23 12:00:00 UTC: it is never later.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_435_200_000);

/// After how many inputs a world is made anew: those that change something fill its tables and archive what it began with.
const INPUTS: usize = 5_000;

/// What every world begins with, beside its account.
const BEGIN: &str = r#"mutation {
    createDomain(input: {host: "go.example.com"}) { ... on CreateDomainSuccess { domain { id } } }
    createOffer(input: {
        name: "O", platform: TUNE, trackingUrl: "https://t.example/aff_c?p={{contact.phone}}&s={{sub1}}"
    }) { ... on CreateOfferSuccess { offer { id } } }
}"#;
const LIST: &str = r#"mutation($domain: ID!) {
    createSendingList(input: {listId: 42, phoneNumber: "+18005551234", brandName: "B", domainId: $domain}) { __typename }
    createShortLink(input: {url: "https://shop.example/?a=1", listId: 42, code: "spring"}) { __typename }
}"#;

/// The server, and the account whose key is sent.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) account: account::Model,
    pub(crate) importer: Importer,
    key: String,
    router: Router,
    runtime: Arc<Runtime>,
    asked: usize,
    _folder: TempDir,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.body))
    }
}

/// Does something with the world of this process, which others wait for.
pub(crate) fn with<T>(visit: impl FnOnce(&mut World) -> T) -> T {
    static WORLD: OnceLock<Mutex<Option<World>>> = OnceLock::new();
    let mut world = WORLD
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if world.as_ref().is_some_and(|world| world.asked >= INPUTS) {
        *world = None;
    }
    let world = world.get_or_insert_with(World::begin);
    world.asked += 1;
    visit(world)
}

impl World {
    fn begin() -> Self {
        // One thread, so that the same input takes the same way each time, as nearly as can be.
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = Arc::new(runtime.expect("a runtime"));
        runtime.block_on(Self::made(Arc::clone(&runtime)))
    }

    async fn made(runtime: Arc<Runtime>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("fuzz.db").display());
        let options = store::Options {
            create: true,
            synchronous: store::Synchronous::Normal,
            ..store::Options::default()
        };
        let store = Store::connect(&url, &options).await.expect("a database");
        store.migrate_up().await.expect("migrations");
        let account = accounts::create(&store.write, "A", &[account::Product::Sms], NOW).await;
        let account = account.expect("stored").expect("a name");
        let new = NewApiKey {
            name: "fuzz".to_owned(),
            scopes: vec![Scope::Admin],
            expires_at: None,
        };
        let granter = Granter::Operator(account.id);
        let made = accounts::create_key(&store.write, granter, new, nanoid::rngs::default, NOW).await;
        let key = made.expect("a key").1.expose().to_owned();
        let mut options = Options::default();
        options.recorder.spool = folder.path().join("spool");
        let clock = Clock::new(|| NOW);
        let app = App::start(store, options, clock).await.expect("an app");
        let secret = app.store.secret("visitor", nanoid::rngs::default).await;
        // As who imports has them: what came before changes no verdict.
        let rules = judge::Options {
            burst_address: 0,
            burst_link: 0,
            ..judge::Options::default()
        };
        let judge = Judge::new(&rules, &secret.expect("a secret"));
        let judge = judge.expect("a judge");
        let importer = Importer::begin(&app.store, account.id, judge, true).await;
        let world = Self {
            router: router(State::new(app.clone(), Settings::default())),
            importer: importer.expect("an importer"),
            app,
            account,
            key,
            runtime,
            asked: 0,
            _folder: folder,
        };
        let made = world
            .post(json!({ "query": BEGIN }).to_string(), true)
            .await
            .json();
        let domain = &made["data"]["createDomain"]["domain"]["id"];
        let list = json!({ "query": LIST, "variables": { "domain": domain } });
        let made = world.post(list.to_string(), true).await.json();
        let success = "CreateShortLinkSuccess";
        assert_eq!(made["data"]["createShortLink"]["__typename"], success, "{made}");
        world
    }

    /// Waits for what it does.
    pub(crate) fn wait<T>(&mut self, work: impl AsyncFnOnce(&mut Self) -> T) -> T {
        let runtime = Arc::clone(&self.runtime);
        runtime.block_on(work(self))
    }

    /// Sends a body to `/graphql`, with the account's key or without.
    pub(crate) async fn post(&self, body: impl Into<Body>, with_key: bool) -> Answer {
        let mut request = Request::post("/graphql").header("content-type", "application/json");
        if with_key {
            request = request.header("x-api-key", &self.key);
        }
        let request = request.body(body.into()).expect("a request");
        let Ok(response) = self.router.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Answer {
            status: parts.status,
            body: String::from_utf8(body.into()).expect("UTF-8"),
        }
    }
}
