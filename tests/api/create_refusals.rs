//! `createShortLink`: what the account has not, and which error is told when there are several.

use entity::{account, api_key, domain, offer, sending_list};
use linkhop::{app::Options, links::code::CodeSpace};
use serde_json::{Value, json};

use crate::support::{CREATE, START, Setup, Tenant, TestApp, refused, user_error as error};

const URL: &str = "https://example.com/";

#[tokio::test]
async fn an_account_without_the_product_makes_no_links() {
    let app = TestApp::start().await;
    let mut account = app.tenant.account.clone();
    account.products = account::Products::default();
    app.save(account).await;
    refused(
        &app,
        json!({"url": URL, "listId": 42}),
        error(
            "ProductNotEnabledError",
            "PRODUCT_NOT_ENABLED",
            "input",
            403,
            "This account lacks the SMS product; ask the operator of the server to enable it.",
        ),
    )
    .await;
}

#[tokio::test]
async fn only_an_active_offer_of_the_account_is_found() {
    let app = TestApp::start().await;
    let other = Tenant::make(app.store(), "other.example.com", START).await;
    let foreign = other.offer(app.store(), None, URL).await;
    let mut ids = vec![
        String::new(),
        "7".to_owned(),
        "offer_".to_owned(),
        foreign.id.to_string(),
        app.tenant.list.id.to_string(),
        entity::OfferId::at(START).to_string(),
    ];
    for status in [offer::Status::Paused, offer::Status::Archived] {
        let mut offer = app.tenant.offer(app.store(), None, URL).await;
        offer.status = status;
        ids.push(app.save(offer).await.id.to_string());
    }
    for id in ids {
        refused(
            &app,
            json!({"offerId": id, "listId": 42}),
            error(
                "OfferNotFoundError",
                "OFFER_NOT_FOUND",
                "input.offerId",
                404,
                "No active offer has this id; take one from the query offers.",
            ),
        )
        .await;
    }
}

#[tokio::test]
async fn only_an_active_list_of_the_account_is_found() {
    let app = TestApp::start().await;
    let domain = Some(app.tenant.domain.id);
    let other = Tenant::make(app.store(), "other.example.com", START).await;
    other
        .more_list(app.store(), 43, "+18005551235", Some(other.domain.id))
        .await;
    let mut lists = vec![(43, "+18005551235"), (-1, "+18005551236")];
    for (status, number, phone) in [
        (sending_list::Status::Paused, 44, "+18005551237"),
        (sending_list::Status::Archived, 45, "+18005551238"),
    ] {
        let mut list = app.tenant.more_list(app.store(), number, phone, domain).await;
        list.status = status;
        app.save(list).await;
        lists.push((number, phone));
    }
    for (number, phone) in lists {
        for (field, value) in [("listId", json!(number)), ("phoneNumber", json!(phone))] {
            let mut input = json!({ "url": URL });
            input[field] = value;
            let path = format!("input.{field}");
            let message =
                format!("No active sending list has this {field}; take one from the query sendingLists.");
            refused(
                &app,
                input,
                error("ListNotFoundError", "LIST_NOT_FOUND", &path, 404, &message),
            )
            .await;
        }
    }
}

#[tokio::test]
async fn a_list_without_an_active_domain_makes_no_links() {
    let app = TestApp::start().await;
    app.tenant.more_list(app.store(), 43, "+18005551235", None).await;
    let mut domain = app.tenant.domain.clone();
    domain.status = domain::Status::Archived;
    app.save(domain).await;
    for (field, value) in [
        ("listId", json!(42)),
        ("listId", json!(43)),
        ("phoneNumber", json!("+18005551235")),
    ] {
        let mut input = json!({ "url": URL });
        input[field] = value;
        refused(
            &app,
            input,
            error(
                "NoDomainConfiguredError",
                "NO_DOMAIN_CONFIGURED",
                &format!("input.{field}"),
                409,
                "This sending list has no active domain; give it one, or send from another list.",
            ),
        )
        .await;
    }
}

#[tokio::test]
async fn a_taken_code_is_refused() {
    let app = TestApp::start().await;
    let input = json!({"url": URL, "listId": 42, "code": "spring"});
    assert_eq!(app.create(input.clone()).await["linkId"], "spring");
    refused(
        &app,
        input,
        error(
            "CodeTakenError",
            "CODE_TAKEN",
            "input.code",
            409,
            "This code is in use on the list's domain; choose another, or leave it out for a random one.",
        ),
    )
    .await;
}

#[tokio::test]
async fn a_key_with_another_input_is_a_conflict() {
    let app = TestApp::start().await;
    app.create(json!({"url": URL, "listId": 42, "idempotencyKey": "k"}))
        .await;
    refused(
        &app,
        json!({"url": URL, "listId": 42, "maxClicks": 7, "idempotencyKey": "k"}),
        error(
            "IdempotencyConflictError",
            "IDEMPOTENCY_CONFLICT",
            "input.idempotencyKey",
            422,
            "This key was used with another input within 24 hours; use a new key for a new link.",
        ),
    )
    .await;
}

#[tokio::test]
async fn a_space_without_a_free_code_is_a_collision_and_may_be_tried_again() {
    let app = TestApp::with(Setup {
        options: Options {
            codes: CodeSpace {
                alphabet: vec!['a'],
                length: 1,
                draws: 2,
                ..CodeSpace::default()
            },
            ..Options::default()
        },
        ..Setup::default()
    })
    .await;
    assert_eq!(app.link(URL).await, "a");
    assert_eq!(app.link(URL).await, "aa");
    refused(
        &app,
        json!({"url": URL, "listId": 42}),
        error(
            "IdCollisionError",
            "ID_COLLISION",
            "input",
            500,
            "Every code that was drawn is in use; nothing was stored, send the same call again.",
        ),
    )
    .await;
}

/// An input that is wrong in every way at once is put right one error at a time, in the order of the manual: at each
/// step all later errors are still there.
#[tokio::test]
async fn the_first_error_of_the_manual_s_order_is_told() {
    let app = TestApp::start().await;
    let mut account = app.tenant.account.clone();
    account.products = account::Products::default();
    let account = app.save(account).await;
    app.tenant.more_list(app.store(), 43, "+18005551235", None).await;
    let circle = app
        .tenant
        .offer(app.store(), None, "https://go.example.com/x")
        .await;
    let straight = app.tenant.offer(app.store(), None, URL).await;
    let mut input = json!({
        "contactPhone": "x",
        "metadata": [],
        "code": "x",
        "expiresAt": "2020-01-01T00:00:00Z",
        "maxClicks": 0,
        "fallbackUrl": "x",
        "idempotencyKey": "",
    });
    let is = async |input: &Value, code: &str, path: &str| {
        let answer = app.create(input.clone()).await;
        assert_eq!(answer["code"], code, "{input} {answer}");
        assert_eq!(
            answer["path"],
            json!(path.split('.').collect::<Vec<_>>()),
            "{answer}"
        );
    };
    is(&input, "INVALID_IDEMPOTENCY_KEY", "input.idempotencyKey").await;
    input["idempotencyKey"] = json!("k");
    is(&input, "PRODUCT_NOT_ENABLED", "input").await;
    app.save(account::Model {
        products: app.tenant.account.products.clone(),
        ..account
    })
    .await;
    for (field, value, code, path) in [
        ("idempotencyKey", json!(null), "MISSING_URL_OR_OFFER", "input"),
        ("url", json!("x"), "MISSING_LIST_IDENTIFIER", "input"),
        ("phoneNumber", json!("x"), "INVALID_URL", "input.url"),
        ("offerId", json!("x"), "INVALID_PHONE", "input.phoneNumber"),
        (
            "phoneNumber",
            json!("+18005550000"),
            "INVALID_PHONE",
            "input.contactPhone",
        ),
        ("contactPhone", json!(null), "INVALID_METADATA", "input.metadata"),
        ("metadata", json!({}), "INVALID_CODE", "input.code"),
        ("code", json!("taken"), "INVALID_EXPIRY", "input.expiresAt"),
        ("expiresAt", json!(null), "INVALID_EXPIRY", "input.maxClicks"),
        ("maxClicks", json!(1), "INVALID_URL", "input.fallbackUrl"),
        ("fallbackUrl", json!(null), "LIST_NOT_FOUND", "input.phoneNumber"),
        (
            "phoneNumber",
            json!("+18005551235"),
            "NO_DOMAIN_CONFIGURED",
            "input.phoneNumber",
        ),
        ("listId", json!(42), "OFFER_NOT_FOUND", "input.offerId"),
        (
            "offerId",
            json!(circle.id.to_string()),
            "INVALID_URL",
            "input.offerId",
        ),
    ] {
        input[field] = value;
        is(&input, code, path).await;
    }
    assert_eq!(app.count_links().await, 0);
    app.create(json!({"url": URL, "listId": 42, "code": "taken"}))
        .await;
    is(&input, "INVALID_URL", "input.offerId").await;
    input["offerId"] = json!(straight.id.to_string());
    is(&input, "CODE_TAKEN", "input.code").await;
}

#[tokio::test]
async fn a_key_without_the_scope_is_refused_before_its_input_is_looked_at() {
    let app = TestApp::start().await;
    let reader = app.tenant.key(app.store(), &[api_key::Scope::Read], None).await;
    let input = json!({"url": "x", "listId": 42, "idempotencyKey": ""});
    let refusal = app
        .graphql_as(Some(&reader), CREATE, json!({ "input": input }))
        .await;
    assert_eq!(refusal.error_code(), "FORBIDDEN");
    let nobody = app.graphql_as(None, CREATE, json!({ "input": input })).await;
    assert_eq!(nobody.error_code(), "UNAUTHENTICATED");
    let writer = app
        .tenant
        .key(app.store(), &[api_key::Scope::LinksWrite], None)
        .await;
    let made = app.create_as(&writer, json!({"url": URL, "listId": 42})).await;
    assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
}
