//! What the audit log is told of a link.
//!
//! Whom it was sent to is not for the log, which can't be changed: a person must be able to be forgotten. The number stands
//! in the row, but an offer may have put it into the destination, and an account into anything else.

use entity::{Timestamp, short_link};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::accounts::Audited;

/// What stands in the log for the recipient's digits.
const HIDDEN: &str = "…";

impl Audited for short_link::Model {
    fn subject(&self) -> Uuid {
        self.id.into()
    }

    fn facts(&self) -> Value {
        let digits = self.contact_phone.as_deref().map(|phone| phone.trim_matches('+'));
        let facts = json!({
            "linkId": self.code,
            "destinationUrl": self.destination,
            "status": self.status,
            "expiresAt": self.expires_at.map(Timestamp::utc),
            "maxClicks": self.max_clicks,
            "fallbackUrl": self.fallback_url,
            "filterBots": self.filter_bots,
            "metadata": self.metadata,
        });
        match digits {
            Some(digits) if !digits.is_empty() => without(facts, digits),
            _ => facts,
        }
    }
}

/// The value without these digits, wherever they stand: in the texts of values and keys, and in numbers.
fn without(value: Value, digits: &str) -> Value {
    match value {
        Value::String(text) => text.replace(digits, HIDDEN).into(),
        Value::Number(number) => {
            let text = number.to_string();
            if text.contains(digits) {
                text.replace(digits, HIDDEN).into()
            } else {
                number.into()
            }
        }
        Value::Array(items) => items.into_iter().map(|item| without(item, digits)).collect(),
        Value::Object(fields) => {
            let hidden = fields
                .into_iter()
                .map(|(key, value)| (key.replace(digits, HIDDEN), without(value, digits)));
            hidden.collect::<Map<_, _>>().into()
        }
        Value::Null | Value::Bool(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_hidden_wherever_they_stand_and_all_else_is_kept() {
        let told = without(
            json!({
                "destinationUrl": "https://example.com/?p=%2B12025550143&q=+12025550143#12025550143",
                "metadata": {"12025550143": [12_025_550_143_i64, {"a": "x12025550143y"}], "n": 1, "b": true, "z": null},
            }),
            "12025550143",
        );
        assert_eq!(
            told,
            json!({
                "destinationUrl": "https://example.com/?p=%2B…&q=+…#…",
                "metadata": {"…": ["…", {"a": "x…y"}], "n": 1, "b": true, "z": null},
            })
        );
    }
}
