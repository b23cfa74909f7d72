//! Reports: how many clicks there were, by time and by whatever is known of them.

mod attributes;
mod axis;
mod calendar;
mod chunks;
mod filter;
pub(super) mod named;
mod page;
mod period;
mod rows;
mod scan;
mod sieve;
mod stats;
mod sums;
mod tail;
mod view;

use std::{iter::Sum, ops::AddAssign};

use entity::{AccountId, DomainId, OfferId, SendingListId, ShortLinkId, Timestamp, click};
use jiff::tz::TimeZone;
use sea_orm::DbErr;

use self::{axis::Axis, calendar::Calendar, scan::Groups, sieve::Sieve};
use crate::store::aside;

pub use self::{
    filter::{ClickFilter, TextColumn},
    period::Period,
    stats::{Stats, Subject},
    view::Reports,
};

/// The most that a report may be grouped by at once; its interval counts as one.
pub const MOST_GROUPINGS: usize = 2;

/// What clicks are grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// The short link.
    Link,
    /// The link's offer.
    Offer,
    /// The link's sending list.
    List,
    /// The link's domain.
    Domain,
    /// The link's recipient.
    ContactPhone,
    /// Why it is a bot's.
    BotReason,
    /// What kind of bot it is.
    BotKind,
    /// What is known of the visitor, or the link was opened with.
    Text(TextColumn),
    /// The value of this key in the link's metadata, as it is now.
    Metadata(String),
}

/// How long the times are that clicks are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// Each hour of the zone's clocks; one that they show twice is two.
    Hour,
    /// Each day, from midnight or, where a day has none, from its beginning.
    Day,
    /// Each week, from Monday.
    Week,
    /// Each month.
    Month,
}

/// Which rows of a report come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Those with most clicks; where there is an interval, the earliest, and in each the ones with most clicks.
    #[default]
    MostClicks,
    /// The same by people's clicks.
    MostHumanClicks,
    /// The same by unique ones.
    MostUniqueClicks,
    /// By what they are grouped by.
    Value,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which clicks.
    pub filter: ClickFilter,
    /// By what they are grouped; with an interval at most one, else at most two.
    pub group_by: Vec<Dimension>,
    /// By which times they are grouped, and whose clocks tell those.
    pub interval: Option<(Interval, TimeZone)>,
    /// Which rows come first.
    pub order: Order,
    /// How many rows are answered at most.
    pub rows: usize,
}

/// How many clicks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub clicks: i64,
    /// Those of people.
    pub human_clicks: i64,
    /// Those that were a visitor's first on a link.
    pub unique_clicks: i64,
}

/// By what the clicks of a row are alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKey {
    /// They are of this link.
    Link(ShortLinkId),
    /// They are of links to this offer.
    Offer(OfferId),
    /// They are of links of this list.
    List(SendingListId),
    /// They are of links on this domain.
    Domain(DomainId),
    /// They are bots' for this reason.
    BotReason(click::BotReason),
    /// They are of this kind of bot.
    BotKind(click::BotKind),
    /// They have this text.
    Text(String),
}

/// A row of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// From when on and before when they were made, where there is an interval.
    pub time: Option<(Timestamp, Timestamp)>,
    /// What they have of each that is grouped by; `None` for those that have nothing of it.
    pub keys: Vec<Option<GroupKey>>,
    /// How many they are.
    pub counts: Counts,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// All clicks that pass the filter.
    pub total: Counts,
    /// The first rows in the order that was asked for.
    pub rows: Vec<Row>,
    /// How many rows there are without a limit.
    pub row_count: usize,
    /// What the rows have together that were left out.
    pub rest: Counts,
    /// Clicks from before then are no longer there one by one; their figures are. `None` where none was removed.
    pub kept_from: Option<Timestamp>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The account has no such link.
    #[error("there is no such short link")]
    LinkNotFound,
    /// The account has no such offer.
    #[error("there is no such offer")]
    OfferNotFound,
    /// The account has no such list.
    #[error("there is no such sending list")]
    ListNotFound,
    /// The account has no such domain.
    #[error("there is no such domain")]
    DomainNotFound,
    /// There would be more times in the report than it may have rows.
    #[error("the period has too many intervals for one report")]
    TooManyIntervals,
    /// There are more different values than are counted at once.
    #[error("there are too many different values for one report")]
    TooManyGroups,
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.clicks += more.clicks;
        self.human_clicks += more.human_clicks;
        self.unique_clicks += more.unique_clicks;
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let mut sum = Self::default();
        for counts in all {
            sum += counts;
        }
        sum
    }
}

impl Reports {
    /// Reports on the account's clicks as of now.
    ///
    /// Without anything to group by there are no rows, and the total says all. With an interval and nothing else each
    /// interval of the period is a row, also those without clicks; an open period begins with the first click, and ends
    /// with the last one or now. Else only what has clicks is a row.
    ///
    /// # Errors
    /// When something named in the filter is not the account's, when there is too much to count, or when the database
    /// does not answer.
    pub async fn report(
        &self,
        account: AccountId,
        request: &Request,
        now: Timestamp,
    ) -> Result<Report, ReportError> {
        let calendar = request.interval.clone();
        let calendar = calendar.map(|(interval, zone)| Calendar::new(interval, zone));
        if let (Some(calendar), Some(from)) = (&calendar, request.filter.from) {
            // Before anything is counted for nothing. One that is open ends now or later.
            calendar.buckets(from, request.filter.before.unwrap_or(now))?;
        }
        let view = self.view(account, Some(self.place(account).await)).await?;
        named::check(view.db(), account, &request.filter).await?;
        let mut axes: Vec<_> = calendar.map(Axis::of_time).into_iter().collect();
        for dimension in &request.group_by {
            axes.push(Axis::of(&view, dimension).await?);
        }
        let mut groups = Groups::new(axes);
        let mut sieve = Sieve::of(&view, &request.filter).await?;
        groups.count_tail(&view, &sieve).await?;
        let summed = sums::count(&view, request, &mut groups).await?;
        for period in summed.unwrap_or_else(|| vec![request.filter.period()]) {
            sieve.keep_to(period);
            groups.count_chunks(&view, &sieve).await?;
        }
        let (request, kept_from) = (request.clone(), view.kept_from());
        aside(move || rows::report(&mut groups, &request, kept_from, now)).await?
    }
}
