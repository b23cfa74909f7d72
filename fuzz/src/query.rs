//! `POST /graphql` with any text of a document, any variables and any body.
//!
//! An input is a document. What stands behind the last `# variables ` of it, in its own words a comment, is sent as the
//! variables. An input that begins with a zero byte is a whole body.

use std::{collections::BTreeMap, sync::LazyLock};

use async_graphql::parser::{
    parse_query,
    types::{DocumentOperations, ExecutableDocument},
};
use linkhop::graphql::normalised;
use regex::Regex;
use serde_json::{Value, json};

use super::world::{self, Answer};

/// What comes before the variables.
const VARIABLES: &str = "# variables ";

/// So deep the parser is followed here; the server has limits before it asks.
const MOST_BRACKETS: usize = 100;

/// How many errors of a document are shown.
const MOST_ERRORS: usize = 25;

/// The longest text whose meaning is compared.
const LONGEST: usize = 16 * 1024;

/// Sends an input without a key, twice, and with one.
///
/// # Panics
/// Where an answer is our fault or takes longer than a request may; where a refusal is not the same the second time, from the
/// memory of documents; and where the text that trusted documents are told by means anything else than the document.
pub fn run(input: &[u8]) {
    let body = body(input);
    let answers = world::with(|world| {
        world.wait(async |world| {
            let first = world.post(body.clone(), false).await;
            let second = world.post(body.clone(), false).await;
            (first, second, world.post(body, true).await)
        })
    });
    let (first, second, own) = answers;
    sound(&first);
    sound(&own);
    assert_eq!(said(&first), said(&second), "the same is answered otherwise");
}

/// The body that an input stands for.
fn body(input: &[u8]) -> Vec<u8> {
    if let Some(body) = input.strip_prefix(b"\0") {
        return body.to_vec();
    }
    let document = String::from_utf8_lossy(input);
    means_the_same(&document);
    let variables = document
        .rsplit_once(VARIABLES)
        .and_then(|(_, variables)| serde_json::from_str::<Value>(variables).ok());
    let body = match variables {
        Some(variables) => json!({ "query": document, "variables": variables }),
        None => json!({ "query": document }),
    };
    body.to_string().into_bytes()
}

/// What was answered: errors in an order of their own, since the library finds some of them in any; and only how many there
/// are where not all of them are shown.
fn said(answer: &Answer) -> (Value, Vec<String>) {
    let mut json = answer.json();
    let errors = json["errors"].take();
    let errors = errors.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut said: Vec<_> = errors.iter().map(ToString::to_string).collect();
    said.sort();
    if said.len() >= MOST_ERRORS {
        said = vec![said.len().to_string()];
    }
    (json, said)
}

/// An answer that names no fault of ours, and a code for each of its errors.
fn sound(answer: &Answer) {
    let json = answer.json();
    assert!(answer.status.as_u16() < 500, "{} {json}", answer.status);
    let errors = json["errors"].as_array();
    assert!(errors.is_some() || json["data"].is_object(), "{json}");
    for error in errors.into_iter().flatten() {
        let code = error["extensions"]["code"].as_str().unwrap_or_default();
        assert!(!matches!(code, "" | "INTERNAL" | "TIMEOUT"), "{json}");
    }
}

/// The text that is the same for documents that differ in white space and comments is a document with the same meaning.
fn means_the_same(text: &str) {
    let brackets = text.bytes().filter(|byte| b"{[(".contains(byte)).count();
    if brackets > MOST_BRACKETS || text.len() > LONGEST {
        return;
    }
    let Ok(document) = parse_query(text) else { return };
    let normal = normalised(text).expect("a document has no string that never ends");
    assert_eq!(normalised(&normal).as_ref(), Some(&normal));
    let normalised = joined(&normal);
    match parse_query(&normalised) {
        Ok(same) => assert_eq!(meaning(&document), meaning(&same), "{normalised}"),
        Err(error) => panic!("{error}: {normalised}"),
    }
}

/// The text without the spaces that this parser, and no specification, takes for an error: behind `$` and `@`, and within types.
fn joined(normal: &str) -> String {
    static SPACES: LazyLock<Regex> = LazyLock::new(|| {
        let text = r#"(?s)(?<text>"""(?:\\"""|.)*?"""|"(?:\\.|[^"\\])*")"#;
        Regex::new(&format!(r"{text}|(?<before>[$@\[]) | (?<behind>[!\]])")).expect("a pattern")
    });
    // Twice, since of two spaces beside one mark the first time finds one.
    let once = |text: &str| SPACES.replace_all(text, "$text$before$behind").into_owned();
    once(&once(normal))
}

/// All that a document says, without where in the text it does.
fn meaning(document: &ExecutableDocument) -> BTreeMap<String, String> {
    static PLACE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"Pos\(\d+:\d+\)").expect("a pattern"));
    let without_places =
        |node: &dyn std::fmt::Debug| PLACE.replace_all(&format!("{node:?}"), "").into_owned();
    let operations = match &document.operations {
        DocumentOperations::Single(only) => vec![(String::new(), without_places(only))],
        DocumentOperations::Multiple(several) => several
            .iter()
            .map(|(name, operation)| (name.to_string(), without_places(operation)))
            .collect(),
    };
    let fragments = document.fragments.iter();
    let fragments = fragments.map(|(name, fragment)| (format!("...{name}"), without_places(fragment)));
    operations.into_iter().chain(fragments).collect()
}
