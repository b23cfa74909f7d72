//! Which clicks are asked for.

use entity::{DomainId, OfferId, SendingListId, ShortLinkId, Timestamp, click};

use super::Period;
use crate::{clicks::columns::Column, values::metadata::Scalar};

/// A column of texts that clicks can be grouped and filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TextColumn(Column);

impl TextColumn {
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
