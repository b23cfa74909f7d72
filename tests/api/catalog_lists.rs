//! Sending lists as a dashboard manages them.

use std::sync::Arc;

use entity::sending_list;
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{TestApp, user_error};

const ALL: &str = "{ sendingList { id listId phoneNumber brandName status metadata domain { id } } }";

async fn count(app: &TestApp) -> u64 {
    sending_list::Entity::find()
        .count(&app.store().read)
        .await
        .expect("a count")
}

async fn made(app: &TestApp, input: Value) -> Value {
    let made = app.mutate("createSendingList", ALL, input).await;
    assert_eq!(made["__typename"], "CreateSendingListSuccess", "{made}");
    made["sendingList"].clone()
}

async fn changed(app: &TestApp, id: &Value, mut change: Value) -> Value {
    change["id"] = id.clone();
    let changed = app.mutate("updateSendingList", ALL, change).await;
    assert_eq!(changed["__typename"], "UpdateSendingListSuccess", "{changed}");
    changed["sendingList"].clone()
}

#[tokio::test]
async fn a_list_is_what_it_was_given_and_makes_links_at_once() {
    let app = TestApp::start().await;
    let domain = app.tenant.domain.id.to_string();
    let input = json!({
        "listId": 7, "phoneNumber": "+18005550007", "brandName": "Example Outlet", "domainId": domain,
        "metadata": {"team": "a"},
    });
    let list = made(&app, input).await;
    let expected = json!({
        "id": list["id"], "listId": 7, "phoneNumber": "+18005550007", "brandName": "Example Outlet",
        "status": "ACTIVE", "metadata": {"team": "a"}, "domain": {"id": domain},
    });
    assert_eq!(list, expected);
    let link = app
        .create(json!({"url": "https://example.com/", "phoneNumber": "+18005550007"}))
        .await;
    assert_eq!(link["domain"], "go.example.com");
}

#[tokio::test]
async fn a_list_without_a_number_gets_the_one_after_the_highest() {
    let app = TestApp::start().await;
    let list = made(&app, json!({"phoneNumber": "+18005550001", "brandName": "A"})).await;
    assert_eq!((&list["listId"], &list["domain"]), (&json!(43), &Value::Null));
    made(
        &app,
        json!({"listId": i32::MAX - 1, "phoneNumber": "+18005550002", "brandName": "B"}),
    )
    .await;
    let highest = made(&app, json!({"phoneNumber": "+18005550003", "brandName": "C"})).await;
    assert_eq!(highest["listId"], i32::MAX);
    let none = app
        .mutate(
            "createSendingList",
            ALL,
            json!({"phoneNumber": "+18005550004", "brandName": "D"}),
        )
        .await;
    let message =
        "The highest number that there can be is in use, so none follows it; give one that is free.";
    assert_eq!(
        none,
        user_error(
            "InvalidListIdError",
            "INVALID_LIST_ID",
            "input.listId",
            400,
            message
        )
    );
}

#[tokio::test]
async fn lists_that_are_made_at_once_each_get_a_number_of_their_own() {
    let app = Arc::new(TestApp::start().await);
    let mut calls = JoinSet::new();
    for number in 0..40 {
        let app = Arc::clone(&app);
        calls.spawn(async move {
            let input = json!({"phoneNumber": format!("+1800555{number:04}"), "brandName": "A"});
            made(&app, input).await["listId"].as_i64()
        });
    }
    let mut numbers = calls.join_all().await;
    numbers.sort_unstable();
    assert_eq!(numbers, (43..83).map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_number_that_somebody_else_asks_for_at_the_same_time_is_passed_over() {
    let app = Arc::new(TestApp::start().await);
    let mut calls = JoinSet::new();
    for number in 0..20 {
        for (list_id, block) in [(Value::Null, "555"), (json!(43 + 2 * number), "556")] {
            let app = Arc::clone(&app);
            calls.spawn(async move {
                let phone = format!("+1800{block}{number:04}");
                let input = json!({"listId": list_id, "phoneNumber": phone, "brandName": "A"});
                let answer = app.mutate("createSendingList", ALL, input).await;
                (list_id.is_null(), answer["__typename"].clone())
            });
        }
    }
    for (is_next, kind) in calls.join_all().await {
        // Whoever asks for a number may come too late; whoever asks for none may not.
        let was_made = kind == "CreateSendingListSuccess";
        assert!(was_made || (!is_next && kind == "ListIdInUseError"), "{kind}");
    }
}

#[tokio::test]
async fn metadata_is_kept_as_it_was_given() {
    let app = TestApp::start().await;
    let metadata =
        json!({"none": null, "fine": 0.158_382_870_254_805_57, "tiny": 7.654_927_133_881_691e-231});
    let input = json!({"phoneNumber": "+18005550001", "brandName": "A", "metadata": metadata});
    let list = made(&app, input).await;
    assert_eq!(list["metadata"], metadata);
    let again = changed(&app, &list["id"], json!({"metadata": {"other": 1}})).await;
    for key in ["none", "fine", "tiny"] {
        assert_eq!(again["metadata"][key], metadata[key], "{key}");
    }
}

#[tokio::test]
async fn of_lists_that_want_one_phone_number_at_once_one_is_made() {
    let app = Arc::new(TestApp::start().await);
    let mut calls = JoinSet::new();
    for _ in 0..40 {
        let app = Arc::clone(&app);
        calls.spawn(async move {
            let input = json!({"phoneNumber": "+18005550001", "brandName": "A"});
            app.mutate("createSendingList", ALL, input).await["__typename"].take()
        });
    }
    let answers = calls.join_all().await;
    assert_eq!(
        answers
            .iter()
            .filter(|kind| *kind == "CreateSendingListSuccess")
            .count(),
        1
    );
    assert_eq!(
        answers.iter().filter(|kind| *kind == "PhoneInUseError").count(),
        39
    );
    assert_eq!(count(&app).await, 2);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of all that can be wrong")]
async fn what_is_wrong_with_a_list_is_told_and_nothing_is_made_or_changed() {
    let app = TestApp::start().await;
    let other = made(
        &app,
        json!({"listId": 7, "phoneNumber": "+18005550007", "brandName": "Other"}),
    )
    .await;
    let archived = app.tenant.more_domain(app.store(), "old.example.com").await;
    app.archive("archiveDomain", "{ domain { status } }", &archived.id.to_string())
        .await;
    let archived = archived.id.to_string();
    let number = "A list's number is at least 1; leave it out for the next one.";
    let domain = "The account has no active domain with this id; take one from the query domains.";
    let name = "A name has 1 to 255 characters and no control characters.";
    let cases = [
        (
            "listId",
            json!(0),
            "InvalidListIdError",
            "INVALID_LIST_ID",
            400,
            number,
        ),
        (
            "listId",
            json!(-1),
            "InvalidListIdError",
            "INVALID_LIST_ID",
            400,
            number,
        ),
        (
            "listId",
            json!(42),
            "ListIdInUseError",
            "LIST_ID_IN_USE",
            409,
            "Another sending list has this number, maybe an archived one; choose another, or change that list.",
        ),
        (
            "phoneNumber",
            json!("+18005551234"),
            "PhoneInUseError",
            "PHONE_IN_USE",
            409,
            "Another sending list has this phone number, maybe an archived one; find it with the query sendingList \
             and change that one.",
        ),
        (
            "phoneNumber",
            json!("8005551234"),
            "InvalidPhoneError",
            "INVALID_PHONE",
            400,
            "A phone number is written in E.164 form: a plus sign, then up to 15 digits that begin with the country \
             code, without spaces or any other character, such as +14155552671.",
        ),
        (
            "phoneNumber",
            json!("+1800555123"),
            "InvalidPhoneError",
            "INVALID_PHONE",
            400,
            "No country has such a phone number: check the country code, that no digit is missing or too many, and \
             that no national prefix (such as the 0 of 07911 123456) follows the country code.",
        ),
        (
            "brandName",
            json!(" "),
            "InvalidNameError",
            "INVALID_NAME",
            400,
            name,
        ),
        (
            "brandName",
            json!("x".repeat(10_000)),
            "InvalidNameError",
            "INVALID_NAME",
            400,
            name,
        ),
        (
            "brandName",
            json!("\0"),
            "InvalidNameError",
            "INVALID_NAME",
            400,
            name,
        ),
        (
            "domainId",
            json!(archived),
            "DomainNotFoundError",
            "DOMAIN_NOT_FOUND",
            404,
            domain,
        ),
        (
            "domainId",
            json!(""),
            "DomainNotFoundError",
            "DOMAIN_NOT_FOUND",
            404,
            domain,
        ),
        (
            "domainId",
            json!("\0"),
            "DomainNotFoundError",
            "DOMAIN_NOT_FOUND",
            404,
            domain,
        ),
        (
            "domainId",
            other["id"].clone(),
            "DomainNotFoundError",
            "DOMAIN_NOT_FOUND",
            404,
            domain,
        ),
        (
            "metadata",
            json!("a"),
            "InvalidMetadataError",
            "INVALID_METADATA",
            400,
            "Metadata must be a JSON object, such as {\"campaign\": \"spring\"}.",
        ),
    ];
    for (field, value, kind, code, status, message) in cases {
        let expected = user_error(kind, code, &format!("input.{field}"), status, message);
        let mut input = json!({"phoneNumber": "+18005550008", "brandName": "New"});
        input[field] = value.clone();
        assert_eq!(app.mutate("createSendingList", ALL, input).await, expected);
        let mut input = json!({"id": other["id"], "metadata": {"half": true}});
        input[field] = value;
        assert_eq!(app.mutate("updateSendingList", ALL, input).await, expected);
    }
    assert_eq!(count(&app).await, 2);
    assert_eq!(changed(&app, &other["id"], json!({})).await, other);
}

#[tokio::test]
async fn an_update_changes_what_is_given_and_the_next_link_knows() {
    let app = TestApp::start().await;
    let second = app
        .tenant
        .more_domain(app.store(), "go2.example.com")
        .await
        .id
        .to_string();
    let id = json!(app.tenant.list.id.to_string());
    let before = changed(&app, &id, json!({})).await;
    assert_eq!(
        changed(
            &app,
            &id,
            json!({"listId": null, "phoneNumber": null, "status": null})
        )
        .await,
        before
    );
    let change = json!({
        "listId": 7, "phoneNumber": "+18005550007", "brandName": "Renamed", "domainId": second,
        "metadata": {"a": 1, "b": 2},
    });
    let list = changed(&app, &id, change).await;
    let expected = json!({
        "id": id, "listId": 7, "phoneNumber": "+18005550007", "brandName": "Renamed", "status": "ACTIVE",
        "metadata": {"a": 1, "b": 2}, "domain": {"id": second},
    });
    assert_eq!(list, expected);
    let merged = changed(&app, &id, json!({"metadata": {"a": null, "c": 3}})).await;
    assert_eq!(merged["metadata"], json!({"b": 2, "c": 3}));

    let link = async |list| {
        app.create(json!({"url": "https://example.com/", "listId": list}))
            .await
    };
    assert_eq!(link(7).await["domain"], "go2.example.com");
    assert_eq!(link(42).await["code"], "LIST_NOT_FOUND");
    let names_the_brand = async || app.get("go2.example.com", "/").await.body.contains("Renamed");
    assert!(names_the_brand().await);
    changed(&app, &id, json!({"domainId": null})).await;
    assert_eq!(link(7).await["code"], "NO_DOMAIN_CONFIGURED");
    assert!(!names_the_brand().await);
}

#[tokio::test]
async fn a_list_that_is_paused_or_archived_makes_no_links_until_it_is_taken_back() {
    let app = TestApp::start().await;
    let id = app.tenant.list.id.to_string();
    let link = async || {
        app.create(json!({"url": "https://example.com/", "listId": 42}))
            .await["__typename"]
            .take()
    };
    changed(&app, &json!(id), json!({"status": "PAUSED"})).await;
    assert_eq!(link().await, "ListNotFoundError");
    for _ in 0..2 {
        let archived = app
            .archive("archiveSendingList", "{ sendingList { status listId } }", &id)
            .await;
        assert_eq!(
            archived["sendingList"],
            json!({"status": "ARCHIVED", "listId": 42})
        );
        assert_eq!(link().await, "ListNotFoundError");
    }
    // Its numbers stay its own.
    let input = json!({"phoneNumber": "+18005551234", "brandName": "New"});
    assert_eq!(
        app.mutate("createSendingList", ALL, input).await["code"],
        "PHONE_IN_USE"
    );
    changed(&app, &json!(id), json!({"status": "ACTIVE"})).await;
    assert_eq!(link().await, "CreateShortLinkSuccess");
}

#[tokio::test]
async fn a_list_that_is_not_there_can_be_neither_changed_nor_archived() {
    let app = TestApp::start().await;
    let message = "The account has no sending list with this id; take one from the query sendingLists.";
    let domain = app.tenant.domain.id.to_string();
    for id in [
        domain.as_str(),
        "list_00000000000000000000000000000000",
        "",
        "\0",
        "42",
    ] {
        let error = |path| user_error("ListNotFoundError", "LIST_NOT_FOUND", path, 404, message);
        let updated = app
            .mutate("updateSendingList", ALL, json!({"id": id, "brandName": "New"}))
            .await;
        assert_eq!(updated, error("input.id"), "{id}");
        assert_eq!(
            app.archive("archiveSendingList", ALL, id).await,
            error("id"),
            "{id}"
        );
    }
}
