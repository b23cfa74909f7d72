//! What a refused input is answered.

use serde_json::{Value, json};

use super::TestApp;

/// A `UserError` as a client sees it; `path` is written with dots.
pub fn user_error(kind: &str, code: &str, path: &str, status: u16, message: &str) -> Value {
    json!({
        "__typename": kind,
        "code": code,
        "message": message,
        "path": path.split('.').collect::<Vec<_>>(),
        "httpStatus": status,
        "retryable": code == "ID_COLLISION",
    })
}

/// Expects that `createShortLink` answers this error and stores nothing.
pub async fn refused(app: &TestApp, input: Value, error: Value) {
    let links = app.count_links().await;
    let answer = app.create(input.clone()).await;
    assert_eq!(answer, error, "{input}");
    assert_eq!(app.count_links().await, links, "{input}");
}
