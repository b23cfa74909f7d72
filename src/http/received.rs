//! From a body or a URL to a GraphQL request.

use std::borrow::Cow;

use async_graphql::{Request as GraphqlRequest, Value, Variables};
use axum::http::{HeaderMap, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::{
    accept::{is_utf8, split},
    body::Refusal,
};
use crate::{
    graphql::{DocumentId, error::Code},
    values::query::pairs,
};

/// A GraphQL request as it was sent, its parts of any type at first so that each can be told what it should be.
/// Other parts are for other servers, and passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Received {
    query: Option<Value>,
    operation_name: Option<Value>,
    variables: Option<Value>,
    extensions: Option<Value>,
    document_id: Option<Value>,
}

/// What to do about a body that is no GraphQL request.
const NO_REQUEST: &str =
    "Send a JSON object with a string \"query\" and, if need be, an object \"variables\", as UTF-8.";

/// What to do about a hash that is none.
const NO_HASH: &str = "Name a document by the SHA-256 of its text, 64 hexadecimal digits: as documentId, or as \
    extensions.persistedQuery with version 1 and sha256Hash.";

/// Says that a body may be read, for what is JSON in UTF-8 and nothing else.
///
/// That is also what keeps another site's form from acting for a visitor: a form can't send JSON.
///
/// # Errors
/// A 415.
pub(super) fn expect_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let unsupported =
        |message: &'static str| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BadRequest, message);
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let content_type = types.next().and_then(|value| value.to_str().ok());
    let mut parts = split(content_type.unwrap_or_default(), ';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    if !is_json || types.next().is_some() {
        return Err(unsupported(
            "Send the request as JSON, with the header Content-Type: application/json.",
        ));
    }
    let mut charsets = parts.filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then_some(value.trim())
    });
    if !charsets.all(is_utf8) {
        return Err(unsupported(
            "Send the request as UTF-8; no other charset is read.",
        ));
    }
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    if !codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        // A kilobyte can unpack to a gigabyte, and no client sends that much without being told that it may.
        return Err(
            unsupported("Send the body as it is; compressed ones are not read.")
                .with(header::ACCEPT_ENCODING, "identity"),
        );
    }
    Ok(())
}

/// Reads the body of a `POST`.
///
/// # Errors
/// A 400 that says what is wrong.
pub(super) fn from_body(body: &[u8]) -> Result<GraphqlRequest, Refusal> {
    let text =
        str::from_utf8(body).map_err(|_| Refusal::bad_request("Send the body as UTF-8; this is not."))?;
    from_text(text)
}

/// Reads a request that is JSON.
///
/// # Errors
/// A 400 that says what is wrong.
pub(super) fn from_text(text: &str) -> Result<GraphqlRequest, Refusal> {
    // Some clients begin all that they write with it, and the specification of JSON lets us ignore it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.trim_start().bytes().next() {
        // What is read below would also take a list for an object's values.
        Some(b'{') => {}
        Some(b'[') => {
            return Err(Refusal::bad_request(
                "Send one operation a request; lists of them are not taken.",
            ));
        }
        _ => return Err(Refusal::bad_request(NO_REQUEST)),
    }
    let received: Received = serde_json::from_str(text)
        .map_err(|error| Refusal::bad_request(format!("{NO_REQUEST} This can't be read: {error}.")))?;
    received.request()
}

/// Reads the query of the URL of a `GET`; `None` where it asks for nothing.
///
/// # Errors
/// A 400 that says what is wrong.
pub(super) fn from_url(query: &str) -> Result<Option<GraphqlRequest>, Refusal> {
    let mut received = Received::default();
    for pair in pairs(query) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name)?;
        let (part, is_json) = match &*name {
            "query" => (&mut received.query, false),
            "operationName" => (&mut received.operation_name, false),
            "variables" => (&mut received.variables, true),
            "extensions" => (&mut received.extensions, true),
            "documentId" => (&mut received.document_id, false),
            _ => continue,
        };
        let value = decode(value)?;
        // An empty one is as good as none.
        if value.is_empty() {
            continue;
        }
        if part.is_some() {
            return Err(Refusal::bad_request(format!(
                "Give {name} once; it is in the URL twice."
            )));
        }
        *part = if is_json {
            Some(serde_json::from_str(&value).map_err(|error| {
                Refusal::bad_request(format!(
                    "Give {name} as a JSON object; this can't be read: {error}."
                ))
            })?)
        } else {
            Some(Value::from(&*value))
        };
    }
    if received.query.is_none() && received.document_id()?.is_none() {
        return Ok(None);
    }
    if let Some(Value::String(_)) = received.variables {
        // Here they are a string by themselves: one in a string is one too many.
        return Err(Refusal::bad_request(VARIABLES));
    }
    received.request().map(Some)
}

/// Reads a name or value as a form writes it.
fn decode(text: &str) -> Result<Cow<'_, str>, Refusal> {
    if !text.contains(['+', '%']) {
        return Ok(Cow::Borrowed(text));
    }
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(text) => Ok(Cow::Owned(text.into_owned())),
        Err(_) => Err(Refusal::bad_request(
            "Percent-encode the URL's query as UTF-8; this is not.",
        )),
    }
}

const VARIABLES: &str = "variables must be an object, or that object as a JSON string.";

impl Received {
    /// The request.
    ///
    /// # Errors
    /// A 400 that says what is wrong.
    fn request(self) -> Result<GraphqlRequest, Refusal> {
        let document_id = self.document_id()?;
        let query = match self.query {
            Some(Value::String(query)) if !query.is_empty() => query,
            None | Some(Value::Null | Value::String(_)) if document_id.is_some() => String::new(),
            None | Some(Value::Null | Value::String(_)) => return Err(Refusal::bad_request(NO_REQUEST)),
            Some(_) => {
                return Err(Refusal::bad_request(
                    "query must be a string: the text of a GraphQL document.",
                ));
            }
        };
        let mut request = GraphqlRequest::new(query);
        if let Some(id) = document_id {
            request = request.data(id);
        }
        request.operation_name = match self.operation_name {
            None | Some(Value::Null) => None,
            // The specification has it so in a URL, and clients send it so in a body.
            Some(Value::String(name)) => Some(name).filter(|name| !name.is_empty()),
            Some(_) => {
                return Err(Refusal::bad_request(
                    "operationName must be a string: the name of an operation in query.",
                ));
            }
        };
        request.variables = match self.variables {
            None => Variables::default(),
            Some(variables) => read_variables(variables)?,
        };
        match self.extensions {
            None | Some(Value::Null | Value::Object(_)) => Ok(request),
            Some(_) => Err(Refusal::bad_request("extensions must be an object.")),
        }
    }
}

impl Received {
    /// The SHA-256 that names the document, where one does.
    ///
    /// # Errors
    /// A 400 where it is none, or where two are named.
    fn document_id(&self) -> Result<Option<DocumentId>, Refusal> {
        let no_hash = || Refusal::bad_request(NO_HASH);
        let read = |value: &Value| match value {
            Value::String(text) => DocumentId::parse(text).ok_or_else(no_hash),
            _ => Err(no_hash()),
        };
        let given = match &self.document_id {
            None | Some(Value::Null) => None,
            Some(id) => Some(read(id)?),
        };
        let Some(Value::Object(extensions)) = &self.extensions else {
            return Ok(given);
        };
        let persisted = match extensions.get("persistedQuery") {
            None | Some(Value::Null) => return Ok(given),
            Some(Value::Object(persisted)) => persisted,
            Some(_) => return Err(no_hash()),
        };
        if persisted.get("version") != Some(&Value::from(1)) {
            return Err(no_hash());
        }
        let hash = read(persisted.get("sha256Hash").ok_or_else(no_hash)?)?;
        match given {
            Some(id) if id != hash => Err(Refusal::bad_request(
                "documentId and extensions.persistedQuery name two documents; name one.",
            )),
            _ => Ok(Some(hash)),
        }
    }
}

/// Variables, also as the JSON string that a widely used MCP server makes of them.
fn read_variables(variables: Value) -> Result<Variables, Refusal> {
    let variables = match variables {
        Value::String(text) if text.trim().is_empty() => Value::Null,
        Value::String(text) => serde_json::from_str(&text).map_err(|_| Refusal::bad_request(VARIABLES))?,
        plain => plain,
    };
    match variables {
        Value::Null | Value::Object(_) => Ok(Variables::from_value(variables)),
        _ => Err(Refusal::bad_request(VARIABLES)),
    }
}
