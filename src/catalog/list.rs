//! Which offers, sending lists and domains of an account a list has.

use entity::{AccountId, Owned, domain, offer, sending_list};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait as _, QueryFilter, Select,
    sea_query::{Expr, Func, LikeExpr},
};

use crate::accounts::rows_of;

/// What rows of an account must be to be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter<S> {
    /// In one of these statuses; in any but archived where nothing is said.
    pub statuses: Option<Vec<S>>,
    /// With this somewhere in their name, its letters from A to Z in either case.
    pub name: Option<String>,
}

impl<S> Default for Filter<S> {
    fn default() -> Self {
        Self {
            statuses: None,
            name: None,
        }
    }
}

/// Offers of the account.
#[must_use]
pub fn offers(account: AccountId, filter: Filter<offer::Status>) -> Select<offer::Entity> {
    use offer::{Column, Status};
    let rows = in_statuses(
        rows_of(account),
        Column::Status,
        filter.statuses,
        Status::Archived,
    );
    named(rows, Column::Name, filter.name)
}

/// Sending lists of the account; their name is their brand's.
#[must_use]
pub fn sending_lists(
    account: AccountId,
    filter: Filter<sending_list::Status>,
) -> Select<sending_list::Entity> {
    use sending_list::{Column, Status};
    let rows = in_statuses(
        rows_of(account),
        Column::Status,
        filter.statuses,
        Status::Archived,
    );
    named(rows, Column::BrandName, filter.name)
}

/// Domains of the account; their name is their host.
#[must_use]
pub fn domains(account: AccountId, filter: Filter<domain::Status>) -> Select<domain::Entity> {
    use domain::{Column, Status};
    let rows = in_statuses(
        rows_of(account),
        Column::Status,
        filter.statuses,
        Status::Archived,
    );
    named(rows, Column::Host, filter.name)
}

fn in_statuses<E, S>(rows: Select<E>, column: E::Column, statuses: Option<Vec<S>>, archived: S) -> Select<E>
where
    E: Owned,
    S: Into<sea_orm::Value>,
{
    rows.filter(match statuses {
        Some(statuses) => column.is_in(statuses),
        None => column.ne(archived),
    })
}

/// Upper and lower case are those of ASCII in both databases, which know different ones beyond it.
fn named<E: EntityTrait>(rows: Select<E>, column: E::Column, name: Option<String>) -> Select<E> {
    let Some(mut name) = name else {
        return rows;
    };
    name.make_ascii_lowercase();
    let text = name.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let lower = Func::lower(column.into_expr());
    rows.filter(Expr::expr(lower).like(LikeExpr::new(format!("%{text}%")).escape('\\')))
}
