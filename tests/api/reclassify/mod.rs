//! Stored clicks judged anew: the verdicts, and that all figures are those of a recount wherever it stops.

mod cases;
mod histories;

use std::{collections::BTreeMap, fs, ops::ControlFlow};

use entity::{
    ShortLinkId, Timestamp, click::BotKind, click_summing, link_total, link_visitor, text_id, user_agent,
};
use linkhop::clicks::{
    agents::AgentList,
    reclassify::{BATCH, Changes, Reclassification},
};
use sea_orm::{EntityTrait as _, IntoActiveModel as _};

use crate::support::{BROWSER, START, Tenant, TestApp, of_offer};

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
    let clicks = Reclassification::new(app.store(), list, since, batch);
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
    let clicks = Reclassification::new(app.store(), list, since, BATCH);
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
