//! How often links were clicked.

use std::collections::HashMap;

use entity::{AccountId, ShortLinkId, link_total};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait as _, Statement};

use super::tail::with_tail;

/// What is known of all clicks of one link.
pub type Totals = link_total::Model;

/// The totals of those of these links that are the account's and were ever clicked.
///
/// They are read from the sums, to which clicks are added that are not summed yet: a click counts from the moment
/// it is answered. All links are read in one statement, whose price is theirs and that of the tail, however many
/// clicks there have been.
///
/// # Errors
/// When the database does not answer.
pub async fn totals(
    db: &impl ConnectionTrait,
    account: AccountId,
    links: &[ShortLinkId],
) -> Result<HashMap<ShortLinkId, Totals>, DbErr> {
    let backend = db.get_database_backend();
    let (tail, values) = with_tail(account, links.iter().copied(), backend);
    let statement = Statement::from_sql_and_values(backend, tail + SUM, values);
    let rows = link_total::Entity::find().from_raw_sql(statement).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.short_link_id, row)).collect())
}

/// A click of the tail is unique where its visitor has not been to the link: neither in the sums, nor before in the
/// tail. So there are as many as there are such visitors.
const SUM: &str = "
SELECT part.short_link_id, CAST(sum(part.clicks) AS bigint) AS clicks,
    CAST(sum(part.human_clicks) AS bigint) AS human_clicks,
    CAST(sum(part.unique_clicks) AS bigint) AS unique_clicks,
    min(part.first_clicked_at) AS first_clicked_at, max(part.last_clicked_at) AS last_clicked_at
FROM (
    SELECT t.short_link_id, t.clicks, t.human_clicks, t.unique_clicks, t.first_clicked_at, t.last_clicked_at
    FROM link CROSS JOIN link_total AS t WHERE t.short_link_id = link.id
    UNION ALL
    SELECT n.short_link_id, count(*), count(*) FILTER (WHERE n.bot_reason IS NULL),
        count(DISTINCT CASE WHEN n.bot_reason IS NULL AND (
            SELECT v.seq FROM link_visitor AS v WHERE v.short_link_id = n.short_link_id AND v.visitor = n.visitor
        ) IS NULL THEN n.visitor END),
        min(n.clicked_at), max(n.clicked_at)
    FROM tail AS n GROUP BY n.short_link_id
) AS part
GROUP BY part.short_link_id";
