//! Which clicks are asked for.

use entity::{DomainId, OfferId, SendingListId, ShortLinkId, Timestamp, click};

use super::Period;
use crate::{clicks::columns::Column, values::metadata::Scalar};

/// A column of texts that clicks can be grouped and filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TextColumn(Column);

impl TextColumn {
    /// The visitor's country.
    pub const COUNTRY: Self = Self(Column::Country);

    /// The device that the agent names.
    pub const DEVICE: Self = Self(Column::Device);

    /// The operating system that the agent names.
    pub const OS: Self = Self(Column::Os);

    /// The browser that the agent names.
    pub const BROWSER: Self = Self(Column::Browser);

    /// The host of the page that led to the link.
    pub const REFERRER: Self = Self(Column::Referrer);

    /// The parameter `sub1`.
    pub const SUB1: Self = Self(Column::Sub1);

    /// The parameter `sub2`.
    pub const SUB2: Self = Self(Column::Sub2);

    /// The parameter `sub3`.
    pub const SUB3: Self = Self(Column::Sub3);

    /// The parameter `sub4`.
    pub const SUB4: Self = Self(Column::Sub4);

    /// The parameter `sub5`.
    pub const SUB5: Self = Self(Column::Sub5);

    /// The parameter `source`.
    pub const SOURCE: Self = Self(Column::Source);

    /// That column, if it holds texts.
    #[must_use]
    pub fn of(column: Column) -> Option<Self> {
        column.text_place().map(|_| Self(column))
    }

    /// The column.
    #[must_use]
    pub const fn column(self) -> Column {
        self.0
    }
}

/// What clicks must be: all that is given here together. Of several values a click must have one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClickFilter {
    /// Made then or later.
    pub from: Option<Timestamp>,
    /// Made earlier.
    pub before: Option<Timestamp>,
    /// Of this link.
    pub link: Option<ShortLinkId>,
    /// Of links to this offer.
    pub offer: Option<OfferId>,
    /// Of links of this list.
    pub list: Option<SendingListId>,
    /// Of links on this domain.
    pub domain: Option<DomainId>,
    /// Of links that were made for this recipient.
    pub contact_phone: Option<String>,
    /// Of links with this value under this key of their metadata, as they are now.
    pub metadata: Option<(String, Scalar)>,
    /// Bots', or people's.
    pub is_bot: Option<bool>,
    /// For one of these reasons; `None` is no reason: a person's.
    pub bot_reasons: Option<Vec<Option<click::BotReason>>>,
    /// Of one of these kinds of bots; `None` is none.
    pub bot_kinds: Option<Vec<Option<click::BotKind>>>,
    /// With one of these texts in each of these columns; `None` is none.
    pub texts: Vec<(TextColumn, Vec<Option<String>>)>,
}

impl ClickFilter {
    /// When they were made.
    #[must_use]
    pub const fn period(&self) -> Period {
        Period {
            from: self.from,
            before: self.before,
        }
    }
}
