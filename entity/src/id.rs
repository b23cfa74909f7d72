//! Typed ids: `UUIDv7` inside, a prefixed string outside.

use std::{fmt, str::FromStr, sync::Mutex};

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use serde::{Serialize, Serializer};
use uuid::{ContextV7, Uuid};

use crate::Timestamp;

/// Keeps ids that are made in the same millisecond in the order in which they were made.
static ORDER: Mutex<ContextV7> = Mutex::new(ContextV7::new());

fn ordered(now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.millis()).unwrap_or_default();
    let nanos = u32::try_from(millis % 1000).unwrap_or_default() * 1_000_000;
    let order = ORDER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Uuid::new_v7(uuid::Timestamp::from_unix(&*order, millis / 1000, nanos))
}

/// The text is no id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an id of this kind")
    }
}

impl std::error::Error for ParseIdError {}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        ///
        /// Outside the database it is the prefix and 32 lowercase hexadecimal digits; ids sort by the
        /// time at which they were made.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
        pub struct $name(Uuid);

        impl $name {
            /// What every id of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// A new id, made at `now`.
            #[must_use]
            pub fn at(now: Timestamp) -> Self {
                Self(ordered(now))
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let digits = text.strip_prefix($prefix).ok_or(ParseIdError)?;
                let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
                if digits.len() != 32 || !digits.bytes().all(plain) {
                    return Err(ParseIdError);
                }
                Uuid::try_parse(digits).map(Self).map_err(|_| ParseIdError)
            }
        }

        /// As 32 digits without the prefix: the form in which both databases read an id from a set of
        /// rows sent as JSON.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut buffer = Uuid::encode_buffer();
                serializer.serialize_str(self.0.simple().encode_lower(&mut buffer))
            }
        }

        /// Asked for by `SeaORM` of every primary key; no database makes these ids, so there is none to give.
        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    };
}

id!(
    /// Names an account.
    AccountId,
    "acct_"
);
id!(
    /// Names an API key. Not the key itself: knowing it opens nothing.
    ApiKeyId,
    "key_"
);
id!(
    /// Names a domain.
    DomainId,
    "domain_"
);
id!(
    /// Names a sending list.
    SendingListId,
    "list_"
);
id!(
    /// Names an offer.
    OfferId,
    "offer_"
);
id!(
    /// Names a short link.
    ShortLinkId,
    "link_"
);
id!(
    /// Names a click; it is what `{{click.id}}` becomes.
    ClickId,
    "click_"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_itself() {
        let id = OfferId::at(Timestamp::from_millis(1_790_000_000_000));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with("offer_"));
    }

    #[test]
    fn an_id_of_another_kind_or_form_is_none() {
        let id = OfferId::at(Timestamp::from_millis(0)).to_string();
        assert!(id.parse::<DomainId>().is_err());
        for other in [
            "",
            "offer_",
            "offer_é",
            &id.to_uppercase(),
            &format!("{id}0"),
            &id.replace("offer_", ""),
        ] {
            assert!(other.parse::<OfferId>().is_err(), "{other}");
        }
    }

    #[test]
    fn ids_made_in_one_millisecond_keep_their_order() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let ids: Vec<_> = (0..1000).map(|_| ClickId::at(now)).collect();
        assert!(ids.is_sorted());
    }
}
