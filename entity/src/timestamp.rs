//! The one form in which times are stored.

use chrono::{DateTime, Utc};
use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};

/// A moment in UTC, stored as milliseconds since 1970 in a 64-bit integer.
///
/// Native time types differ between the databases (text with nanoseconds in `SQLite`, microseconds in
/// `PostgreSQL`), which makes cursors and comparisons differ too. An integer is the same in both, is six
/// bytes in a `SQLite` row instead of thirty, and costs nothing to compare.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, DeriveValueType,
)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment that is `milliseconds` after 1970 began.
    #[must_use]
    pub const fn from_millis(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since 1970 began.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This moment as a calendar time. What lies outside the calendar (262,000 years away) becomes 1970.
    #[must_use]
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    /// The first moment that is not before `time`, which may stand between two.
    #[must_use]
    pub fn not_before(time: DateTime<Utc>) -> Self {
        let whole = time.timestamp_millis();
        let between = !time.timestamp_subsec_nanos().is_multiple_of(1_000_000);
        Self(whole + i64::from(between))
    }

    /// The last moment whose year has four digits, which a time of RFC 3339 must have.
    pub const LAST: Self = Self(253_402_300_799_999);

    /// The moment that is `seconds` after this one.
    #[must_use]
    pub const fn seconds_after(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// The moment that is `hours` before this one.
    #[must_use]
    pub const fn hours_before(self, hours: i64) -> Self {
        Self(self.0.saturating_sub(hours.saturating_mul(3_600_000)))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis())
    }
}
