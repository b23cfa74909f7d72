//! Which links of an account a list has.
//!
//! What a link belongs to or holds is looked up in indexes that the two databases have of different kinds, see
//! `migration::m0002_lists`: `SQLite` one inverted index for all of it, whose rows come in the order in which they
//! were stored; `PostgreSQL` one for each.

use std::fmt::Write as _;

use entity::{AccountId, DomainId, OfferId, ShortLinkId, Timestamp, sending_list, short_link};
use sea_orm::{
    ActiveEnum as _, ColumnTrait, Condition, DatabaseBackend, ExprTrait as _, QueryFilter, QuerySelect as _,
    QueryTrait, Select,
    sea_query::{Expr, IntoCondition as _, JoinType, QueryStatementBuilder as _},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::lookup::State;
use crate::{
    accounts::rows_of,
    store::{Indexes, Key},
    values::{metadata::Scalar, search::Search},
};

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
    /// With each of these words at the beginning of one in the code or the destination.
    pub search: Option<Search>,
}

/// The links of the account that are so, and what stands for the order in which they were made.
#[must_use]
pub fn rows(
    account: AccountId,
    filter: LinkFilter,
    now: Timestamp,
    backend: DatabaseBackend,
) -> (Select<short_link::Entity>, Key) {
    use short_link::Column::Id;

    let rows = rows_of::<short_link::Entity>(account)
        .filter(in_states(filter.states.as_deref(), now))
        .filter(
            Condition::all()
                .add_option(
                    filter
                        .created_from
                        .map(|from| Id.gte(ShortLinkId::first_at(from))),
                )
                .add_option(
                    filter
                        .created_before
                        .map(|before| Id.lt(ShortLinkId::first_at(before))),
                ),
        );
    if backend == DatabaseBackend::Postgres {
        return postgres(rows, account, filter);
    }
    let is_plain = LinkFilter {
        states: None,
        created_from: None,
        created_before: None,
        ..filter.clone()
    } == LinkFilter::default();
    if is_plain {
        (rows, Id.into())
    } else {
        sqlite(rows, account, filter)
    }
}

/// Whether a link is in one of these states at `now`: what [`state`](super::lookup::state) says, as a condition.
///
/// Statuses are written into the statement, or the indexes of some of them could not be used; and so is what follows
/// from the rest of the condition but that `SQLite` does not conclude.
fn in_states(states: Option<&[State]>, now: Timestamp) -> Condition {
    use short_link::{
        Column::{ExhaustedAt, ExpiresAt, Status},
        Status::{Active, Archived, Disabled},
    };

    let stored = |status: short_link::Status| Expr::Constant(status.to_value().into());
    let is = |status| Status.into_expr().eq(stored(status));
    let Some(states) = states else {
        return Condition::all().add(Status.into_expr().ne(stored(Archived)));
    };
    let listed = |state| states.contains(&state);
    let others = Condition::any()
        .add_option(listed(State::Disabled).then(|| is(Disabled)))
        .add_option(listed(State::Archived).then(|| is(Archived)));
    let expired = || ExpiresAt.is_not_null().and(ExpiresAt.lte(now));
    let unexpired = || ExpiresAt.is_null().or(ExpiresAt.gt(now));
    let active = match (
        listed(State::Active),
        listed(State::Expired),
        listed(State::Exhausted),
    ) {
        _ if states.is_empty() => return Condition::all().add(Expr::Constant(false.into())),
        (false, false, false) => {
            return Condition::all()
                .add(others)
                .add(Status.into_expr().ne(stored(Active)));
        }
        (true, true, true) => Condition::all(),
        (true, true, false) => Condition::any().add(ExhaustedAt.is_null()).add(expired()),
        (true, false, true) => unexpired().into_condition(),
        (true, false, false) => Condition::all().add(ExhaustedAt.is_null()).add(unexpired()),
        // In words that no index of few has: PostgreSQL would gather two of them and sort what they find.
        (false, true, true) => {
            let case = Expr::case(ExhaustedAt.is_null(), ExpiresAt.lte(now));
            Condition::all().add(Expr::Case(Box::new(case.finally(Expr::Constant(true.into())))))
        }
        (false, true, false) => expired().into_condition(),
        (false, false, true) => Condition::all().add(ExhaustedAt.is_not_null()).add(unexpired()),
    };
    let active = Condition::all().add(is(Active)).add(active);
    // Alone, since an index of those that are so is used only where all must be.
    if others.is_empty() {
        active
    } else {
        others.add(active)
    }
}

/// Links that an index of their own has are asked for in an order that no other has: or it might go through all links
/// of the account until it has found enough, since it does not know how few are so. Words and metadata have indexes
/// without an order, and what these find is sorted: so the nearest links are looked through first, where what many
/// links have is found soon.
fn postgres(
    rows: Select<short_link::Entity>,
    account: AccountId,
    filter: LinkFilter,
) -> (Select<short_link::Entity>, Key) {
    use short_link::Column::{ContactPhone, DomainId, Id, OfferId, SendingListId};

    let has_ordered = filter.list.is_some()
        || filter.offer.is_some()
        || filter.domain.is_some()
        || filter.contact_phone.is_some();
    let has_inverted = filter.metadata.is_some() || filter.search.is_some();
    let mut key = Key::from(Id);
    if has_inverted {
        let all = rows_of::<short_link::Entity>(account).select_only().column(Id);
        key.indexes = Indexes::No;
        key.among = Some(all.into_query());
    } else if has_ordered {
        key.indexes = Indexes::NullsLast;
    }

    let list = filter.list.map(|number| {
        let list = rows_of::<sending_list::Entity>(account)
            .filter(sending_list::Column::ListId.eq(number))
            .select_only()
            .column(sending_list::Column::Id);
        // As one value, so that its index gives its links in their order.
        SendingListId.into_expr().eq(Expr::SubQuery(
            None,
            Box::new(list.into_query().into_sub_query_statement()),
        ))
    });
    let metadata = filter.metadata.map(|(key, value)| {
        let object = Value::Object(Map::from_iter([(key, value.into_json())]));
        Expr::cust_with_values("short_link.metadata @> $1", [object])
    });
    let search = filter.search.map(|search| {
        let mut words = format!("a{}", Uuid::from(account).simple());
        for word in search.words() {
            let _ = write!(words, " & w{word}:*");
        }
        Expr::cust_with_values(format!("{WORDS} @@ to_tsquery('simple', $1)"), [words])
    });
    let rows = rows.filter(
        Condition::all()
            .add_option(list)
            .add_option(filter.offer.map(|offer| OfferId.eq(offer)))
            .add_option(filter.domain.map(|domain| DomainId.eq(domain)))
            .add_option(filter.contact_phone.map(|phone| ContactPhone.eq(phone)))
            .add_option(metadata)
            .add_option(search),
    );
    (rows, key)
}

/// What `PostgreSQL` has an index of: the migration says the same.
const WORDS: &str = "to_tsvector('simple', 'a' || replace(short_link.account_id::text, '-', '') || ' w' || \
    regexp_replace(short_link.code || ' ' || short_link.destination, '[^A-Za-z0-9]+', ' w', 'g'))";

/// The index is asked first, for rows of the account that have all terms, and each of those is then looked at.
fn sqlite(
    mut rows: Select<short_link::Entity>,
    account: AccountId,
    filter: LinkFilter,
) -> (Select<short_link::Entity>, Key) {
    let mut terms = format!("§a{}", Uuid::from(account).simple());
    if let Some(offer) = filter.offer {
        let _ = write!(terms, " §o{}", Uuid::from(offer).simple());
    }
    if let Some(domain) = filter.domain {
        let _ = write!(terms, " §d{}", Uuid::from(domain).simple());
    }
    if let Some(search) = filter.search {
        for word in search.words() {
            let _ = write!(terms, " \"{word}\"*");
        }
    }
    if let Some(phone) = filter.contact_phone {
        terms.push_str(" §p");
        for byte in phone.bytes() {
            let _ = write!(terms, "{byte:02x}");
        }
    }
    let mut matched = "short_link_index MATCH ?".to_owned();
    let mut values: Vec<sea_orm::Value> = vec![terms.into()];
    if let Some(number) = filter.list {
        // The term of no list where the account has none with that number.
        matched.push_str(
            " || ' §l' || coalesce((SELECT hex(id) FROM sending_list WHERE account_id = ? AND list_id = ?), '')",
        );
        values.extend([account.into(), number.into()]);
    }
    if let Some((key, value)) = filter.metadata {
        let object = Value::Object(Map::from_iter([(key.clone(), value.clone().into_json())])).to_string();
        rows = rows.filter(has(&key, &value, &object));
        let _ = write!(matched, " || ' ' || (SELECT {METADATA_TERM} FROM json_each(?))");
        values.push(object.into());
    }
    let query = QueryTrait::query(&mut rows);
    // In this order, since it is the one in which SQLite then goes.
    query
        .from_clear()
        .from("short_link_index")
        .join(JoinType::CrossJoin, short_link::Entity, Condition::all())
        .and_where(Expr::cust("short_link.seq = short_link_index.rowid"))
        .and_where(Expr::cust_with_values(matched, values));
    let key = Key {
        of_row: Expr::cust("short_link_index.rowid"),
        of_cursor: std::sync::Arc::new(move |id| {
            let seq = "(SELECT seq FROM short_link WHERE account_id = ? AND id = ?)";
            Expr::cust_with_values(seq, [account.into(), id])
        }),
        indexes: Indexes::All,
        among: None,
    };
    (rows, key)
}

/// The term of one key with its value, as the migration has it.
const METADATA_TERM: &str = "'§m' || hex(key) || CASE type WHEN 'text' THEN 't' || substr(hex(atom), 1, 128) \
    WHEN 'true' THEN 'y' WHEN 'false' THEN 'z' ELSE 'n' || hex(printf('%!.15g', atom)) END";

/// Whether a row's metadata has exactly this value under this key: its term says that only nearly. The value is read
/// from JSON by `SQLite`, as the row's was: its reading of a number is not the last digit's.
fn has(key: &str, value: &Scalar, object: &str) -> Expr {
    // Kinds are named, since `true` is 1 to SQLite.
    let kinds = match value {
        Scalar::Text(_) => "'text'",
        Scalar::Number(_) => "'integer', 'real'",
        Scalar::Flag(true) => "'true'",
        Scalar::Flag(false) => "'false'",
    };
    let exists = format!(
        "EXISTS (SELECT 1 FROM json_each(short_link.metadata) WHERE key = ? AND type IN ({kinds}) \
         AND atom = (SELECT atom FROM json_each(?)))"
    );
    Expr::cust_with_values(exists, [key, object])
}
