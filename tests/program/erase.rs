//! A person who is forgotten by a server that is killed meanwhile.

use entity::{ShortLinkId, click, short_link};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _,
};
use serde_json::json;

use super::{client::Client, process::Program};
use crate::support::{Database, START, Tenant};

const NUMBER: &str = "+14155552671";
const LINKS: usize = 3000;

async fn left(database: &Database) -> (u64, u64) {
    let db = database.store().await.read;
    let links = short_link::Entity::find().filter(short_link::Column::ContactPhone.is_not_null());
    let clicks = click::Entity::find().filter(click::Column::Visitor.is_not_null());
    (
        links.count(&db).await.expect("links"),
        clicks.count(&db).await.expect("clicks"),
    )
}

#[tokio::test]
async fn erasing_that_a_kill_broke_off_is_finished_when_it_is_asked_for_again() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let tenant = Tenant::make(&store, "go.example.com", START).await;
    let (program, url) = Program::serve(&database);
    let client = Client::new(&url, &tenant.key);
    let made = client
        .create(json!({"url": "https://example.com/", "listId": 42, "contactPhone": NUMBER, "code": "first"}))
        .await
        .expect("a link");
    client.visit("go.example.com", "first").await.expect("a click");
    let first = short_link::Entity::find()
        .one(&store.read)
        .await
        .expect("rows")
        .expect("a link");
    let more: Vec<_> = (1..LINKS)
        .map(|at| short_link::Model {
            id: ShortLinkId::at(START),
            code: format!("more{at}"),
            ..first.clone()
        })
        .collect();
    for some in more.chunks(500) {
        let rows = some.iter().map(|row| row.clone().into_active_model());
        let insert = short_link::Entity::insert_many(rows);
        insert.exec_without_returning(&store.write).await.expect("links");
    }
    assert_eq!(left(&database).await, (LINKS as u64, 1));
    let erase = "mutation($number: String!) { eraseContact(phoneNumber: $number) {
        ... on EraseContactSuccess { links clicks } } }";
    let asked = tokio::spawn({
        let client = client.clone();
        async move { client.graphql(erase, json!({"number": NUMBER})).await }
    });
    // It is under way as soon as the first links are done.
    while left(&database).await.0 == LINKS as u64 {
        tokio::task::yield_now().await;
    }
    program.kill();
    let (links, _) = left(&database).await;
    assert!(
        asked.await.expect("a task").is_err(),
        "it was done before the kill: {links} left, {made}"
    );
    assert!(links > 0 && links.is_multiple_of(100), "{links}");
    let (_program, url) = Program::serve(&database);
    let client = Client::new(&url, &tenant.key);
    let done = client
        .graphql(erase, json!({"number": NUMBER}))
        .await
        .expect("an answer");
    assert_eq!(done["eraseContact"]["links"], links);
    assert_eq!(left(&database).await, (0, 0));
    let query = "{ auditLog(filter: {action: [CONTACT_ERASED]}, first: 100) { nodes { affected } } }";
    let log = client.graphql(query, json!(null)).await.expect("the log");
    let told: u64 = log["auditLog"]["nodes"]
        .as_array()
        .expect("entries")
        .iter()
        .filter_map(|entry| entry["affected"].as_u64())
        .sum();
    assert_eq!(told, LINKS as u64);
}
