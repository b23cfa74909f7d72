//! What `scripts/bench reports` begins with: fills a new database with links and a history of their clicks.
//!
//! `clicks URL CLICKS LINKS` makes the tables, two accounts with all that links belong to, so many links and so many
//! clicks, all from a seed: the same ones in `SQLite` and `PostgreSQL`, in each run. Nothing is summed: the server does
//! that when it is started. It prints one JSON object with a key of the first account and what reports are asked about.
//!
//! `clicks URL explain` asks such a database what standard input holds and prints the plans of the statements.

mod catalog;
mod history;
mod plans;
#[path = "../random/mod.rs"]
mod random;
mod write;

use std::{io::Write as _, time::Instant};

use anyhow::{Context as _, Result};
use entity::{Timestamp, agent_list, user_agent};
use linkhop::store::{Options, Store};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, EntityTrait as _, IntoActiveModel as _};
use serde_json::json;
use uuid::Uuid;

use self::{catalog::Catalog, history::History, random::Random};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many days the history has.
const DAYS: i64 = 90;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// The end of the history: midnight of 2026-11-23 in Berlin, so that summer time ends within it.
const END: Timestamp = Timestamp::from_millis(1_795_388_400_000);

/// How many clicks are made before they are stored together.
const LOT: usize = 50_000;

/// The id of what was made at a moment, the rest of it drawn: `UUIDv7`.
fn id(random: &mut Random, at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.millis()).unwrap_or_default();
    let (high, low) = (random.next() & 0xFFF, random.next() >> 2);
    Uuid::from_u64_pair(millis << 16 | 7 << 12 | high, 1 << 63 | low)
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [url, what] = arguments.as_slice()
        && what == "explain"
    {
        let store = Store::connect(url, &Options::default()).await?;
        write!(std::io::stdout(), "{}", plans::explain(store).await?)?;
        return Ok(());
    }
    let [url, clicks, links] = arguments.as_slice() else {
        // `cargo bench` comes here: it has no database to give.
        writeln!(
            std::io::stderr(),
            "clicks URL CLICKS LINKS; scripts/bench reports starts it"
        )?;
        return Ok(());
    };
    let (clicks, links): (u32, u32) = (clicks.parse()?, links.parse()?);
    let options = Options {
        create: true,
        ..Options::default()
    };
    let store = Store::connect(url, &options).await?;
    store.migrate_up().await?;
    let begin = Instant::now();
    let mut random = Random(5);
    let catalog = Catalog::make(&store, &mut random, links).await?;
    let mut history = History::new(&catalog.links, clicks, random);
    store_texts(&store, &history).await?;
    let mut writer = write::Writer::open(&store, url)?;
    let mut lot = Vec::with_capacity(LOT);
    loop {
        lot.extend(history.by_ref().take(LOT));
        if lot.is_empty() {
            break;
        }
        writer.append(&lot).await?;
        lot.clear();
    }
    writer.finish()?;
    if store.write.get_database_backend() == DatabaseBackend::Postgres {
        // What autovacuum does by and by.
        store.write.execute_unprepared("VACUUM ANALYZE").await?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    writeln!(
        std::io::stderr(),
        "{links} links and {clicks} clicks made in {seconds:.0} s"
    )?;
    let usual = catalog.links.get(catalog.links.len() / 2).context("links")?;
    let hot = catalog.links.first().context("links")?;
    let said = json!({
        "apiKey": catalog.key,
        "end": END.utc(),
        "days": DAYS,
        "usualLink": usual.id.to_string(),
        "hotLink": hot.id.to_string(),
        "offer": catalog.offer.to_string(),
        "list": catalog.list.0.to_string(),
        "listId": catalog.list.1,
        "domain": catalog.domain.to_string(),
        "rareCountry": history::RARE_COUNTRY,
        "codes": catalog.codes,
    });
    writeln!(std::io::stdout(), "{said}")?;
    Ok(())
}

/// Stores what clicks name by a number: agents and the list that judged them.
async fn store_texts(store: &Store, history: &History<'_>) -> Result<()> {
    for agents in history.agents().chunks(500) {
        let rows = agents.iter().map(|agent| agent.row.as_ref().clone());
        user_agent::Entity::insert_many(rows.map(user_agent::Model::into_active_model))
            .on_conflict_do_nothing()
            .exec_without_returning(&store.write)
            .await?;
    }
    agent_list::Entity::insert(history.list().clone().into_active_model())
        .exec_without_returning(&store.write)
        .await?;
    Ok(())
}
