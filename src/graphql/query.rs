//! What can be read.

use async_graphql::{Context, Description, ID, Object, Result, connection::Connection};
use entity::{DomainId, OfferId, SendingListId, ShortLinkId, api_key::Scope};

use super::{
    account::Viewer,
    connection::{Cursor, cost, page},
    domain::Domain,
    error::{internal, principal},
    loader::load,
    node::{Node, node},
    offer::Offer,
    sending_list::{SendingList, SendingListLookup},
    short_link::{ShortLink, ShortLinkLookup},
};
use crate::{
    app::App,
    catalog::{self, sending_list::ListLookup},
    links::lookup,
};

/// What can be read. Everything belongs to the account of the API key that the request is sent with, as the header
/// `X-Api-Key`: what belongs to another account is not found. Every key may read all of it.
///
/// What is no answer to the input is a top-level error with one of these as `extensions.code`: `UNAUTHENTICATED`
/// (no key, or one that doesn't work), `ACCOUNT_SUSPENDED`, `FORBIDDEN` (the key lacks a scope), `BAD_REQUEST` (a
/// value of the wrong type, a page of over 100 rows), `QUERY_TOO_COMPLEX` and `INTERNAL`.
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
