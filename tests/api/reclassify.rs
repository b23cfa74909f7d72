//! Stored clicks judged anew: the verdicts, and that all figures are those of a recount wherever it stops.

use std::{collections::BTreeMap, fs, ops::ControlFlow};

use entity::{
    ShortLinkId, Timestamp, agent_list, click,
    click::{BotKind, BotReason, Method},
    click_summing, link_click, link_total, link_visitor, text_id, user_agent,
};
use linkhop::clicks::{
    agents::AgentList,
    reclassify::{BATCH, Changes, Reclassification},
};
use proptest::{
    collection::vec,
    option,
    prelude::{Strategy, any},
    sample::{Index, select},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, Iterable as _, QueryFilter as _};

use crate::support::{BROWSER, LIST, START, Tenant, TestApp, a_click, of_offer, summed_through};

/// Agents, and what kind of bot each is by [`todays_list`].
const AGENTS: [(&str, Option<BotKind>); 4] = [
    (BROWSER, None),
    ("curl/8.5.0", None),
    ("WhatsApp/2.23.20.0", Some(BotKind::SocialPreview)),
    ("Mozilla/5.0 (acme-probe)", Some(BotKind::Other)),
];

/// A list that knows one bot more than the built-in one, and one less.
fn todays_list() -> AgentList {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("today.txt");
    fs::write(&file, "acme-probe\n^whatsapp/\n").expect("a file");
    AgentList::read(&file).expect("a list")
}

/// A click as it is stored, in short.
#[derive(Clone, Debug)]
struct Step {
    link: usize,
    seconds: i64,
    method: Method,
    verdict: (Option<BotReason>, Option<BotKind>),
    is_prefetch: bool,
    agent: Option<usize>,
    visitor: Option<i64>,
    /// Instead of a click of its own, one of those before it is written once more.
    again: Option<Index>,
}

/// Clicks, how many of them are summed, from when on they are judged anew, and where that stops.
#[derive(Clone, Debug)]
struct History {
    steps: Vec<Step>,
    through: Index,
    since: i64,
    batch: usize,
    stops_after: usize,
}

fn histories() -> impl Strategy<Value = History> {
    let reasons: Vec<_> = BotReason::iter()
        .map(Some)
        .chain([None, None, None, None])
        .collect();
    let kinds: Vec<_> = BotKind::iter().take(2).map(Some).chain([None, None]).collect();
    let methods = select(vec![
        Method::Get,
        Method::Get,
        Method::Get,
        Method::Head,
        Method::Post,
    ]);
    let step = (
        (0..4_usize, -90_000..90_000_i64),
        methods,
        (select(reasons), select(kinds)),
        any::<bool>(),
        option::weighted(0.9, 0..AGENTS.len()),
        option::weighted(0.8, 0..3_i64),
        option::weighted(0.15, any::<Index>()),
    );
    let step = step.prop_map(
        |((link, seconds), method, verdict, is_prefetch, agent, visitor, again)| Step {
            link,
            seconds,
            method,
            verdict,
            is_prefetch,
            agent,
            visitor,
            again,
        },
    );
    let rest = (any::<Index>(), -100_000..50_000_i64, 1..6_usize, 0..8_usize);
    (vec(step, 0..70), rest).prop_map(|(steps, (through, since, batch, stops_after))| History {
        steps,
        through,
        since,
        batch,
        stops_after,
    })
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START.millis() + seconds * 1000)
}

/// Two links of each of two accounts, one of them of an offer.
async fn links(app: &TestApp) -> Vec<ShortLinkId> {
    let other = Tenant::make(app.store(), "go.example.net", START).await;
    let mut links = Vec::new();
    for tenant in [&app.tenant, &other] {
        let offer = tenant.offer(app.store(), None, "https://example.com/offer").await;
        for input in [
            serde_json::json!({"url": "https://example.com/", "listId": 42}),
            of_offer(&offer, serde_json::json!({})),
        ] {
            let made = app.create_as(&tenant.key, input).await;
            let code = made["linkId"].as_str().unwrap_or_else(|| panic!("{made}"));
            links.push(app.link_id(code).await);
        }
    }
    for (text, _) in AGENTS {
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
    }
    links
}

fn clicks(history: &History, links: &[ShortLinkId]) -> Vec<click::Model> {
    let mut clicks: Vec<click::Model> = Vec::new();
    for step in &history.steps {
        let click = match step.again.filter(|_| !clicks.is_empty()) {
            Some(again) => again.get(&clicks).clone(),
            None => click::Model {
                method: step.method,
                bot_reason: step.verdict.0,
                bot_kind: step.verdict.1,
                is_prefetch: step.is_prefetch,
                user_agent_id: step.agent.map(|agent| text_id(AGENTS[agent].0)),
                visitor: step.visitor,
                ..a_click(links[step.link], step.seconds)
            },
        };
        clicks.push(click);
    }
    clicks
}

/// What a click has to be judged as.
fn expected(click: &click::Model, since: Timestamp, version: &str) -> click::Model {
    let agent = AGENTS
        .iter()
        .find(|(text, _)| Some(text_id(text)) == click.user_agent_id);
    let is_settled = matches!(click.bot_reason, Some(BotReason::IpRange | BotReason::Burst));
    let Some((_, kind)) =
        agent.filter(|_| !is_settled && click.method != Method::Post && click.clicked_at >= since)
    else {
        return click.clone();
    };
    let signs = [
        (click.method == Method::Head, BotReason::Head),
        (kind.is_some(), BotReason::UserAgent),
        (click.is_prefetch, BotReason::Prefetch),
    ];
    let reason = signs
        .into_iter()
        .find(|(holds, _)| *holds)
        .map(|(_, reason)| reason);
    if (reason, *kind) == (click.bot_reason, click.bot_kind) {
        return click.clone();
    }
    click::Model {
        bot_reason: reason,
        bot_kind: *kind,
        agent_list_id: text_id(version),
        ..click.clone()
    }
}

/// All figures are those of a recount of the raw rows.
async fn expect_recount(app: &TestApp) {
    let db = &app.store().read;
    let mark = click_summing::Entity::find()
        .one(db)
        .await
        .expect("an answer")
        .expect("a mark");
    let (summed, expected) = (app.sums().await, app.recount(mark.through).await);
    assert_eq!(summed, expected);
    app.expect_links_and_chunks_to_agree().await;
    let (mut totals, mut firsts) = (BTreeMap::new(), BTreeMap::new());
    let rows: BTreeMap<_, _> = app
        .clicks()
        .await
        .into_iter()
        .map(|click| (click.seq, click))
        .collect();
    for fact in &expected.facts {
        let total = totals.entry(fact.link).or_insert((0, 0, 0));
        total.0 += 1;
        total.1 += i64::from(fact.verdict.is_human());
        total.2 += i64::from(fact.verdict.is_unique());
        if let (true, Some(visitor)) = (fact.verdict.is_unique(), rows[&fact.seq].visitor) {
            firsts.insert((fact.link, visitor), fact.seq);
        }
    }
    let of_links = link_total::Entity::find()
        .all(db)
        .await
        .expect("totals")
        .into_iter();
    let of_links = of_links.map(|total| {
        let figures = (total.clicks, total.human_clicks, total.unique_clicks);
        (total.short_link_id, figures)
    });
    assert_eq!(of_links.collect::<BTreeMap<_, _>>(), totals);
    let visitors = link_visitor::Entity::find()
        .all(db)
        .await
        .expect("visitors")
        .into_iter();
    let visitors = visitors.map(|row| ((row.short_link_id, row.visitor), row.seq));
    assert_eq!(visitors.collect::<BTreeMap<_, _>>(), firsts);
}

async fn run(app: &TestApp, list: &AgentList, since: Timestamp, batch: usize, most: usize) -> Changes {
    let clicks = Reclassification::prepare(app.store(), list, since, batch)
        .await
        .expect("agents");
    let mut done = 0;
    let changes = clicks.run(|_| {
        done += 1;
        if done > most {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    changes.await.expect("judged clicks")
}

async fn rehearse(app: &TestApp, list: &AgentList, since: Timestamp) -> Changes {
    let clicks = Reclassification::prepare(app.store(), list, since, BATCH)
        .await
        .expect("agents");
    clicks.rehearse(|_| {}).await.expect("judged clicks")
}

/// How many clicks got another verdict: to bots by kind, to people, to another reason or kind.
fn figures(changes: &Changes) -> (BTreeMap<Option<BotKind>, u64>, u64, u64) {
    (
        changes.to_bots.clone(),
        changes.to_people,
        changes.of_another_kind,
    )
}

async fn check(app: &TestApp, links: &[ShortLinkId], list: &AgentList, history: &History) {
    let db = &app.store().write;
    click::Entity::delete_many().exec(db).await.expect("no clicks");
    app.sum_clicks(summed_through(0)).await;
    let clicks = clicks(history, links);
    app.store_clicks(&clicks).await;
    let stored = app.clicks().await;
    let through = match history.through.index(stored.len() + 1) {
        0 => 0,
        number => stored[number - 1].seq,
    };
    app.sum_clicks(summed_through(through)).await;
    let since = at(history.since);
    let wanted: Vec<_> = stored
        .iter()
        .map(|click| expected(click, since, list.version()))
        .collect();

    let rehearsed = rehearse(app, list, since).await;
    assert_eq!(app.clicks().await, stored, "a dry run writes nothing");
    let first = run(app, list, since, history.batch, history.stops_after).await;
    expect_recount(app).await;
    let rest = run(app, list, since, history.batch, usize::MAX).await;
    assert_eq!(app.clicks().await, wanted);
    expect_recount(app).await;

    let (mut to_bots, people, others) = figures(&first);
    for (kind, clicks) in rest.to_bots {
        *to_bots.entry(kind).or_default() += clicks;
    }
    let both = (to_bots, people + rest.to_people, others + rest.of_another_kind);
    assert_eq!(both, figures(&rehearsed));
    let looked_at = clicks.iter().filter(|click| click.clicked_at >= since).count();
    assert_eq!(rest.looked_at, looked_at as u64);
    assert_eq!(rehearse(app, list, since).await.all(), 0, "nothing is left to do");
}

#[test]
fn figures_are_those_of_a_recount_wherever_it_stops() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let list = todays_list();
    let (app, links) = runtime.block_on(async {
        let app = TestApp::start().await;
        let links = links(&app).await;
        (app, links)
    });
    let config = Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    };
    // The same histories each time: what fails here fails for whoever looks into it.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let outcome = TestRunner::new_with_rng(config, rng).run(&histories(), |history| {
        runtime.block_on(check(&app, &links, &list, &history));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

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
    let clicks = Reclassification::prepare(app.store(), &todays_list(), START, 1)
        .await
        .expect("agents");
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
    let clicks = Reclassification::prepare(app.store(), &todays_list(), START, 1)
        .await
        .expect("agents");
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
