//! Whatever is stored and wherever it stops: verdicts are those of the rules, and figures those of a recount.

use std::collections::HashSet;

use entity::{
    ShortLinkId, Timestamp, click,
    click::{BotKind, BotReason, Method},
    text_id,
};
use linkhop::clicks::agents::AgentList;
use proptest::{
    collection::vec,
    option,
    prelude::{Strategy, any},
    sample::{Index, select},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use sea_orm::{EntityTrait as _, Iterable as _};

use super::{AGENTS, at, expect_recount, figures, links, rehearse, run, todays_list};
use crate::support::{TestApp, a_click, summed_through, untraced};

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
    let mut seen = HashSet::new();
    let wanted = stored.iter().map(|click| {
        let is_copy = !seen.insert(click.id);
        if is_copy && click.seq > through {
            // Whoever sums it removes what tells of a visitor, and with it what could be judged anew.
            untraced(click)
        } else {
            expected(click, since, list.version())
        }
    });
    let wanted: Vec<_> = wanted.collect();

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
