//! From a body to what the domain takes.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::super::body::Refusal;
use crate::links::create::NewShortLink;

/// What to do about a body that is no input.
const NO_OBJECT: &str = "Send a JSON object with url or offerId, and listId or phoneNumber, as UTF-8.";

/// Reads the body: the fields of `CreateShortLinkInput`, null as good as absent. Others are passed over, since clients
/// that were written for another server send what that one wants.
///
/// # Errors
/// A 400 that names what is of the wrong type.
pub(super) fn read(body: &[u8]) -> Result<NewShortLink, Refusal> {
    let text = str::from_utf8(body).map_err(|_| Refusal::bad_request(NO_OBJECT))?;
    // Some clients begin all that they write with it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let fields: Value = serde_json::from_str(text)
        .map_err(|error| Refusal::bad_request(format!("{NO_OBJECT} This can't be read: {error}.")))?;
    let Value::Object(fields) = fields else {
        return Err(Refusal::bad_request(NO_OBJECT));
    };
    let mut fields = Fields(fields);
    Ok(NewShortLink {
        url: fields.text("url")?,
        offer_id: fields.text("offerId")?,
        list_id: fields.integer("listId")?,
        phone_number: fields.text("phoneNumber")?,
        contact_phone: fields.text("contactPhone")?,
        // What it must be is told with its own code.
        metadata: fields.take("metadata"),
        code: fields.text("code")?,
        filter_bots: fields.boolean("filterBots")?,
        expires_at: fields.time("expiresAt")?,
        max_clicks: fields.integer("maxClicks")?,
        fallback_url: fields.text("fallbackUrl")?,
        idempotency_key: fields.text("idempotencyKey")?,
    })
}

/// Fields of any type, to be taken out as the one that they must have.
struct Fields(Map<String, Value>);

impl Fields {
    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// A field as `read` takes it, which must be what `expected` says.
    fn read<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        match read(value) {
            Some(value) => Ok(Some(value)),
            None => Err(Refusal::bad_request(format!("{name} must be {expected}."))),
        }
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        self.read(name, "a string", |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    fn boolean(&mut self, name: &str) -> Result<Option<bool>, Refusal> {
        self.read(name, "true or false", |value| value.as_bool())
    }

    fn integer(&mut self, name: &str) -> Result<Option<i32>, Refusal> {
        let expected = "an integer from -2147483648 to 2147483647, not in quotation marks";
        self.read(name, expected, |value| match value.as_i64() {
            Some(integer) => integer.try_into().ok(),
            // To JSON 42.0 is one too, and it is written as one here.
            None => value.as_f64()?.to_string().parse().ok(),
        })
    }

    fn time(&mut self, name: &str) -> Result<Option<DateTime<Utc>>, Refusal> {
        let expected = "a time of RFC 3339 with its offset, such as \"2026-12-24T18:00:00Z\"";
        self.read(name, expected, |value| value.as_str()?.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_json(body: &Value) -> Result<NewShortLink, String> {
        read(body.to_string().as_bytes()).map_err(said)
    }

    fn said(refusal: Refusal) -> String {
        match refusal {
            Refusal::Caller { message, .. } => message.into_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_field_is_taken_and_others_are_passed_over() {
        let new = read_json(&json!({
            "url": "https://example.com/", "offerId": "offer_1", "listId": 42, "phoneNumber": "+1", "contactPhone": "+2",
            "metadata": [1], "code": "abc", "filterBots": false, "expiresAt": "2026-12-24T18:00:00+01:00", "maxClicks": 5.0,
            "fallbackUrl": "x", "idempotencyKey": "k", "domainPool": ["a"], "list_id": "42",
        }));
        let new = new.expect("an input");
        assert_eq!(
            serde_json::to_value(&new).expect("JSON"),
            json!({
                "url": "https://example.com/", "offer_id": "offer_1", "list_id": 42, "phone_number": "+1",
                "contact_phone": "+2", "metadata": [1], "code": "abc", "filter_bots": false,
                "expires_at": "2026-12-24T17:00:00Z", "max_clicks": 5, "fallback_url": "x",
            })
        );
        assert_eq!(new.idempotency_key.as_deref(), Some("k"));
    }

    #[test]
    fn a_null_is_as_good_as_nothing() {
        let nothing = serde_json::to_value(NewShortLink::default()).expect("JSON");
        let nulls =
            json!({"url": null, "listId": null, "metadata": null, "filterBots": null, "expiresAt": null});
        for body in [json!({}), nulls] {
            let new = read_json(&body).expect("an input");
            assert_eq!(serde_json::to_value(new).expect("JSON"), nothing);
        }
        assert!(read(b"\xef\xbb\xbf {}").is_ok());
    }

    #[test]
    fn a_field_of_another_type_is_named() {
        for (field, values) in [
            ("url", [json!(5), json!(["https://example.com/"]), json!({})]),
            ("offerId", [json!(101), json!(true), json!([])]),
            ("listId", [json!("42"), json!(42.5), json!(2_147_483_648_i64)]),
            ("listId", [json!(1e300), json!(u64::MAX), json!([42])]),
            (
                "phoneNumber",
                [json!(18_005_551_234_i64), json!(false), json!({})],
            ),
            ("filterBots", [json!("true"), json!(1), json!([])]),
            (
                "expiresAt",
                [json!("tomorrow"), json!(1_795_435_200), json!("2026-12-24")],
            ),
            ("maxClicks", [json!("5"), json!(-0.5), json!(true)]),
            ("idempotencyKey", [json!(7), json!([]), json!({})]),
        ] {
            for value in values {
                let refused = read_json(&json!({field: value})).expect_err("the wrong type");
                assert!(refused.starts_with(&format!("{field} must be ")), "{refused}");
            }
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let deep = "[".repeat(100_000);
        for body in [
            "",
            "{",
            "null",
            "[]",
            "[{}]",
            "5",
            "\"{}\"",
            "{} {}",
            "{\"a\": \"\\ud800\"}",
            &deep,
        ] {
            let refused = said(read(body.as_bytes()).expect_err("no object"));
            assert!(refused.starts_with(NO_OBJECT), "{refused}");
            assert!(refused.len() < 300, "{refused}");
        }
        assert!(read(b"{\"url\": \"\xff\"}").is_err());
    }
}
