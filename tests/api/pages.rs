//! What visitors see where there is nothing to be sent to, or no longer.

use axum::http::Method;
use entity::{Timestamp, domain, sending_list, short_link};
use serde_json::json;

use crate::support::{Answer, BROWSER, START, TestApp};

const HOST: &str = "go.example.com";

/// Expects one of the few pages, which nobody stores or indexes.
fn assert_page(answer: &Answer, status: u16, text: &str) {
    assert_eq!(answer.status, status);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "private, no-store");
    assert_eq!(answer.header("x-robots-tag"), "noindex");
    assert!(
        answer
            .header("content-security-policy")
            .starts_with("default-src 'none';")
    );
    assert!(answer.body.contains(text), "{}", answer.body);
}

/// A moment before every test begins.
const PAST: Option<Timestamp> = Some(Timestamp::from_millis(START.millis() - 1));

/// What is different about a link.
type Change = fn(short_link::Model) -> short_link::Model;

/// Changes a stored link.
async fn change(app: &TestApp, code: &str, change: impl FnOnce(short_link::Model) -> short_link::Model) {
    app.save(change(app.stored(code).await)).await;
}

#[tokio::test]
async fn an_unknown_host_or_code_is_a_404_and_no_click() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let swapped: String = code
        .chars()
        .map(|c| {
            if c.is_lowercase() {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    for (host, path) in [
        (HOST, "/unknown".to_owned()),
        (HOST, format!("/{swapped}x")),
        (HOST, format!("/{code}/")),
        (HOST, format!("/{code}/more")),
        (HOST, format!("//{code}")),
        (HOST, format!("/{code}%00")),
        (HOST, "/%FF".to_owned()),
        (HOST, "/...".to_owned()),
        (HOST, format!("/{}", "x".repeat(8000))),
        ("other.example.com", format!("/{code}")),
        ("example.com", format!("/{code}")),
        ("", format!("/{code}")),
        ("a b", format!("/{code}")),
        ("other.example.com", "/".to_owned()),
    ] {
        let answer = app.get(host, &path).await;
        assert_page(&answer, 404, "Link not found");
    }
    assert!(app.clicks().await.is_empty());
}

#[tokio::test]
async fn what_no_longer_redirects_is_a_410_page_and_no_click() {
    let app = TestApp::start().await;
    let cases: [(Change, &str); 3] = [
        (
            |link| short_link::Model {
                status: short_link::Status::Disabled,
                ..link
            },
            "This link is switched off.",
        ),
        (
            |link| short_link::Model {
                status: short_link::Status::Archived,
                ..link
            },
            "This link has been removed.",
        ),
        (
            |link| short_link::Model {
                exhausted_at: Some(START),
                ..link
            },
            "This link has been used as often as it could be.",
        ),
    ];
    for (case, text) in cases {
        let code = app.link("https://example.com/").await;
        change(&app, &code, case).await;
        let answer = app.get(HOST, &format!("/{code}")).await;
        assert_page(&answer, 410, text);
    }
    let input = json!({
        "url": "https://example.com/", "listId": 42, "code": "short", "expiresAt": "2026-11-23T13:00:00Z",
    });
    app.create(input).await;
    assert_eq!(app.get(HOST, "/short").await.location(), "https://example.com/");
    app.advance_hours(1);
    assert_page(&app.get(HOST, "/short").await, 410, "This link has expired.");
    assert_eq!(app.clicks().await.len(), 1);
}

#[tokio::test]
async fn what_no_longer_redirects_leads_to_the_link_s_fallback_or_else_the_domain_s() {
    let app = TestApp::start().await;
    let domain = domain::Model {
        fallback_url: Some("https://example.com/domain".to_owned()),
        ..app.tenant.domain.clone()
    };
    app.save(domain).await;
    let own = Some("https://example.com/own".to_owned());
    let cases: [Change; 4] = [
        |link| short_link::Model {
            exhausted_at: PAST,
            ..link
        },
        |link| short_link::Model {
            status: short_link::Status::Disabled,
            ..link
        },
        |link| short_link::Model {
            status: short_link::Status::Archived,
            ..link
        },
        |link| short_link::Model {
            expires_at: PAST,
            ..link
        },
    ];
    for case in cases {
        for (fallback_url, expected) in [
            (own.clone(), "https://example.com/own"),
            (None, "https://example.com/domain"),
        ] {
            let code = app.link("https://example.com/").await;
            change(&app, &code, |link| short_link::Model {
                fallback_url,
                ..case(link)
            })
            .await;
            let answer = app.get(HOST, &format!("/{code}?a=1")).await;
            assert_eq!(answer.location(), expected);
            assert_eq!(answer.header("cache-control"), "private, no-store");
        }
    }
    assert!(app.clicks().await.is_empty());
}

#[tokio::test]
async fn the_root_of_a_domain_names_its_brand() {
    let app = TestApp::start().await;
    let page = app.get(HOST, "/").await;
    assert_page(&page, 200, "<h1>Example Outfitters</h1>");
    let brand = "<script>alert(\"1\")</script> & Tom's";
    let list = sending_list::Model {
        brand_name: brand.to_owned(),
        ..app.tenant.list.clone()
    };
    app.save(list).await;
    let page = app.get(HOST, "/").await;
    let escaped = "<h1>&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; &amp; Tom&#39;s</h1>";
    assert_page(&page, 200, escaped);
    assert!(!page.body.contains("<script"));
    // Without a list there is no brand but the host.
    app.tenant.more_domain(app.store(), "go2.example.com").await;
    assert_page(
        &app.get("go2.example.com", "/").await,
        200,
        "<h1>go2.example.com</h1>",
    );
}

#[tokio::test]
async fn the_root_of_a_domain_leads_to_its_root_url() {
    let app = TestApp::start().await;
    let root_url = Some("https://example.com/home".to_owned());
    app.save(domain::Model {
        root_url,
        ..app.tenant.domain.clone()
    })
    .await;
    for method in [Method::GET, Method::HEAD] {
        let answer = app.visit(method, HOST, "/?a=1", &[("user-agent", BROWSER)]).await;
        assert_eq!(answer.location(), "https://example.com/home");
        assert_eq!(answer.header("cache-control"), "private, no-store");
    }
    assert!(app.clicks().await.is_empty());
}

#[tokio::test]
async fn robots_may_look_everywhere() {
    let app = TestApp::start().await;
    for host in [HOST, "other.example.com"] {
        let robots = app.get(host, "/robots.txt").await;
        assert_eq!(robots.status, 200);
        assert_eq!(robots.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(robots.body, "User-agent: *\nAllow: /\n");
    }
    assert_eq!(app.get(HOST, "/favicon.ico").await.status, 204);
}
