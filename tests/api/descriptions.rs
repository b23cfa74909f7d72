//! The schema is the manual: it says something of everything in it.

use std::collections::HashMap;

use serde_json::Value;

use crate::support::{Schema, TestApp, items, text};

/// Everything in the schema that has a description: its place and what is said of it.
fn described(schema: &Schema) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for ty in schema.types() {
        let name = text(&ty["name"]);
        found.push((name.to_owned(), &ty["description"]));
        for part in ["fields", "inputFields", "enumValues"] {
            for part in items(&ty[part]) {
                let name = format!("{name}.{}", text(&part["name"]));
                for argument in items(&part["args"]) {
                    let name = format!("{name}({})", text(&argument["name"]));
                    found.push((name, &argument["description"]));
                }
                found.push((name, &part["description"]));
            }
        }
    }
    found
}

#[tokio::test]
async fn everything_in_the_schema_is_described() {
    let app = TestApp::start().await;
    let schema = Schema::read(&app).await;
    let all = described(&schema);
    for known in [
        "Query",
        "ShortLink.linkId",
        "Query.offers(after)",
        "UserError.path",
        "ErrorCode.CODE_TAKEN",
        "ShortLinkEdge",
        "OfferConnection",
        "CreateShortLinkInput.url",
        "ShortLinkLookup.shortUrl",
    ] {
        assert!(
            all.iter().any(|(place, _)| place == known),
            "{known} was not looked at"
        );
    }
    let missing: Vec<_> = all
        .iter()
        .filter(|(_, description)| description.as_str().is_none_or(|text| text.trim().is_empty()))
        .map(|(place, _)| place)
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[tokio::test]
async fn no_description_is_that_of_another_thing() {
    let app = TestApp::start().await;
    let schema = Schema::read(&app).await;
    // The same words may stand on fields and arguments of the same name, and on an error's type and code.
    let mut owners: HashMap<&str, String> = HashMap::new();
    for (place, description) in described(&schema) {
        let last = place.rsplit('.').next().expect("a name");
        let plain = last
            .rsplit('(')
            .next()
            .expect("a name")
            .replace('_', "")
            .to_lowercase();
        let name = plain.trim_end_matches(')').trim_end_matches("error").to_owned();
        let owner = owners.entry(text(description)).or_insert_with(|| name.clone());
        assert_eq!(*owner, name, "{place} is described as {owner}: {description}");
    }
}
