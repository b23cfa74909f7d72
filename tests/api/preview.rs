//! The page that bots see on a link that filters them, and the way on from it.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use entity::click::{self, BotReason};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Answer, BROWSER, TestApp};

const HOST: &str = "go.example.com";
const BOT: [(&str, &str); 1] = [("user-agent", "WhatsApp/2.23.20.0")];

/// A link that filters bots, with this code and these fields.
async fn link(app: &TestApp, code: &str, mut fields: Value) {
    fields["listId"] = json!(42);
    fields["code"] = json!(code);
    if fields["filterBots"].is_null() {
        fields["filterBots"] = json!(true);
    }
    if fields["offerId"].is_null() {
        fields["url"] = json!("https://example.com/");
    }
    let made = app.create(fields).await;
    assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
}

/// The token of a page.
fn token(page: &Answer) -> &str {
    let (_, rest) = page.body.split_once("name=\"token\" value=\"").expect("a token");
    rest.split_once('"').expect("its end").0
}

/// What a bot sees.
async fn preview(app: &TestApp, path: &str) -> Answer {
    let page = app.visit(Method::GET, HOST, path, &BOT).await;
    assert_eq!(page.status, 200, "{}", page.body);
    page
}

/// Sends a form as a browser does.
async fn submit(app: &TestApp, path: &str, form: impl Into<Body>) -> Answer {
    let request = Request::post(path)
        .header(header::HOST, HOST)
        .header(header::USER_AGENT, BROWSER)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form.into())
        .expect("a request");
    app.send(request).await
}

async fn go_on(app: &TestApp, path: &str, token: &str) -> Answer {
    submit(app, path, format!("token={token}")).await
}

fn assert_sent_on(answer: &Answer, url: &str) {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(answer.header("location"), url);
}

/// How many people's clicks are stored, each once.
async fn people(app: &TestApp) -> usize {
    let clicks = app.clicks_by_id().await;
    clicks.values().filter(|click| click.bot_reason.is_none()).count()
}

#[tokio::test]
async fn a_bot_sees_a_page_that_loads_nothing_and_a_person_is_sent_on() {
    let app = TestApp::start().await;
    link(&app, "page", json!({})).await;
    let page = preview(&app, "/page").await;
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "private, no-store"),
        ("x-robots-tag", "noindex"),
    ] {
        assert_eq!(page.header(name), value);
    }
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none';")
    );
    for part in [
        "<title>Example Outfitters</title>",
        "<h1>Example Outfitters</h1>",
        "<meta name=\"robots\" content=\"noindex\">",
        "<form method=\"post\">",
        "<button>Continue</button>",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    for part in ["<script", "http:", "https:", "src=", "href=", "action=", "url("] {
        assert!(!page.body.contains(part), "{part}: {}", page.body);
    }
    assert_eq!(app.get(HOST, "/page").await.location(), "https://example.com/");
    let head = app
        .visit(Method::HEAD, HOST, "/page", &[("user-agent", BROWSER)])
        .await;
    assert_eq!(head.status, 200);
    let reasons: Vec<_> = app.clicks().await.iter().map(|click| click.bot_reason).collect();
    assert_eq!(reasons, [Some(BotReason::UserAgent), None, Some(BotReason::Head)]);
}

#[tokio::test]
async fn bots_are_sent_on_where_a_link_does_not_filter_them() {
    let app = TestApp::start().await;
    link(&app, "open", json!({"filterBots": false})).await;
    let answer = app.visit(Method::GET, HOST, "/open", &BOT).await;
    assert_eq!(answer.location(), "https://example.com/");
}

#[tokio::test]
async fn a_brand_is_shown_as_it_is_written() {
    let app = TestApp::start().await;
    let list = json!({"id": app.tenant.list.id.to_string(), "brandName": "<b>Tom's</b> & \"Co\""});
    app.mutate("updateSendingList", "{ sendingList { id } }", list)
        .await;
    link(&app, "brand", json!({})).await;
    let page = preview(&app, "/brand").await;
    assert!(
        page.body
            .contains("<h1>&lt;b&gt;Tom&#39;s&lt;/b&gt; &amp; &#34;Co&#34;</h1>")
    );
}

#[tokio::test]
async fn continue_is_a_person_s_click_with_the_headers_of_a_redirect() {
    let app = TestApp::start().await;
    let template = "https://t.example/p?click={{click.id}}&s={{sub1}}";
    let offer = app.tenant.offer(app.store(), None, template).await;
    link(&app, "macros", json!({"offerId": offer.id.to_string()})).await;
    let page = preview(&app, "/macros?sub1=a%20b&x=1").await;
    app.advance_hours(1);
    let answer = go_on(&app, "/macros?sub1=a%20b&x=1", token(&page)).await;
    let clicks = app.clicks().await;
    let [seen, gone_on] = &clicks[..] else {
        panic!("two clicks: {clicks:?}");
    };
    assert_sent_on(
        &answer,
        &format!("https://t.example/p?click={}&s=a%20b&x=1", gone_on.id),
    );
    for (name, value) in [
        ("cache-control", "private, no-store"),
        ("referrer-policy", "strict-origin"),
        ("x-robots-tag", "noindex"),
    ] {
        assert_eq!(answer.header(name), value);
    }
    assert_eq!(
        (seen.method, seen.bot_reason),
        (click::Method::Get, Some(BotReason::UserAgent))
    );
    assert_eq!((gone_on.method, gone_on.bot_reason), (click::Method::Post, None));
    assert_ne!(seen.id, gone_on.id);
    assert_eq!(gone_on.clicked_at.millis() - seen.clicked_at.millis(), 3_600_000);
    assert!(gone_on.user_agent_id.is_some());
}

#[tokio::test]
async fn whoever_goes_on_counts_as_a_person_whatever_their_agent_says() {
    let app = TestApp::start().await;
    link(&app, "agent", json!({})).await;
    let page = preview(&app, "/agent").await;
    let request = Request::post("/agent")
        .header(header::HOST, HOST)
        .header(header::USER_AGENT, BOT[0].1)
        .body(format!("token={}", token(&page)).into())
        .expect("a request");
    assert_sent_on(&app.send(request).await, "https://example.com/");
    assert_eq!(people(&app).await, 1);
}

#[tokio::test]
async fn a_token_that_is_sent_again_leads_on_and_counts_once() {
    let app = Arc::new(TestApp::start().await);
    link(&app, "twice", json!({})).await;
    let page = preview(&app, "/twice").await;
    let token = token(&page).to_owned();
    let mut taps = JoinSet::new();
    for _ in 0..20 {
        let (app, token) = (Arc::clone(&app), token.clone());
        taps.spawn(async move { go_on(&app, "/twice", &token).await });
    }
    for answer in taps.join_all().await {
        assert_sent_on(&answer, "https://example.com/");
    }
    // By way of another server too, which remembers nothing of it.
    let neighbour = app.neighbour().await;
    assert_sent_on(&go_on(&neighbour, "/twice", &token).await, "https://example.com/");
    neighbour.clicks().await;
    assert_eq!(people(&app).await, 1);
    let total = app.summed(app.link_id("twice").await).await.expect("a total");
    assert_eq!((total.clicks, total.human_clicks), (2, 1));
}

#[tokio::test]
async fn a_token_that_is_sent_again_uses_one_place_of_a_link_with_few() {
    let app = TestApp::start().await;
    let neighbour = app.neighbour().await;
    link(&app, "few", json!({"maxClicks": 2})).await;
    let pages = [
        preview(&app, "/few").await,
        preview(&app, "/few").await,
        preview(&app, "/few").await,
    ];
    // Not summed yet, and then it is.
    for round in 0..2 {
        for server in [&app, &neighbour, &app] {
            assert_sent_on(
                &go_on(server, "/few", token(&pages[0])).await,
                "https://example.com/",
            );
        }
        if round == 0 {
            app.summed(app.link_id("few").await).await;
        }
    }
    assert_eq!(people(&app).await, 1);
    assert_sent_on(
        &go_on(&app, "/few", token(&pages[1])).await,
        "https://example.com/",
    );
    // The places are gone, but those who had one may come again.
    for _ in 0..2 {
        let late = go_on(&app, "/few", token(&pages[2])).await;
        assert_eq!(late.status, 410);
        assert!(
            late.body
                .contains("This link has been used as often as it could be.")
        );
        for page in &pages[..2] {
            for server in [&app, &neighbour] {
                assert_sent_on(&go_on(server, "/few", token(page)).await, "https://example.com/");
            }
        }
    }
    assert_eq!(app.get(HOST, "/few").await.status, 410);
    assert_eq!(people(&app).await, 2);
}

#[tokio::test]
async fn a_wrong_foreign_or_old_token_gets_the_page_again_and_is_no_click() {
    let app = TestApp::start().await;
    link(&app, "mine", json!({})).await;
    link(&app, "other", json!({})).await;
    let old = preview(&app, "/mine").await;
    app.advance_hours(24);
    let foreign = preview(&app, "/other").await;
    let fresh = preview(&app, "/mine").await;
    let mut forged = token(&fresh).to_owned();
    forged.replace_range(95..96, if forged.ends_with('A') { "E" } else { "A" });
    let before = app.clicks().await.len();
    for (case, wrong) in [
        ("old", token(&old)),
        ("foreign", token(&foreign)),
        ("forged", &forged),
        ("empty", ""),
        ("short", "abc"),
        ("no base64", "%00%FF"),
    ] {
        let answer = go_on(&app, "/mine", wrong).await;
        assert_eq!(answer.status, 403, "{case}");
        assert!(answer.body.contains("<h1>Example Outfitters</h1>"), "{case}");
        assert_ne!(token(&answer), wrong, "{case}");
        assert_eq!(answer.header("location"), "");
    }
    assert_eq!(app.clicks().await.len(), before);
    // What it brings instead is good, on any server.
    let again = go_on(&app, "/mine", token(&old)).await;
    let neighbour = app.neighbour().await;
    assert_sent_on(
        &go_on(&neighbour, "/mine", token(&again)).await,
        "https://example.com/",
    );
}

#[tokio::test]
async fn other_posts_are_refused() {
    let app = TestApp::start().await;
    link(&app, "page", json!({})).await;
    link(&app, "open", json!({"filterBots": false})).await;
    let page = preview(&app, "/page").await;
    let form = format!("token={}", token(&page));
    for (path, form) in [
        ("/open", form.as_str()),
        ("/nothing", &form),
        ("/", &form),
        ("/page/more", &form),
        ("/page", ""),
        ("/page", "tokens=1"),
        ("/page", "\u{0}"),
    ] {
        let answer = submit(&app, path, form.to_owned()).await;
        assert_eq!(answer.status, 405, "{path} {form}");
        let allowed = if path == "/page" {
            "GET, HEAD, POST"
        } else {
            "GET, HEAD"
        };
        assert_eq!(answer.header("allow"), allowed, "{path} {form}");
    }
    let long = format!("{form}&more={}", "x".repeat(5000));
    assert_eq!(submit(&app, "/page", long).await.status, 413);
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        for (path, allowed) in [("/page", "GET, HEAD, POST"), ("/open", "GET, HEAD")] {
            let answer = app.visit(method.clone(), HOST, path, &BOT).await;
            assert_eq!(answer.status, 405);
            assert_eq!(answer.header("allow"), allowed, "{method} {path}");
        }
    }
    assert_eq!(app.clicks().await.len(), 1);
}

#[tokio::test]
async fn continue_waits_for_no_database_where_every_click_may_count() {
    let app = TestApp::start().await;
    link(&app, "free", json!({})).await;
    link(&app, "few", json!({"maxClicks": 5})).await;
    let (free, few) = (preview(&app, "/free").await, preview(&app, "/few").await);
    let sql = async |statement: &str| {
        let done = app.store().write.execute_unprepared(statement).await;
        done.expect("a statement of the test's");
    };
    sql("ALTER TABLE click RENAME TO elsewhere").await;
    assert_sent_on(&go_on(&app, "/free", token(&free)).await, "https://example.com/");
    assert_eq!(app.app.recorder.state().unconfirmed, 1);
    assert_eq!(go_on(&app, "/few", token(&few)).await.status, 503);
    sql("ALTER TABLE elsewhere RENAME TO click").await;
    app.app.recorder.finish().await;
    for (path, page) in [("/free", &free), ("/few", &few)] {
        assert_sent_on(&go_on(&app, path, token(page)).await, "https://example.com/");
    }
    assert_eq!(people(&app).await, 2);
}

#[tokio::test]
async fn continue_on_a_link_that_is_gone_leads_where_its_visitors_are_sent() {
    let app = TestApp::start().await;
    link(&app, "over", json!({"expiresAt": "2026-11-23T13:00:00Z"})).await;
    let input = json!({"expiresAt": "2026-11-23T13:00:00Z", "fallbackUrl": "https://example.com/instead"});
    link(&app, "over-to", input).await;
    let pages = [preview(&app, "/over").await, preview(&app, "/over-to").await];
    app.advance_hours(1);
    let answer = go_on(&app, "/over", token(&pages[0])).await;
    assert_eq!(answer.status, 410);
    assert!(answer.body.contains("This link has expired."));
    assert_sent_on(
        &go_on(&app, "/over-to", token(&pages[1])).await,
        "https://example.com/instead",
    );
    assert_eq!(app.clicks().await.len(), 2);
}
