//! Short links that are changed while others change or visit them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use entity::{audit_entry::Action, link_use};
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::TestApp;

const HOST: &str = "go.example.com";

async fn link(app: &TestApp, code: &str, max_clicks: Option<i32>) -> String {
    let input = json!({"url": "https://example.com/", "listId": 42, "code": code, "maxClicks": max_clicks});
    let made = app.create(input).await;
    assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
    app.link_id(code).await.to_string()
}

async fn update(app: &TestApp, mut change: Value, id: &str) {
    change["id"] = json!(id);
    let answer = app
        .mutate("updateShortLink", "{ shortLink { status } }", change)
        .await;
    assert_eq!(answer["__typename"], "UpdateShortLinkSuccess", "{answer}");
}

/// What is stored of how many have passed.
async fn used(app: &TestApp, code: &str) -> i32 {
    let link = app.link_id(code).await;
    let row = link_use::Entity::find_by_id(link).one(&app.store().read).await;
    row.expect("an answer").map_or(0, |row| row.used)
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_once_are_made_in_the_order_in_which_they_are_written_down() {
    let app = Arc::new(TestApp::start().await);
    let neighbour = Arc::new(app.neighbour().await);
    let id = link(&app, "spring", Some(1000)).await;
    let mut calls = JoinSet::new();
    for call in 0..40 {
        let app = Arc::clone(if call % 2 == 0 { &app } else { &neighbour });
        let id = id.clone();
        calls.spawn(async move {
            let url = format!("https://example.com/{call}");
            update(
                &app,
                json!({"url": url, "maxClicks": call + 1, "metadata": {"call": call}}),
                &id,
            )
            .await;
        });
    }
    calls.join_all().await;
    // An id says when its entry was made to the millisecond, which is the same for all here: the chain is what counts.
    let log = app.audit_log_without(&[Action::ShortLinkCreated]).await;
    assert_eq!(log.len(), 40);
    let mut next = json!({"destinationUrl": "https://example.com/", "maxClicks": 1000, "metadata": {}});
    for _ in 0..40 {
        let entry = log.iter().find(|entry| entry.before.as_ref() == Some(&next));
        next = entry
            .unwrap_or_else(|| panic!("nothing comes after {next}"))
            .after
            .clone()
            .expect("what it became");
    }
    let stored = app.stored("spring").await;
    assert_eq!(next["destinationUrl"], stored.destination);
    assert_eq!(next["maxClicks"], json!(stored.max_clicks));
    assert_eq!(next["metadata"], stored.metadata);
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_visits_no_limit_lets_one_too_many_or_too_few_through() {
    for (from, to) in [(Some(20), Some(60)), (Some(60), Some(20)), (Some(20), None)] {
        let app = Arc::new(TestApp::start().await);
        let id = link(&app, "spring", from).await;
        let start = Arc::new(Barrier::new(5));
        let visits = Arc::new(AtomicUsize::new(0));
        let mut visitors = JoinSet::new();
        for _ in 0..4 {
            let (app, start, visits) = (Arc::clone(&app), Arc::clone(&start), Arc::clone(&visits));
            visitors.spawn(async move {
                start.wait().await;
                let mut passed = 0;
                for _ in 0..25 {
                    let answer = app.get(HOST, "/spring").await;
                    assert!([302, 410].contains(&answer.status.as_u16()));
                    passed += i32::from(answer.status == 302);
                    visits.fetch_add(1, Ordering::SeqCst);
                }
                passed
            });
        }
        start.wait().await;
        // When about ten have come.
        while visits.load(Ordering::SeqCst) < 10 {
            tokio::task::yield_now().await;
        }
        update(&app, json!({"maxClicks": to}), &id).await;
        let before = app.clicks().await.len();
        let passed: i32 = visitors.join_all().await.into_iter().sum();
        assert_eq!(app.clicks().await.len(), usize::try_from(passed).expect("few"));
        let Some(to) = to else {
            assert_eq!(app.stored("spring").await.exhausted_at, None);
            assert_eq!(app.get(HOST, "/spring").await.status, 302);
            continue;
        };
        assert_eq!(used(&app, "spring").await, passed);
        let most = to.max(i32::try_from(before).expect("few"));
        assert!(passed <= most, "{passed} of {most} passed, from {from:?}");
        // And exactly as many as may, in the end.
        for left in (0..(to - passed).max(0)).rev() {
            assert_eq!(app.get(HOST, "/spring").await.status, 302, "{left}");
        }
        assert_eq!(app.get(HOST, "/spring").await.status, 410);
        assert!(app.stored("spring").await.exhausted_at.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_beside_visits_lose_no_place() {
    let app = Arc::new(TestApp::start().await);
    let id = link(&app, "spring", Some(1)).await;
    let mut visitors = JoinSet::new();
    for _ in 0..4 {
        let app = Arc::clone(&app);
        visitors.spawn(async move {
            let mut passed = 0;
            for _ in 0..50 {
                let answer = app.get(HOST, "/spring").await;
                assert!([302, 410].contains(&answer.status.as_u16()), "{}", answer.status);
                passed += i32::from(answer.status == 302);
            }
            passed
        });
    }
    // Never above what may pass in all.
    for most in (1..=40).map(|step| if step % 4 == 0 { step - 3 } else { step }) {
        update(&app, json!({"maxClicks": most}), &id).await;
    }
    update(&app, json!({"maxClicks": 40}), &id).await;
    let mut passed: i32 = visitors.join_all().await.into_iter().sum();
    assert!(passed <= 40, "{passed}");
    while app.get(HOST, "/spring").await.status == 302 {
        passed += 1;
    }
    assert_eq!((passed, used(&app, "spring").await), (40, 40));
    assert_eq!(app.clicks().await.len(), 40);
}
