//! Free data that an account attaches to its rows.

use serde_json::{Map, Number, Value};

/// The most bytes that metadata may have as compact JSON.
pub const MAX_BYTES: usize = 4096;

/// The most levels of objects and arrays; the outer object is the first.
pub const MAX_DEPTH: usize = 5;

/// A JSON object that is small, shallow and storable in both databases.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata(Value);

/// Why a JSON value can't be metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetadata {
    /// A string, number, list or the like.
    #[error("metadata must be a JSON object, such as {{\"campaign\": \"spring\"}}")]
    NotAnObject,
    /// More than [`MAX_BYTES`].
    #[error("metadata may have at most {MAX_BYTES} bytes as JSON; this has {0}")]
    TooLarge(usize),
    /// More than [`MAX_DEPTH`] levels.
    #[error("metadata may be nested at most {MAX_DEPTH} levels deep, the outer object included")]
    TooDeep,
    /// U+0000, which PostgreSQL's `jsonb` can't hold.
    #[error("metadata must not hold the character U+0000, in a key or in a value")]
    HoldsNul,
}

impl Metadata {
    /// Takes a JSON value as metadata.
    ///
    /// # Errors
    /// When it is no object, too large, too deep, or holds U+0000.
    pub fn parse(value: Value) -> Result<Self, InvalidMetadata> {
        if !value.is_object() {
            return Err(InvalidMetadata::NotAnObject);
        }
        if depth_exceeds(&value, MAX_DEPTH) {
            return Err(InvalidMetadata::TooDeep);
        }
        let bytes = value.to_string().len();
        if bytes > MAX_BYTES {
            return Err(InvalidMetadata::TooLarge(bytes));
        }
        if holds_nul(&value) {
            return Err(InvalidMetadata::HoldsNul);
        }
        Ok(Self(value))
    }

    /// Takes what is stored with changes merged into it: a key's value sets it, null removes it. Keys inside values
    /// are not merged.
    ///
    /// # Errors
    /// When the changes are no object, or what comes out can't be metadata.
    pub fn merge(mut stored: Value, changes: Value) -> Result<Self, InvalidMetadata> {
        let Value::Object(changes) = changes else {
            return Err(InvalidMetadata::NotAnObject);
        };
        if let Value::Object(kept) = stored {
            stored = Self::merged(kept, changes).into();
        }
        Self::parse(stored)
    }

    /// The same of objects that nobody has looked at yet.
    #[must_use]
    pub fn merged(mut kept: Map<String, Value>, changes: Map<String, Value>) -> Map<String, Value> {
        for (key, value) in changes {
            if value.is_null() {
                kept.remove(&key);
            } else {
                kept.insert(key, value);
            }
        }
        kept
    }

    /// No metadata: the empty object.
    #[must_use]
    pub fn empty() -> Self {
        Self(Value::Object(Map::new()))
    }

    /// The object itself, to be stored.
    #[must_use]
    pub fn into_json(self) -> Value {
        self.0
    }
}

/// A value that metadata can be looked for by: one that is neither made of others nor nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A string.
    Text(String),
    /// A number, the same however it is written: 1 is 1.0.
    Number(Number),
    /// `true` or `false`.
    Flag(bool),
}

impl Scalar {
    /// Takes a JSON value, if it is a string, a number or a boolean.
    #[must_use]
    pub fn of(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text)),
            Value::Number(number) => Some(Self::Number(number)),
            Value::Bool(flag) => Some(Self::Flag(flag)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The value as JSON.
    #[must_use]
    pub fn into_json(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Number(number) => number.into(),
            Self::Flag(flag) => flag.into(),
        }
    }
}

/// The text of a top-level key as a macro prints it: strings as they are, numbers and booleans as JSON, and
/// nothing for null, lists and objects.
#[must_use]
pub fn text_of(metadata: &Value, key: &str) -> Option<String> {
    match metadata.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn depth_exceeds(value: &Value, levels: usize) -> bool {
    match value {
        Value::Object(_) | Value::Array(_) if levels == 0 => true,
        Value::Object(fields) => fields.values().any(|inner| depth_exceeds(inner, levels - 1)),
        Value::Array(items) => items.iter().any(|inner| depth_exceeds(inner, levels - 1)),
        _ => false,
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(key, inner)| key.contains('\0') || holds_nul(inner)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_objects_are_metadata() {
        assert!(Metadata::parse(json!({"campaign": "spring", "n": 1})).is_ok());
        for other in [json!("x"), json!(1), json!([]), json!(null), json!(true)] {
            assert_eq!(Metadata::parse(other), Err(InvalidMetadata::NotAnObject));
        }
    }

    #[test]
    fn five_levels_pass_and_six_do_not() {
        assert!(Metadata::parse(json!({"a": {"b": {"c": {"d": 1}}}})).is_ok());
        assert!(Metadata::parse(json!({"a": {"b": {"c": [1]}}})).is_ok());
        assert!(Metadata::parse(json!({"a": {"b": {"c": {"d": {}}}}})).is_ok());
        assert_eq!(
            Metadata::parse(json!({"a": {"b": {"c": {"d": {"e": {}}}}}})),
            Err(InvalidMetadata::TooDeep)
        );
    }

    #[test]
    fn the_size_is_counted_to_the_byte() {
        let filler = |bytes: usize| json!({"a": "x".repeat(bytes - r#"{"a":""}"#.len())});
        assert!(Metadata::parse(filler(MAX_BYTES)).is_ok());
        assert_eq!(
            Metadata::parse(filler(MAX_BYTES + 1)),
            Err(InvalidMetadata::TooLarge(MAX_BYTES + 1))
        );
    }

    #[test]
    fn changes_are_merged_key_by_key_and_null_removes_one() {
        let stored = json!({"kept": 1, "set": {"a": 1}, "gone": true});
        let merged = Metadata::merge(
            stored,
            json!({"set": {"b": null}, "new": "x", "gone": null, "never": null}),
        );
        assert_eq!(
            merged.map(Metadata::into_json),
            Ok(json!({"kept": 1, "set": {"b": null}, "new": "x"}))
        );
        for changes in [json!(null), json!([]), json!("x")] {
            assert_eq!(
                Metadata::merge(json!({}), changes),
                Err(InvalidMetadata::NotAnObject)
            );
        }
        let full = json!({"a": "x".repeat(4000)});
        assert!(matches!(
            Metadata::merge(full, json!({"b": "x".repeat(4000)})),
            Err(InvalidMetadata::TooLarge(_))
        ));
    }

    #[test]
    fn nul_is_found_in_keys_and_values() {
        assert_eq!(
            Metadata::parse(json!({"a": ["\0"]})),
            Err(InvalidMetadata::HoldsNul)
        );
        assert_eq!(Metadata::parse(json!({"\0": 1})), Err(InvalidMetadata::HoldsNul));
    }
}
