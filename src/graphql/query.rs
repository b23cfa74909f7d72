//! What can be read.

use async_graphql::{Context, Description, ID, Object, Result, connection::Edge};
use entity::{ApiKeyId, AuditEntryId, DomainId, OfferId, SendingListId, ShortLinkId, api_key::Scope};

use super::{
    account::Viewer,
    api_key::{ApiKey, ApiKeyFilter},
    audit_entry::{AuditEntry, AuditLogFilter},
    click::{Click, ClickTotal},
    click_filter::{ClickFilterInput, refusal},
    click_grouping::{ClickGrouping, ClickInterval, ClickReportOrder},
    click_report::{self, ClickReport, PAGE, REPORT},
    connection::{Asked, PageOf, Sort, connection, cost, page},
    domain::Domain,
    error::{internal, principal},
    filter::{
        DomainFilter, DomainOrder, OfferFilter, OfferOrder, SendingListFilter, SendingListOrder,
        ShortLinkFilter, ShortLinkOrder,
    },
    loader::load,
    node::{Node, node},
    offer::Offer,
    sending_list::{SendingList, SendingListLookup},
    short_link::{ShortLink, ShortLinkLookup},
};
use crate::{
    accounts,
    app::App,
    catalog::{self, sending_list::ListLookup},
    links::{self, lookup},
};

/// What can be read. Everything belongs to the account of the API key that the request is sent with, as the header
/// `X-Api-Key`: what belongs to another account is not found. Every key may read all of it but the account's keys and its
/// audit log, which need `ADMIN`.
///
/// What is no answer to the input is a top-level error with one of these as `extensions.code`: `UNAUTHENTICATED`
/// (no key, or one that doesn't work), `ACCOUNT_SUSPENDED`, `FORBIDDEN` (the key lacks a scope), `BAD_REQUEST` (a
/// value of the wrong type, a page of over 100 rows), `INVALID_PERIOD`, `INVALID_TIMEZONE`, `INVALID_GROUPING`, `NOT_FOUND`
/// (a filter names what the account does not have), `TOO_MANY_GROUPS` (a report would have to count too many different
/// values), `QUERY_TOO_COMPLEX`, `TIMEOUT` (it took too long and was stopped),
/// `TOO_MANY_SUBSCRIPTIONS` (more are open than may be) and `INTERNAL`.
#[derive(Debug, Description)]
pub struct Query;

#[Object(use_type_description)]
#[expect(clippy::unused_async, reason = "resolvers are async, waiting or not")]
impl Query {
    /// Who is asking: the account and the key that the request was sent with.
    async fn viewer(&self, context: &Context<'_>) -> Result<Viewer> {
        Ok(principal(context, Scope::Read)?.into())
    }

    /// Whatever has this id: a short link, an offer, a sending list, a domain, the caller's account or key, for `ADMIN`
    /// also another key of the account or an entry of its audit log; null if the account has nothing of that id.
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

    /// The account's short links: those that pass the filter, a page at a time.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each one is an argument of the field")]
    async fn short_links(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What a link must be to be listed; any that is not archived without it.")]
        filter: Option<ShortLinkFilter>,
        #[graphql(desc = "What comes first; the newest link unless given.")] order_by: Option<ShortLinkOrder>,
        #[graphql(desc = "How many links from the start, 1 to 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Only links after this cursor: `pageInfo.endCursor` of the page before.")]
        after: Option<String>,
        #[graphql(
            desc = "How many links from the end, 1 to 100: pages backwards, without `first` and `after`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only links before this cursor: `pageInfo.startCursor` of the page after.")]
        before: Option<String>,
    ) -> Result<PageOf<ShortLink>> {
        let account = principal(context, Scope::Read)?.account_id();
        let app = context.data_unchecked::<App>();
        let backend = app.store.read.get_database_backend();
        let (rows, id) = links::list::rows(
            account,
            filter.unwrap_or_default().parse()?,
            app.clock.now(),
            backend,
        );
        let asked = Asked {
            first,
            after,
            last,
            before,
        };
        page::<_, ShortLinkId, _>(context, rows, id, order_by.unwrap_or_default().into(), asked).await
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

    /// The account's offers: those that pass the filter, a page at a time.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each one is an argument of the field")]
    async fn offers(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What an offer must be to be listed; any that is not archived without it.")]
        filter: Option<OfferFilter>,
        #[graphql(desc = "What comes first; the newest offer unless given.")] order_by: Option<OfferOrder>,
        #[graphql(desc = "How many offers from the start, 1 to 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Only offers after this cursor: `pageInfo.endCursor` of the page before.")]
        after: Option<String>,
        #[graphql(
            desc = "How many offers from the end, 1 to 100: pages backwards, without `first` and `after`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only offers before this cursor: `pageInfo.startCursor` of the page after.")]
        before: Option<String>,
    ) -> Result<PageOf<Offer>> {
        let account = principal(context, Scope::Read)?.account_id();
        let rows = catalog::list::offers(account, filter.unwrap_or_default().parse()?);
        let asked = Asked {
            first,
            after,
            last,
            before,
        };
        let (id, order) = (entity::offer::Column::Id, order_by.unwrap_or_default());
        page::<_, OfferId, _>(context, rows, id, order.into(), asked).await
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

    /// The account's sending lists: those that pass the filter, a page at a time.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each one is an argument of the field")]
    async fn sending_lists(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What a list must be to be listed; any that is not archived without it.")]
        filter: Option<SendingListFilter>,
        #[graphql(desc = "What comes first; the newest list unless given.")] order_by: Option<
            SendingListOrder,
        >,
        #[graphql(desc = "How many lists from the start, 1 to 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Only lists after this cursor: `pageInfo.endCursor` of the page before.")]
        after: Option<String>,
        #[graphql(
            desc = "How many lists from the end, 1 to 100: pages backwards, without `first` and `after`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only lists before this cursor: `pageInfo.startCursor` of the page after.")]
        before: Option<String>,
    ) -> Result<PageOf<SendingList>> {
        let account = principal(context, Scope::Read)?.account_id();
        let rows = catalog::list::sending_lists(account, filter.unwrap_or_default().parse()?);
        let asked = Asked {
            first,
            after,
            last,
            before,
        };
        let (id, order) = (entity::sending_list::Column::Id, order_by.unwrap_or_default());
        page::<_, SendingListId, _>(context, rows, id, order.into(), asked).await
    }

    /// The account's domains: those that pass the filter, a page at a time.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each one is an argument of the field")]
    async fn domains(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What a domain must be to be listed; any that is not archived without it.")] filter: Option<
            DomainFilter,
        >,
        #[graphql(desc = "What comes first; the newest domain unless given.")] order_by: Option<DomainOrder>,
        #[graphql(desc = "How many domains from the start, 1 to 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Only domains after this cursor: `pageInfo.endCursor` of the page before.")]
        after: Option<String>,
        #[graphql(
            desc = "How many domains from the end, 1 to 100: pages backwards, without `first` and `after`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only domains before this cursor: `pageInfo.startCursor` of the page after.")]
        before: Option<String>,
    ) -> Result<PageOf<Domain>> {
        let account = principal(context, Scope::Read)?.account_id();
        let rows = catalog::list::domains(account, filter.unwrap_or_default().parse()?);
        let asked = Asked {
            first,
            after,
            last,
            before,
        };
        let (id, order) = (entity::domain::Column::Id, order_by.unwrap_or_default());
        page::<_, DomainId, _>(context, rows, id, order.into(), asked).await
    }

    /// The account's API keys: those that pass the filter, the newest first, a page at a time. Needs the scope `ADMIN`.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn api_keys(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What a key must be to be listed; any that works without it.")] filter: Option<
            ApiKeyFilter,
        >,
        #[graphql(desc = "How many keys from the newest on, 1 to 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Only keys after this cursor: `pageInfo.endCursor` of the page before.")]
        after: Option<String>,
        #[graphql(
            desc = "How many keys from the oldest on, 1 to 100: pages backwards, without `first` and `after`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only keys before this cursor: `pageInfo.startCursor` of the page after.")]
        before: Option<String>,
    ) -> Result<PageOf<ApiKey>> {
        let account = principal(context, Scope::Admin)?.account_id();
        let now = context.data_unchecked::<App>().clock.now();
        let rows = accounts::keys_of(account, filter.unwrap_or_default().parse(), now);
        let asked = Asked {
            first,
            after,
            last,
            before,
        };
        page::<_, ApiKeyId, _>(context, rows, entity::api_key::Column::Id, Sort::NEWEST, asked).await
    }

    /// Who changed what of the account: the latest change first, a page at a time. Needs the scope `ADMIN`.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn audit_log(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which changes are listed; all without it.")] filter: Option<AuditLogFilter>,
        #[graphql(desc = "How many changes from the latest on, 1 to 100; 20 unless given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only changes after this cursor: `pageInfo.endCursor` of the page before.")]
        after: Option<String>,
        #[graphql(
            desc = "How many changes from the earliest on, 1 to 100: pages backwards, without `first` and `after`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only changes before this cursor: `pageInfo.startCursor` of the page after.")]
        before: Option<String>,
    ) -> Result<PageOf<AuditEntry>> {
        let account = principal(context, Scope::Admin)?.account_id();
        let backend = context.data_unchecked::<App>().store.read.get_database_backend();
        let rows = accounts::audit::entries(account, filter.unwrap_or_default().parse()?, backend);
        let asked = Asked {
            first,
            after,
            last,
            before,
        };
        page::<_, AuditEntryId, _>(
            context,
            rows,
            entity::audit_entry::Column::Id,
            Sort::NEWEST,
            asked,
        )
        .await
    }

    /// How many clicks there were, by whom and through what: the figures of a campaign. All that is counted is counted as
    /// of now, to the last click that was answered.
    #[graphql(complexity = "REPORT + child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "each one is an argument of the field")]
    async fn click_report(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which clicks are counted; all of the account without it.")] filter: Option<
            ClickFilterInput,
        >,
        #[graphql(
            desc = "What the clicks of a row have in common: at most two things, with `interval` one, and none twice. \
                    Clicks that have none of it have a row too."
        )]
        group_by: Option<Vec<ClickGrouping>>,
        #[graphql(
            desc = "How long the times are that rows are for; counts as one of two groupings. Rows are for all time \
                    unless given."
        )]
        interval: Option<ClickInterval>,
        #[graphql(
            desc = "Whose clocks tell when an interval begins: a name of the IANA database, such as `Europe/Berlin`; `UTC` \
                    unless given. The filter's times say their own offset."
        )]
        timezone: Option<String>,
        #[graphql(desc = "Which rows come first; those with most clicks unless given.")] order_by: Option<
            ClickReportOrder,
        >,
        #[graphql(desc = "How many rows at most, 1 to 10,000; 1,000 unless given.")] first: Option<i32>,
    ) -> Result<ClickReport> {
        let asked = click_report::Asked {
            filter,
            group_by,
            interval,
            timezone,
            order_by,
            first,
        };
        asked.report(context).await
    }

    /// The account's clicks one by one, of all links together, the latest first, a page at a time. For numbers, ask
    /// `clickReport`: it is far cheaper than paging through clicks, of which each page costs as much as the days that it goes
    /// through. Once clicks are no longer kept one by one, `totalCount` is more than all pages list: see `rawFrom` there.
    #[graphql(complexity = "PAGE + cost(first, last, child_complexity)")]
    async fn clicks(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which clicks are listed; all that are kept one by one without it.")] filter: Option<
            ClickFilterInput,
        >,
        #[graphql(desc = "How many clicks from the latest on, 1 to 100; 20 unless given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only clicks after this cursor: `pageInfo.endCursor` of the page before.")]
        after: Option<String>,
        #[graphql(
            desc = "How many clicks from the earliest on, 1 to 100: pages backwards, without `first` and `after`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only clicks before this cursor: `pageInfo.startCursor` of the page after.")]
        before: Option<String>,
    ) -> Result<PageOf<Click, ClickTotal>> {
        let account = principal(context, Scope::Read)?.account_id();
        let asked = Asked {
            first,
            after,
            last,
            before,
        };
        let sort = Sort::latest(entity::click::Column::ClickedAt);
        let part = asked.part::<i64, _>(&sort)?;
        let (from_end, goes_on) = (part.from_end, part.beyond.is_some());
        let filter = filter.unwrap_or_default().parse(context).await?;
        let reports = &context.data_unchecked::<App>().reports;
        let page = reports.clicks(account, &filter, part).await.map_err(refusal)?;
        let total = ClickTotal::passing(filter);
        Ok(connection(page, from_end, goes_on, total, |row| {
            let (seq, time) = (row.click.seq, row.click.clicked_at.millis());
            Edge::new(sort.cursor(&seq.to_string(), &format!(" {time}")), Click(row))
        }))
    }
}
