//! Whatever was clicked and in whichever lots it is summed: what is summed beside the links' own totals is a recount.

use entity::{ShortLinkId, StoredVerdict, click, click_summing};
use linkhop::clicks::columns::{
    Chunk, Column,
    store::{self, Place},
};
use proptest::{
    collection::vec,
    option,
    prelude::{Strategy, any},
    sample::Index,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, EntityTrait as _, Iterable as _, Statement};
use serde_json::json;

use crate::support::{Tenant, TestApp, a_click, of_offer, summed_through};

/// A click that is stored, in short.
#[derive(Clone, Debug)]
struct Step {
    link: usize,
    /// When it was made: often before others that were stored sooner, or on another day.
    seconds: i64,
    bot: Option<(Index, Option<Index>)>,
    visitor: Option<i64>,
    country: Option<u8>,
    parameters: Option<u8>,
    has_agent: bool,
    /// Instead of a click of its own, one of those before it is written once more.
    again: Option<Index>,
    /// All that is stored is summed before the next one is.
    is_summed: bool,
}

/// Clicks of links of two accounts, and how far they are summed by a process that ends in the middle.
#[derive(Clone, Debug)]
struct History {
    steps: Vec<Step>,
    through: Index,
    upcoming: Index,
    part: Option<(Index, Index)>,
}

fn histories() -> impl Strategy<Value = History> {
    let bot = option::of((any::<Index>(), option::of(any::<Index>())));
    let texts = (
        option::weighted(0.7, 0..3_u8),
        option::weighted(0.7, 0..4_u8),
        any::<bool>(),
    );
    let step = (
        0..6_usize,
        -100_000..200_000_i64,
        bot,
        option::weighted(0.8, 0..4_i64),
        texts,
        option::weighted(0.2, any::<Index>()),
        proptest::bool::weighted(0.1),
    );
    let step = step.prop_map(
        |(link, seconds, bot, visitor, (country, parameters, has_agent), again, is_summed)| Step {
            link,
            seconds,
            bot,
            visitor,
            country,
            parameters,
            has_agent,
            again,
            is_summed,
        },
    );
    let part = option::of((any::<Index>(), any::<Index>()));
    (vec(step, 0..80), any::<Index>(), any::<Index>(), part).prop_map(|(steps, through, upcoming, part)| {
        History {
            steps,
            through,
            upcoming,
            part,
        }
    })
}

fn click(step: &Step, before: &[click::Model], links: &[ShortLinkId]) -> click::Model {
    if let Some(again) = step.again.filter(|_| !before.is_empty()) {
        return again.get(before).clone();
    }
    let mut click = a_click(links[step.link], step.seconds);
    click.visitor = step.visitor;
    if let Some((reason, kind)) = &step.bot {
        click.bot_reason = Some(*reason.get(&click::BotReason::iter().collect::<Vec<_>>()));
        let kinds: Vec<_> = click::BotKind::iter().collect();
        click.bot_kind = kind.map(|kind| *kind.get(&kinds));
    }
    click.country = step
        .country
        .map(|country| ["US", "DE", ""][usize::from(country)].to_owned());
    click.referrer = click.country.clone().filter(|country| country != "DE");
    click.parameters = step.parameters.map(|number| match number {
        0 => json!({"sub1": "a \"b\" ü", "source": "sms", "size": "xl"}),
        1 => json!({"sub1": "", "sub2": "b", "sub3": "c", "sub4": "d", "sub5": "e"}),
        2 => json!({}),
        _ => json!({"source": "mail", "sub5": "a"}),
    });
    click.user_agent_id = click.user_agent_id.filter(|_| step.has_agent);
    click
}

/// Three links each of two accounts, some with an offer or on another domain.
async fn links(app: &TestApp) -> Vec<ShortLinkId> {
    let other = Tenant::make(app.store(), "go.example.net", app.tenant.account.created_at).await;
    let mut links = Vec::new();
    for (tenant, list_id, host) in [(&app.tenant, 7, "a.example.com"), (&other, 8, "a.example.net")] {
        let offer = tenant.offer(app.store(), None, "https://example.com/offer").await;
        let domain = tenant.more_domain(app.store(), host).await;
        tenant
            .more_list(app.store(), list_id, "+18005550007", Some(domain.id))
            .await;
        for input in [
            json!({"url": "https://example.com/", "listId": 42}),
            json!({"url": "https://example.com/", "listId": list_id}),
            of_offer(&offer, json!({})),
        ] {
            let made = app.create_as(&tenant.key, input).await;
            let code = made["linkId"].as_str().unwrap_or_else(|| panic!("{made}"));
            links.push(app.link_id(code).await);
        }
    }
    links.sort();
    links
}

async fn expect_recount(app: &TestApp, through: i64) {
    let (summed, expected) = (app.sums().await, app.recount(through).await);
    assert_eq!(summed.facts, expected.facts);
    assert_eq!(summed, expected);
}

async fn forget_clicks(app: &TestApp) {
    let db = &app.store().write;
    click::Entity::delete_many().exec(db).await.expect("no clicks");
    app.sum_clicks(summed_through(0)).await;
}

async fn check(app: &TestApp, links: &[ShortLinkId], history: &History) {
    forget_clicks(app).await;
    let mut clicks: Vec<click::Model> = Vec::new();
    let mut lot = 0;
    for step in &history.steps {
        clicks.push(click(step, &clicks, links));
        if step.is_summed {
            app.store_clicks(&clicks[lot..]).await;
            lot = clicks.len();
            app.app.aggregator.caught_up().await;
        }
    }
    app.store_clicks(&clicks[lot..]).await;
    app.app.aggregator.caught_up().await;
    let stored = app.clicks().await;
    let last = stored.last().map_or(0, |click| click.seq);
    expect_recount(app, last).await;
    app.expect_links_and_chunks_to_agree().await;
    // As a process leaves it that ends in the middle.
    let row = |index: &Index| match index.index(stored.len() + 1) {
        0 => 0,
        number => stored[number - 1].seq,
    };
    let through = row(&history.through);
    let upcoming = through.max(row(&history.upcoming));
    app.sum_clicks(click_summing::Model {
        upcoming,
        link: history.part.map(|(link, _)| *link.get(links)),
        link_through: history.part.map(|(_, at)| row(&at).clamp(through, upcoming)),
        ..summed_through(through)
    })
    .await;
    expect_recount(app, through).await;
    app.app.aggregator.caught_up().await;
    expect_recount(app, last).await;
    app.expect_links_and_chunks_to_agree().await;
}

#[test]
fn sums_and_chunks_are_a_recount_in_whichever_lots_and_parts_they_are_written() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (app, links) = runtime.block_on(async {
        let app = TestApp::start().await;
        let links = links(&app).await;
        (app, links)
    });
    let config = Config {
        cases: 48,
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

/// As many clicks as are summed in several parts, of all these links, some written twice.
fn many_clicks(links: &[ShortLinkId], number: i64) -> Vec<click::Model> {
    let mut clicks: Vec<_> = (0..number)
        .zip(links.iter().cycle())
        .map(|(at, link)| click::Model {
            visitor: Some(at % 100),
            ..a_click(*link, at % 50_000)
        })
        .collect();
    let again: Vec<_> = clicks.iter().step_by(3).cloned().collect();
    clicks.extend(again);
    clicks
}

#[tokio::test]
async fn summing_that_stopped_after_any_part_goes_on_where_it_stopped() {
    let app = TestApp::start().await;
    let links = links(&app).await;
    app.store_clicks(&many_clicks(&links, 1200)).await;
    let rows = app.clicks().await;
    let (through, upcoming) = (rows[99].seq, rows[1499].seq);
    let last = rows[rows.len() - 1].seq;
    for (link, row) in [(0, 700), (2, 99), (3, 1300), (5, 1499)] {
        app.sum_clicks(click_summing::Model {
            upcoming,
            link: Some(links[link]),
            link_through: Some(rows[row].seq),
            ..summed_through(through)
        })
        .await;
        app.app.aggregator.caught_up().await;
        expect_recount(&app, last).await;
        app.expect_links_and_chunks_to_agree().await;
    }
}

#[tokio::test]
async fn two_who_sum_the_same_clicks_at_once_count_none_twice() {
    let app = TestApp::start().await;
    let links = links(&app).await;
    let other = app.neighbour().await;
    for _ in 0..4 {
        app.store_clicks(&many_clicks(&links, 1600)).await;
        tokio::join!(app.app.aggregator.caught_up(), other.app.aggregator.caught_up());
        // Where one found the other at it, it may have left the rest to it.
        app.app.aggregator.caught_up().await;
        let last = app.clicks().await.last().map_or(0, |click| click.seq);
        expect_recount(&app, last).await;
        app.expect_links_and_chunks_to_agree().await;
    }
}

#[tokio::test]
async fn summing_says_nothing_of_how_long_clicks_are_kept() {
    let app = TestApp::start().await;
    let links = links(&app).await;
    app.store_clicks(&many_clicks(&links, 300)).await;
    app.app.aggregator.caught_up().await;
    let kept_from = app.tenant.account.created_at;
    let last = app.clicks().await.last().map_or(0, |click| click.seq);
    let db = &app.store().write;
    let mark = click_summing::Model {
        kept_from,
        ..summed_through(last)
    };
    app.save(mark).await;
    app.store_clicks(&many_clicks(&links, 10)).await;
    app.app.aggregator.caught_up().await;
    let mark = click_summing::Entity::find().one(db).await.expect("an answer");
    assert_eq!(mark.map(|mark| mark.kept_from), Some(kept_from));
}

#[tokio::test]
async fn chunks_are_few_however_many_lots_a_day_is_summed_in() {
    let app = TestApp::start().await;
    let links = links(&app).await;
    for lot in 0..60 {
        app.store_clicks(&many_clicks(&links, 1 + lot % 5)).await;
        app.app.aggregator.caught_up().await;
        for (day, sizes) in app.chunk_sizes().await {
            let clicks: usize = sizes.iter().sum();
            let most = 1 + usize::try_from(clicks.ilog2()).expect("a few");
            assert!(sizes.len() <= most, "{day:?} {sizes:?}");
        }
    }
    let last = app.clicks().await.last().map_or(0, |click| click.seq);
    expect_recount(&app, last).await;
}

#[tokio::test]
async fn the_chunk_of_a_click_is_found_and_its_verdicts_are_written_anew() {
    let app = TestApp::start().await;
    let links = links(&app).await;
    // Too few to become one with what is there.
    for clicks in [600, 60, 6] {
        app.store_clicks(&many_clicks(&links, clicks)).await;
        app.app.aggregator.caught_up().await;
    }
    let account = app.tenant.account.id;
    let db = &app.store().write;
    let mut facts = app.facts(account).await;
    let day = facts[0].day();
    assert!(app.chunk_sizes().await[&(account, day)].len() > 1);
    let bot = StoredVerdict::new(Some(click::BotReason::Burst), None, false);
    for at in [0, 100, facts.len() - 1] {
        let seq = facts[at].seq;
        let place = store::holding(db, account, day, seq).await.expect("an answer");
        let place = place.expect("a chunk");
        let columns = [Column::Seq, Column::Verdict];
        let chunk = store::read(db, place, &columns).await.expect("an answer");
        let mut chunk = chunk.expect("the chunk");
        assert_eq!(chunk.words(Column::Link), None, "it was not asked for");
        let within = chunk.seqs().position(|found| found == seq).expect("the click");
        chunk.verdicts_mut()[within] = bot;
        assert!(store::rewrite_verdicts(db, place, &chunk).await.expect("written"));
        facts[at].verdict = bot;
    }
    assert_eq!(app.facts(account).await, facts);
    let beyond = facts[facts.len() - 1].seq + 1;
    let nowhere = store::holding(db, account, day, beyond).await.expect("an answer");
    assert_eq!(nowhere, None);
    let gone = Place {
        account,
        day,
        last: beyond,
    };
    assert_eq!(store::read(db, gone, &[]).await.expect("an answer"), None);
    assert!(
        !store::rewrite_verdicts(db, gone, &Chunk::empty(0))
            .await
            .expect("an answer")
    );
}

#[tokio::test]
async fn clicks_of_a_link_that_is_not_stored_hold_nothing_up() {
    let app = TestApp::start().await;
    let links = links(&app).await;
    let nowhere = ShortLinkId::at(app.tenant.account.created_at);
    app.store_clicks(&[a_click(nowhere, 1), a_click(links[0], 2)])
        .await;
    assert_eq!(app.summed(nowhere).await.map(|total| total.clicks), Some(1));
    let last = app.clicks().await.last().map_or(0, |click| click.seq);
    expect_recount(&app, last).await;
    assert_eq!(app.facts(app.tenant.account.id).await.len(), 1);
}

#[tokio::test]
async fn who_is_done_with_the_mark_leaves_it_to_others_at_once() {
    let app = TestApp::start().await;
    let db = &app.store().write;
    if db.get_database_backend() != DatabaseBackend::Postgres {
        // In SQLite nobody keeps a row from others.
        return;
    }
    let code = app.link("https://example.com/").await;
    let link = app.link_id(&code).await;
    for second in 0..20 {
        app.store_clicks(&[a_click(link, second)]).await;
        app.app.aggregator.caught_up().await;
        let mark = "SELECT through FROM click_summing FOR UPDATE NOWAIT";
        let mark = Statement::from_string(DatabaseBackend::Postgres, mark);
        db.query_one_raw(mark).await.expect("the mark");
    }
}
