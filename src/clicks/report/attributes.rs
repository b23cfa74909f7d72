//! What belongs to links and may change: it is in no chunk, and looked up when it is asked for.

use std::collections::HashMap;

use entity::{Timestamp, short_link};
use foldhash::fast::RandomState;
use sea_orm::{DatabaseBackend, DbErr, QueryResult, QuerySelect as _, QueryTrait as _, Statement};
use serde_json::Value;

use super::view::View;
use crate::{
    links::{
        list::{LinkFilter, rows},
        lookup::State,
    },
    store::aside,
    values::metadata::Scalar,
};

/// Links by the bytes of their ids.
pub(super) type ByLink<T> = HashMap<[u8; 16], T, RandomState>;

/// The links of the account that were made for this recipient, or have this value under this key of their metadata; those
/// that `shortLinks` finds with the same filter, in whichever state they are.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn links(
    view: &View,
    contact_phone: Option<&str>,
    metadata: Option<&(String, Scalar)>,
) -> Result<Vec<[u8; 16]>, DbErr> {
    let filter = LinkFilter {
        contact_phone: contact_phone.map(str::to_owned),
        metadata: metadata.cloned(),
        states: Some(State::ALL.to_vec()),
        ..LinkFilter::default()
    };
    let backend = view.backend();
    // Of all states together none depends on the time.
    let (found, _) = rows(view.account, filter, Timestamp::from_millis(0), backend);
    let found = found.select_only().column(short_link::Column::Id).build(backend);
    let ids = together(backend, "found.id");
    let sql = format!("SELECT {ids} FROM ({}) AS found", found.sql);
    let values = found.values.map(|values| values.0).unwrap_or_default();
    let row = view
        .one(Statement::from_sql_and_values(backend, sql, values))
        .await?;
    let ids: Option<Vec<u8>> = match row {
        Some(row) => row.try_get_by_index(0)?,
        None => None,
    };
    aside(move || ids_of(backend, &ids.unwrap_or_default()).collect()).await
}

/// What a link is grouped by that may change.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attribute<'a> {
    /// Its recipient.
    ContactPhone,
    /// The value of this key in its metadata.
    Metadata(&'a str),
}

/// The values that the account's links have in this respect, and which links have each. A link that is not there has none.
///
/// A text is what it is, a number or a boolean the same as its JSON, however a number was written (1.0 is 1), and an
/// object or a list its JSON; so two links may have one value that wrote it in two ways.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn values(
    view: &View,
    attribute: Attribute<'_>,
) -> Result<(Vec<String>, ByLink<u32>), DbErr> {
    let backend = view.backend();
    let ids = together(backend, "l.id");
    let mut parameters = Vec::new();
    let sql = match attribute {
        Attribute::ContactPhone => format!(
            "SELECT l.contact_phone, {ids} FROM short_link AS l
WHERE l.account_id = $1 AND l.contact_phone IS NOT NULL GROUP BY l.contact_phone"
        ),
        Attribute::Metadata(key) if backend == DatabaseBackend::Postgres => {
            parameters.push(key.into());
            format!(
                "SELECT CAST(l.metadata -> $2 AS text), {ids} FROM short_link AS l
WHERE l.account_id = $1 AND l.metadata -> $2 IS NOT NULL GROUP BY 1"
            )
        }
        Attribute::Metadata(key) if is_plain(key) => {
            parameters.push(format!("$.\"{key}\"").into());
            format!(
                "SELECT l.metadata -> $2, {ids} FROM short_link AS l
WHERE l.account_id = $1 AND l.metadata -> $2 IS NOT NULL GROUP BY 1"
            )
        }
        // A path can't name every key, but each can be looked for, at a higher price.
        Attribute::Metadata(key) => {
            parameters.push(key.into());
            format!(
                "SELECT CAST(l.metadata AS text), {ids} FROM short_link AS l
WHERE l.account_id = $1 AND EXISTS (SELECT 1 FROM json_each(l.metadata) AS j WHERE j.key = $2) GROUP BY 1"
            )
        }
    };
    let key = match attribute {
        Attribute::ContactPhone => None,
        Attribute::Metadata(key) => Some(key.to_owned()),
    };
    let rows = view.rows(sql, parameters).await?;
    aside(move || numbered(&rows, key.as_deref(), backend)).await?
}

/// Numbers the values of rows, each with all links that have it; those of a key stand there as JSON.
fn numbered(
    rows: &[QueryResult],
    key: Option<&str>,
    backend: DatabaseBackend,
) -> Result<(Vec<String>, ByLink<u32>), DbErr> {
    let text = |value: String| {
        let Some(key) = key else { return Some(value) };
        let value: Value = serde_json::from_str(&value).unwrap_or_default();
        let is_whole = backend == DatabaseBackend::Sqlite && !is_plain(key);
        text_of(if is_whole { value.get(key)? } else { &value })
    };
    let mut numbers: HashMap<String, u32, RandomState> = HashMap::default();
    let mut texts = Vec::new();
    let mut of_links = ByLink::default();
    for row in rows {
        let Some(value) = text(row.try_get_by_index(0)?) else {
            continue;
        };
        let number = *numbers.entry(value).or_insert_with_key(|value| {
            texts.push(value.clone());
            u32::try_from(texts.len() - 1).unwrap_or(u32::MAX)
        });
        let ids: Vec<u8> = row.try_get_by_index(1)?;
        of_links.extend(ids_of(backend, &ids).map(|id| (id, number)));
    }
    Ok((texts, of_links))
}

/// All ids of a column as one value: few rows to read, whose bytes cost next to nothing.
fn together(backend: DatabaseBackend, column: &str) -> String {
    if backend == DatabaseBackend::Postgres {
        format!("string_agg(uuid_send({column}), CAST('' AS bytea))")
    } else {
        format!("group_concat(hex({column}), '')")
    }
}

/// The ids that were put together.
fn ids_of(backend: DatabaseBackend, together: &[u8]) -> impl Iterator<Item = [u8; 16]> {
    let bytes = if backend == DatabaseBackend::Postgres {
        together.to_vec()
    } else {
        let (digits, _) = together.as_chunks::<2>();
        let byte = |[high, low]: &[u8; 2]| digit(*high) << 4 | digit(*low);
        digits.iter().map(byte).collect()
    };
    let ids = bytes.len() / 16;
    (0..ids).filter_map(move |place| bytes[16 * place..].first_chunk().copied())
}

fn digit(character: u8) -> u8 {
    let digit = char::from(character).to_digit(16).unwrap_or_default();
    digit.to_le_bytes()[0]
}

/// Whether a path of `SQLite`'s can name a key: it stands in one as it is, and in JSON too.
fn is_plain(key: &str) -> bool {
    !key.contains(['"', '\\']) && !key.contains(char::is_control)
}

/// A value as it is grouped by; `None` for nothing.
fn text_of(value: &Value) -> Option<String> {
    /// Below, each whole number has a floating one of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;

    Some(match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT => {
                format!("{:.0}", float + 0.0)
            }
            _ => number.to_string(),
        },
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_grouped_by_its_text_however_it_was_written() {
        let text = |value: Value| text_of(&value);
        assert_eq!(text(json!("spring")).as_deref(), Some("spring"));
        assert_eq!(text(json!("")).as_deref(), Some(""));
        assert_eq!(text(json!(null)), None);
        assert_eq!(text(json!(true)).as_deref(), Some("true"));
        for (number, expected) in [
            ("1", "1"),
            ("1.0", "1"),
            ("-0.0", "0"),
            ("1.50", "1.5"),
            ("1e3", "1000"),
        ] {
            let number = serde_json::from_str(number).expect("a number");
            assert_eq!(text(number).as_deref(), Some(expected));
        }
        assert_eq!(text(json!(u64::MAX)).as_deref(), Some("18446744073709551615"));
        assert_eq!(
            text(json!({"b": [1, "x"], "a": null})).as_deref(),
            Some(r#"{"a":null,"b":[1,"x"]}"#)
        );
    }

    #[test]
    fn ids_are_read_as_each_database_puts_them_together() {
        let ids: Vec<[u8; 16]> = vec![[0x0A; 16], [0xF1; 16]];
        let found: Vec<_> = ids_of(DatabaseBackend::Postgres, &ids.concat()).collect();
        assert_eq!(found, ids);
        let digits = "0A".repeat(16) + &"F1".repeat(16);
        let found: Vec<_> = ids_of(DatabaseBackend::Sqlite, digits.as_bytes()).collect();
        assert_eq!(found, ids);
    }
}
