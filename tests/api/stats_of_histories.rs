//! Whatever was clicked and however much of it is summed: figures and lists are those of a recount.

use std::collections::BTreeSet;

use entity::{ShortLinkId, click, click_summing};
use proptest::{
    collection::vec,
    option,
    prelude::{Strategy, any},
    sample::Index,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use crate::support::{TestApp, a_click, items, summed_through, text};

/// A click that is stored, in short.
#[derive(Clone, Debug)]
struct Step {
    link: usize,
    /// When it was made: often before others that were stored sooner.
    seconds: i64,
    is_bot: bool,
    visitor: Option<i64>,
    /// Instead of a click of its own, one of those before it is written once more.
    again: Option<Index>,
}

/// Clicks of three links, how far they are summed, and how they are paged.
#[derive(Clone, Debug)]
struct History {
    steps: Vec<Step>,
    through: Index,
    upcoming: Index,
    /// The last link of which a part is summed, and how far.
    part: Option<(usize, Index)>,
    rows: usize,
}

fn histories() -> impl Strategy<Value = History> {
    let visitor = option::weighted(0.8, 0..4_i64);
    let again = option::weighted(0.2, any::<Index>());
    let step = (0..3_usize, 0..40_i64, any::<bool>(), visitor, again).prop_map(
        |(link, seconds, is_bot, visitor, again)| Step {
            link,
            seconds,
            is_bot,
            visitor,
            again,
        },
    );
    let cut = (
        any::<Index>(),
        any::<Index>(),
        option::of((0..3_usize, any::<Index>())),
    );
    (vec(step, 0..60), cut, 2..12_usize).prop_map(|(steps, (through, upcoming, part), rows)| History {
        steps,
        through,
        upcoming,
        part,
        rows,
    })
}

/// The clicks of a history in the order of their storing.
fn clicks(history: &History, links: &[ShortLinkId]) -> Vec<click::Model> {
    let mut clicks: Vec<click::Model> = Vec::new();
    for step in &history.steps {
        let again = step.again.filter(|_| !clicks.is_empty());
        let click = match again {
            Some(index) => index.get(&clicks).clone(),
            None => click::Model {
                bot_reason: step.is_bot.then_some(click::BotReason::UserAgent),
                visitor: step.visitor,
                ..a_click(links[step.link], step.seconds)
            },
        };
        clicks.push(click);
    }
    clicks
}

/// What a link's figures and its list have to be, from the clicks alone.
fn recount(link: ShortLinkId, clicks: &[click::Model]) -> (Value, Vec<Value>) {
    let (mut seen, mut visitors) = (BTreeSet::new(), BTreeSet::new());
    let (mut humans, mut found) = (0, Vec::new());
    for click in clicks.iter().filter(|click| click.short_link_id == link) {
        if !seen.insert(click.id) {
            continue;
        }
        let is_human = click.bot_reason.is_none();
        humans += i32::from(is_human);
        let is_unique = is_human && click.visitor.is_some_and(|visitor| visitors.insert(visitor));
        found.push((click, is_unique));
    }
    let time =
        |found: Option<&(&click::Model, bool)>| found.map(|(click, _)| click.clicked_at.utc().to_rfc3339());
    let all = i32::try_from(found.len()).expect("few");
    let stats = json!({
        "clicks": all,
        "humanClicks": humans,
        "botClicks": all - humans,
        "uniqueClicks": visitors.len(),
        "firstClickedAt": time(found.iter().min_by_key(|(click, _)| click.clicked_at)),
        "lastClickedAt": time(found.iter().max_by_key(|(click, _)| click.clicked_at)),
    });
    found.sort_by_key(|(click, _)| std::cmp::Reverse(click.id));
    let list = found.iter().map(|(click, is_unique)| {
        json!({"id": click.id.to_string(), "isBot": click.bot_reason.is_some(), "isUnique": is_unique})
    });
    (stats, list.collect())
}

/// All pages of a link's clicks, in the list's order, and what each said of how many there are.
async fn paged(app: &TestApp, link: ShortLinkId, rows: usize, backwards: bool) -> Vec<Value> {
    let query = "query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
        shortLink(by: {id: $id}) { clicks(first: $first, after: $after, last: $last, before: $before) {
            nodes { id isBot isUnique } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        } } }";
    let (rows_name, cursor_name, more, cursor) = if backwards {
        ("last", "before", "hasPreviousPage", "startCursor")
    } else {
        ("first", "after", "hasNextPage", "endCursor")
    };
    let (mut found, mut place) = (Vec::new(), Value::Null);
    loop {
        let variables = json!({"id": link.to_string(), rows_name: rows, cursor_name: place});
        let mut answer = app.graphql(query, variables).await.data("shortLink");
        let page = answer["clicks"].take();
        let nodes: Vec<_> = items(&page["nodes"]).cloned().collect();
        if backwards {
            found.splice(0..0, nodes);
        } else {
            found.extend(nodes);
        }
        if page["pageInfo"][more] != true {
            return found;
        }
        assert!(found.len() < 100, "pages that never end");
        place = page["pageInfo"][cursor].clone();
    }
}

async fn check(app: &TestApp, links: &[ShortLinkId], history: &History) {
    click::Entity::delete_many()
        .exec(&app.store().write)
        .await
        .expect("no clicks");
    app.store_clicks(&clicks(history, links)).await;
    let stored = app.clicks().await;
    let row = |index: &Index| match index.index(stored.len() + 1) {
        0 => 0,
        number => stored[number - 1].seq,
    };
    let through = row(&history.through);
    let upcoming = through.max(row(&history.upcoming));
    app.sum_clicks(click_summing::Model {
        upcoming,
        link: history.part.map(|(link, _)| links[link]),
        link_through: history.part.map(|(_, at)| row(&at).clamp(through, upcoming)),
        ..summed_through(through)
    })
    .await;
    expect_recount(app, links, history.rows, &stored).await;
    // From wherever summing stopped, it goes on.
    app.app.aggregator.caught_up().await;
    expect_recount(app, links, history.rows, &stored).await;
}

async fn expect_recount(app: &TestApp, links: &[ShortLinkId], rows: usize, stored: &[click::Model]) {
    let query = "{ shortLinks { nodes {
        id stats { clicks humanClicks botClicks uniqueClicks firstClickedAt lastClickedAt } clicks { totalCount }
    } } }";
    let answer = app.graphql(query, Value::Null).await.data("shortLinks");
    assert_eq!(items(&answer["nodes"]).count(), links.len());
    for node in items(&answer["nodes"]) {
        let link = text(&node["id"]).parse().expect("an id");
        let (stats, list) = recount(link, stored);
        assert_eq!(node["stats"], stats);
        assert_eq!(node["clicks"]["totalCount"], stats["clicks"]);
        for backwards in [false, true] {
            assert_eq!(paged(app, link, rows, backwards).await, list);
        }
    }
}

#[test]
fn figures_and_lists_are_those_of_a_recount() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (app, links) = runtime.block_on(async {
        let app = TestApp::start().await;
        let mut links = Vec::new();
        for _ in 0..3 {
            let code = app.link("https://example.com/").await;
            links.push(app.link_id(&code).await);
        }
        links.sort();
        (app, links)
    });
    let config = Config {
        cases: 32,
        failure_persistence: None,
        ..Config::default()
    };
    // The same histories each time: what fails here fails for whoever looks into it.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let outcome = TestRunner::new_with_rng(config, rng).run(&histories(), |history| {
        runtime.block_on(check(&app, &links, &history));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
