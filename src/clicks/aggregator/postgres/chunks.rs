//! Writing chunks in sets: a server with many accounts has as many in each lot, and each would be round trips of its own.

use std::collections::HashMap;

use entity::{AccountId, click_column};
use sea_orm::{
    ConnectionTrait as _, DatabaseBackend, DatabaseTransaction, DbErr, EntityTrait as _, Statement, Value,
};
use uuid::Uuid;

use crate::{
    clicks::{
        aggregator::facts::{NewChunk, joined},
        columns::{
            Chunk, Column, CorruptColumn, MOST_CLICKS,
            store::{ChunkError, Place},
        },
    },
    store::aside,
};

/// How many are written together at most: with those before them that become one with them, some ten megabytes.
const TOGETHER: usize = 16;

/// The chunks of days, the latest first: each has the column of row numbers, which is called 0.
const OF_DAYS: &str = "SELECT c.account_id, c.day, c.chunk, c.clicks \
    FROM unnest($1::uuid[], $2::integer[]) AS asked (account_id, day) \
    JOIN click_column AS c ON c.account_id = asked.account_id AND c.day = asked.day \
    WHERE c.name = 0 ORDER BY c.chunk DESC";

const READ: &str = "SELECT c.account_id, c.day, c.chunk, c.name, c.clicks, c.data \
    FROM unnest($1::uuid[], $2::integer[], $3::bigint[]) AS asked (account_id, day, chunk) \
    JOIN click_column AS c ON c.account_id = asked.account_id AND c.day = asked.day AND c.chunk = asked.chunk";

const REMOVE: &str = "DELETE FROM click_column AS c \
    USING unnest($1::uuid[], $2::integer[], $3::bigint[]) AS asked (account_id, day, chunk) \
    WHERE c.account_id = asked.account_id AND c.day = asked.day AND c.chunk = asked.chunk";

const INSERT: &str = "INSERT INTO click_column (account_id, day, chunk, name, clicks, data) \
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::smallint[], $5::integer[], $6::bytea[])";

/// Writes chunks, sorted as they are made, and with them those before them that become one with them.
pub(super) async fn write(db: &DatabaseTransaction, chunks: Vec<NewChunk>) -> Result<(), ChunkError> {
    let mut rest = chunks.into_iter().peekable();
    while rest.peek().is_some() {
        let (mut together, mut clicks) = (Vec::<NewChunk>::new(), 0);
        // Of one day the later ones have to find the earlier ones.
        let fits = |together: &[NewChunk], clicks: usize, next: &NewChunk| {
            let is_other = |last: &NewChunk| (last.account, last.day) != (next.account, next.day);
            together.len() < TOGETHER && clicks < MOST_CLICKS && together.last().is_none_or(is_other)
        };
        while let Some(next) = rest.next_if(|next| fits(&together, clicks, next)) {
            clicks += next.chunk.clicks();
            together.push(next);
        }
        write_together(db, together).await?;
    }
    Ok(())
}

/// Writes chunks of different days.
async fn write_together(db: &DatabaseTransaction, chunks: Vec<NewChunk>) -> Result<(), ChunkError> {
    let before = before(db, &chunks).await?;
    let rows = rows(db, before.values().flatten().copied().collect()).await?;
    let (gone, new) = aside(move || {
        let (gone, new) = join(chunks, &before, read(&rows)?);
        Ok::<_, CorruptColumn>((gone, values(&new)))
    })
    .await??;
    if !gone.is_empty() {
        db.execute_raw(statement(REMOVE, places(&gone))).await?;
    }
    db.execute_raw(statement(INSERT, new)).await?;
    Ok(())
}

/// Puts those before new chunks that become one with them into them: which are gone then, and what there is.
fn join(
    chunks: Vec<NewChunk>,
    before: &HashMap<(AccountId, i32), Vec<Place>>,
    mut stored: HashMap<Place, Chunk>,
) -> (Vec<Place>, Vec<(Place, Chunk)>) {
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    for NewChunk {
        account,
        day,
        last,
        mut chunk,
    } in chunks
    {
        for place in before.get(&(account, day)).into_iter().flatten() {
            let Some(mut earlier) = stored.remove(place) else {
                break;
            };
            if !earlier.append(&chunk) {
                break;
            }
            chunk = earlier;
            gone.push(*place);
        }
        new.push((Place { account, day, last }, chunk));
    }
    (gone, new)
}

/// The chunks that become one with new ones, by day, the latest first.
async fn before(
    db: &DatabaseTransaction,
    chunks: &[NewChunk],
) -> Result<HashMap<(AccountId, i32), Vec<Place>>, DbErr> {
    let accounts: Vec<Uuid> = chunks.iter().map(|new| new.account.into()).collect();
    let days: Vec<i32> = chunks.iter().map(|new| new.day).collect();
    let asked = statement(OF_DAYS, vec![accounts.into(), days.into()]);
    let mut found: HashMap<_, Vec<(Place, usize)>> = HashMap::new();
    for row in db.query_all_raw(asked).await? {
        let place = Place {
            account: row.try_get_by_index(0)?,
            day: row.try_get_by_index(1)?,
            last: row.try_get_by_index(2)?,
        };
        let clicks: i32 = row.try_get_by_index(3)?;
        let clicks = usize::try_from(clicks).unwrap_or_default();
        found
            .entry((place.account, place.day))
            .or_default()
            .push((place, clicks));
    }
    let mut before = HashMap::new();
    for new in chunks {
        let day = (new.account, new.day);
        let found = found.remove(&day).unwrap_or_default();
        let joined = joined(found.iter().map(|(_, clicks)| *clicks), new.chunk.clicks());
        before.insert(day, found[..joined].iter().map(|(place, _)| *place).collect());
    }
    Ok(before)
}

/// The columns of chunks.
async fn rows(db: &DatabaseTransaction, asked: Vec<Place>) -> Result<Vec<click_column::Model>, DbErr> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let rows = click_column::Entity::find().from_raw_sql(statement(READ, places(&asked)));
    rows.all(db).await
}

fn read(rows: &[click_column::Model]) -> Result<HashMap<Place, Chunk>, CorruptColumn> {
    let mut chunks = HashMap::new();
    for row in rows {
        let place = Place {
            account: row.account_id,
            day: row.day,
            last: row.chunk,
        };
        let clicks = usize::try_from(row.clicks).map_err(|_| CorruptColumn)?;
        let chunk = chunks.entry(place).or_insert_with(|| Chunk::empty(clicks));
        if let Some(column) = Column::from_number(row.name) {
            chunk.read(column, &row.data)?;
        }
    }
    Ok(chunks)
}

/// What is to be stored of chunks.
fn values(chunks: &[(Place, Chunk)]) -> Vec<Value> {
    let (mut rows, mut names, mut clicks, mut data) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, chunk) in chunks {
        for (column, bytes) in chunk.write() {
            rows.push(*place);
            names.push(column.number());
            clicks.push(i32::try_from(chunk.clicks()).unwrap_or(i32::MAX));
            data.push(bytes);
        }
    }
    let mut values = places(&rows);
    values.extend([names.into(), clicks.into(), data.into()]);
    values
}

/// Places as three arrays.
fn places(places: &[Place]) -> Vec<Value> {
    let accounts: Vec<Uuid> = places.iter().map(|place| place.account.into()).collect();
    let days: Vec<i32> = places.iter().map(|place| place.day).collect();
    let lasts: Vec<i64> = places.iter().map(|place| place.last).collect();
    vec![accounts.into(), days.into(), lasts.into()]
}

fn statement(sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, values)
}
