//! Which links of an account a list has.

use entity::{AccountId, DomainId, OfferId, ShortLinkId, Timestamp, sending_list, short_link};
use sea_orm::{
    ActiveEnum as _, ColumnTrait, Condition, DatabaseBackend, ExprTrait as _, QueryFilter, QuerySelect as _,
    QueryTrait as _, Select, sea_query::Expr,
};
use serde_json::{Map, Value};

use super::lookup::State;
use crate::{accounts::rows_of, values::metadata::Scalar};

/// What links of an account must be to be listed: all that is said here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkFilter {
    /// Sent from the list with this number.
    pub list: Option<i32>,
    /// To this offer.
    pub offer: Option<OfferId>,
    /// On this domain.
    pub domain: Option<DomainId>,
    /// In one of these states; in any but archived where nothing is said.
    pub states: Option<Vec<State>>,
    /// For this recipient.
    pub contact_phone: Option<String>,
    /// Made at this time or later.
    pub created_from: Option<Timestamp>,
    /// Made before this time.
    pub created_before: Option<Timestamp>,
    /// With this value under a key of the metadata.
    pub metadata: Option<(String, Scalar)>,
}

/// The links of the account that are so.
#[must_use]
pub fn rows(
    account: AccountId,
    filter: LinkFilter,
    now: Timestamp,
    backend: DatabaseBackend,
) -> Select<short_link::Entity> {
    use short_link::Column::{ContactPhone, DomainId, Id, OfferId, SendingListId};

    let mut rows = rows_of::<short_link::Entity>(account).filter(in_states(filter.states.as_deref(), now));
    if let Some(number) = filter.list {
        let list = rows_of::<sending_list::Entity>(account)
            .filter(sending_list::Column::ListId.eq(number))
            .select_only()
            .column(sending_list::Column::Id);
        rows = rows.filter(SendingListId.in_subquery(list.into_query()));
    }
    if let Some(offer) = filter.offer {
        rows = rows.filter(OfferId.eq(offer));
    }
    if let Some(domain) = filter.domain {
        rows = rows.filter(DomainId.eq(domain));
    }
    if let Some(phone) = filter.contact_phone {
        rows = rows.filter(ContactPhone.eq(phone));
    }
    if let Some(from) = filter.created_from {
        rows = rows.filter(Id.gte(ShortLinkId::first_at(from)));
    }
    if let Some(before) = filter.created_before {
        rows = rows.filter(Id.lt(ShortLinkId::first_at(before)));
    }
    if let Some((key, value)) = filter.metadata {
        rows = rows.filter(has(key, value, backend));
    }
    rows
}

/// Whether a link is in one of these states at `now`: what [`state`](super::lookup::state) says, as a condition.
fn in_states(states: Option<&[State]>, now: Timestamp) -> Condition {
    use short_link::{
        Column::{ExpiresAt, Status},
        Status::{Active, Archived, Disabled},
    };

    // Written into the statement, or an index of some statuses could not be used.
    let is = |status: short_link::Status| Status.into_expr().eq(Expr::Constant(status.to_value().into()));
    let Some(states) = states else {
        return Condition::all().add(is(Archived).not());
    };
    let expired = || ExpiresAt.is_not_null().and(ExpiresAt.lte(now));
    let listed = |state| states.contains(&state);
    let active = match (listed(State::Active), listed(State::Expired)) {
        (true, true) => Some(is(Active)),
        (true, false) => Some(is(Active).and(ExpiresAt.is_null().or(ExpiresAt.gt(now)))),
        (false, true) => Some(is(Active).and(expired())),
        (false, false) => None,
    };
    Condition::any()
        .add_option(active)
        .add_option(listed(State::Disabled).then(|| is(Disabled)))
        .add_option(listed(State::Archived).then(|| is(Archived)))
}

/// Whether a link's metadata has this value under this key.
fn has(key: String, value: Scalar, backend: DatabaseBackend) -> Expr {
    if backend == DatabaseBackend::Postgres {
        let object = Value::Object(Map::from_iter([(key, value.into_json())]));
        return Expr::cust_with_values("short_link.metadata @> $1", [object]);
    }
    // Named by their kinds, since `true` is 1 to SQLite.
    let (kinds, value): (&str, sea_orm::Value) = match value {
        Scalar::Text(text) => ("'text'", text.into()),
        Scalar::Number(number) => ("'integer', 'real'", number_value(&number)),
        Scalar::Flag(flag) => (if flag { "'true'" } else { "'false'" }, flag.into()),
    };
    Expr::cust_with_values(
        format!(
            "EXISTS (SELECT 1 FROM json_each(short_link.metadata) WHERE key = ? AND type IN ({kinds}) AND atom = ?)"
        ),
        [key.into(), value],
    )
}

/// The number as SQLite reads it from JSON.
fn number_value(number: &serde_json::Number) -> sea_orm::Value {
    match number.as_i64() {
        Some(whole) => whole.into(),
        None => number.as_f64().unwrap_or_default().into(),
    }
}
