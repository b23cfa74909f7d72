//! What clicks are grouped by, and in which order.

use async_graphql::{Enum, OneofObject, Result};
use jiff::tz::TimeZone;

use super::{click_filter::check_key, error::Code};
use crate::clicks::report::{Dimension, Interval, MOST_GROUPINGS, Order, TextColumn};

/// One thing by which clicks are grouped.
#[derive(Clone, Debug, OneofObject)]
pub(super) enum ClickGrouping {
    /// By something that every account's clicks have.
    Dimension(ClickDimension),
    /// By the value that links have under this key of their metadata now, whatever they had when they were clicked; at
    /// most 255 characters. Strings stand as they are and anything else as JSON; null is no value.
    MetadataKey(String),
}

/// What clicks may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum ClickDimension {
    /// The short link that was clicked.
    ShortLink,
    /// The offer that the link leads to; links that were made with `url` have none.
    Offer,
    /// The sending list that the link was made for.
    SendingList,
    /// The domain that the link lives on.
    Domain,
    /// The recipient that the link was made for, as it is now; E.164.
    ContactPhone,
    /// Why the click counts as a bot's; people's clicks have none.
    BotReason,
    /// What sort of bot the user agent names; most people's clicks have none.
    BotKind,
    /// The visitor's country, ISO 3166-1 alpha-2.
    Country,
    /// The visitor's device, such as `smartphone`.
    Device,
    /// The family of operating systems, such as `iOS`.
    Os,
    /// The family of browsers, or the app that showed the page.
    Browser,
    /// The host of the page that led to the link.
    Referrer,
    /// What `sub1` was when the link was opened.
    #[graphql(name = "SUB1")]
    Sub1,
    /// What `sub2` was when the link was opened.
    #[graphql(name = "SUB2")]
    Sub2,
    /// What `sub3` was when the link was opened.
    #[graphql(name = "SUB3")]
    Sub3,
    /// What `sub4` was when the link was opened.
    #[graphql(name = "SUB4")]
    Sub4,
    /// What `sub5` was when the link was opened.
    #[graphql(name = "SUB5")]
    Sub5,
    /// What `source` was when the link was opened.
    Source,
}

/// How long each of the times is that a report counts by. They begin and end when the clocks of the report's
/// `timezone` say so, and cover it without a gap, also where those are set forward or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Interval")]
pub enum ClickInterval {
    /// Each hour of the clock. One that is shown twice, as when summer time ends, is two.
    Hour,
    /// From midnight to midnight: 23 or 25 hours where the clocks are set.
    Day,
    /// From Monday to Sunday.
    Week,
    /// From the first of a month to its last day.
    Month,
}

/// Which rows of a report come first. With an `interval` rows go by time, the earliest first, and by this within each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "Order")]
pub enum ClickReportOrder {
    /// Those with most clicks, of people and bots together.
    #[default]
    MostClicks,
    /// Those with most clicks of people.
    MostHumanClicks,
    /// Those with most unique clicks.
    MostUniqueClicks,
    /// By what they are grouped by: those without a value, then from the lowest to the highest, texts character by
    /// character and ids by when they were made.
    Value,
}

impl ClickGrouping {
    /// The groupings in the domain's words.
    ///
    /// # Errors
    /// `INVALID_GROUPING` for more than a report takes with its interval, or for the same twice; `BAD_REQUEST` for a key
    /// that no metadata has.
    pub(super) fn parse(all: &[Self], interval: Option<ClickInterval>) -> Result<Vec<Dimension>> {
        if all.len() + usize::from(interval.is_some()) > MOST_GROUPINGS {
            return Err(Code::InvalidGrouping.error(format!(
                "A report takes at most {MOST_GROUPINGS} groupings, and interval is one of them; leave out all but \
                 {MOST_GROUPINGS}, or ask for several reports.",
            )));
        }
        let mut parsed = Vec::with_capacity(all.len());
        for grouping in all {
            let dimension = match grouping {
                Self::Dimension(dimension) => (*dimension).into(),
                Self::MetadataKey(key) => {
                    check_key("groupBy.metadataKey", key)?;
                    Dimension::Metadata(key.clone())
                }
            };
            if parsed.contains(&dimension) {
                return Err(
                    Code::InvalidGrouping.error("groupBy has the same grouping twice; leave one out.")
                );
            }
            parsed.push(dimension);
        }
        Ok(parsed)
    }
}

/// The zone with that name.
///
/// # Errors
/// `INVALID_TIMEZONE` where there is none.
pub(super) fn zone(name: &str) -> Result<TimeZone> {
    let found = TimeZone::get(name).ok().filter(|zone| !zone.is_unknown());
    found.ok_or_else(|| {
        Code::InvalidTimezone.error(
            "timezone is not the name of a time zone; give one of the IANA database, such as `Europe/Berlin` or `UTC`.",
        )
    })
}

impl From<ClickDimension> for Dimension {
    fn from(dimension: ClickDimension) -> Self {
        match dimension {
            ClickDimension::ShortLink => Self::Link,
            ClickDimension::Offer => Self::Offer,
            ClickDimension::SendingList => Self::List,
            ClickDimension::Domain => Self::Domain,
            ClickDimension::ContactPhone => Self::ContactPhone,
            ClickDimension::BotReason => Self::BotReason,
            ClickDimension::BotKind => Self::BotKind,
            ClickDimension::Country => Self::Text(TextColumn::COUNTRY),
            ClickDimension::Device => Self::Text(TextColumn::DEVICE),
            ClickDimension::Os => Self::Text(TextColumn::OS),
            ClickDimension::Browser => Self::Text(TextColumn::BROWSER),
            ClickDimension::Referrer => Self::Text(TextColumn::REFERRER),
            ClickDimension::Sub1 => Self::Text(TextColumn::SUB1),
            ClickDimension::Sub2 => Self::Text(TextColumn::SUB2),
            ClickDimension::Sub3 => Self::Text(TextColumn::SUB3),
            ClickDimension::Sub4 => Self::Text(TextColumn::SUB4),
            ClickDimension::Sub5 => Self::Text(TextColumn::SUB5),
            ClickDimension::Source => Self::Text(TextColumn::SOURCE),
        }
    }
}
