//! One case each: first clicks, lists, dry runs, and what others do meanwhile.

use std::{collections::BTreeMap, fs, ops::ControlFlow};

use entity::{
    ShortLinkId, agent_list, click,
    click::{BotKind, BotReason},
    click_summing, link_click, link_total, link_visitor, text_id, user_agent,
};
use linkhop::clicks::{
    agents::AgentList,
    import::BROUGHT_LIST,
    reclassify::{BATCH, Changes, Reclassification},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};

use super::{AGENTS, at, expect_recount, figures, links, rehearse, run, todays_list};
use crate::support::{BROWSER, LIST, START, TestApp, a_click, summed_through};

/// The click of a visitor with an agent, as it was stored when only `WhatsApp` and `curl` were known.
fn visit(link: ShortLinkId, seconds: i64, visitor: i64, agent: &str) -> click::Model {
    let is_bot = agent.starts_with("WhatsApp") || agent.starts_with("curl");
    click::Model {
        visitor: Some(visitor),
        user_agent_id: Some(text_id(agent)),
        bot_reason: is_bot.then_some(BotReason::UserAgent),
        bot_kind: is_bot.then_some(BotKind::HttpLibrary),
        ..a_click(link, seconds)
    }
}

const NEW_BOT: &str = AGENTS[3].0;

const PERSON_AFTER_ALL: &str = AGENTS[1].0;

/// The rows of the clicks that are somebody's first.
async fn firsts(app: &TestApp) -> Vec<usize> {
    let rows: Vec<_> = app.clicks().await.iter().map(|click| click.seq).collect();
    let visitors = link_visitor::Entity::find().all(&app.store().read).await;
    let mut firsts: Vec<_> = visitors
        .expect("visitors")
        .iter()
        .map(|row| rows.iter().position(|seq| *seq == row.seq).unwrap_or(usize::MAX))
        .collect();
    firsts.sort_unstable();
    firsts
}

#[tokio::test]
async fn whose_click_is_the_first_moves_on_to_the_next_person_and_back_to_an_earlier_one() {
    let app = TestApp::start().await;
    let link = links(&app).await[0];
    app.store_clicks(&[
        visit(link, 0, 1, NEW_BOT),
        visit(link, 1, 1, NEW_BOT),
        visit(link, 2, 1, BROWSER),
        visit(link, 3, 2, PERSON_AFTER_ALL),
        visit(link, 4, 2, BROWSER),
        visit(link, 5, 3, NEW_BOT),
        visit(link, 6, 4, PERSON_AFTER_ALL),
        visit(link, 7, 5, NEW_BOT),
        visit(link, 8, 5, PERSON_AFTER_ALL),
    ])
    .await;
    app.sum_all_clicks().await;
    assert_eq!(firsts(&app).await, [0, 4, 5, 7]);
    // One at a time, and so through a state in which the visitor's second click as a bot is the first.
    let changes = run(&app, &todays_list(), START, 1, usize::MAX).await;
    let expected = (BTreeMap::from([(Some(BotKind::Other), 4)]), 3, 0);
    assert_eq!(figures(&changes), expected);
    assert_eq!(firsts(&app).await, [2, 3, 6, 8]);
    expect_recount(&app).await;

    // And all of it back, at once.
    let yesterday = {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("yesterday.txt");
        fs::write(&file, "^curl/\n^whatsapp/\n").expect("a file");
        AgentList::read(&file).expect("a list")
    };
    run(&app, &yesterday, START, BATCH, usize::MAX).await;
    assert_eq!(firsts(&app).await, [0, 4, 5, 7]);
    expect_recount(&app).await;
}

#[tokio::test]
async fn a_changed_click_names_the_list_that_judged_it_and_the_others_theirs() {
    let app = TestApp::start().await;
    let link = links(&app).await[0];
    app.store_clicks(&[visit(link, 0, 1, NEW_BOT), visit(link, 1, 2, BROWSER)])
        .await;
    let list = todays_list();
    run(&app, &list, START, BATCH, usize::MAX).await;
    let lists: Vec<_> = app
        .clicks()
        .await
        .iter()
        .map(|click| click.agent_list_id)
        .collect();
    assert_eq!(lists, [text_id(list.version()), text_id(LIST)]);
    let stored = agent_list::Entity::find_by_id(lists[0])
        .one(&app.store().read)
        .await;
    assert_eq!(
        stored.expect("an answer").expect("the list").version,
        list.version()
    );
}

#[tokio::test]
async fn a_bot_that_nobody_knew_before_stays_one() {
    let app = TestApp::start().await;
    let link = links(&app).await[0];
    let list = todays_list();
    let clicks = Reclassification::new(app.store(), &list, START, BATCH);
    let text = "Mozilla/5.0 (acme-probe 2)";
    let agent = user_agent::Model {
        id: text_id(text),
        text: text.to_owned(),
        device: None,
        os: None,
        browser: None,
    };
    let agent = user_agent::Entity::insert(agent.into_active_model());
    agent
        .exec_without_returning(&app.store().write)
        .await
        .expect("an agent");
    let bot = click::Model {
        bot_reason: Some(BotReason::UserAgent),
        bot_kind: Some(BotKind::Other),
        ..visit(link, 1, 1, text)
    };
    app.store_clicks(&[bot]).await;
    let changes = clicks.run(|_| ControlFlow::Continue(())).await;
    assert_eq!(changes.expect("judged clicks").all(), 0);
    assert_eq!(app.clicks().await[0].bot_reason, Some(BotReason::UserAgent));
}

#[tokio::test]
async fn a_verdict_that_was_brought_along_stays() {
    let app = TestApp::start().await;
    let link = links(&app).await[0];
    let brought = agent_list::Model {
        id: text_id(BROUGHT_LIST),
        version: BROUGHT_LIST.to_owned(),
    };
    let list = agent_list::Entity::insert(brought.into_active_model());
    list.exec_without_returning(&app.store().write)
        .await
        .expect("a list");
    let clicks = [
        visit(link, 0, 1, NEW_BOT),
        visit(link, 1, 2, PERSON_AFTER_ALL),
        visit(link, 2, 3, NEW_BOT),
    ];
    let [person, bot, judged] = clicks;
    let brought = |click| click::Model {
        agent_list_id: text_id(BROUGHT_LIST),
        ..click
    };
    app.store_clicks(&[brought(person), brought(bot), judged]).await;
    let changes = run(&app, &todays_list(), START, BATCH, usize::MAX).await;
    assert_eq!((changes.looked_at, changes.all()), (3, 1));
    let people: Vec<_> = app
        .clicks()
        .await
        .iter()
        .map(|click| click.bot_reason.is_none())
        .collect();
    assert_eq!(people, [true, false, false]);
    expect_recount(&app).await;
}

#[tokio::test]
async fn a_dry_run_says_what_would_change_and_for_which_agents() {
    let app = TestApp::start().await;
    let link = links(&app).await[0];
    let twice = visit(link, 3, 4, PERSON_AFTER_ALL);
    app.store_clicks(&[
        visit(link, -1, 1, NEW_BOT),
        visit(link, 0, 1, NEW_BOT),
        visit(link, 1, 2, NEW_BOT),
        visit(link, 2, 3, BROWSER),
        twice.clone(),
        twice,
        click::Model {
            bot_kind: Some(BotKind::Seo),
            ..visit(link, 4, 5, "WhatsApp/2.23.20.0")
        },
    ])
    .await;
    let rows = app.clicks().await;
    // Neither what is summed nor what is not counts twice, and nothing is summed by it.
    for through in [0, rows[4].seq, rows[6].seq] {
        app.sum_clicks(summed_through(through)).await;
        let before = app.sums().await;
        let changes = rehearse(&app, &todays_list(), START).await;
        let expected = (BTreeMap::from([(Some(BotKind::Other), 2)]), 1, 1);
        assert_eq!(figures(&changes), expected);
        assert_eq!(changes.looked_at, 6);
        let agents = changes.agents(2);
        assert_eq!(agents[0], (text_id(NEW_BOT), 2));
        assert_eq!((agents.len(), agents[1].1), (2, 1));
        assert_eq!((app.clicks().await, app.sums().await), (rows.clone(), before));
        let lists = agent_list::Entity::find()
            .all(&app.store().read)
            .await
            .expect("lists");
        assert_eq!(lists.len(), 1);
    }
}

#[tokio::test]
async fn a_lot_that_is_half_summed_is_summed_first() {
    let app = TestApp::start().await;
    let links = links(&app).await;
    let mut clicks: Vec<_> = (0..20)
        .map(|at| visit(links[at % 4], i64::try_from(at).expect("few"), 1, NEW_BOT))
        .collect();
    clicks.extend((20..40).map(|at| visit(links[at % 4], i64::try_from(at).expect("few"), 1, BROWSER)));
    app.store_clicks(&clicks).await;
    let rows = app.clicks().await;
    let mut sorted = links.clone();
    sorted.sort_unstable();
    app.sum_clicks(click_summing::Model {
        upcoming: rows[35].seq,
        link: Some(sorted[1]),
        link_through: Some(rows[20].seq),
        ..summed_through(rows[10].seq)
    })
    .await;
    let changes = run(&app, &todays_list(), START, 3, usize::MAX).await;
    assert_eq!(figures(&changes).0, BTreeMap::from([(Some(BotKind::Other), 20)]));
    expect_recount(&app).await;
    assert_eq!(firsts(&app).await, [20, 21, 22, 23]);
}

/// Does something with the database while clicks are judged, after the first of them.
fn after_the_first<F: Future<Output = ()>>(
    mut then: impl FnMut() -> F,
) -> impl FnMut(&Changes) -> ControlFlow<()> {
    let mut is_done = false;
    move |_| {
        if !is_done {
            is_done = true;
            let runtime = tokio::runtime::Handle::current();
            tokio::task::block_in_place(|| runtime.block_on(then()));
        }
        ControlFlow::Continue(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lot_that_others_begin_in_between_is_summed_before_it_goes_on() {
    let app = TestApp::start().await;
    let links = links(&app).await;
    app.store_clicks(&[
        visit(links[0], 0, 7, NEW_BOT),
        visit(links[0], 1, 1, NEW_BOT),
        visit(links[1], 2, 1, NEW_BOT),
    ])
    .await;
    let list = todays_list();
    let clicks = Reclassification::new(app.store(), &list, START, 1);
    let mut sorted = links.clone();
    sorted.sort_unstable();
    let lot = || async {
        app.store_clicks(&[visit(links[0], 3, 1, BROWSER), visit(links[1], 4, 1, BROWSER)])
            .await;
        let rows = app.clicks().await;
        app.sum_clicks(click_summing::Model {
            upcoming: rows[4].seq,
            link: Some(sorted[3]),
            link_through: Some(rows[4].seq),
            ..summed_through(rows[2].seq)
        })
        .await;
    };
    clicks.run(after_the_first(lot)).await.expect("judged clicks");
    expect_recount(&app).await;
    assert_eq!(firsts(&app).await, [3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_that_become_too_old_in_between_stay_what_they_were() {
    let app = TestApp::start().await;
    let link = links(&app).await[0];
    let clicks: Vec<_> = (0..3)
        .map(|second| visit(link, second, second, NEW_BOT))
        .collect();
    app.store_clicks(&clicks).await;
    let list = todays_list();
    let clicks = Reclassification::new(app.store(), &list, START, 1);
    let too_old = || async {
        let moved = click_summing::Entity::update_many()
            .col_expr(click_summing::Column::KeptFrom, at(2).into())
            .exec(&app.store().write);
        moved.await.expect("a mark");
    };
    let changes = clicks.run(after_the_first(too_old)).await.expect("judged clicks");
    assert_eq!(changes.all(), 2);
    let people: Vec<_> = app
        .clicks()
        .await
        .iter()
        .map(|click| click.bot_reason.is_none())
        .collect();
    assert_eq!(people, [false, true, false]);
    expect_recount(&app).await;
}

#[tokio::test]
async fn clicks_that_are_no_longer_kept_stay_what_they_were() {
    let app = TestApp::start().await;
    let link = links(&app).await[0];
    app.store_clicks(&[
        visit(link, -10, 1, BROWSER),
        visit(link, -5, 2, NEW_BOT),
        visit(link, 1, 1, PERSON_AFTER_ALL),
        visit(link, 2, 2, BROWSER),
        visit(link, 3, 3, NEW_BOT),
        // Before what came late and is the visitor's first.
        visit(link, 4, 4, PERSON_AFTER_ALL),
        visit(link, -1, 4, BROWSER),
    ])
    .await;
    let rows = app.clicks().await;
    app.sum_clicks(click_summing::Model {
        kept_from: START,
        ..summed_through(rows[6].seq)
    })
    .await;
    // One of those that may go is gone already.
    let db = &app.store().write;
    click::Entity::delete_by_id(rows[0].seq)
        .exec(db)
        .await
        .expect("no row");
    link_click::Entity::delete_many()
        .filter(link_click::Column::Seq.eq(rows[0].seq))
        .exec(db)
        .await
        .expect("no entry");
    let changes = run(&app, &todays_list(), at(-100), BATCH, usize::MAX).await;
    let expected = (BTreeMap::from([(Some(BotKind::Other), 1)]), 2, 0);
    assert_eq!((figures(&changes), changes.looked_at), (expected, 4));
    let visitors = link_visitor::Entity::find().all(&app.store().read).await;
    let mut firsts: Vec<_> = visitors.expect("visitors").iter().map(|row| row.seq).collect();
    firsts.sort_unstable();
    assert_eq!(firsts, [rows[0].seq, rows[1].seq, rows[6].seq]);
    let total = link_total::Entity::find_by_id(link).one(&app.store().read).await;
    let total = total.expect("an answer").expect("a total");
    assert_eq!((total.clicks, total.human_clicks, total.unique_clicks), (7, 6, 3));
    let verdicts: Vec<_> = app.sums().await.facts.iter().map(|fact| fact.verdict).collect();
    let people: Vec<_> = verdicts.iter().map(|verdict| verdict.is_human()).collect();
    assert_eq!(people, [true, true, true, true, false, true, true]);
}
