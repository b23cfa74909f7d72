//! The page of metrics: what it counts, and that it costs little to ask for.

use std::{collections::BTreeMap, fs, time::Duration};

use axum::http::Method;
use linkhop::{app::Options, http::Settings, links::code::CodeSpace};
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{BROWSER, Metrics, Setup, TestApp};

const HOST: &str = "go.example.com";

/// A server that counts, and asks the database anew for each page.
async fn counting() -> TestApp {
    TestApp::with(Setup {
        settings: settings(Duration::ZERO),
        ..Setup::default()
    })
    .await
}

fn settings(metrics_age: Duration) -> Settings {
    Settings {
        metrics: true,
        metrics_age,
        ..Settings::default()
    }
}

async fn page(app: &TestApp) -> Metrics {
    let answer = app.metrics("/metrics").await;
    assert_eq!(answer.status, 200);
    let media_type = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(answer.header("content-type"), media_type);
    Metrics::parse(&answer.body)
}

fn requests(route: &str, status: u16) -> String {
    format!("linkhop_http_requests_total{{route=\"{route}\",status=\"{status}\"}}")
}

#[tokio::test]
async fn counters_go_up_by_exactly_what_was_done() {
    let app = counting().await;
    let before = page(&app).await;
    assert_eq!(before.counted_since(&Metrics::default()).len(), 0);

    let code = app.link("https://example.com/").await;
    let path = format!("/{code}");
    for _ in 0..3 {
        assert_eq!(app.get(HOST, &path).await.status, 302);
    }
    app.visit(Method::HEAD, HOST, &path, &[("user-agent", BROWSER)])
        .await;
    app.visit(Method::GET, HOST, &path, &[]).await;
    app.visit(Method::DELETE, HOST, &path, &[]).await;
    app.get(HOST, "/nothing").await;
    app.get("nobody.example.com", "/nothing").await;
    app.get(HOST, "/healthz").await;
    app.get(HOST, "/").await;
    app.graphql_as(Some("trk_unknown"), "{ __typename }", json!({}))
        .await;

    let after = page(&app).await;
    let clicks = |verdict: &str, reason: &str| {
        format!("linkhop_clicks_total{{verdict=\"{verdict}\",reason=\"{reason}\"}}")
    };
    let hits_and_misses = [
        // Three visits, a bot's and another's after the first, and what is not allowed.
        ("linkhop_redirect_cache_hits_total".to_owned(), 5.0),
        // The first visit, what is not there, and a host that is no domain's.
        ("linkhop_redirect_cache_misses_total".to_owned(), 3.0),
    ];
    let expected = [
        (requests("/graphql", 200), 1.0),
        (requests("/graphql", 401), 1.0),
        (requests("/healthz", 200), 1.0),
        (requests("/", 200), 1.0),
        (requests("/{code}", 302), 5.0),
        (requests("/{code}", 404), 2.0),
        (requests("/{code}", 405), 1.0),
        (clicks("person", ""), 3.0),
        (clicks("bot", "HEAD"), 1.0),
        (clicks("bot", "EMPTY_USER_AGENT"), 1.0),
        ("linkhop_codes_drawn_total{outcome=\"free\"}".to_owned(), 1.0),
    ];
    let expected: BTreeMap<_, _> = expected.into_iter().chain(hits_and_misses).collect();
    let expected: BTreeMap<_, _> = expected
        .iter()
        .map(|(series, more)| (series.as_str(), *more))
        .collect();
    assert_eq!(after.counted_since(&before), expected);

    let took = |part: &str| {
        let series = format!("linkhop_http_request_duration_seconds_{part}{{route=\"/{{code}}\"}}");
        after.since(&before, &series)
    };
    assert!((took("count") - 8.0).abs() < f64::EPSILON);
    assert!(took("sum") > 0.0 && took("sum") < 600.0);
    for (series, value) in [
        ("linkhop_links", if app.is_sqlite() { 1.0 } else { 0.0 }),
        ("linkhop_clicks_unsummed", 5.0),
        ("linkhop_database_up", 1.0),
        ("linkhop_writer_batch_size_sum", 6.0),
        ("linkhop_writer_last_batch_size", 1.0),
        ("linkhop_writer_waiting", 0.0),
        ("linkhop_spool_files", 0.0),
        ("process_start_time_seconds", 1_795_435_200.0),
    ] {
        assert!(
            (after.get(series) - value).abs() < f64::EPSILON,
            "{series}: {}",
            after.get(series)
        );
    }
    assert!(after.get("process_resident_memory_bytes") > 1e6);
    for pool in ["read", "write"] {
        let connections = |state| {
            after.get(&format!(
                "linkhop_database_connections{{pool=\"{pool}\",state=\"{state}\"}}"
            ))
        };
        assert!(connections("in_use") + connections("idle") > 0.5, "{pool}");
    }
    app.app.aggregator.caught_up().await;
    assert!(page(&app).await.get("linkhop_clicks_unsummed") < 0.5);
}

#[tokio::test]
async fn a_visit_that_no_route_is_for_makes_no_series() {
    let app = counting().await;
    app.get(HOST, "/nothing").await;
    let before = page(&app).await;
    for number in 0..50 {
        app.get(HOST, &format!("/nothing-{number}")).await;
        app.get(HOST, &format!("/a/{number}")).await;
        app.get(&format!("{number}.example.com"), "/nothing").await;
    }
    let after = page(&app).await;
    assert_eq!(after.series(), before.series());
    assert!((after.since(&before, &requests("/{code}", 404)) - 150.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn clicks_that_are_spooled_or_lost_are_told() {
    let app = counting().await;
    let path = format!("/{}", app.link("https://example.com/").await);
    let broken = app
        .store()
        .write
        .execute_unprepared("ALTER TABLE click RENAME TO elsewhere")
        .await;
    broken.expect("renamed");
    app.get(HOST, &path).await;
    let spooled = page(&app).await;
    let counts = |page: &Metrics| {
        [
            "linkhop_clicks_lost_total",
            "linkhop_clicks_unconfirmed_total",
            "linkhop_spool_files",
            "linkhop_database_up",
        ]
        .map(|series| page.get(series))
    };
    assert_eq!(
        counts(&spooled).map(|count| count.to_string()),
        ["0", "1", "1", "0"]
    );
    assert!(spooled.get("linkhop_spool_bytes") > 100.0);
    // What the database did not say is not there, rather than wrong.
    assert!(!spooled.samples.contains_key("linkhop_clicks_unsummed"));

    let other = app.spool().with_extension("away");
    fs::rename(app.spool(), &other).expect("moved");
    fs::write(app.spool(), "no folder").expect("a file");
    // Spooled clicks are tried again now and then, and then go to a file that has to be made.
    app.app.recorder.finish().await;
    for _ in 0..2 {
        assert_eq!(app.get(HOST, &path).await.status, 302);
    }
    let answer = page(&app).await;
    assert_eq!(answer.get("linkhop_clicks_lost_total").to_string(), "2");
    // They were answered all the same.
    assert_eq!(
        answer
            .get("linkhop_clicks_total{verdict=\"person\",reason=\"\"}")
            .to_string(),
        "3"
    );
    assert!(!answer.samples.contains_key("linkhop_spool_files"));
}

#[tokio::test]
async fn however_many_ask_the_database_is_asked_once_in_a_while() {
    let app = TestApp::with(Setup {
        settings: settings(Duration::from_mins(5)),
        ..Setup::default()
    })
    .await;
    let reads = app.reads();
    // Who goes away in the middle does not make the next one ask again.
    for _ in 0..10 {
        tokio::select! {
            biased;
            answer = app.metrics("/metrics") => panic!("it was not in the middle: {answer:?}"),
            () = std::future::ready(()) => {}
        }
    }
    let mut asking = JoinSet::new();
    for _ in 0..50 {
        let page = app.metrics("/metrics");
        asking.spawn(page);
    }
    for answer in asking.join_all().await {
        Metrics::parse(&answer.body);
    }
    assert_eq!(app.reads() - reads, 2);
    // What is only in memory is of now.
    app.get(HOST, "/nothing").await;
    assert_eq!(page(&app).await.get(&requests("/{code}", 404)).to_string(), "1");
}

#[tokio::test]
async fn drawn_codes_say_how_full_the_space_is() {
    let app = TestApp::with(Setup {
        settings: settings(Duration::ZERO),
        options: Options {
            codes: CodeSpace {
                alphabet: vec!['a'],
                length: 1,
                draws: 2,
                ..CodeSpace::default()
            },
            ..Options::default()
        },
        ..Setup::default()
    })
    .await;
    let custom = json!({"url": "https://example.com/", "listId": 42, "code": "own"});
    for _ in 0..2 {
        app.link("https://example.com/").await;
        app.create(custom.clone()).await;
    }
    let page = page(&app).await;
    let drawn = |outcome: &str| {
        page.get(&format!("linkhop_codes_drawn_total{{outcome=\"{outcome}\"}}"))
            .to_string()
    };
    // `a`; then `a` twice, and `aa`. Custom codes are not drawn.
    assert_eq!((drawn("free"), drawn("in_use")), ("2".to_owned(), "2".to_owned()));
    if app.is_sqlite() {
        assert_eq!(
            page.get("linkhop_codes_used_ratio{length=\"1\"}").to_string(),
            "3"
        );
    }
}

#[tokio::test]
async fn metrics_are_nowhere_but_on_their_own_listener() {
    for app in [TestApp::start().await, counting().await] {
        for host in [HOST, "localhost", "127.0.0.1:9464"] {
            for path in ["/metrics", "/metrics/", "/METRICS", "/metrics?x=1"] {
                let answer = app.get(host, path).await;
                assert_eq!(answer.status, 404, "{host}{path}");
                assert!(!answer.body.contains("linkhop_"), "{host}{path}");
            }
        }
    }
    let app = counting().await;
    let code = app.link("https://example.com/").await;
    for path in ["/", "/graphql", "/healthz", &format!("/{code}")] {
        assert_eq!(app.metrics(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn alerts_and_manual_name_metrics_that_there_are() {
    let app = counting().await;
    let page = page(&app).await;
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let is_of_name = |character: char| character.is_ascii_lowercase() || character == '_';
    for (file, least) in [
        ("examples/prometheus/linkhop.rules.yml", 10),
        ("docs/operations.md", 15),
    ] {
        let text = fs::read_to_string(format!("{root}{file}")).expect("a file");
        let words = text.split(|character: char| !is_of_name(character));
        let metrics = words.filter(|word| word.starts_with("linkhop_") || word.starts_with("process_"));
        // Not what is cut short by dots, and not the name of a database.
        let metrics: Vec<_> = metrics
            .filter(|word| !word.ends_with('_') && *word != "linkhop_restored")
            .collect();
        assert!(metrics.len() >= least, "{file}: {metrics:?}");
        for name in metrics {
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|part| name.strip_suffix(part));
            let is_there = [Some(name), family]
                .into_iter()
                .flatten()
                .any(|name| page.families.contains_key(name));
            assert!(is_there, "{file} names {name}");
        }
    }
    // And the other way around: what there is, the manual explains.
    let manual = fs::read_to_string(format!("{root}docs/operations.md")).expect("a file");
    for family in page
        .families
        .keys()
        .filter(|family| family.starts_with("linkhop_"))
    {
        assert!(manual.contains(family.as_str()), "{family} is not in the manual");
    }
}
