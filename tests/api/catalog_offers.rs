//! Offers as a dashboard manages them.

use std::sync::Arc;

use entity::offer;
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{TestApp, text, user_error};

const ALL: &str =
    "{ offer { id name trackingUrl platform externalId payout payoutCurrency payoutType filterBots status
    metadata createdAt } }";

/// All that an offer can be given.
fn everything() -> Value {
    json!({
        "name": "Summer", "trackingUrl": "https://offer.example/c?o={{offer.external_id}}&s={{sub1}}",
        "platform": "TUNE", "externalId": "101", "payout": "12.50", "payoutCurrency": "USD", "payoutType": "CPA",
        "filterBots": true, "status": "PAUSED", "metadata": {"team": "a", "tier": 1},
    })
}

async fn count(app: &TestApp) -> u64 {
    offer::Entity::find()
        .count(&app.store().read)
        .await
        .expect("a count")
}

async fn made(app: &TestApp, input: Value) -> Value {
    let made = app.mutate("createOffer", ALL, input).await;
    assert_eq!(made["__typename"], "CreateOfferSuccess", "{made}");
    made["offer"].clone()
}

async fn changed(app: &TestApp, id: &Value, mut change: Value) -> Value {
    change["id"] = id.clone();
    let changed = app.mutate("updateOffer", ALL, change).await;
    assert_eq!(changed["__typename"], "UpdateOfferSuccess", "{changed}");
    changed["offer"].clone()
}

#[tokio::test]
async fn an_offer_is_what_it_was_given_and_found_again() {
    let app = TestApp::start().await;
    let mut expected = everything();
    let offer = made(&app, expected.clone()).await;
    expected["id"] = offer["id"].clone();
    expected["createdAt"] = json!("2026-11-23T12:00:00+00:00");
    assert_eq!(offer, expected);
    let found = app.graphql(
        "query($id: ID!) { offer(id: $id) { name metadata } node(id: $id) { id } }",
        json!({"id": offer["id"]}),
    );
    assert_eq!(
        found.await.json()["data"],
        json!({"offer": {"name": "Summer", "metadata": {"team": "a", "tier": 1}}, "node": {"id": offer["id"]}})
    );
}

#[tokio::test]
async fn an_offer_needs_a_name_and_a_tracking_url_only() {
    let app = TestApp::start().await;
    let offer = made(
        &app,
        json!({"name": "  Plain ", "trackingUrl": "https://offer.example"}),
    )
    .await;
    assert_eq!(
        (&offer["name"], &offer["trackingUrl"], &offer["status"]),
        (
            &json!("Plain"),
            &json!("https://offer.example/"),
            &json!("ACTIVE")
        )
    );
    for field in [
        "platform",
        "externalId",
        "payout",
        "payoutCurrency",
        "payoutType",
        "filterBots",
    ] {
        assert_eq!(offer[field], Value::Null, "{field}");
    }
    assert_eq!(offer["metadata"], json!({}));
}

#[tokio::test]
async fn what_is_wrong_with_an_offer_is_told_and_nothing_is_made() {
    let app = TestApp::start().await;
    let name = "A name has 1 to 255 characters and no control characters.";
    let external = "An external id has 1 to 255 characters and no control characters; null is for none.";
    let payout =
        "Payout is a decimal number such as 12.50, with at most 12 digits before the point and 6 behind it.";
    let currency = "PayoutCurrency is an ISO 4217 code, three capital letters such as USD.";
    let object = "Metadata must be a JSON object, such as {\"campaign\": \"spring\"}.";
    let nul = "Metadata must not hold the character U+0000, in a key or in a value.";
    for (field, value, kind, code, message) in [
        ("name", json!(""), "InvalidNameError", "INVALID_NAME", name),
        (
            "name",
            json!("x".repeat(10_000)),
            "InvalidNameError",
            "INVALID_NAME",
            name,
        ),
        ("name", json!("a\0b"), "InvalidNameError", "INVALID_NAME", name),
        (
            "externalId",
            json!(""),
            "InvalidExternalIdError",
            "INVALID_EXTERNAL_ID",
            external,
        ),
        (
            "externalId",
            json!("\0"),
            "InvalidExternalIdError",
            "INVALID_EXTERNAL_ID",
            external,
        ),
        (
            "payout",
            json!("12,50"),
            "InvalidPayoutError",
            "INVALID_PAYOUT",
            payout,
        ),
        (
            "payout",
            json!("1\0"),
            "InvalidPayoutError",
            "INVALID_PAYOUT",
            payout,
        ),
        (
            "payout",
            Value::Null,
            "InvalidPayoutError",
            "INVALID_PAYOUT",
            "Give payout too: a currency or type says nothing without the amount.",
        ),
        (
            "payoutCurrency",
            json!("usd"),
            "InvalidPayoutError",
            "INVALID_PAYOUT",
            currency,
        ),
        (
            "payoutCurrency",
            Value::Null,
            "InvalidPayoutError",
            "INVALID_PAYOUT",
            "Give payoutCurrency too, such as USD.",
        ),
        (
            "payoutType",
            Value::Null,
            "InvalidPayoutError",
            "INVALID_PAYOUT",
            "Give payoutType too: CPA or CPC.",
        ),
        (
            "metadata",
            json!([1]),
            "InvalidMetadataError",
            "INVALID_METADATA",
            object,
        ),
        (
            "metadata",
            json!({"a": "\0"}),
            "InvalidMetadataError",
            "INVALID_METADATA",
            nul,
        ),
    ] {
        let mut input = everything();
        input[field] = value;
        let path = format!("input.{field}");
        let answer = app.mutate("createOffer", ALL, input).await;
        assert_eq!(answer, user_error(kind, code, &path, 400, message));
    }
    assert_eq!(count(&app).await, 0);
}

#[tokio::test]
async fn a_tracking_url_with_unknown_macros_names_them() {
    let app = TestApp::start().await;
    let selection = "{ offer { id } } ... on InvalidTrackingUrlError { unknownMacros }";
    let host = "Macros may stand only after the host and port.";
    let circle = "It leads to a domain of this server, so each of the offer's links would lead in a circle; give the \
                  final destination.";
    let long = format!("https://offer.example/?{}", "a".repeat(4096));
    for (url, unknown, message) in [
        (
            "https://offer.example/{{nope}}?a={{contact.phone}}&b={{contact.email}}",
            json!(["nope", "contact.email"]),
            "No such macro: nope, contact.email.",
        ),
        (
            "https://offer.example/?a={{metadata.{{sub1}}}}",
            json!(["metadata.{{sub1"]),
            "No such macro: metadata.{{sub1.",
        ),
        ("https://{{sub1}}.example/", json!([]), host),
        ("https://offer.example:{{list.id}}/", json!([]), host),
        ("ftp://offer.example/", json!([]), "Give an http or https URL."),
        (
            "https://offer.example/\0",
            json!([]),
            "Remove control characters and white space, or percent-encode them.",
        ),
        (&long, json!([]), "Shorten the URL to at most 4096 bytes."),
        ("https://go.example.com/{{sub1}}", json!([]), circle),
    ] {
        let input = json!({"name": "Summer", "trackingUrl": url});
        let mut expected = user_error(
            "InvalidTrackingUrlError",
            "INVALID_TRACKING_URL",
            "input.trackingUrl",
            400,
            message,
        );
        expected["unknownMacros"] = unknown;
        let answer = app.mutate("createOffer", selection, input.clone()).await;
        assert_eq!(answer, expected, "{url}");
    }
    assert_eq!(count(&app).await, 0);
}

#[tokio::test]
async fn an_update_changes_what_is_given_and_null_clears_what_may_be_empty() {
    let app = TestApp::start().await;
    let offer = made(&app, everything()).await;
    let id = &offer["id"];
    // Nothing given, nothing changed; null for what can't be empty is nothing given.
    assert_eq!(changed(&app, id, json!({})).await, offer);
    let nulls = json!({"name": null, "trackingUrl": null, "status": null});
    assert_eq!(changed(&app, id, nulls).await, offer);

    let change = json!({"name": "Winter", "platform": "EVERFLOW", "payout": "3", "status": "ACTIVE"});
    let mut expected = offer.clone();
    for (field, value) in change.as_object().expect("an object") {
        expected[field] = value.clone();
    }
    assert_eq!(changed(&app, id, change).await, expected);

    let cleared =
        json!({"platform": null, "externalId": null, "payout": null, "filterBots": null, "metadata": null});
    let offer = changed(&app, id, cleared).await;
    for field in [
        "platform",
        "externalId",
        "payout",
        "payoutCurrency",
        "payoutType",
        "filterBots",
    ] {
        assert_eq!(offer[field], Value::Null, "{field}");
    }
    assert_eq!(
        (&offer["metadata"], &offer["name"]),
        (&json!({}), &json!("Winter"))
    );
}

#[tokio::test]
async fn a_wrong_update_changes_nothing_at_all() {
    let app = TestApp::start().await;
    let offer = made(&app, everything()).await;
    let large = json!({"metadata": {"large": "x".repeat(4090)}});
    for (change, code, path) in [
        (json!({"name": "New", "payout": "x"}), "INVALID_PAYOUT", "payout"),
        (
            json!({"name": "New", "payoutCurrency": null}),
            "INVALID_PAYOUT",
            "payoutCurrency",
        ),
        (json!({"name": ""}), "INVALID_NAME", "name"),
        (
            json!({"name": "New", "trackingUrl": "https://offer.example/{{x}}"}),
            "INVALID_TRACKING_URL",
            "trackingUrl",
        ),
        (
            json!({"name": "New", "externalId": ""}),
            "INVALID_EXTERNAL_ID",
            "externalId",
        ),
        (
            json!({"name": "New", "metadata": 5}),
            "INVALID_METADATA",
            "metadata",
        ),
        // What is stored and what comes to it, together.
        (large, "INVALID_METADATA", "metadata"),
    ] {
        let mut input = change;
        input["id"] = offer["id"].clone();
        let answer = app.mutate("updateOffer", ALL, input).await;
        assert_eq!(
            (&answer["code"], &answer["path"]),
            (&json!(code), &json!(["input", path])),
            "{answer}"
        );
    }
    assert_eq!(changed(&app, &offer["id"], json!({})).await, offer);
}

#[tokio::test]
async fn metadata_is_merged_key_by_key() {
    let app = TestApp::start().await;
    let offer = made(&app, everything()).await;
    let change = json!({"metadata": {"tier": null, "team": {"lead": "b"}, "new": [1]}});
    let offer = changed(&app, &offer["id"], change).await;
    assert_eq!(offer["metadata"], json!({"team": {"lead": "b"}, "new": [1]}));
}

#[tokio::test]
async fn changes_that_are_made_at_once_lose_nothing_of_each_other() {
    let app = Arc::new(TestApp::start().await);
    let offer = made(
        &app,
        json!({"name": "Summer", "trackingUrl": "https://offer.example/"}),
    )
    .await;
    let mut calls = JoinSet::new();
    for number in 0..40 {
        let (caller, id) = (Arc::clone(&app), offer["id"].clone());
        calls.spawn(async move {
            let key = format!("key{number}");
            changed(&caller, &id, json!({"metadata": {key: number}})).await
        });
        // Links and clicks are written meanwhile.
        let caller = Arc::clone(&app);
        calls.spawn(async move { json!(caller.link("https://example.com/").await) });
    }
    calls.join_all().await;
    let offer = changed(&app, &offer["id"], json!({})).await;
    let expected: serde_json::Map<_, _> = (0..40)
        .map(|number| (format!("key{number}"), json!(number)))
        .collect();
    assert_eq!(offer["metadata"], Value::Object(expected));
    assert_eq!(app.count_links().await, 40);
}

#[tokio::test]
async fn an_archived_offer_makes_no_links_until_it_is_taken_back() {
    let app = TestApp::start().await;
    let offer = made(
        &app,
        json!({"name": "Summer", "trackingUrl": "https://offer.example/"}),
    )
    .await;
    let id = text(&offer["id"]);
    let link = async || app.create(json!({"offerId": id, "listId": 42})).await["__typename"].take();
    assert_eq!(link().await, "CreateShortLinkSuccess");
    for _ in 0..2 {
        let archived = app.archive("archiveOffer", "{ offer { status } }", id).await;
        assert_eq!(archived["offer"]["status"], "ARCHIVED", "{archived}");
        assert_eq!(link().await, "OfferNotFoundError");
    }
    changed(&app, &offer["id"], json!({"status": "PAUSED"})).await;
    assert_eq!(link().await, "OfferNotFoundError");
    changed(&app, &offer["id"], json!({"status": "ACTIVE"})).await;
    assert_eq!(link().await, "CreateShortLinkSuccess");
}

#[tokio::test]
async fn a_changed_offer_is_what_the_next_link_leads_to_and_no_earlier_one() {
    let app = TestApp::start().await;
    let offer = made(
        &app,
        json!({"name": "Summer", "trackingUrl": "https://offer.example/old"}),
    )
    .await;
    let link = async || {
        let made = app.create(json!({"offerId": offer["id"], "listId": 42})).await;
        (text(&made["linkId"]).to_owned(), made["destinationUrl"].clone())
    };
    let (old, destination) = link().await;
    assert_eq!(destination, "https://offer.example/old");
    let change = json!({"trackingUrl": "https://offer.example/new", "platform": "TUNE"});
    changed(&app, &offer["id"], change).await;
    let (new, destination) = link().await;
    let expected = format!("https://offer.example/new?aff_sub={new}&aff_click_id={{{{click.id}}}}");
    assert_eq!(destination, json!(expected));
    let visit = app.get("go.example.com", &format!("/{old}")).await;
    assert_eq!(visit.location(), "https://offer.example/old");
}

#[tokio::test]
async fn an_offer_that_is_not_there_can_be_neither_changed_nor_archived() {
    let app = TestApp::start().await;
    let message = "The account has no offer with this id; take one from the query offers.";
    let (list, never) = (
        app.tenant.list.id.to_string(),
        "offer_00000000000000000000000000000000",
    );
    for id in [list.as_str(), never, "", "\0", "offer_1", &"x".repeat(10_000)] {
        let error = |path| user_error("OfferNotFoundError", "OFFER_NOT_FOUND", path, 404, message);
        let updated = app
            .mutate("updateOffer", ALL, json!({"id": id, "name": "New"}))
            .await;
        assert_eq!(updated, error("input.id"), "{id}");
        assert_eq!(app.archive("archiveOffer", ALL, id).await, error("id"), "{id}");
    }
}
