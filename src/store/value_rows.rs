//! Rows of values in a statement.

use std::fmt::Write as _;

use sea_orm::Value;

/// Rows as `VALUES` takes them, and their values: `($1, $2), ($3, $4)`. Their columns are `column1`, `column2` and so on
/// in both databases.
///
/// A statement about many rows is one round trip, and one step of the database, where a statement a row would be many
/// of both while others wait.
#[must_use]
pub fn value_rows<const N: usize>(rows: impl IntoIterator<Item = [Value; N]>) -> (String, Vec<Value>) {
    let (mut text, mut values) = (String::new(), Vec::new());
    for row in rows {
        text.push_str(if values.is_empty() { "(" } else { ", (" });
        for (at, value) in row.into_iter().enumerate() {
            values.push(value);
            let before = if at == 0 { "" } else { ", " };
            let _ = write!(text, "{before}${}", values.len());
        }
        text.push(')');
    }
    (text, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_row_by_row() {
        let rows = [[1, 2], [3, 4]].map(|row| row.map(Value::from));
        let (text, values) = value_rows(rows);
        assert_eq!(text, "($1, $2), ($3, $4)");
        assert_eq!(values, [1, 2, 3, 4].map(Value::from));
    }
}
