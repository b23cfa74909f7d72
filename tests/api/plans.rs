//! Every filter and every order has an index behind it: what the database says of the very statements that answer.

use entity::{
    ApiKeyId, DomainId, OfferId, SendingListId, ShortLinkId, Timestamp,
    audit_entry::{self, Action},
    domain, offer, sending_list, short_link,
};
use linkhop::accounts::{Actor, audit};
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{
    ConnectionTrait as _, DatabaseBackend, DatabaseConnection, EntityTrait, IntoActiveModel,
    TransactionTrait as _,
};
use serde_json::{Value, json};

use crate::support::{START, Tenant, TestApp};

/// Rows enough that an index pays: the tenant has one of ten, another account the rest.
async fn furnish(app: &TestApp) -> OfferId {
    let other = Tenant::make(app.store(), "go.other.example", START).await;
    let rows = |many: usize| (0..many).map(|number| (number, number.is_multiple_of(10)));
    let owner = |is_own: bool| if is_own { &app.tenant } else { &other };
    let db = &app.store().write;
    let domains = rows(300).map(|(number, is_own)| domain::Model {
        id: DomainId::at(START),
        host: format!("go{number}.example.com"),
        ..owner(is_own).domain.clone()
    });
    let domains: Vec<_> = domains.collect();
    let lists = rows(300).map(|(number, is_own)| sending_list::Model {
        id: SendingListId::at(START),
        list_id: 100 + i32::try_from(number).expect("small"),
        phone_number: format!("+1800555{number:04}"),
        brand_name: format!("Brand {number}"),
        ..owner(is_own).list.clone()
    });
    let lists: Vec<_> = lists.collect();
    let offer = app
        .tenant
        .offer(app.store(), None, "https://offer.example/")
        .await;
    let offers = rows(1000).map(|(number, is_own)| offer::Model {
        id: OfferId::at(START),
        account_id: owner(is_own).account.id,
        name: format!("Offer {number}"),
        ..offer.clone()
    });
    let offers: Vec<_> = offers.collect();
    let links = rows(10_000).map(|(number, is_own)| {
        let created_at =
            Timestamp::from_millis(START.millis() + i64::try_from(number).expect("small") * 1000);
        let owner = owner(is_own);
        let (of_ten, is_rare) = (number / 10, number % 1000 < 10);
        short_link::Model {
            id: ShortLinkId::at(created_at),
            account_id: owner.account.id,
            domain_id: if is_rare && is_own {
                domains[0].id
            } else {
                owner.domain.id
            },
            code: format!("code{number}"),
            destination: format!(
                "https://example.com/{}/{number}",
                if is_rare { "sale" } else { "shoes" }
            ),
            sending_list_id: if is_rare && is_own {
                lists[0].id
            } else {
                owner.list.id
            },
            offer_id: Some(offers[number % 1000].id),
            contact_phone: Some(format!("+1202555{:04}", of_ten % 250)),
            metadata: json!({"segment": of_ten % 200}),
            filter_bots: false,
            status: match of_ten % 100 {
                1 => short_link::Status::Disabled,
                2 => short_link::Status::Archived,
                _ => short_link::Status::Active,
            },
            expires_at: (of_ten % 50 == 3).then_some(START),
            max_clicks: None,
            fallback_url: None,
            created_at,
            exhausted_at: (of_ten % 50 == 4).then_some(START),
            api_key_id: None,
        }
    });
    let links: Vec<_> = links.collect();
    insert::<domain::Entity, _>(db, &domains).await;
    insert::<sending_list::Entity, _>(db, &lists).await;
    insert::<offer::Entity, _>(db, &offers).await;
    insert::<short_link::Entity, _>(db, &links).await;
    if db.get_database_backend() == DatabaseBackend::Postgres {
        db.execute_unprepared("ANALYZE").await.expect("figures");
    }
    offers[0].id
}

async fn insert<E, M>(db: &DatabaseConnection, rows: &[M])
where
    E: EntityTrait<Model = M>,
    M: Clone + IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: Send,
{
    for lot in rows.chunks(1000) {
        let lot = lot.iter().cloned().map(IntoActiveModel::into_active_model);
        E::insert_many(lot)
            .exec_without_returning(db)
            .await
            .expect("rows");
    }
}

/// How the database goes about the statement that answers this page.
async fn plan(app: &TestApp, list: &str, page: &str) -> String {
    app.graphql(&format!("{{ {list}({page}) {{ nodes {{ id }} }} }}"), Value::Null)
        .await
        .data(list);
    explained(app).await
}

/// How the database goes about the last statement that was read with.
pub(super) async fn explained(app: &TestApp) -> String {
    let mut statement = app.last_read();
    let is_sqlite = statement.db_backend == DatabaseBackend::Sqlite;
    let (explain, column) = if is_sqlite {
        ("EXPLAIN QUERY PLAN ", 3)
    } else {
        ("EXPLAIN (COSTS OFF) ", 0)
    };
    statement.sql.insert_str(0, explain);
    let transaction = app.store().write.begin().await.expect("a transaction");
    if !is_sqlite {
        // A table of a few pages is read whole by whoever may, and goes well with any index on slow disks.
        let settings = "SET LOCAL enable_seqscan = off; SET LOCAL random_page_cost = 1";
        transaction.execute_unprepared(settings).await.expect("set");
    }
    let rows = transaction.query_all_raw(statement).await.expect("a plan");
    let lines = rows
        .iter()
        .map(|row| row.try_get_by_index(column).expect("a line"));
    lines.collect::<Vec<String>>().join("\n")
}

/// Expects that a page is answered from this index, without reading or sorting what is not asked for.
async fn answered_from(app: &TestApp, list: &str, page: &str, index: &str) {
    let plan = plan(app, list, page).await;
    assert!(plan.contains(index), "{list}({page}) without {index}:\n{plan}");
    for wrong in [
        "SCAN short_link\n",
        "SCAN offer",
        "SCAN sending_list",
        "SCAN domain",
        "SCAN audit_entry",
        "TEMP B-TREE",
        "Seq Scan",
    ] {
        assert!(!plan.contains(wrong), "{list}({page}) has {wrong}:\n{plan}");
    }
    // A few hits in an index without an order are sorted in PostgreSQL; rows of an ordered one never are.
    let is_inverted = plan.contains("Bitmap Index Scan on short_link_metadata_idx")
        || plan.contains("Bitmap Index Scan on short_link_words_idx");
    assert!(
        is_inverted || !plan.contains("Sort"),
        "{list}({page}) sorts:\n{plan}"
    );
}

#[tokio::test]
async fn every_filter_of_links_is_answered_from_an_index() {
    let app = TestApp::start().await;
    let offer = furnish(&app).await;
    let domain = app.stored("code0").await.domain_id;
    let offer = format!("{{offerId: \"{offer}\"}}");
    let domain = format!("{{domainId: \"{domain}\"}}");
    let is_sqlite = app.store().read.get_database_backend() == DatabaseBackend::Sqlite;
    let one_for_all = "short_link_index VIRTUAL TABLE";
    for (filter, sqlite, postgres) in [
        ("{}", "short_link_account_idx", "short_link_account_idx"),
        ("{listId: 100}", one_for_all, "short_link_sending_list_idx"),
        (&offer, one_for_all, "short_link_offer_idx"),
        (&domain, one_for_all, "short_link_domain_idx"),
        (
            "{contactPhone: \"+12025550007\"}",
            one_for_all,
            "short_link_contact_idx",
        ),
        (
            "{metadata: {key: \"segment\", value: 7}}",
            one_for_all,
            "short_link_metadata_idx",
        ),
        ("{search: \"sal\"}", one_for_all, "short_link_words_idx"),
        (
            "{listId: 42, search: \"sale\"}",
            one_for_all,
            "short_link_words_idx",
        ),
        ("{search: \"sale example\"}", one_for_all, "short_link_words_idx"),
        (
            "{status: [ACTIVE]}",
            "short_link_account_idx",
            "short_link_account_idx",
        ),
        (
            "{status: [ACTIVE, ARCHIVED]}",
            "short_link_account_idx",
            "short_link_account_idx",
        ),
        (
            "{status: [DISABLED]}",
            "short_link_status_idx",
            "short_link_status_idx",
        ),
        (
            "{status: [ARCHIVED]}",
            "short_link_status_idx",
            "short_link_status_idx",
        ),
        (
            "{status: [ARCHIVED, DISABLED]}",
            "short_link_status_idx",
            "short_link_status_idx",
        ),
        (
            "{status: [EXPIRED]}",
            "short_link_expiry_idx",
            "short_link_expiry_idx",
        ),
        (
            "{status: [EXHAUSTED]}",
            "short_link_exhausted_idx",
            "short_link_exhausted_idx",
        ),
        (
            "{status: [EXHAUSTED, EXPIRED]}",
            "short_link_account_idx",
            "short_link_account_idx",
        ),
        (
            "{status: [ACTIVE, EXHAUSTED]}",
            "short_link_account_idx",
            "short_link_account_idx",
        ),
        (
            "{createdFrom: \"2026-11-23T12:10:00Z\", createdBefore: \"2026-11-23T12:11:00Z\"}",
            "short_link_account_idx",
            "short_link_account_idx",
        ),
    ] {
        let index = if is_sqlite { sqlite } else { postgres };
        for page in [
            "orderBy: NEWEST_FIRST, first: 10",
            "orderBy: OLDEST_FIRST, first: 10",
            "last: 10",
        ] {
            answered_from(&app, "shortLinks", &format!("filter: {filter}, {page}"), index).await;
        }
        let query = format!("{{ shortLinks(filter: {filter}, first: 2) {{ pageInfo {{ endCursor }} }} }}");
        let page = app.graphql(&query, Value::Null).await.data("shortLinks");
        let page = format!(
            "filter: {filter}, first: 10, after: {}",
            page["pageInfo"]["endCursor"]
        );
        answered_from(&app, "shortLinks", &page, index).await;
    }
}

#[tokio::test]
async fn every_order_of_the_catalogue_is_that_of_an_index() {
    let app = TestApp::start().await;
    furnish(&app).await;
    for (list, order, index) in [
        ("offers", "NEWEST_FIRST", "offer_account_idx"),
        ("offers", "OLDEST_FIRST", "offer_account_idx"),
        ("offers", "NAME", "offer_name_idx"),
        ("sendingLists", "NEWEST_FIRST", "sending_list_account_idx"),
        ("sendingLists", "BRAND_NAME", "sending_list_brand_name_idx"),
        ("sendingLists", "LIST_ID", "sending_list_account_id_list_id_key"),
        ("domains", "NEWEST_FIRST", "domain_account_idx"),
        ("domains", "HOST", "domain_account_host_idx"),
    ] {
        answered_from(&app, list, &format!("orderBy: {order}, first: 2"), index).await;
        let filter = match list {
            "offers" => "{status: [ACTIVE], name: \"o\"}",
            "sendingLists" => "{status: [ACTIVE], brandName: \"o\"}",
            _ => "{status: [ACTIVE], host: \"o\"}",
        };
        let page = format!("filter: {filter}, orderBy: {order}, first: 2");
        answered_from(&app, list, &page, index).await;
        let query = format!("{{ {list}(orderBy: {order}, first: 1) {{ pageInfo {{ endCursor }} }} }}");
        let page = app.graphql(&query, Value::Null).await.data(list);
        let page = format!(
            "orderBy: {order}, first: 2, after: {}",
            page["pageInfo"]["endCursor"]
        );
        answered_from(&app, list, &page, index).await;
    }
}

#[tokio::test]
async fn what_many_links_have_is_found_among_the_nearest_and_what_few_have_beyond_them() {
    let app = TestApp::start().await;
    furnish(&app).await;
    let is_sqlite = app.store().read.get_database_backend() == DatabaseBackend::Sqlite;
    let page = async |filter: &str, page: &str| {
        let before = app.reads();
        let query = format!(
            "{{ shortLinks(filter: {filter}, {page}) {{ nodes {{ id }} pageInfo {{ startCursor endCursor }} }} }}"
        );
        let page = app.graphql(&query, Value::Null).await.data("shortLinks");
        let nodes = page["nodes"].as_array().expect("nodes").clone();
        (nodes, page["pageInfo"].clone(), app.reads() - before)
    };
    for (filter, expected) in [("{search: \"shoes\"}", 990 - 10), ("{search: \"sale\"}", 10)] {
        for order in ["NEWEST_FIRST", "OLDEST_FIRST"] {
            let (mut forwards, mut after, mut backwards, mut before) =
                (Vec::new(), String::new(), Vec::new(), String::new());
            for _ in 0..10 {
                let (nodes, info, _) = page(filter, &format!("orderBy: {order}, first: 100{after}")).await;
                after = format!(", after: {}", info["endCursor"]);
                forwards.extend(nodes);
                let (nodes, info, _) = page(filter, &format!("orderBy: {order}, last: 100{before}")).await;
                before = format!(", before: {}", info["startCursor"]);
                backwards.splice(0..0, nodes);
                if forwards.len() >= expected {
                    break;
                }
            }
            let mut sorted = forwards.clone();
            sorted.sort_by_key(|node| node["id"].as_str().map(str::to_owned));
            if order == "NEWEST_FIRST" {
                sorted.reverse();
            }
            sorted.dedup();
            assert_eq!(sorted.len(), expected, "{filter}");
            assert_eq!((&forwards, &backwards), (&sorted, &sorted), "{filter} {order}");
        }
    }
    // The nearest links, and the index, which SQLite asks at once.
    let (nodes, _, reads) = page("{search: \"shoes\"}", "first: 10").await;
    assert_eq!((nodes.len(), reads), (10, 1));
    let (nodes, _, reads) = page("{search: \"sale\"}", "first: 10").await;
    assert_eq!((nodes.len(), reads), (10, if is_sqlite { 1 } else { 2 }));
}

#[tokio::test]
async fn what_still_uses_a_row_of_the_catalogue_is_counted_from_an_index() {
    let app = TestApp::start().await;
    furnish(&app).await;
    let is_sqlite = app.store().read.get_database_backend() == DatabaseBackend::Sqlite;
    for (list, index) in [
        ("offers", "short_link_offer_idx"),
        ("sendingLists", "short_link_sending_list_idx"),
        ("domains", "short_link_domain_idx"),
    ] {
        let query = format!("{{ {list}(first: 20) {{ nodes {{ usage {{ activeLinks }} }} }} }}");
        app.graphql(&query, Value::Null).await.data(list);
        let plan = explained(&app).await;
        let index = if is_sqlite {
            "short_link_index VIRTUAL TABLE"
        } else {
            index
        };
        assert!(plan.contains(index), "{list} without {index}:\n{plan}");
        for wrong in ["SCAN short_link\n", "TEMP B-TREE", "Seq Scan", "Sort"] {
            assert!(!plan.contains(wrong), "{list} has {wrong}:\n{plan}");
        }
    }
}

#[tokio::test]
async fn what_was_done_with_a_key_is_found_from_an_index_among_all_that_was_done() {
    let app = TestApp::start().await;
    let (used, lost) = (ApiKeyId::at(START), ApiKeyId::at(START));
    let entries = (0..20_000).map(|number| {
        let made_at = Timestamp::from_millis(START.millis() + number);
        let actor = Actor {
            account: app.tenant.account.id,
            key: Some(if number % 1000 == 7 { lost } else { used }),
        };
        audit::about(actor, Action::ShortLinkCreated, 1, made_at)
    });
    let db = &app.store().write;
    insert::<audit_entry::Entity, _>(db, &entries.collect::<Vec<_>>()).await;
    let with_figures = async |app: &TestApp| {
        if db.get_database_backend() == DatabaseBackend::Postgres {
            db.execute_unprepared("ANALYZE").await.expect("figures");
        }
        for filter in [
            format!("{{apiKeyId: \"{lost}\"}}"),
            format!(
                "{{apiKeyId: \"{lost}\", from: \"2026-11-23T12:00:01Z\", before: \"2026-11-23T12:00:09Z\"}}"
            ),
        ] {
            for page in ["first: 10", "last: 10"] {
                let page = format!("filter: {filter}, {page}");
                answered_from(app, "auditLog", &page, "audit_entry_key_idx").await;
            }
        }
    };
    with_figures(&app).await;
    // It can be taken back and made again, and the log can only grow all the while.
    for taken_back in [true, false] {
        if taken_back {
            Migrator::down(db, Some(1)).await.expect("taken back");
        } else {
            Migrator::up(db, None).await.expect("made again");
        }
        let changed = db.execute_unprepared("UPDATE audit_entry SET affected = 7").await;
        let refused = changed.expect_err("append-only").to_string();
        assert!(refused.contains("the audit log is append-only"), "{refused}");
    }
    with_figures(&app).await;
}
