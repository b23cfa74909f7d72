//! Names and values of query parameters that an account sets.

use std::collections::BTreeMap;

use serde_json::Value;

/// The most characters of a parameter's name.
pub const MAX_NAME: usize = 64;

/// The most characters of a parameter's value: what TUNE takes in a sub parameter.
pub const MAX_VALUE: usize = 500;

/// The most parameters that every offer's destination gets.
pub const MOST: usize = 20;

/// Why a text or an object is no parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidParameter {
    /// Not of the form of a name.
    #[error("a parameter's name has 1 to {MAX_NAME} of the characters A-Z a-z 0-9 _ - . [ ]")]
    Name,
    /// Not a text, or too long a one.
    #[error(
        "a parameter's value is a string of at most {MAX_VALUE} characters without control characters; null removes it"
    )]
    Value,
    /// No object.
    #[error("give an object of names and values, such as {{\"utm_source\": \"sms\"}}")]
    NotAnObject,
    /// More than [`MOST`].
    #[error("at most {MOST} parameters can be set")]
    TooMany,
}

/// Takes a text as the name of a parameter.
///
/// # Errors
/// When it hasn't the form of one.
pub fn name(text: &str) -> Result<&str, InvalidParameter> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
    if (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_plain) {
        Ok(text)
    } else {
        Err(InvalidParameter::Name)
    }
}

/// Merges changes into parameters: a text sets the one of that name, null removes it.
///
/// # Errors
/// With the name of the parameter that is wrong, if it is about one.
pub fn merge(
    parameters: &mut BTreeMap<String, String>,
    changes: &Value,
) -> Result<(), (Option<String>, InvalidParameter)> {
    let changes = changes.as_object().ok_or((None, InvalidParameter::NotAnObject))?;
    for (key, value) in changes {
        let about = |reason| (Some(key.clone()), reason);
        let key = name(key).map_err(about)?;
        match value {
            Value::Null => {
                parameters.remove(key);
            }
            Value::String(text) if text.chars().count() <= MAX_VALUE && !text.contains(char::is_control) => {
                parameters.insert(key.to_owned(), text.clone());
            }
            _ => return Err(about(InvalidParameter::Value)),
        }
    }
    if parameters.len() > MOST {
        return Err((None, InvalidParameter::TooMany));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_sets_and_null_removes() {
        let mut parameters =
            BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        merge(&mut parameters, &json!({"b": null, "c": "", "none": null})).expect("good changes");
        assert_eq!(json!(parameters), json!({"a": "1", "c": ""}));
    }

    #[test]
    fn what_is_no_parameter_is_refused_by_its_name() {
        let many: serde_json::Map<_, _> = (0..=MOST).map(|n| (format!("p{n}"), json!("x"))).collect();
        let about = |name: &str, reason| Err((Some(name.to_owned()), reason));
        for (changes, expected) in [
            (json!([]), Err((None, InvalidParameter::NotAnObject))),
            (json!("a=b"), Err((None, InvalidParameter::NotAnObject))),
            (json!({"": "x"}), about("", InvalidParameter::Name)),
            (json!({"a b": "x"}), about("a b", InvalidParameter::Name)),
            (json!({"a&b": null}), about("a&b", InvalidParameter::Name)),
            (json!({"a": 1}), about("a", InvalidParameter::Value)),
            (json!({"a": "\0"}), about("a", InvalidParameter::Value)),
            (json!({"a": "x".repeat(501)}), about("a", InvalidParameter::Value)),
            (Value::Object(many), Err((None, InvalidParameter::TooMany))),
        ] {
            assert_eq!(merge(&mut BTreeMap::new(), &changes), expected, "{changes}");
        }
    }
}
