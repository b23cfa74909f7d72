//! Whether what a filter names is the account's.

use entity::AccountId;
use sea_orm::{ConnectionTrait, Statement, Value};

use super::{ClickFilter, ReportError};

/// Looks up all that the filter names, in one statement. An archived one is there.
///
/// # Errors
/// When something is not the account's, or the database does not answer.
pub(in crate::clicks) async fn check(
    db: &impl ConnectionTrait,
    account: AccountId,
    filter: &ClickFilter,
) -> Result<(), ReportError> {
    let named: [(&str, Option<Value>, ReportError); 4] = [
        (
            "short_link",
            filter.link.map(Into::into),
            ReportError::LinkNotFound,
        ),
        ("offer", filter.offer.map(Into::into), ReportError::OfferNotFound),
        (
            "sending_list",
            filter.list.map(Into::into),
            ReportError::ListNotFound,
        ),
        (
            "domain",
            filter.domain.map(Into::into),
            ReportError::DomainNotFound,
        ),
    ];
    let mut values = vec![account.into()];
    let (mut columns, mut errors) = (Vec::new(), Vec::new());
    for (table, id, error) in named {
        if let Some(id) = id {
            values.push(id);
            let place = values.len();
            columns.push(format!(
                "EXISTS (SELECT 1 FROM {table} WHERE account_id = $1 AND id = ${place})"
            ));
            errors.push(error);
        }
    }
    if columns.is_empty() {
        return Ok(());
    }
    let sql = format!("SELECT {}", columns.join(", "));
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let row = db.query_one_raw(statement).await?;
    for (place, error) in errors.into_iter().enumerate() {
        let is_there = match &row {
            Some(row) => row.try_get_by_index(place)?,
            None => false,
        };
        if !is_there {
            return Err(error);
        }
    }
    Ok(())
}
