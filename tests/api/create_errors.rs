//! `createShortLink`: input of the wrong form.

use entity::domain;
use serde_json::json;

use crate::support::{START, Tenant, TestApp, refused, user_error as error};

const URL: &str = "https://example.com/";

#[tokio::test]
async fn a_link_leads_somewhere_and_is_sent_from_a_list() {
    let app = TestApp::start().await;
    refused(
        &app,
        json!({"listId": 42}),
        error(
            "MissingUrlOrOfferError",
            "MISSING_URL_OR_OFFER",
            "input",
            400,
            "Give url or offerId: one says where the link leads.",
        ),
    )
    .await;
    refused(
        &app,
        json!({"url": URL, "offerId": null, "listId": null}),
        error(
            "MissingListIdentifierError",
            "MISSING_LIST_IDENTIFIER",
            "input",
            400,
            "Give listId or phoneNumber: one says which sending list the link is sent from.",
        ),
    )
    .await;
}

#[tokio::test]
async fn a_url_that_leads_nowhere_is_refused() {
    let app = TestApp::start().await;
    let absolute = "give an absolute URL, such as https://example.com/sale";
    let space = "remove control characters and white space, or percent-encode them";
    let long = format!("https://example.com/{}", "a".repeat(4096));
    for field in ["url", "fallbackUrl"] {
        for (url, reason) in [
            ("", absolute),
            ("/sale", absolute),
            ("example.com/sale", absolute),
            ("ftp://example.com/", "give an http or https URL"),
            ("https://exa mple.com/", space),
            (
                "https://me@example.com/",
                "remove the user name and password before the host",
            ),
            ("https:///sale", "give a host, such as example.com"),
            (&long, "shorten the URL to at most 4096 bytes"),
        ] {
            let mut input = json!({"url": URL, "listId": 42});
            input[field] = url.into();
            let message = format!("{field} can't be used: {reason}.");
            let path = format!("input.{field}");
            refused(
                &app,
                input,
                error("InvalidUrlError", "INVALID_URL", &path, 400, &message),
            )
            .await;
        }
    }
}

#[tokio::test]
async fn a_url_that_leads_back_to_this_server_is_refused() {
    let app = TestApp::start().await;
    let mut other = Tenant::make(app.store(), "other.example.com", START).await;
    other.domain.host = "short.example:8443".to_owned();
    other.domain.status = domain::Status::Archived;
    app.save(other.domain).await;
    for field in ["url", "fallbackUrl"] {
        for url in [
            "https://go.example.com/abc",
            "https://GO.example.com:443",
            "https://go.example.com./abc",
            "https://go%2eexample.com/abc",
            "https://short.example:8443/?x",
            "http://short.example:8443/",
        ] {
            let mut input = json!({"url": URL, "listId": 42});
            input[field] = url.into();
            refused(
                &app,
                input,
                error(
                    "InvalidUrlError",
                    "INVALID_URL",
                    &format!("input.{field}"),
                    400,
                    "It leads to a domain of this server, so the link would lead in a circle; give its final destination.",
                ),
            )
            .await;
        }
    }
    for url in [
        "https://go.example.com:8443/",
        "http://go.example.com/",
        "https://short.example/",
        "https://www.go.example.com/",
    ] {
        let made = app.create(json!({"url": url, "listId": 42})).await;
        assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{url}: {made}");
    }
}

#[tokio::test]
async fn a_phone_number_that_is_none_is_refused() {
    let app = TestApp::start().await;
    let form = "a phone number is written in E.164 form: a plus sign, then up to 15 digits that begin with the \
        country code, without spaces or any other character, such as +14155552671";
    let unknown = "no country has such a phone number: check the country code, that no digit is missing or too \
        many, and that no national prefix (such as the 0 of 07911 123456) follows the country code";
    for field in ["phoneNumber", "contactPhone"] {
        for (number, reason) in [
            ("", form),
            ("18005551234", form),
            ("+1 800 555 1234", form),
            ("+1800555123400000", form),
            ("+1800555123", unknown),
            ("+999123456789", unknown),
        ] {
            let mut input = json!({"url": URL, "phoneNumber": "+18005551234"});
            input[field] = number.into();
            let message = format!("{field} can't be used: {reason}.");
            let path = format!("input.{field}");
            refused(
                &app,
                input,
                error("InvalidPhoneError", "INVALID_PHONE", &path, 400, &message),
            )
            .await;
        }
    }
}

#[tokio::test]
async fn metadata_that_can_t_be_kept_is_refused() {
    let app = TestApp::start().await;
    for (metadata, message) in [
        (
            json!(["spring"]),
            "Metadata must be a JSON object, such as {\"campaign\": \"spring\"}.",
        ),
        (
            json!({"a": "x".repeat(4089)}),
            "Metadata may have at most 4096 bytes as JSON; this has 4097.",
        ),
        (
            json!({"a": {"b": {"c": {"d": {"e": {}}}}}}),
            "Metadata may be nested at most 5 levels deep, the outer object included.",
        ),
        (
            json!({"a": "\0"}),
            "Metadata must not hold the character U+0000, in a key or in a value.",
        ),
    ] {
        refused(
            &app,
            json!({"url": URL, "listId": 42, "metadata": metadata}),
            error(
                "InvalidMetadataError",
                "INVALID_METADATA",
                "input.metadata",
                400,
                message,
            ),
        )
        .await;
    }
    for metadata in [
        json!({"a": "x".repeat(4088)}),
        json!({"a": {"b": {"c": {"d": {}}}}}),
    ] {
        let made = app
            .create(json!({"url": URL, "listId": 42, "metadata": metadata}))
            .await;
        assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
    }
}

#[tokio::test]
async fn a_code_that_is_none_is_refused() {
    let app = TestApp::start().await;
    let form = "A code has 3 to 64 of the characters A-Z a-z 0-9 _ -.";
    let reserved = "This code is reserved for the server's own pages; choose another.";
    let long = "x".repeat(65);
    for (code, message) in [
        ("", form),
        ("ab", form),
        ("a/b", form),
        ("größe", form),
        (&long, form),
        ("graphql", reserved),
        ("Admin", reserved),
    ] {
        refused(
            &app,
            json!({"url": URL, "listId": 42, "code": code}),
            error("InvalidCodeError", "INVALID_CODE", "input.code", 400, message),
        )
        .await;
    }
}

#[tokio::test]
async fn a_link_that_is_gone_from_the_start_is_refused() {
    let app = TestApp::start().await;
    for (field, value) in [
        ("expiresAt", json!("2026-11-23T11:59:59.999Z")),
        ("expiresAt", json!("2026-11-23T12:00:00Z")),
        ("expiresAt", json!("1969-01-01T00:00:00Z")),
        ("expiresAt", json!("+10000-01-01T00:00:00Z")),
        ("expiresAt", json!("9999-12-31T23:59:59-00:01")),
        ("expiresAt", json!("+262142-12-31T23:59:59Z")),
        ("maxClicks", json!(0)),
        ("maxClicks", json!(-2_147_483_648)),
    ] {
        let message = match field {
            "maxClicks" => "maxClicks must be at least 1; leave it out for any number.",
            _ => {
                "expiresAt must be in the future and no later than the year 9999; leave it out for a link that does \
                 not expire."
            }
        };
        let mut input = json!({"url": URL, "listId": 42});
        input[field] = value;
        let path = format!("input.{field}");
        refused(
            &app,
            input,
            error("InvalidExpiryError", "INVALID_EXPIRY", &path, 400, message),
        )
        .await;
    }
    let made = app
        .create(json!({"url": URL, "listId": 42, "expiresAt": "2026-11-23T12:00:00.001Z", "maxClicks": 1}))
        .await;
    assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
}

#[tokio::test]
async fn an_idempotency_key_that_is_none_is_refused() {
    let app = TestApp::start().await;
    for key in ["", &"k".repeat(256), "a\nb"] {
        refused(
            &app,
            json!({"url": URL, "listId": 42, "idempotencyKey": key}),
            error(
                "InvalidIdempotencyKeyError",
                "INVALID_IDEMPOTENCY_KEY",
                "input.idempotencyKey",
                400,
                "An idempotency key has 1 to 255 characters and no control characters.",
            ),
        )
        .await;
    }
    let made = app
        .create(json!({"url": URL, "listId": 42, "idempotencyKey": "ü".repeat(255)}))
        .await;
    assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
}
