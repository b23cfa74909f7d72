//! Idempotency keys: one call, however often it is sent.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

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

impl IdempotencyKey {
    /// The key as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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

/// What keys were used for before, each maybe for more than one link.
#[derive(Clone, Debug, Default)]
pub struct UsedKeys(HashMap<String, Vec<idempotency_key::Model>>);

impl UsedKeys {
    /// Reads what the account used these keys for, and of that only those of so many `items` if they are given.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(
        db: &impl ConnectionTrait,
        account: AccountId,
        keys: HashSet<&str>,
        items: Option<HashSet<i32>>,
        now: Timestamp,
    ) -> Result<Self, DbErr> {
        let mut used = rows_of::<idempotency_key::Entity>(account)
            .filter(idempotency_key::Column::Key.is_in(keys))
            .filter(idempotency_key::Column::CreatedAt.gt(now.hours_before(HOURS)));
        if let Some(items) = items {
            used = used.filter(idempotency_key::Column::Item.is_in(items));
        }
        let mut rows = HashMap::<_, Vec<_>>::new();
        for row in used.all(db).await? {
            rows.entry(row.key.clone()).or_default().push(row);
        }
        for rows in rows.values_mut() {
            rows.sort_unstable_by_key(|row| row.item);
        }
        Ok(Self(rows))
    }

    /// What a key was used for: an input of another fingerprint is another one, whichever link it was for.
    #[must_use]
    pub fn before(&self, key: &str, item: i32, fingerprint: &str) -> Before {
        let Some(rows) = self.0.get(key) else {
            return Before::Unused;
        };
        // All rows of a key were made with one input.
        if rows.first().is_some_and(|row| row.fingerprint != fingerprint) {
            return Before::Other;
        }
        match rows.binary_search_by_key(&item, |row| row.item) {
            Ok(at) if rows[at].fingerprint == fingerprint => Before::Same(rows[at].short_link_id),
            Ok(_) => Before::Other,
            Err(_) => Before::Unused,
        }
    }
}

/// What two inputs have in common exactly when they are the same: SHA-256 over canonical JSON, in which
/// fields are sorted and a null field of the input is as good as an absent one.
#[must_use]
pub fn fingerprint(input: &Value) -> String {
    let mut canonical = String::new();
    write_input(input, &mut canonical);
    hash(&canonical)
}

/// The same for inputs of one call, in their order.
#[must_use]
pub fn fingerprint_of_all(inputs: &[Value]) -> String {
    let mut canonical = String::new();
    for input in inputs {
        write_input(input, &mut canonical);
        // None of them has a line's end in it, so that none can pass for two.
        canonical.push('\n');
    }
    hash(&canonical)
}

fn hash(canonical: &str) -> String {
    Sha256::digest(canonical)
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

fn write_input(input: &Value, text: &mut String) {
    match input {
        Value::Object(fields) => {
            write_object(fields.iter().filter(|(_, value)| !value.is_null()), text);
        }
        other => write_canonical(other, text),
    }
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
    fn the_fingerprint_of_many_inputs_is_that_of_each_in_its_place() {
        let (a, b) = (json!({"url": "a\n"}), json!({"url": "b"}));
        let both = fingerprint_of_all(&[a.clone(), b.clone()]);
        assert_eq!(
            both,
            fingerprint_of_all(&[json!({"code": null, "url": "a\n"}), b.clone()])
        );
        assert_ne!(both, fingerprint_of_all(&[b, a.clone()]));
        assert_ne!(fingerprint_of_all(std::slice::from_ref(&a)), fingerprint(&a));
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
