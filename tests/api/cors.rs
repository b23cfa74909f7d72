//! Scripts of other sites.

use axum::http::Method;
use linkhop::{
    http::{Origin, Settings},
    values::host::Host,
};

use crate::support::{Answer, BROWSER, Setup, TestApp};

const SITE: &str = "https://app.example.com";

async fn allowing(origins: &[&str]) -> TestApp {
    let origins = origins.iter().map(|origin| origin.parse().expect("an origin"));
    let settings = Settings {
        cors_origins: origins.collect(),
        api_host: Host::parse("api.example.com"),
        ..Settings::default()
    };
    TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await
}

async fn preflight(app: &TestApp, path: &str, origin: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-api-key"),
    ];
    app.visit(Method::OPTIONS, "api.example.com", path, &headers)
        .await
}

fn says_anything(answer: &Answer) -> bool {
    let mut names = answer.headers.keys();
    names.any(|name| name.as_str().starts_with("access-control"))
}

fn names(header: &str) -> Vec<String> {
    let mut names: Vec<_> = header.split(',').map(|name| name.trim().to_lowercase()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn an_allowed_site_is_told_what_it_may_send_and_read() {
    let app = allowing(&["https://other.example.com", SITE]).await;
    for path in ["/graphql", "/schema.graphql", "/mcp"] {
        let answer = preflight(&app, path, SITE).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), SITE);
        assert_eq!(
            names(answer.header("access-control-allow-methods")),
            ["get", "post"]
        );
        assert_eq!(
            names(answer.header("access-control-allow-headers")),
            [
                "authorization",
                "content-type",
                "mcp-method",
                "mcp-name",
                "mcp-protocol-version",
                "x-api-key",
                "x-request-id"
            ]
        );
        assert_eq!(answer.header("access-control-max-age"), "3600");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert!(names(answer.header("vary")).contains(&"origin".to_owned()));
        assert_ne!(answer.header("x-request-id"), "");
    }
    // Errors too, or the site's script could not say what is wrong.
    let visit = async |method, path, headers: &[_]| app.visit(method, "api.example.com", path, headers).await;
    let origin = ("origin", SITE);
    for (method, path, headers, status) in [
        (Method::GET, "/graphql?query=%7B__typename%7D", &[origin][..], 200),
        (Method::GET, "/schema.graphql", &[origin], 200),
        (Method::GET, "/graphql", &[origin], 400),
        (Method::POST, "/graphql", &[origin], 415),
        (Method::POST, "/graphql", &[origin, ("accept", "text/html")], 406),
        (Method::PUT, "/graphql", &[origin], 405),
        (
            Method::GET,
            "/graphql?query=%7B__typename%7D",
            &[origin, ("x-api-key", "wrong")],
            401,
        ),
    ] {
        let answer = visit(method, path, headers).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), SITE);
        assert_eq!(
            names(answer.header("access-control-expose-headers")),
            ["ratelimit", "ratelimit-policy", "retry-after", "x-request-id"]
        );
        let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
        assert!(
            vary.iter().any(|vary| vary.as_bytes().starts_with(b"origin")),
            "{vary:?}"
        );
    }
}

#[tokio::test]
async fn another_site_is_told_nothing() {
    let app = allowing(&[SITE]).await;
    for origin in [
        "https://evil.example.com",
        "null",
        "https://app.example.com.evil.example",
        "http://app.example.com",
    ] {
        let answer = preflight(&app, "/graphql", origin).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
        let headers = [("origin", origin)];
        let answer = app.visit(
            Method::GET,
            "api.example.com",
            "/graphql?query=%7B__typename%7D",
            &headers,
        );
        assert_eq!(answer.await.header("access-control-allow-origin"), "", "{origin}");
    }
}

#[tokio::test]
async fn any_site_may_be_allowed() {
    for origins in [&["*"][..], &[SITE, "*"]] {
        let app = allowing(origins).await;
        let answer = preflight(&app, "/graphql", "https://any.example").await;
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
}

#[tokio::test]
async fn unless_a_site_is_allowed_a_preflight_is_refused() {
    let app = TestApp::start().await;
    let answer = preflight(&app, "/graphql", SITE).await;
    assert_eq!(answer.status, 405);
    assert!(!says_anything(&answer));
}

#[tokio::test]
async fn visits_know_nothing_of_other_sites() {
    let settings = Settings {
        cors_origins: vec![Origin::Any],
        ..Settings::default()
    };
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    let code = app.link("https://example.com/").await;
    for (method, path, status) in [
        (Method::GET, format!("/{code}"), 302),
        (Method::OPTIONS, format!("/{code}"), 405),
        (Method::GET, "/".to_owned(), 200),
        (Method::GET, "/healthz".to_owned(), 200),
    ] {
        let headers = [("origin", SITE), ("user-agent", BROWSER)];
        let answer = app.visit(method, "go.example.com", &path, &headers).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(!says_anything(&answer), "{path}");
        assert_eq!(answer.header("vary"), "", "{path}");
    }
}

#[tokio::test]
async fn where_the_api_is_not_there_is_no_preflight() {
    let app = allowing(&[SITE]).await;
    let headers = [("origin", SITE), ("access-control-request-method", "POST")];
    let answer = app
        .visit(Method::OPTIONS, "go.example.com", "/graphql", &headers)
        .await;
    assert_eq!(answer.status, 404);
    assert!(!says_anything(&answer));
}
