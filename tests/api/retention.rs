//! Clicks that are older than they are kept.

use std::collections::BTreeSet;

use entity::{ShortLinkId, Timestamp, click, click_summing, link_click, link_visitor};
use linkhop::{
    app::Options,
    clicks::{
        import::{Fields, Importer, WrongClick},
        judge::{self, Judge},
        retention::Retention,
    },
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, EntityTrait as _};
use serde_json::{Value, json};

use crate::support::{START, Setup, TestApp, a_click, items, summed_through, text};

const HOST: &str = "go.example.com";

const DAY: i64 = 24 * 60 * 60;

/// A server that keeps clicks for thirty days, and a link.
async fn start() -> (TestApp, ShortLinkId) {
    let app = TestApp::with(Setup {
        options: Options {
            click_retention: Some(30),
            ..Options::default()
        },
        ..Setup::default()
    })
    .await;
    let link = a_link(&app).await;
    (app, link)
}

async fn a_link(app: &TestApp) -> ShortLinkId {
    let code = app.link("https://example.com/").await;
    app.link_id(&code).await
}

/// A click on a link that is so many seconds older than what is kept.
fn an_old_click(link: ShortLinkId, seconds: i64) -> click::Model {
    a_click(link, -30 * DAY - seconds)
}

/// Every figure of every link.
async fn figures(app: &TestApp) -> Value {
    let query = "{ shortLinks { nodes {
        id stats { clicks humanClicks botClicks uniqueClicks firstClickedAt lastClickedAt } clicks { totalCount }
    } } }";
    app.graphql(query, Value::Null).await.data("shortLinks")
}

/// The ids of a link's clicks, from both ends.
async fn listed(app: &TestApp, link: ShortLinkId) -> Vec<String> {
    let query = "query($id: ID!) { shortLink(by: {id: $id}) {
        newest: clicks(first: 100) { nodes { id } } oldest: clicks(last: 100) { nodes { id } }
    } }";
    let answer = app.graphql(query, json!({"id": link.to_string()})).await;
    let answer = answer.data("shortLink");
    let [newest, oldest] = ["newest", "oldest"].map(|page| {
        let nodes = items(&answer[page]["nodes"]);
        nodes.map(|node| text(&node["id"]).to_owned()).collect::<Vec<_>>()
    });
    assert_eq!(newest, oldest, "all of them fit on a page");
    newest
}

/// From when on clicks are kept for certain.
async fn kept_from(app: &TestApp) -> Timestamp {
    let mark = click_summing::Entity::find().one(&app.store().read).await;
    mark.expect("an answer").expect("a mark").kept_from
}

/// The clicks that have an entry among those of their link.
async fn entries(app: &TestApp) -> BTreeSet<i64> {
    let entries = link_click::Entity::find().all(&app.store().read).await;
    entries.expect("entries").iter().map(|entry| entry.seq).collect()
}

#[tokio::test]
async fn what_is_too_old_is_no_longer_listed_and_no_figure_changes() {
    let (app, link) = start().await;
    let other = a_link(&app).await;
    let of = |visitor, click| click::Model {
        visitor: Some(visitor),
        ..click
    };
    let twice = of(3, an_old_click(link, 60));
    let kept = [
        // Made as long ago as clicks are kept.
        of(4, an_old_click(link, 0)),
        of(1, a_click(link, -DAY)),
        click::Model {
            bot_reason: Some(click::BotReason::UserAgent),
            ..a_click(link, -60)
        },
    ];
    app.store_clicks(&[
        of(1, an_old_click(link, 7200)),
        twice.clone(),
        kept[0].clone(),
        kept[1].clone(),
        // It came late.
        of(2, an_old_click(link, 3600)),
        twice,
        of(1, an_old_click(other, 1)),
        kept[2].clone(),
    ])
    .await;
    app.sum_all_clicks().await;
    let before = figures(&app).await;
    let visitors = link_visitor::Entity::find().all(&app.store().read).await;

    app.app.retention.caught_up().await;
    let ids: Vec<_> = kept.iter().rev().map(|click| click.id.to_string()).collect();
    assert_eq!(listed(&app, link).await, ids);
    assert_eq!(listed(&app, other).await, Vec::<String>::new());
    let rows: BTreeSet<_> = app.clicks().await.iter().map(|click| click.seq).collect();
    assert_eq!((rows.len(), &entries(&app).await), (3, &rows));
    assert_eq!(figures(&app).await, before);
    let after = link_visitor::Entity::find().all(&app.store().read).await;
    assert_eq!(after, visitors, "who came back is not new");
    assert_eq!(kept_from(&app).await, START.hours_before(30 * 24));

    // Whoever came before is known to have been there.
    app.store_clicks(&[of(2, a_click(link, 1))]).await;
    let uniques = |figures: Value| {
        let nodes = items(&figures["nodes"]).cloned();
        let mut of_link = nodes.filter(|node| node["id"] == link.to_string());
        of_link.next().expect("the link")["stats"]["uniqueClicks"].take()
    };
    assert_eq!(uniques(figures(&app).await), uniques(before));
}

#[tokio::test]
async fn a_server_that_is_not_told_how_long_keeps_clicks_for_ever() {
    let app = TestApp::start().await;
    let link = a_link(&app).await;
    app.store_clicks(&[a_click(link, -30_000 * DAY), a_click(link, 0)])
        .await;
    app.sum_all_clicks().await;
    app.app.retention.caught_up().await;
    assert_eq!(app.clicks().await.len(), 2);
    assert_eq!(kept_from(&app).await, Timestamp::from_millis(0));
}

#[tokio::test]
async fn redirects_go_on_while_old_clicks_are_removed_and_every_one_counts() {
    let (app, link) = start().await;
    let code = app.link("https://example.com/visited").await;
    let old: Vec<_> = (0..3000).map(|second| an_old_click(link, 1 + second)).collect();
    app.store_clicks(&old).await;
    app.sum_all_clicks().await;
    let path = format!("/{code}");
    let visits = async {
        for _ in 0..40 {
            assert_eq!(
                app.get(HOST, &path).await.location(),
                "https://example.com/visited"
            );
        }
    };
    tokio::join!(app.app.retention.caught_up(), visits);
    app.app.retention.caught_up().await;
    assert_eq!(app.clicks().await.len(), 40);
    let figures = figures(&app).await;
    let clicks: Vec<_> = items(&figures["nodes"])
        .map(|node| node["stats"]["clicks"].clone())
        .collect();
    assert_eq!(clicks, [40, 3000]);
}

#[tokio::test]
async fn clicks_that_are_not_summed_stay_until_they_are() {
    let (app, link) = start().await;
    let old: Vec<_> = (0..4).map(|second| an_old_click(link, 10 - second)).collect();
    app.store_clicks(&old).await;
    let rows = app.clicks().await;
    app.sum_clicks(summed_through(rows[1].seq)).await;
    app.app.retention.caught_up().await;
    let left: Vec<_> = app.clicks().await.iter().map(|click| click.id).collect();
    assert_eq!(left, [old[2].id, old[3].id]);
    let figures = figures(&app).await;
    assert_eq!(figures["nodes"][0]["stats"]["clicks"], 4);
}

#[tokio::test]
async fn the_newest_row_stays_so_that_its_number_is_never_given_again() {
    let (app, link) = start().await;
    app.store_clicks(&[an_old_click(link, 2), an_old_click(link, 1)])
        .await;
    let newest = app.clicks().await[1].clone();
    app.sum_all_clicks().await;
    app.app.retention.caught_up().await;
    assert_eq!(app.clicks().await, std::slice::from_ref(&newest));
    assert_eq!(listed(&app, link).await, [newest.id.to_string()]);

    // Until there is another.
    app.store_clicks(&[a_click(link, 0)]).await;
    app.app.retention.caught_up().await;
    let left = app.clicks().await;
    assert_eq!(left.len(), 1);
    assert!(left[0].seq > newest.seq);
    assert_eq!(figures(&app).await["nodes"][0]["stats"]["clicks"], 3);
}

#[tokio::test]
async fn time_moves_what_is_kept_on_and_nothing_moves_it_back() {
    let (app, link) = start().await;
    app.store_clicks(&[a_click(link, -10 * DAY), a_click(link, 0), a_click(link, 1)])
        .await;
    app.sum_all_clicks().await;
    app.app.retention.caught_up().await;
    assert_eq!(app.clicks().await.len(), 3);
    app.advance_hours(21 * 24);
    app.app.retention.caught_up().await;
    assert_eq!(app.clicks().await.len(), 2);
    let mark = START.hours_before(9 * 24);
    assert_eq!(kept_from(&app).await, mark);

    // Neither a server that keeps them for longer, nor one whose clock is behind.
    let longer = Retention::spawn(app.store(), Some(60), || START);
    longer.caught_up().await;
    app.advance_hours(-24);
    app.app.retention.caught_up().await;
    assert_eq!(kept_from(&app).await, mark);
}

#[tokio::test]
async fn where_nothing_is_too_old_yet_nothing_is_looked_at_until_it_is() {
    let (app, link) = start().await;
    let mut clicks = vec![a_click(link, -29 * DAY), a_click(link, -DAY), a_click(link, 0)];
    app.store_clicks(&clicks).await;
    // The rows before it are as many as are looked at together.
    let far = "UPDATE click SET seq = 50000 WHERE seq = (SELECT max(seq) FROM click)";
    let moved = app.store().write.execute_unprepared(far).await;
    moved.expect("a row far away");
    app.sum_all_clicks().await;
    app.app.retention.caught_up().await;
    let before = app.reads();
    app.app.retention.caught_up().await;
    // The mark, the first row, the last one, and the rows of which there may be more.
    assert_eq!(app.reads() - before, 4);
    app.advance_hours(2 * 24);
    app.app.retention.caught_up().await;
    let left: Vec<_> = app.clicks().await.iter().map(|click| click.id).collect();
    let kept: Vec<_> = clicks.drain(1..).map(|click| click.id).collect();
    assert_eq!(left, kept);
}

#[tokio::test]
async fn a_click_that_comes_late_counts_and_goes_with_the_next_look() {
    let (app, link) = start().await;
    app.store_clicks(&[a_click(link, 0)]).await;
    app.sum_all_clicks().await;
    app.app.retention.caught_up().await;
    app.store_clicks(&[an_old_click(link, 5), a_click(link, 1)]).await;
    assert_eq!(figures(&app).await["nodes"][0]["stats"]["clicks"], 3);
    app.sum_all_clicks().await;
    app.app.retention.caught_up().await;
    assert_eq!(app.clicks().await.len(), 2);
    assert_eq!(figures(&app).await["nodes"][0]["stats"]["clicks"], 3);
}

#[tokio::test]
async fn removing_that_stopped_half_way_goes_on() {
    let (app, link) = start().await;
    let mut clicks: Vec<_> = (0..1200).map(|second| an_old_click(link, 1 + second)).collect();
    clicks.push(a_click(link, 0));
    app.store_clicks(&clicks).await;
    app.sum_all_clicks().await;
    let before = figures(&app).await;
    let db = &app.store().write;
    let in_the_way = app.clicks().await[700].seq;
    let (stop, go_on) = if db.get_database_backend() == DatabaseBackend::Sqlite {
        (
            format!(
                "CREATE TRIGGER stop BEFORE DELETE ON click WHEN OLD.seq = {in_the_way} \
                 BEGIN SELECT RAISE(ABORT, 'stop'); END"
            ),
            "DROP TRIGGER stop",
        )
    } else {
        (
            format!(
                "CREATE FUNCTION stop() RETURNS trigger AS $$ BEGIN RAISE 'stop'; END $$ LANGUAGE plpgsql;
                 CREATE TRIGGER stop BEFORE DELETE ON click FOR EACH ROW WHEN (OLD.seq = {in_the_way})
                 EXECUTE FUNCTION stop()"
            ),
            "DROP TRIGGER stop ON click",
        )
    };
    db.execute_unprepared(&stop).await.expect("a trigger");
    app.app.retention.caught_up().await;
    // What was removed together is gone together: no row without its entry, no entry without its row.
    let rows: BTreeSet<_> = app.clicks().await.iter().map(|click| click.seq).collect();
    assert_eq!((rows.len(), &entries(&app).await), (701, &rows));
    assert_eq!(figures(&app).await, before);

    db.execute_unprepared(go_on).await.expect("no trigger");
    app.app.retention.caught_up().await;
    assert_eq!(app.clicks().await.len(), 1);
    assert_eq!(listed(&app, link).await, [clicks[1200].id.to_string()]);
    assert_eq!(figures(&app).await, before);
}

#[tokio::test]
async fn a_click_that_is_removed_while_a_history_is_brought_along_is_not_stored_again() {
    let (app, link) = start().await;
    let old = a_click(link, -29 * DAY);
    app.store_clicks(&[old.clone(), a_click(link, 0)]).await;
    app.sum_all_clicks().await;
    let before = figures(&app).await;
    let judge = Judge::new(&judge::Options::default(), &[7; 32]).expect("a judge");
    let importer = Importer::begin(app.store(), app.tenant.account.id, judge, false).await;
    let mut importer = importer.expect("an importer");
    let at = |click: &click::Model| click.clicked_at.utc().to_rfc3339();
    let described = |click: &click::Model| Fields {
        id: Some(click.id.to_string()),
        short_link_id: Some(link.to_string()),
        clicked_at: Some(at(click)),
        ..Fields::default()
    };
    let new = a_click(link, -60);
    let mut lot = Vec::new();
    for (number, click) in [(1, &old), (2, &new)] {
        let read = importer.read(&described(click), START).await.expect("an answer");
        lot.push((number, read.expect("a click")));
    }
    app.advance_hours(2 * 24);
    app.app.retention.caught_up().await;
    assert_eq!(app.clicks().await.len(), 1);
    let stored = importer.store(lot).await.expect("stored clicks");
    let why = WrongClick::TooOld(START.hours_before(28 * 24).utc());
    assert_eq!((stored.stored, stored.refused), (1, vec![(1, why)]));
    importer.finish().await.expect("summed clicks");
    let clicks = |figures: &Value| figures["nodes"][0]["stats"]["clicks"].as_i64();
    assert_eq!(
        clicks(&figures(&app).await),
        clicks(&before).map(|clicks| clicks + 1)
    );
}
