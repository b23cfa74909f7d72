//! Clicks column by column: what reports read instead of raw rows.
//!
//! A raw row has a dozen values, of which a report looks at two or three, among millions of clicks. So whoever sums
//! clicks also writes them down by column: a *chunk* has clicks of one account and one day (UTC), and each of its columns is
//! a row of [`entity::click_column`]. A click takes about 30 bytes in them, most columns one byte or none.
//!
//! Chunks are complete: whatever is grouped or filtered by stands in one of their columns, or belongs to the link (its
//! recipient and its metadata, which may change and are looked up when they are asked for).

mod chunk;
mod codec;
pub mod store;
mod words;

use std::sync::Arc;

use entity::{AccountId, DomainId, OfferId, SendingListId, ShortLinkId, StoredVerdict, Timestamp};
use sea_orm::{EnumIter, Iterable as _};
use serde_json::Value;

pub use self::{
    chunk::{Chunk, Values},
    codec::CorruptColumn,
    words::{Coded, Coder, Words},
};

/// The columns of a chunk. The numbers are stored; never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter)]
#[repr(i16)]
pub enum Column {
    /// The numbers of the raw rows, ascending.
    Seq = 0,
    /// The milliseconds of the day at which they were made.
    Time = 1,
    /// Each one's [`StoredVerdict`].
    Verdict = 2,
    /// The short link.
    Link = 3,
    /// The sending list of the link.
    List = 4,
    /// The offer of the link.
    Offer = 5,
    /// The domain of the link.
    Domain = 6,
    /// The visitor's country.
    Country = 7,
    /// The device that the agent names.
    Device = 8,
    /// The operating system that the agent names.
    Os = 9,
    /// The browser that the agent names.
    Browser = 10,
    /// The host of the page that led to the link.
    Referrer = 11,
    /// The parameter `sub1`.
    Sub1 = 12,
    /// The parameter `sub2`.
    Sub2 = 13,
    /// The parameter `sub3`.
    Sub3 = 14,
    /// The parameter `sub4`.
    Sub4 = 15,
    /// The parameter `sub5`.
    Sub5 = 16,
    /// The parameter `source`.
    Source = 17,
}

/// How many columns there are.
pub const COLUMNS: usize = 18;

/// The columns that hold texts, in the order of [`Fact::texts`].
pub const TEXTS: [Column; 11] = [
    Column::Country,
    Column::Device,
    Column::Os,
    Column::Browser,
    Column::Referrer,
    Column::Sub1,
    Column::Sub2,
    Column::Sub3,
    Column::Sub4,
    Column::Sub5,
    Column::Source,
];

/// The parameters of a click that have columns, in the order of the columns.
pub const PARAMETERS: [(Column, &str); 6] = [
    (Column::Sub1, "sub1"),
    (Column::Sub2, "sub2"),
    (Column::Sub3, "sub3"),
    (Column::Sub4, "sub4"),
    (Column::Sub5, "sub5"),
    (Column::Source, "source"),
];

/// Milliseconds of a day.
pub const DAY: i64 = 24 * 60 * 60 * 1000;

/// The most clicks of a chunk: what is read, merged and mended at once.
pub const MOST_CLICKS: usize = 65_536;

impl Column {
    /// The number that is stored.
    #[must_use]
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// The column with that number.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        Self::iter().find(|column| column.number() == number)
    }

    /// Its place among all columns.
    #[must_use]
    pub const fn place(self) -> usize {
        self as usize
    }

    /// Its place among [`TEXTS`], if it holds a text.
    #[must_use]
    pub fn text_place(self) -> Option<usize> {
        TEXTS.iter().position(|column| *column == self)
    }
}

/// One click as reports see it: whatever one can be grouped or filtered by, but for what belongs to its link and may
/// change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The number of its raw row.
    pub seq: i64,
    /// When it was answered.
    pub clicked_at: Timestamp,
    /// What it was judged to be, and whether it is a person's first on the link.
    pub verdict: StoredVerdict,
    /// Whose it is.
    pub account: AccountId,
    /// The link.
    pub link: ShortLinkId,
    /// The link's list.
    pub list: SendingListId,
    /// The link's offer.
    pub offer: Option<OfferId>,
    /// The link's domain.
    pub domain: DomainId,
    /// The texts of [`TEXTS`].
    pub texts: [Option<Arc<str>>; TEXTS.len()],
}

impl Fact {
    /// The day it belongs to: how many, in UTC, after 1970 began.
    #[must_use]
    pub fn day(&self) -> i32 {
        day_of(self.clicked_at)
    }
}

/// The day of a moment: how many, in UTC, after 1970 began.
#[must_use]
pub fn day_of(time: Timestamp) -> i32 {
    let day = time.millis().div_euclid(DAY);
    i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX })
}

/// The milliseconds of that day at which a moment is.
#[must_use]
pub fn time_of_day(time: Timestamp) -> u32 {
    u32::try_from(time.millis().rem_euclid(DAY)).unwrap_or_default()
}

/// What the short link's query gave under this name, as the click keeps it.
#[must_use]
pub fn parameter<'a>(parameters: Option<&'a Value>, name: &str) -> Option<&'a str> {
    parameters?.get(name)?.as_str()
}
