//! Clicks that are stored and not summed yet.
//!
//! Sums are written behind, see [`entity::click_summing`]; whoever reads them adds this, in the same statement: then
//! both are of one moment, no click is counted twice, and none is missed that was answered.

use entity::{AccountId, ShortLinkId, short_link};
use sea_orm::{
    ColumnTrait as _, DatabaseBackend, QueryFilter as _, QuerySelect as _, QueryTrait as _, Value,
};

use crate::{accounts::rows_of, store::pad};

/// How a statement over the clicks of those of these links begins that are the account's:
/// - `link`: each one's `id`, and the last row `summed` of its clicks;
/// - `tail`: its clicks behind that, each once however often it was written, with the number of its first row.
///
/// Answered with its values: one for the account and those of the links, so that who asks for one link numbers more
/// from `$3` on, as both databases understand it.
///
/// The tail is gone through once, from the link that is the furthest behind, and not once for each link. That no row is
/// above the highest is said for `PostgreSQL`: what is above a number that it can't see it takes for a third of the table,
/// of which much is worth more processes and compiling the statement; what is between two, for a two-hundredth.
/// Whether a click is summed is asked last, for each in a subquery of its own: not for clicks of other links, and not as
/// a join, for which `PostgreSQL` might read all that was ever summed.
pub(super) fn with_tail(
    account: AccountId,
    links: impl IntoIterator<Item = ShortLinkId>,
    backend: DatabaseBackend,
) -> (String, Vec<Value>) {
    let links = pad(links.into_iter().collect());
    let asked = rows_of::<short_link::Entity>(account)
        .filter(short_link::Column::Id.is_in(links))
        .select_only()
        .column(short_link::Column::Id)
        .build(backend);
    let sql = format!(
        "WITH link AS (
    SELECT asked.id, CASE
        WHEN asked.id < done.link THEN done.upcoming
        WHEN asked.id = done.link THEN done.link_through
        ELSE done.through
    END AS summed
    FROM ({asked}) AS asked CROSS JOIN click_summing AS done WHERE done.id = 1
), tail AS (
    SELECT c.short_link_id, c.id, min(c.seq) AS seq, min(c.clicked_at) AS clicked_at,
        min(c.bot_reason) AS bot_reason, min(c.visitor) AS visitor
    FROM click AS c CROSS JOIN link
    WHERE c.seq > (SELECT min(summed) FROM link) AND c.seq <= (SELECT max(seq) FROM click)
        AND c.seq - link.summed > 0 AND c.short_link_id = link.id
    GROUP BY c.short_link_id, c.id
    HAVING (SELECT k.seq FROM link_click AS k WHERE k.short_link_id = c.short_link_id AND k.click_id = c.id) IS NULL
)",
        asked = asked.sql
    );
    (sql, asked.values.map(|values| values.0).unwrap_or_default())
}
