//! What people report about links.

use std::net::{IpAddr, SocketAddr};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, header},
};
use entity::abuse_report;
use linkhop::links::report::{all, close};
use url::form_urlencoded;

use crate::support::{Answer, TestApp};

const HOST: &str = "go.example.com";

/// Sends the form from an address.
async fn send(app: &TestApp, peer: &str, host: &str, fields: &[(&str, &str)]) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let mut request = Request::post("/report")
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .expect("a request");
    let peer: IpAddr = peer.parse().expect("an address");
    request
        .extensions_mut()
        .insert(ConnectInfo(SocketAddr::new(peer, 40_000)));
    app.send(request).await
}

async fn reports(app: &TestApp) -> Vec<abuse_report::Model> {
    all(app.store()).await.expect("reports")
}

#[tokio::test]
async fn a_report_is_stored_with_what_it_is_about() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let page = app.get(HOST, &format!("/report?link={code}")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains(&format!("value=\"{code}\"")), "{}", page.body);
    assert!(
        page.header("content-security-policy")
            .contains("form-action 'self'")
    );
    assert!(!page.body.contains("<script"), "{}", page.body);
    let url = format!("https://{HOST}/{code}");
    for (number, link) in [
        code.clone(),
        url.clone(),
        format!("{HOST}/{code}"),
        format!("  https://GO.example.com:443/{code} "),
    ]
    .iter()
    .enumerate()
    {
        let fields = [
            ("link", link.as_str()),
            ("reason", "It asks for my\r\npassword"),
            ("email", "a@b.example"),
        ];
        let answer = send(&app, &format!("203.0.113.{number}"), HOST, &fields).await;
        assert_eq!(answer.status, 200, "{link}: {}", answer.body);
        assert!(answer.body.contains("Thank you"), "{}", answer.body);
    }
    let stored = reports(&app).await;
    assert_eq!(stored.len(), 4);
    let link = app.stored(&code).await;
    for report in &stored {
        assert_eq!(report.url, url);
        assert_eq!(
            (report.short_link_id, report.account_id),
            (Some(link.id), Some(link.account_id))
        );
        assert_eq!(report.reason, "It asks for my\npassword");
        assert_eq!(report.email.as_deref(), Some("a@b.example"));
    }
    // The reporter's address is in no row, and what they wrote in no log.
    assert!(!format!("{stored:?}").contains("password"));
    let closed = close(app.store(), stored[0].id).await.expect("an answer");
    assert_eq!(closed.as_ref(), Some(&stored[0]));
    assert_eq!(close(app.store(), stored[0].id).await.expect("an answer"), None);
    assert_eq!(reports(&app).await.len(), 3);
}

#[tokio::test]
async fn a_report_that_says_nothing_useful_is_not_stored_and_the_form_says_why() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let long = "x".repeat(2001);
    for (number, (fields, told)) in [
        (vec![("reason", "bad")], "no such link"),
        (vec![("link", "nothing"), ("reason", "bad")], "no such link"),
        (
            vec![("link", "https://elsewhere.example/x"), ("reason", "bad")],
            "no such link",
        ),
        (
            vec![("link", "\"><script>alert(1)</script>"), ("reason", "bad")],
            "no such link",
        ),
        (vec![("link", code.as_str())], "Say what is wrong"),
        (
            vec![("link", code.as_str()), ("reason", " \n ")],
            "Say what is wrong",
        ),
        (
            vec![("link", code.as_str()), ("reason", long.as_str())],
            "Say what is wrong",
        ),
        (
            vec![("link", code.as_str()), ("reason", "bad"), ("email", "me")],
            "no e-mail address",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = send(&app, &format!("203.0.113.{number}"), HOST, &fields).await;
        assert_eq!(answer.status, 400, "{fields:?}");
        assert!(answer.body.contains(told), "{}", answer.body);
        assert!(!answer.body.contains("<script"), "{}", answer.body);
    }
    // What was written is still there.
    let fields = [
        ("link", "nothing"),
        ("reason", "<b>bad"),
        ("email", "a@b.example"),
    ];
    let answer = send(&app, "203.0.113.100", HOST, &fields).await;
    for kept in ["value=\"nothing\"", "&lt;b&gt;bad", "value=\"a@b.example\""] {
        assert!(answer.body.contains(kept), "{}", answer.body);
    }
    assert!(reports(&app).await.is_empty());
}

#[tokio::test]
async fn reports_are_taken_only_so_long_and_so_often_and_where_links_live() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let fields = [("link", code.as_str()), ("reason", "bad")];
    let long = "x".repeat(20_000);
    let answer = send(
        &app,
        "203.0.113.9",
        HOST,
        &[("link", code.as_str()), ("reason", long.as_str())],
    )
    .await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    for _ in 0..5 {
        assert_eq!(send(&app, "203.0.113.7", HOST, &fields).await.status, 200);
    }
    let answer = send(&app, "203.0.113.7", HOST, &fields).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (429, "600")
    );
    assert_eq!(send(&app, "203.0.113.8", HOST, &fields).await.status, 200);
    assert_eq!(reports(&app).await.len(), 6);
    app.advance_seconds(600);
    assert_eq!(send(&app, "203.0.113.7", HOST, &fields).await.status, 200);
    let elsewhere = send(&app, "203.0.113.10", "api.example.com", &fields).await;
    assert_eq!(elsewhere.status, 404);
    assert_eq!(app.get("api.example.com", "/report").await.status, 404);
    assert_eq!(app.visit(Method::PUT, HOST, "/report", &[]).await.status, 405);
}

#[tokio::test]
async fn what_is_not_stored_shuts_nobody_out_and_only_so_much_is_stored_of_all() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let fields = [("link", code.as_str()), ("reason", "bad")];
    let empty: [(&str, &str); 0] = [];
    // Each from an address of its own.
    for number in 0..600 {
        let peer = format!("203.0.{}.{}", number / 250 + 10, number % 250);
        assert_eq!(send(&app, &peer, HOST, &empty).await.status, 400, "{peer}");
    }
    // From addresses that are nobody's own, which may be everybody's, only so many all together.
    for number in 0..500 {
        let answer = send(&app, "10.0.0.1", HOST, &fields).await;
        assert_eq!(answer.status, 200, "{number}");
    }
    for peer in ["10.0.0.1", "203.0.113.7"] {
        let answer = send(&app, peer, HOST, &fields).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("retry-after")),
            (429, "600")
        );
    }
    assert_eq!(reports(&app).await.len(), 500);
    app.advance_seconds(600);
    assert_eq!(send(&app, "10.0.0.1", HOST, &fields).await.status, 200);
}
