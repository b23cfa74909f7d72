//! The clicks of a link, one by one.

use entity::{AccountId, ClickId, ShortLinkId, agent_list, click, user_agent};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, FromQueryResult, QueryFilter as _,
    QueryResult, Statement,
};

use super::tail::with_tail;
use crate::store::{Page, Part, columns, pad};

/// A click as a link's list has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The click.
    pub click: click::Model,
    /// Whether it is the first of a person on the link; `None` where that is not looked up yet.
    pub is_unique: Option<bool>,
}

impl FromQueryResult for Listed {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Ok(Self {
            click: click::Model::from_query_result(row, prefix)?,
            is_unique: Some(row.try_get(prefix, "is_unique")?),
        })
    }
}

/// A part of the clicks of the account's link, newest first: by their ids, which are in the order of time. That of a
/// `Continue` is made with its page, up to a day before the click: it stands there, out of the order of `clicked_at`.
/// Each is there once, however often it was written.
///
/// As many as a page has are read from the index of clicks by link, from wherever the page begins, and the tail is put
/// among them: so a page costs the same wherever it is and however many clicks the link has.
///
/// # Errors
/// When the database does not answer.
pub async fn page(
    db: &impl ConnectionTrait,
    account: AccountId,
    link: ShortLinkId,
    part: Part,
) -> Result<Page<Listed>, DbErr> {
    let backend = db.get_database_backend();
    let (tail, mut values) = with_tail(account, [link], backend);
    let limit = i64::try_from(part.rows + 1).unwrap_or(i64::MAX);
    let (order, beyond) = if part.from_end {
        ("ASC", '>')
    } else {
        ("DESC", '<')
    };
    values.push(limit.into());
    let mut indexed = String::new();
    let mut unsummed = String::new();
    if let Some(place) = part.beyond.into_iter().flatten().next() {
        values.push(place);
        indexed = format!("AND k.click_id {beyond} $4");
        unsummed = format!("WHERE n.id {beyond} $4");
    }
    let columns = columns::<click::Entity>("c");
    let sql = format!(
        "{tail}, unsummed AS (
    SELECT n.id, n.seq, min(n.seq) FILTER (WHERE n.bot_reason IS NULL) OVER (PARTITION BY n.visitor) AS first_seq
    FROM tail AS n
), page AS (
    SELECT * FROM (
        SELECT k.click_id, k.seq, CAST(NULL AS bigint) AS first_seq FROM link_click AS k
        WHERE k.short_link_id = (SELECT id FROM link) {indexed} ORDER BY k.click_id {order} LIMIT $3
    ) AS old
    UNION ALL
    SELECT * FROM (SELECT n.id, n.seq, n.first_seq FROM unsummed AS n {unsummed} ORDER BY n.id {order} LIMIT $3) AS new
)
SELECT {columns}, coalesce(c.bot_reason IS NULL AND c.visitor IS NOT NULL AND c.seq = coalesce(
        (SELECT v.seq FROM link_visitor AS v WHERE v.short_link_id = c.short_link_id AND v.visitor = c.visitor),
        page.first_seq
    ), false) AS is_unique
FROM page CROSS JOIN click AS c WHERE c.seq = page.seq ORDER BY page.click_id {order} LIMIT $3"
    );
    let statement = Statement::from_sql_and_values(backend, sql, values);
    let mut rows = Listed::find_by_statement(statement).all(db).await?;
    let asked = usize::try_from(part.rows).unwrap_or(usize::MAX);
    let has_more = rows.len() > asked;
    rows.truncate(asked);
    if part.from_end {
        rows.reverse();
    }
    Ok(Page { rows, has_more })
}

/// Whether a click is the first of a person on the account's link.
///
/// # Errors
/// When the database does not answer.
pub async fn is_unique(
    db: &impl ConnectionTrait,
    account: AccountId,
    click: &click::Model,
) -> Result<bool, DbErr> {
    let Some(visitor) = click.visitor.filter(|_| click.bot_reason.is_none()) else {
        return Ok(false);
    };
    let backend = db.get_database_backend();
    let (tail, mut values) = with_tail(account, [click.short_link_id], backend);
    values.push(visitor.into());
    // By its id, since a click that was written twice has two rows.
    let sql = format!(
        "{tail}
SELECT c.id FROM click AS c WHERE c.seq = coalesce(
    (SELECT v.seq FROM link_visitor AS v WHERE v.short_link_id = (SELECT id FROM link) AND v.visitor = $3),
    (SELECT min(n.seq) FROM tail AS n WHERE n.bot_reason IS NULL AND n.visitor = $3)
)"
    );
    let first = db
        .query_one_raw(Statement::from_sql_and_values(backend, sql, values))
        .await?;
    let first = first.map(|row| row.try_get_by_index::<ClickId>(0)).transpose()?;
    Ok(first == Some(click.id))
}

/// Agent strings by their ids. They belong to nobody: whose click has the id says who may see one.
///
/// # Errors
/// When the database does not answer.
pub async fn user_agents(db: &impl ConnectionTrait, ids: Vec<i64>) -> Result<Vec<user_agent::Model>, DbErr> {
    let named = user_agent::Column::Id.is_in(pad(ids));
    user_agent::Entity::find().filter(named).all(db).await
}

/// Versions of the list of bots' agents by their ids.
///
/// # Errors
/// When the database does not answer.
pub async fn agent_lists(db: &impl ConnectionTrait, ids: Vec<i64>) -> Result<Vec<agent_list::Model>, DbErr> {
    let named = agent_list::Column::Id.is_in(pad(ids));
    agent_list::Entity::find().filter(named).all(db).await
}
