//! What sums a lot by link and gives back what there is to tell of its clicks.

use std::{fmt::Write as _, sync::LazyLock};

use entity::{
    ShortLinkId, StoredVerdict, Timestamp,
    click::{BotKind, BotReason},
};
use futures_util::TryStreamExt as _;
use sea_orm::{
    ConnectionTrait as _, DatabaseBackend, DatabaseTransaction, DbErr, Iterable as _, QueryResult, Statement,
    StreamTrait as _,
};

use crate::clicks::{
    aggregator::facts::{Facts, Owner, TextNumbers, tell_of_unknown_link},
    columns::Column,
    traces::FORGET,
};

/// The clicks of a lot. One whose id is noted already, or stands twice in the lot, was written twice: its copy adds nothing.
///
/// Here and below, what is asked of each click is asked in a subquery of its own: not as a join, for which all that was ever
/// noted might be read, or, where the database does not know yet how many clicks there are, each be compared with each.
const LOT: &str = "
WITH lot AS MATERIALIZED (
    SELECT DISTINCT ON (short_link_id, id) short_link_id, id, seq, clicked_at, bot_reason, bot_kind, visitor,
        user_agent_id, country, referrer, parameters
    FROM click AS c WHERE seq > $1 AND seq <= $2
        AND (SELECT k.seq FROM link_click AS k WHERE k.short_link_id = c.short_link_id AND k.click_id = c.id) IS NULL
    ORDER BY short_link_id, id, seq
)";

/// Notes who has come to a link for the first time.
static NOTE_FIRSTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{LOT}
INSERT INTO link_visitor (short_link_id, visitor, seq)
SELECT DISTINCT ON (short_link_id, visitor) short_link_id, visitor, seq FROM lot
WHERE bot_reason IS NULL AND visitor IS NOT NULL ORDER BY short_link_id, visitor, seq
ON CONFLICT DO NOTHING"
    )
});

/// Sums the lot once that is noted, and tells of its clicks.
static SUM: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{LOT}, counted AS MATERIALIZED (
    SELECT lot.*, {VERDICT} + CASE WHEN bot_reason IS NULL AND (
        SELECT v.seq FROM link_visitor AS v WHERE v.short_link_id = lot.short_link_id AND v.visitor = lot.visitor
    ) = lot.seq THEN {unique} ELSE 0 END AS verdict
    FROM lot
), noted AS (
    INSERT INTO link_click (short_link_id, click_id, seq, clicked_at, verdict)
    SELECT short_link_id, id, seq, clicked_at, verdict FROM counted ORDER BY short_link_id, id
), sums AS (
    SELECT short_link_id, count(*) AS clicks, count(*) FILTER (WHERE bot_reason IS NULL) AS human_clicks,
        count(*) FILTER (WHERE verdict & {unique} <> 0) AS unique_clicks,
        min(clicked_at) AS first_clicked_at, max(clicked_at) AS last_clicked_at
    FROM counted GROUP BY short_link_id
), totals AS (
    INSERT INTO link_total AS total
        (short_link_id, clicks, human_clicks, unique_clicks, first_clicked_at, last_clicked_at)
    SELECT short_link_id, clicks, human_clicks, unique_clicks, first_clicked_at, last_clicked_at
    FROM sums ORDER BY short_link_id
    ON CONFLICT (short_link_id) DO UPDATE SET
        clicks = total.clicks + excluded.clicks,
        human_clicks = total.human_clicks + excluded.human_clicks,
        unique_clicks = total.unique_clicks + excluded.unique_clicks,
        first_clicked_at = least(total.first_clicked_at, excluded.first_clicked_at),
        last_clicked_at = greatest(total.last_clicked_at, excluded.last_clicked_at)
)
SELECT {FACTS} FROM counted AS c {ATTRIBUTES}",
        VERDICT = verdict(),
        unique = StoredVerdict::new(None, None, true).byte(),
    )
});

/// What is to be told of clicks that are summed by link and not told of yet: of a part of a lot.
static SUMMED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {FACTS} FROM (
    SELECT c.seq, c.clicked_at, k.verdict, c.short_link_id, c.user_agent_id, c.country, c.referrer, c.parameters
    FROM click AS c JOIN link_click AS k ON k.short_link_id = c.short_link_id AND k.click_id = c.id AND k.seq = c.seq
    WHERE c.seq > $1 AND c.seq <= $2
) AS c {ATTRIBUTES}"
    )
});

const ROWS: &str = "SELECT count(*) FROM click WHERE seq > $1 AND seq <= $2";

/// Removes what the copies in a lot, whose clicks are noted by other rows, say of their visitors.
static FORGET_COPIES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{}
WHERE seq > $1 AND seq <= $2 AND (
    SELECT k.seq FROM link_click AS k WHERE k.short_link_id = click.short_link_id AND k.click_id = click.id
) <> seq",
        FORGET.as_str()
    )
});

const FACTS: &str = "c.seq, c.clicked_at, CAST(c.verdict AS smallint), c.short_link_id, \
    l.account_id, l.sending_list_id, l.offer_id, l.domain_id, \
    u.device, u.os, u.browser, c.country, c.referrer, CAST(c.parameters AS text)";

const ATTRIBUTES: &str = "LEFT JOIN short_link AS l ON l.id = c.short_link_id \
    LEFT JOIN user_agent AS u ON u.id = c.user_agent_id";

/// A click's [`StoredVerdict`], but for whether it is unique.
fn verdict() -> String {
    let mut reasons = String::new();
    for reason in BotReason::iter() {
        let byte = StoredVerdict::new(Some(reason), None, false).byte();
        // Writing to a text never fails.
        let _ = write!(reasons, " WHEN '{}' THEN {byte}", reason.as_str());
    }
    let mut kinds = String::new();
    for kind in BotKind::iter() {
        let byte = StoredVerdict::new(None, Some(kind), false).byte();
        let _ = write!(kinds, " WHEN '{}' THEN {byte}", kind.as_str());
    }
    format!("CASE bot_reason{reasons} ELSE 0 END + CASE bot_kind{kinds} ELSE 0 END")
}

/// Sums the clicks behind one row up to another by link, and gathers what there is to tell of them; `is_begun` says that
/// a part of them is summed by link already. Copies lose what they say of their visitors.
pub(super) async fn lot(
    db: &DatabaseTransaction,
    through: i64,
    upcoming: i64,
    is_begun: bool,
    facts: &mut Facts,
) -> Result<(), DbErr> {
    let mut counted = 0;
    if is_begun {
        counted += gather(db, &SUMMED, through, upcoming, facts).await?;
    }
    db.execute_raw(of_lot(&NOTE_FIRSTS, through, upcoming)).await?;
    counted += gather(db, &SUM, through, upcoming, facts).await?;
    // To look each click up again only to find that there is no copy would cost more than to count them.
    let rows = db.query_one_raw(of_lot(ROWS, through, upcoming)).await?;
    let rows: i64 = rows.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    if rows != counted {
        db.execute_raw(of_lot(&FORGET_COPIES, through, upcoming)).await?;
    }
    Ok(())
}

fn of_lot(sql: &str, through: i64, upcoming: i64) -> Statement {
    Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, [through.into(), upcoming.into()])
}

/// Gathers what a statement tells of clicks, and answers of how many.
async fn gather(
    db: &DatabaseTransaction,
    sql: &str,
    through: i64,
    upcoming: i64,
    facts: &mut Facts,
) -> Result<i64, DbErr> {
    // Row by row: together they would be a hundred megabytes.
    let mut rows = db.stream_raw(of_lot(sql, through, upcoming)).await?;
    let mut told = 0;
    while let Some(row) = rows.try_next().await? {
        add(&row, facts)?;
        told += 1;
    }
    Ok(told)
}

fn add(row: &QueryResult, facts: &mut Facts) -> Result<(), DbErr> {
    let link: ShortLinkId = row.try_get_by_index(3)?;
    let Some(account) = row.try_get_by_index(4)? else {
        tell_of_unknown_link(link);
        return Ok(());
    };
    let number = facts.link(link);
    if facts.owner_of(number).is_none() {
        let owner = Owner {
            account,
            list: row.try_get_by_index(5)?,
            offer: row.try_get_by_index(6)?,
            domain: row.try_get_by_index(7)?,
        };
        facts.owned(number, owner);
    }
    let mut numbers = TextNumbers::default();
    let texts = [
        Column::Device,
        Column::Os,
        Column::Browser,
        Column::Country,
        Column::Referrer,
    ];
    for (column, at) in texts.into_iter().zip(8..) {
        let text: Option<String> = row.try_get_by_index(at)?;
        facts.texts().set(&mut numbers, column, text.as_deref());
    }
    let parameters: Option<String> = row.try_get_by_index(13)?;
    if let Some(parameters) = parameters {
        facts.texts().number_parameters(&parameters, &mut numbers);
    }
    let (seq, clicked_at): (i64, Timestamp) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    let together = facts.texts().together(numbers);
    facts.add(seq, clicked_at, row.try_get_by_index(2)?, number, together);
    Ok(())
}
