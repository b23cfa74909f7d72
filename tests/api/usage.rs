//! What still uses an offer, a list or a domain.

use entity::{ShortLinkId, sending_list, short_link};
use sea_orm::{EntityTrait as _, IntoActiveModel as _};
use serde_json::{Value, json};

use crate::support::{START, Tenant, TestApp, of_offer, text};

const USAGE: &str = "{
    offers(orderBy: OLDEST_FIRST) { nodes { usage { activeLinks isCapped } } }
    sendingLists(orderBy: LIST_ID) { nodes { usage { activeLinks isCapped } } }
    domains(orderBy: OLDEST_FIRST) { nodes { usage { activeLinks isCapped sendingLists } } }
}";

/// What each list of the catalogue says of its rows.
async fn usage(app: &TestApp) -> Value {
    let answer = app.graphql(USAGE, Value::Null).await.json();
    assert!(answer.get("errors").is_none(), "{answer}");
    let of = |list: &str| -> Vec<Value> {
        let nodes = answer["data"][list]["nodes"].as_array().expect("nodes");
        nodes.iter().map(|node| node["usage"].clone()).collect()
    };
    json!({"offers": of("offers"), "lists": of("sendingLists"), "domains": of("domains")})
}

#[tokio::test]
async fn links_that_redirect_are_counted_for_what_they_go_through() {
    let app = TestApp::start().await;
    let offer = app
        .tenant
        .offer(app.store(), None, "https://offer.example/")
        .await;
    let domain = app.tenant.more_domain(app.store(), "go.more.example").await;
    let list = app
        .tenant
        .more_list(app.store(), 43, "+18005551235", Some(domain.id))
        .await;
    app.tenant
        .more_list(app.store(), 44, "+18005551236", Some(domain.id))
        .await;
    let other = Tenant::make(app.store(), "go.other.example", START).await;
    app.create_as(&other.key, json!({"url": "https://example.com/", "listId": 42}))
        .await;
    let links = |links: i32| json!({"activeLinks": links, "isCapped": false});
    let on = |links: i32, lists: i32| json!({"activeLinks": links, "isCapped": false, "sendingLists": lists});
    assert_eq!(
        usage(&app).await,
        json!({
            "offers": [links(0)], "lists": [links(0), links(0), links(0)], "domains": [on(0, 1), on(0, 2)],
        })
    );
    for (code, fields) in [
        ("offer-1", of_offer(&offer, json!({}))),
        ("offer-2", of_offer(&offer, json!({}))),
        ("plain", json!({"url": "https://example.com/", "listId": 42})),
        ("more", json!({"url": "https://example.com/", "listId": 43})),
        (
            "expired",
            json!({"url": "https://example.com/", "listId": 43, "expiresAt": "2026-11-23T12:00:01Z"}),
        ),
        (
            "exhausted",
            json!({"url": "https://example.com/", "listId": 43, "maxClicks": 1}),
        ),
    ] {
        let mut fields = fields;
        fields["code"] = json!(code);
        let made = app.create(fields).await;
        assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
    }
    assert_eq!(
        usage(&app).await,
        json!({
            "offers": [links(2)], "lists": [links(3), links(3), links(0)], "domains": [on(3, 1), on(3, 2)],
        })
    );
    app.advance_seconds(1);
    assert_eq!(app.get("go.more.example", "/exhausted").await.status, 302);
    for (name, code) in [("disableShortLink", "offer-1"), ("archiveShortLink", "plain")] {
        let id = app.link_id(code).await.to_string();
        app.archive(name, "{ shortLink { id } }", &id).await;
    }
    // An archived list no longer makes links, and those that it has made live on.
    let archived = app
        .archive(
            "archiveSendingList",
            "{ sendingList { usage { activeLinks } domain { usage { sendingLists } } } }",
            &list.id.to_string(),
        )
        .await;
    assert_eq!(
        archived["sendingList"],
        json!({"usage": {"activeLinks": 1}, "domain": {"usage": {"sendingLists": 1}}})
    );
    assert_eq!(
        usage(&app).await,
        json!({"offers": [links(1)], "lists": [links(1), links(0)], "domains": [on(1, 1), on(1, 1)]})
    );
    // What archiving leaves behind is in its answer.
    let selection = "{ offer { status usage { activeLinks } } }";
    let archived = app
        .archive("archiveOffer", selection, &offer.id.to_string())
        .await;
    assert_eq!(
        archived["offer"],
        json!({"status": "ARCHIVED", "usage": {"activeLinks": 1}})
    );
    let selection = "{ domain { usage { activeLinks sendingLists } } }";
    let archived = app
        .archive("archiveDomain", selection, &domain.id.to_string())
        .await;
    assert_eq!(
        archived["domain"]["usage"],
        json!({"activeLinks": 1, "sendingLists": 1})
    );
}

#[tokio::test]
async fn a_page_is_counted_by_one_statement_a_kind() {
    let app = TestApp::start().await;
    for number in 0..5 {
        app.tenant
            .offer(app.store(), None, "https://offer.example/")
            .await;
        app.tenant
            .more_list(
                app.store(),
                50 + number,
                &format!("+1800555124{number}"),
                Some(app.tenant.domain.id),
            )
            .await;
        app.tenant
            .more_domain(app.store(), &format!("go{number}.example.com"))
            .await;
    }
    for (query, reads) in [
        ("{ offers { nodes { usage { activeLinks isCapped } } } }", 2),
        ("{ sendingLists { nodes { usage { activeLinks isCapped } } } }", 2),
        (
            "{ domains { nodes { usage { activeLinks isCapped sendingLists } } } }",
            3,
        ),
    ] {
        let before = app.reads();
        let answer = app.graphql(query, Value::Null).await.json();
        assert!(answer.get("errors").is_none(), "{answer}");
        assert_eq!(app.reads() - before, reads, "{query}");
    }
}

#[tokio::test]
async fn of_very_many_links_the_newest_are_looked_at() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let link = app.stored(&code).await;
    // The oldest one redirects, and half of the ten thousand that came after it.
    let rows: Vec<_> = (0..10_000)
        .map(|at| {
            let row = short_link::Model {
                id: ShortLinkId::at(START),
                code: format!("more-{at}"),
                status: if at % 2 == 0 {
                    short_link::Status::Active
                } else {
                    short_link::Status::Disabled
                },
                ..link.clone()
            };
            row.into_active_model()
        })
        .collect();
    for (lots, (links, is_capped)) in [(&rows[..9_998], (5_000, false)), (&rows[9_998..], (5_000, true))] {
        for lot in lots.chunks(500) {
            short_link::Entity::insert_many(lot.to_vec())
                .exec_without_returning(&app.store().write)
                .await
                .expect("links");
        }
        let usage = usage(&app).await;
        let expected = json!({"activeLinks": links, "isCapped": is_capped});
        assert_eq!(usage["lists"], json!([expected]));
        let domain = &usage["domains"][0];
        assert_eq!(
            (&domain["activeLinks"], &domain["isCapped"]),
            (&json!(links), &json!(is_capped))
        );
    }
}

#[tokio::test]
async fn a_row_that_names_another_account_s_is_not_counted() {
    let app = TestApp::start().await;
    let other = Tenant::make(app.store(), "go.other.example", START).await;
    let made = app
        .create_as(&other.key, json!({"url": "https://example.com/", "listId": 42}))
        .await;
    let theirs = app.stored(text(&made["linkId"])).await;
    app.save(short_link::Model {
        domain_id: app.tenant.domain.id,
        sending_list_id: app.tenant.list.id,
        ..theirs
    })
    .await;
    app.save(sending_list::Model {
        domain_id: Some(app.tenant.domain.id),
        ..other.list
    })
    .await;
    let none = json!({"activeLinks": 0, "isCapped": false});
    let on = json!({"activeLinks": 0, "isCapped": false, "sendingLists": 1});
    assert_eq!(
        usage(&app).await,
        json!({"offers": [], "lists": [none], "domains": [on]})
    );
}
