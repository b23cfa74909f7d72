//! The GraphQL door: from arguments to what the domain takes, and from its answers to types.
//!
//! No rule about links stands here, and no SQL. Descriptions are the manual that people in the playground and
//! agents that choose a tool read.

mod account;
mod connection;
mod create_short_link;
mod documents;
mod domain;
pub mod error;
mod field_error;
mod limits;
mod loader;
mod node;
mod offer;
mod sending_list;
mod short_link;
mod user_error;

use std::sync::Arc;

use async_graphql::{
    Context, Description, EmptySubscription, ID, Object, Request, Result, Schema, connection::Connection,
};
use entity::{DomainId, OfferId, SendingListId, ShortLinkId, api_key::Scope};

pub use self::limits::Limits;
use self::{
    account::Viewer,
    connection::{Cursor, cost, describe, page},
    create_short_link::{CreateShortLinkInput, CreateShortLinkResult, create_short_link},
    documents::Documents,
    domain::Domain,
    error::{internal, principal},
    field_error::FieldErrors,
    loader::load,
    node::{Node, node},
    offer::Offer,
    sending_list::{SendingList, SendingListLookup},
    short_link::{ShortLink, ShortLinkLookup},
};
use crate::{
    accounts::Principal,
    app::App,
    catalog::{self, sending_list::ListLookup},
    links::lookup,
};

/// The schema with all that its resolvers can reach.
pub type LinkhopSchema = Schema<Query, Mutation, EmptySubscription>;

/// The schema over `app`.
#[must_use]
pub fn schema(app: App, limits: Limits, introspection: bool) -> LinkhopSchema {
    let mut builder = builder()
        .extension(Documents::new(limits))
        .extension(limits)
        .extension(FieldErrors)
        .data(app);
    if !introspection {
        builder = builder.disable_introspection();
    }
    builder.finish()
}

/// The schema in its definition language, as `schema.graphql` and `GET /schema.graphql` show it.
#[must_use]
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_enum_items()
        .include_specified_by();
    builder().finish().sdl_with_options(options)
}

fn builder() -> async_graphql::SchemaBuilder<Query, Mutation, EmptySubscription> {
    let builder =
        Schema::build(Query, Mutation, EmptySubscription).register_output_type::<user_error::UserError>();
    let builder = describe::<ShortLink, _, _, _>(
        builder,
        "A page of short links, newest first.",
        "A short link and its place in the list.",
    );
    let builder = describe::<Offer, _, _, _>(
        builder,
        "A page of offers, newest first.",
        "An offer and its place in the list.",
    );
    let builder = describe::<SendingList, _, _, _>(
        builder,
        "A page of sending lists, newest first.",
        "A sending list and its place in the list of lists.",
    );
    describe::<Domain, _, _, _>(
        builder,
        "A page of domains, newest first.",
        "A domain and its place in the list.",
    )
}

/// Gives a request what depends on who sends it.
#[must_use]
pub fn prepare(request: Request, app: &App, principal: Option<Arc<Principal>>) -> Request {
    match principal {
        Some(principal) => {
            let loader = loader::loader(&app.store, principal.account_id());
            request.data(loader).data(principal)
        }
        None => request,
    }
}

/// What can be read. Everything belongs to the account of the API key that the request is sent with: what
/// belongs to another account is not found.
#[derive(Debug, Description)]
pub struct Query;

#[Object(use_type_description)]
#[expect(clippy::unused_async, reason = "resolvers are async, waiting or not")]
impl Query {
    /// Who is asking: the account and the key that the request was sent with.
    async fn viewer(&self, context: &Context<'_>) -> Result<Viewer> {
        Ok(principal(context, Scope::Read)?.into())
    }

    /// Whatever has this id: a short link, an offer, a sending list, a domain, the caller's account or key;
    /// null if the account has nothing of that id.
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "An id as any field `id` answers it, such as `link_…` or `offer_…`.")] id: ID,
    ) -> Result<Option<Node>> {
        node(context, &id).await
    }

    /// A short link; null if the account has none that is so named.
    async fn short_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which link: exactly one of `id` and `shortUrl`.")] by: ShortLinkLookup,
    ) -> Result<Option<ShortLink>> {
        let account = principal(context, Scope::Read)?.account_id();
        let db = &context.data_unchecked::<App>().store.read;
        let link = match by {
            ShortLinkLookup::Id(id) => match id.parse::<ShortLinkId>() {
                Ok(id) => lookup::by_id(db, account, id).await,
                Err(_) => Ok(None),
            },
            ShortLinkLookup::ShortUrl(url) => lookup::by_short_url(db, account, &url).await,
        };
        Ok(link.map_err(internal)?.map(ShortLink))
    }

    /// The account's short links, newest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn short_links(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many links at most, 1 to 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Only links after this cursor: `pageInfo.endCursor` of the page before.")]
        after: Option<String>,
    ) -> Result<Connection<Cursor, ShortLink>> {
        let id = entity::short_link::Column::Id;
        page::<entity::short_link::Entity, ShortLinkId, ShortLink>(context, id, first, after).await
    }

    /// An offer; null if the account has none with that id.
    async fn offer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The offer's id: `offer_` and 32 hexadecimal digits.")] id: ID,
    ) -> Result<Option<Offer>> {
        principal(context, Scope::Read)?;
        match id.parse::<OfferId>() {
            Ok(id) => Ok(load(context, id).await?.map(Offer)),
            Err(_) => Ok(None),
        }
    }

    /// The account's offers, newest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn offers(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many offers at most, 1 to 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Only offers after this cursor: `pageInfo.endCursor` of the page before.")]
        after: Option<String>,
    ) -> Result<Connection<Cursor, Offer>> {
        page::<entity::offer::Entity, OfferId, Offer>(context, entity::offer::Column::Id, first, after).await
    }

    /// A sending list; null if the account has none that is so named.
    async fn sending_list(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which list: exactly one of `id`, `listId` and `phoneNumber`.")]
        by: SendingListLookup,
    ) -> Result<Option<SendingList>> {
        let account = principal(context, Scope::Read)?.account_id();
        let by = match by {
            SendingListLookup::Id(id) => match id.parse() {
                Ok(id) => ListLookup::Id(id),
                Err(_) => return Ok(None),
            },
            SendingListLookup::ListId(number) => ListLookup::ListId(number),
            // PostgreSQL refuses a text with U+0000, and no number has one.
            SendingListLookup::PhoneNumber(number) if number.contains('\0') => return Ok(None),
            SendingListLookup::PhoneNumber(number) => ListLookup::PhoneNumber(number),
        };
        let db = &context.data_unchecked::<App>().store.read;
        let list = catalog::sending_list::find(db, account, &by)
            .await
            .map_err(internal)?;
        Ok(list.map(SendingList))
    }

    /// The account's sending lists, newest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn sending_lists(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many lists at most, 1 to 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Only lists after this cursor: `pageInfo.endCursor` of the page before.")]
        after: Option<String>,
    ) -> Result<Connection<Cursor, SendingList>> {
        let id = entity::sending_list::Column::Id;
        page::<entity::sending_list::Entity, SendingListId, SendingList>(context, id, first, after).await
    }

    /// The account's domains, newest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn domains(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many domains at most, 1 to 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Only domains after this cursor: `pageInfo.endCursor` of the page before.")]
        after: Option<String>,
    ) -> Result<Connection<Cursor, Domain>> {
        page::<entity::domain::Entity, DomainId, Domain>(context, entity::domain::Column::Id, first, after)
            .await
    }
}

/// What can be changed. Every mutation answers a union: what it made, or what is wrong with the input.
#[derive(Debug, Description)]
pub struct Mutation;

/// What a mutation costs beside its selection: each one writes, so forty of them are all that one request may
/// ask for.
const MUTATION: usize = 30;

#[Object(use_type_description)]
impl Mutation {
    /// Turns a URL, or an offer of the account's catalogue, into a trackable short link on the domain of a
    /// sending list. Needs the scope `LINKS_WRITE`.
    ///
    /// Each call makes a new link, also for the same URL; send an `idempotencyKey` where a call may be sent
    /// twice. Nothing is stored unless the answer is `CreateShortLinkSuccess`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn create_short_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the link is to be.")] input: CreateShortLinkInput,
    ) -> Result<CreateShortLinkResult> {
        create_short_link(context, input).await
    }
}
