//! What is kept of a visitor.

use entity::{
    click::{self, BotReason},
    user_agent,
};
use linkhop::http::Settings;
use sea_orm::EntityTrait as _;
use serde_json::json;

use crate::support::{BROWSER, Setup, TestApp};

const HOST: &str = "go.example.com";
const PERSON: [(&str, &str); 1] = [("user-agent", BROWSER)];

async fn link(app: &TestApp) -> String {
    format!("/{}", app.link("https://example.com/").await)
}

/// A server that believes `10.0.0.0/8`.
async fn behind_a_proxy() -> TestApp {
    let trusted = "10.0.0.0/8".parse().expect("a network");
    TestApp::with(Setup {
        settings: Settings {
            trusted_proxies: [trusted].into_iter().collect(),
            ..Settings::default()
        },
        ..Setup::default()
    })
    .await
}

fn addresses(clicks: &[click::Model]) -> Vec<Option<&str>> {
    clicks.iter().map(|click| click.address.as_deref()).collect()
}

#[tokio::test]
async fn only_the_network_of_an_address_is_kept() {
    let app = TestApp::start().await;
    let path = link(&app).await;
    for peer in ["203.0.113.7", "::ffff:203.0.113.7", "2001:db8:1:2:3:4:5:6"] {
        app.visit_from(peer, HOST, &path, &PERSON).await;
    }
    app.get(HOST, &path).await;
    let clicks = app.clicks().await;
    assert_eq!(
        addresses(&clicks),
        [
            Some("203.0.113.0"),
            Some("203.0.113.0"),
            Some("2001:db8:1::"),
            None
        ]
    );
    let known: Vec<_> = clicks.iter().map(|click| click.visitor.is_some()).collect();
    assert_eq!(known, [true, true, true, false], "no visitor without an address");
}

#[tokio::test]
async fn a_forged_forwarded_address_changes_nothing() {
    let app = behind_a_proxy().await;
    let path = link(&app).await;
    app.visit_from("203.0.113.7", HOST, &path, &PERSON).await;
    for forged in ["198.51.100.1", "10.0.0.1", "10.0.0.1, 198.51.100.1", "no address"] {
        let headers = [("user-agent", BROWSER), ("x-forwarded-for", forged)];
        app.visit_from("203.0.113.7", HOST, &path, &headers).await;
    }
    let clicks = app.clicks().await;
    let seen = |click: &click::Model| (click.address.clone(), click.visitor);
    assert_eq!(clicks.len(), 5);
    for click in &clicks {
        assert_eq!(seen(click), (Some("203.0.113.0".to_owned()), clicks[0].visitor));
    }
}

#[tokio::test]
async fn behind_trusted_proxies_the_visitor_is_whom_the_last_of_them_saw() {
    let app = behind_a_proxy().await;
    let path = link(&app).await;
    app.visit_from("198.51.100.1", HOST, &path, &PERSON).await;
    for forwarded in [
        "198.51.100.1",
        "198.51.100.1, 10.0.0.2,10.0.0.3",
        "203.0.113.99, 198.51.100.1, 10.0.0.2",
        "127.0.0.1, ?, 198.51.100.1",
    ] {
        let headers = [("user-agent", BROWSER), ("x-forwarded-for", forwarded)];
        app.visit_from("10.0.0.1", HOST, &path, &headers).await;
    }
    let lines = [
        ("user-agent", BROWSER),
        ("x-forwarded-for", "203.0.113.99, 198.51.100.1"),
        ("x-forwarded-for", "10.0.0.2"),
    ];
    app.visit_from("10.0.0.1", HOST, &path, &lines).await;
    let clicks = app.clicks().await;
    let visitor = clicks[0].visitor;
    assert!(visitor.is_some());
    assert_eq!(clicks.len(), 6);
    for click in &clicks {
        assert_eq!(
            (click.address.as_deref(), click.visitor),
            (Some("198.51.100.0"), visitor)
        );
    }
    // What is no address ends the walk at the proxy that wrote it.
    let headers = [
        ("user-agent", BROWSER),
        ("x-forwarded-for", "198.51.100.1, unknown"),
    ];
    app.visit_from("10.0.0.1", HOST, &path, &headers).await;
    assert_eq!(app.clicks().await[6].address.as_deref(), Some("10.0.0.0"));
}

#[tokio::test]
async fn a_visitor_is_an_address_with_an_agent_on_every_node_and_on_no_other_server() {
    let app = TestApp::start().await;
    let path = link(&app).await;
    let other = [(
        "user-agent",
        "Mozilla/5.0 (Android 14; Mobile; rv:121.0) Gecko/121.0 Firefox/121.0",
    )];
    app.visit_from("203.0.113.7", HOST, &path, &PERSON).await;
    app.visit_from("203.0.113.8", HOST, &path, &PERSON).await;
    app.visit_from("203.0.113.7", HOST, &path, &other).await;
    app.visit_from("2001:db8:1:2::1", HOST, &path, &PERSON).await;
    app.visit_from("2001:db8:1:2::2", HOST, &path, &PERSON).await;
    app.visit_from("2001:db8:1:3::1", HOST, &path, &PERSON).await;
    let neighbour = app.neighbour().await;
    neighbour.visit_from("203.0.113.7", HOST, &path, &PERSON).await;
    neighbour.app.writer.drained().await;
    let visitors: Vec<_> = app.clicks().await.iter().map(|click| click.visitor).collect();
    let [first, address, agent, half, same_half, next_half, again] = visitors[..] else {
        panic!("{visitors:?}")
    };
    assert_eq!((first, half), (again, same_half));
    let mut apart = vec![first, address, agent, half, next_half];
    apart.sort_unstable();
    apart.dedup();
    assert_eq!(apart.len(), 5, "{visitors:?}");

    let elsewhere = TestApp::start().await;
    let path = link(&elsewhere).await;
    elsewhere.visit_from("203.0.113.7", HOST, &path, &PERSON).await;
    assert_ne!(elsewhere.clicks().await[0].visitor, first);
}

#[tokio::test]
async fn nothing_of_a_private_visitor_is_kept_but_parameters_and_verdict_are() {
    let app = TestApp::start().await;
    let path = format!("{}?sub1=a", link(&app).await);
    for (name, agent) in [("sec-gpc", BROWSER), ("dnt", BROWSER), ("dnt", "curl/8.5.0")] {
        let headers = [
            ("user-agent", agent),
            ("referer", "https://example.com/"),
            ("accept-language", "en"),
            ("sec-purpose", "prefetch"),
            (name, "1"),
        ];
        app.visit_from("203.0.113.7", HOST, &path, &headers).await;
    }
    let clicks = app.clicks().await;
    let reasons: Vec<_> = clicks.iter().filter_map(|click| click.bot_reason).collect();
    assert_eq!(
        reasons,
        [BotReason::Prefetch, BotReason::Prefetch, BotReason::UserAgent]
    );
    for click in clicks {
        assert_eq!(
            (click.address, click.visitor, click.user_agent_id),
            (None, None, None)
        );
        assert_eq!(
            (click.referrer, click.language, click.country),
            (None, None, None)
        );
        assert_eq!(click.parameters, Some(json!({"sub1": "a"})));
        assert!(click.is_prefetch);
    }
    let agents = user_agent::Entity::find()
        .all(&app.store().read)
        .await
        .expect("agents");
    assert_eq!(agents, []);
}
