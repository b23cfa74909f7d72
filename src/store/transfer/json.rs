//! JSON in one form, whichever database it is from.

use serde_json::{Number, Value};

/// From here on `SQLite` has a whole number that came as a fraction as `1e16`, and `PostgreSQL` as `10000000000000000`.
const WRITTEN_OUT: f64 = 1e16;

/// The value without spaces and with names in order, as a server writes it. Where it `goes_over` from one kind of database
/// to the other each number is as both can keep it: what a server over `PostgreSQL` reads of it.
///
/// # Errors
/// When the text is no JSON.
pub(super) fn plain(text: &[u8], goes_over: bool) -> serde_json::Result<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(text)?;
    if goes_over {
        settle(&mut value);
    }
    value.sort_all_objects();
    serde_json::to_vec(&value)
}

fn settle(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(settle),
        Value::Object(values) => values.values_mut().for_each(settle),
        Value::Number(number) => {
            if let Some(settled) = settled(number) {
                *number = settled;
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The number that `PostgreSQL` makes of one that it can't keep as it is written.
fn settled(number: &Number) -> Option<Number> {
    let float = number.as_f64().filter(|_| number.is_f64())?;
    if float == 0.0 {
        // It knows no other zero.
        return Number::from_f64(0.0);
    }
    if float.abs() < WRITTEN_OUT {
        return None;
    }
    // The fewest digits that say it, as it is written in JSON.
    let digits = float.to_string();
    let signed = digits.parse::<i64>().map(Number::from);
    signed.or_else(|_| digits.parse::<u64>().map(Number::from)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        String::from_utf8(plain(text.as_bytes(), true).expect("JSON")).expect("UTF-8")
    }

    #[test]
    fn what_either_database_makes_of_a_value_is_said_in_one_way() {
        for (sqlite, postgres) in [
            (
                r#"{"b":1,"aa":[1.0,{"d":null,"c":"é"}]}"#,
                r#"{"b": 1, "aa": [1.0, {"c": "é", "d": null}]}"#,
            ),
            (
                "[1e16,1.2345678901234567e19,-1e18]",
                "[10000000000000000, 12345678901234567000, -1000000000000000000]",
            ),
            (
                "[1e20,1e300]",
                &format!("[100000000000000000000, 1{}]", "0".repeat(300)),
            ),
            ("[1e-7,2.5e-10]", "[0.0000001, 0.00000000025]"),
            ("[-0.0]", "[0.0]"),
            ("[1000000000000000.0,0.1]", "[1000000000000000.0, 0.1]"),
        ] {
            assert_eq!(said(sqlite), said(postgres));
        }
    }

    #[test]
    fn a_value_in_that_form_stays_as_it_is() {
        for text in [
            r#"{"a":1.0,"b":[18446744073709551615,-9223372036854775808,1e+20],"c":{"":""}}"#,
            "null",
            "1234567890123456.0",
        ] {
            assert_eq!(said(text), text);
        }
        // And each one where it stays with its kind.
        let stays = br#"[-0.0,1e+16,{"a":1e+300}]"#;
        assert_eq!(plain(stays, false).expect("JSON"), stays);
        assert!(plain(b"{", true).is_err());
    }
}
