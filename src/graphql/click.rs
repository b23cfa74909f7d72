//! Clicks, and how many there were.

use async_graphql::{Context, Description, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use entity::{ShortLinkId, Timestamp, api_key::Scope, click, user_agent};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::{
    click_filter::{period, refusal},
    error::{internal, principal},
    loader::{Agent, AgentList, Figures, load},
    short_link::ShortLink,
};
use crate::{
    app::App,
    clicks::{
        list::{self, Listed},
        report::{ClickFilter, Counts, Order, Request, Stats, Subject},
    },
};

/// How often a link, or the links of an offer, a list or a domain, were clicked: of all time, or in the period that was
/// asked for. Numbers are exact the moment a visitor was answered; one over 2,147,483,647 is sent as that.
///
/// A click is one answered request for a link that was live: what got a 404 or 410 page is none. It is a bot's or a
/// person's, never both, so `clicks` is `humanClicks` and `botClicks`; why a click counts as a bot's stands in
/// `ShortLink.clicks`.
#[derive(Clone, Copy, Debug, Description)]
pub(super) struct ClickStats(pub Option<Stats>);

/// The figures of a subject in a period.
///
/// # Errors
/// `INVALID_PERIOD`, or when the database does not answer.
pub(super) async fn stats(
    context: &Context<'_>,
    subject: Subject,
    from: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
) -> Result<ClickStats> {
    let period = period(from, before)?;
    load(context, Figures { subject, period }).await.map(ClickStats)
}

impl ClickStats {
    fn counts(&self) -> Counts {
        self.0.map_or_else(Counts::default, |stats| stats.counts)
    }
}

/// A number of clicks as it is sent.
pub(super) fn int(clicks: i64) -> i32 {
    clicks.try_into().unwrap_or(i32::MAX)
}

#[Object(use_type_description)]
impl ClickStats {
    /// All clicks, of people and of bots.
    async fn clicks(&self) -> i32 {
        int(self.counts().clicks)
    }

    /// The clicks of people: one person who opens the link three times counts three times.
    async fn human_clicks(&self) -> i32 {
        int(self.counts().human_clicks)
    }

    /// The clicks of bots: link previews, mail and carrier scanners, crawlers, prefetches. One text to one person can
    /// bring several.
    async fn bot_clicks(&self) -> i32 {
        int(self.counts().clicks - self.counts().human_clicks)
    }

    /// The people who clicked, each once a link: a visitor is told from others by address and user agent together, for
    /// good. In a period, those who had not been there before it; of many links, the sum over them. Somebody who comes back from another network or with another browser counts again; people who ask not to be
    /// tracked (`Sec-GPC: 1`, `DNT: 1`) are in `humanClicks` and never here, so this may be 0 where that is not.
    async fn unique_clicks(&self) -> i32 {
        int(self.counts().unique_clicks)
    }

    /// When the first of these clicks was, a bot's or a person's; null if there was none.
    async fn first_clicked_at(&self) -> Option<DateTime<Utc>> {
        self.0.map(|stats| stats.first_clicked_at.utc())
    }

    /// When the last of these clicks was, a bot's or a person's; null if there was none.
    async fn last_clicked_at(&self) -> Option<DateTime<Utc>> {
        self.0.map(|stats| stats.last_clicked_at.utc())
    }
}

/// How many clicks a list of them has, which is not looked up before somebody asks.
#[derive(Debug, Description)]
pub(super) enum ClickTotal {
    /// All of this link.
    Of(ShortLinkId),
    /// All that pass this filter.
    Passing(Box<Passing>),
}

/// The clicks that pass a filter, counted once however often somebody asks how many they are.
#[derive(Debug)]
pub(super) struct Passing {
    filter: ClickFilter,
    clicks: OnceCell<i64>,
}

impl ClickTotal {
    /// How many pass this filter.
    pub(super) fn passing(filter: ClickFilter) -> Self {
        Self::Passing(Box::new(Passing {
            filter,
            clicks: OnceCell::new(),
        }))
    }
}

impl Passing {
    async fn count(&self, context: &Context<'_>) -> Result<i64> {
        let account = principal(context, Scope::Read)?.account_id();
        let request = Request {
            filter: self.filter.clone(),
            group_by: Vec::new(),
            interval: None,
            order: Order::default(),
            rows: 0,
        };
        let app = context.data_unchecked::<App>();
        let report = app.reports.report(account, &request, app.clock.now()).await;
        Ok(report.map_err(refusal)?.total.clicks)
    }
}

#[Object(use_type_description)]
impl ClickTotal {
    /// How many clicks there are on all pages together. Of one link it is `stats.clicks`, looked up in the sums at the same
    /// cost for any number; those that pass a filter are counted as by `clickReport`, also those that are no longer
    /// kept one by one.
    async fn total_count(&self, context: &Context<'_>) -> Result<i32> {
        match self {
            Self::Of(link) => {
                let stats = stats(context, Subject::Link(*link), None, None).await?;
                Ok(int(stats.counts().clicks))
            }
            Self::Passing(passing) => {
                let clicks = passing.clicks.get_or_try_init(|| passing.count(context));
                Ok(int(*clicks.await?))
            }
        }
    }
}

/// How a click was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "click::Method")]
pub enum ClickMethod {
    /// As a browser does when somebody taps the link.
    Get,
    /// The headers without the page: what previews and checkers do, and no browser for a tap.
    Head,
    /// By the `Continue` of the preview page, which counts as a person's click.
    Post,
}

/// Why a click counts as a bot's. Each sign is looked for by itself; of several the first in this order is said:
/// `HEAD`, `EMPTY_USER_AGENT`, `USER_AGENT`, `PREFETCH`, `IP_RANGE`, `BURST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "click::BotReason")]
pub enum BotReason {
    /// It was a `HEAD` request, which no browser sends for a tap. X sends such with the agent of a person's browser.
    Head,
    /// It came without a user agent, or with a blank one; every browser sends one.
    EmptyUserAgent,
    /// Its user agent is on the list of bots; `botKind` says which sort, `agentListVersion` which list.
    UserAgent,
    /// It said of itself that it fetches ahead (`Purpose`, `Sec-Purpose` and their like): nobody has looked yet.
    Prefetch,
    /// It came from a network that the server's operator has named as one of bots.
    IpRange,
    /// It was one of more clicks in a short time than a person makes.
    Burst,
}

/// What a bot is for, as far as its user agent says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "click::BotKind")]
pub enum BotKind {
    /// It fetches a link to show its title and picture in a chat or feed: the most common bot of a text, and a sign
    /// that somebody received or passed on the link.
    SocialPreview,
    /// It looks for malware, leaks or holes: mail gateways, carriers' link checkers, scans of the whole internet.
    Scanner,
    /// It gathers text for a language model, or fetches for one that answers somebody.
    AiCrawler,
    /// It fills the index of a search engine.
    SearchEngine,
    /// It watches that a site answers, and how fast.
    Monitoring,
    /// It reads feeds for their subscribers.
    Feed,
    /// It keeps copies of the web.
    Archive,
    /// It checks advertisements and the pages behind them.
    Advertising,
    /// It is research, by a university or the like.
    Academic,
    /// It audits sites and follows backlinks.
    Seo,
    /// It is a browser that a program drives, for a purpose unknown.
    BrowserAutomation,
    /// It is the HTTP client of a program, for a purpose unknown.
    HttpLibrary,
    /// It is a bot of a kind that no list knows.
    Other,
}

/// One click: an answered request for a live link, with its verdict and what is kept of the visitor.
///
/// Of a visitor who asks not to be tracked (`Sec-GPC: 1`, `DNT: 1`) the click is kept: when, how, its verdict with
/// `botKind`, `isPrefetch`, and the parameters that the link was opened with. Nothing that tells who it was is:
/// `userAgent`, `device`, `os`, `browser`, `network`, `country`, `referrer` and `language` are null. A full address is never
/// stored of anybody.
#[derive(Clone, Debug, Description)]
pub(super) struct Click(pub Listed);

impl Click {
    /// What the visitor's agent string says, read together with those of the other clicks.
    async fn agent(&self, context: &Context<'_>) -> Result<Option<user_agent::Model>> {
        match self.0.click.user_agent_id {
            Some(id) => load(context, Agent(id)).await,
            None => Ok(None),
        }
    }

    /// What the short link's query gave under this name.
    fn parameter(&self, name: &str) -> Option<&str> {
        self.0.click.parameters.as_ref()?.get(name)?.as_str()
    }
}

/// The parameters that have fields of their own.
const NAMED: [&str; 6] = ["sub1", "sub2", "sub3", "sub4", "sub5", "source"];

#[Object(use_type_description)]
impl Click {
    /// Names the click in the server: `click_` and 32 hexadecimal digits. It is what `{{click.id}}` became in the destination,
    /// so a conversion that a platform reports with it belongs to this click. `node` does not find clicks.
    async fn id(&self) -> ID {
        self.0.click.id.to_string().into()
    }

    /// What was clicked.
    async fn short_link(&self, context: &Context<'_>) -> Result<ShortLink> {
        let id = self.0.click.short_link_id;
        let link = load(context, id).await?;
        link.map(ShortLink)
            .ok_or_else(|| internal(sea_orm::DbErr::RecordNotFound(format!("short link {id}"))))
    }

    /// When it was answered. For a `Continue` that is later than the time in its `id`, which is that of the page.
    async fn clicked_at(&self) -> DateTime<Utc> {
        Timestamp::utc(self.0.click.clicked_at)
    }

    /// Whether it counts as a bot's: in `botClicks` if true, in `humanClicks` if false.
    async fn is_bot(&self) -> bool {
        self.0.click.bot_reason.is_some()
    }

    /// Why it counts as a bot's; null for a person's.
    async fn bot_reason(&self) -> Option<BotReason> {
        self.0.click.bot_reason.map(Into::into)
    }

    /// What sort of bot its user agent names, whatever the reason is; null if it names none, and for a `Continue`, which
    /// is a person's whatever it names.
    async fn bot_kind(&self) -> Option<BotKind> {
        self.0.click.bot_kind.map(Into::into)
    }

    /// Which version of the list of bots' user agents judged it, such as `isbot 5.2.3 + crawler-user-agents 1.60.0`. A
    /// verdict stays as it was given, unless the operator has stored clicks judged anew; newer lists judge newer clicks.
    async fn agent_list_version(&self, context: &Context<'_>) -> Result<String> {
        let id = self.0.click.agent_list_id;
        let list = load(context, AgentList(id)).await?;
        list.map(|list| list.version)
            .ok_or_else(|| internal(sea_orm::DbErr::RecordNotFound(format!("agent list {id}"))))
    }

    /// Whether it is the first click of a person on this link, in the order in which clicks were stored: one in
    /// `uniqueClicks`. Never for a bot's click, nor for a visitor who asks not to be tracked.
    async fn is_unique(&self, context: &Context<'_>) -> Result<bool> {
        if let Some(is_unique) = self.0.is_unique {
            return Ok(is_unique);
        }
        let account = principal(context, Scope::Read)?.account_id();
        let db = &context.data_unchecked::<App>().store.read;
        list::is_unique(db, account, &self.0.click)
            .await
            .map_err(internal)
    }

    /// How the link was asked for.
    async fn method(&self) -> ClickMethod {
        self.0.click.method.into()
    }

    /// Whether the request said that it fetches ahead and nobody looks at the answer yet.
    async fn is_prefetch(&self) -> bool {
        self.0.click.is_prefetch
    }

    /// The visitor's user agent as it was sent, at most 1,024 bytes of it; null if none was sent or it may not be kept.
    async fn user_agent(&self, context: &Context<'_>) -> Result<Option<String>> {
        Ok(self.agent(context).await?.map(|agent| agent.text))
    }

    /// What device the user agent names: `smartphone`, `tablet`, `desktop` and the like; null if it does not say
    /// or may not be kept.
    async fn device(&self, context: &Context<'_>) -> Result<Option<String>> {
        Ok(self.agent(context).await?.and_then(|agent| agent.device))
    }

    /// The family of operating systems that the user agent names, such as `iOS`; null if it does not say or may
    /// not be kept.
    async fn os(&self, context: &Context<'_>) -> Result<Option<String>> {
        Ok(self.agent(context).await?.and_then(|agent| agent.os))
    }

    /// The family of browsers that the user agent names, or the app that shows the page; null if it does not say
    /// or may not be kept.
    async fn browser(&self, context: &Context<'_>) -> Result<Option<String>> {
        Ok(self.agent(context).await?.and_then(|agent| agent.browser))
    }

    /// The network that the visitor came from: the first 24 bits of an IPv4 address, such as `203.0.113.0`, the first 48 of
    /// an IPv6 one, such as `2001:db8:42::`; null if it may not be kept.
    async fn network(&self) -> Option<&str> {
        self.0.click.address.as_deref()
    }

    /// The visitor's country, ISO 3166-1 alpha-2 such as `US`; null if the server has no list of countries, or the
    /// address is not on it, or it may not be kept.
    async fn country(&self) -> Option<&str> {
        self.0.click.country.as_deref()
    }

    /// The host of the page that led here, such as `www.example.com`; null if the visitor came from none, as out of a
    /// text message, or it may not be kept.
    async fn referrer(&self) -> Option<&str> {
        self.0.click.referrer.as_deref()
    }

    /// The language that the visitor prefers, such as `en-US`; null if none was sent or it may not be kept.
    async fn language(&self) -> Option<&str> {
        self.0.click.language.as_deref()
    }

    /// The parameter `sub1` that the short link was opened with; null if there was none. So are `sub2` to `sub5`.
    async fn sub1(&self) -> Option<&str> {
        self.parameter("sub1")
    }

    /// The parameter `sub2` that the short link was opened with; null if there was none.
    async fn sub2(&self) -> Option<&str> {
        self.parameter("sub2")
    }

    /// The parameter `sub3` that the short link was opened with; null if there was none.
    async fn sub3(&self) -> Option<&str> {
        self.parameter("sub3")
    }

    /// The parameter `sub4` that the short link was opened with; null if there was none.
    async fn sub4(&self) -> Option<&str> {
        self.parameter("sub4")
    }

    /// The parameter `sub5` that the short link was opened with; null if there was none.
    async fn sub5(&self) -> Option<&str> {
        self.parameter("sub5")
    }

    /// The parameter `source` that the short link was opened with; null if there was none.
    async fn source(&self) -> Option<&str> {
        self.parameter("source")
    }

    /// The other parameters that the short link was opened with and that filled a macro `{{query.NAME}}` of the
    /// destination: a JSON object of texts, empty if there were none.
    async fn parameters(&self) -> Value {
        let mut all = match &self.0.click.parameters {
            Some(Value::Object(all)) => all.clone(),
            _ => Map::new(),
        };
        all.retain(|name, _| !NAMED.contains(&name.as_str()));
        Value::Object(all)
    }
}
