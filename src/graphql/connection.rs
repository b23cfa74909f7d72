//! The one way in which lists are paged.

use std::str::FromStr;

use async_graphql::{
    Context, Description, Object, ObjectType, OutputType, Result, SchemaBuilder,
    connection::{Connection, CursorType, Edge, EmptyFields},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::ParseIdError;
use sea_orm::{ColumnTrait, ColumnType, EntityTrait, ModelTrait, Select, Value, sea_query::SelectStatement};

use super::error::{Code, internal};
use crate::{
    app::App,
    store::{self, Direction, Key, Part},
};

/// The most rows of one page.
pub(super) const MAX_ROWS: i32 = 100;

/// The rows of a page where none are asked for.
pub(super) const DEFAULT_ROWS: i32 = 20;

/// A page of a list, with what knows how long the list is.
pub(super) type PageOf<N, T = Total> = Connection<Cursor, N, T>;

/// Where a row stands in its list: opaque outside. Inside are the list's order, the row's id with its kind and, in an
/// order by something else, what the row has there; so that the cursor of one list or order is none in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor(String);

impl CursorType for Cursor {
    type Error = ParseIdError;

    fn decode_cursor(text: &str) -> Result<Self, ParseIdError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ParseIdError)?;
        String::from_utf8(bytes).map(Self).map_err(|_| ParseIdError)
    }

    fn encode_cursor(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }
}

/// In which order a list is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sort<C> {
    /// What rows are sorted by before their ids, and whether no two rows of an account have the same in it.
    by: Option<(C, bool)>,
    direction: Direction,
}

impl<C: ColumnTrait> Sort<C> {
    /// The newest row first.
    pub(super) const NEWEST: Self = Self {
        by: None,
        direction: Direction::Descending,
    };

    /// The oldest row first.
    pub(super) const OLDEST: Self = Self {
        by: None,
        direction: Direction::Ascending,
    };

    /// The row with the lowest value first, among those with the same the oldest.
    pub(super) const fn by(column: C) -> Self {
        Self {
            by: Some((column, false)),
            direction: Direction::Ascending,
        }
    }

    /// The row with the lowest value first, which no two rows of an account share.
    pub(super) const fn by_unique(column: C) -> Self {
        Self {
            by: Some((column, true)),
            direction: Direction::Ascending,
        }
    }

    /// The row with the highest value first, among those with the same the newest.
    pub(super) const fn latest(column: C) -> Self {
        Self {
            by: Some((column, false)),
            direction: Direction::Descending,
        }
    }

    /// What rows are compared by, where their ids are by `id`.
    fn keys(&self, id: Key) -> Vec<Key> {
        match self.by {
            None => vec![id],
            Some((column, true)) => vec![column.into()],
            Some((column, false)) => vec![column.into(), id],
        }
    }

    /// What its cursors start with.
    fn name(&self) -> String {
        let direction = match self.direction {
            Direction::Ascending => "+",
            Direction::Descending => "-",
        };
        direction.to_owned() + self.by.as_ref().map_or("", |(column, _)| column.as_str())
    }

    /// What a row's cursor says of it beside its id.
    fn value<M: ModelTrait<Entity: EntityTrait<Column = C>>>(&self, row: &M) -> String {
        match self.by.map(|(column, _)| row.get(column)) {
            Some(Value::String(Some(text))) => format!(" {text}"),
            Some(Value::Int(Some(number))) => format!(" {number}"),
            _ => String::new(),
        }
    }

    /// The cursor of the row with that id.
    pub(super) fn cursor(&self, id: &str, value: &str) -> Cursor {
        Cursor(format!("{} {id}{value}", self.name()))
    }

    /// What a row that stands here has for each of the [keys](Self::keys).
    fn place<I: FromStr + Into<Value>>(&self, cursor: &Cursor) -> Option<Vec<Value>> {
        let mut parts = cursor.0.splitn(3, ' ');
        if parts.next()? != self.name() {
            return None;
        }
        let id = parts.next()?.parse::<I>().ok()?.into();
        let text = parts.next();
        let Some((column, is_unique)) = self.by else {
            return text.is_none().then(|| vec![id]);
        };
        let value = match column.def().get_column_type() {
            ColumnType::Integer => text?.parse::<i32>().ok()?.into(),
            ColumnType::BigInteger => text?.parse::<i64>().ok()?.into(),
            // PostgreSQL refuses a text with U+0000, and no row has one.
            _ => text.filter(|text| !text.contains('\0'))?.into(),
        };
        Some(if is_unique { vec![value] } else { vec![value, id] })
    }
}

/// Which page of a list is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

impl Asked {
    /// The part of a list in this order that is asked for.
    ///
    /// # Errors
    /// As [`page`].
    pub(super) fn part<I, C>(self, sort: &Sort<C>) -> Result<Part>
    where
        I: FromStr + Into<Value>,
        C: ColumnTrait,
    {
        let refuse = |message: String| Err(Code::BadRequest.error(message));
        let from_end = self.last.is_some() || self.before.is_some();
        if from_end && (self.first.is_some() || self.after.is_some()) {
            return refuse(
                "Give first and after to page forwards, or last and before to page backwards.".to_owned(),
            );
        }
        let (number, rows, name, cursor, taken_from) = if from_end {
            ("last", self.last, "before", self.before, "pageInfo.startCursor")
        } else {
            ("first", self.first, "after", self.after, "pageInfo.endCursor")
        };
        let rows = rows.unwrap_or(DEFAULT_ROWS);
        if !(1..=MAX_ROWS).contains(&rows) {
            return refuse(format!("{number} must be 1 to {MAX_ROWS}."));
        }
        let place = |text: String| {
            let cursor = Cursor::decode_cursor(&text).ok();
            cursor.and_then(|cursor| sort.place::<I>(&cursor)).ok_or_else(|| {
                Code::BadRequest.error(format!(
                    "{name} is no cursor of this list in this order; take one from {taken_from}."
                ))
            })
        };
        Ok(Part {
            rows: rows.unsigned_abs().into(),
            from_end,
            beyond: cursor.map(place).transpose()?,
        })
    }
}

/// How many rows a list has, which is not looked up before somebody asks.
#[derive(Debug, Description)]
pub(super) struct Total(SelectStatement);

/// What a count costs: it goes through all that a filter finds, which is more than any page has.
const COUNT: usize = 15;

#[Object(use_type_description)]
impl Total {
    /// How many rows pass the filter, on all pages together. Counting takes the longer the more there are: ask for it
    /// where it is shown, not on each page.
    #[graphql(complexity = "COUNT")]
    async fn total_count(&self, context: &Context<'_>) -> Result<i32> {
        let db = &context.data_unchecked::<App>().store.read;
        let rows = store::count(db, &self.0).await.map_err(internal)?;
        Ok(rows.try_into().unwrap_or(i32::MAX))
    }
}

/// What a list costs beside its rows' own fields. Rows come in tens, because one of a hundred costs far less
/// than a hundred requests would. More rows than a page may have cost no more: those are refused by [`page`], which
/// says why.
#[must_use]
pub(super) fn cost(first: Option<i32>, last: Option<i32>, row: usize) -> usize {
    let rows = first.max(last).unwrap_or(DEFAULT_ROWS).clamp(1, MAX_ROWS);
    row.saturating_mul(rows.unsigned_abs().div_ceil(10) as usize)
        .saturating_add(5)
}

/// Says what a list of `N` and its rows are, in the library's types, which don't know.
pub(super) fn describe<N: OutputType, T: ObjectType, Q, M, S>(
    builder: SchemaBuilder<Q, M, S>,
    page: &'static str,
    row: &'static str,
) -> SchemaBuilder<Q, M, S> {
    builder
        .override_output_type_description::<PageOf<N, T>>(page)
        .override_output_type_description::<Edge<Cursor, N, EmptyFields>>(row)
}

/// A page of these rows, which are the caller's own: the one that is asked for, in this order.
///
/// # Errors
/// `BAD_REQUEST` when `first` or `last` is not 1 to 100, a cursor is none of this list in this order, or it is not
/// clear which way to go.
pub(super) async fn page<E, I, N>(
    context: &Context<'_>,
    rows: Select<E>,
    id: impl Into<Key>,
    sort: Sort<E::Column>,
    asked: Asked,
) -> Result<PageOf<N>>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
    I: FromStr + Into<Value>,
    N: OutputType + From<E::Model> + Identified,
{
    let part = asked.part::<I, _>(&sort)?;
    let total = Total(store::counting(rows.clone()));
    let (from_end, goes_on) = (part.from_end, part.beyond.is_some());
    let db = &context.data_unchecked::<App>().store.read;
    let page = store::page(db, rows, &sort.keys(id.into()), sort.direction, part)
        .await
        .map_err(internal)?;
    Ok(connection(page, from_end, goes_on, total, |row| {
        let value = sort.value(&row);
        let node = N::from(row);
        Edge::new(sort.cursor(&node.node_id(), &value), node)
    }))
}

/// A page that was read from the end of its list or from the start, and goes on from a cursor or not.
pub(super) fn connection<R, N: OutputType, T: ObjectType>(
    page: store::Page<R>,
    from_end: bool,
    goes_on: bool,
    total: T,
    edge: impl Fn(R) -> Edge<Cursor, N, EmptyFields>,
) -> PageOf<N, T> {
    let (has_previous, has_next) = if from_end {
        (page.has_more, goes_on)
    } else {
        (goes_on, page.has_more)
    };
    let mut connection = Connection::with_additional_fields(has_previous, has_next, total);
    connection.edges.extend(page.rows.into_iter().map(edge));
    connection
}

/// A node that knows its own id.
pub(super) trait Identified {
    /// The id as it is sent.
    fn node_id(&self) -> String;
}
