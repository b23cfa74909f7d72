//! Sets of rows in one statement.
//!
//! A set is sent as one JSON parameter, so that the statement's text is the same whatever its size: it is
//! prepared once, and a set costs one round trip. Rows are made into JSON by whoever hands them over, beside
//! each other, and only put behind one another here.

use sea_orm::{
    ColumnTrait, ColumnType, ConnectionTrait, DatabaseBackend, DbErr, EntityTrait, IdenStatic, Iterable,
    PrimaryKeyToColumn, PrimaryKeyTrait, QueryResult, Statement,
};

/// The statement that appends rows of `E` given as a JSON array of objects, one field a column.
///
/// A row that meets a unique index is left out and the rest is stored, so that the index decides and nothing
/// is looked up first. With `returning`, that column of each stored row comes back, in no promised order.
pub(super) fn insert<E>(backend: DatabaseBackend, returning: Option<E::Column>) -> String
where
    E: EntityTrait,
{
    let numbered =
        |column: &E::Column| E::PrimaryKey::auto_increment() && E::PrimaryKey::from_column(*column).is_some();
    let columns: Vec<E::Column> = E::Column::iter().filter(|column| !numbered(column)).collect();
    let names = columns
        .iter()
        .map(IdenStatic::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    let table = E::default();
    let table = table.table_name();
    let rows = if backend == DatabaseBackend::Sqlite {
        let values: Vec<String> = columns.iter().map(sqlite_value).collect();
        format!("SELECT {} FROM json_each(?1) WHERE true", values.join(", "))
    } else {
        format!("SELECT {names} FROM json_populate_recordset(NULL::{table}, $1::json)")
    };
    let returning = returning
        .map(|column| format!(" RETURNING {}", column.as_str()))
        .unwrap_or_default();
    format!("INSERT INTO {table} ({names}) {rows} ON CONFLICT DO NOTHING{returning}")
}

fn sqlite_value<C: ColumnTrait>(column: &C) -> String {
    let name = column.as_str();
    match column.def().get_column_type() {
        ColumnType::Uuid => format!("unhex(value->>'{name}')"),
        ColumnType::Json | ColumnType::JsonBinary => format!("value->'{name}'"),
        _ => format!("value->>'{name}'"),
    }
}

/// Runs a statement made by [`insert`] without `returning`.
pub(super) async fn append<'a>(
    db: &impl ConnectionTrait,
    sql: &str,
    rows: impl Iterator<Item = &'a str>,
) -> Result<(), DbErr> {
    db.execute_raw(statement(db, sql, rows)).await?;
    Ok(())
}

/// Runs a statement made by [`insert`] with `returning`.
pub(super) async fn append_returning<'a>(
    db: &impl ConnectionTrait,
    sql: &str,
    rows: impl Iterator<Item = &'a str>,
) -> Result<Vec<QueryResult>, DbErr> {
    db.query_all_raw(statement(db, sql, rows)).await
}

fn statement<'a>(db: &impl ConnectionTrait, sql: &str, rows: impl Iterator<Item = &'a str>) -> Statement {
    let mut array = String::from("[");
    for row in rows {
        if array.len() > 1 {
            array.push(',');
        }
        array.push_str(row);
    }
    array.push(']');
    Statement::from_sql_and_values(db.get_database_backend(), sql, [array.into()])
}
