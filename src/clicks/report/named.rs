//! Whether what a filter names is the account's.

use sea_orm::Value;

use super::{ClickFilter, ReportError, view::View};

/// Looks up all that the filter names, in one statement. An archived one is there.
///
/// # Errors
/// When something is not the account's, or the database does not answer.
pub(super) async fn check(view: &View, filter: &ClickFilter) -> Result<(), ReportError> {
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
    let mut values = Vec::new();
    let (mut columns, mut errors) = (Vec::new(), Vec::new());
    for (table, id, error) in named {
        if let Some(id) = id {
            values.push(id);
            let place = values.len() + 1;
            columns.push(format!(
                "EXISTS (SELECT 1 FROM {table} WHERE account_id = $1 AND id = ${place})"
            ));
            errors.push(error);
        }
    }
    if columns.is_empty() {
        return Ok(());
    }
    let rows = view
        .rows(format!("SELECT {}", columns.join(", ")), values)
        .await?;
    for (place, error) in errors.into_iter().enumerate() {
        let is_there = match rows.first() {
            Some(row) => row.try_get_by_index(place)?,
            None => false,
        };
        if !is_there {
            return Err(error);
        }
    }
    Ok(())
}
