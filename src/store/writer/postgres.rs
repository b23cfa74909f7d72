//! Writing to `PostgreSQL` and what speaks its protocol: sets of rows, one statement a table.
//!
//! A set is sent as one JSON parameter, so that the statement's text is the same whatever its size: it is
//! prepared once, and a set costs one round trip.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, LazyLock, atomic::Ordering},
    time::{Duration, Instant},
};

use entity::{
    ShortLinkId, agent_list, audit_entry, click, idempotency_key, link_use, short_link, user_agent,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr,
    EntityTrait, IdenStatic as _, Iterable as _, PrimaryKeyToColumn as _, PrimaryKeyTrait as _,
    QueryFilter as _, QueryResult, QuerySelect as _, Statement, TransactionTrait as _, sea_query::OnConflict,
};
use serde::Serialize;
use tokio::{sync::mpsc, time::sleep};

use super::{
    Done, Kept, LOT, NewLink, NewLinks, Outcome, UsedKey, WriteError,
    lot::{Asked, Lot, Lots, Message, Write, failed, is_tried_alone},
    texts::{KnownTexts, NewTexts},
};
use crate::store::{again, met_another, transaction::said_by_database};

/// How much longer links wait than it took to store some of them while clicks were stored too: visitors need the processors
/// of this server and of the database's.
const GIVE_WAY: u32 = 2;

/// How long they wait at most: it may have taken so long because of something else.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Writes to a `PostgreSQL` database.
#[derive(Debug)]
pub(super) struct PostgresWriter {
    db: DatabaseConnection,
    known: KnownTexts,
}

impl PostgresWriter {
    pub(super) fn new(db: DatabaseConnection) -> Self {
        Self {
            db,
            known: KnownTexts::default(),
        }
    }

    /// Stores what comes until nobody is left to send. Where it `gives_way`, it rests after each lot during which another
    /// writer was at work.
    pub(super) async fn write_all(
        mut self,
        mut waiting: mpsc::Receiver<Message>,
        lots: Arc<Lots>,
        gives_way: bool,
    ) {
        let mut messages = Vec::with_capacity(LOT);
        while waiting.recv_many(&mut messages, LOT).await > 0 {
            let lot = Lot::of(&mut messages);
            let (begin, before) = (Instant::now(), lots.count.load(Ordering::Relaxed));
            lot.note(&lots);
            let outcomes = self.store(&lot.writes).await;
            lot.answer(outcomes);
            if gives_way && lots.count.load(Ordering::Relaxed) > before + 1 {
                sleep(rest(begin.elapsed())).await;
            }
        }
    }

    /// Stores writes together; when that fails, each alone where that may help.
    async fn store(&mut self, writes: &[Asked]) -> Vec<Result<Done, WriteError>> {
        match self.store_together(writes).await {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(error) if is_tried_alone(writes) && is_statements(&error) => {
                tracing::warn!(%error, writes = writes.len(), "storing together failed, storing one by one");
                let mut outcomes = Vec::with_capacity(writes.len());
                for write in writes {
                    let alone = self.store_together(std::slice::from_ref(write)).await;
                    outcomes.push(alone.map(|mut outcomes| outcomes.swap_remove(0)));
                }
                outcomes
            }
            Err(error) => failed(writes, error),
        }
    }

    async fn store_together(&mut self, writes: &[Asked]) -> Result<Vec<Done>, WriteError> {
        let texts = NewTexts::among(writes, &self.known);
        let in_the_way = |error: &WriteError| match error {
            WriteError::Database(error) => met_another(error),
            WriteError::GivenUp => true,
            _ => false,
        };
        let done = again(in_the_way, || store_once(&self.db, writes, &texts)).await?;
        self.known.learn(texts.ids());
        Ok(done)
    }
}

/// How long links wait after some that took so long to store.
fn rest(took: Duration) -> Duration {
    (took * GIVE_WAY).min(LONGEST_WAIT)
}

/// Whether a statement failed, and not the connection: that would fail for each of the writes.
fn is_statements(error: &WriteError) -> bool {
    matches!(error, WriteError::Database(error) if said_by_database(error).is_some())
}

async fn store_once(
    db: &DatabaseConnection,
    writes: &[Asked],
    texts: &NewTexts<'_>,
) -> Result<Vec<Done>, WriteError> {
    if texts.is_empty() && is_one_statement(writes) {
        return run(db, writes).await;
    }
    let transaction = db.begin().await?;
    // In the order of their ids, so that two nodes with the same new texts don't wait for each other.
    let mut agents: Vec<_> = texts.agents.values().collect();
    agents.sort_unstable_by_key(|agent| agent.id);
    let mut lists: Vec<_> = texts.lists.values().collect();
    lists.sort_unstable_by_key(|list| list.id);
    if !agents.is_empty() {
        transaction.execute_raw(statement(&AGENTS, &agents)?).await?;
    }
    if !lists.is_empty() {
        transaction.execute_raw(statement(&LISTS, &lists)?).await?;
    }
    let left = || writes.iter().filter(|asked| asked.has_left()).count();
    let before = left();
    let outcomes = run(&transaction, writes).await?;
    if left() > before {
        // While the database kept the statements waiting: what they had taken is given back, and the rest tried again.
        return Err(WriteError::GivenUp);
    }
    transaction.commit().await?;
    Ok(outcomes)
}

/// A statement is atomic by itself: then `BEGIN` and `COMMIT` would be two round trips for nothing.
fn is_one_statement(writes: &[Asked]) -> bool {
    let all = |is: fn(&Write) -> bool| writes.iter().all(|asked| is(&asked.write));
    all(|write| matches!(write, Write::Click(_, None)))
        || all(|write| match write {
            Write::Links(new, ..) => {
                new.entry.subject_id.is_some() && new.links.iter().all(|link| link.key.is_none())
            }
            Write::Click(..) => false,
        })
}

/// Keys first, then the links whose key was free, then what the audit log says of them, then clicks: one statement each.
async fn run(db: &impl ConnectionTrait, writes: &[Asked]) -> Result<Vec<Done>, WriteError> {
    let Stored { links, taken_keys } = insert_links(db, writes).await?;
    let places = take_places(db, writes).await?;
    let kept = |at: usize| places.get(&at).copied().unwrap_or(Kept::Stored);
    let clicks: Vec<&click::Model> = writes
        .iter()
        .enumerate()
        .filter_map(|(at, asked)| match &asked.write {
            Write::Click(click, _) if kept(at) != Kept::Refused => Some(&click.row),
            _ => None,
        })
        .collect();
    if !clicks.is_empty() {
        db.execute_raw(statement(&CLICKS, &clicks)?).await?;
    }
    let outcome = |link: &NewLink| match link.row.id {
        id if taken_keys.contains(&id) => Outcome::KeyTaken,
        id if links.contains(&id) => Outcome::Stored,
        _ => Outcome::CodeTaken,
    };
    let done = |(at, asked): (usize, &Asked)| match &asked.write {
        Write::Links(new, ..) => Done::Links(new.links.iter().map(outcome).collect()),
        Write::Click(..) => Done::Click(kept(at)),
    };
    Ok(writes.iter().enumerate().map(done).collect())
}

/// What became of links.
#[derive(Default)]
struct Stored {
    /// Those that are stored.
    links: HashSet<ShortLinkId>,
    /// Those whose key was used before.
    taken_keys: HashSet<ShortLinkId>,
}

async fn insert_links(db: &impl ConnectionTrait, writes: &[Asked]) -> Result<Stored, WriteError> {
    let sets = writes.iter().filter_map(|asked| match &asked.write {
        Write::Links(new, ..) => Some(new.as_ref()),
        Write::Click(..) => None,
    });
    let sets: Vec<&NewLinks> = sets.collect();
    let all = || sets.iter().flat_map(|new| &new.links);
    let mut stored = Stored::default();
    let keys: Vec<&UsedKey> = all().filter_map(|link| link.key.as_ref()).collect();
    if !keys.is_empty() {
        stored.taken_keys = insert_keys(db, &keys).await?;
    }
    let free = all().filter(|link| !stored.taken_keys.contains(&link.row.id));
    let free: Vec<&NewLink> = free.collect();
    if free.is_empty() {
        return Ok(stored);
    }
    let rows: Vec<_> = free.iter().map(|link| &link.row).collect();
    let (of_one, of_many): (Vec<&NewLinks>, Vec<&NewLinks>) =
        sets.iter().partition(|new| new.entry.subject_id.is_some());
    let entries: Vec<_> = of_one.iter().map(|new| &new.entry).collect();
    stored.links = ids(&db
        .query_all_raw(statement_of(&LINKS, &[json(&rows)?, json(&entries)?]))
        .await?)?;
    // Only successes are kept.
    let unused = free.iter().filter(|link| !stored.links.contains(&link.row.id));
    let unused = unused.filter_map(|link| link.key.as_ref());
    let unused: Vec<_> = unused.map(|key| &key.row).collect();
    if !unused.is_empty() {
        db.execute_raw(statement(DELETE_KEYS, &unused)?).await?;
    }
    let told = of_many.iter().filter_map(|new| {
        let count = new
            .links
            .iter()
            .filter(|link| stored.links.contains(&link.row.id));
        let affected = i32::try_from(count.count()).unwrap_or(i32::MAX);
        (affected > 0).then(|| audit_entry::Model {
            affected,
            ..new.entry.clone()
        })
    });
    let told: Vec<_> = told.collect();
    if !told.is_empty() {
        db.execute_raw(statement(&ENTRIES, &told)?).await?;
    }
    Ok(stored)
}

/// Takes places of the links that have a limit for those clicks that want one, which are named by their position.
///
/// The rows of these links are locked in the order of their ids, so that two nodes don't wait for each other, until the
/// clicks are stored with them: before the links themselves, as whoever changes a limit does too. Whoever takes the last place marks the link.
async fn take_places(
    db: &impl ConnectionTrait,
    writes: &[Asked],
) -> Result<HashMap<usize, Kept>, WriteError> {
    let mut places = HashMap::new();
    let mut asking: BTreeMap<ShortLinkId, Vec<(usize, &click::Model)>> = BTreeMap::new();
    for (at, asked) in writes.iter().enumerate() {
        let Write::Click(click, Some(_)) = &asked.write else {
            continue;
        };
        if asked.is_given_up() {
            places.insert(at, Kept::Refused);
        } else {
            let clicks = asking.entry(click.row.short_link_id).or_default();
            clicks.push((at, &click.row));
        }
    }
    for (link, clicks) in asking {
        let first = link_use::ActiveModel {
            short_link_id: Set(link),
            used: Set(0),
        };
        let once = OnConflict::new().do_nothing().to_owned();
        link_use::Entity::insert(first)
            .on_conflict(once)
            .exec_without_returning(db)
            .await?;
        let row = link_use::Entity::find_by_id(link)
            .lock_exclusive()
            .one(db)
            .await?;
        let before = row.map_or(0, |row| row.used);
        // After the lock, which whoever changes it takes too: a statement that waited would still see what was before.
        let Some(limit) = limit_of(db, link).await? else {
            continue;
        };
        let mut used = before;
        for (at, click) in clicks {
            let kept = if used < limit {
                used += 1;
                if used < limit {
                    Kept::Stored
                } else {
                    Kept::StoredLast
                }
            } else {
                Kept::Refused
            };
            places.insert(at, kept);
            if kept != Kept::Stored {
                short_link::Entity::update_many()
                    .col_expr(short_link::Column::ExhaustedAt, click.clicked_at.into())
                    .filter(short_link::Column::Id.eq(link))
                    .filter(short_link::Column::ExhaustedAt.is_null())
                    .exec(db)
                    .await?;
            }
        }
        if used > before {
            link_use::Entity::update_many()
                .col_expr(link_use::Column::Used, used.into())
                .filter(link_use::Column::ShortLinkId.eq(link))
                .exec(db)
                .await?;
        }
    }
    Ok(places)
}

/// How many people a link lets through now; `None` for any number.
async fn limit_of(db: &impl ConnectionTrait, link: ShortLinkId) -> Result<Option<i32>, DbErr> {
    let sql = "SELECT max_clicks FROM short_link WHERE id = $1";
    let statement = Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, [link.into()]);
    match db.query_one_raw(statement).await? {
        Some(row) => row.try_get_by_index(0),
        None => Ok(None),
    }
}

/// Stores the keys that are free and names the links of those that are not.
async fn insert_keys(
    db: &impl ConnectionTrait,
    keys: &[&UsedKey],
) -> Result<HashSet<ShortLinkId>, WriteError> {
    let rows: Vec<_> = keys.iter().map(|key| &key.row).collect();
    if let Some(forgotten) = keys.iter().map(|key| key.forgotten).max() {
        let values = [forgotten.into(), serde_json::to_string(&rows)?.into()];
        let statement = Statement::from_sql_and_values(DatabaseBackend::Postgres, FORGET_KEYS, values);
        db.execute_raw(statement).await?;
    }
    let stored = ids(&db.query_all_raw(statement(&KEYS, &rows)?).await?)?;
    Ok(rows
        .iter()
        .map(|row| row.short_link_id)
        .filter(|link| !stored.contains(link))
        .collect())
}

/// Of keys that are forgotten those that are wanted again, and a few more than are stored meanwhile: clicks wait for it.
const FORGET_KEYS: &str = "WITH forgotten AS (DELETE FROM idempotency_key WHERE (account_id, key, item) IN \
    (SELECT account_id, key, item FROM idempotency_key WHERE created_at <= $1 LIMIT 1500)) \
    DELETE FROM idempotency_key AS used USING json_populate_recordset(NULL::idempotency_key, $2::json) AS wanted \
    WHERE used.account_id = wanted.account_id AND used.key = wanted.key AND used.item = wanted.item \
    AND used.created_at <= $1";

const DELETE_KEYS: &str = "DELETE FROM idempotency_key AS kept \
    USING json_populate_recordset(NULL::idempotency_key, $1::json) AS unused \
    WHERE kept.account_id = unused.account_id AND kept.key = unused.key AND kept.item = unused.item";

fn ids(rows: &[QueryResult]) -> Result<HashSet<ShortLinkId>, DbErr> {
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

static KEYS: LazyLock<String> = LazyLock::new(|| {
    let link = idempotency_key::Column::ShortLinkId;
    insert::<idempotency_key::Entity>("ON CONFLICT DO NOTHING", Some(link))
});
/// Links, and of those that are stored the entries that are about one of them: together one statement, so that a lone
/// link costs one round trip.
static LINKS: LazyLock<String> = LazyLock::new(|| {
    let links = insert::<short_link::Entity>("ON CONFLICT DO NOTHING", Some(short_link::Column::Id));
    let entries = insert::<audit_entry::Entity>("WHERE subject_id IN (SELECT id FROM stored)", None);
    let entries = entries.replace("$1", "$2");
    format!("WITH stored AS ({links}), told AS ({entries}) SELECT id FROM stored")
});
static ENTRIES: LazyLock<String> = LazyLock::new(|| insert::<audit_entry::Entity>("", None));
/// What an agent string says of a device is not known of those that were stored before it was looked for.
static AGENTS: LazyLock<String> = LazyLock::new(|| {
    let fill = "ON CONFLICT (id) DO UPDATE SET device = excluded.device, os = excluded.os, browser = excluded.browser \
        WHERE user_agent.device IS NULL AND user_agent.os IS NULL AND user_agent.browser IS NULL";
    insert::<user_agent::Entity>(fill, None)
});
static LISTS: LazyLock<String> =
    LazyLock::new(|| insert::<agent_list::Entity>("ON CONFLICT DO NOTHING", None));
/// Nothing is left out: a click that the database will not have goes to the spool.
static CLICKS: LazyLock<String> = LazyLock::new(|| insert::<click::Entity>("", None));

/// The statement that inserts rows of `E` given as a JSON array of objects, one field a column.
///
/// With `ON CONFLICT DO NOTHING` a row that meets a unique index is left out and the rest is stored, so that the index
/// decides and nothing is looked up first. With `returning`, that column of each stored row comes back, in no promised order.
fn insert<E: EntityTrait>(rest: &str, returning: Option<E::Column>) -> String {
    let is_numbered =
        |column: &E::Column| E::PrimaryKey::auto_increment() && E::PrimaryKey::from_column(*column).is_some();
    let columns = E::Column::iter().filter(|column| !is_numbered(column));
    let names = columns
        .map(|column| column.as_str().to_owned())
        .collect::<Vec<_>>()
        .join(", ");
    let table = E::default();
    let table = table.table_name();
    let returning = returning
        .map(|column| format!(" RETURNING {}", column.as_str()))
        .unwrap_or_default();
    format!(
        "INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, $1::json) \
         {rest}{returning}"
    )
}

fn statement(sql: &str, rows: &[impl Serialize]) -> Result<Statement, WriteError> {
    Ok(statement_of(sql, &[json(rows)?]))
}

fn statement_of(sql: &str, sets: &[String]) -> Statement {
    let sets = sets.iter().map(|rows| rows.as_str().into());
    Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, sets)
}

fn json(rows: &[impl Serialize]) -> Result<String, WriteError> {
    Ok(serde_json::to_string(rows)?)
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::{
        super::{lot::After, made::links},
        *,
    };

    #[test]
    fn links_rest_twice_as_long_as_they_took_but_not_for_long() {
        let millis = Duration::from_millis;
        assert_eq!(rest(millis(30)), millis(60));
        assert_eq!(rest(millis(3_000)), LONGEST_WAIT);
    }

    #[tokio::test]
    async fn the_next_links_are_stored_after_a_rest() {
        const TOOK: Duration = Duration::from_millis(20);

        let lots = Arc::new(Lots::default());
        let (sender, waiting) = mpsc::channel(2);
        let mut answers = Vec::new();
        for _ in 0..2 {
            let Message::Store(asked) = links(1) else {
                panic!("links are stored");
            };
            let Write::Links(new, before, _) = asked.write else {
                panic!("links are links");
            };
            let lots = Arc::clone(&lots);
            let told = move |_: &str| {
                // It takes its time, and meanwhile clicks are stored.
                std::thread::sleep(TOOK);
                lots.count.fetch_add(1, Ordering::Relaxed);
            };
            let after = After {
                told: Box::new(told),
                turn: None,
            };
            let (caller, answer) = oneshot::channel();
            let write = Write::Links(new, before, after);
            let message = Message::Store(Asked { write, caller });
            answers.push((message, answer));
        }
        // What becomes of them is all the same here: no database answers.
        let writer = PostgresWriter::new(DatabaseConnection::default());
        let task = tokio::spawn(writer.write_all(waiting, lots, true));
        let begin = Instant::now();
        for (message, answer) in answers {
            sender.send(message).await.expect("a writer");
            answer.await.expect("an answer").expect_err("no database");
        }
        // Twice the work, and what follows the first of it.
        let took = begin.elapsed();
        assert!(took >= 2 * TOOK + TOOK * GIVE_WAY, "{took:?}");
        drop(sender);
        task.await.expect("a writer that ends");
    }
}
