//! What lists are narrowed down by, and their orders.

use async_graphql::{Enum, ID, InputObject, Result};
use chrono::{DateTime, Utc};
use entity::{DomainId, OfferId, Timestamp, domain, offer, sending_list, short_link};
use serde_json::Value;
use uuid::Uuid;

use super::{
    connection::Sort, domain::DomainStatus, error::Code, offer::OfferStatus, sending_list::SendingListStatus,
    short_link::ShortLinkStatus,
};
use crate::{
    catalog::list::Filter,
    links::list::LinkFilter,
    values::{
        metadata::{MAX_BYTES, Scalar},
        search::Search,
    },
};

/// The most characters of a text that rows are looked for by: no name is longer.
const MAX_TEXT: usize = 255;

/// What short links must be to be listed: all that is given here together.
#[derive(Debug, Default, InputObject)]
pub(super) struct ShortLinkFilter {
    /// Sent from the list with this `listId`.
    list_id: Option<i32>,
    /// To the offer with this id; no link has an id that is none.
    offer_id: Option<ID>,
    /// On the domain with this id; no link has an id that is none.
    domain_id: Option<ID>,
    /// In one of these states now. Without it all but `ARCHIVED` are listed; with an empty list, none.
    status: Option<Vec<ShortLinkStatus>>,
    /// For this recipient: the number as the link has it, E.164 such as `+12025550143`.
    contact_phone: Option<String>,
    /// Made at this time or later.
    created_from: Option<DateTime<Utc>>,
    /// Made before this time.
    created_before: Option<DateTime<Utc>>,
    /// With a value under a key of their metadata.
    metadata: Option<MetadataFilter>,
    /// With each word of this text in the code or the destination URL, or a longer one that begins with it. Words are
    /// runs of letters A to Z and digits, in either case; one at least, ten at most, and at most 200 characters.
    search: Option<String>,
}

/// One value under one key at the top of the metadata.
#[derive(Debug, InputObject)]
pub(super) struct MetadataFilter {
    /// The key, such as `campaign`, as it is written in the metadata.
    pub(super) key: String,
    /// A string, a number or a boolean, and the same kind in the metadata: `"1"` is not `1`, but `1.0` is. Fractions, and
    /// whole numbers beyond 2^63, are compared as floating point numbers of 64 bits.
    value: Value,
}

/// What offers must be to be listed: all that is given here together.
#[derive(Debug, Default, InputObject)]
pub(super) struct OfferFilter {
    /// In one of these states. Without it all but `ARCHIVED` are listed; with an empty list, none.
    status: Option<Vec<OfferStatus>>,
    /// With this text anywhere in the name, at most 255 characters; letters from A to Z match in either case.
    name: Option<String>,
}

/// What sending lists must be to be listed: all that is given here together.
#[derive(Debug, Default, InputObject)]
pub(super) struct SendingListFilter {
    /// In one of these states. Without it all but `ARCHIVED` are listed; with an empty list, none.
    status: Option<Vec<SendingListStatus>>,
    /// With this text anywhere in the brand's name, at most 255 characters; letters from A to Z match in either case.
    brand_name: Option<String>,
}

/// What domains must be to be listed: all that is given here together.
#[derive(Debug, Default, InputObject)]
pub(super) struct DomainFilter {
    /// In one of these states. Without it all but `ARCHIVED` are listed; with an empty list, none.
    status: Option<Vec<DomainStatus>>,
    /// With this text anywhere in the host, at most 255 characters; letters from A to Z match in either case.
    host: Option<String>,
}

/// In which order short links are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub(super) enum ShortLinkOrder {
    /// The link that was made last comes first.
    #[default]
    NewestFirst,
    /// The link that was made first comes first.
    OldestFirst,
}

/// In which order offers are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub(super) enum OfferOrder {
    /// The offer that was made last comes first.
    #[default]
    NewestFirst,
    /// The offer that was made first comes first.
    OldestFirst,
    /// By name, character by character: upper case before lower case, accents after both.
    Name,
}

/// In which order sending lists are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub(super) enum SendingListOrder {
    /// The list that was made last comes first.
    #[default]
    NewestFirst,
    /// The list that was made first comes first.
    OldestFirst,
    /// By the brand's name, character by character: upper case before lower case, accents after both.
    BrandName,
    /// By `listId`, the lowest first.
    ListId,
}

/// In which order domains are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub(super) enum DomainOrder {
    /// The domain that was made last comes first.
    #[default]
    NewestFirst,
    /// The domain that was made first comes first.
    OldestFirst,
    /// By host, character by character.
    Host,
}

impl ShortLinkFilter {
    /// Whether nothing is given, so that all links but archived ones are meant.
    pub(super) const fn is_empty(&self) -> bool {
        let Self {
            list_id: None,
            offer_id: None,
            domain_id: None,
            status: None,
            contact_phone: None,
            created_from: None,
            created_before: None,
            metadata: None,
            search: None,
        } = self
        else {
            return false;
        };
        true
    }

    /// The filter in the domain's words.
    ///
    /// # Errors
    /// `BAD_REQUEST` for what no link could be looked for by.
    pub(super) fn parse(self) -> Result<LinkFilter> {
        Ok(LinkFilter {
            list: self.list_id,
            offer: self
                .offer_id
                .map(|id| id.parse().unwrap_or_else(|_| OfferId::from(Uuid::nil()))),
            domain: self
                .domain_id
                .map(|id| id.parse().unwrap_or_else(|_| DomainId::from(Uuid::nil()))),
            states: self.status.map(each_stored),
            contact_phone: self
                .contact_phone
                .map(|text| plain("contactPhone", text))
                .transpose()?,
            created_from: self.created_from.map(Timestamp::not_before),
            created_before: self.created_before.map(Timestamp::not_before),
            metadata: self.metadata.map(MetadataFilter::parse).transpose()?,
            search: self.search.map(search).transpose()?,
        })
    }
}

impl MetadataFilter {
    /// The key, and the value under it.
    ///
    /// # Errors
    /// `BAD_REQUEST` for what no metadata holds.
    pub(super) fn parse(self) -> Result<(String, Scalar)> {
        let refuse = |message: &str| Err(Code::BadRequest.error(message));
        let Some(value) = Scalar::of(self.value) else {
            return refuse("metadata.value must be a string, a number or a boolean.");
        };
        let holds_nul = |text: &str| text.contains('\0');
        if holds_nul(&self.key) || matches!(&value, Scalar::Text(text) if holds_nul(text)) {
            return refuse(
                "metadata must not hold the character U+0000, in key or value: none is stored with it.",
            );
        }
        if matches!(&value, Scalar::Text(text) if text.len() > MAX_BYTES) {
            let message =
                format!("metadata.value may have at most {MAX_BYTES} bytes: none is stored that is longer.");
            return Err(Code::BadRequest.error(message));
        }
        Ok((self.key, value))
    }
}

impl OfferFilter {
    /// The filter in the domain's words.
    ///
    /// # Errors
    /// `BAD_REQUEST` for a name that none could be.
    pub(super) fn parse(self) -> Result<Filter<offer::Status>> {
        filter("name", self.status, self.name)
    }
}

impl SendingListFilter {
    /// The filter in the domain's words.
    ///
    /// # Errors
    /// `BAD_REQUEST` for a name that none could be.
    pub(super) fn parse(self) -> Result<Filter<sending_list::Status>> {
        filter("brandName", self.status, self.brand_name)
    }
}

impl DomainFilter {
    /// The filter in the domain's words.
    ///
    /// # Errors
    /// `BAD_REQUEST` for a host that none could be.
    pub(super) fn parse(self) -> Result<Filter<domain::Status>> {
        filter("host", self.status, self.host)
    }
}

fn filter<G, S>(field: &str, statuses: Option<Vec<G>>, name: Option<String>) -> Result<Filter<S>>
where
    G: Into<S> + PartialEq,
{
    Ok(Filter {
        statuses: statuses.map(each_stored),
        name: name.map(|text| plain(field, text)).transpose()?,
    })
}

/// Each of the values once, however often it is given: a database takes only so many in one statement.
pub(super) fn each_once<V: PartialEq>(values: Vec<V>) -> Vec<V> {
    let mut distinct = Vec::new();
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}

fn each_stored<G: Into<S> + PartialEq, S>(states: Vec<G>) -> Vec<S> {
    each_once(states).into_iter().map(Into::into).collect()
}

fn search(text: String) -> Result<Search> {
    let text = without_nul("search", text)?;
    Search::parse(&text).map_err(|reason| Code::BadRequest.error(format!("{reason}.")))
}

/// A text that can be looked for in either database.
fn plain(field: &str, text: String) -> Result<String> {
    let text = without_nul(field, text)?;
    if text.chars().count() > MAX_TEXT {
        let message = format!("{field} may have at most {MAX_TEXT} characters here; look for a part of it.");
        return Err(Code::BadRequest.error(message));
    }
    Ok(text)
}

fn without_nul(field: &str, text: String) -> Result<String> {
    if text.contains('\0') {
        let message = format!("{field} must not hold the character U+0000: no row has it.");
        return Err(Code::BadRequest.error(message));
    }
    Ok(text)
}

impl From<ShortLinkOrder> for Sort<short_link::Column> {
    fn from(order: ShortLinkOrder) -> Self {
        match order {
            ShortLinkOrder::NewestFirst => Self::NEWEST,
            ShortLinkOrder::OldestFirst => Self::OLDEST,
        }
    }
}

impl From<OfferOrder> for Sort<offer::Column> {
    fn from(order: OfferOrder) -> Self {
        match order {
            OfferOrder::NewestFirst => Self::NEWEST,
            OfferOrder::OldestFirst => Self::OLDEST,
            OfferOrder::Name => Self::by(offer::Column::Name),
        }
    }
}

impl From<SendingListOrder> for Sort<sending_list::Column> {
    fn from(order: SendingListOrder) -> Self {
        match order {
            SendingListOrder::NewestFirst => Self::NEWEST,
            SendingListOrder::OldestFirst => Self::OLDEST,
            SendingListOrder::BrandName => Self::by(sending_list::Column::BrandName),
            SendingListOrder::ListId => Self::by_unique(sending_list::Column::ListId),
        }
    }
}

impl From<DomainOrder> for Sort<domain::Column> {
    fn from(order: DomainOrder) -> Self {
        match order {
            DomainOrder::NewestFirst => Self::NEWEST,
            DomainOrder::OldestFirst => Self::OLDEST,
            DomainOrder::Host => Self::by_unique(domain::Column::Host),
        }
    }
}
