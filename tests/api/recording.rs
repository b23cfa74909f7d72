//! What becomes of clicks: stored, spooled, summed.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use axum::http::Method;
use entity::{ShortLinkId, Timestamp, agent_list, click, link_total, text_id};
use linkhop::{
    clicks::recorder::{Recorded, RecorderState},
    store::{Kept, NewClick},
};
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::NotSet, ConnectionTrait as _, DatabaseBackend, IntoActiveModel as _,
    TransactionTrait as _,
};
use tokio::task::JoinSet;

use crate::support::{BROWSER, LIST, START, Setup, TestApp, a_click};

const HOST: &str = "go.example.com";

/// A server whose database does not take clicks until [`mend`] is called.
async fn broken() -> (TestApp, String) {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    sql(&app, "ALTER TABLE click RENAME TO elsewhere").await;
    (app, format!("/{code}"))
}

async fn mend(app: &TestApp) {
    sql(app, "ALTER TABLE elsewhere RENAME TO click").await;
}

async fn sql(app: &TestApp, statement: &str) {
    let done = app.store().write.execute_unprepared(statement).await;
    done.expect("a statement of the test's");
}

fn spooled(app: &TestApp) -> Vec<PathBuf> {
    let folder = fs::read_dir(app.spool());
    let files = folder.into_iter().flatten().flatten();
    files.map(|file| file.path()).collect()
}

#[tokio::test]
async fn a_click_that_the_database_refuses_is_sent_on_and_stored_once_it_is_mended() {
    let (app, path) = broken().await;
    assert_eq!(app.get(HOST, &path).await.location(), "https://example.com/");
    assert_eq!(spooled(&app).len(), 1);
    mend(&app).await;
    app.app.recorder.finish().await;
    let clicks = app.clicks().await;
    assert_eq!(clicks.len(), 1);
    assert_eq!(clicks[0].clicked_at, START);
    assert_eq!(clicks[0].user_agent_id, Some(text_id(BROWSER)));
    assert!(spooled(&app).is_empty());
    let state = app.app.recorder.state();
    assert_eq!((state.lost, state.unconfirmed), (0, 1));
}

#[tokio::test]
async fn a_visitor_does_not_wait_for_a_database_that_is_held() {
    let app = TestApp::with(Setup {
        click_wait: Some(Duration::from_millis(1)),
        ..Setup::default()
    })
    .await;
    let code = app.link("https://example.com/").await;
    app.get(HOST, &format!("/{code}")).await;
    app.app.recorder.finish().await;
    let unconfirmed = app.app.recorder.state().unconfirmed;
    let held = app.stall().await;
    for _ in 0..3 {
        assert_eq!(app.get(HOST, &format!("/{code}")).await.status, 302);
    }
    assert_eq!(app.app.recorder.state().unconfirmed, unconfirmed + 3);
    held.rollback().await.expect("let go");
    app.app.recorder.finish().await;
    assert_eq!(app.clicks_by_id().await.len(), 4);
    // Each was written by the writer and by the spool, and counts once.
    let total = app.summed(app.link_id(&code).await).await.expect("a total");
    assert_eq!(total.clicks, 4);
}

#[tokio::test]
async fn what_a_process_has_spooled_is_stored_by_the_next() {
    let (app, path) = broken().await;
    app.get(HOST, &path).await;
    let [file] = &spooled(&app)[..] else {
        panic!("one file");
    };
    // As a process that was killed leaves it: unlocked, and with a line that is not whole.
    let text = fs::read_to_string(file).expect("a spool");
    let left = app.spool().join("left.ndjson");
    fs::write(&left, format!("{text}{}", &text[..text.len() / 2])).expect("a spool");
    mend(&app).await;
    let next = app.neighbour().await;
    // Whichever has it.
    app.app.recorder.finish().await;
    next.app.recorder.finish().await;
    assert!(!left.exists());
    assert_eq!(app.clicks_by_id().await.len(), 1);
}

#[tokio::test]
async fn a_line_of_the_spool_that_can_t_be_read_is_kept_and_counted_as_lost() {
    let app = TestApp::start().await;
    fs::create_dir_all(app.spool()).expect("a folder");
    fs::write(app.spool().join("old.ndjson"), "{\"click\": 7}\n").expect("a spool");
    let next = app.neighbour().await;
    // Whichever has it.
    app.app.recorder.finish().await;
    next.app.recorder.finish().await;
    let lost = app.app.recorder.state().lost + next.app.recorder.state().lost;
    assert_eq!(lost, 1);
    assert!(app.spool().join("old.unread").exists());
    assert!(!app.spool().join("old.ndjson").exists());
}

#[tokio::test]
async fn a_click_that_appears_after_a_later_one_is_summed_all_the_same() {
    let app = TestApp::start().await;
    if app.store().write.get_database_backend() != DatabaseBackend::Postgres {
        // SQLite has one who writes, and so clicks appear in their order.
        return;
    }
    let link = app.link_id(&app.link("https://example.com/").await).await;
    let held = app.store().write.begin().await.expect("a transaction");
    let late = click(link, 1, Some(1), None);
    let row = click::ActiveModel {
        seq: NotSet,
        ..late.row.into_active_model()
    };
    row.insert(&held).await.expect("a click");
    append(&app, &[click(link, 2, Some(2), None)]).await;
    app.app.aggregator.caught_up().await;
    held.commit().await.expect("stored");
    let total = app.summed(link).await.expect("a total");
    assert_eq!((total.clicks, total.unique_clicks), (2, 2));
}

#[tokio::test]
async fn a_click_that_nothing_takes_is_lost_and_counted_and_its_visitor_is_sent_on() {
    let (app, path) = broken().await;
    fs::write(app.spool(), "no folder").expect("a file");
    for _ in 0..2 {
        assert_eq!(app.get(HOST, &path).await.location(), "https://example.com/");
    }
    let state = app.app.recorder.state();
    assert_eq!((state.lost, state.unconfirmed), (2, 0));
    fs::remove_file(app.spool()).expect("removed");
    app.get(HOST, &path).await;
    let RecorderState {
        lost, unconfirmed, ..
    } = app.app.recorder.state();
    assert_eq!((lost, unconfirmed), (2, 1));
}

/// A click, to be stored as the redirect would.
fn click(link: ShortLinkId, at: i64, visitor: Option<i64>, bot_reason: Option<click::BotReason>) -> NewClick {
    let row = click::Model {
        visitor,
        bot_reason,
        ..a_click(link, at)
    };
    let list = agent_list::Model {
        id: row.agent_list_id,
        version: LIST.to_owned(),
    };
    NewClick {
        row,
        agent: None,
        list: Arc::new(list),
    }
}

async fn append(app: &TestApp, clicks: &[NewClick]) {
    for lot in clicks.chunks(500) {
        let handed = lot
            .iter()
            .map(|click| app.app.writer.append_click(Arc::new(click.clone()), false));
        for waiting in handed.collect::<Vec<_>>() {
            assert_eq!(waiting.expect("room").await.expect("an outcome"), Kept::Stored);
        }
    }
}

#[tokio::test]
async fn clicks_people_and_first_clicks_are_summed() {
    let app = TestApp::start().await;
    let link = app.link_id(&app.link("https://example.com/").await).await;
    let bot = Some(click::BotReason::Head);
    append(
        &app,
        &[
            click(link, 50, Some(1), None),
            click(link, 10, Some(1), None),
            click(link, 20, Some(2), bot),
            click(link, 30, None, None),
        ],
    )
    .await;
    let at = |seconds: i64| Timestamp::from_millis(START.millis() + seconds * 1000);
    let mut expected = link_total::Model {
        short_link_id: link,
        clicks: 4,
        human_clicks: 3,
        unique_clicks: 1,
        first_clicked_at: at(10),
        last_clicked_at: at(50),
    };
    assert_eq!(app.summed(link).await, Some(expected));
    append(
        &app,
        &[click(link, 5, Some(1), None), click(link, 60, Some(2), None)],
    )
    .await;
    expected = link_total::Model {
        clicks: 6,
        human_clicks: 5,
        unique_clicks: 2,
        first_clicked_at: at(5),
        last_clicked_at: at(60),
        ..expected
    };
    assert_eq!(app.summed(link).await, Some(expected));
}

#[tokio::test]
async fn a_click_that_is_written_twice_counts_once() {
    let app = TestApp::start().await;
    let link = app.link_id(&app.link("https://example.com/").await).await;
    let clicks: Vec<_> = (0..20).map(|at| click(link, at, Some(at), None)).collect();
    append(&app, &clicks).await;
    append(&app, &clicks[..10]).await;
    let counts = |total: link_total::Model| (total.clicks, total.human_clicks, total.unique_clicks);
    assert_eq!(app.summed(link).await.map(counts), Some((20, 20, 20)));
    // When the first of them are summed already, too.
    append(&app, &clicks).await;
    assert_eq!(app.summed(link).await.map(counts), Some((20, 20, 20)));
    assert_eq!(app.clicks().await.len(), 50);
}

#[tokio::test]
async fn the_rush_on_one_link_is_summed_in_parts() {
    let app = TestApp::start().await;
    let hot = app.link_id(&app.link("https://example.com/hot").await).await;
    let other = app.link_id(&app.link("https://example.com/other").await).await;
    let clicks: Vec<_> = (0..1_300)
        .map(|at| click(if at % 100 == 0 { other } else { hot }, at, Some(at % 40), None))
        .collect();
    append(&app, &clicks).await;
    let counts = |total: link_total::Model| (total.clicks, total.unique_clicks);
    assert_eq!(app.summed(hot).await.map(counts), Some((1_287, 40)));
    assert_eq!(app.summed(other).await.map(counts), Some((13, 2)));
}

#[tokio::test]
async fn clicks_stay_when_the_tables_are_taken_back_and_made_again() {
    let app = TestApp::start().await;
    let path = format!("/{}", app.link("https://example.com/").await);
    app.get(HOST, &path).await;
    app.visit(Method::GET, HOST, &path, &[]).await;
    let before = app.clicks().await;
    let db = &app.store().write;
    Migrator::down(db, Some(4)).await.expect("taken back");
    Migrator::up(db, None).await.expect("made again");
    let after = app.clicks().await;
    let facts = |clicks: &[click::Model]| -> Vec<_> {
        let facts = |click: &click::Model| {
            (
                click.id,
                click.bot_reason,
                click.user_agent_id,
                click.agent_list_id,
            )
        };
        clicks.iter().map(facts).collect()
    };
    assert_eq!(after.len(), 2);
    assert_eq!(facts(&after), facts(&before));
}

#[tokio::test]
async fn a_link_gives_away_exactly_the_places_that_it_has() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    let mut link = app.stored(&code).await;
    link.max_clicks = Some(100);
    let link = app.save(link).await.id;
    let other = app.neighbour().await;
    let mut asking = JoinSet::new();
    for number in 0..500 {
        let recorder = if number % 2 == 0 { &app } else { &other }.app.recorder.clone();
        let click = Arc::new(click(link, number, Some(number), None));
        asking.spawn(async move { recorder.record(click, Some(100)).await });
    }
    let answers = asking.join_all().await;
    let count = |wanted| answers.iter().filter(|answer| **answer == wanted).count();
    assert_eq!((count(Recorded::Counted), count(Recorded::CountedLast)), (99, 1));
    assert_eq!(count(Recorded::Exhausted), 400);
    assert_eq!(app.clicks().await.len(), 100);
    assert!(app.stored(&code).await.exhausted_at.is_some());
}

#[tokio::test]
async fn no_place_is_given_away_to_somebody_who_was_told_to_come_again() {
    let app = TestApp::with(Setup {
        click_wait: Some(Duration::from_millis(1)),
        ..Setup::default()
    })
    .await;
    let code = app.link("https://example.com/").await;
    let link = app.link_id(&code).await;
    let held = app.stall().await;
    let record = async |at| {
        app.app
            .recorder
            .record(Arc::new(click(link, at, Some(at), None)), Some(1))
            .await
    };
    assert_eq!(record(1).await, Recorded::Undecided);
    held.rollback().await.expect("let go");
    assert!(app.clicks().await.is_empty());
    assert_eq!(app.stored(&code).await.exhausted_at, None);
    assert!(spooled(&app).is_empty());
}
