//! What clicks are narrowed down by.

use std::str::FromStr;

use async_graphql::{Context, Error, ID, InputObject, Result};
use chrono::{DateTime, Utc};
use entity::{SendingListId, Timestamp, api_key::Scope};

use super::{
    click::{BotKind, BotReason},
    error::{Code, internal, principal, unanswered},
    filter::{MetadataFilter, each_once},
};
use crate::{
    app::App,
    catalog::sending_list::{self, ListLookup},
    clicks::report::{ClickFilter, Period, ReportError, TextColumn},
};

/// The most values of one list.
const MOST_VALUES: usize = 100;

/// The most characters of a text that clicks are looked for by: none is kept that is longer.
const MOST_CHARACTERS: usize = 255;

/// The most days from the first moment of a period to its last: ten years, however many of them are leap years.
const MOST_DAYS: i64 = 3660;

/// What clicks must be: all that is given here together.
///
/// A list takes at most 100 values, of which a click must have one: `["US", null]` are clicks from the US and those
/// whose country is not known. No click has one of an empty list. Texts are compared as they are, upper and lower case
/// too, and have at most 255 characters.
#[derive(Debug, Default, InputObject)]
#[graphql(name = "ClickFilter")]
pub(super) struct ClickFilterInput {
    /// Clicked at this time or later, to the millisecond; from the first click on unless given.
    from: Option<DateTime<Utc>>,
    /// Clicked before this time, at most ten years after `from`; up to now unless given.
    before: Option<DateTime<Utc>>,
    /// On the short link with this id.
    short_link_id: Option<ID>,
    /// On links to the offer with this id.
    offer_id: Option<ID>,
    /// On links of the list with this `listId`.
    list_id: Option<i32>,
    /// On links on the domain with this id.
    domain_id: Option<ID>,
    /// On links for this recipient: the number as the links have it, E.164 such as `+12025550143`.
    contact_phone: Option<String>,
    /// On links that have a value under a key of their metadata now, whatever they had when they were clicked.
    metadata: Option<MetadataFilter>,
    /// Of bots if true, of people if false; of both unless given.
    is_bot: Option<bool>,
    /// With one of these reasons to count as a bot's; null are those without, which are people's.
    bot_reason: Option<Vec<Option<BotReason>>>,
    /// With a user agent that names one of these kinds of bots; null are those that name none.
    bot_kind: Option<Vec<Option<BotKind>>>,
    /// From one of these countries, ISO 3166-1 alpha-2 such as `US`; null are those whose country is not known.
    country: Option<Vec<Option<String>>>,
    /// With one of these devices, such as `smartphone`; null are those whose device is not known.
    device: Option<Vec<Option<String>>>,
    /// With one of these families of operating systems, such as `iOS`; null are those whose system is not known.
    os: Option<Vec<Option<String>>>,
    /// With one of these families of browsers, such as `Safari`; null are those whose browser is not known.
    browser: Option<Vec<Option<String>>>,
    /// From a page of one of these hosts, such as `www.example.com`; null are those that came from none.
    referrer: Option<Vec<Option<String>>>,
    /// Opened with one of these as `sub1`; null are those that were opened without.
    sub1: Option<Vec<Option<String>>>,
    /// Opened with one of these as `sub2`; null are those that were opened without.
    sub2: Option<Vec<Option<String>>>,
    /// Opened with one of these as `sub3`; null are those that were opened without.
    sub3: Option<Vec<Option<String>>>,
    /// Opened with one of these as `sub4`; null are those that were opened without.
    sub4: Option<Vec<Option<String>>>,
    /// Opened with one of these as `sub5`; null are those that were opened without.
    sub5: Option<Vec<Option<String>>>,
    /// Opened with one of these as `source`, such as `sms`; null are those that were opened without.
    source: Option<Vec<Option<String>>>,
}

impl ClickFilterInput {
    /// The filter in the domain's words. Ids are read, and the list is looked up by its number; whether the account has
    /// the rest is for who uses the filter.
    ///
    /// # Errors
    /// `INVALID_PERIOD`; `BAD_REQUEST` for what no click has; `NOT_FOUND` for an id that is none and for a list that the
    /// account does not have.
    pub(super) async fn parse(self, context: &Context<'_>) -> Result<ClickFilter> {
        let Period { from, before } = period(self.from, self.before)?;
        let texts = [
            ("country", TextColumn::COUNTRY, self.country),
            ("device", TextColumn::DEVICE, self.device),
            ("os", TextColumn::OS, self.os),
            ("browser", TextColumn::BROWSER, self.browser),
            ("referrer", TextColumn::REFERRER, self.referrer),
            ("sub1", TextColumn::SUB1, self.sub1),
            ("sub2", TextColumn::SUB2, self.sub2),
            ("sub3", TextColumn::SUB3, self.sub3),
            ("sub4", TextColumn::SUB4, self.sub4),
            ("sub5", TextColumn::SUB5, self.sub5),
            ("source", TextColumn::SOURCE, self.source),
        ]
        .into_iter()
        .filter_map(|(name, column, values)| Some((name, column, values?)))
        .map(|(name, column, values)| {
            let texts = distinct(name, values)?;
            for text in texts.iter().flatten() {
                check_text(name, text)?;
            }
            Ok((column, texts))
        })
        .collect::<Result<_>>()?;
        if let Some(phone) = &self.contact_phone {
            check_text("contactPhone", phone)?;
        }
        if let Some(metadata) = &self.metadata {
            check_key("filter.metadata.key", &metadata.key)?;
        }
        Ok(ClickFilter {
            from,
            before,
            link: named(self.short_link_id, ReportError::LinkNotFound)?,
            offer: named(self.offer_id, ReportError::OfferNotFound)?,
            domain: named(self.domain_id, ReportError::DomainNotFound)?,
            contact_phone: self.contact_phone,
            metadata: self.metadata.map(MetadataFilter::parse).transpose()?,
            is_bot: self.is_bot,
            bot_reasons: self
                .bot_reason
                .map(|values| distinct("botReason", into_stored(values)))
                .transpose()?,
            bot_kinds: self
                .bot_kind
                .map(|values| distinct("botKind", into_stored(values)))
                .transpose()?,
            texts,
            // Last: what is wrong by itself needs no database to say so.
            list: match self.list_id {
                Some(number) => Some(list(context, number).await?),
                None => None,
            },
        })
    }
}

/// What a report, a page of clicks or figures could not be had for, as a top-level error.
pub(super) fn refusal(error: ReportError) -> Error {
    match error {
        ReportError::LinkNotFound => Code::NotFound.error(
            "The account has no short link with this filter.shortLinkId; take the `id` of one that `shortLinks` lists.",
        ),
        ReportError::OfferNotFound => Code::NotFound.error(
            "The account has no offer with this filter.offerId; take the `id` of one that `offers` lists.",
        ),
        ReportError::ListNotFound => Code::NotFound.error(
            "The account has no sending list with this filter.listId; take the `listId` of one that `sendingLists` lists.",
        ),
        ReportError::DomainNotFound => Code::NotFound.error(
            "The account has no domain with this filter.domainId; take the `id` of one that `domains` lists.",
        ),
        ReportError::TooManyIntervals => Code::InvalidPeriod.error(
            "The period has more intervals than a report has rows; give a shorter period in filter.from and \
             filter.before, or a longer interval.",
        ),
        ReportError::TooManyGroups => Code::TooManyGroups.error(
            "These clicks have more different values than one report counts; give a shorter period or more of the \
             filter, or group by one thing less.",
        ),
        ReportError::Database(error) => unanswered(error),
    }
}

/// A period, from its first moment to the one before which it ends.
///
/// # Errors
/// `INVALID_PERIOD` where it is empty or too long.
pub(super) fn period(from: Option<DateTime<Utc>>, before: Option<DateTime<Utc>>) -> Result<Period> {
    let (from, before) = (from.map(Timestamp::not_before), before.map(Timestamp::not_before));
    if let Some((from, before)) = from.zip(before) {
        let refuse = |message: &str| Err(Code::InvalidPeriod.error(message));
        if from >= before {
            return refuse(
                "No time is from `from` on and before `before`; give a `before` that is later than `from`.",
            );
        }
        if before > from.hours_before(-24 * MOST_DAYS) {
            return refuse(
                "A period may be ten years long at most; give a later `from` or an earlier `before`.",
            );
        }
    }
    Ok(Period { from, before })
}

/// Makes sure that this may be a key at the top of metadata.
///
/// # Errors
/// `BAD_REQUEST` for one that is empty, over 255 characters long, or has U+0000.
pub(super) fn check_key(name: &str, key: &str) -> Result<()> {
    if key.is_empty() {
        let message = format!("{name} is empty; give a key of the links' metadata, such as `campaign`.");
        return Err(Code::BadRequest.error(message));
    }
    check_text(name, key)
}

fn check_text(name: &str, text: &str) -> Result<()> {
    let refuse = |message: String| Err(Code::BadRequest.error(message));
    if text.contains('\0') {
        return refuse(format!(
            "{name} must not hold the character U+0000: none is stored with it."
        ));
    }
    if text.chars().count() > MOST_CHARACTERS {
        return refuse(format!(
            "{name} may have at most {MOST_CHARACTERS} characters here."
        ));
    }
    Ok(())
}

/// Each of these values once, however often it is given.
fn distinct<V: PartialEq>(name: &str, values: Vec<V>) -> Result<Vec<V>> {
    if values.len() > MOST_VALUES {
        return Err(Code::BadRequest.error(format!(
            "{name} may have at most {MOST_VALUES} values; this has {}. Ask for the others in another request.",
            values.len()
        )));
    }
    Ok(each_once(values))
}

fn into_stored<G: Into<S>, S>(values: Vec<Option<G>>) -> Vec<Option<S>> {
    values.into_iter().map(|value| value.map(Into::into)).collect()
}

/// The id that is given, if one is: what is none is found as little as another account's.
fn named<I: FromStr>(id: Option<ID>, or: ReportError) -> Result<Option<I>> {
    match id.map(|id| id.parse()) {
        None => Ok(None),
        Some(Ok(id)) => Ok(Some(id)),
        Some(Err(_)) => Err(refusal(or)),
    }
}

async fn list(context: &Context<'_>, number: i32) -> Result<SendingListId> {
    let account = principal(context, Scope::Read)?.account_id();
    let db = &context.data_unchecked::<App>().store.read;
    let list = sending_list::find(db, account, &ListLookup::ListId(number)).await;
    let list = list.map_err(internal)?;
    list.map(|list| list.id)
        .ok_or_else(|| refusal(ReportError::ListNotFound))
}
