//! Many links that are archived by a server that is killed meanwhile.

use std::collections::BTreeSet;

use entity::{ShortLinkId, audit_entry, short_link};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseBackend, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, TransactionTrait as _,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{client::Client, process::Program};
use crate::support::{Database, START, Tenant};

/// How many links the filter names, and how many it does not: fewer than one call archives.
const LINKS: usize = 8000;
const OTHERS: usize = 100;

/// How many are archived together, or none of them.
const LOT: usize = 250;

const ARCHIVE: &str = "mutation($filter: ShortLinkFilter!) { archiveShortLinks(filter: $filter) {
    __typename ... on ArchiveShortLinksSuccess { archived hasMore } } }";

async fn archive(client: &Client) -> reqwest::Result<Value> {
    let filter = json!({"metadata": {"key": "campaign", "value": "spring"}});
    let mut answer = client.graphql(ARCHIVE, json!({"filter": filter})).await?;
    Ok(answer["archiveShortLinks"].take())
}

/// The links that are archived.
async fn archived(database: &Database) -> BTreeSet<Uuid> {
    let is_archived = short_link::Column::Status.eq(short_link::Status::Archived);
    let links = short_link::Entity::find().filter(is_archived);
    let links = links.all(&database.store().await.read).await.expect("links");
    links.into_iter().map(|link| link.id.into()).collect()
}

/// The same once there are no more: `PostgreSQL` may still carry out what it was told last, and holds the table for it.
async fn settled(database: &Database) -> BTreeSet<Uuid> {
    let store = database.store().await;
    let transaction = store.write.begin().await.expect("a transaction");
    if transaction.get_database_backend() == DatabaseBackend::Postgres {
        let lock = "LOCK TABLE short_link IN SHARE ROW EXCLUSIVE MODE";
        transaction.execute_unprepared(lock).await.expect("a lock");
    }
    transaction.rollback().await.expect("an end");
    archived(database).await
}

/// The links that the audit log calls archived; fails where it does so twice.
async fn told(database: &Database) -> BTreeSet<Uuid> {
    let of_archiving = audit_entry::Column::Action.eq(audit_entry::Action::ShortLinkArchived);
    let entries = audit_entry::Entity::find().filter(of_archiving);
    let entries = entries.all(&database.store().await.read).await.expect("entries");
    let mut told = BTreeSet::new();
    for entry in entries {
        let link = entry.subject_id.expect("a link");
        assert!(told.insert(link), "it is told of {link} twice");
        assert_eq!(entry.affected, 1);
        assert_eq!(entry.before, Some(json!({"status": "ACTIVE"})));
        assert_eq!(entry.after, Some(json!({"status": "ARCHIVED"})));
    }
    told
}

#[tokio::test]
async fn archiving_that_a_kill_broke_off_is_finished_when_it_is_asked_for_again() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let tenant = Tenant::make(&store, "go.example.com", START).await;
    let (program, url) = Program::serve(&database);
    let client = Client::new(&url, &tenant.key);
    client
        .create(json!({"url": "https://example.com/", "listId": 42, "metadata": {"campaign": "autumn"}}))
        .await
        .expect("a link");
    let first = short_link::Entity::find().one(&store.read).await;
    let first = first.expect("rows").expect("a link");
    let more: Vec<_> = (1..LINKS + OTHERS)
        .map(|at| short_link::Model {
            id: ShortLinkId::at(START),
            code: format!("more{at}"),
            metadata: json!({"campaign": if at < OTHERS { "autumn" } else { "spring" }}),
            ..first.clone()
        })
        .collect();
    for some in more.chunks(500) {
        let rows = some.iter().map(|row| row.clone().into_active_model());
        let insert = short_link::Entity::insert_many(rows);
        insert.exec_without_returning(&store.write).await.expect("links");
    }
    let named: BTreeSet<Uuid> = more[OTHERS - 1..].iter().map(|link| link.id.into()).collect();
    assert_eq!(named.len(), LINKS);
    let asked = tokio::spawn({
        let client = client.clone();
        async move { archive(&client).await }
    });
    // It is under way as soon as the first links are done.
    while archived(&database).await.is_empty() {
        tokio::task::yield_now().await;
    }
    program.kill();
    assert!(
        asked.await.expect("a task").is_err(),
        "it was done before the kill"
    );
    let before = settled(&database).await;
    assert!(
        before.len() < LINKS && before.len().is_multiple_of(LOT),
        "{} are archived",
        before.len()
    );
    assert!(before.is_subset(&named));
    assert_eq!(told(&database).await, before, "of exactly those it is told");

    let (_program, url) = Program::serve(&database);
    let client = Client::new(&url, &tenant.key);
    let done = archive(&client).await.expect("an answer");
    assert_eq!(done["archived"], LINKS - before.len(), "{done}");
    assert_eq!(done["hasMore"], false, "{done}");
    assert_eq!(archived(&database).await, named);
    assert_eq!(told(&database).await, named);
    let again = archive(&client).await.expect("an answer");
    assert_eq!(again["archived"], 0, "{again}");
}
