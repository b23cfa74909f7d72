//! Short links.

use async_graphql::{Context, Description, Enum, Error, ID, Object, OneofObject, Result, connection::Edge};
use chrono::{DateTime, Utc};
use entity::{ClickId, Timestamp, api_key::Scope, click, domain, short_link};
use serde_json::Value;

use super::{
    api_key::ApiKey,
    click::{Click, ClickStats, ClickTotal, stats},
    connection::{Asked, Identified, PageOf, Sort, connection, cost},
    domain::Domain,
    error::{internal, principal},
    loader::load,
    offer::Offer,
    qr_code::{self, QrCode, QrFormat},
    sending_list::SendingList,
    sms::{SMS, Sms},
};
use crate::{
    app::App,
    clicks::{list, report::Subject},
    links::lookup,
};

/// Where a short link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "lookup::State")]
pub enum ShortLinkStatus {
    /// It redirects.
    Active,
    /// It is switched off: visitors get a 410 page, or its fallback URL.
    Disabled,
    /// It is deleted: visitors get a 410 page, or its fallback URL. Its code is never used again.
    Archived,
    /// Its `expiresAt` has passed: visitors get a 410 page, or its fallback URL.
    Expired,
    /// It has let `maxClicks` people through: visitors get a 410 page, or its fallback URL.
    Exhausted,
}

/// The one way in which a short link is named.
#[derive(Clone, Debug, OneofObject)]
pub(super) enum ShortLinkLookup {
    /// By its id: `link_` and 32 hexadecimal digits.
    Id(ID),
    /// By its short URL, such as `https://go.example.com/Ab3kX9q`; upper and lower case differ in the code, and what
    /// follows a `?` or a `#` is ignored.
    ShortUrl(String),
}

/// A trackable short link: a code on a domain that sends whoever opens it to a destination, and stores a
/// click each time.
#[derive(Clone, Debug, Description)]
pub(super) struct ShortLink(pub short_link::Model);

impl From<short_link::Model> for ShortLink {
    fn from(row: short_link::Model) -> Self {
        Self(row)
    }
}

impl Identified for ShortLink {
    fn node_id(&self) -> String {
        self.0.id.to_string()
    }
}

impl ShortLink {
    async fn domain_row(&self, context: &Context<'_>) -> Result<domain::Model> {
        load(context, self.0.domain_id)
            .await?
            .ok_or_else(|| missing("domain", &self.0))
    }
}

/// A row that a link refers to and that the database would never have let go.
fn missing(what: &str, link: &short_link::Model) -> Error {
    internal(sea_orm::DbErr::RecordNotFound(format!("{what} of {}", link.id)))
}

/// What a page of clicks costs beside what other pages do: each link's is a statement of its own.
pub(super) const CLICKS: usize = 50;

#[Object(use_type_description)]
impl ShortLink {
    /// Names the link in the server: `link_` and 32 hexadecimal digits.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The code: the link's path on its domain, case-sensitive and unique there.
    async fn link_id(&self) -> &str {
        &self.0.code
    }

    /// What recipients are sent, such as `https://go.example.com/Ab3kX9q`.
    async fn short_url(&self, context: &Context<'_>) -> Result<String> {
        Ok(self.domain_row(context).await?.short_url(&self.0.code))
    }

    /// Where recipients land. Macros of click time, such as `{{click.id}}`, stand in it literally.
    async fn destination_url(&self) -> &str {
        &self.0.destination
    }

    /// Where it lives.
    async fn domain(&self, context: &Context<'_>) -> Result<Domain> {
        self.domain_row(context).await.map(Domain)
    }

    /// Who it is sent from.
    async fn sending_list(&self, context: &Context<'_>) -> Result<SendingList> {
        let list = load(context, self.0.sending_list_id).await?;
        list.map(SendingList)
            .ok_or_else(|| missing("sending list", &self.0))
    }

    /// The offer it leads to; null for a link that was made with `url`.
    async fn offer(&self, context: &Context<'_>) -> Result<Option<Offer>> {
        match self.0.offer_id {
            Some(id) => load(context, id)
                .await?
                .map(|row| Some(Offer(row)))
                .ok_or_else(|| missing("offer", &self.0)),
            None => Ok(None),
        }
    }

    /// The recipient, E.164, as it was given; null if none was.
    async fn contact_phone(&self) -> Option<&str> {
        self.0.contact_phone.as_deref()
    }

    /// What clicks on it are attributed to: a JSON object, empty if none was given.
    async fn metadata(&self) -> &Value {
        &self.0.metadata
    }

    /// Whether bots see a preview page with the list's brand, whose `Continue` leads on, instead of being sent on. People
    /// are sent on at once.
    async fn filter_bots(&self) -> bool {
        self.0.filter_bots
    }

    /// Where it stands now.
    async fn status(&self, context: &Context<'_>) -> ShortLinkStatus {
        let now = context.data_unchecked::<App>().clock.now();
        let is_exhausted = self.0.exhausted_at.is_some();
        lookup::state(self.0.status, self.0.expires_at, is_exhausted, now).into()
    }

    /// From when on visitors get a 410 page, or the fallback URL; null if never.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at.map(Timestamp::utc)
    }

    /// How many people it lets through before it is `EXHAUSTED`; null if any number. Bots use nothing of it up.
    async fn max_clicks(&self) -> Option<i32> {
        self.0.max_clicks
    }

    /// Where visitors are sent once it no longer redirects; the domain's decides if null.
    async fn fallback_url(&self) -> Option<&str> {
        self.0.fallback_url.as_deref()
    }

    /// How often it was clicked, by people and by bots, as of now.
    async fn stats(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only clicks at this time or later; all from the first on unless given.")]
        from: Option<DateTime<Utc>>,
        #[graphql(
            desc = "Only clicks before this time, at most ten years after `from`; all up to now unless given."
        )]
        before: Option<DateTime<Utc>>,
    ) -> Result<ClickStats> {
        stats(context, Subject::Link(self.0.id), from, before).await
    }

    /// Its clicks one by one, newest first, a page at a time. New ones come in front, so paging on never shows one
    /// twice; one that the server could not store at once and stored later stands where its time puts it. A click of a
    /// `Continue` stands at the time at which its preview page was shown, so its `clickedAt` may be later than that of
    /// clicks before it. Clicks that are older than the server keeps them one by one are not in it, and still counted.
    #[graphql(complexity = "CLICKS + cost(first, last, child_complexity)")]
    async fn clicks(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many clicks from the start, 1 to 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Only clicks after this cursor: `pageInfo.endCursor` of the page before.")]
        after: Option<String>,
        #[graphql(
            desc = "How many clicks from the end, 1 to 100: pages backwards, without `first` and `after`."
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
        let sort = Sort::<click::Column>::NEWEST;
        let part = asked.part::<ClickId, _>(&sort)?;
        let (from_end, goes_on) = (part.from_end, part.beyond.is_some());
        let db = &context.data_unchecked::<App>().store.read;
        let page = list::page(db, account, self.0.id, part).await.map_err(internal)?;
        Ok(connection(
            page,
            from_end,
            goes_on,
            ClickTotal::Of(self.0.id),
            |row| Edge::new(sort.cursor(&row.click.id.to_string(), ""), Click(row)),
        ))
    }

    /// The short URL as a QR code, for a poster or a page.
    #[graphql(complexity = "qr_code::cost(format, size) + child_complexity")]
    async fn qr_code(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The kind of file; an SVG unless given.")] format: Option<QrFormat>,
        #[graphql(
            desc = "Pixels of a side, 128 to 2,048; 256 unless given. Large PNGs cost most of a request."
        )]
        size: Option<i32>,
    ) -> Result<QrCode> {
        QrCode::of(self.short_url(context).await?, format, size).await
    }

    /// What sending a text with this link in it comes to: its encoding, its length and its segments. Nothing is sent.
    #[graphql(complexity = "SMS + child_complexity")]
    async fn sms(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "The text. The short URL stands where it says `{{link}}`, else at its end behind a space; other \
                    `{{…}}` are left as they are. At most 1,600 characters with the link in it."
        )]
        body: String,
    ) -> Result<Sms> {
        Sms::of(&body, &self.short_url(context).await?)
    }

    /// The key that it was made with, for `ADMIN` keys and for that key itself; null for others, and if the operator of the
    /// server made it or it is from before that was kept.
    async fn created_by(&self, context: &Context<'_>) -> Result<Option<ApiKey>> {
        let principal = principal(context, Scope::Read)?;
        match self.0.api_key_id {
            Some(id) if id == principal.key.id => Ok(Some(ApiKey(principal.key.clone()))),
            Some(id) if principal.may(Scope::Admin) => Ok(load(context, id).await?.map(ApiKey)),
            _ => Ok(None),
        }
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at.utc()
    }
}
