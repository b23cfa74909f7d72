//! Writing what a whole lot adds: sums of subjects, and chunks.

use rusqlite::{Connection, params, types::Type};
use uuid::Uuid;

use crate::clicks::{
    aggregator::facts::{NewChunk, Sums, joined},
    columns::{Chunk, Column},
};

const ADD_TOTAL: &str = "INSERT INTO subject_total \
    (subject_id, clicks, human_clicks, unique_clicks, first_clicked_at, last_clicked_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (subject_id) DO UPDATE SET \
    clicks = clicks + excluded.clicks, \
    human_clicks = human_clicks + excluded.human_clicks, \
    unique_clicks = unique_clicks + excluded.unique_clicks, \
    first_clicked_at = min(first_clicked_at, excluded.first_clicked_at), \
    last_clicked_at = max(last_clicked_at, excluded.last_clicked_at)";

const ADD_QUARTER: &str = "INSERT INTO subject_quarter \
    (subject_id, quarter, clicks, human_clicks, unique_clicks, first_clicked_at, last_clicked_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (subject_id, quarter) DO UPDATE SET \
    clicks = clicks + excluded.clicks, \
    human_clicks = human_clicks + excluded.human_clicks, \
    unique_clicks = unique_clicks + excluded.unique_clicks, \
    first_clicked_at = min(first_clicked_at, excluded.first_clicked_at), \
    last_clicked_at = max(last_clicked_at, excluded.last_clicked_at)";

/// The chunks of a day, the latest first: each has the column of row numbers, which is called 0.
const CHUNKS: &str = "SELECT chunk, clicks FROM click_column WHERE account_id = ?1 AND day = ?2 AND name = 0 \
    ORDER BY chunk DESC";

const CHUNK: &str = "SELECT name, data FROM click_column WHERE account_id = ?1 AND day = ?2 AND chunk = ?3";

const REMOVE: &str = "DELETE FROM click_column WHERE account_id = ?1 AND day = ?2 AND chunk = ?3";

const INSERT: &str = "INSERT INTO click_column (account_id, day, chunk, name, clicks, data) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// How many stored clicks get into the new chunks of a lot at most: some ten megabytes, which are written at once.
const MOST_READ: usize = 500_000;

/// Adds to the sums of subjects.
pub(super) fn sums(db: &Connection, sums: &Sums) -> rusqlite::Result<()> {
    let mut add = db.prepare_cached(ADD_TOTAL)?;
    for (subject, sum) in &sums.totals {
        add.execute(params![
            subject.as_bytes(),
            sum.clicks,
            sum.human_clicks,
            sum.unique_clicks,
            sum.first_clicked_at.millis(),
            sum.last_clicked_at.millis()
        ])?;
    }
    let mut add = db.prepare_cached(ADD_QUARTER)?;
    for ((subject, quarter), sum) in &sums.quarters {
        add.execute(params![
            subject.as_bytes(),
            quarter,
            sum.clicks,
            sum.human_clicks,
            sum.unique_clicks,
            sum.first_clicked_at.millis(),
            sum.last_clicked_at.millis()
        ])?;
    }
    Ok(())
}

/// A chunk as it is to be stored.
pub(super) struct Written {
    day: Day,
    /// The chunks before it that are in it.
    gone: Vec<i64>,
    last: i64,
    clicks: u32,
    columns: Vec<(i16, Vec<u8>)>,
}

/// Makes of new chunks those that are to be stored, and puts into them the ones before them that become one with them.
///
/// It only reads, so that nobody has to wait: nobody else may change a chunk until they are stored.
pub(super) fn joined_chunks(db: &Connection, new: Vec<NewChunk>) -> rusqlite::Result<Vec<Written>> {
    let mut written: Vec<Written> = Vec::with_capacity(new.len());
    let mut rest = MOST_READ;
    for new in new {
        let day = (*Uuid::from(new.account).as_bytes(), new.day);
        let mut chunk = new.chunk;
        let mut gone = Vec::new();
        // One of several of a day is too large to stand with another, or too far from it.
        let before = match written.last() {
            Some(last) if last.day == day => Vec::new(),
            _ => before(db, day, chunk.clicks())?,
        };
        for (number, clicks) in before {
            // A later lot finds what is left apart.
            let Some(left) = rest.checked_sub(clicks) else {
                break;
            };
            let mut earlier = read(db, day, number, clicks)?;
            if !earlier.append(&chunk) {
                break;
            }
            rest = left;
            chunk = earlier;
            gone.push(number);
        }
        let columns = chunk.write().map(|(column, data)| (column.number(), data));
        written.push(Written {
            day,
            gone,
            last: new.last,
            clicks: u32::try_from(chunk.clicks()).unwrap_or(u32::MAX),
            columns: columns.collect(),
        });
    }
    Ok(written)
}

/// Stores chunks in the place of those that are in them.
pub(super) fn chunks(db: &Connection, chunks: &[Written]) -> rusqlite::Result<()> {
    let mut remove = db.prepare_cached(REMOVE)?;
    let mut insert = db.prepare_cached(INSERT)?;
    for chunk in chunks {
        let (account, day) = chunk.day;
        for number in &chunk.gone {
            remove.execute(params![account, day, number])?;
        }
        for (name, data) in &chunk.columns {
            insert.execute(params![account, day, chunk.last, name, chunk.clicks, data])?;
        }
    }
    Ok(())
}

/// An account and a day.
type Day = ([u8; 16], i32);

/// The chunks that become one with a new one of so many clicks: how each is called and how many it has, the latest first.
fn before(db: &Connection, day: Day, clicks: usize) -> rusqlite::Result<Vec<(i64, usize)>> {
    let mut statement = db.prepare_cached(CHUNKS)?;
    let mut found = Vec::new();
    let mut rows = statement.query(day)?;
    while let Some(row) = rows.next()? {
        let size: u32 = row.get(1)?;
        found.push((row.get(0)?, size as usize));
        if joined(found.iter().map(|(_, clicks)| *clicks), clicks) < found.len() {
            found.pop();
            break;
        }
    }
    Ok(found)
}

fn read(db: &Connection, day: Day, number: i64, clicks: usize) -> rusqlite::Result<Chunk> {
    let mut chunk = Chunk::empty(clicks);
    let mut statement = db.prepare_cached(CHUNK)?;
    let mut rows = statement.query((day.0, day.1, number))?;
    while let Some(row) = rows.next()? {
        let data = row.get_ref(1)?.as_blob()?;
        if let Some(column) = Column::from_number(row.get(0)?) {
            chunk
                .read(column, data)
                .map_err(|error| rusqlite::Error::FromSqlConversionFailure(1, Type::Blob, Box::new(error)))?;
        }
    }
    Ok(chunk)
}
