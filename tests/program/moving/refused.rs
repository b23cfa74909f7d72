//! What is not moved, and why; and that all is moved that there is.

use std::collections::{BTreeMap, BTreeSet};

use entity::account;
use linkhop::{
    accounts,
    store::{Kind, Store, tables},
};
use sea_orm::{ConnectionTrait as _, EntityTrait as _, PaginatorTrait as _, Statement};

use crate::{
    program::process::{Ended, run},
    support::{Database, START, Tenant},
};

/// Tables that belong to the migrations, or are made anew from others.
const NOT_MOVED: [&str; 1] = ["seaql_migrations"];

/// Columns that are made anew where rows are written.
const MADE_ANEW: [(&str, &str); 1] = [("short_link", "seq")];

fn moving(from: &str, to: &str) -> Ended {
    run(["move", "--from", from, "--to", to], [])
}

fn refused(ended: &Ended, code: i32, why: &str) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{ended:?}");
    assert!(ended.stderr.contains(why), "{why}: {ended:?}");
}

async fn migrated_file() -> Database {
    let file = Database::file();
    file.store().await.migrate_up().await.expect("migrations");
    file
}

/// The columns of each table that there is, with their types.
async fn columns(store: &Store) -> BTreeMap<String, BTreeMap<String, String>> {
    let select = if store.kind() == "sqlite" {
        // A virtual table keeps what it has in tables of its own.
        "SELECT t.name, c.name, lower(c.type) FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c \
         WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
    } else {
        "SELECT c.table_name::text, column_name::text, data_type::text FROM information_schema.columns AS c \
         JOIN information_schema.tables USING (table_schema, table_name) \
         WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
    };
    let select = Statement::from_string(store.read.get_database_backend(), select);
    let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for row in store.read.query_all_raw(select).await.expect("columns") {
        let text = |at| row.try_get_by_index::<String>(at).expect("a text");
        found.entry(text(0)).or_default().insert(text(1), text(2));
    }
    found
}

/// How each database calls what a column holds.
fn called(kind: Kind) -> [&'static str; 2] {
    match kind {
        Kind::Uuid => ["uuid_text", "uuid"],
        Kind::Flag => ["boolean", "boolean"],
        Kind::Small => ["integer", "smallint"],
        Kind::Int => ["integer", "integer"],
        Kind::Big => ["bigint", "bigint"],
        Kind::Text => ["text", "text"],
        Kind::Json => ["jsonb_text", "jsonb"],
        Kind::Bytes => ["blob", "bytea"],
    }
}

#[tokio::test]
async fn every_column_of_every_table_that_there_is_is_moved() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let found = columns(&store).await;
    let names: BTreeSet<_> = found.keys().map(String::as_str).collect();
    let moved = tables();
    let all: BTreeSet<_> = moved.iter().map(|table| table.name).chain(NOT_MOVED).collect();
    assert_eq!(all, names);
    let is_file = store.kind() == "sqlite";
    for table in moved {
        let mut there = found[table.name].clone();
        for (_, column) in MADE_ANEW.iter().filter(|(name, _)| *name == table.name) {
            assert_eq!(there.remove(*column).is_some(), is_file);
        }
        let here: BTreeMap<_, _> = table
            .columns
            .iter()
            .map(|column| {
                let [sqlite, postgres] = called(column.kind);
                let name = if is_file { sqlite } else { postgres };
                (column.name.to_owned(), name.to_owned())
            })
            .collect();
        if is_file {
            // It knows one kind of number, whatever it is called.
            let called = |columns: BTreeMap<String, String>| -> BTreeMap<String, String> {
                let one = |kind: String| kind.replace("bigint", "integer");
                columns
                    .into_iter()
                    .map(|(name, kind)| (name, one(kind)))
                    .collect()
            };
            assert_eq!(called(here), called(there), "{}", table.name);
        } else {
            assert_eq!(here, there, "{}", table.name);
        }
    }
}

#[tokio::test]
async fn a_database_is_not_moved_into_itself_however_it_is_called() {
    let database = Database::migrated().await;
    let mut names = vec![database.url.clone()];
    if database.is_file() {
        let file = database.url.trim_start_matches("sqlite://");
        let folder = std::path::Path::new(file).parent().expect("a folder");
        names.push(format!("sqlite://{}/./test.db", folder.display()));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(file, folder.join("other.db")).expect("a link");
            std::fs::hard_link(file, folder.join("third.db")).expect("a link");
            names
                .extend(["other.db", "third.db"].map(|name| format!("sqlite://{}/{name}", folder.display())));
        }
    } else {
        names.push(database.url.replace("127.0.0.1", "localhost"));
        names.push(format!("{}?application_name=other", database.url));
    }
    for name in names {
        refused(&moving(&database.url, &name), 2, "both are the same database");
    }
}

#[tokio::test]
async fn schemas_that_are_not_of_this_program_are_refused_before_anything_is_written() {
    let (source, older) = (Database::migrated().await, Database::migrated().await);
    let down = ["migrate", "down", "--database-url", &older.url];
    run(down, []).printed();
    refused(
        &moving(&older.url, &source.url),
        1,
        "the source's schema is older than this program: run `linkhop migrate up` on it first",
    );
    refused(
        &moving(&source.url, &older.url),
        1,
        "the target's schema is older",
    );
    let newer = Database::migrated().await;
    let insert = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)";
    let store = newer.store().await;
    store.write.execute_unprepared(insert).await.expect("a change");
    refused(
        &moving(&newer.url, &source.url),
        1,
        "the source's schema is newer",
    );
    refused(
        &moving(&source.url, &newer.url),
        1,
        "the target's schema is newer",
    );

    // What is refused leaves no file.
    let (empty, target) = (Database::empty().await, Database::file());
    let file = target.url.trim_start_matches("sqlite://");
    empty.store().await;
    refused(
        &moving(&empty.url, &target.url),
        1,
        "the source's schema is older",
    );
    refused(
        &moving("sqlite:///nowhere/linkhop.db", &target.url),
        1,
        "the source can't be opened",
    );
    assert!(!std::path::Path::new(file).exists());
    refused(
        &moving(&source.url, "sqlite:///nowhere/linkhop.db"),
        1,
        "the target can't be opened",
    );
}

#[tokio::test]
async fn a_target_of_somebody_else_is_left_alone() {
    let (source, target) = (Database::migrated().await, migrated_file().await);
    Tenant::make(&source.store().await, "go.example.com", START).await;
    let store = target.store().await;
    let other = accounts::create(&store.write, "Other", &[], START).await;
    let other = other.expect("stored").expect("a name");
    let ended = moving(&source.url, &target.url);
    refused(
        &ended,
        1,
        &format!(
            "the target has an account that the source does not have, {}",
            other.id
        ),
    );
    let accounts = account::Entity::find().count(&store.read).await;
    assert_eq!(accounts.expect("accounts"), 1);
    assert!(!store.is_half_moved().await.expect("an answer"));
}

#[tokio::test]
async fn a_target_that_somebody_has_worked_with_since_is_left_alone() {
    let (source, target) = (Database::migrated().await, Database::file());
    let tenant = Tenant::make(&source.store().await, "go.example.com", START).await;
    let ended = moving(&source.url, &target.url);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let id = tenant.account.id.to_string();
    let suspend = ["account", "suspend", &id, "--database-url", &target.url];
    run(suspend, []).printed();
    refused(
        &moving(&source.url, &target.url),
        1,
        "the target has entries of the audit log that the source does not have: somebody has worked with it",
    );
    let click = "INSERT INTO click (id, clicked_at, short_link_id, method, is_prefetch, agent_list_id) \
        VALUES (x'00000000000000000000000000000000', 5, x'00000000000000000000000000000000', 'GET', false, 1)";
    let store = target.store().await;
    store.write.execute_unprepared(click).await.expect("a click");
    refused(
        &moving(&source.url, &target.url),
        1,
        "the target has clicks that the source does not have",
    );
    // The other way it goes.
    let ended = moving(&target.url, &source.url);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn one_move_at_a_time_writes_to_a_server() {
    let target = Database::migrated().await;
    if target.is_file() {
        return;
    }
    let source = migrated_file().await;
    let store = target.store().await;
    let lock = "SELECT pg_advisory_lock(7811896436327413349)";
    store.write.execute_unprepared(lock).await.expect("a lock");
    refused(
        &moving(&source.url, &target.url),
        1,
        "another `linkhop move` writes to the target",
    );
}

#[tokio::test]
async fn one_move_at_a_time_writes_to_a_file() {
    let (source, target) = (Database::migrated().await, migrated_file().await);
    let file = target.url.trim_start_matches("sqlite://");
    let beside = std::fs::File::create(format!("{file}-move")).expect("a file");
    beside.lock().expect("a lock");
    let mut names = vec![target.url.clone()];
    #[cfg(unix)]
    {
        let name = format!("{file}-other");
        std::os::unix::fs::symlink(file, &name).expect("a link");
        names.push(format!("sqlite://{name}"));
    }
    for name in &names {
        refused(
            &moving(&source.url, name),
            1,
            "another `linkhop move` writes to the target",
        );
    }
    drop(beside);
    for name in &names {
        let ended = moving(&source.url, name);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

#[test]
fn what_is_no_database_is_said_to_be_none_and_no_password_is_shown() {
    let file = "sqlite:///nowhere/linkhop.db";
    for (from, to, code) in [
        ("mysql://linkhop:s3cret@127.0.0.1/linkhop", file, 2),
        (file, "postgres://linkhop:s3cret@[::1/linkhop", 2),
        // Nobody listens there.
        ("postgres://linkhop:s3cret@127.0.0.1:1/linkhop", file, 1),
    ] {
        let ended = run(["move", "--log=trace", "--from", from, "--to", to], []);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{ended:?}");
        assert!(!ended.output().contains("s3cret"), "{ended:?}");
    }
    let ended = run(["move", "--from", file], []);
    refused(&ended, 2, "--to <URL>");
}

#[tokio::test]
async fn no_password_is_shown_where_something_is_moved() {
    let (source, target) = (Database::migrated().await, Database::migrated().await);
    let ended = run(
        ["move", "--log=trace", "--from", &source.url, "--to", &target.url],
        [],
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let url = reqwest::Url::parse(&source.url).expect("a URL");
    let shown = url
        .password()
        .is_some_and(|password| ended.output().contains(password));
    assert!(!shown, "{ended:?}");
}
