//! What the sums of clicks are, and what a recount of the raw rows says they have to be.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use entity::{
    AccountId, StoredVerdict, click, click_column, link_click, short_link, subject_quarter, subject_total,
    user_agent,
};
use linkhop::clicks::columns::{COLUMNS, Chunk, Column, Fact, TEXTS, parameter};
use sea_orm::{ConnectionTrait, EntityTrait as _, IntoActiveModel, QueryOrder as _};
use uuid::Uuid;

use super::TestApp;

/// What is summed of clicks beside each link's own totals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// What chunks hold, in the order of accounts and rows.
    pub facts: Vec<Fact>,
    /// The sums of subjects.
    pub totals: Vec<subject_total::Model>,
    /// The same by quarter of an hour.
    pub quarters: Vec<subject_quarter::Model>,
}

impl Sums {
    /// Writes them into tables that have nothing.
    pub async fn write(self, db: &impl ConnectionTrait) {
        let day = |fact: &&Fact| (fact.account, fact.day());
        let mut days: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for fact in &self.facts {
            days.entry(day(&fact)).or_default().push(fact);
        }
        for ((account, day), facts) in days {
            let last = facts.last().expect("a fact").seq;
            let chunk = Chunk::of(&facts).expect("rows that are close");
            let rows = chunk.write().map(|(column, data)| click_column::Model {
                account_id: account,
                day,
                chunk: last,
                name: column.number(),
                clicks: i32::try_from(chunk.clicks()).expect("a number"),
                data,
            });
            let insert = click_column::Entity::insert_many(rows.map(IntoActiveModel::into_active_model));
            insert.exec_without_returning(db).await.expect("a chunk");
        }
        for total in self.totals {
            let row = total.into_active_model();
            let insert = subject_total::Entity::insert(row);
            insert.exec_without_returning(db).await.expect("a total");
        }
        for quarter in self.quarters {
            let row = quarter.into_active_model();
            let insert = subject_quarter::Entity::insert(row);
            insert.exec_without_returning(db).await.expect("a quarter");
        }
    }
}

impl TestApp {
    /// What the chunks of an account say of its clicks, in the order of rows; fails if they are not as chunks have to be.
    pub async fn facts(&self, account: AccountId) -> Vec<Fact> {
        let mut facts: Vec<_> = self.all_facts().await;
        facts.retain(|fact| fact.account == account);
        facts
    }

    /// How many clicks the chunks of each account's day have, the earliest first.
    pub async fn chunk_sizes(&self) -> BTreeMap<(AccountId, i32), Vec<usize>> {
        let mut sizes: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for ((account, day, _), chunk) in self.chunks().await {
            sizes.entry((account, day)).or_default().push(chunk.clicks());
        }
        sizes
    }

    /// All that is summed beside the totals of links.
    pub async fn sums(&self) -> Sums {
        let db = &self.store().read;
        let totals = subject_total::Entity::find().all(db).await.expect("totals");
        let quarters = subject_quarter::Entity::find().all(db).await.expect("quarters");
        let mut sums = Sums {
            facts: self.all_facts().await,
            totals,
            quarters,
        };
        sums.totals.sort_by_key(|total| total.subject_id);
        sums.quarters
            .sort_by_key(|quarter| (quarter.subject_id, quarter.quarter));
        sums
    }

    /// What has to be summed of the raw rows up to this one.
    pub async fn recount(&self, through: i64) -> Sums {
        let db = &self.store().read;
        let links = short_link::Entity::find().all(db).await.expect("links");
        let links: HashMap<_, _> = links.into_iter().map(|link| (link.id, link)).collect();
        let agents = user_agent::Entity::find().all(db).await.expect("agents");
        let agents: HashMap<_, _> = agents.into_iter().map(|agent| (agent.id, agent)).collect();
        let (mut seen, mut visitors) = (BTreeSet::new(), BTreeSet::new());
        let mut sums = Sums::default();
        for click in self.clicks().await {
            let key = click.short_link_id;
            if click.seq > through || !seen.insert((key, click.id)) {
                continue;
            }
            let is_unique = click.bot_reason.is_none()
                && click
                    .visitor
                    .is_some_and(|visitor| visitors.insert((key, visitor)));
            if let Some(link) = links.get(&key) {
                let agent = click.user_agent_id.and_then(|id| agents.get(&id));
                sums.facts.push(fact(&click, link, agent, is_unique));
            }
        }
        sums.add_up();
        sums
    }

    async fn all_facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        for ((account, day, last), chunk) in self.chunks().await {
            let found = decode(account, day, &chunk);
            assert_eq!(found.last().map(|fact| fact.seq), Some(last));
            assert!(found.is_sorted_by(|one, other| one.seq < other.seq));
            assert!(found.iter().all(|fact| fact.day() == day));
            facts.extend(found);
        }
        facts.sort_by_key(|fact| (fact.account, fact.seq));
        facts
    }

    async fn chunks(&self) -> BTreeMap<(AccountId, i32, i64), Chunk> {
        let rows = click_column::Entity::find().order_by_asc(click_column::Column::Name);
        let rows = rows.all(&self.store().read).await.expect("columns");
        let mut chunks = BTreeMap::new();
        for row in rows {
            let clicks = usize::try_from(row.clicks).expect("a number");
            let key = (row.account_id, row.day, row.chunk);
            let chunk = chunks.entry(key).or_insert_with(|| Chunk::empty(clicks));
            assert_eq!(chunk.clicks(), clicks);
            let column = Column::from_number(row.name).expect("a column");
            chunk.read(column, &row.data).expect("its data");
        }
        chunks
    }

    /// What is noted of each click by link: fails unless it is what the chunks say.
    pub async fn expect_links_and_chunks_to_agree(&self) {
        let noted = link_click::Entity::find().all(&self.store().read).await;
        let mut noted: Vec<_> = noted.expect("clicks of links").into_iter().collect();
        noted.sort_by_key(|click| click.seq);
        let mut facts = self.all_facts().await;
        facts.sort_by_key(|fact| fact.seq);
        let of_link =
            |click: &link_click::Model| (click.seq, click.short_link_id, click.clicked_at, click.verdict);
        let of_fact = |fact: &Fact| (fact.seq, fact.link, fact.clicked_at, fact.verdict);
        assert_eq!(
            noted.iter().map(of_link).collect::<Vec<_>>(),
            facts.iter().map(of_fact).collect::<Vec<_>>()
        );
    }
}

impl Sums {
    /// Makes the sums of the facts.
    fn add_up(&mut self) {
        let (mut totals, mut quarters) = (BTreeMap::new(), BTreeMap::new());
        for fact in &self.facts {
            let subjects = [
                Some(Uuid::from(fact.account)),
                Some(fact.list.into()),
                Some(fact.domain.into()),
                fact.offer.map(Into::into),
            ];
            for subject_id in subjects.into_iter().flatten() {
                let time = fact.clicked_at;
                let quarter = time.millis().div_euclid(900_000);
                let quarter = i32::try_from(quarter).expect("a number");
                let total = totals.entry(subject_id).or_insert(subject_total::Model {
                    subject_id,
                    clicks: 0,
                    human_clicks: 0,
                    unique_clicks: 0,
                    first_clicked_at: time,
                    last_clicked_at: time,
                });
                total.clicks += 1;
                total.human_clicks += i64::from(fact.verdict.is_human());
                total.unique_clicks += i64::from(fact.verdict.is_unique());
                total.first_clicked_at = total.first_clicked_at.min(time);
                total.last_clicked_at = total.last_clicked_at.max(time);
                let part = quarters
                    .entry((subject_id, quarter))
                    .or_insert(subject_quarter::Model {
                        subject_id,
                        quarter,
                        clicks: 0,
                        human_clicks: 0,
                        unique_clicks: 0,
                        first_clicked_at: time,
                        last_clicked_at: time,
                    });
                part.clicks += 1;
                part.human_clicks += i64::from(fact.verdict.is_human());
                part.unique_clicks += i64::from(fact.verdict.is_unique());
                part.first_clicked_at = part.first_clicked_at.min(time);
                part.last_clicked_at = part.last_clicked_at.max(time);
            }
        }
        self.totals = totals.into_values().collect();
        self.quarters = quarters.into_values().collect();
        self.facts.sort_by_key(|fact| (fact.account, fact.seq));
    }
}

fn fact(
    click: &click::Model,
    link: &short_link::Model,
    agent: Option<&user_agent::Model>,
    is_unique: bool,
) -> Fact {
    let given = |name| parameter(click.parameters.as_ref(), name);
    let texts = TEXTS.map(|column| match column {
        Column::Country => click.country.as_deref(),
        Column::Device => agent?.device.as_deref(),
        Column::Os => agent?.os.as_deref(),
        Column::Browser => agent?.browser.as_deref(),
        Column::Referrer => click.referrer.as_deref(),
        Column::Sub1 => given("sub1"),
        Column::Sub2 => given("sub2"),
        Column::Sub3 => given("sub3"),
        Column::Sub4 => given("sub4"),
        Column::Sub5 => given("sub5"),
        Column::Source => given("source"),
        _ => panic!("{column:?} is no text"),
    });
    Fact {
        seq: click.seq,
        clicked_at: click.clicked_at,
        verdict: StoredVerdict::new(click.bot_reason, click.bot_kind, is_unique),
        account: link.account_id,
        link: link.id,
        list: link.sending_list_id,
        offer: link.offer_id,
        domain: link.domain_id,
        texts: texts.map(|text| text.map(Arc::from)),
    }
}

/// All clicks of a chunk.
fn decode(account: AccountId, day: i32, chunk: &Chunk) -> Vec<Fact> {
    let word = |column, at: usize| {
        let words = chunk.words(column)?;
        words.word(words.codes[at])
    };
    let id = |column, at| word(column, at).map(|id| Uuid::from_slice(id).expect("an id"));
    let seqs: Vec<_> = chunk.seqs().collect();
    assert_eq!(seqs.len(), chunk.clicks());
    assert_eq!(COLUMNS, TEXTS.len() + 7);
    let begin = i64::from(day) * 86_400_000;
    let facts = seqs.into_iter().enumerate().map(|(at, seq)| Fact {
        seq,
        clicked_at: entity::Timestamp::from_millis(begin + i64::from(chunk.times()[at])),
        verdict: chunk.verdicts()[at],
        account,
        link: id(Column::Link, at).expect("a link").into(),
        list: id(Column::List, at).expect("a list").into(),
        offer: id(Column::Offer, at).map(Into::into),
        domain: id(Column::Domain, at).expect("a domain").into(),
        texts: TEXTS.map(|column| {
            let text = word(column, at)?;
            Some(Arc::from(std::str::from_utf8(text).expect("a text")))
        }),
    });
    facts.collect()
}
