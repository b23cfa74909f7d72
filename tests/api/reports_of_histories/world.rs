//! What is clicked, and how.

use entity::{
    AccountId, DomainId, OfferId, SendingListId, ShortLinkId, Timestamp, click, offer, short_link, text_id,
    user_agent,
};
use linkhop::clicks::{agents::AgentList, report::Subject};
use proptest::{
    collection::vec,
    option,
    prelude::{Strategy, any},
    sample::{Index, select},
};
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _};
use serde_json::{Value, json};

use super::recount::Known;
use crate::support::{BROWSER, START, Tenant, TestApp, a_click};

/// How many links there are; the last is another account's.
pub(super) const LINKS: usize = 6;

/// A click that is stored, in short.
#[derive(Clone, Debug)]
pub(super) struct Step {
    link: usize,
    /// When it was made: often before others that were stored sooner.
    millis: i64,
    reason: Option<click::BotReason>,
    kind: Option<click::BotKind>,
    visitor: Option<i64>,
    country: Option<&'static str>,
    /// Which agent, if any is kept.
    agent: Option<bool>,
    referrer: Option<&'static str>,
    sub1: Option<&'static str>,
    source: Option<&'static str>,
    /// Instead of a click of its own, one of those before it is written once more.
    again: Option<Index>,
}

/// Around them clocks are put in some zone: forward and back in Lord Howe, back in Berlin, forward and back in New York; and
/// the end of a year, and of the test.
const TIMES: [&str; 8] = [
    "2026-03-08T07:00:00Z",
    "2026-04-04T15:00:00Z",
    "2026-10-03T15:30:00Z",
    "2026-10-25T01:00:00Z",
    "2026-11-01T06:00:00Z",
    "2026-08-31T18:15:00Z",
    "2026-11-23T12:00:00Z",
    "2026-11-24T02:00:00Z",
];

fn millis() -> impl Strategy<Value = i64> {
    let quarter = 15 * 60 * 1000;
    (
        select(&TIMES[..]),
        -200..200_i64,
        select(&[0, 0, -1, 1, 421_337][..]),
    )
        .prop_map(move |(time, quarters, more)| {
            let time: jiff::Timestamp = time.parse().expect("a time");
            time.as_millisecond() + quarters * quarter / 4 + more
        })
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    use click::{BotKind, BotReason};

    let reasons = [
        None,
        None,
        None,
        Some(BotReason::Head),
        Some(BotReason::UserAgent),
        Some(BotReason::Burst),
    ];
    let kinds = [None, Some(BotKind::SocialPreview), Some(BotKind::Other)];
    let bots = (select(reasons.to_vec()), select(kinds.to_vec()));
    let visitor = option::weighted(0.8, 0..4_i64);
    let words = |words: &'static [Option<&'static str>]| select(words);
    let texts = (
        words(&[None, Some("US"), Some("DE")]),
        option::weighted(0.8, any::<bool>()),
        words(&[None, Some("www.example.com")]),
        words(&[None, Some("a"), Some(""), Some("ä b")]),
        words(&[None, Some("sms"), Some("mail")]),
    );
    let again = option::weighted(0.15, any::<Index>());
    let step = (0..LINKS, millis(), bots, visitor, texts, again).prop_map(
        |(link, millis, (reason, kind), visitor, texts, again)| {
            let (country, agent, referrer, sub1, source) = texts;
            Step {
                link,
                millis,
                reason,
                kind,
                visitor,
                country,
                agent,
                referrer,
                sub1,
                source,
                again,
            }
        },
    );
    vec(step, 0..50)
}

/// The links, lists, offers and domains of an account, and a link of another.
#[derive(Debug)]
pub(super) struct World {
    pub(super) app: TestApp,
    pub(super) links: Vec<short_link::Model>,
    pub(super) lists: Vec<SendingListId>,
    pub(super) offers: Vec<OfferId>,
    pub(super) domains: Vec<DomainId>,
    agents: [user_agent::Model; 2],
    /// Today's list of bots' agents: one of the two is on it, whatever clicks were judged as.
    pub(super) list: AgentList,
}

/// The recipients of some links.
pub(super) const PHONES: [&str; 2] = ["+12025550143", "+12025550144"];

fn todays_list() -> AgentList {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("today.txt");
    std::fs::write(&file, "says nothing$\n").expect("a file");
    AgentList::read(&file).expect("a list")
}

impl World {
    pub(super) async fn make() -> Self {
        let app = TestApp::start().await;
        let store = app.store();
        let tenant = &app.tenant;
        let other = Tenant::make(store, "other.example.com", START).await;
        let more = tenant.more_domain(store, "s.example.com").await.id;
        let list = tenant.more_list(store, 43, "+18005551235", Some(more)).await.id;
        let url = "https://tracker.example.com/";
        let offers = [
            tenant.offer(store, None, url).await,
            tenant.offer(store, None, url).await,
        ];
        let mut gone = offers[1].clone();
        gone.status = offer::Status::Archived;
        app.save(gone).await;

        let domains = vec![tenant.domain.id, more];
        let lists = vec![tenant.list.id, list];
        let offers: Vec<_> = offers.iter().map(|offer| offer.id).collect();
        let metadata = [
            json!({"campaign": "spring", "n": 1, "size": {"a": [1, "x"]}}),
            json!({"campaign": "autumn", "n": 1.0, "we\"ird": "w"}),
            json!({"campaign": 1, "n": true, "we\"ird": null}),
            json!({"campaign": null, "n": "1", "we\"ird": 2}),
            json!({}),
            json!({"campaign": "spring", "n": 1}),
        ];
        let offers_of = [Some(0), Some(1), None, Some(0), None, None];
        let phones = [Some(0), Some(1), Some(0), None, None, Some(0)];
        let mut links = Vec::new();
        for (at, metadata) in metadata.into_iter().enumerate() {
            let (account, domain, list) = match at {
                5 => (other.account.id, other.domain.id, other.list.id),
                at => (tenant.account.id, domains[at % 2], lists[usize::from(at > 2)]),
            };
            let row = short_link::Model {
                id: ShortLinkId::at(START),
                account_id: account,
                domain_id: domain,
                code: format!("link{at}"),
                destination: "https://example.com/".to_owned(),
                sending_list_id: list,
                offer_id: offers_of[at].map(|offer: usize| offers[offer]),
                contact_phone: phones[at].map(|phone: usize| PHONES[phone].to_owned()),
                metadata,
                filter_bots: false,
                status: if at == 3 {
                    short_link::Status::Archived
                } else {
                    short_link::Status::Active
                },
                expires_at: None,
                max_clicks: None,
                fallback_url: None,
                created_at: START,
                exhausted_at: None,
                api_key_id: None,
            };
            links.push(
                row.into_active_model()
                    .insert(&store.write)
                    .await
                    .expect("a link"),
            );
        }
        let text = "an agent that says nothing".to_owned();
        let silent = user_agent::Model {
            id: text_id(&text),
            text,
            device: None,
            os: None,
            browser: None,
        };
        let browser = user_agent::Model {
            id: text_id(BROWSER),
            text: BROWSER.to_owned(),
            device: Some("smartphone".to_owned()),
            os: Some("iOS".to_owned()),
            browser: Some("Safari".to_owned()),
        };
        let row = silent.clone().into_active_model();
        row.insert(&store.write).await.expect("an agent");
        Self {
            links,
            lists,
            offers,
            domains,
            agents: [browser, silent],
            list: todays_list(),
            app,
        }
    }

    pub(super) fn account(&self) -> AccountId {
        self.app.tenant.account.id
    }

    /// All that has figures, and what is another account's and has none.
    pub(super) fn subjects(&self) -> Vec<Subject> {
        let links = self.links.iter().map(|link| Subject::Link(link.id));
        let lists = self.lists.iter().map(|list| Subject::List(*list));
        let offers = self.offers.iter().map(|offer| Subject::Offer(*offer));
        let domains = self.domains.iter().map(|domain| Subject::Domain(*domain));
        let others = &self.links[LINKS - 1];
        let others = [
            Subject::List(others.sending_list_id),
            Subject::Domain(others.domain_id),
        ];
        links
            .chain(lists)
            .chain(offers)
            .chain(domains)
            .chain(others)
            .collect()
    }

    /// The clicks of a history in the order of their storing.
    pub(super) fn clicks(&self, steps: &[Step]) -> Vec<click::Model> {
        let mut clicks: Vec<click::Model> = Vec::new();
        for step in steps {
            let again = step.again.filter(|_| !clicks.is_empty());
            let click = match again {
                Some(index) => index.get(&clicks).clone(),
                None => self.click(step),
            };
            clicks.push(click);
        }
        clicks
    }

    fn click(&self, step: &Step) -> click::Model {
        let mut parameters = serde_json::Map::new();
        for (name, value) in [("sub1", step.sub1), ("source", step.source)] {
            parameters.extend(value.map(|value| (name.to_owned(), Value::from(value))));
        }
        click::Model {
            clicked_at: Timestamp::from_millis(step.millis),
            bot_reason: step.reason,
            bot_kind: step.kind,
            visitor: step.visitor,
            country: step.country.map(str::to_owned),
            user_agent_id: step.agent.map(|silent| self.agents[usize::from(silent)].id),
            referrer: step.referrer.map(str::to_owned),
            parameters: (!parameters.is_empty()).then_some(Value::Object(parameters)),
            ..a_click(self.links[step.link].id, (step.millis - START.millis()) / 1000)
        }
    }

    /// What is known of stored clicks, each once.
    pub(super) fn known(&self, stored: &[click::Model]) -> Vec<Known> {
        let (mut seen, mut visitors) = (Vec::new(), Vec::new());
        let mut known = Vec::new();
        for click in stored {
            let link = click.short_link_id;
            if seen.contains(&(link, click.id)) {
                continue;
            }
            seen.push((link, click.id));
            let visitor = click.visitor.filter(|_| click.bot_reason.is_none());
            let first = visitor
                .map(|visitor| (link, visitor))
                .filter(|first| !visitors.contains(first));
            visitors.extend(first);
            let link = self.links.iter().find(|one| one.id == link).expect("a link");
            let agent = self
                .agents
                .iter()
                .find(|agent| Some(agent.id) == click.user_agent_id);
            known.push(Known {
                click: click.clone(),
                link: link.clone(),
                agent: agent.cloned(),
                is_unique: first.is_some(),
                is_own: link.account_id == self.account(),
            });
        }
        known
    }
}
