//! What can be read: by id, by lookup, and one after the other.

use entity::offer;
use serde_json::{Value, json};

use crate::support::TestApp;

#[tokio::test]
async fn the_viewer_is_the_account_and_the_key() {
    let app = TestApp::start().await;
    let query = "{ viewer {
        account { id name status products createdAt settings {
            defaultFilterBots tuneLinkParameter tuneClickParameter everflowLinkParameter everflowClickParameter
            globalOfferParameters
        } }
        apiKey { id name scopes expiresAt createdAt }
    } }";
    assert_eq!(
        app.graphql(query, Value::Null).await.data("viewer"),
        json!({
            "account": {
                "id": app.tenant.account.id.to_string(),
                "name": "go.example.com",
                "status": "ACTIVE",
                "products": ["SMS"],
                "createdAt": "2026-11-23T12:00:00+00:00",
                "settings": {
                    "defaultFilterBots": false,
                    "tuneLinkParameter": "aff_sub",
                    "tuneClickParameter": "aff_click_id",
                    "everflowLinkParameter": "sub1",
                    "everflowClickParameter": "sub2",
                    "globalOfferParameters": {},
                },
            },
            "apiKey": {
                "id": app.tenant.key_row.id.to_string(),
                "name": "test",
                "scopes": ["ADMIN"],
                "expiresAt": null,
                "createdAt": "2026-11-23T12:00:00+00:00",
            },
        })
    );
}

#[tokio::test]
async fn a_node_of_each_kind_is_found_by_its_id() {
    let app = TestApp::start().await;
    let offer = app
        .tenant
        .offer(app.store(), None, "https://offer.example/")
        .await;
    let link = app.link("https://example.com/").await;
    for (id, kind) in [
        (app.tenant.account.id.to_string(), "Account"),
        (app.tenant.key_row.id.to_string(), "ApiKey"),
        (app.tenant.domain.id.to_string(), "Domain"),
        (offer.id.to_string(), "Offer"),
        (app.tenant.list.id.to_string(), "SendingList"),
        (app.link_id(&link).await.to_string(), "ShortLink"),
    ] {
        let query = "query($id: ID!) { node(id: $id) { __typename id } }";
        let node = app.graphql(query, json!({"id": id})).await.data("node");
        assert_eq!(node, json!({"__typename": kind, "id": id}));
    }
}

#[tokio::test]
async fn an_id_of_another_kind_or_form_is_not_found() {
    let app = TestApp::start().await;
    let list = app.tenant.list.id.to_string();
    let digits = list.trim_start_matches("list_");
    for id in [
        "",
        "42",
        "offer_",
        "offer_1",
        "\u{0}",
        "🦀",
        digits,
        &format!("offer_{digits}"),
        &list.to_uppercase(),
        &format!("{list}0"),
        &"x".repeat(100_000),
    ] {
        for field in ["node", "offer"] {
            let query = format!("query($id: ID!) {{ {field}(id: $id) {{ id }} }}");
            let found = app.graphql(&query, json!({"id": id})).await.data(field);
            assert_eq!(found, Value::Null, "{field} {id}");
        }
        for (field, input) in [
            ("shortLink", "ShortLinkLookup"),
            ("sendingList", "SendingListLookup"),
        ] {
            let query = format!("query($by: {input}!) {{ {field}(by: $by) {{ id }} }}");
            let found = app.graphql(&query, json!({"by": {"id": id}})).await.data(field);
            assert_eq!(found, Value::Null, "{field} {id}");
        }
    }
}

#[tokio::test]
async fn a_short_link_is_found_by_its_id_and_by_any_writing_of_its_short_url() {
    let app = TestApp::start().await;
    let input = json!({
        "url": "https://example.com/sale", "listId": 42, "code": "Spring-1", "contactPhone": "+18005550199",
        "metadata": {"campaign": "spring"}, "expiresAt": "2026-12-01T00:00:00Z", "maxClicks": 3,
        "fallbackUrl": "https://example.com/over", "filterBots": true,
    });
    app.create(input).await;
    let id = app.link_id("Spring-1").await.to_string();
    let query = "query($by: ShortLinkLookup!) { shortLink(by: $by) {
        id linkId shortUrl destinationUrl contactPhone metadata filterBots status expiresAt maxClicks fallbackUrl
        createdAt domain { host scheme status rootUrl fallbackUrl } sendingList { listId phoneNumber brandName status }
        offer { id }
    } }";
    let found = app
        .graphql(query, json!({"by": {"id": id}}))
        .await
        .data("shortLink");
    assert_eq!(
        found,
        json!({
            "id": id,
            "linkId": "Spring-1",
            "shortUrl": "https://go.example.com/Spring-1",
            "destinationUrl": "https://example.com/sale",
            "contactPhone": "+18005550199",
            "metadata": {"campaign": "spring"},
            "filterBots": true,
            "status": "ACTIVE",
            "expiresAt": "2026-12-01T00:00:00+00:00",
            "maxClicks": 3,
            "fallbackUrl": "https://example.com/over",
            "createdAt": "2026-11-23T12:00:00+00:00",
            "domain": {
                "host": "go.example.com", "scheme": "HTTPS", "status": "ACTIVE", "rootUrl": null, "fallbackUrl": null,
            },
            "sendingList": {
                "listId": 42, "phoneNumber": "+18005551234", "brandName": "Example Outfitters", "status": "ACTIVE",
            },
            "offer": null,
        })
    );
    for (url, is_it) in [
        ("https://go.example.com/Spring-1", true),
        ("https://GO.example.COM:443/Spring-1", true),
        ("https://go.example.com/Spring-1?utm_source=sms#top", true),
        ("https://go.example.com/spring-1", false),
        ("https://go.example.com:8443/Spring-1", false),
        ("https://other.example.com/Spring-1", false),
        ("https://go.example.com/", false),
        ("go.example.com/Spring-1", false),
        ("https://go.example.com/Spring-1\u{0}", false),
        ("", false),
    ] {
        let variables = json!({"by": {"shortUrl": url}});
        let link = app.graphql(query, variables).await.data("shortLink");
        assert_eq!(link == found, is_it, "{url}: {link}");
    }
    app.advance_hours(24 * 8);
    let expired = app.graphql(query, json!({"by": {"id": id}})).await;
    assert_eq!(expired.data("shortLink")["status"], "EXPIRED");
}

#[tokio::test]
async fn an_offer_is_found_by_its_id() {
    let app = TestApp::start().await;
    let template = "https://go.tune.example/aff_c?offer_id=7&phone={{contact.phone}}";
    let row = offer::Model {
        payout: Some("12.50".to_owned()),
        payout_currency: Some("USD".to_owned()),
        payout_type: Some(offer::PayoutType::Cpa),
        filter_bots: Some(true),
        status: offer::Status::Paused,
        metadata: json!({"vertical": "shoes"}),
        ..app
            .tenant
            .offer(app.store(), Some(offer::Platform::Tune), template)
            .await
    };
    let id = app.save(row).await.id.to_string();
    let query = "query($id: ID!) { offer(id: $id) {
        id name trackingUrl platform externalId payout payoutCurrency payoutType filterBots status metadata createdAt
    } }";
    assert_eq!(
        app.graphql(query, json!({"id": id})).await.data("offer"),
        json!({
            "id": id,
            "name": "Offer",
            "trackingUrl": template,
            "platform": "TUNE",
            "externalId": "101",
            "payout": "12.50",
            "payoutCurrency": "USD",
            "payoutType": "CPA",
            "filterBots": true,
            "status": "PAUSED",
            "metadata": {"vertical": "shoes"},
            "createdAt": "2026-11-23T12:00:00+00:00",
        })
    );
}

#[tokio::test]
async fn a_sending_list_is_found_by_each_of_its_names() {
    let app = TestApp::start().await;
    let expected = json!({
        "id": app.tenant.list.id.to_string(),
        "listId": 42,
        "phoneNumber": "+18005551234",
        "brandName": "Example Outfitters",
        "status": "ACTIVE",
        "metadata": {},
        "domain": {"id": app.tenant.domain.id.to_string()},
        "createdAt": "2026-11-23T12:00:00+00:00",
    });
    let query = "query($by: SendingListLookup!) { sendingList(by: $by) {
        id listId phoneNumber brandName status metadata domain { id } createdAt
    } }";
    for (by, is_it) in [
        (json!({"id": expected["id"]}), true),
        (json!({"listId": 42}), true),
        (json!({"phoneNumber": "+18005551234"}), true),
        (json!({"listId": 43}), false),
        (json!({"listId": -2_147_483_648}), false),
        (json!({"phoneNumber": "18005551234"}), false),
        (json!({"phoneNumber": ""}), false),
        (json!({"phoneNumber": "+1\u{0}"}), false),
    ] {
        let list = app.graphql(query, json!({"by": by})).await.data("sendingList");
        assert_eq!(list == expected, is_it, "{by}");
        assert_eq!(list.is_null(), !is_it, "{by}");
    }
}

#[tokio::test]
async fn a_lookup_takes_exactly_one_name() {
    let app = TestApp::start().await;
    for by in [
        json!({}),
        json!({"listId": 42, "phoneNumber": "+18005551234"}),
        json!({"listId": null}),
        json!({"number": 42}),
        json!({"listId": 2_147_483_648_u32}),
        Value::Null,
    ] {
        let query = "query($by: SendingListLookup!) { sendingList(by: $by) { id } }";
        let answer = app.graphql(query, json!({"by": by})).await;
        assert_eq!(
            (answer.status.as_u16(), answer.error_code()),
            (200, "BAD_REQUEST".to_owned()),
            "{by}"
        );
    }
}

#[tokio::test]
async fn a_document_that_is_sent_again_is_answered_for_its_new_variables() {
    let app = TestApp::start().await;
    let query = "query($hide: Boolean!, $id: ID!) {
        viewer @skip(if: $hide) { apiKey { name } } node(id: $id) { __typename }
    }";
    let (list, domain) = (app.tenant.list.id.to_string(), app.tenant.domain.id.to_string());
    for (hide, id, data) in [
        (true, &list, json!({"node": {"__typename": "SendingList"}})),
        (
            false,
            &domain,
            json!({"viewer": {"apiKey": {"name": "test"}}, "node": {"__typename": "Domain"}}),
        ),
        (true, &domain, json!({"node": {"__typename": "Domain"}})),
    ] {
        let answer = app.graphql(query, json!({"hide": hide, "id": id})).await;
        assert_eq!(answer.json()["data"], data);
    }
}
