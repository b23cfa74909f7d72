//! The one way in which lists are paged.

use async_graphql::{
    Context, OutputType, Result, SchemaBuilder,
    connection::{Connection, CursorType, Edge, EmptyFields},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::{Owned, ParseIdError, api_key::Scope};
use sea_orm::{EntityTrait, ModelTrait};
use uuid::Uuid;

use super::error::{Code, internal, principal};
use crate::{accounts::rows_of, app::App, store};

/// The most rows of one page.
pub(super) const MAX_FIRST: i32 = 100;

/// The rows of a page where none are asked for.
pub(super) const DEFAULT_FIRST: i32 = 20;

/// Where a row stands in its list: opaque outside, inside the row's id with its kind, so that the cursor of
/// one list is none in another.
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

/// What a list costs beside its rows' own fields. Rows come in tens, because one of a hundred costs far less
/// than a hundred requests would. More rows than a page may have cost no more: those are refused by [`page`], which
/// says why.
#[must_use]
pub(super) fn cost(first: Option<i32>, row: usize) -> usize {
    let rows = first.unwrap_or(DEFAULT_FIRST).clamp(1, MAX_FIRST);
    5 + row * rows.unsigned_abs().div_ceil(10) as usize
}

/// Says what a list of `N` and its rows are, in the library's types, which don't know.
pub(super) fn describe<N: OutputType, Q, M, S>(
    builder: SchemaBuilder<Q, M, S>,
    page: &'static str,
    row: &'static str,
) -> SchemaBuilder<Q, M, S> {
    builder
        .override_output_type_description::<Connection<Cursor, N>>(page)
        .override_output_type_description::<Edge<Cursor, N, EmptyFields>>(row)
}

/// A page of the caller's own rows, newest first.
///
/// # Errors
/// `BAD_REQUEST` when `first` is not 1 to 100 or `after` is no cursor of this list.
pub(super) async fn page<E, I, N>(
    context: &Context<'_>,
    id: E::Column,
    first: Option<i32>,
    after: Option<String>,
) -> Result<Connection<Cursor, N>>
where
    E: Owned + EntityTrait,
    E::Model: ModelTrait<Entity = E>,
    I: std::str::FromStr + Into<Uuid>,
    N: OutputType + From<E::Model> + Identified,
{
    let account = principal(context, Scope::Read)?.account_id();
    let first = first.unwrap_or(DEFAULT_FIRST);
    if !(1..=MAX_FIRST).contains(&first) {
        return Err(Code::BadRequest.error(format!("first must be 1 to {MAX_FIRST}.")));
    }
    let after: Option<I> = match after {
        None => None,
        Some(text) => {
            let row = Cursor::decode_cursor(&text)
                .ok()
                .and_then(|cursor| cursor.0.parse().ok());
            let not_ours = || {
                Code::BadRequest.error("after is no cursor of this list; take one from pageInfo.endCursor.")
            };
            Some(row.ok_or_else(not_ours)?)
        }
    };
    let app = context.data_unchecked::<App>();
    let (first, after) = (first.unsigned_abs().into(), after.map(Into::into));
    let page = store::page(&app.store.read, rows_of::<E>(account), id, first, after)
        .await
        .map_err(internal)?;
    let mut connection = Connection::new(after.is_some(), page.has_more);
    connection.edges.extend(page.rows.into_iter().map(|row| {
        let node = N::from(row);
        Edge::new(Cursor(node.node_id()), node)
    }));
    Ok(connection)
}

/// A node that knows its own id.
pub(super) trait Identified {
    /// The id as it is sent.
    fn node_id(&self) -> String;
}
