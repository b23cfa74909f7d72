//! What is stored of a click.

use axum::http::Method;
use entity::{
    Timestamp,
    click::{
        self, BotKind, BotReason,
        Method::{Get, Head},
    },
    text_id,
};

use crate::support::{BROWSER, START, TestApp};

const HOST: &str = "go.example.com";

/// The clicks of these visits to one link, one a visit.
async fn clicks(visits: &[(Method, &[(&str, &str)])]) -> Vec<click::Model> {
    let app = TestApp::start().await;
    let path = format!("/{}", app.link("https://example.com/").await);
    for (method, headers) in visits {
        let answer = app.visit(method.clone(), HOST, &path, headers).await;
        assert_eq!(answer.status, 302, "bots too are sent on");
        assert_eq!(answer.header("location"), "https://example.com/");
    }
    let clicks = app.clicks().await;
    assert_eq!(clicks.len(), visits.len());
    clicks
}

/// What a click was judged: its reason and the kind of bot.
fn verdict(click: &click::Model) -> (Option<BotReason>, Option<BotKind>) {
    (click.bot_reason, click.bot_kind)
}

#[tokio::test]
async fn a_click_holds_what_was_clicked_when_and_by_whom() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    app.advance_hours(1);
    app.get(HOST, &format!("/{code}")).await;
    let clicks = app.clicks().await;
    let expected = click::Model {
        seq: clicks[0].seq,
        id: clicks[0].id,
        clicked_at: Timestamp::from_millis(START.millis() + 3_600_000),
        short_link_id: app.link_id(&code).await,
        method: Get,
        bot_reason: None,
        bot_kind: None,
        is_prefetch: false,
        agent_list_id: text_id(app.app.judge.list_version()),
        user_agent_id: Some(text_id(BROWSER)),
        address: None,
        visitor: None,
        country: None,
        referrer: None,
        language: None,
        parameters: None,
    };
    assert_eq!(clicks, [expected]);
}

#[tokio::test]
async fn each_click_has_its_verdict() {
    let preview = "facebookexternalhit/1.1 Facebot Twitterbot/1.0";
    let found = clicks(&[
        (Method::GET, &[("user-agent", BROWSER)]),
        (Method::HEAD, &[("user-agent", BROWSER)]),
        (Method::GET, &[]),
        (Method::GET, &[("user-agent", "  ")]),
        (Method::GET, &[("user-agent", preview)]),
        (Method::GET, &[("user-agent", "curl/8.5.0")]),
        (Method::HEAD, &[("user-agent", preview)]),
    ])
    .await;
    assert_eq!(
        found.iter().map(verdict).collect::<Vec<_>>(),
        [
            (None, None),
            (Some(BotReason::Head), None),
            (Some(BotReason::EmptyUserAgent), None),
            (Some(BotReason::EmptyUserAgent), None),
            (Some(BotReason::UserAgent), Some(BotKind::SocialPreview)),
            (Some(BotReason::UserAgent), Some(BotKind::HttpLibrary)),
            (Some(BotReason::Head), Some(BotKind::SocialPreview)),
        ]
    );
    let methods: Vec<_> = found.iter().map(|click| click.method).collect();
    assert_eq!(methods, [Get, Head, Get, Get, Get, Get, Head]);
}

#[tokio::test]
async fn nothing_of_a_visitor_is_kept_who_asks_not_to_be_tracked() {
    let found = clicks(&[
        (Method::GET, &[("user-agent", BROWSER), ("sec-gpc", "1")]),
        (Method::GET, &[("user-agent", BROWSER), ("dnt", "1")]),
        (
            Method::GET,
            &[("user-agent", "curl/8.5.0"), ("dnt", "1"), ("sec-gpc", "0")],
        ),
        (Method::GET, &[("user-agent", BROWSER), ("dnt", "0")]),
        (Method::GET, &[("user-agent", BROWSER), ("sec-gpc", "")]),
    ])
    .await;
    let kept: Vec<_> = found.iter().map(|click| click.user_agent_id.is_some()).collect();
    assert_eq!(kept, [false, false, false, true, true]);
    // They are judged all the same.
    assert_eq!(verdict(&found[0]), (None, None));
    assert_eq!(
        verdict(&found[2]),
        (Some(BotReason::UserAgent), Some(BotKind::HttpLibrary))
    );
}

#[tokio::test]
async fn an_agent_of_any_script_and_length_is_kept_as_far_as_it_goes() {
    let named = format!("{BROWSER} Приложение/1.0 \u{1f980}");
    let long = format!("{BROWSER} {}", "ä".repeat(2000));
    let cut = format!("{BROWSER} {}", "ä".repeat((1024 - BROWSER.len() - 1) / 2));
    let found = clicks(&[
        (Method::GET, &[("user-agent", &named)]),
        (Method::GET, &[("user-agent", &long)]),
    ])
    .await;
    let ids: Vec<_> = found.iter().map(|click| click.user_agent_id).collect();
    assert_eq!(ids, [Some(text_id(&named)), Some(text_id(&cut))]);
    assert_eq!(
        found.iter().map(verdict).collect::<Vec<_>>(),
        [(None, None), (None, None)]
    );
}
