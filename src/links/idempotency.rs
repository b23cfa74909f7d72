//! Idempotency keys: one call, however often it is sent.

use std::fmt::Write as _;

use entity::{AccountId, ShortLinkId, Timestamp, idempotency_key};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, QueryFilter};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::accounts::rows_of;

/// How long a key is remembered.
pub const HOURS: i64 = 24;

/// The most characters of a key.
pub const MAX_CHARACTERS: usize = 255;

/// A key that a caller chose for one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// The text is no idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to {MAX_CHARACTERS} characters and no control characters")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// Takes a text as a key.
    ///
    /// # Errors
    /// When it is empty, too long, or has control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidIdempotencyKey> {
        let characters = text.chars().take(MAX_CHARACTERS + 1).count();
        if !(1..=MAX_CHARACTERS).contains(&characters) || text.contains(char::is_control) {
            return Err(InvalidIdempotencyKey);
        }
        Ok(Self(text.to_owned()))
    }
}

impl From<IdempotencyKey> for String {
    fn from(key: IdempotencyKey) -> Self {
        key.0
    }
}

/// What a key was used for before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing within the last [`HOURS`].
    Unused,
    /// The same input, which made this link.
    Same(ShortLinkId),
    /// Another input.
    Other,
}

/// Looks up what the account used a key for before.
///
/// # Errors
/// When the database does not answer.
pub async fn look_up(
    db: &impl ConnectionTrait,
    account: AccountId,
    key: &IdempotencyKey,
    fingerprint: &str,
    now: Timestamp,
) -> Result<Before, DbErr> {
    let used = rows_of::<idempotency_key::Entity>(account)
        .filter(idempotency_key::Column::Key.eq(&key.0))
        .filter(idempotency_key::Column::CreatedAt.gt(now.hours_before(HOURS)))
        .one(db)
        .await?;
    Ok(match used {
        None => Before::Unused,
        Some(row) if row.fingerprint == fingerprint => Before::Same(row.short_link_id),
        Some(_) => Before::Other,
    })
}

/// What two inputs have in common exactly when they are the same: SHA-256 over canonical JSON, in which
/// fields are sorted and a null field of the input is as good as an absent one.
#[must_use]
pub fn fingerprint(input: &Value) -> String {
    let mut canonical = String::new();
    match input {
        Value::Object(fields) => {
            write_object(
                fields.iter().filter(|(_, value)| !value.is_null()),
                &mut canonical,
            );
        }
        other => write_canonical(other, &mut canonical),
    }
    Sha256::digest(canonical)
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => write_object(fields.iter(), text),
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        plain => {
            let _ = write!(text, "{plain}");
        }
    }
}

fn write_object<'a>(fields: impl Iterator<Item = (&'a String, &'a Value)>, text: &mut String) {
    let mut fields: Vec<_> = fields.collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    text.push('{');
    for (name, value) in fields {
        let _ = write!(text, "{}:", Value::from(name.as_str()));
        write_canonical(value, text);
        text.push(',');
    }
    text.push('}');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_and_null_fields_make_no_difference_and_all_else_does() {
        let one = fingerprint(&json!({"url": "a", "metadata": {"x": 1, "y": null}, "code": null}));
        assert_eq!(
            one,
            fingerprint(&json!({"metadata": {"y": null, "x": 1}, "url": "a"}))
        );
        assert_ne!(one, fingerprint(&json!({"metadata": {"x": 1}, "url": "a"})));
        assert_ne!(
            one,
            fingerprint(&json!({"metadata": {"y": null, "x": 2}, "url": "a"}))
        );
        assert_ne!(
            fingerprint(&json!({"a": ["b", "c"]})),
            fingerprint(&json!({"a": ["b,c"]}))
        );
    }

    #[test]
    fn a_key_has_1_to_255_characters() {
        assert!(IdempotencyKey::parse("ü").is_ok());
        assert!(IdempotencyKey::parse(&"ü".repeat(255)).is_ok());
        for bad in ["", &"x".repeat(256), "a\0b"] {
            assert_eq!(IdempotencyKey::parse(bad), Err(InvalidIdempotencyKey));
        }
    }
}
