//! Exports that are longer than a page: each row is there once, in its order, as the database has it.

use std::fs;

use entity::{ClickId, ShortLinkId, Timestamp, click, short_link};
use linkhop::store::Store;
use sea_orm::{
    ActiveValue::NotSet, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _,
};
use serde_json::{Value, json};

use super::export::{Place, expect_same, objects};
use crate::support::{START, Tenant, a_click};

/// One more than two pages of links.
const LINKS: usize = 1_001;

/// How many clicks each of two accounts has, stored by turns: of all rows there are two pages, and two more.
const CLICKS: usize = 2_001;

fn written(time: Timestamp) -> String {
    time.utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// Makes links like this one, all at the same moment: their ids alone order them.
async fn make_links(store: &Store, like: &short_link::Model, count: usize) {
    let links: Vec<_> = (0..count)
        .map(|number| {
            let link = short_link::Model {
                id: ShortLinkId::at(like.created_at),
                code: format!("code{number}"),
                destination: format!("https://example.com/{number}"),
                metadata: json!({"number": number}),
                ..like.clone()
            };
            link.into_active_model()
        })
        .collect();
    // The latest first, as no index has them.
    for lot in links.rchunks(250) {
        short_link::Entity::insert_many(lot.iter().rev().cloned())
            .exec_without_returning(&store.write)
            .await
            .expect("links");
    }
}

/// What is exported as NDJSON; as CSV it must say the same.
fn exported(place: &Place, words: [&str; 2]) -> Vec<Value> {
    let export = |name: &str| {
        let file = place.file(name);
        let path = file.to_str().expect("UTF-8");
        assert_eq!(place.run(words, &["--output", path]).printed(), "");
        fs::read_to_string(file).expect("a file")
    };
    let rows = objects(&export("rows.ndjson"));
    expect_same(&export("rows.csv"), &rows);
    rows
}

#[tokio::test]
async fn links_of_several_pages_are_exported_each_once_and_the_oldest_first() {
    let place = Place::start().await;
    let store = place.database.store().await;
    place.link("first", json!({})).await;
    let first = place.stored("first").await;
    make_links(&store, &first, LINKS - 1).await;
    let other = Tenant::make(&store, "go.other.example", START).await;
    let theirs = short_link::Model {
        account_id: other.account.id,
        domain_id: other.domain.id,
        sending_list_id: other.list.id,
        ..first.clone()
    };
    make_links(&store, &theirs, LINKS).await;
    let links = short_link::Entity::find()
        .filter(short_link::Column::AccountId.eq(place.tenant.account.id))
        .order_by_asc(short_link::Column::Id)
        .all(&store.read)
        .await
        .expect("links");
    assert_eq!(links.len(), LINKS);
    let expected: Vec<_> = links
        .iter()
        .map(|link| {
            json!({
                "shortUrl": format!("https://go.example.com/{}", link.code), "shortLinkId": link.id.to_string(),
                "url": link.destination, "listId": 42, "code": link.code, "filterBots": false,
                "metadata": link.metadata, "status": "ACTIVE", "createdAt": written(link.created_at),
                "clicks": 0, "humanClicks": 0, "uniqueClicks": 0,
            })
        })
        .collect();
    assert!(
        exported(&place, ["links", "export"]) == expected,
        "other links, or in another order"
    );
}

#[tokio::test]
async fn clicks_of_several_pages_are_exported_each_once_and_as_they_were_stored() {
    let place = Place::start().await;
    let store = place.database.store().await;
    place.link("one", json!({})).await;
    let one = place.stored("one").await;
    let other = Tenant::make(&store, "go.other.example", START).await;
    let theirs = short_link::Model {
        id: ShortLinkId::at(START),
        account_id: other.account.id,
        domain_id: other.domain.id,
        sending_list_id: other.list.id,
        ..one.clone()
    };
    short_link::Entity::insert(theirs.clone().into_active_model())
        .exec_without_returning(&store.write)
        .await
        .expect("a link");
    let rows: Vec<_> = (0..2 * CLICKS)
        .map(|number| {
            let link = [one.id, theirs.id][number % 2];
            // Stored in another order than they were made.
            let row = click::Model {
                id: ClickId::at(START),
                parameters: Some(json!({"sub1": number.to_string()})),
                ..a_click(link, i64::try_from(number * 7 % 60).expect("a number"))
            };
            let mut row = row.into_active_model();
            row.seq = NotSet;
            row
        })
        .collect();
    for lot in rows.chunks(250) {
        click::Entity::insert_many(lot.to_vec())
            .exec_without_returning(&store.write)
            .await
            .expect("clicks");
    }
    let clicks = click::Entity::find()
        .filter(click::Column::ShortLinkId.eq(one.id))
        .order_by_asc(click::Column::Seq)
        .all(&store.read)
        .await
        .expect("clicks");
    assert_eq!(clicks.len(), CLICKS);
    let expected: Vec<_> = clicks
        .iter()
        .map(|click| {
            let parameters = click.parameters.as_ref().expect("parameters");
            json!({
                "id": click.id.to_string(), "shortUrl": "https://go.example.com/one",
                "clickedAt": written(click.clicked_at), "method": "GET", "network": "203.0.113.0",
                "visitor": "0000000000000001", "country": "US", "referrer": "www.example.com", "language": "en-US",
                "sub1": parameters["sub1"], "isBot": false,
            })
        })
        .collect();
    assert!(
        exported(&place, ["clicks", "export"]) == expected,
        "other clicks, or in another order"
    );
}
