//! What visitors of a short link's host are answered.

use axum::http::Method;
use entity::{domain, offer, sending_list};
use linkhop::{http::ROUTES, links::code::RESERVED};
use serde_json::json;

use crate::support::{Answer, BROWSER, TestApp};

const HOST: &str = "go.example.com";
const PERSON: [(&str, &str); 1] = [("user-agent", BROWSER)];

/// The headers of an answer but the request's id, by name.
fn headers(answer: &Answer) -> Vec<(&str, &str)> {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("a printable header")))
        .filter(|(name, _)| *name != "x-request-id")
        .collect();
    headers.sort_unstable();
    headers
}

#[tokio::test]
async fn a_visit_is_sent_on_in_one_hop_with_exactly_these_headers() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/sale?a=1#top").await;
    for method in [Method::GET, Method::HEAD] {
        let answer = app.visit(method, HOST, &format!("/{code}"), &PERSON).await;
        assert_eq!(answer.status, 302);
        assert_eq!(
            headers(&answer),
            [
                ("cache-control", "private, no-store"),
                ("content-length", "0"),
                ("location", "https://example.com/sale?a=1#top"),
                ("referrer-policy", "strict-origin"),
                ("x-robots-tag", "noindex"),
            ]
        );
        assert_eq!(answer.body, "");
    }
    assert_eq!(app.clicks().await.len(), 2);
}

#[tokio::test]
async fn other_methods_are_refused_and_are_no_clicks() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    for method in [
        Method::OPTIONS,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
    ] {
        for path in [format!("/{code}"), "/nothing".to_owned(), "/".to_owned()] {
            let answer = app.visit(method.clone(), HOST, &path, &PERSON).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), "GET, HEAD");
        }
    }
    assert!(app.clicks().await.is_empty());
}

#[tokio::test]
async fn codes_are_case_sensitive() {
    let app = TestApp::start().await;
    for (code, url) in [
        ("Spring", "https://example.com/1"),
        ("sPRING", "https://example.com/2"),
    ] {
        app.create(json!({"url": url, "listId": 42, "code": code})).await;
    }
    assert_eq!(app.get(HOST, "/Spring").await.location(), "https://example.com/1");
    assert_eq!(app.get(HOST, "/sPRING").await.location(), "https://example.com/2");
    assert_eq!(app.get(HOST, "/spring").await.status, 404);
}

#[tokio::test]
async fn a_host_is_met_in_any_case_and_only_on_its_own_port() {
    let app = TestApp::start().await;
    app.create(json!({"url": "https://example.com/", "listId": 42, "code": "bare"}))
        .await;
    let ported = app.tenant.more_domain(app.store(), "go2.example.com:8443").await;
    app.tenant
        .more_list(app.store(), 43, "+18005551235", Some(ported.id))
        .await;
    app.create(json!({"url": "https://example.com/", "listId": 43, "code": "port"}))
        .await;
    let plain = app.tenant.more_domain(app.store(), "go3.example.com").await;
    let plain = app
        .save(domain::Model {
            scheme: domain::Scheme::Http,
            ..plain
        })
        .await;
    app.tenant
        .more_list(app.store(), 44, "+18005551236", Some(plain.id))
        .await;
    app.create(json!({"url": "https://example.com/", "listId": 44, "code": "http"}))
        .await;
    for (host, code, status) in [
        ("go.example.com", "bare", 302),
        ("GO.Example.COM", "bare", 302),
        ("go.example.com.", "bare", 302),
        ("go.example.com:443", "bare", 302),
        ("go.example.com:80", "bare", 404),
        ("go.example.com:8443", "bare", 404),
        ("go2.example.com:8443", "port", 302),
        ("GO2.example.com:8443", "port", 302),
        ("go2.example.com", "port", 404),
        ("go2.example.com:443", "port", 404),
        ("go3.example.com", "http", 302),
        ("go3.example.com:80", "http", 302),
        ("go3.example.com:443", "http", 404),
        // A link lives on its own domain only.
        ("go.example.com", "port", 404),
    ] {
        let answer = app.get(host, &format!("/{code}")).await;
        assert_eq!(answer.status, status, "{host}/{code}");
    }
    // A proxy's absolute form names the host itself.
    let absolute = "http://go.example.com/bare";
    assert_eq!(app.get("other.example.com", absolute).await.status, 302);
}

#[tokio::test]
async fn links_of_an_archived_domain_or_list_or_offer_still_redirect() {
    let app = TestApp::start().await;
    let offer = app
        .tenant
        .offer(app.store(), None, "https://offer.example/")
        .await;
    let input = json!({"offerId": offer.id.to_string(), "listId": 42, "code": "kept"});
    app.create(input).await;
    let (domain, list) = (app.tenant.domain.clone(), app.tenant.list.clone());
    app.save(domain::Model {
        status: domain::Status::Archived,
        ..domain
    })
    .await;
    app.save(sending_list::Model {
        status: sending_list::Status::Archived,
        ..list
    })
    .await;
    app.save(offer::Model {
        status: offer::Status::Archived,
        ..offer
    })
    .await;
    assert_eq!(app.get(HOST, "/kept").await.location(), "https://offer.example/");
}

#[tokio::test]
async fn punctuation_that_a_handset_glued_to_a_link_is_dropped() {
    let app = TestApp::start().await;
    app.create(json!({"url": "https://example.com/", "listId": 42, "code": "A-b_9"}))
        .await;
    for glued in [
        ".", ",", ";", ":", "!", "'", "\"", ")", "]", "}", "%3E", "%2E", "%2C", "%3B", "%3A", "%21", "%27",
        "%22", "%29", "%5D", "%7D", ").", "!!!", "%22).", "...", ".?a=1",
    ] {
        let answer = app.get(HOST, &format!("/A-b_9{glued}")).await;
        assert!(answer.location().starts_with("https://example.com/"), "{glued}");
    }
    for other in ["-", "_", "/", "(", "%20", "..a", "%2E%2Fa"] {
        let answer = app.get(HOST, &format!("/A-b_9{other}")).await;
        assert_eq!(answer.status, 404, "{other}");
    }
}

#[tokio::test]
async fn macros_of_click_time_are_filled_and_the_rest_of_the_query_is_passed_on() {
    let app = TestApp::start().await;
    let template =
        "https://t.example/p?x=1&click={{click.id}}&again={{click_id}}&s={{sub1}}&q={{query.name}}#f";
    let offer = app
        .tenant
        .offer(app.store(), Some(offer::Platform::Tune), template)
        .await;
    let input = json!({"offerId": offer.id.to_string(), "listId": 42, "code": "macros"});
    app.create(input).await;
    let visit = "/macros?sub1=a%20b%26c&x=9&name=%7B%7Bclick.id%7D%7D&y=2&click_id=forged&z={{sub1}}";
    let answer = app.get(HOST, visit).await;
    let [click] = &app.clicks().await[..] else {
        panic!("one visit is one click");
    };
    let id = click.id;
    assert_eq!(
        answer.location(),
        format!(
            "https://t.example/p?x=1&click={id}&again={id}&s=a%20b%26c&q=%7B%7Bclick.id%7D%7D&aff_sub=macros\
             &aff_click_id={id}&y=2&click_id=forged&z=%7B%7Bsub1%7D%7D#f"
        )
    );
    // What nothing fills is empty.
    let answer = app.get(HOST, "/macros").await;
    assert!(answer.location().contains("&s=&q=&aff_sub=macros&"));
    assert!(!answer.location().contains(['{', '}']));
}

#[tokio::test]
async fn of_a_query_of_65_kb_the_first_hundred_parameters_are_passed_on() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/#f").await;
    let query = vec!["a"; 32_000].join("&");
    let answer = app.get(HOST, &format!("/{code}?{query}")).await;
    assert_eq!(
        answer.location(),
        format!("https://example.com/?{}#f", &query[..199])
    );
}

#[test]
fn no_code_can_be_the_first_segment_of_a_route() {
    for route in ROUTES {
        let first = route.split('/').nth(1).expect("a first segment");
        assert!(RESERVED.contains(&first), "{route}: reserve {first}");
    }
}
