//! What `scripts/bench` sets Linkhop beside: the least work that gives an answer of the same form.
//!
//! `redirect` answers every `/{code}` with one constant 302; `graphql` answers a `createShortLink` of the same shape out
//! of a map in memory, without a document cache. Allocator, profile and HTTP library are Linkhop's, so that a ratio
//! shows what Linkhop itself costs and not what the stack below it does. The address is the one line on stdout.

#![expect(
    clippy::unused_async,
    reason = "resolvers of async-graphql are async, waiting or not"
)]

use std::{
    collections::HashMap,
    io::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_graphql::{
    Context, EmptySubscription, Enum, ID, InputObject, Interface, Object, Schema, SimpleObject, Union,
};
use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let router = match std::env::args().nth(1).as_deref() {
        Some("redirect") => Router::new().route("/{code}", get(redirect)),
        Some("graphql") => Router::new()
            .route("/graphql", post(graphql))
            .with_state(schema()),
        // `cargo bench` comes here: it has no load to give.
        _ => {
            writeln!(
                std::io::stderr(),
                "baseline redirect|graphql; scripts/bench starts both"
            )?;
            return Ok(());
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    axum::serve(listener, router).await?;
    Ok(())
}

async fn redirect() -> impl IntoResponse {
    (
        StatusCode::FOUND,
        [(
            header::LOCATION,
            "https://shop.example.com/landing?utm_source=sms&item=1",
        )],
    )
}

type BenchSchema = Schema<Query, Mutation, EmptySubscription>;

fn schema() -> BenchSchema {
    Schema::build(Query, Mutation, EmptySubscription)
        .register_output_type::<UserError>()
        .data(Links::default())
        .finish()
}

async fn graphql(State(schema): State<BenchSchema>, request: GraphQLRequest) -> GraphQLResponse {
    schema.execute(request.into_inner()).await.into()
}

#[derive(Default)]
struct Links {
    drawn: AtomicU64,
    by_code: Mutex<HashMap<String, ShortLink>>,
}

impl Links {
    /// Seven characters out of a counter: drawing at random is Linkhop's own work. They come round, so that the map
    /// and its memory stay as they are after the first moments of a run.
    fn next_code(&self) -> String {
        const LINKS: u64 = 100_000;
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut rest =
            usize::try_from(self.drawn.fetch_add(1, Ordering::Relaxed) % LINKS).unwrap_or_default();
        let mut code = String::with_capacity(7);
        for _ in 0..7 {
            code.push(char::from(ALPHABET[rest % ALPHABET.len()]));
            rest /= ALPHABET.len();
        }
        code
    }
}

struct Query;

#[Object]
impl Query {
    async fn short_link(
        &self,
        ctx: &Context<'_>,
        link_id: String,
    ) -> async_graphql::Result<Option<ShortLink>> {
        let links = ctx.data::<Links>()?;
        Ok(links
            .by_code
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&link_id)
            .cloned())
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn create_short_link(
        &self,
        ctx: &Context<'_>,
        input: CreateShortLinkInput,
    ) -> async_graphql::Result<CreateShortLinkResult> {
        let (Some(url), true) = (input.url, input.list_id.is_some() || input.phone_number.is_some()) else {
            return Ok(CreateShortLinkResult::Refused(MissingUrlOrOfferError {
                code: ErrorCode::MissingUrlOrOffer,
                message: "Give url and listId.".to_owned(),
                path: vec!["input".to_owned()],
                http_status: 400,
                retryable: false,
            }));
        };
        let links = ctx.data::<Links>()?;
        let code = input.code.unwrap_or_else(|| links.next_code());
        let link = ShortLink {
            id: format!("link_{code}").into(),
            link_id: code.clone(),
            short_url: format!("https://go.example.com/{code}"),
            destination_url: url,
            contact_phone: input.contact_phone,
            metadata: input.metadata,
            filter_bots: input.filter_bots.unwrap_or_default(),
            expires_at: input.expires_at,
            max_clicks: input.max_clicks,
            fallback_url: input.fallback_url,
        };
        links
            .by_code
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(code, link.clone());
        Ok(CreateShortLinkResult::Success(CreateShortLinkSuccess {
            short_url: link.short_url.clone(),
            link_id: link.link_id.clone(),
            destination_url: link.destination_url.clone(),
            domain: "go.example.com".to_owned(),
            offer_id: input.offer_id,
            filter_bots: link.filter_bots,
            replayed: input.idempotency_key.is_some(),
            short_link: link,
        }))
    }
}

/// Linkhop's fields, one for one: reading and checking the input is part of what is measured.
#[derive(InputObject)]
struct CreateShortLinkInput {
    url: Option<String>,
    offer_id: Option<ID>,
    list_id: Option<i32>,
    phone_number: Option<String>,
    contact_phone: Option<String>,
    metadata: Option<Value>,
    code: Option<String>,
    filter_bots: Option<bool>,
    expires_at: Option<DateTime<Utc>>,
    max_clicks: Option<i32>,
    fallback_url: Option<String>,
    idempotency_key: Option<String>,
}

#[derive(Union)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one answer, and a box would be another allocation"
)]
enum CreateShortLinkResult {
    Success(CreateShortLinkSuccess),
    Refused(MissingUrlOrOfferError),
}

#[derive(SimpleObject)]
struct CreateShortLinkSuccess {
    short_url: String,
    link_id: String,
    destination_url: String,
    domain: String,
    offer_id: Option<ID>,
    filter_bots: bool,
    replayed: bool,
    short_link: ShortLink,
}

#[derive(Clone, SimpleObject)]
struct ShortLink {
    id: ID,
    link_id: String,
    short_url: String,
    destination_url: String,
    contact_phone: Option<String>,
    metadata: Option<Value>,
    filter_bots: bool,
    expires_at: Option<DateTime<Utc>>,
    max_clicks: Option<i32>,
    fallback_url: Option<String>,
}

#[derive(Interface)]
#[graphql(
    field(name = "code", ty = "&ErrorCode"),
    field(name = "message", ty = "&String"),
    field(name = "path", ty = "&Vec<String>"),
    field(name = "http_status", ty = "&i32"),
    field(name = "retryable", ty = "&bool")
)]
enum UserError {
    MissingUrlOrOffer(MissingUrlOrOfferError),
}

#[derive(SimpleObject)]
struct MissingUrlOrOfferError {
    code: ErrorCode,
    message: String,
    path: Vec<String>,
    http_status: i32,
    retryable: bool,
}

#[derive(Clone, Copy, Enum, Eq, PartialEq)]
enum ErrorCode {
    MissingUrlOrOffer,
}
