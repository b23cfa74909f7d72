//! What is moved: every table, column by column.

use std::cmp::Ordering;

use entity::{
    abuse_report, account, agent_list, api_key, audit_entry, blocked_host, click, click_column,
    click_summing, domain, idempotency_key, link_click, link_total, link_use, link_visitor, offer,
    sending_list, server_secret, short_link, subject_quarter, subject_total, user_agent,
};
use sea_orm::{
    ColumnTrait as _, ColumnType, EntityTrait, IdenStatic as _, Iterable as _, PrimaryKeyToColumn as _,
};

use super::lot::fields;

/// One table, as its entity has it.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, those of its key first.
    pub columns: Vec<Column>,
    /// How many columns its key has.
    pub keys: usize,
    /// Whether rows of other tables refer to its own: then a row goes only after those.
    pub(super) is_referred_to: bool,
    /// What is unique beside the key and may be changed, so that one row may have what another one had.
    pub(super) exchanged: &'static [&'static str],
    /// Whether its rows go over from one kind of database to the other.
    pub(super) goes_over: bool,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 16 bytes.
    Uuid,
    /// True or false.
    Flag,
    /// A number of 16 bits.
    Small,
    /// A number of 32 bits.
    Int,
    /// A number of 64 bits.
    Big,
    /// A text.
    Text,
    /// A JSON value.
    Json,
    /// Bytes.
    Bytes,
}

impl Kind {
    fn of(column: &ColumnType) -> Self {
        match column {
            ColumnType::Uuid => Self::Uuid,
            ColumnType::Boolean => Self::Flag,
            ColumnType::SmallInteger => Self::Small,
            ColumnType::Integer => Self::Int,
            ColumnType::BigInteger => Self::Big,
            ColumnType::Text | ColumnType::String(_) => Self::Text,
            ColumnType::Json | ColumnType::JsonBinary => Self::Json,
            ColumnType::Blob | ColumnType::Binary(_) | ColumnType::VarBinary(_) => Self::Bytes,
            other => unreachable!("no table has a column of the type {other:?}"),
        }
    }

    /// How two values of a key stand to each other, in both databases.
    fn order(self, one: &[u8], other: &[u8]) -> Ordering {
        match self {
            // The highest bit is the sign.
            Self::Small | Self::Int | Self::Big => {
                let unsigned = |value: &[u8]| value.first().map(|first| first ^ 0x80);
                unsigned(one).cmp(&unsigned(other)).then_with(|| one.cmp(other))
            }
            _ => one.cmp(other),
        }
    }
}

impl Table {
    fn of<E: EntityTrait>() -> Self {
        let key: Vec<_> = E::PrimaryKey::iter()
            .map(|key| key.into_column().as_str())
            .collect();
        let column = |column: E::Column| Column {
            name: column.as_str(),
            kind: Kind::of(column.def().get_column_type()),
        };
        let mut columns: Vec<_> = E::Column::iter().map(column).collect();
        // Stable: the others stay in their order.
        columns.sort_by_key(|column| {
            let place = key.iter().position(|name| *name == column.name);
            place.unwrap_or(key.len())
        });
        Self {
            name: E::default().table_name(),
            columns,
            keys: key.len(),
            is_referred_to: false,
            exchanged: &[],
            goes_over: false,
        }
    }

    fn referred_to<E: EntityTrait>(exchanged: &'static [&'static str]) -> Self {
        Self {
            is_referred_to: true,
            exchanged,
            ..Self::of::<E>()
        }
    }

    /// The columns of the key.
    pub(super) fn key(&self) -> &[Column] {
        &self.columns[..self.keys]
    }

    /// All other columns.
    pub(super) fn rest(&self) -> &[Column] {
        &self.columns[self.keys..]
    }

    /// The names of all columns, as a statement lists them; each said by `say`.
    pub(super) fn list(columns: &[Column], between: &str, say: impl Fn(&str) -> String) -> String {
        let names: Vec<_> = columns.iter().map(|column| say(column.name)).collect();
        names.join(between)
    }

    /// The columns as a statement lists them.
    pub(super) fn names(&self) -> String {
        Self::list(&self.columns, ", ", quoted)
    }

    /// How two rows stand to each other by their keys.
    pub(super) fn order(&self, one: &[u8], other: &[u8]) -> Ordering {
        let values = fields(one).zip(fields(other)).zip(self.key());
        values
            .map(|((one, other), column)| {
                column
                    .kind
                    .order(one.unwrap_or_default(), other.unwrap_or_default())
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

/// A name as both databases take it, whatever words they keep for themselves.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// All tables there are, but for the one that says which migrations were made; those that others refer to first.
///
/// The columns are those of the entities, so that a new one is moved too. What is no column of an entity is made anew where
/// rows are written: `SQLite`'s row numbers of links, and its index of their words.
#[must_use]
pub fn tables() -> Vec<Table> {
    vec![
        Table::of::<server_secret::Entity>(),
        Table::referred_to::<account::Entity>(&[]),
        Table::referred_to::<domain::Entity>(&["host"]),
        Table::referred_to::<offer::Entity>(&[]),
        Table::referred_to::<sending_list::Entity>(&["list_id", "phone_number"]),
        Table::of::<api_key::Entity>(),
        Table::of::<blocked_host::Entity>(),
        Table::of::<abuse_report::Entity>(),
        Table::of::<short_link::Entity>(),
        Table::of::<link_use::Entity>(),
        Table::of::<idempotency_key::Entity>(),
        Table::of::<audit_entry::Entity>(),
        Table::of::<agent_list::Entity>(),
        Table::of::<user_agent::Entity>(),
        Table::of::<click::Entity>(),
        Table::of::<link_click::Entity>(),
        Table::of::<link_visitor::Entity>(),
        Table::of::<link_total::Entity>(),
        Table::of::<subject_total::Entity>(),
        Table::of::<subject_quarter::Entity>(),
        Table::of::<click_column::Entity>(),
        Table::of::<click_summing::Entity>(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::transfer::lot::put;

    #[test]
    fn numbers_are_compared_with_their_signs_and_texts_by_their_bytes() {
        let row = |text: &str, number: i64| {
            let mut row = Vec::new();
            put(&mut row, Some(text.as_bytes()));
            put(&mut row, Some(&number.to_be_bytes()));
            row
        };
        let column = |name, kind| Column { name, kind };
        let table = Table {
            columns: vec![column("text", Kind::Text), column("number", Kind::Big)],
            keys: 2,
            ..Table::of::<server_secret::Entity>()
        };
        let sorted = [
            row("", i64::MIN),
            row("", -1),
            row("", 0),
            row("", 1),
            row("", i64::MAX),
            row("Z", -5),
            row("a", -5),
            row("aa", -7),
            row("é", 0),
        ];
        assert!(
            sorted
                .windows(2)
                .all(|pair| table.order(&pair[0], &pair[1]).is_lt())
        );
        assert_eq!(table.order(&sorted[3], &sorted[3]), Ordering::Equal);
    }

    #[test]
    fn a_key_comes_first_whatever_the_order_of_the_columns() {
        for table in tables() {
            assert!(table.keys > 0 && table.keys < table.columns.len(), "{table:?}");
        }
        let entry = Table::of::<audit_entry::Entity>();
        assert_eq!(Table::list(entry.key(), ", ", str::to_owned), "account_id, id");
    }
}
