//! Whatever was clicked and however much of it is summed: every report is what a recount of the raw rows says.

mod asks;
mod recount;
mod world;

use std::{collections::HashMap, ops::ControlFlow};

use entity::{Timestamp, click, click_summing};
use linkhop::{
    clicks::{
        reclassify::Reclassification,
        report::{Period, Request},
        retention::Retention,
    },
    store::Part,
};
use proptest::{
    collection::vec,
    option,
    prelude::{Strategy, any},
    sample::Index,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use sea_orm::EntityTrait as _;

use self::{
    asks::{Ask, asks},
    recount::{Calendars, Known},
    world::{Step, World, steps},
};
use crate::support::summed_through;

/// Clicks, how far they are summed, and what is asked of them.
#[derive(Clone, Debug)]
struct History {
    steps: Vec<Step>,
    through: Index,
    upcoming: Index,
    /// The last link of which a part is summed, and how far.
    part: Option<(usize, Index)>,
    asks: Vec<Ask>,
    rows: u64,
    /// How many clicks are judged anew in one transaction, and after how many of those that stops at first.
    batch: usize,
    stops_after: usize,
    /// Before which of the clicks single ones are removed.
    kept_from: Index,
}

fn histories() -> impl Strategy<Value = History> {
    let cut = (
        any::<Index>(),
        any::<Index>(),
        option::of((0..world::LINKS, any::<Index>())),
        any::<Index>(),
    );
    let anew = (1..8_usize, 1..4_usize);
    (steps(), cut, vec(asks(), 16), 2..12_u64, anew).prop_map(|(steps, cut, asks, rows, anew)| {
        let (batch, stops_after) = anew;
        let (through, upcoming, part, kept_from) = cut;
        History {
            steps,
            through,
            upcoming,
            part,
            asks,
            rows,
            batch,
            stops_after,
            kept_from,
        }
    })
}

/// Everything that can be asked, and what the history asks.
async fn check(world: &World, calendars: &Calendars, history: &History) {
    let app = &world.app;
    click::Entity::delete_many()
        .exec(&app.store().write)
        .await
        .expect("no clicks");
    app.sum_clicks(summed_through(0)).await;
    let clicks = world.clicks(&history.steps);
    // What the server sums by itself is behind the rest, which is the tail.
    let (first, rest) = clicks.split_at(history.through.index(clicks.len() + 1));
    app.store_clicks(first).await;
    app.app.aggregator.caught_up().await;
    app.store_clicks(rest).await;
    let stored = app.clicks().await;
    let known = world.known(&stored);
    let every = [asks::every(), history.asks.clone()].concat();
    expect_recount(world, calendars, history, &every, &known, None).await;

    // As it is in the middle of a lot.
    let row = |index: &Index| match index.index(stored.len() + 1) {
        0 => 0,
        number => stored[number - 1].seq,
    };
    let through = row(&history.through);
    let upcoming = through.max(row(&history.upcoming));
    app.sum_clicks(click_summing::Model {
        upcoming,
        link: history.part.map(|(link, _)| world.links[link].id),
        link_through: history.part.map(|(_, at)| row(&at).clamp(through, upcoming)),
        ..summed_through(through)
    })
    .await;
    expect_recount(world, calendars, history, &history.asks, &known, None).await;

    // From wherever summing stopped it goes on.
    app.app.aggregator.caught_up().await;
    expect_recount(world, calendars, history, &history.asks, &known, None).await;

    // Clicks are judged anew, at first some of them.
    judge_anew(world, history, history.stops_after).await;
    let known = world.known(&app.clicks().await);
    expect_recount(world, calendars, history, &history.asks, &known, None).await;
    judge_anew(world, history, usize::MAX).await;
    let known = world.known(&app.clicks().await);
    expect_recount(world, calendars, history, &every, &known, None).await;

    // And then clicks are removed that are old.
    if !stored.is_empty() {
        let kept_from = stored[history.kept_from.index(stored.len())].clicked_at;
        let tomorrow = kept_from.hours_before(-24);
        let retention = Retention::spawn(app.store(), Some(1), move || tomorrow);
        retention.caught_up().await;
        expect_recount(world, calendars, history, &every, &known, Some(kept_from)).await;
    }
}

/// Judges clicks by the list of today, so many times a few of them at most.
async fn judge_anew(world: &World, history: &History, most: usize) {
    let store = world.app.store();
    let long_ago = Timestamp::from_millis(0);
    let clicks = Reclassification::new(store, &world.list, long_ago, history.batch);
    let mut done = 0;
    let changes = clicks.run(|_| {
        done += 1;
        if done < most {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    changes.await.expect("judged clicks");
}

async fn expect_recount(
    world: &World,
    calendars: &Calendars,
    history: &History,
    asks: &[Ask],
    known: &[Known],
    kept_from: Option<Timestamp>,
) {
    for ask in asks {
        let (request, filter) = ask.request(world, known);
        expect_report(world, calendars, &request, known, &filter, kept_from).await;
    }
    for period in asks::periods(known) {
        expect_stats(world, known, period).await;
    }
    for (ask, backwards) in history.asks.iter().zip([false, true].into_iter().cycle()).take(6) {
        expect_pages(world, ask, known, history.rows, backwards, kept_from).await;
    }
}

async fn expect_report(
    world: &World,
    calendars: &Calendars,
    request: &Request,
    known: &[Known],
    filter: &dyn Fn(&Known) -> bool,
    kept_from: Option<Timestamp>,
) {
    let now = world.app.app.clock.now();
    let reports = &world.app.app.reports;
    let report = reports.report(world.account(), request, now).await;
    let mut report = report.unwrap_or_else(|error| panic!("{error}: {request:?}"));
    assert_eq!(report.kept_from, kept_from.filter(|time| time.millis() > 0));
    report.kept_from = None;
    let expected = recount::report(calendars, request, known, filter, now);
    assert_eq!(report, expected, "{request:?}");
}

async fn expect_stats(world: &World, known: &[Known], period: Period) {
    let subjects = world.subjects();
    let stats = world
        .app
        .app
        .reports
        .stats(world.account(), &subjects, period)
        .await;
    let expected: HashMap<_, _> = subjects
        .iter()
        .filter_map(|subject| Some((*subject, recount::stats(*subject, known, period)?)))
        .collect();
    assert_eq!(stats.expect("an answer"), expected, "{period:?}");
}

async fn expect_pages(
    world: &World,
    ask: &Ask,
    known: &[Known],
    rows: u64,
    backwards: bool,
    kept_from: Option<Timestamp>,
) {
    let (request, filter) = ask.request(world, known);
    let mut expected: Vec<_> = known
        .iter()
        .filter(|known| known.is_own && filter(known))
        .filter(|known| kept_from.is_none_or(|time| known.click.clicked_at >= time))
        .collect();
    expected.sort_by_key(|known| std::cmp::Reverse((known.click.clicked_at, known.click.seq)));
    let expected: Vec<_> = expected
        .iter()
        .map(|known| (known.click.clone(), known.is_unique))
        .collect();
    let (mut found, mut beyond) = (Vec::new(), None);
    loop {
        let part = Part {
            rows,
            from_end: backwards,
            beyond: beyond.take(),
        };
        let page = world
            .app
            .app
            .reports
            .clicks(world.account(), &request.filter, part)
            .await;
        let page = page.expect("a page");
        let listed: Vec<_> = page
            .rows
            .into_iter()
            .map(|row| (row.click, row.is_unique.expect("it is known")))
            .collect();
        let last = if backwards { listed.first() } else { listed.last() };
        beyond = last.map(|(click, _)| vec![click.clicked_at.millis().into(), click.seq.into()]);
        if backwards {
            found.splice(0..0, listed);
        } else {
            found.extend(listed);
        }
        if !page.has_more {
            break;
        }
        assert!(found.len() < 200, "pages that never end");
    }
    assert_eq!(found, expected, "{:?}", request.filter);
}

#[test]
fn every_report_is_that_of_a_recount() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let world = runtime.block_on(World::make());
    let calendars = Calendars::new();
    let config = Config {
        cases: 10,
        max_shrink_iters: 48,
        failure_persistence: None,
        ..Config::default()
    };
    // The same histories each time: what fails here fails for whoever looks into it.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let outcome = TestRunner::new_with_rng(config, rng).run(&histories(), |history| {
        runtime.block_on(check(&world, &calendars, &history));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
