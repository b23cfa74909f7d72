//! How often links were clicked.

use axum::http::Method;
use entity::{ShortLinkId, click, link_total};
use linkhop::clicks::totals::totals;
use sea_orm::{ActiveModelTrait as _, DatabaseBackend, EntityTrait as _, IntoActiveModel as _};
use serde_json::{Value, json};

use super::plans::explained;
use crate::support::{START, Tenant, TestApp, a_click, items, summed_through};

const HOST: &str = "go.example.com";

const STATS: &str = "stats { clicks humanClicks botClicks uniqueClicks firstClickedAt lastClickedAt }";

/// What a link's figures are.
async fn stats(app: &TestApp, link: ShortLinkId) -> Value {
    let query = format!("query($id: ID!) {{ shortLink(by: {{id: $id}}) {{ {STATS} }} }}");
    let mut link = app
        .graphql(&query, json!({"id": link.to_string()}))
        .await
        .data("shortLink");
    link["stats"].take()
}

/// A link of the tenant.
async fn a_link(app: &TestApp) -> ShortLinkId {
    let code = app.link("https://example.com/").await;
    app.link_id(&code).await
}

/// What a crawler with a person's agent might be.
fn of_a_bot(click: click::Model) -> click::Model {
    click::Model {
        bot_reason: Some(click::BotReason::UserAgent),
        ..click
    }
}

#[tokio::test]
async fn a_link_that_was_never_clicked_has_zeros_and_no_times() {
    let app = TestApp::start().await;
    let link = a_link(&app).await;
    let nothing = json!({
        "clicks": 0, "humanClicks": 0, "botClicks": 0, "uniqueClicks": 0, "firstClickedAt": null, "lastClickedAt": null,
    });
    assert_eq!(stats(&app, link).await, nothing);
    // Nor has it those of others.
    let other = a_link(&app).await;
    app.store_clicks(&[a_click(other, 0), a_click(other, 1)]).await;
    app.sum_clicks(summed_through(1)).await;
    assert_eq!(stats(&app, link).await, nothing);
}

#[tokio::test]
async fn a_visit_counts_as_soon_as_it_is_answered() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let (link, path) = (app.link_id(&code).await, format!("/{code}"));
    for clicks in 1..=3 {
        app.get(HOST, &path).await;
        let head = app.visit(Method::HEAD, HOST, &path, &[("user-agent", "curl/8.5.0")]);
        head.await;
        let found = stats(&app, link).await;
        assert_eq!(
            (&found["clicks"], &found["humanClicks"], &found["botClicks"]),
            (&json!(2 * clicks), &json!(clicks), &json!(clicks))
        );
        assert_eq!(found["firstClickedAt"], "2026-11-23T12:00:00+00:00");
        assert_eq!(
            found["lastClickedAt"],
            format!("2026-11-23T{}:00:00+00:00", 11 + clicks)
        );
        app.advance_hours(1);
        // However much of it is summed.
        if clicks < 3 {
            app.sum_all_clicks().await;
        }
    }
}

#[tokio::test]
async fn a_person_is_unique_once_a_link_and_a_bot_never() {
    let app = TestApp::start().await;
    let (link, other) = (a_link(&app).await, a_link(&app).await);
    let of = |visitor, seconds| click::Model {
        visitor,
        ..a_click(link, seconds)
    };
    let twice = of(Some(1), 5);
    app.store_clicks(&[
        of_a_bot(of(Some(1), 1)),
        of(Some(1), 2),
        of(Some(1), 3),
        of(None, 4),
        twice.clone(),
        twice.clone(),
        of(Some(2), 6),
        a_click(other, 7),
        twice,
        of(Some(2), 8),
        of_a_bot(of(Some(3), 9)),
    ])
    .await;
    let rows = app.clicks().await;
    let expected = json!({
        "clicks": 8, "humanClicks": 6, "botClicks": 2, "uniqueClicks": 2,
        "firstClickedAt": "2026-11-23T12:00:01+00:00", "lastClickedAt": "2026-11-23T12:00:09+00:00",
    });
    assert_eq!(stats(&app, link).await, expected, "nothing is summed");
    for row in &rows {
        app.sum_clicks(summed_through(row.seq)).await;
        assert_eq!(stats(&app, link).await, expected, "summed up to {}", row.seq);
        assert_eq!(stats(&app, other).await["uniqueClicks"], 1);
    }
}

#[tokio::test]
async fn a_count_that_no_int_can_hold_is_the_highest_that_one_can() {
    let app = TestApp::start().await;
    let link = a_link(&app).await;
    let total = link_total::Model {
        short_link_id: link,
        clicks: 1 << 33,
        human_clicks: (1 << 33) - 7,
        unique_clicks: i64::from(i32::MAX),
        first_clicked_at: START,
        last_clicked_at: START,
    };
    let total = total.into_active_model();
    link_total::Entity::insert(total)
        .exec_without_returning(&app.store().write)
        .await
        .expect("a total");
    assert_eq!(
        stats(&app, link).await,
        json!({
            "clicks": i32::MAX, "humanClicks": i32::MAX, "botClicks": 7, "uniqueClicks": i32::MAX,
            "firstClickedAt": "2026-11-23T12:00:00+00:00", "lastClickedAt": "2026-11-23T12:00:00+00:00",
        })
    );
}

#[tokio::test]
async fn the_figures_of_a_hundred_links_are_read_at_once() {
    let app = TestApp::start().await;
    let model = app.stored(&app.link("https://example.com/").await).await;
    for number in 1..100 {
        let link = entity::short_link::Model {
            id: ShortLinkId::at(START),
            code: format!("code{number}"),
            ..model.clone()
        };
        let link = link.into_active_model();
        link.insert(&app.store().write).await.expect("a link");
    }
    app.store_clicks(&[a_click(model.id, 0), a_click(model.id, 1)])
        .await;
    let before = app.reads();
    let query = format!("{{ shortLinks(first: 100) {{ nodes {{ {STATS} }} }} }}");
    let page = app.graphql(&query, Value::Null).await.data("shortLinks");
    let clicks: Vec<_> = items(&page["nodes"])
        .map(|node| node["stats"]["clicks"].as_i64())
        .collect();
    assert_eq!(clicks.len(), 100);
    assert_eq!(clicks.iter().flatten().sum::<i64>(), 2);
    assert_eq!(
        app.reads() - before,
        2,
        "the links, and the figures of all of them"
    );
}

#[tokio::test]
async fn figures_are_read_from_sums_and_the_rows_behind_them() {
    let app = TestApp::start().await;
    let link = a_link(&app).await;
    app.be_busy(link).await;
    assert_eq!(stats(&app, link).await["clicks"], 4000);
    let plan = explained(&app).await;
    let is_sqlite = app.store().read.get_database_backend() == DatabaseBackend::Sqlite;
    for step in if is_sqlite {
        [
            "SEARCH c USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
            "SEARCH t USING PRIMARY KEY (short_link_id=?)",
            "SEARCH k USING PRIMARY KEY (short_link_id=? AND click_id=?)",
            "SEARCH v USING PRIMARY KEY (short_link_id=? AND visitor=?)",
        ]
    } else {
        [
            "Index Cond: ((seq > ",
            "Index Cond: (short_link_id = link.id)",
            "Index Cond: ((short_link_id = c.short_link_id) AND (click_id = c.id))",
            "Index Cond: ((short_link_id = c.short_link_id) AND (visitor = (min(c.visitor))))",
        ]
    } {
        assert!(plan.contains(step), "no {step}:\n{plan}");
    }
    for wrong in ["SCAN c", "SCAN k", "SCAN v", "SCAN t", "Seq Scan"] {
        assert!(!plan.contains(wrong), "{wrong}:\n{plan}");
    }
}

#[tokio::test]
async fn another_account_s_figures_are_not_there() {
    let app = TestApp::start().await;
    let link = a_link(&app).await;
    app.store_clicks(&[a_click(link, 0), a_click(link, 1)]).await;
    let first = app.clicks().await[0].seq;
    app.sum_clicks(summed_through(first)).await;
    let other = Tenant::make(app.store(), "go.other.example", START).await;
    let db = &app.store().read;
    let found = totals(db, other.account.id, &[link]).await.expect("an answer");
    assert!(found.is_empty());
    let found = totals(db, app.tenant.account.id, &[link])
        .await
        .expect("an answer");
    assert_eq!(found[&link].clicks, 2);
    let found = totals(db, app.tenant.account.id, &[]).await.expect("an answer");
    assert!(found.is_empty());
}
