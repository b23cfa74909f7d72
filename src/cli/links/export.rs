//! `linkhop links export`.

use anyhow::Result;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, ValueEnum};
use entity::{AccountId, OfferId, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::super::{
    account_id,
    export::{Target, domain_of, list_of, offer_id, offer_of, time},
    known_account, open,
};
use crate::{
    accounts,
    app::Clock,
    clicks::totals::{Totals, totals},
    config::{DatabaseConfig, Unseen},
    links::{
        export::{Exported, Links},
        list::LinkFilter,
        lookup::State,
    },
};

/// What `--help` says below the flags.
pub(super) const AFTER_HELP: &str = "\
Each line is a link, the oldest first: shortUrl, shortLinkId, what it was made with (url, offerId, listId, contactPhone, code, \
filterBots, expiresAt, maxClicks, fallbackUrl, metadata), status, createdAt, and clicks, humanClicks, uniqueClicks. The url is the \
destination, whatever made it. Recipients' phone numbers are in it: treat the file as theirs.

Archived links are left out unless --status names them. In memory are a few links at a time, however many there are.

Examples:
  linkhop links export --account acct_… --output links.csv
  linkhop links export --account acct_… --status active --status exhausted | jq .shortUrl";

#[derive(Debug, Args)]
pub(super) struct Export {
    /// The account whose links they are, as `linkhop account list` shows it
    #[arg(long, value_name = "ID", value_parser = Unseen(account_id))]
    account: AccountId,
    #[command(flatten)]
    target: Target,
    /// Only links of the list with this number
    #[arg(long, value_name = "NUMBER")]
    list_id: Option<i32>,
    /// Only links to the offer with this id
    #[arg(long, value_name = "ID", value_parser = offer_id)]
    offer: Option<OfferId>,
    /// Only links on this domain
    #[arg(long, value_name = "HOST")]
    domain: Option<String>,
    /// Only links that stand so: "active", "disabled", "archived", "expired" or "exhausted"; may be given more than once
    #[arg(long, value_name = "STATUS", hide_possible_values = true)]
    status: Vec<StatusName>,
    /// Only links that were made then or later, such as 2026-11-01T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    created_from: Option<DateTime<Utc>>,
    /// Only links that were made earlier
    #[arg(long, value_name = "TIME", value_parser = time)]
    created_to: Option<DateTime<Utc>>,
    #[command(flatten)]
    database: DatabaseConfig,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StatusName {
    /// It redirects
    Active,
    /// It is switched off
    Disabled,
    /// It is deleted
    Archived,
    /// Its time is over
    Expired,
    /// It has let through as many people as it may
    Exhausted,
}

impl From<StatusName> for State {
    fn from(name: StatusName) -> Self {
        match name {
            StatusName::Active => Self::Active,
            StatusName::Disabled => Self::Disabled,
            StatusName::Archived => Self::Archived,
            StatusName::Expired => Self::Expired,
            StatusName::Exhausted => Self::Exhausted,
        }
    }
}

/// As the API names it.
const fn name_of(state: State) -> &'static str {
    match state {
        State::Active => "ACTIVE",
        State::Disabled => "DISABLED",
        State::Archived => "ARCHIVED",
        State::Expired => "EXPIRED",
        State::Exhausted => "EXHAUSTED",
    }
}

/// A line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    short_url: &'a str,
    short_link_id: String,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    list_id: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_phone: Option<&'a str>,
    code: &'a str,
    filter_bots: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_clicks: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_url: Option<&'a str>,
    metadata: &'a Value,
    status: &'static str,
    created_at: String,
    clicks: i64,
    human_clicks: i64,
    unique_clicks: i64,
}

const NAMES: [&str; 17] = [
    "shortUrl",
    "shortLinkId",
    "url",
    "offerId",
    "listId",
    "contactPhone",
    "code",
    "filterBots",
    "expiresAt",
    "maxClicks",
    "fallbackUrl",
    "metadata",
    "status",
    "createdAt",
    "clicks",
    "humanClicks",
    "uniqueClicks",
];

fn row<'a>(exported: &'a Exported, totals: Option<&Totals>) -> Row<'a> {
    let link = &exported.link;
    Row {
        short_url: &exported.short_url,
        short_link_id: link.id.to_string(),
        url: &link.destination,
        offer_id: link.offer_id.map(|id| id.to_string()),
        list_id: exported.list_id,
        contact_phone: link.contact_phone.as_deref(),
        code: &link.code,
        filter_bots: link.filter_bots,
        expires_at: link.expires_at.map(written),
        max_clicks: link.max_clicks,
        fallback_url: link.fallback_url.as_deref(),
        metadata: &link.metadata,
        status: name_of(exported.state),
        created_at: written(link.created_at),
        clicks: totals.map_or(0, |totals| totals.clicks),
        human_clicks: totals.map_or(0, |totals| totals.human_clicks),
        unique_clicks: totals.map_or(0, |totals| totals.unique_clicks),
    }
}

fn written(time: Timestamp) -> String {
    time.utc().to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Export {
    pub(super) async fn run(self) -> Result<()> {
        let store = open(&self.database).await?;
        let db = &store.read;
        let account = accounts::find(db, self.account).await?.map_err(known_account)?.id;
        list_of(db, account, self.list_id).await?;
        let filter = LinkFilter {
            list: self.list_id,
            offer: offer_of(db, account, self.offer).await?,
            domain: domain_of(db, account, self.domain.as_deref()).await?,
            states: (!self.status.is_empty()).then(|| self.status.iter().copied().map(Into::into).collect()),
            created_from: self.created_from.map(Timestamp::not_before),
            created_before: self.created_to.map(Timestamp::not_before),
            ..LinkFilter::default()
        };
        let mut links = Links::new(db, account, filter, Clock::system().now());
        let mut rows = self.target.begin(&NAMES)?;
        loop {
            let page = links.next_page().await?;
            if page.is_empty() {
                return rows.finish();
            }
            let ids: Vec<_> = page.iter().map(|exported| exported.link.id).collect();
            let totals = totals(db, account, &ids).await?;
            for exported in &page {
                if !rows.write(&row(exported, totals.get(&exported.link.id)))? {
                    return rows.finish();
                }
            }
        }
    }
}
