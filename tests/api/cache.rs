//! What the redirect remembers, and when it asks again.

use std::{sync::Arc, time::Duration};

use axum::http::Method;
use entity::{ShortLinkId, account, audit_entry::Action, short_link};
use futures_util::{FutureExt as _, future::BoxFuture};
use linkhop::{
    accounts::{Actor, audit},
    app::Options,
    store::{NewLink, Outcome},
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, DatabaseTransaction, TransactionTrait as _};
use serde_json::{Value, json};
use tokio::{
    task::{JoinSet, yield_now},
    time::timeout,
};

use crate::support::{BROWSER, START, Setup, TestApp};

const HOST: &str = "go.example.com";

/// How often the database was asked for a link.
fn look_ups(app: &TestApp) -> u64 {
    app.app.resolver.look_ups()
}

/// Expects that a path is answered with this status, and after so many look-ups.
async fn visit(app: &TestApp, path: &str, status: u16, expected: u64) {
    let before = look_ups(app);
    assert_eq!(app.get(HOST, path).await.status, status, "{path}");
    assert_eq!(look_ups(app) - before, expected, "{path}");
}

async fn made(app: &TestApp, code: &str) {
    let input = json!({"url": "https://example.com/", "listId": 42, "code": code});
    let made = app.create(input).await;
    assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
}

#[tokio::test]
async fn a_link_is_looked_up_once_a_minute() {
    let app = TestApp::start().await;
    made(&app, "once").await;
    visit(&app, "/once", 302, 1).await;
    app.advance_seconds(59);
    for path in ["/once", "/once?a=1", "/once."] {
        visit(&app, path, 302, 0).await;
    }
    app.advance_seconds(1);
    visit(&app, "/once", 302, 1).await;
    visit(&app, "/once", 302, 0).await;
    // A clock that was put back by an hour makes nothing last for one.
    app.advance_hours(-1);
    visit(&app, "/once", 302, 1).await;
}

#[tokio::test]
async fn an_operator_may_let_links_be_remembered_longer() {
    let options = Options {
        redirect_lifetime: Duration::from_mins(10),
        ..Options::default()
    };
    let app = TestApp::with(Setup {
        options,
        ..Setup::default()
    })
    .await;
    made(&app, "long").await;
    visit(&app, "/long", 302, 1).await;
    app.advance_seconds(599);
    visit(&app, "/long", 302, 0).await;
    app.advance_seconds(1);
    visit(&app, "/long", 302, 1).await;
}

#[tokio::test]
async fn a_host_is_remembered_in_one_spelling() {
    let app = TestApp::start().await;
    made(&app, "spelled").await;
    visit(&app, "/spelled", 302, 1).await;
    let before = look_ups(&app);
    for host in ["GO.example.com", "go.example.com.", "Go.Example.Com."] {
        assert_eq!(app.get(host, "/spelled").await.status, 302, "{host}");
    }
    assert_eq!(look_ups(&app), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_ask_for_a_cold_link_at_once_ask_the_database_once() {
    let app = Arc::new(TestApp::start().await);
    made(&app, "rush").await;
    for (path, status) in [("/rush", 302), ("/nothing", 404)] {
        let before = look_ups(&app);
        let mut visits = JoinSet::new();
        for _ in 0..200 {
            let app = Arc::clone(&app);
            visits.spawn(async move { app.get(HOST, path).await.status });
        }
        for answer in visits.join_all().await {
            assert_eq!(answer, status);
        }
        assert_eq!(look_ups(&app) - before, 1, "{path}");
    }
    assert_eq!(app.clicks().await.len(), 200);
}

#[tokio::test]
async fn who_goes_away_while_they_ask_leaves_their_turn_to_the_next() {
    let app = Arc::new(TestApp::start().await);
    for round in 0..20 {
        let (code, path) = (format!("left{round}"), format!("/left{round}"));
        made(&app, &code).await;
        let mut first = Box::pin(app.get(HOST, &path));
        let mut second = Box::pin(app.get(HOST, &path));
        // Each a little further each time, and then the first hangs up.
        for _ in 0..=round {
            tokio::select! {
                biased;
                _ = &mut first => {}
                _ = &mut second => {}
                () = yield_now() => continue,
            }
            break;
        }
        drop((first, second));
        assert_eq!(app.get(HOST, &path).await.status, 302, "{round}");
    }
}

#[tokio::test]
async fn asking_again_for_what_is_not_there_costs_no_look_up_for_two_seconds() {
    let app = TestApp::start().await;
    let scan = async || {
        let before = look_ups(&app);
        for number in 0..50 {
            assert_eq!(app.get(HOST, &format!("/scan{number}")).await.status, 404);
        }
        look_ups(&app) - before
    };
    assert_eq!(scan().await, 50);
    app.advance_seconds(1);
    assert_eq!(scan().await, 0);
    app.advance_seconds(1);
    assert_eq!(scan().await, 50);
}

#[tokio::test]
async fn a_host_that_is_no_domain_s_costs_one_look_up_in_two_seconds_whatever_the_codes() {
    let app = TestApp::start().await;
    made(&app, "real").await;
    let scan = async |host: &str| {
        let before = look_ups(&app);
        for number in 0..50 {
            assert_eq!(app.get(host, &format!("/scan{number}")).await.status, 404);
        }
        look_ups(&app) - before
    };
    for host in ["made-up.example.com", "go.example.com:80"] {
        assert_eq!(scan(host).await, 1, "{host}");
    }
    visit(&app, "/real", 302, 1).await;
    app.advance_seconds(2);
    assert_eq!(scan("made-up.example.com").await, 1);
    // A domain that is made has its links from the first moment on.
    let input = json!({"host": "made-up.example.com"});
    let domain = app.mutate("createDomain", "{ domain { id } }", input).await;
    let id = &domain["domain"]["id"];
    let list = json!({"id": app.tenant.list.id.to_string(), "domainId": id});
    app.mutate("updateSendingList", "{ sendingList { id } }", list)
        .await;
    made(&app, "scan1").await;
    assert_eq!(app.get("made-up.example.com", "/scan1").await.status, 302);
}

#[tokio::test]
async fn a_scan_pushes_no_link_out() {
    let app = TestApp::with(Setup {
        options: Options {
            redirect_cache: 64 << 10,
            ..Options::default()
        },
        ..Setup::default()
    })
    .await;
    let codes: Vec<_> = (0..20).map(|number| format!("/kept{number}")).collect();
    for code in &codes {
        made(&app, &code[1..]).await;
        visit(&app, code, 302, 1).await;
    }
    for number in 0..2000 {
        visit(&app, &format!("/scan{number}"), 404, 1).await;
    }
    for code in &codes {
        visit(&app, code, 302, 0).await;
    }
}

#[tokio::test]
async fn a_cache_of_any_size_answers_as_it_should() {
    for redirect_cache in [0, 1, 1000, 100_000] {
        let app = TestApp::with(Setup {
            options: Options {
                redirect_cache,
                ..Options::default()
            },
            ..Setup::default()
        })
        .await;
        for number in 0..100 {
            let path = format!("/size{number}");
            assert_eq!(app.get(HOST, &path).await.status, 404, "{redirect_cache}");
            made(&app, &path[1..]).await;
            assert_eq!(app.get(HOST, &path).await.status, 302, "{redirect_cache}");
        }
    }
}

#[tokio::test]
async fn what_can_be_no_host_or_code_is_not_looked_up() {
    let app = TestApp::start().await;
    let long = format!("/{}", "x".repeat(65));
    for path in [
        "/a%20b",
        "/a/b",
        "//a",
        "/%FF",
        "/...",
        "/a.b",
        "/%00",
        "/api",
        "/Admin",
        "/v1",
        "/metrics",
        "/admin",
        "/.well-known",
        &long,
    ] {
        visit(&app, path, 404, 0).await;
    }
    let before = look_ups(&app);
    for host in [
        "",
        "a b",
        "go.example.com:x",
        "go.example.com:99999",
        "bücher",
        &"a".repeat(300),
    ] {
        let headers = [("user-agent", BROWSER)];
        let answer = app.visit(Method::GET, host, "/abc", &headers).await;
        assert_eq!(answer.status, 404, "{host}");
    }
    assert_eq!(look_ups(&app), before);
}

#[tokio::test]
async fn a_custom_code_works_right_after_its_404() {
    let app = TestApp::start().await;
    let other = app.link("https://example.com/").await;
    visit(&app, &format!("/{other}"), 302, 1).await;
    visit(&app, "/Spring", 404, 1).await;
    visit(&app, "/Spring", 404, 0).await;
    made(&app, "Spring").await;
    visit(&app, "/Spring", 302, 1).await;
    // Links that were there are not asked for again because one was made.
    for number in 0..2000 {
        app.app.hosts.changes().note_made_link(&format!("made{number}"));
    }
    visit(&app, &format!("/{other}"), 302, 0).await;
}

/// Keeps everybody else from storing links, until what is returned is rolled back.
async fn hold(app: &TestApp) -> DatabaseTransaction {
    let held = app.store().write.begin().await.expect("a transaction");
    let lock = match held.get_database_backend() {
        DatabaseBackend::Postgres => "LOCK TABLE idempotency_key, short_link IN EXCLUSIVE MODE",
        _ => "UPDATE account SET name = name",
    };
    held.execute_unprepared(lock).await.expect("a lock");
    held
}

/// Hands the writer a link like another, with this code, and waits for what becomes of it.
fn insertion(app: &TestApp, other: &short_link::Model, code: &str) -> BoxFuture<'static, Outcome> {
    let row = short_link::Model {
        id: ShortLinkId::at(START),
        code: code.to_owned(),
        ..other.clone()
    };
    let actor = Actor::operator(app.tenant.account.id);
    let entry = audit::about(actor, Action::ShortLinksCreated, 1, START);
    let writer = app.app.writer.clone();
    Box::pin(async move {
        let links = vec![NewLink { row, key: None }];
        let stored = writer.insert_links(links, entry, |_| {}).await;
        stored.expect("an answer")[0].1
    })
}

/// Sends a mutation and hangs up once its links are handed over, which are stored after that.
async fn hang_up_on(app: &TestApp, query: &str, input: Value) {
    let other = app.stored(&app.link("https://example.com/").await).await;
    let writer = &app.app.writer;
    let held = hold(app).await;
    // Its hands are full with this one, so that the next is seen to wait.
    let mut first = insertion(app, &other, "first");
    assert!((&mut first).now_or_never().is_none());
    let waits = async |is_wanted: bool| {
        let waits = async {
            while (writer.waiting() > 0) != is_wanted {
                yield_now().await;
            }
        };
        timeout(Duration::from_mins(1), waits).await.expect("a write");
    };
    waits(false).await;
    tokio::select! {
        answer = app.graphql(query, json!({"input": input})) => panic!("nothing can be stored yet: {}", answer.body),
        () = waits(true) => {}
    }
    held.rollback().await.expect("an end");
    writer.drained().await;
}

#[tokio::test]
async fn a_code_works_right_after_its_404_though_whoever_made_it_has_hung_up() {
    let one = "mutation($input: CreateShortLinkInput!) { createShortLink(input: $input) { __typename } }";
    let many = "mutation($input: CreateShortLinksInput!) { createShortLinks(input: $input) { __typename } }";
    let link = json!({"url": "https://example.com/", "listId": 42, "code": "gone"});
    let with_key =
        json!({"url": "https://example.com/", "listId": 42, "code": "gone", "idempotencyKey": "1"});
    for (query, input) in [
        (one, link.clone()),
        (one, with_key.clone()),
        (many, json!({"items": [link]})),
        (many, json!({"items": [with_key], "idempotencyKey": "2"})),
    ] {
        let app = TestApp::start().await;
        visit(&app, "/gone", 404, 1).await;
        visit(&app, "/gone", 404, 0).await;
        hang_up_on(&app, query, input).await;
        visit(&app, "/gone", 302, 1).await;
    }
}

#[tokio::test]
async fn sets_of_links_take_turns_also_where_nobody_waits_for_them() {
    let app = TestApp::start().await;
    let other = app.stored(&app.link("https://example.com/").await).await;
    let writer = &app.app.writer;
    let set = |code: &str| insertion(&app, &other, code);
    let held = hold(&app).await;
    for code in ["first", "second"] {
        assert!(set(code).now_or_never().is_none(), "handed over, and given up");
    }
    let mut third = set("third");
    assert!((&mut third).now_or_never().is_none());
    drop(third);
    held.rollback().await.expect("an end");
    writer.drained().await;
    assert_eq!(app.count_links().await, 3, "it was not its turn yet");
    assert_eq!(set("fourth").await, Outcome::Stored);
}

#[tokio::test]
async fn a_call_that_is_repeated_with_its_key_makes_its_code_known_again() {
    let app = TestApp::start().await;
    let input = json!({"url": "https://example.com/", "listId": 42, "code": "again", "idempotencyKey": "1"});
    app.create(input.clone()).await;
    // As it is on a node that had no part in the first call.
    let row = app.stored("again").await;
    let moved = short_link::Model {
        code: "elsewhere".to_owned(),
        ..row.clone()
    };
    app.save(moved).await;
    visit(&app, "/again", 404, 1).await;
    app.save(row).await;
    visit(&app, "/again", 404, 0).await;
    let replayed = app.create(input).await;
    assert_eq!(replayed["replayed"], true);
    visit(&app, "/again", 302, 1).await;
}

#[tokio::test]
async fn an_edit_of_a_domain_is_seen_by_the_next_visit() {
    let app = TestApp::start().await;
    let input = json!({
        "url": "https://example.com/", "listId": 42, "code": "short", "expiresAt": "2026-11-23T13:00:00Z",
    });
    app.create(input).await;
    visit(&app, "/short", 302, 1).await;
    app.advance_hours(1);
    visit(&app, "/short", 410, 1).await;
    let id = app.tenant.domain.id.to_string();
    let changes = [
        (json!("https://example.com/1"), 302),
        (json!("https://example.com/2"), 302),
        (json!(null), 410),
    ];
    for (url, status) in changes {
        let change = json!({"id": id, "fallbackUrl": url});
        let updated = app.mutate("updateDomain", "{ domain { id } }", change).await;
        assert_eq!(updated["__typename"], "UpdateDomainSuccess", "{updated}");
        let answer = app.get(HOST, "/short").await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("location"), url.as_str().unwrap_or_default());
    }
    let change = json!({"id": id, "host": "new.example.com"});
    app.mutate("updateDomain", "{ domain { id } }", change).await;
    assert_eq!(app.get(HOST, "/short").await.status, 404);
    assert_eq!(app.get("new.example.com", "/short").await.status, 410);
}

#[tokio::test]
async fn what_links_do_not_show_of_a_domain_costs_nobody_a_look_up() {
    let app = TestApp::start().await;
    made(&app, "warm").await;
    visit(&app, "/warm", 302, 1).await;
    let id = app.tenant.domain.id.to_string();
    let input = json!({"host": "other.example.com"});
    let other = app.mutate("createDomain", "{ domain { id } }", input).await;
    assert_eq!(other["__typename"], "CreateDomainSuccess", "{other}");
    for change in [
        json!({"id": id, "rootUrl": "https://example.com/root"}),
        json!({"id": id, "host": HOST, "scheme": "HTTPS", "fallbackUrl": null}),
    ] {
        let updated = app.mutate("updateDomain", "{ domain { id } }", change).await;
        assert_eq!(updated["__typename"], "UpdateDomainSuccess", "{updated}");
        visit(&app, "/warm", 302, 0).await;
    }
    app.archive("archiveDomain", "{ domain { id } }", &id).await;
    visit(&app, "/warm", 302, 0).await;
}

#[tokio::test]
async fn an_edit_of_a_list_is_seen_by_the_next_visit_and_costs_nobody_else_a_look_up() {
    let app = TestApp::start().await;
    let input = json!({"url": "https://example.com/", "listId": 42, "code": "page", "filterBots": true});
    app.create(input).await;
    let page = async || {
        let curl = [("user-agent", "curl/8.5.0")];
        app.visit(Method::GET, HOST, "/page", &curl).await.body
    };
    assert!(page().await.contains("<h1>Example Outfitters</h1>"));
    let id = app.tenant.list.id.to_string();
    let change = json!({"id": id, "metadata": {"a": 1}});
    let list = app
        .mutate("updateSendingList", "{ sendingList { id } }", change)
        .await;
    assert_eq!(list["__typename"], "UpdateSendingListSuccess", "{list}");
    visit(&app, "/page", 302, 0).await;
    let change = json!({"id": id, "brandName": "Another"});
    app.mutate("updateSendingList", "{ sendingList { id } }", change)
        .await;
    assert!(page().await.contains("<h1>Another</h1>"));
}

#[tokio::test]
async fn what_another_server_changes_is_seen_after_a_minute() {
    let app = TestApp::start().await;
    let neighbour = app.neighbour().await;
    made(&app, "shared").await;
    visit(&app, "/shared", 302, 1).await;
    assert_eq!(neighbour.get(HOST, "/later").await.status, 404);
    made(&app, "later").await;
    let row = app.stored("shared").await;
    neighbour
        .save(short_link::Model {
            status: short_link::Status::Disabled,
            ..row
        })
        .await;
    visit(&app, "/shared", 302, 0).await;
    app.advance_seconds(2);
    assert_eq!(neighbour.get(HOST, "/later").await.status, 302);
    app.advance_seconds(58);
    visit(&app, "/shared", 410, 1).await;
}

#[tokio::test]
async fn links_of_a_suspended_account_still_redirect() {
    let app = TestApp::start().await;
    made(&app, "sent").await;
    let account = account::Model {
        status: account::Status::Suspended,
        ..app.tenant.account.clone()
    };
    app.save(account).await;
    visit(&app, "/sent", 302, 1).await;
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_a_503_for_all_who_ask_and_is_asked_again() {
    use sea_orm::ConnectionTrait as _;

    let app = Arc::new(TestApp::start().await);
    made(&app, "broken").await;
    let sql = async |statement: &str| {
        let done = app.store().write.execute_unprepared(statement).await;
        done.expect("a statement of the test's");
    };
    sql("ALTER TABLE short_link RENAME COLUMN code TO elsewhere").await;
    let mut visits = JoinSet::new();
    for _ in 0..50 {
        let app = Arc::clone(&app);
        visits.spawn(async move { app.get(HOST, "/broken").await.status });
    }
    for status in visits.join_all().await {
        assert_eq!(status, 503);
    }
    sql("ALTER TABLE short_link RENAME COLUMN elsewhere TO code").await;
    assert_eq!(app.get(HOST, "/broken").await.status, 302);
}
