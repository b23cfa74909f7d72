//! A report takes its time, and nothing else waits for it.

use std::{sync::Arc, time::Duration};

use linkhop::{
    clicks::report::{ClickFilter, Dimension, Order, Request},
    http::Settings,
    store::Options,
};
use sea_orm::{
    ConnectionTrait as _, DatabaseBackend, DatabaseConnection, DatabaseTransaction, Statement,
    TransactionTrait as _,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Campaign, REPORT, Setup, TestApp, counts, items};

fn by_campaign() -> Value {
    json!({"groupBy": [{"metadataKey": "campaign"}]})
}

/// Keeps reports from being done: in SQLite by holding all connections that they read with, in PostgreSQL, where others
/// need those, by holding what reports are made of.
async fn hold_reports(app: &TestApp) -> Vec<DatabaseTransaction> {
    let read = &app.store().read;
    if read.get_database_backend() == DatabaseBackend::Postgres {
        let held = app.store().write.begin().await.expect("a transaction");
        let lock = "LOCK TABLE click_column, click_summing IN ACCESS EXCLUSIVE MODE";
        held.execute_unprepared(lock).await.expect("a lock");
        return vec![held];
    }
    let mut held = Vec::new();
    for _ in 0..Options::default().readers {
        held.push(read.begin().await.expect("a connection"));
    }
    held
}

#[tokio::test]
async fn redirects_are_answered_while_reports_are_under_way() {
    let app = Arc::new(TestApp::start().await);
    let campaign = Campaign::make(&app).await;
    let code = app.stored_by_id(campaign.plain_link).await.code;
    let held = hold_reports(&app).await;
    let mut reports = JoinSet::new();
    for _ in 0..20 {
        let app = Arc::clone(&app);
        reports.spawn(async move { app.report(by_campaign()).await });
    }
    // Nobody has looked this link up before; it is not in memory.
    for _ in 0..20 {
        let answer = app.get("go.example.com", &format!("/{code}")).await;
        assert_eq!(answer.location(), "https://example.com/");
    }
    assert!(reports.try_join_next().is_none(), "no report could be done");
    drop(held);
    // Each is of one moment: in PostgreSQL that at which it began to wait, among 20 clicks that came meanwhile.
    for report in reports.join_all().await {
        let total = &report["total"];
        let clicks = total["clicks"].as_i64().expect("a number");
        assert!((6..=26).contains(&clicks), "{report}");
        assert_eq!(counts(total), format!("{clicks} {} 2 2", clicks - 2));
        assert_eq!(report["rowCount"], 3);
    }
}

#[tokio::test]
async fn redirects_are_answered_while_figures_are_under_way() {
    let app = Arc::new(TestApp::start().await);
    let campaign = Campaign::make(&app).await;
    let code = app.stored_by_id(campaign.plain_link).await.code;
    let held = hold_reports(&app).await;
    let mut figures = JoinSet::new();
    for _ in 0..20 {
        let app = Arc::clone(&app);
        let query = "{ offers { nodes { stats { clicks } } } }";
        figures.spawn(async move { app.graphql(query, Value::Null).await.data("offers") });
    }
    for _ in 0..20 {
        let answer = app.get("go.example.com", &format!("/{code}")).await;
        assert_eq!(answer.location(), "https://example.com/");
    }
    assert!(figures.try_join_next().is_none(), "no figures could be had");
    drop(held);
    for offers in figures.join_all().await {
        assert_eq!(items(&offers["nodes"]).count(), 2, "{offers}");
    }
}

#[tokio::test]
async fn a_report_that_takes_too_long_is_given_up_and_the_server_goes_on() {
    let settings = Settings {
        request_timeout: Duration::from_millis(200),
        ..Settings::default()
    };
    let setup = Setup {
        settings,
        ..Setup::default()
    };
    let app = Arc::new(TestApp::with(setup).await);
    let campaign = Campaign::make(&app.neighbour().await).await;
    let code = app.stored_by_id(campaign.plain_link).await.code;
    let held = hold_reports(&app).await;
    let mut late = JoinSet::new();
    for _ in 0..20 {
        let app = Arc::clone(&app);
        late.spawn(async move { app.graphql(REPORT, by_campaign()).await });
    }
    for answer in late.join_all().await {
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert_eq!(answer.error_code(), "TIMEOUT");
    }
    let answer = app.get("go.example.com", &format!("/{code}")).await;
    assert_eq!(answer.location(), "https://example.com/");
    drop(held);
    // What nobody waits for any more is not in the way of who comes after.
    let request = Request {
        filter: ClickFilter::default(),
        group_by: vec![Dimension::Link],
        interval: None,
        order: Order::default(),
        rows: 1,
    };
    let (account, now) = (app.tenant.account.id, app.app.clock.now());
    let report = app.app.reports.report(account, &request, now).await;
    assert_eq!(report.expect("a report").total.clicks, 7);
}

#[tokio::test]
async fn many_reports_and_figures_at_once_are_all_answered() {
    let app = Arc::new(TestApp::start().await);
    Campaign::make(&app).await;
    app.app.aggregator.caught_up().await;
    let mut answers = JoinSet::new();
    for at in 0..60 {
        let app = Arc::clone(&app);
        let (query, variables) = match at % 3 {
            0 => (REPORT, by_campaign()),
            1 => ("{ clicks { nodes { id } } }", Value::Null),
            _ => (
                "{ offers { nodes { stats(from: \"2026-11-23T12:00:02Z\") { clicks } } } }",
                Value::Null,
            ),
        };
        answers.spawn(async move { app.graphql(query, variables).await });
    }
    for answer in answers.join_all().await {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.json().get("errors").is_none(), "{}", answer.body);
    }
}

/// Whether a statement has reached `PostgreSQL` and waits for an advisory lock of this database.
async fn waits_for_a_lock(db: &DatabaseConnection) -> bool {
    let waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let waiting = Statement::from_string(DatabaseBackend::Postgres, waiting);
    let waiting = db.query_one_raw(waiting).await;
    waiting.expect("locks").is_some()
}

#[tokio::test]
async fn who_reads_for_long_leaves_a_connection_to_others() {
    let app = TestApp::start().await;
    let (store, patience) = (app.store(), Duration::from_secs(10));
    let mut held = Vec::new();
    for _ in 1..Options::default().readers {
        held.push(store.snapshot(patience, ()).await.expect("a snapshot"));
    }
    let mut more = Box::pin(store.snapshot(patience, ()));
    assert!(futures_util::poll!(&mut more).is_pending());
    store
        .read
        .execute_unprepared("SELECT 1")
        .await
        .expect("an answer");

    // One that is left in the middle of a statement has its connection until that is over.
    if store.read.get_database_backend() == DatabaseBackend::Postgres {
        let lock = "SELECT pg_advisory_xact_lock(1)";
        let holder = store.write.begin().await.expect("a transaction");
        holder.execute_unprepared(lock).await.expect("the lock");
        let slow = held.pop().expect("a snapshot");
        let mut statement = Box::pin(slow.execute_unprepared(lock));
        while !waits_for_a_lock(&store.write).await {
            assert!(futures_util::poll!(&mut statement).is_pending());
        }
        drop(statement);
        drop(slow);
        let waited = tokio::time::timeout(Duration::from_millis(200), &mut more).await;
        assert!(waited.is_err(), "the database still works for the one before");
        holder.rollback().await.expect("no lock");
    } else {
        held.pop();
    }
    more.await.expect("a snapshot");
}
