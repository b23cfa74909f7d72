//! Two servers over one database: what is unique is so for both.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::TestApp;

/// Sends every input to both servers, all at once, and answers what each call got, in no order.
async fn create_on_both(inputs: impl IntoIterator<Item = Value>) -> (Arc<TestApp>, Vec<Value>) {
    let first = Arc::new(TestApp::start().await);
    let second = Arc::new(first.neighbour().await);
    let mut calls = JoinSet::new();
    for input in inputs {
        for app in [&first, &second] {
            let (app, input) = (Arc::clone(app), input.clone());
            calls.spawn(async move { app.create(input).await });
        }
    }
    (first, calls.join_all().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_given_once_whichever_server_is_asked() {
    let input = json!({"url": "https://example.com/", "listId": 42, "code": "spring"});
    let (app, answers) = create_on_both((0..50).map(|_| input.clone())).await;
    let count = |kind: &str| {
        answers
            .iter()
            .filter(|answer| answer["__typename"] == kind)
            .count()
    };
    assert_eq!(count("CreateShortLinkSuccess"), 1, "{answers:?}");
    assert_eq!(count("CodeTakenError"), 99, "{answers:?}");
    assert_eq!(app.count_links().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_makes_one_link_whichever_server_is_asked() {
    // Ten keys that the calls name in one order and in the other, so that transactions of the two meet crosswise.
    let keys = (0..100).map(|call| if call % 20 < 10 { call % 10 } else { 9 - call % 10 });
    let inputs = keys.map(|key| {
        json!({"url": format!("https://example.com/{key}"), "listId": 42, "idempotencyKey": format!("key {key}")})
    });
    let (app, answers) = create_on_both(inputs).await;
    let mut calls: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for answer in answers {
        assert_eq!(answer["__typename"], "CreateShortLinkSuccess", "{answer}");
        let destination = answer["destinationUrl"].to_string();
        calls.entry(destination).or_default().push(answer);
    }
    assert_eq!(calls.len(), 10);
    for answers in calls.values() {
        assert!(
            answers
                .iter()
                .all(|answer| answer["linkId"] == answers[0]["linkId"])
        );
        let made = answers.iter().filter(|answer| answer["replayed"] == false);
        assert_eq!((made.count(), answers.len()), (1, 20), "{answers:?}");
    }
    assert_eq!(app.count_links().await, 10);
}
