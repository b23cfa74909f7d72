//! Person or bot, and why.

use std::{fs, path::PathBuf};

use axum::http::Method;
use entity::{
    agent_list,
    click::{self, BotKind, BotReason},
};
use linkhop::{app, clicks::judge, http::Settings};
use sea_orm::EntityTrait as _;
use tempfile::TempDir;

use crate::support::{BROWSER, Setup, TestApp};

const HOST: &str = "go.example.com";
const PERSON: [(&str, &str); 1] = [("user-agent", BROWSER)];

fn setup(judge: judge::Options) -> Setup {
    Setup {
        options: app::Options {
            judge,
            ..app::Options::default()
        },
        ..Setup::default()
    }
}

/// A file of an operator's; it is there as long as its folder is held.
fn file(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    fs::write(&path, text).expect("a file");
    (folder, path)
}

async fn link(app: &TestApp) -> String {
    format!("/{}", app.link("https://example.com/").await)
}

fn reasons(clicks: &[click::Model]) -> Vec<Option<BotReason>> {
    clicks.iter().map(|click| click.bot_reason).collect()
}

#[tokio::test]
async fn each_signal_alone_makes_a_bot() {
    let (_folder, networks) = file(
        "networks.txt",
        "# probes\n203.0.113.0/24\n2001:db8:bad::/48 # theirs\n",
    );
    let app = TestApp::with(setup(judge::Options {
        networks: Some(networks),
        burst_address: 2,
        ..judge::Options::default()
    }))
    .await;
    let path = link(&app).await;
    app.visit(Method::HEAD, HOST, &path, &PERSON).await;
    app.visit(Method::GET, HOST, &path, &[]).await;
    app.visit(Method::GET, HOST, &path, &[("user-agent", "curl/8.5.0")])
        .await;
    let ahead = [("user-agent", BROWSER), ("sec-purpose", "prefetch;prerender")];
    app.visit(Method::GET, HOST, &path, &ahead).await;
    app.visit_from("203.0.113.200", HOST, &path, &PERSON).await;
    app.visit_from("2001:db8:bad:1::1", HOST, &path, &PERSON).await;
    for _ in 0..3 {
        app.visit_from("198.51.100.1", HOST, &path, &PERSON).await;
    }
    let clicks = app.clicks().await;
    assert_eq!(
        reasons(&clicks),
        [
            Some(BotReason::Head),
            Some(BotReason::EmptyUserAgent),
            Some(BotReason::UserAgent),
            Some(BotReason::Prefetch),
            Some(BotReason::IpRange),
            Some(BotReason::IpRange),
            None,
            None,
            Some(BotReason::Burst),
        ]
    );
    let kinds: Vec<_> = clicks.iter().filter_map(|click| click.bot_kind).collect();
    assert_eq!(kinds, [BotKind::HttpLibrary], "only an agent has a kind");
    let ahead: Vec<_> = clicks
        .iter()
        .filter(|click| click.is_prefetch)
        .map(|click| click.bot_reason)
        .collect();
    assert_eq!(ahead, [Some(BotReason::Prefetch)]);
}

#[tokio::test]
async fn what_fetches_ahead_is_kept_beside_another_reason() {
    let app = TestApp::start().await;
    let path = link(&app).await;
    for (name, value) in [
        ("purpose", "prefetch"),
        ("x-purpose", "preview"),
        ("x-moz", "prefetch"),
        ("sec-purpose", "prerender"),
    ] {
        app.visit(
            Method::HEAD,
            HOST,
            &path,
            &[("user-agent", "curl/8.5.0"), (name, value)],
        )
        .await;
    }
    let clicks = app.clicks().await;
    assert_eq!(clicks.len(), 4);
    for click in clicks {
        assert_eq!(
            (click.bot_reason, click.bot_kind, click.is_prefetch),
            (Some(BotReason::Head), Some(BotKind::HttpLibrary), true)
        );
    }
}

#[tokio::test]
async fn a_burst_ends_with_its_ten_seconds_and_hits_nobody_else() {
    let app = TestApp::with(setup(judge::Options {
        burst_address: 3,
        ..judge::Options::default()
    }))
    .await;
    let path = link(&app).await;
    for _ in 0..5 {
        app.visit_from("198.51.100.1", HOST, &path, &PERSON).await;
    }
    app.visit_from("198.51.100.2", HOST, &path, &PERSON).await;
    app.advance_seconds(9);
    app.visit_from("198.51.100.1", HOST, &path, &PERSON).await;
    app.advance_seconds(1);
    app.visit_from("198.51.100.1", HOST, &path, &PERSON).await;
    // One handset changes the last half of its address, a house has the first.
    for last in 1..=4 {
        app.visit_from(&format!("2001:db8:1:1::{last}"), HOST, &path, &PERSON)
            .await;
        app.visit_from(&format!("2001:db8:1:{}::1", last + 1), HOST, &path, &PERSON)
            .await;
    }
    let burst = Some(BotReason::Burst);
    assert_eq!(
        reasons(&app.clicks().await),
        [
            None, None, None, burst, burst, None, burst, None, // as above
            None, None, None, None, None, None, burst, None,
        ]
    );
}

#[tokio::test]
async fn a_link_has_a_limit_of_its_own_if_it_is_given_one() {
    let app = TestApp::with(setup(judge::Options {
        burst_address: 0,
        burst_link: 2,
        ..judge::Options::default()
    }))
    .await;
    let (one, other) = (link(&app).await, link(&app).await);
    for last in 1..=3 {
        app.visit_from(&format!("198.51.100.{last}"), HOST, &one, &PERSON)
            .await;
    }
    app.visit_from("198.51.100.1", HOST, &other, &PERSON).await;
    assert_eq!(
        reasons(&app.clicks().await),
        [None, None, Some(BotReason::Burst), None]
    );
}

#[tokio::test]
async fn a_proxy_that_nobody_named_makes_no_burst_of_its_visitors() {
    let app = TestApp::with(setup(judge::Options {
        burst_address: 1,
        ..judge::Options::default()
    }))
    .await;
    let path = link(&app).await;
    for proxy in [
        "127.0.0.1",
        "10.0.0.5",
        "127.0.0.1",
        "10.0.0.5",
        "::ffff:10.0.0.5",
    ] {
        app.visit_from(proxy, HOST, &path, &PERSON).await;
    }
    assert_eq!(reasons(&app.clicks().await), [None; 5]);
}

#[tokio::test]
async fn an_address_that_is_forged_is_in_no_network_and_one_that_a_trusted_proxy_names_is() {
    let (_folder, networks) = file("networks.txt", "203.0.113.0/24\n");
    let trusted = "10.0.0.0/8".parse().expect("a network");
    let app = TestApp::with(Setup {
        settings: Settings {
            trusted_proxies: [trusted].into_iter().collect(),
            ..Settings::default()
        },
        ..setup(judge::Options {
            networks: Some(networks),
            ..judge::Options::default()
        })
    })
    .await;
    let path = link(&app).await;
    let headers = |forwarded| [("user-agent", BROWSER), ("x-forwarded-for", forwarded)];
    app.visit_from("198.51.100.1", HOST, &path, &headers("203.0.113.7"))
        .await;
    app.visit_from("203.0.113.7", HOST, &path, &headers("198.51.100.1"))
        .await;
    app.visit_from(
        "10.0.0.1",
        HOST,
        &path,
        &headers("198.51.100.1, 203.0.113.7, 10.0.0.2"),
    )
    .await;
    app.visit_from("10.0.0.1", HOST, &path, &headers("203.0.113.7, 198.51.100.1"))
        .await;
    let in_range = Some(BotReason::IpRange);
    assert_eq!(reasons(&app.clicks().await), [None, in_range, in_range, None]);
}

#[tokio::test]
async fn a_file_of_agents_takes_the_lists_place() {
    let (_folder, agents) = file("ours.txt", "# ours\nacme-probe\n");
    let app = TestApp::with(setup(judge::Options {
        agents: Some(agents),
        ..judge::Options::default()
    }))
    .await;
    let path = link(&app).await;
    for agent in ["ACME-Probe/1", "curl/8.5.0", BROWSER] {
        app.visit(Method::GET, HOST, &path, &[("user-agent", agent)])
            .await;
    }
    let clicks = app.clicks().await;
    assert_eq!(reasons(&clicks), [Some(BotReason::UserAgent), None, None]);
    assert_eq!(clicks[0].bot_kind, Some(BotKind::Other));
    let lists = agent_list::Entity::find()
        .all(&app.store().read)
        .await
        .expect("lists");
    let [list] = &lists[..] else { panic!("{lists:?}") };
    assert!(list.version.starts_with("ours.txt sha256:"), "{}", list.version);
    assert_eq!(list.version.len(), "ours.txt sha256:".len() + 12);
    assert!(clicks.iter().all(|click| click.agent_list_id == list.id));
}
