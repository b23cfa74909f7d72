//! Who changed what.

use std::collections::BTreeMap;

use entity::{api_key::Scope, audit_entry};
use linkhop::accounts;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, EntityTrait as _};
use serde_json::{Value, json};

use crate::support::{START, Schema, TestApp, items, text};

const LOG: &str = "query($filter: AuditLogFilter, $first: Int, $after: String) {
    auditLog(filter: $filter, first: $first, after: $after) {
        totalCount pageInfo { endCursor hasNextPage }
        nodes { id action apiKey { id name } subjectId affected before after createdAt } } }";

/// The account's log, the latest entry first.
async fn log(app: &TestApp, filter: Value) -> Vec<Value> {
    let variables = json!({"filter": filter, "first": 100});
    let log = app.graphql(LOG, variables).await.data("auditLog");
    items(&log["nodes"]).cloned().collect()
}

async fn latest(app: &TestApp) -> Value {
    log(app, Value::Null).await.swap_remove(0)
}

/// The name of a mutation and what to say to it so that it changes something; `None` for one that this does not know.
fn changing(field: &str, made: &BTreeMap<String, String>) -> Option<Value> {
    let id = |of: &str| {
        made.get(of)
            .cloned()
            .unwrap_or_else(|| panic!("no {of} was made"))
    };
    Some(match field {
        "createShortLink" => {
            json!({"input": {"url": "https://example.com/", "listId": 42, "contactPhone": "+14155552671"}})
        }
        "createShortLinks" => {
            json!({"input": {"defaults": {"listId": 42}, "items": [{"url": "https://example.com/"}]}})
        }
        "updateShortLink" => json!({"input": {"id": id("link"), "maxClicks": 7}}),
        "disableShortLink" | "enableShortLink" | "archiveShortLink" => json!({"id": id("link")}),
        "archiveShortLinks" => json!({"filter": {"listId": 42}}),
        "eraseContact" => json!({"phoneNumber": "+14155552671"}),
        "createOffer" => json!({"input": {"name": "Shoes", "trackingUrl": "https://offer.example/"}}),
        "updateOffer" => json!({"input": {"id": id("offer"), "name": "Boots"}}),
        "archiveOffer" => json!({"id": id("offer")}),
        "createSendingList" => json!({"input": {"phoneNumber": "+18005551299", "brandName": "New"}}),
        "updateSendingList" => json!({"input": {"id": id("sendingList"), "brandName": "Newer"}}),
        "archiveSendingList" => json!({"id": id("sendingList")}),
        "createDomain" => json!({"input": {"host": "new.example.com"}}),
        "updateDomain" => json!({"input": {"id": id("domain"), "rootUrl": "https://example.com/"}}),
        "archiveDomain" => json!({"id": id("domain")}),
        "updateAccountSettings" => json!({"input": {"defaultFilterBots": true}}),
        "createApiKey" => json!({"input": {"name": "agent", "scopes": ["READ"]}}),
        "rotateApiKey" => json!({"input": {"id": id("apiKey")}}),
        "revokeApiKey" => json!({"id": id("apiKey")}),
        _ => return None,
    })
}

#[tokio::test]
async fn every_mutation_leaves_its_entry() {
    let app = TestApp::start().await;
    let schema = Schema::read(&app).await;
    let mut made = BTreeMap::new();
    for (keyword, field) in schema.roots() {
        if keyword != "mutation" {
            continue;
        }
        let name = text(&field["name"]);
        let variables = changing(name, &made).unwrap_or_else(|| panic!("say how {name} changes something"));
        let before = log(&app, Value::Null).await.len();
        let answer = app.graphql(&schema.operation(keyword, field), variables).await;
        let answer = answer.data(name);
        assert!(
            text(&answer["__typename"]).ends_with("Success"),
            "{name}: {answer}"
        );
        for (noun, node) in answer.as_object().into_iter().flatten() {
            let noun = if noun == "shortLink" { "link" } else { noun };
            if let Some(id) = node["id"].as_str() {
                made.insert(noun.to_owned(), id.to_owned());
            }
        }
        let entries = log(&app, Value::Null).await;
        assert!(entries.len() > before, "{name} left no entry");
        for entry in &entries[..entries.len() - before] {
            let key = app.tenant.key_row.id.to_string();
            assert_eq!(entry["apiKey"]["id"], key, "{name}: {entry}");
        }
    }
}

#[tokio::test]
async fn an_entry_says_who_changed_what_and_what_was_different() {
    let app = TestApp::start().await;
    let new = json!({"name": "Shoes", "trackingUrl": "https://offer.example/", "metadata": {"a": 1}});
    let offer = app.mutate("createOffer", "{ offer { id } }", new).await;
    let id = offer["offer"]["id"].clone();
    let entry = latest(&app).await;
    assert_eq!(entry["action"], "OFFER_CREATED");
    assert_eq!(entry["subjectId"], id);
    assert_eq!(entry["affected"], 1);
    assert_eq!(entry["before"], Value::Null);
    assert_eq!(
        entry["after"],
        json!({"name": "Shoes", "trackingUrl": "https://offer.example/", "status": "ACTIVE", "metadata": {"a": 1}})
    );
    assert_eq!(entry["createdAt"], "2026-11-23T12:00:00+00:00");
    app.advance_seconds(5);
    let change = json!({"id": id, "name": "Boots", "metadata": {"a": null}, "filterBots": true});
    app.mutate("updateOffer", "{ offer { id } }", change).await;
    let entry = latest(&app).await;
    assert_eq!(entry["action"], "OFFER_UPDATED");
    assert_eq!(
        entry["before"],
        json!({"name": "Shoes", "metadata": {"a": 1}, "filterBots": null})
    );
    assert_eq!(
        entry["after"],
        json!({"name": "Boots", "metadata": {}, "filterBots": true})
    );
    assert_eq!(
        entry["apiKey"],
        json!({"id": app.tenant.key_row.id.to_string(), "name": "test"})
    );
    let node = "query($id: ID!) { node(id: $id) { __typename id } }";
    let found = app.graphql(node, json!({"id": entry["id"]})).await.data("node");
    assert_eq!(found, json!({"__typename": "AuditEntry", "id": entry["id"]}));
    let reader = app.tenant.key(app.store(), &[Scope::Read], None).await;
    let hidden = app
        .graphql_as(Some(&reader), node, json!({"id": entry["id"]}))
        .await;
    assert_eq!(hidden.data("node"), Value::Null);
}

#[tokio::test]
async fn a_key_that_is_replaced_or_taken_back_is_told_of_with_its_end() {
    let app = TestApp::start().await;
    let new = json!({"name": "agent", "scopes": ["READ"]});
    let made = app.mutate("createApiKey", "{ apiKey { id } }", new).await;
    let old = made["apiKey"]["id"].clone();
    let rotate = json!({"id": old, "overlapSeconds": 3600});
    let rotated = app.mutate("rotateApiKey", "{ apiKey { id } }", rotate).await;
    let replacing = rotated["apiKey"]["id"].clone();
    for _ in 0..2 {
        app.archive("revokeApiKey", "{ apiKey { id } }", text(&replacing))
            .await;
    }
    let said: Vec<_> = log(&app, Value::Null)
        .await
        .into_iter()
        .take(5)
        .map(|entry| {
            json!([
                entry["action"],
                entry["subjectId"],
                entry["before"],
                entry["after"]
            ])
        })
        .collect();
    let key = json!({"name": "agent", "scopes": ["READ"]});
    let ends = json!({"expiresAt": "2026-11-23T13:00:00Z"});
    let (is_back, no_end) = (
        json!({"revokedAt": "2026-11-23T12:00:00Z"}),
        json!({"expiresAt": null}),
    );
    assert_eq!(
        said[..4],
        [
            json!(["API_KEY_REVOKED", replacing, {"revokedAt": null}, is_back]),
            json!(["API_KEY_ROTATED", old, no_end, ends]),
            json!(["API_KEY_CREATED", replacing, null, key]),
            json!(["API_KEY_CREATED", old, null, key]),
        ]
    );
    assert_ne!(said[4][1], old, "there are no more of them");
}

#[tokio::test]
async fn what_changes_nothing_leaves_no_entry() {
    let app = TestApp::start().await;
    let offer = app
        .tenant
        .offer(app.store(), None, "https://offer.example/")
        .await;
    let before = log(&app, Value::Null).await;
    for change in [
        json!({"id": offer.id.to_string()}),
        json!({"id": offer.id.to_string(), "name": offer.name}),
        json!({"id": offer.id.to_string(), "name": ""}),
        json!({"id": "offer_0", "name": "Boots"}),
    ] {
        app.mutate("updateOffer", "{ offer { id } }", change).await;
    }
    app.archive("archiveOffer", "{ offer { id } }", &offer.id.to_string())
        .await;
    app.archive("archiveOffer", "{ offer { id } }", &offer.id.to_string())
        .await;
    let after = log(&app, Value::Null).await;
    assert_eq!(after.len(), before.len() + 1);
    assert_eq!(after[0]["action"], "OFFER_ARCHIVED");
    assert_eq!(after[1..], before[..]);
}

#[tokio::test]
async fn what_the_operator_does_names_no_key() {
    let app = TestApp::start().await;
    let id = app.tenant.account.id;
    let suspended = entity::account::Status::Suspended;
    for status in [suspended, suspended, entity::account::Status::Active] {
        let set = accounts::set_status(app.store(), id, status, START).await;
        set.expect("an answer").expect("the account");
    }
    let entries = log(&app, Value::Null).await;
    let said: Vec<_> = entries
        .iter()
        .map(|entry| {
            assert_eq!(entry["apiKey"], Value::Null);
            (
                text(&entry["action"]),
                entry["before"].clone(),
                entry["after"].clone(),
            )
        })
        .collect();
    let (active, suspended) = (json!({"status": "ACTIVE"}), json!({"status": "SUSPENDED"}));
    assert_eq!(
        said[..2],
        [
            ("ACCOUNT_RESUMED", suspended.clone(), active.clone()),
            ("ACCOUNT_SUSPENDED", active, suspended),
        ]
    );
    let rest: Vec<_> = said[2..].iter().map(|(action, ..)| *action).collect();
    assert_eq!(rest, ["API_KEY_CREATED", "ACCOUNT_CREATED"]);
}

#[tokio::test]
async fn the_log_is_paged_and_narrowed_down() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        app.advance_seconds(60);
        let new = json!({"name": name, "trackingUrl": "https://offer.example/"});
        let made = app.mutate("createOffer", "{ offer { id } }", new).await;
        ids.push(text(&made["offer"]["id"]).to_owned());
    }
    let page = app.graphql(LOG, json!({"first": 2})).await.data("auditLog");
    assert_eq!(page["totalCount"], 5);
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    let next = json!({"first": 100, "after": page["pageInfo"]["endCursor"]});
    let rest = app.graphql(LOG, next).await.data("auditLog");
    let names: Vec<_> = items(&page["nodes"])
        .chain(items(&rest["nodes"]))
        .map(|entry| text(&entry["after"]["name"]))
        .collect();
    assert_eq!(names, ["c", "b", "a", "test", "go.example.com"]);
    let key = app.tenant.key_row.id.to_string();
    for (filter, found) in [
        (json!({"subjectId": ids[1]}), vec!["b"]),
        (json!({"action": ["OFFER_CREATED"]}), vec!["c", "b", "a"]),
        (json!({"action": ["OFFER_ARCHIVED"]}), vec![]),
        (json!({"action": []}), vec![]),
        (json!({"apiKeyId": key}), vec!["c", "b", "a"]),
        (json!({"from": "2026-11-23T12:02:00Z"}), vec!["c", "b"]),
        (
            json!({"before": "2026-11-23T12:02:00Z"}),
            vec!["a", "test", "go.example.com"],
        ),
        (
            json!({"from": "2026-11-23T12:02:00Z", "subjectId": ids[0]}),
            vec![],
        ),
    ] {
        let entries = log(&app, filter.clone()).await;
        let names: Vec<_> = entries
            .iter()
            .map(|entry| text(&entry["after"]["name"]))
            .collect();
        assert_eq!(names, found, "{filter}");
    }
    for filter in [
        json!({"subjectId": "x"}),
        json!({"subjectId": "offer_1"}),
        json!({"apiKeyId": ids[0]}),
    ] {
        let refused = app.graphql(LOG, json!({"filter": filter})).await;
        assert_eq!(refused.error_code(), "BAD_REQUEST", "{filter}");
    }
}

#[tokio::test]
async fn nobody_changes_or_removes_an_entry() {
    let app = TestApp::start().await;
    let before = audit_entry::Entity::find()
        .all(&app.store().read)
        .await
        .expect("rows");
    assert_eq!(before.len(), 2);
    let by_its_own_way = match app.store().write.get_database_backend() {
        DatabaseBackend::Sqlite => "INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry",
        _ => "TRUNCATE audit_entry",
    };
    for statement in [
        "UPDATE audit_entry SET affected = 7",
        "DELETE FROM audit_entry",
        "DELETE FROM audit_entry WHERE affected = 1",
        by_its_own_way,
    ] {
        let refused = app.store().write.execute_unprepared(statement).await;
        let error = refused.expect_err(statement).to_string();
        assert!(error.contains("the audit log is append-only"), "{error}");
    }
    let after = audit_entry::Entity::find()
        .all(&app.store().read)
        .await
        .expect("rows");
    assert_eq!(after, before);
}

#[tokio::test]
async fn the_log_holds_no_key_and_no_hash_of_one() {
    let app = TestApp::start().await;
    let new = json!({"name": "agent", "scopes": ["READ"]});
    let made = app.mutate("createApiKey", "{ key apiKey { id } }", new).await;
    let rotate = json!({"id": made["apiKey"]["id"], "overlapSeconds": 0});
    let rotated = app.mutate("rotateApiKey", "{ key apiKey { id } }", rotate).await;
    let entries = json!(log(&app, Value::Null).await).to_string();
    assert!(!entries.contains("trk_"), "{entries}");
    let rows = accounts::keys(&app.store().read, app.tenant.account.id).await;
    for row in rows.expect("keys") {
        assert!(!entries.contains(&row.hash), "{entries}");
    }
    assert_ne!(made["key"], rotated["key"]);
}
