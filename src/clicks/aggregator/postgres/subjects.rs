//! Adding what a whole lot adds to the sums of subjects.

use std::sync::LazyLock;

use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, Statement};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    clicks::aggregator::facts::{Sum, Sums},
    store::aside,
};

static ADD_TOTALS: LazyLock<String> = LazyLock::new(|| add("subject_total", "subject_id"));
static ADD_QUARTERS: LazyLock<String> = LazyLock::new(|| add("subject_quarter", "subject_id, quarter"));

/// The statement that adds rows of a table with this key, given as a JSON array, to those that are there.
fn add(table: &str, key: &str) -> String {
    format!(
        "INSERT INTO {table} AS total
    ({key}, clicks, human_clicks, unique_clicks, first_clicked_at, last_clicked_at)
SELECT {key}, clicks, human_clicks, unique_clicks, first_clicked_at, last_clicked_at
FROM json_populate_recordset(NULL::{table}, $1::json) ORDER BY {key}
ON CONFLICT ({key}) DO UPDATE SET
    clicks = total.clicks + excluded.clicks,
    human_clicks = total.human_clicks + excluded.human_clicks,
    unique_clicks = total.unique_clicks + excluded.unique_clicks,
    first_clicked_at = least(total.first_clicked_at, excluded.first_clicked_at),
    last_clicked_at = greatest(total.last_clicked_at, excluded.last_clicked_at)"
    )
}

/// Adds to the sums of subjects.
pub(super) async fn add_sums(db: &impl ConnectionTrait, sums: Sums) -> Result<(), DbErr> {
    let written = aside(move || {
        let totals = sums.totals.iter().map(|(subject, sum)| row(*subject, None, sum));
        let quarters = sums.quarters.iter();
        let quarters = quarters.map(|((subject, quarter), sum)| row(*subject, Some(*quarter), sum));
        (written(totals.collect()), written(quarters.collect()))
    });
    let (totals, quarters) = written.await?;
    add_all(db, &ADD_TOTALS, totals).await?;
    add_all(db, &ADD_QUARTERS, quarters).await
}

/// Rows as a JSON array; `None` where there are none.
fn written(rows: Vec<Value>) -> Option<String> {
    (!rows.is_empty()).then(|| Value::from(rows).to_string())
}

async fn add_all(db: &impl ConnectionTrait, sql: &str, rows: Option<String>) -> Result<(), DbErr> {
    let Some(rows) = rows else { return Ok(()) };
    let statement = Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, [rows.into()]);
    db.execute_raw(statement).await?;
    Ok(())
}

fn row(subject: Uuid, quarter: Option<i32>, sum: &Sum) -> Value {
    json!({
        "subject_id": subject,
        "quarter": quarter,
        "clicks": sum.clicks,
        "human_clicks": sum.human_clicks,
        "unique_clicks": sum.unique_clicks,
        "first_clicked_at": sum.first_clicked_at.millis(),
        "last_clicked_at": sum.last_clicked_at.millis(),
    })
}
