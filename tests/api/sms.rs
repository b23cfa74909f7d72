//! What sending a text with a link in it comes to.

use serde_json::{Value, json};

use crate::support::TestApp;

const SMS: &str =
    "query($code: String!, $body: String!) { shortLink(by: {shortUrl: $code}) { sms(body: $body) {
    text encoding length segments left unicodeCharacters { character codePoint } } } }";

async fn sms(app: &TestApp, body: &str) -> Value {
    let short_url = "https://go.example.com/Ab3kX9q";
    let answer = app.graphql(SMS, json!({"code": short_url, "body": body})).await;
    answer.data("shortLink")["sms"].take()
}

async fn with_link() -> TestApp {
    let app = TestApp::start().await;
    app.create(json!({"url": "https://example.com/", "listId": 42, "code": "Ab3kX9q"}))
        .await;
    app
}

#[tokio::test]
async fn a_text_says_what_it_comes_to_with_the_link_in_it() {
    let app = with_link().await;
    assert_eq!(
        sms(&app, "Spring sale [20 %]: {{link}}").await,
        json!({
            "text": "Spring sale [20 %]: https://go.example.com/Ab3kX9q",
            "encoding": "GSM_7",
            "length": 52,
            "segments": 1,
            "left": 108,
            "unicodeCharacters": [],
        })
    );
    assert_eq!(
        sms(&app, "It’s spring – it’s 20\u{a0}% off all that we have, 🌷🌷").await,
        json!({
            "text": "It’s spring – it’s 20\u{a0}% off all that we have, 🌷🌷 https://go.example.com/Ab3kX9q",
            "encoding": "UCS_2",
            "length": 81,
            "segments": 2,
            "left": 53,
            "unicodeCharacters": [
                {"character": "’", "codePoint": "U+2019"},
                {"character": "–", "codePoint": "U+2013"},
                {"character": "\u{a0}", "codePoint": "U+00A0"},
                {"character": "🌷", "codePoint": "U+1F337"},
            ],
        })
    );
}

#[tokio::test]
async fn a_text_that_nobody_would_send_is_refused() {
    let app = with_link().await;
    let fits = "a".repeat(1569);
    assert_eq!(sms(&app, &fits).await["length"], 1600);
    for body in [
        "a".repeat(1570),
        "a".repeat(4_000_000),
        "{{link}}".repeat(400_000),
    ] {
        let variables = json!({"code": "https://go.example.com/Ab3kX9q", "body": body});
        let answer = app.graphql(SMS, variables).await;
        assert_eq!(answer.error_code(), "BAD_REQUEST");
        assert!(answer.body.contains("at most 1600 characters"), "{}", answer.body);
    }
}
