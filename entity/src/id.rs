//! Typed ids: `UUIDv7` inside, a prefixed string outside.
//!
//! An id's first 48 bits are the millisecond it was made at, exactly: a row whose `created_at` is that same moment
//! is found by its time through its id, with no index of its own. The library's own context is not used because it
//! never goes back: where two requests took the time in one order and made their ids in the other, it would give
//! the second one another millisecond than its own.

use std::{
    fmt,
    str::FromStr,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{Builder, NoContext, Uuid};

use crate::Timestamp;

/// The latest millisecond that an id can hold, in the year 10889.
const LAST_MILLISECOND: u64 = (1 << 48) - 1;

/// The last 62 bits of the next id, which keep ids of the same millisecond in the order in which they were made.
/// They start anywhere and grow by any step of 24 bits, so that two processes don't make the same ids and nobody
/// guesses one from another; it takes 500 billion ids until they start again.
static PLACE: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(random()));

fn random() -> u64 {
    let (_, random) = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, 0, 0)).as_u64_pair();
    random
}

fn ordered(now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.millis())
        .unwrap_or_default()
        .min(LAST_MILLISECOND);
    let step = 1 + (random() & 0xFF_FFFF);
    let place = PLACE.fetch_add(step, Ordering::Relaxed);
    let mut rest = [0; 10];
    // The builder writes the version and the variant over the first bits.
    rest[2..].copy_from_slice(&place.to_be_bytes());
    Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
}

/// What no id made at `time` or later is below, and every one made before is.
fn first(time: Timestamp) -> Uuid {
    match u64::try_from(time.millis()) {
        Err(_) => Uuid::nil(),
        Ok(millis) if millis > LAST_MILLISECOND => Uuid::max(),
        Ok(millis) => Uuid::from_u128(u128::from(millis) << 80),
    }
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

            /// Where ids made at `time` begin: those made then or later are above it, those made before below.
            #[must_use]
            pub fn first_at(time: Timestamp) -> Self {
                Self(first(time))
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

        /// From 32 digits without the prefix.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let digits = std::borrow::Cow::<str>::deserialize(deserializer)?;
                Uuid::try_parse(&digits).map(Self).map_err(serde::de::Error::custom)
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
id!(
    /// Names a report of abuse.
    AbuseReportId,
    "report_"
);
id!(
    /// Names an entry of the audit log.
    AuditEntryId,
    "audit_"
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

    #[test]
    fn an_id_holds_the_millisecond_it_was_made_at_whichever_came_before() {
        let start = 1_790_000_000_000;
        for millis in [start + 1, start, start + 2, start, start - 1, 1, 0] {
            let time = Timestamp::from_millis(millis);
            for id in [ShortLinkId::at(time), ShortLinkId::at(time)] {
                assert!(id > ShortLinkId::first_at(time), "{millis}: {id}");
                assert!(
                    id < ShortLinkId::first_at(Timestamp::from_millis(millis + 1)),
                    "{millis}: {id}"
                );
            }
        }
    }

    #[test]
    fn no_time_is_too_far_away_for_ids_to_begin_at() {
        let id = OfferId::at(Timestamp::from_millis(1_790_000_000_000));
        let begin = |millis| OfferId::first_at(Timestamp::from_millis(millis));
        for long_ago in [i64::MIN, -1, 0] {
            assert!(begin(long_ago) < id);
        }
        for far_ahead in [1 << 47, 1 << 48, i64::MAX] {
            assert!(begin(far_ahead) > id);
        }
    }

    #[test]
    fn ids_are_of_version_seven_and_no_two_are_the_same() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let ids: std::collections::HashSet<Uuid> = (0..10_000)
            .map(|step| ClickId::at(Timestamp::from_millis(now.millis() + step % 3)).into())
            .collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }
}
