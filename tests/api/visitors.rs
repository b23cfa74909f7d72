//! What is kept of a visitor.

use std::fs;

use axum::http::Method;
use entity::{
    click::{self, BotReason},
    text_id, user_agent,
};
use linkhop::{app, clicks::verdict, http::Settings};
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use crate::support::{BROWSER, MmdbValue, Setup, TestApp, country, mmdb};

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
async fn a_country_is_kept_where_the_database_has_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("countries.mmdb");
    let flat = MmdbValue::Map(vec![("country_code", MmdbValue::Text("JP"))]);
    let odd = MmdbValue::Map(vec![("country", MmdbValue::Text("Atlantis"))]);
    let bytes = mmdb(&[
        ("203.0.113.0/25", country("US")),
        ("2001:db8:1::/48", country("DE")),
        ("198.51.100.0/24", flat),
        ("192.0.2.0/24", country("Atlantis")),
        ("192.88.99.0/24", odd),
    ]);
    fs::write(&file, bytes).expect("a database");
    let app = TestApp::with(Setup {
        options: app::Options {
            verdict: verdict::Options {
                countries: Some(file),
                ..verdict::Options::default()
            },
            ..app::Options::default()
        },
        ..Setup::default()
    })
    .await;
    let path = link(&app).await;
    for peer in [
        "203.0.113.7",
        "203.0.113.200",
        "::ffff:203.0.113.7",
        "2001:db8:1:2::1",
        "2001:db8:2::1",
        "198.51.100.1",
        "192.0.2.1",
        "192.88.99.1",
    ] {
        app.visit_from(peer, HOST, &path, &PERSON).await;
    }
    app.visit_from(
        "203.0.113.7",
        HOST,
        &path,
        &[("user-agent", BROWSER), ("dnt", "1")],
    )
    .await;
    app.get(HOST, &path).await;
    let clicks = app.clicks().await;
    let countries: Vec<_> = clicks.iter().map(|click| click.country.as_deref()).collect();
    assert_eq!(
        countries,
        [
            Some("US"),
            None,
            Some("US"),
            Some("DE"),
            None,
            Some("JP"),
            None,
            None,
            None,
            None
        ]
    );
}

#[tokio::test]
async fn referrer_and_language_are_kept_in_one_form() {
    let app = TestApp::start().await;
    let path = link(&app).await;
    for (referer, languages) in [
        ("https://News.Example.com:8443/a?secret=1", "en-us,en;q=0.9"),
        (
            "android-app://com.google.android.gm/",
            "fr;q=0.4, zh-hant-tw;q=0.8, *;q=0.1",
        ),
        ("not a url", "<script>"),
    ] {
        let headers = [
            ("user-agent", BROWSER),
            ("referer", referer),
            ("accept-language", languages),
        ];
        app.visit(Method::GET, HOST, &path, &headers).await;
    }
    let clicks = app.clicks().await;
    let kept: Vec<_> = clicks
        .iter()
        .map(|click| (click.referrer.as_deref(), click.language.as_deref()))
        .collect();
    assert_eq!(
        kept,
        [
            (Some("news.example.com"), Some("en-US")),
            (None, Some("zh-Hant-TW")),
            (None, None),
        ]
    );
}

/// What is kept of these queries of a link to `destination`.
async fn parameters(destination: Option<&str>, queries: &[&str]) -> Vec<Option<Value>> {
    let app = TestApp::start().await;
    let code = match destination {
        None => app.link("https://example.com/").await,
        Some(url) => {
            let offer = app.tenant.offer(app.store(), None, url).await;
            let made = app
                .create(json!({"offerId": offer.id.to_string(), "listId": 42}))
                .await;
            made["linkId"].as_str().expect("a link").to_owned()
        }
    };
    for query in queries {
        app.get(HOST, &format!("/{code}{query}")).await;
    }
    app.clicks()
        .await
        .into_iter()
        .map(|click| click.parameters)
        .collect()
}

#[tokio::test]
async fn parameters_of_the_short_link_are_kept() {
    let kept = parameters(
        None,
        &[
            "",
            "?",
            "?other=1",
            "?sub1=a%20b&source=sms&other=1",
            "?sub5=%00x&sub1=a&sub1=b",
            "?sub1=%FF",
        ],
    )
    .await;
    assert_eq!(
        kept,
        [
            None,
            None,
            None,
            Some(json!({"sub1": "a b", "source": "sms"})),
            Some(json!({"sub5": "x", "sub1": "a"})),
            Some(json!({"sub1": "\u{fffd}"})),
        ]
    );
}

#[tokio::test]
async fn what_fills_a_macro_is_kept_as_far_as_there_is_room() {
    let long = format!("?utm={}", "x".repeat(300));
    let kept = parameters(
        Some("https://t.example.com/?u={{query.utm}}&c={{click.id}}"),
        &["?utm=spring&utm_other=1&click.id=2&click_id=3", &long],
    )
    .await;
    assert_eq!(
        kept,
        [
            Some(json!({"utm": "spring"})),
            Some(json!({"utm": "x".repeat(255)})),
        ]
    );
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

#[tokio::test]
async fn an_agents_device_system_and_browser_are_written_down_once() {
    let app = TestApp::start().await;
    let path = link(&app).await;
    let instagram = "Mozilla/5.0 (Linux; Android 14; Pixel 7 Build/UQ1A.240105.004; wv) AppleWebKit/537.36 \
        (KHTML, like Gecko) Version/4.0 Chrome/120.0.6099.193 Mobile Safari/537.36 Instagram 314.0.0.20.114 \
        Android (34/14; 420dpi; 1080x2205; Google/google; Pixel 7; panther; panther; en_US; 556277220)";
    for agent in [instagram, "curl/8.5.0", instagram, "  "] {
        app.visit(Method::GET, HOST, &path, &[("user-agent", agent)])
            .await;
    }
    let ids: Vec<_> = app
        .clicks()
        .await
        .iter()
        .map(|click| click.user_agent_id)
        .collect();
    let instagram_id = Some(text_id(instagram));
    assert_eq!(
        ids,
        [instagram_id, Some(text_id("curl/8.5.0")), instagram_id, None]
    );
    let mut agents = user_agent::Entity::find()
        .all(&app.store().read)
        .await
        .expect("agents");
    agents.sort_by_key(|agent| agent.text.len());
    let some = |text: &str| Some(text.to_owned());
    let row = |text: &str, device, os, browser| user_agent::Model {
        id: text_id(text),
        text: text.to_owned(),
        device,
        os,
        browser,
    };
    assert_eq!(
        agents,
        [
            row("curl/8.5.0", None, None, None),
            row(instagram, some("smartphone"), some("Android"), some("Instagram")),
        ]
    );
}
