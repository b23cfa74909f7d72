//! Pages of rows by keyset.

use std::{fmt, sync::Arc};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, FromQueryResult, Order, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Select, Value,
    sea_query::{Asterisk, Expr, Func, NullOrdering, SelectStatement},
};

/// What rows are compared by.
#[derive(Clone)]
pub struct Key {
    /// What it is in a row.
    pub of_row: Expr,
    /// What it is where a cursor says this value, if not that itself.
    pub of_cursor: Arc<dyn Fn(Value) -> Expr + Send + Sync>,
    /// Which indexes may give rows in its order.
    pub indexes: Indexes,
    /// A query for this key of all rows among which those of the list are, where it pays to look through a few of them
    /// before an index is asked that knows all and has them in no order.
    pub among: Option<SelectStatement>,
}

/// Which indexes may give rows in a key's order. `PostgreSQL` prefers one that does to one that finds what is wanted,
/// where it takes it for frequent; and it can't know how frequent a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexes {
    /// Any.
    All,
    /// Those that say that nulls would come last, if there were any, where the highest comes first.
    NullsLast,
    /// None: what is found is sorted.
    No,
}

/// How many of these rows are looked through.
const NEAR: u64 = 1000;

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("of_row", &self.of_row)
            .finish_non_exhaustive()
    }
}

impl<C: ColumnTrait> From<C> for Key {
    fn from(column: C) -> Self {
        Self {
            of_row: column.into_expr(),
            of_cursor: Arc::new(Expr::val),
            indexes: Indexes::All,
            among: None,
        }
    }
}

/// Which row of a list comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The lowest.
    Ascending,
    /// The highest.
    Descending,
}

/// Which rows of a list a page has.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// How many at most.
    pub rows: u64,
    /// Whether they are the last of the list instead of the first.
    pub from_end: bool,
    /// The row behind which they stand, or in front of which if they are the last: what a cursor says of its keys.
    pub beyond: Option<Vec<Value>>,
}

/// One page of rows in the list's order.
#[derive(Clone, Debug)]
pub struct Page<M> {
    /// The rows.
    pub rows: Vec<M>,
    /// Whether there are more in the direction in which the page was read.
    pub has_more: bool,
}

/// Reads a part of a list, whose rows are sorted by these keys: by each one where they are the same in those before.
///
/// One row more than asked for is read, to know whether there are more; nothing is skipped over, so the thousandth
/// page costs what the first does.
///
/// # Errors
/// When the database does not answer.
pub async fn page<E>(
    db: &impl ConnectionTrait,
    rows: Select<E>,
    keys: &[Key],
    direction: Direction,
    part: Part,
) -> Result<Page<E::Model>, DbErr>
where
    E: EntityTrait,
    E::Model: FromQueryResult,
{
    let asked = usize::try_from(part.rows).unwrap_or(usize::MAX);
    // The last rows are the first of the list read the other way round.
    let upwards = (direction == Direction::Ascending) != part.from_end;
    let mut found = Vec::new();
    if let [key] = keys
        && let Some(near) = near(rows.clone(), key, upwards, &part)
    {
        found = near.all(db).await?;
    }
    if found.len() <= asked {
        found = select(rows, keys, upwards, &part).all(db).await?;
    }
    let has_more = found.len() > asked;
    found.truncate(asked);
    if part.from_end {
        found.reverse();
    }
    Ok(Page {
        rows: found,
        has_more,
    })
}

/// The part of the list that is among the nearest rows of all; without any where there are not that many.
fn near<E: EntityTrait>(rows: Select<E>, key: &Key, upwards: bool, part: &Part) -> Option<Select<E>> {
    let mut last = key.among.clone()?;
    if let Some(there) = &part.beyond {
        last.and_where(beyond(std::slice::from_ref(key), there, upwards));
    }
    last.order_by_expr(key.of_row.clone(), order(upwards))
        .offset(NEAR - 1)
        .limit(1);
    let (here, last) = (key.of_row.clone(), Expr::SubQuery(None, Box::new(last.into())));
    let rows = rows.filter(if upwards { here.lte(last) } else { here.gte(last) });
    let key = Key {
        indexes: Indexes::All,
        ..key.clone()
    };
    Some(select(rows, &[key], upwards, part))
}

fn select<E: EntityTrait>(mut rows: Select<E>, keys: &[Key], upwards: bool, part: &Part) -> Select<E> {
    if let Some(there) = &part.beyond {
        rows = rows.filter(beyond(keys, there, upwards));
    }
    let order = order(upwards);
    for key in keys {
        let (of_row, order) = (key.of_row.clone(), order.clone());
        rows = match key.indexes {
            Indexes::All => rows.order_by(of_row, order),
            Indexes::NullsLast if upwards => rows.order_by_with_nulls(of_row, order, NullOrdering::First),
            Indexes::NullsLast => rows.order_by_with_nulls(of_row, order, NullOrdering::Last),
            Indexes::No => rows.order_by(Func::coalesce([of_row.clone(), of_row]), order),
        };
    }
    rows.limit(part.rows + 1)
}

/// Whether a row comes after the one that has these values.
fn beyond(keys: &[Key], there: &[Value], upwards: bool) -> Expr {
    let here = tuple(keys.iter().map(|key| key.of_row.clone()).collect());
    let there = keys
        .iter()
        .zip(there)
        .map(|(key, value)| (key.of_cursor)(value.clone()));
    let there = tuple(there.collect());
    if upwards { here.gt(there) } else { here.lt(there) }
}

const fn order(upwards: bool) -> Order {
    if upwards { Order::Asc } else { Order::Desc }
}

/// One value as it is, for which every index is used; several as one to compare together.
fn tuple(mut values: Vec<Expr>) -> Expr {
    match values.len() {
        1 => values.remove(0),
        _ => Expr::tuple(values),
    }
}

/// The statement that counts rows, for [`count`].
#[must_use]
pub fn counting<E: EntityTrait>(rows: Select<E>) -> SelectStatement {
    rows.select_only().expr(Expr::col(Asterisk).count()).into_query()
}

/// Counts rows.
///
/// # Errors
/// When the database does not answer.
pub async fn count(db: &impl ConnectionTrait, rows: &SelectStatement) -> Result<i64, DbErr> {
    match db.query_one(rows).await? {
        Some(row) => row.try_get_by_index(0),
        None => Ok(0),
    }
}
