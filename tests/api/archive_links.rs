//! Short links that are archived by a filter.

use entity::{
    ShortLinkId,
    audit_entry::{self, Action},
    short_link,
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _,
};
use serde_json::{Value, json};

use crate::support::{START, Tenant, TestApp, user_error};

const ARCHIVE: &str = "mutation($filter: ShortLinkFilter!) { archiveShortLinks(filter: $filter) {
    __typename ... on ArchiveShortLinksSuccess { archived hasMore }
    ... on UserError { code message path httpStatus retryable } } }";

async fn archive(app: &TestApp, filter: Value) -> Value {
    let answer = app.graphql(ARCHIVE, json!({"filter": filter})).await;
    answer.data("archiveShortLinks")
}

fn success(archived: i32, has_more: bool) -> Value {
    json!({"__typename": "ArchiveShortLinksSuccess", "archived": archived, "hasMore": has_more})
}

async fn count(app: &TestApp, status: short_link::Status) -> u64 {
    short_link::Entity::find()
        .filter(short_link::Column::Status.eq(status))
        .count(&app.store().read)
        .await
        .expect("a count")
}

async fn entries(app: &TestApp) -> Vec<audit_entry::Model> {
    app.audit_log_without(&[Action::ShortLinkCreated]).await
}

/// More links like one, straight into the database.
async fn more_like(app: &TestApp, link: &short_link::Model, how_many: usize) {
    let rows: Vec<_> = (0..how_many)
        .map(|at| {
            let row = short_link::Model {
                id: ShortLinkId::at(START),
                code: format!("more-{at}"),
                ..link.clone()
            };
            row.into_active_model()
        })
        .collect();
    for rows in rows.chunks(500) {
        short_link::Entity::insert_many(rows.to_vec())
            .exec_without_returning(&app.store().write)
            .await
            .expect("links");
    }
}

#[tokio::test]
async fn links_that_pass_the_filter_are_archived_and_no_others() {
    let app = TestApp::start().await;
    let other = Tenant::make(app.store(), "go.other.example", START).await;
    let theirs = json!({"url": "https://example.com/", "listId": 42, "metadata": {"campaign": "spring"}});
    app.create_as(&other.key, theirs).await;
    for (code, campaign) in [("one", "spring"), ("two", "summer"), ("three", "spring")] {
        let input = json!({
            "url": "https://example.com/", "listId": 42, "code": code, "metadata": {"campaign": campaign},
            "contactPhone": "+12025550143",
        });
        app.create(input).await;
        assert_eq!(app.get("go.example.com", &format!("/{code}")).await.status, 302);
    }
    let spring = json!({"metadata": {"key": "campaign", "value": "spring"}});
    assert_eq!(archive(&app, spring.clone()).await, success(2, false));
    for (code, status) in [("one", 410), ("two", 302), ("three", 410)] {
        let answer = app.get("go.example.com", &format!("/{code}")).await;
        assert_eq!(answer.status, status, "{code}");
    }
    assert_eq!(count(&app, short_link::Status::Active).await, 2);
    // Each has an entry of its own, which says what it was and not for whom.
    let log = entries(&app).await;
    assert_eq!(log.len(), 2);
    for code in ["one", "three"] {
        let id = app.link_id(code).await.into();
        let entry = log.iter().find(|entry| entry.subject_id == Some(id));
        let entry = entry.expect("an entry");
        assert_eq!(
            (entry.action, entry.account_id, entry.api_key_id),
            (
                Action::ShortLinkArchived,
                app.tenant.account.id,
                Some(app.tenant.key_row.id)
            )
        );
        assert_eq!(
            (entry.before.clone(), entry.after.clone()),
            (
                Some(json!({"status": "ACTIVE"})),
                Some(json!({"status": "ARCHIVED"}))
            )
        );
    }
    // What is archived is not archived again, however it is asked for.
    assert_eq!(archive(&app, spring.clone()).await, success(0, false));
    for status in [json!([]), json!(["ARCHIVED"]), json!(["DISABLED", "ARCHIVED"])] {
        assert_eq!(archive(&app, json!({"status": status})).await, success(0, false));
    }
    assert_eq!(entries(&app).await.len(), 2);
    assert_eq!(
        archive(&app, json!({"status": ["ACTIVE"]})).await,
        success(1, false)
    );
}

#[tokio::test]
async fn each_field_of_the_filter_says_which_links_are_archived() {
    let app = TestApp::start().await;
    let offer = app
        .tenant
        .offer(app.store(), None, "https://offer.example/")
        .await;
    app.tenant
        .more_list(app.store(), 43, "+18005551235", Some(app.tenant.domain.id))
        .await;
    let domain = app.tenant.more_domain(app.store(), "go.more.example").await;
    app.tenant
        .more_list(app.store(), 44, "+18005551236", Some(domain.id))
        .await;
    for input in [
        json!({"url": "https://example.com/", "listId": 43}),
        json!({"offerId": offer.id.to_string(), "listId": 42}),
        json!({"url": "https://example.com/", "listId": 44}),
        json!({"url": "https://example.com/", "listId": 42, "contactPhone": "+12025550143"}),
        json!({"url": "https://example.com/", "listId": 42, "metadata": {"a": 1}}),
        json!({"url": "https://example.com/winter", "listId": 42}),
        json!({"url": "https://example.com/", "listId": 42, "expiresAt": "2026-11-23T12:00:01Z"}),
        json!({"url": "https://example.com/", "listId": 42}),
    ] {
        app.create(input).await;
    }
    app.advance_seconds(1);
    for filter in [
        json!({"listId": 43}),
        json!({"offerId": offer.id.to_string()}),
        json!({"domainId": domain.id.to_string()}),
        json!({"contactPhone": "+12025550143"}),
        json!({"metadata": {"key": "a", "value": 1}}),
        json!({"search": "winter"}),
        json!({"status": ["EXPIRED"]}),
        json!({"createdFrom": "2026-11-23T12:00:00Z", "createdBefore": "2026-11-23T12:00:01Z"}),
    ] {
        assert_eq!(archive(&app, filter.clone()).await, success(1, false), "{filter}");
    }
}

#[tokio::test]
async fn an_empty_filter_is_refused() {
    let app = TestApp::start().await;
    app.link("https://example.com/").await;
    let message = "Give at least one field: an empty filter would archive every link of the account.";
    let error = user_error("InvalidFilterError", "INVALID_FILTER", "filter", 400, message);
    for filter in [json!({}), json!({"listId": null, "metadata": null})] {
        assert_eq!(archive(&app, filter).await, error);
    }
    assert_eq!(count(&app, short_link::Status::Active).await, 1);
    // What no link could be looked for by is refused as the query refuses it.
    let answer = app.graphql(ARCHIVE, json!({"filter": {"search": "…"}})).await;
    assert_eq!(answer.error_code(), "BAD_REQUEST");
}

#[tokio::test]
async fn a_call_archives_ten_thousand_links_and_says_that_there_are_more() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let link = app.stored(&code).await;
    more_like(&app, &link, 10_002).await;
    let filter = json!({"listId": 42});
    assert_eq!(archive(&app, filter.clone()).await, success(10_000, true));
    assert_eq!(count(&app, short_link::Status::Archived).await, 10_000);
    assert_eq!(archive(&app, filter.clone()).await, success(3, false));
    assert_eq!(archive(&app, filter).await, success(0, false));
    assert_eq!(entries(&app).await.len(), 10_003);
}
