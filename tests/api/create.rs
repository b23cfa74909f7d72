//! `createShortLink`: what it makes of an input that is good.

use entity::short_link;
use linkhop::{app::Options, links::code::CodeSpace};
use serde_json::{Value, json};

use crate::support::{START, Setup, Tenant, TestApp};

#[tokio::test]
async fn a_link_is_made_and_leads_to_its_destination() {
    let app = TestApp::start().await;
    let made = app
        .create(json!({"url": "https://example.com/sale?a=1", "listId": 42}))
        .await;
    let code = made["linkId"].as_str().expect("a code").to_owned();
    assert_eq!(
        made,
        json!({
            "__typename": "CreateShortLinkSuccess",
            "shortUrl": format!("https://go.example.com/{code}"),
            "linkId": code,
            "destinationUrl": "https://example.com/sale?a=1",
            "domain": "go.example.com",
            "offerId": null,
            "filterBots": false,
            "replayed": false,
        })
    );
    assert_eq!(code.len(), 7);
    let visit = app.get("go.example.com", &format!("/{code}")).await;
    assert_eq!(
        (visit.status.as_u16(), visit.header("location")),
        (302, "https://example.com/sale?a=1")
    );
    assert_eq!(app.clicks().await.len(), 1);
}

#[tokio::test]
async fn every_input_is_stored_as_it_was_given() {
    let app = TestApp::start().await;
    let metadata = json!({"campaign": "spring", "cohort": {"n": [1, 2.5, null, true]}, "ü": "🎉"});
    let made = app
        .create(json!({
            "url": "https://example.com/sale",
            "listId": 42,
            "contactPhone": "+14155552671",
            "metadata": metadata,
            "code": "Spring-26_a",
            "filterBots": true,
            "expiresAt": "2026-11-24T14:30:00.250+02:00",
            "maxClicks": 2_147_483_647,
            "fallbackUrl": "https://example.com/over",
            "idempotencyKey": "one",
        }))
        .await;
    assert_eq!(made["shortUrl"], "https://go.example.com/Spring-26_a");
    let stored = app.stored("Spring-26_a").await;
    assert_eq!(
        stored,
        short_link::Model {
            id: stored.id,
            account_id: app.tenant.account.id,
            domain_id: app.tenant.domain.id,
            code: "Spring-26_a".to_owned(),
            destination: "https://example.com/sale".to_owned(),
            sending_list_id: app.tenant.list.id,
            offer_id: None,
            contact_phone: Some("+14155552671".to_owned()),
            metadata,
            filter_bots: true,
            status: short_link::Status::Active,
            expires_at: Some(entity::Timestamp::from_millis(START.millis() + 88_200_250)),
            max_clicks: Some(i32::MAX),
            fallback_url: Some("https://example.com/over".to_owned()),
            created_at: START,
            exhausted_at: None,
            api_key_id: Some(app.tenant.key_row.id),
        }
    );
}

#[tokio::test]
async fn what_was_not_given_is_stored_as_nothing() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let stored = app.stored(&code).await;
    assert_eq!(stored.metadata, json!({}));
    assert_eq!((stored.contact_phone, stored.offer_id), (None, None));
    assert_eq!(
        (stored.expires_at, stored.max_clicks, stored.fallback_url),
        (None, None, None)
    );
}

#[tokio::test]
async fn the_success_holds_the_whole_link() {
    let app = TestApp::start().await;
    let query = "mutation($input: CreateShortLinkInput!) { createShortLink(input: $input) {
        ... on CreateShortLinkSuccess { linkId shortLink {
            id linkId shortUrl destinationUrl domain { host } sendingList { listId } offer { id }
            contactPhone metadata filterBots status expiresAt maxClicks fallbackUrl createdAt } } } }";
    let input = json!({
        "url": "https://example.com/", "listId": 42, "code": "whole", "metadata": {"a": 1},
        "expiresAt": "2026-12-01T00:00:00Z",
    });
    let made = app
        .graphql(query, json!({ "input": input }))
        .await
        .data("createShortLink");
    assert_eq!(
        made,
        json!({"linkId": "whole", "shortLink": {
            "id": app.link_id("whole").await.to_string(),
            "linkId": "whole",
            "shortUrl": "https://go.example.com/whole",
            "destinationUrl": "https://example.com/",
            "domain": {"host": "go.example.com"},
            "sendingList": {"listId": 42},
            "offer": null,
            "contactPhone": null,
            "metadata": {"a": 1},
            "filterBots": false,
            "status": "ACTIVE",
            "expiresAt": "2026-12-01T00:00:00+00:00",
            "maxClicks": null,
            "fallbackUrl": null,
            "createdAt": "2026-11-23T12:00:00+00:00",
        }})
    );
}

#[tokio::test]
async fn an_offer_wins_over_a_url_which_is_not_even_looked_at() {
    let app = TestApp::start().await;
    let offer = app.tenant.offer(app.store(), None, "https://t.example/x").await;
    for url in ["https://example.com/", "javascript:alert(1)"] {
        let made = app
            .create(json!({"url": url, "offerId": offer.id.to_string(), "listId": 42}))
            .await;
        assert_eq!(made["destinationUrl"], "https://t.example/x", "{made}");
        assert_eq!(made["offerId"], offer.id.to_string());
    }
}

#[tokio::test]
async fn a_list_id_wins_over_a_phone_number_which_is_not_even_looked_at() {
    let app = TestApp::start().await;
    let other = app
        .tenant
        .more_list(app.store(), 43, "+18005551235", Some(app.tenant.domain.id))
        .await;
    for number in ["+18005551234", "nobody"] {
        let made = app
            .create(json!({"url": "https://example.com/", "listId": 43, "phoneNumber": number}))
            .await;
        let code = made["linkId"].as_str().expect("a code");
        assert_eq!(app.stored(code).await.sending_list_id, other.id);
    }
}

#[tokio::test]
async fn a_list_is_found_by_its_phone_number_in_its_own_account() {
    let app = TestApp::start().await;
    let other = Tenant::make(app.store(), "other.example.com", START).await;
    let input = json!({"url": "https://example.com/", "phoneNumber": "+18005551234"});
    assert_eq!(app.create(input.clone()).await["domain"], "go.example.com");
    assert_eq!(
        app.create_as(&other.key, input).await["domain"],
        "other.example.com"
    );
}

#[tokio::test]
async fn two_calls_without_a_key_are_two_links() {
    let app = TestApp::start().await;
    let first = app.link("https://example.com/").await;
    assert_ne!(first, app.link("https://example.com/").await);
    assert_eq!(app.count_links().await, 2);
}

#[tokio::test]
async fn the_offer_decides_of_bots_where_the_input_does_not_and_the_account_after_it() {
    for (input, of_offer, of_account, expected) in [
        (None, None, false, false),
        (None, None, true, true),
        (None, Some(false), true, false),
        (None, Some(true), false, true),
        (Some(false), Some(true), true, false),
        (Some(true), Some(false), false, true),
    ] {
        let app = TestApp::start().await;
        let mut offer = app.tenant.offer(app.store(), None, "https://t.example/").await;
        offer.filter_bots = of_offer;
        let offer = app.save(offer).await;
        let mut account = app.tenant.account.clone();
        account.default_filter_bots = of_account;
        app.save(account).await;
        let made = app
            .create(json!({"offerId": offer.id.to_string(), "listId": 42, "filterBots": input}))
            .await;
        assert_eq!(
            made["filterBots"], expected,
            "{input:?} {of_offer:?} {of_account}"
        );
        let made = app
            .create(json!({"url": "https://example.com/", "listId": 42, "filterBots": input}))
            .await;
        assert_eq!(
            made["filterBots"],
            input.unwrap_or(of_account),
            "{input:?} {of_account}"
        );
    }
}

#[tokio::test]
async fn a_url_is_stored_in_normal_form_with_its_query_as_it_was() {
    let app = TestApp::start().await;
    for (url, destination) in [
        (
            "HTTPS://BÜCHER.example:443/ü",
            "https://xn--bcher-kva.example/%C3%BC",
        ),
        (
            "http://example.com:8080?b=%2f+x&&a=1&b=&=#f?g",
            "http://example.com:8080/?b=%2f+x&&a=1&b=&=#f?g",
        ),
        (
            "https://example.com/{{click.id}}?sub={{link.id}}#{x}",
            "https://example.com/%7B%7Bclick.id%7D%7D?sub=%7B%7Blink.id%7D%7D#%7Bx%7D",
        ),
    ] {
        let made = app.create(json!({"url": url, "listId": 42})).await;
        assert_eq!(made["destinationUrl"], destination, "{made}");
        let code = made["linkId"].as_str().expect("a code");
        assert_eq!(app.stored(code).await.destination, destination);
    }
}

#[tokio::test]
async fn the_scheme_and_port_of_a_short_url_are_its_domain_s() {
    let app = TestApp::with(Setup {
        options: Options {
            codes: CodeSpace {
                random: |bytes| vec![0; bytes],
                ..CodeSpace::default()
            },
            ..Options::default()
        },
        ..Setup::default()
    })
    .await;
    let mut domain = app.tenant.domain.clone();
    domain.host = "localhost:4000".to_owned();
    domain.scheme = entity::domain::Scheme::Http;
    app.save(domain).await;
    let made: Value = app
        .create(json!({"url": "https://example.com/", "listId": 42}))
        .await;
    assert_eq!(made["shortUrl"], "http://localhost:4000/0000000");
    assert_eq!(made["domain"], "localhost:4000");
}
