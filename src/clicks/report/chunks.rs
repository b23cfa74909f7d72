//! Reading chunks, and of each no more than is needed.

use std::{collections::BTreeMap, ops::RangeInclusive};

use sea_orm::DbErr;

use super::view::View;
use crate::clicks::columns::{Chunk, Column};

/// How many clicks are read in one statement, or one chunk where that has more: some megabytes, and milliseconds.
const TOGETHER: usize = 200_000;

/// Which chunk of an account it is, in the order in which they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) day: i32,
    pub(super) chunk: i64,
}

/// Chunks that are read together: the first and the last of them.
pub(super) type Lot = (Place, Place);

/// Where the chunks of these days are, in lots that are not too large to be read at once.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn lots(view: &View, days: RangeInclusive<i32>) -> Result<Vec<Lot>, DbErr> {
    let sql = "SELECT day, chunk, clicks FROM click_column \
        WHERE account_id = $1 AND day BETWEEN $2 AND $3 AND name = $4 ORDER BY day, chunk";
    // Every chunk has this one.
    let name = Column::Verdict.number();
    let rows = view
        .rows(sql, [(*days.start()).into(), (*days.end()).into(), name.into()])
        .await?;
    let (mut lots, mut clicks): (Vec<Lot>, usize) = (Vec::new(), 0);
    for row in rows {
        let place = Place {
            day: row.try_get_by_index(0)?,
            chunk: row.try_get_by_index(1)?,
        };
        let more = usize::try_from(row.try_get_by_index::<i32>(2)?).unwrap_or_default();
        clicks += more;
        if let Some(lot) = lots.last_mut().filter(|_| clicks <= TOGETHER) {
            lot.1 = place;
        } else {
            lots.push((place, place));
            clicks = more;
        }
    }
    Ok(lots)
}

/// The chunks of a lot with these columns.
///
/// # Errors
/// When the database does not answer, or has something that is no column.
pub(super) async fn read(view: &View, lot: Lot, columns: &[Column]) -> Result<Vec<(i32, Chunk)>, DbErr> {
    let names: Vec<_> = columns.iter().map(|column| column.number().to_string()).collect();
    let sql = format!(
        "SELECT day, chunk, name, clicks, data FROM click_column
WHERE account_id = $1 AND (day, chunk) >= ($2, $3) AND (day, chunk) <= ($4, $5) AND name IN ({})",
        names.join(", ")
    );
    let (first, last) = lot;
    let values = [
        first.day.into(),
        first.chunk.into(),
        last.day.into(),
        last.chunk.into(),
    ];
    let mut chunks: BTreeMap<Place, Chunk> = BTreeMap::new();
    for row in view.rows(sql, values).await? {
        let place = Place {
            day: row.try_get_by_index(0)?,
            chunk: row.try_get_by_index(1)?,
        };
        let clicks: i32 = row.try_get_by_index(3)?;
        let column = Column::from_number(row.try_get_by_index(2)?);
        let data: Vec<u8> = row.try_get_by_index(4)?;
        let chunk = chunks
            .entry(place)
            .or_insert_with(|| Chunk::empty(usize::try_from(clicks).unwrap_or_default()));
        if let Some(column) = column {
            let read = chunk.read(column, &data);
            read.map_err(|error| DbErr::Type(format!("{error}: {place:?}, {column:?}")))?;
        }
    }
    Ok(chunks
        .into_iter()
        .map(|(place, chunk)| (place.day, chunk))
        .collect())
}
