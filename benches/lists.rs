//! What `scripts/bench-lists` runs: what a page of links costs among ten thousand and among a million.
//!
//! The links come from a seeded generator, straight into a database of their own; pages are asked for over HTTP, and
//! the statement that answered is then explained by the database. Beside each other: the first page, and the one that
//! is furthest from it.
//!
//! With `costs` first: what the indexes of lists cost a link that is stored in `SQLite`.

mod random;

use std::{
    fmt::Write as _,
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use entity::{
    DomainId, OfferId, SendingListId, ShortLinkId, Timestamp, account, api_key, domain, offer, sending_list,
    short_link,
};
use linkhop::{
    accounts::{self, Granter, NewApiKey},
    app::{self, App, Clock},
    http::{Settings, State, router},
    store::{Options, Store},
};
use reqwest::Client;
use sea_orm::{
    ActiveEnum as _, ConnectionTrait as _, Database, DatabaseBackend, EntityTrait as _, IntoActiveModel as _,
    Statement, TransactionTrait as _,
};
use serde_json::{Value, json};
use uuid::Uuid;

use self::random::Random;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many links there are, in one database each.
const SIZES: [u32; 2] = [10_000, 1_000_000];

/// When the last link was made; the others were made in the 90 days before.
const NOW: i64 = 1_795_435_200_000;

const DAYS: i64 = 90 * 86_400_000;

/// How often a page is asked for; the median counts.
const RUNS: usize = 9;

/// Where the databases are to be: a folder, or the URL of a `PostgreSQL` server.
enum Place {
    Folder(String),
    Server(String),
}

#[tokio::main]
async fn main() -> Result<()> {
    let place = match (
        std::env::args().nth(1),
        std::env::var("LINKHOP_TEST_DATABASE_URL"),
    ) {
        (Some(folder), _) if folder != "--bench" => Place::Folder(folder),
        (_, Ok(server)) => Place::Server(server),
        // `cargo bench` comes here: it has no database to give.
        _ => {
            writeln!(std::io::stderr(), "lists FOLDER; scripts/bench-lists starts it")?;
            return Ok(());
        }
    };
    if let (Place::Folder(folder), Some("costs")) = (&place, std::env::args().nth(2).as_deref()) {
        return costs(folder).await;
    }
    let mut measured = Vec::new();
    for links in SIZES {
        measured.push(
            measure(&place, links)
                .await
                .with_context(|| format!("{links} links"))?,
        );
    }
    let mut table = String::new();
    for (at, name) in cases().iter().map(|case| case.name).enumerate() {
        let (few, many) = (&measured[0][at], &measured[1][at]);
        let milliseconds = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1000.0);
        writeln!(
            table,
            "| {name} | {} | {} | {} | {} | {} | {} | {} |",
            many.total,
            milliseconds(few.first),
            milliseconds(many.first),
            milliseconds(few.deep),
            milliseconds(many.deep),
            milliseconds(many.count),
            many.plan,
        )?;
    }
    let mut out = std::io::stdout();
    writeln!(
        out,
        "| links | of a million | first page, 10,000 | first page, 1 million | last page, 10,000 | last page, 1 million | counted, 1 million | plan |\n\
         |---|--:|--:|--:|--:|--:|--:|---|\n{table}"
    )?;
    Ok(())
}

/// A list that is asked for.
struct Case {
    name: &'static str,
    filter: Value,
    order: &'static str,
}

/// What one list costs.
struct Measured {
    total: i64,
    first: Duration,
    deep: Duration,
    count: Duration,
    plan: String,
}

/// Ids are filled in by [`Seed::filter`].
fn cases() -> Vec<Case> {
    let case = |name, filter| Case {
        name,
        filter,
        order: "NEWEST_FIRST",
    };
    let metadata = |key: &str, value: Value| json!({"metadata": {"key": key, "value": value}});
    vec![
        case("all", json!({})),
        Case {
            order: "OLDEST_FIRST",
            ..case("all, oldest first", json!({}))
        },
        case("one of 50 lists", json!({"listId": 7})),
        case("one of 100 offers", json!({"offerId": 7})),
        case("one of 5 domains", json!({"domainId": 2})),
        case("one recipient", json!({"contactPhone": "+12025550007"})),
        case("ACTIVE", json!({"status": ["ACTIVE"]})),
        case("EXPIRED", json!({"status": ["EXPIRED"]})),
        case("DISABLED", json!({"status": ["DISABLED"]})),
        case("ARCHIVED", json!({"status": ["ARCHIVED"]})),
        case(
            "one day, two months ago",
            json!({"createdFrom": "2026-09-23T00:00:00Z", "createdBefore": "2026-09-24T00:00:00Z"}),
        ),
        case("metadata in half of all", metadata("campaign", json!("spring"))),
        case("metadata in one of 5,000", metadata("segment", json!(77))),
        case("metadata in none", metadata("segment", json!("none"))),
        case("word in two thirds", json!({"search": "shoes"})),
        case("beginning of that", json!({"search": "sho"})),
        case("word in one of 10,000", json!({"search": "clearance"})),
        case("two words, each in many", json!({"search": "shoes spring"})),
        case("word in none", json!({"search": "nowhere"})),
        case(
            "domain and word in one of 10,000",
            json!({"domainId": 2, "search": "clearance"}),
        ),
        case(
            "list, metadata and word",
            json!({"listId": 7, "metadata": {"key": "campaign", "value": "spring"}, "search": "shoes"}),
        ),
    ]
}

/// What the links of an account belong to.
struct Seed {
    account: account::Model,
    domains: Vec<domain::Model>,
    lists: Vec<sending_list::Model>,
    offers: Vec<offer::Model>,
}

impl Seed {
    /// An account with all that links belong to, stored.
    async fn make(store: &Store, name: &str) -> Result<Self> {
        let now = Timestamp::from_millis(NOW - DAYS - 1);
        let account = accounts::create(&store.write, name, &[account::Product::Sms], now).await??;
        let domains: Vec<_> = (0..5)
            .map(|number| domain::Model {
                id: DomainId::at(now),
                account_id: account.id,
                host: format!("go{number}.{name}.example"),
                scheme: domain::Scheme::Https,
                status: domain::Status::Active,
                root_url: None,
                fallback_url: None,
                created_at: now,
            })
            .collect();
        let lists: Vec<_> = (0..50)
            .map(|number| sending_list::Model {
                id: SendingListId::at(now),
                account_id: account.id,
                list_id: number,
                phone_number: format!("+1800555{number:04}"),
                brand_name: format!("Brand {number}"),
                status: sending_list::Status::Active,
                metadata: json!({}),
                domain_id: None,
                created_at: now,
            })
            .collect();
        let offers: Vec<_> = (0..100)
            .map(|number| offer::Model {
                id: OfferId::at(now),
                account_id: account.id,
                name: format!("Offer {number}"),
                tracking_url: "https://tune.example.com/aff_c".to_owned(),
                platform: None,
                external_id: None,
                payout: None,
                payout_currency: None,
                payout_type: None,
                filter_bots: None,
                status: offer::Status::Active,
                metadata: json!({}),
                created_at: now,
            })
            .collect();
        let db = &store.write;
        domain::Entity::insert_many(domains.iter().cloned().map(domain::Model::into_active_model))
            .exec_without_returning(db)
            .await?;
        sending_list::Entity::insert_many(lists.iter().cloned().map(sending_list::Model::into_active_model))
            .exec_without_returning(db)
            .await?;
        offer::Entity::insert_many(offers.iter().cloned().map(offer::Model::into_active_model))
            .exec_without_returning(db)
            .await?;
        Ok(Self {
            account,
            domains,
            lists,
            offers,
        })
    }

    /// One link of a day like any other.
    fn link(&self, random: &mut Random, created_at: Timestamp) -> short_link::Model {
        let page = if random.one_in(10_000) {
            "clearance"
        } else {
            ["shoes", "shoes", "hats"][random.below(3)]
        };
        let season = ["spring", "summer"][random.below(2)];
        let (item, segment, vip) = (random.below(100_000), random.below(5000), random.one_in(2));
        let expires_at = random
            .one_in(20)
            .then(|| Timestamp::from_millis(NOW + if vip { DAYS } else { -1 }));
        short_link::Model {
            id: ShortLinkId::at(created_at),
            account_id: self.account.id,
            domain_id: self.domains[random.below(5)].id,
            code: random.code(),
            destination: format!("https://shop.example.com/{season}/{page}/{item}?utm_source=sms"),
            sending_list_id: self.lists[random.below(50)].id,
            offer_id: (!random.one_in(3)).then(|| self.offers[random.below(100)].id),
            contact_phone: (!random.one_in(3))
                .then(|| format!("+1202{:07}", 5_550_000 + random.below(200_000))),
            metadata: json!({"campaign": season, "segment": segment, "vip": vip}),
            filter_bots: false,
            status: match random.below(200) {
                0 => short_link::Status::Archived,
                1 => short_link::Status::Disabled,
                _ => short_link::Status::Active,
            },
            expires_at,
            max_clicks: None,
            fallback_url: None,
            created_at,
            exhausted_at: None,
            api_key_id: None,
        }
    }

    /// A case's filter with ids in place of numbers.
    fn filter(&self, filter: &Value) -> Value {
        let mut filter = filter.clone();
        let number = |value: &Value| usize::try_from(value.as_u64()?).ok();
        if let Some(number) = number(&filter["offerId"]) {
            filter["offerId"] = json!(self.offers[number].id.to_string());
        }
        if let Some(number) = number(&filter["domainId"]) {
            filter["domainId"] = json!(self.domains[number].id.to_string());
        }
        filter
    }
}

/// Fills a database with links: one of ten belongs to another account.
async fn seed(store: &Store, links: u32) -> Result<Seed> {
    let (one, other) = (Seed::make(store, "one").await?, Seed::make(store, "other").await?);
    let mut random = Random(7);
    let mut lot = Vec::with_capacity(1000);
    for number in 0..links {
        let age = DAYS * i64::from(links - number) / i64::from(links);
        let owner = if random.one_in(10) { &other } else { &one };
        lot.push(owner.link(&mut random, Timestamp::from_millis(NOW - age)));
        if lot.len() == 1000 || number + 1 == links {
            let rows = lot.drain(..).map(short_link::Model::into_active_model);
            short_link::Entity::insert_many(rows)
                .exec_without_returning(&store.write)
                .await?;
        }
    }
    if store.write.get_database_backend() == DatabaseBackend::Postgres {
        // What autovacuum does by and by.
        store.write.execute_unprepared("VACUUM ANALYZE").await?;
    }
    Ok(one)
}

/// Asks for pages, and knows the statements that answered.
struct Asker {
    http: Client,
    url: String,
    key: String,
    statements: Arc<Mutex<Vec<Statement>>>,
}

impl Asker {
    async fn ask(&self, selection: &str, case: &Case, page: &str) -> Result<(Value, Duration)> {
        let query = format!(
            "query($filter: ShortLinkFilter, $orderBy: ShortLinkOrder) {{
                shortLinks(filter: $filter, orderBy: $orderBy, {page}) {{ {selection} }} }}"
        );
        let body = json!({"query": query, "variables": {"filter": case.filter, "orderBy": case.order}});
        let request = self
            .http
            .post(&self.url)
            .header("x-api-key", &self.key)
            .json(&body);
        let begin = Instant::now();
        let answer: Value = request.send().await?.json().await?;
        let time = begin.elapsed();
        if answer.get("errors").is_some() {
            bail!("{} {page}: {answer}", case.name);
        }
        Ok((answer["data"]["shortLinks"].clone(), time))
    }

    /// The median of some runs after one that fills the caches.
    async fn time(&self, selection: &str, case: &Case, page: &str) -> Result<(Value, Duration)> {
        let (answer, first) = self.ask(selection, case, page).await?;
        let runs = if first > Duration::from_secs(1) { 1 } else { RUNS };
        let mut times = Vec::new();
        for _ in 0..runs {
            times.push(self.ask(selection, case, page).await?.1);
        }
        times.sort();
        Ok((answer, times[runs / 2]))
    }

    async fn measure(&self, store: &Store, case: &Case) -> Result<Measured> {
        let nodes = "nodes { id linkId destinationUrl status createdAt } pageInfo { endCursor }";
        let (_, first) = self.time(nodes, case, "first: 50").await?;
        let statement = self
            .statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .last()
            .cloned();
        let plan = explain(store, statement.context("no statement was seen")?).await?;
        // The page before the list's last fifty rows ends where these begin.
        let (end, _) = self.ask("edges { cursor }", case, "last: 51").await?;
        let after = match &end["edges"][0]["cursor"] {
            Value::Null => String::new(),
            cursor => format!(", after: {cursor}"),
        };
        let (_, deep) = self.time(nodes, case, &format!("first: 50{after}")).await?;
        let (total, count) = self.time("totalCount", case, "first: 1").await?;
        Ok(Measured {
            total: total["totalCount"].as_i64().unwrap_or_default(),
            first,
            deep,
            count,
            plan,
        })
    }
}

/// How the database goes about a statement, in one line.
async fn explain(store: &Store, mut statement: Statement) -> Result<String> {
    let is_sqlite = statement.db_backend == DatabaseBackend::Sqlite;
    statement.sql = if is_sqlite {
        format!("EXPLAIN QUERY PLAN {}", statement.sql)
    } else {
        format!("EXPLAIN (COSTS OFF) {}", statement.sql)
    };
    let transaction = store.write.begin().await?;
    let rows = transaction.query_all_raw(statement).await?;
    let mut lines = Vec::new();
    for row in rows {
        let line: String = row.try_get_by_index(if is_sqlite { 3 } else { 0 })?;
        let line = line.trim().trim_start_matches("->").trim().to_owned();
        let is_node = ["Scan", "Sort", "And", "Or"]
            .iter()
            .any(|word| line.contains(word));
        if is_sqlite || (is_node && !line.contains(':')) {
            lines.push(line);
        }
    }
    Ok(lines.join("; "))
}

/// What each index costs a link, in CPU time, where twenty are stored by one transaction as the writer does.
async fn costs(folder: &str) -> Result<()> {
    const LINKS: u32 = 100_000;
    const LOT: usize = 20;
    const NO_TRIGGERS: &str = "DROP TRIGGER short_link_inserted;";
    const BY_LOT: &str = "INSERT INTO short_link_index (rowid, terms) \
        SELECT seq, terms FROM short_link_terms WHERE seq > ?1";
    let without = |name| format!("DROP INDEX {name};");
    let (account, status, expiry) = (
        without("short_link_account_idx"),
        without("short_link_status_idx"),
        without("short_link_expiry_idx"),
    );
    let mut out = std::io::stdout();
    writeln!(out, "| indexes of lists | CPU µs a link | MiB |\n|---|--:|--:|")?;
    for (at, (name, changes, by_lot)) in [
        ("none", format!("{NO_TRIGGERS}{account}{status}{expiry}"), false),
        (
            "the account's links",
            format!("{NO_TRIGGERS}{status}{expiry}"),
            false,
        ),
        ("and those of few links", NO_TRIGGERS.to_owned(), false),
        ("and the inverted one, by lot", NO_TRIGGERS.to_owned(), true),
        ("and the inverted one, by triggers", String::new(), false),
    ]
    .into_iter()
    .enumerate()
    {
        let file = format!("{folder}/costs-{at}.db");
        let options = Options {
            create: true,
            ..Options::default()
        };
        let store = Store::connect(&format!("sqlite://{file}"), &options).await?;
        store.migrate_up().await?;
        let seed = Seed::make(&store, "one").await?;
        store.write.execute_unprepared(&changes).await?;
        let mut random = Random(7);
        let links: Vec<_> = (0..LINKS)
            .map(|number| seed.link(&mut random, Timestamp::from_millis(NOW + i64::from(number))))
            .collect();
        let mut db = rusqlite::Connection::open(&file)?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        let before = cpu_time()?;
        for lot in links.chunks(LOT) {
            let transaction = db.transaction()?;
            let last: i64 =
                transaction.query_row("SELECT coalesce(max(seq), 0) FROM short_link", [], |row| {
                    row.get(0)
                })?;
            for link in lot {
                insert(&transaction, link)?;
            }
            if by_lot {
                transaction.prepare_cached(BY_LOT)?.execute([last])?;
            }
            transaction.commit()?;
        }
        let micros = cpu_time()?.saturating_sub(before).as_secs_f64() * 1e6 / f64::from(LINKS);
        drop(db);
        let mebibytes = std::fs::metadata(&file)?.len() >> 20;
        writeln!(out, "| {name} | {micros:.1} | {mebibytes} |")?;
    }
    Ok(())
}

fn insert(db: &rusqlite::Connection, link: &short_link::Model) -> Result<()> {
    let sql = "INSERT INTO short_link (id, account_id, domain_id, code, destination, sending_list_id, offer_id, \
        contact_phone, metadata, filter_bots, status, expires_at, created_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING";
    db.prepare_cached(sql)?.execute(rusqlite::params![
        Uuid::from(link.id).as_bytes(),
        Uuid::from(link.account_id).as_bytes(),
        Uuid::from(link.domain_id).as_bytes(),
        link.code,
        link.destination,
        Uuid::from(link.sending_list_id).as_bytes(),
        link.offer_id.map(|id| Uuid::from(id).into_bytes()),
        link.contact_phone,
        link.metadata.to_string(),
        link.filter_bots,
        link.status.to_value(),
        link.expires_at.map(Timestamp::millis),
        link.created_at.millis(),
    ])?;
    Ok(())
}

/// The CPU time that this process has used, in hundredths of a second as Linux counts them.
fn cpu_time() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("Linux's figures of the process")?;
    // The name stands in parentheses and may hold anything, so count from the last one.
    let (_, fields) = stat.rsplit_once(')').context("a process's figures")?;
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().unwrap_or_default())
        .sum();
    Ok(Duration::from_millis(ticks * 10))
}

async fn measure(place: &Place, links: u32) -> Result<Vec<Measured>> {
    let url = match place {
        Place::Folder(folder) => format!("sqlite://{folder}/lists-{links}.db"),
        Place::Server(server) => {
            let admin = Database::connect(server).await?;
            let name = format!("lists_{links}");
            admin
                .execute_unprepared(&format!("CREATE DATABASE {name}"))
                .await?;
            let (server, _) = server.rsplit_once('/').context("a URL with a database")?;
            format!("{server}/{name}")
        }
    };
    let options = Options {
        create: true,
        ..Options::default()
    };
    let mut store = Store::connect(&url, &options).await?;
    store.migrate_up().await?;
    let begin = Instant::now();
    let seed = seed(&store, links).await?;
    writeln!(
        std::io::stderr(),
        "{links} links made in {:.0} s",
        begin.elapsed().as_secs_f64()
    )?;
    let new = NewApiKey {
        name: "bench".to_owned(),
        scopes: vec![api_key::Scope::Read],
        expires_at: None,
    };
    let now = Timestamp::from_millis(NOW);
    let (_, key) = accounts::create_key(
        &store.write,
        Granter::Operator(seed.account.id),
        new,
        nanoid::rngs::default,
        now,
    )
    .await?;
    let statements = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&statements);
    store.read.set_metric_callback(move |info| {
        let mut recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.push(info.statement.clone());
    });
    let app = App::start(store.clone(), app::Options::default(), Clock::new(move || now)).await?;
    let router = router(State::new(app, Settings::default()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let asker = Asker {
        http: Client::new(),
        url: format!("http://{}/graphql", listener.local_addr()?),
        key: key.expose().to_owned(),
        statements,
    };
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut measured = Vec::new();
    for mut case in cases() {
        case.filter = seed.filter(&case.filter);
        measured.push(asker.measure(&store, &case).await?);
    }
    server.abort();
    Ok(measured)
}
