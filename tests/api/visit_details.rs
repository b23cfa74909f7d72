//! What is kept beside a visitor: country, referrer, language, parameters, device.

use std::fs;

use axum::http::Method;
use entity::{text_id, user_agent};
use linkhop::{app, clicks::judge};
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use crate::support::{BROWSER, MmdbValue, Setup, TestApp, country, mmdb};

const HOST: &str = "go.example.com";
const PERSON: [(&str, &str); 1] = [("user-agent", BROWSER)];

async fn link(app: &TestApp) -> String {
    format!("/{}", app.link("https://example.com/").await)
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
            judge: judge::Options {
                countries: Some(file),
                ..judge::Options::default()
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
