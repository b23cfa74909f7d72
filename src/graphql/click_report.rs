//! Reports on clicks.

use std::sync::Arc;

use async_graphql::{Context, Description, Object, Result};
use chrono::{DateTime, Utc};
use entity::{Timestamp, api_key::Scope};

use super::{
    click::int,
    click_filter::{ClickFilterInput, refusal},
    click_grouping::{ClickDimension, ClickGrouping, ClickInterval, ClickReportOrder, zone},
    domain::Domain,
    error::{Code, principal},
    loader::load,
    offer::Offer,
    sending_list::SendingList,
    short_link::ShortLink,
};
use crate::{
    app::App,
    clicks::report::{Counts, GroupKey, Report, Request, Row},
};

/// The most rows of one report.
const MAX_ROWS: i32 = 10_000;

/// The rows of a report where none are asked for.
const DEFAULT_ROWS: i32 = 1_000;

/// What a report costs beside its fields: it counts all clicks that pass its filter, once, however many rows it has.
pub(super) const REPORT: usize = 100;

/// What a page of the account's clicks costs beside its fields: it is looked for as a report is counted, and its
/// `totalCount` is a report of its own.
pub(super) const PAGE: usize = 2 * REPORT;

/// What a field of a node in a row costs: the rows of a report are not counted, and all of them may have one. So many that
/// names and figures, which are read together for all rows, can be had in any report, and what is read for each row by
/// itself, such as pages of clicks, in none.
const NODE: usize = 40;

/// What is asked for, as the field's arguments say it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub filter: Option<ClickFilterInput>,
    pub group_by: Option<Vec<ClickGrouping>>,
    pub interval: Option<ClickInterval>,
    pub timezone: Option<String>,
    pub order_by: Option<ClickReportOrder>,
    pub first: Option<i32>,
}

impl Asked {
    /// The report.
    ///
    /// # Errors
    /// `INVALID_GROUPING`, `INVALID_TIMEZONE`, `INVALID_PERIOD`, `BAD_REQUEST` and `NOT_FOUND` for what is wrong in it,
    /// `TOO_MANY_GROUPS` for what is too much, or when the database does not answer.
    pub(super) async fn report(self, context: &Context<'_>) -> Result<ClickReport> {
        let account = principal(context, Scope::Read)?.account_id();
        let groupings = self.group_by.unwrap_or_default();
        let group_by = ClickGrouping::parse(&groupings, self.interval)?;
        let zone = zone(self.timezone.as_deref().unwrap_or("UTC"))?;
        let rows = self.first.unwrap_or(DEFAULT_ROWS);
        if !(1..=MAX_ROWS).contains(&rows) {
            let message = format!(
                "first must be 1 to {MAX_ROWS}; rest has the figures of the rows that are left out, and a filter picks some."
            );
            return Err(Code::BadRequest.error(message));
        }
        let timezone = zone.iana_name().unwrap_or("UTC").to_owned();
        let request = Request {
            filter: self.filter.unwrap_or_default().parse(context).await?,
            group_by,
            interval: self.interval.map(|interval| (interval.into(), zone)),
            order: self.order_by.unwrap_or_default().into(),
            rows: usize::try_from(rows).unwrap_or_default(),
        };
        let app = context.data_unchecked::<App>();
        let report = app.reports.report(account, &request, app.clock.now()).await;
        Ok(ClickReport {
            from: request.filter.from,
            before: request.filter.before,
            timezone,
            groupings: groupings.into(),
            report: report.map_err(refusal)?,
        })
    }
}

/// How many clicks pass a filter, counted by what they have in common and by when they were made.
///
/// A click that is answered is in the next report, and each counts once: `total` is what the rows and `rest` have
/// together, whatever they are grouped by. Links count wherever they stand: disabled, archived and expired ones too.
#[derive(Clone, Debug, Description)]
pub(super) struct ClickReport {
    from: Option<Timestamp>,
    before: Option<Timestamp>,
    timezone: String,
    groupings: Arc<[ClickGrouping]>,
    report: Report,
}

#[Object(use_type_description)]
impl ClickReport {
    /// From when on clicks are counted, as the filter says; null if from the first on.
    async fn from(&self) -> Option<DateTime<Utc>> {
        self.from.map(Timestamp::utc)
    }

    /// Before when they are counted, as the filter says; null if up to now.
    async fn before(&self) -> Option<DateTime<Utc>> {
        self.before.map(Timestamp::utc)
    }

    /// Whose clocks tell when an interval begins: the name in the IANA database.
    async fn timezone(&self) -> &str {
        &self.timezone
    }

    /// All clicks that pass the filter.
    async fn total(&self) -> ClickCounts {
        ClickCounts(self.report.total)
    }

    /// The rows, in the order that was asked for and `first` at most: one for what clicks have in common, in each interval
    /// where there is one. None is without clicks, unless rows are by time alone: then each interval of the period has
    /// one, and an open period is from the first click up to now. Without any grouping there are none, and `total`
    /// says all.
    async fn rows(&self) -> Vec<ClickReportRow> {
        let rows = self.report.rows.iter().cloned();
        let rows = rows.map(|row| ClickReportRow {
            groupings: Arc::clone(&self.groupings),
            row,
        });
        rows.collect()
    }

    /// How many rows there are, those over `first` too.
    async fn row_count(&self) -> i32 {
        self.report.row_count.try_into().unwrap_or(i32::MAX)
    }

    /// What the rows over `first` have together: zeros if all are there.
    async fn rest(&self) -> ClickCounts {
        ClickCounts(self.report.rest)
    }

    /// From when on clicks are kept one by one: those from before are in every figure, and `clicks` no longer lists
    /// them. Null if all are there.
    async fn raw_from(&self) -> Option<DateTime<Utc>> {
        self.report.kept_from.map(Timestamp::utc)
    }
}

/// Clicks in numbers, each exact; one over 2,147,483,647 is sent as that.
#[derive(Clone, Copy, Debug, Description)]
pub(super) struct ClickCounts(Counts);

#[Object(use_type_description)]
impl ClickCounts {
    /// Clicks of people and of bots together.
    async fn clicks(&self) -> i32 {
        int(self.0.clicks)
    }

    /// Clicks of people, as often as they clicked.
    async fn human_clicks(&self) -> i32 {
        int(self.0.human_clicks)
    }

    /// Clicks of bots: previews, checkers, crawlers and their like.
    async fn bot_clicks(&self) -> i32 {
        int(self.0.clicks - self.0.human_clicks)
    }

    /// Clicks that were a person's first on their link. Who came before the period and comes again in it is not in it,
    /// and who opened two links is there twice: so the figures of rows add up.
    async fn unique_clicks(&self) -> i32 {
        int(self.0.unique_clicks)
    }
}

/// The clicks that were made in one interval and have the same of each thing that is grouped by.
#[derive(Clone, Debug, Description)]
pub(super) struct ClickReportRow {
    groupings: Arc<[ClickGrouping]>,
    row: Row,
}

#[Object(use_type_description)]
impl ClickReportRow {
    /// When the row's interval begins. The first one may begin before the period that is asked for: counted are clicks
    /// of the period only. Null without `interval`.
    async fn from(&self) -> Option<DateTime<Utc>> {
        self.row.time.map(|(from, _)| from.utc())
    }

    /// When the row's interval is over: where the next one begins. Null without `interval`.
    async fn before(&self) -> Option<DateTime<Utc>> {
        self.row.time.map(|(_, before)| before.utc())
    }

    /// What its clicks have in common: one key for each of `groupBy`, in that order.
    async fn keys(&self) -> Vec<ClickReportKey> {
        let keys = self.row.keys.iter().cloned().enumerate();
        let keys = keys.map(|(at, key)| ClickReportKey {
            groupings: Arc::clone(&self.groupings),
            at,
            key,
        });
        keys.collect()
    }

    /// How many they are.
    async fn counts(&self) -> ClickCounts {
        ClickCounts(self.row.counts)
    }
}

/// One thing that the clicks of a row have in common.
#[derive(Clone, Debug, Description)]
pub(super) struct ClickReportKey {
    groupings: Arc<[ClickGrouping]>,
    at: usize,
    key: Option<GroupKey>,
}

#[Object(use_type_description)]
impl ClickReportKey {
    /// What it is; null for a key of metadata.
    async fn dimension(&self) -> Option<ClickDimension> {
        match self.groupings.get(self.at)? {
            ClickGrouping::Dimension(dimension) => Some(*dimension),
            ClickGrouping::MetadataKey(_) => None,
        }
    }

    /// The key of metadata whose value it is; null for anything else.
    async fn metadata_key(&self) -> Option<&str> {
        match self.groupings.get(self.at)? {
            ClickGrouping::MetadataKey(key) => Some(key),
            ClickGrouping::Dimension(_) => None,
        }
    }

    /// Which one it is, as text: an `id` for what has one, else what `ClickFilter` takes. Null for the clicks that have
    /// none of it.
    async fn value(&self) -> Option<String> {
        self.key.as_ref().map(|key| match key {
            GroupKey::Link(id) => id.to_string(),
            GroupKey::Offer(id) => id.to_string(),
            GroupKey::List(id) => id.to_string(),
            GroupKey::Domain(id) => id.to_string(),
            GroupKey::BotReason(reason) => reason.as_str().to_owned(),
            GroupKey::BotKind(kind) => kind.as_str().to_owned(),
            GroupKey::Text(text) => text.clone(),
        })
    }

    /// The link of a row by `SHORT_LINK`; null in other rows. Read together for all rows, as the next three are.
    #[graphql(complexity = "NODE * child_complexity")]
    async fn short_link(&self, context: &Context<'_>) -> Result<Option<ShortLink>> {
        match self.key {
            Some(GroupKey::Link(id)) => Ok(load(context, id).await?.map(ShortLink)),
            _ => Ok(None),
        }
    }

    /// The offer of a row by `OFFER`; null in other rows, and where links have none.
    #[graphql(complexity = "NODE * child_complexity")]
    async fn offer(&self, context: &Context<'_>) -> Result<Option<Offer>> {
        match self.key {
            Some(GroupKey::Offer(id)) => Ok(load(context, id).await?.map(Offer)),
            _ => Ok(None),
        }
    }

    /// The list of a row by `SENDING_LIST`; null in other rows.
    #[graphql(complexity = "NODE * child_complexity")]
    async fn sending_list(&self, context: &Context<'_>) -> Result<Option<SendingList>> {
        match self.key {
            Some(GroupKey::List(id)) => Ok(load(context, id).await?.map(SendingList)),
            _ => Ok(None),
        }
    }

    /// The domain of a row by `DOMAIN`; null in other rows.
    #[graphql(complexity = "NODE * child_complexity")]
    async fn domain(&self, context: &Context<'_>) -> Result<Option<Domain>> {
        match self.key {
            Some(GroupKey::Domain(id)) => Ok(load(context, id).await?.map(Domain)),
            _ => Ok(None),
        }
    }
}
