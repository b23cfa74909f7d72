//! `linkhop clicks export`.

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;
use entity::{AccountId, OfferId, Timestamp};

use super::super::{
    account_id,
    export::{Target, domain_of, list_of, offer_id, offer_of, time},
    known_account, open,
};
use crate::{
    accounts,
    clicks::export::{Clicks, Wanted},
    config::{DatabaseConfig, Unseen},
};

/// What `--help` says below the flags.
pub(super) const AFTER_HELP: &str = "\
Each line is a click, in the order of its storing, as `linkhop clicks import` takes it: id, shortUrl, clickedAt, method, userAgent, \
network, visitor (a number that tells visitors apart, and leads back to none), country, referrer, language, isPrefetch, query, sub1 \
to sub5, source, and the verdict as isBot, botReason, botKind. Brought along to where the same short URLs are, the figures are the \
same, but for what eraseContact has taken out.

Clicks that were removed (--click-retention) are not in it. In memory are a few clicks at a time, however many there are; what is \
stored after it has begun is left out.

Examples:
  linkhop clicks export --account acct_… --output clicks.csv
  linkhop clicks export --account acct_… --from 2026-11-01T00:00:00Z --list-id 42 | gzip > november.ndjson.gz";

const NAMES: [&str; 21] = [
    "id",
    "shortUrl",
    "clickedAt",
    "method",
    "userAgent",
    "network",
    "visitor",
    "country",
    "referrer",
    "language",
    "isPrefetch",
    "query",
    "sub1",
    "sub2",
    "sub3",
    "sub4",
    "sub5",
    "source",
    "isBot",
    "botReason",
    "botKind",
];

#[derive(Debug, Args)]
pub(super) struct Export {
    /// The account whose links were clicked, as `linkhop account list` shows it
    #[arg(long, value_name = "ID", value_parser = Unseen(account_id))]
    account: AccountId,
    #[command(flatten)]
    target: Target,
    /// Only clicks that were made then or later, such as 2026-11-01T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<DateTime<Utc>>,
    /// Only clicks that were made earlier
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<DateTime<Utc>>,
    /// Only clicks on links of the list with this number
    #[arg(long, value_name = "NUMBER")]
    list_id: Option<i32>,
    /// Only clicks on links to the offer with this id
    #[arg(long, value_name = "ID", value_parser = offer_id)]
    offer: Option<OfferId>,
    /// Only clicks on links on this domain
    #[arg(long, value_name = "HOST")]
    domain: Option<String>,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Export {
    pub(super) async fn run(self) -> Result<()> {
        let store = open(&self.database).await?;
        let db = &store.read;
        let account = accounts::find(db, self.account).await?.map_err(known_account)?.id;
        let wanted = Wanted {
            from: self.from.map(Timestamp::not_before),
            before: self.to.map(Timestamp::not_before),
            list: list_of(db, account, self.list_id).await?,
            offer: offer_of(db, account, self.offer).await?,
            domain: domain_of(db, account, self.domain.as_deref()).await?,
        };
        let mut clicks = Clicks::begin(db, account, wanted).await?;
        let mut rows = self.target.begin(&NAMES)?;
        while let Some(page) = clicks.next_page().await? {
            for click in &page {
                if !rows.write(click)? {
                    return rows.finish();
                }
            }
        }
        rows.finish()
    }
}
