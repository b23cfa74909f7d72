//! All that a database holds, moved to another one: of the same kind and of the other.

mod apart;
mod interrupted;
mod mended;
mod refused;
mod same;

use std::{collections::BTreeMap, time::Duration};

use entity::{AbuseReportId, abuse_report, click};
use linkhop::{clicks::aggregator::Aggregator, store::Store};
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait as _, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _,
};
use serde_json::{Value, json};

use super::{
    client::Client,
    process::{Ended, Program, run},
};
use crate::support::{BROWSER, Database, START, Tenant, text};

const HOST: &str = "go.example.com";

/// All that is told of what there is.
const EVERYTHING: &str = "{
    viewer { account { id name } }
    apiKeys(first: 100) { nodes { id name scopes createdAt } }
    offers(first: 100) { nodes { id name trackingUrl payout metadata status stats { clicks } } }
    sendingLists(first: 100) { nodes { listId phoneNumber brandName metadata domain { host } stats { clicks uniqueClicks } } }
    domains(first: 100) { nodes { id host } }
    shortLinks(first: 100) { totalCount nodes {
        id shortUrl destinationUrl contactPhone metadata filterBots status maxClicks expiresAt createdAt
        createdBy { name } stats { clicks humanClicks botClicks uniqueClicks } } }
    found: shortLinks(first: 100, filter: {search: \"fox\"}) { totalCount nodes { linkId } }
    clickReport(groupBy: [{dimension: SHORT_LINK}, {metadataKey: \"wave\"}], first: 100) {
        total { clicks humanClicks botClicks uniqueClicks } rows { keys { value } counts { clicks uniqueClicks } } }
    byDay: clickReport(groupBy: [{dimension: SUB1}], interval: DAY, first: 100) {
        rows { from keys { value } counts { clicks humanClicks uniqueClicks } } }
    clicks(first: 100) { totalCount nodes {
        id clickedAt shortLink { linkId } method botReason botKind isUnique userAgent agentListVersion device os browser
        network language parameters } }
    auditLog(first: 100) { nodes { id action subjectId affected before after apiKey { name } createdAt } }
}";

/// What a phone says it is, of any of many people.
fn agent(person: usize) -> String {
    format!("{BROWSER} Person/{person}")
}

/// `linkhop move`.
fn begin(from: &Database, to: &Database) -> Program {
    let spool = from.spool();
    let arguments = ["move", "--json", "--from", &from.url, "--to", &to.url];
    Program::start(arguments, [("LINKHOP_SPOOL", spool.to_str().expect("UTF-8"))])
}

fn moving(from: &Database, to: &Database) -> Ended {
    begin(from, to).end()
}

/// What became of each table, where all went well.
fn moved(from: &Database, to: &Database) -> BTreeMap<String, Value> {
    let said: Value = serde_json::from_str(&moving(from, to).printed()).expect("JSON");
    let tables = said["tables"].as_array().expect("tables").iter();
    tables
        .map(|table| (text(&table["table"]).to_owned(), table.clone()))
        .collect()
}

/// How many rows were written, of all tables.
fn written(moved: &BTreeMap<String, Value>) -> i64 {
    let figures = |table: &Value| {
        ["added", "changed", "removed"]
            .iter()
            .map(|figure| table[figure].as_i64().expect("a number"))
            .sum::<i64>()
    };
    moved.values().map(figures).sum()
}

/// The checksums of all tables.
fn sums(moved: &BTreeMap<String, Value>) -> BTreeMap<&str, &Value> {
    let sums = moved.iter();
    sums.map(|(name, table)| (name.as_str(), &table["checksum"]))
        .collect()
}

/// A source with tables and a target without, of every kind that the suite runs on.
async fn pairs() -> Vec<(Database, Database)> {
    let source = Database::migrated().await;
    if source.is_file() {
        return vec![(source, Database::empty().await)];
    }
    let file = Database::file();
    file.store().await.migrate_up().await.expect("migrations");
    vec![
        (file, Database::empty().await),
        (source, Database::file()),
        (Database::migrated().await, Database::empty().await),
    ]
}

/// Runs a statement that is the same in both databases.
async fn write(store: &Store, statement: &str) {
    store.write.execute_unprepared(statement).await.expect(statement);
}

async fn sum_all(store: &Store) {
    let aggregator = Aggregator::spawn(store, Duration::from_hours(1)).expect("an aggregator");
    aggregator.caught_up().await;
}

/// A history with something in every table, and clicks that are not summed yet.
async fn fill(database: &Database) -> Tenant {
    let store = database.store().await;
    let tenant = Tenant::make(&store, HOST, START).await;
    let offer = tenant
        .offer(&store, None, "https://example.com/?to={{contact.phone}}")
        .await;
    let other = tenant.more_domain(&store, "ab.example.com").await;
    tenant.more_list(&store, 7, "+18005551235", Some(other.id)).await;
    let report = abuse_report::Model {
        id: AbuseReportId::at(START),
        url: "https://go.example.com/x".to_owned(),
        short_link_id: None,
        account_id: Some(tenant.account.id),
        reason: "phishing,\n\"it\" says \\N\t".to_owned(),
        email: None,
        created_at: START,
    };
    let report = report.into_active_model().insert(&store.write);
    report.await.expect("a report");
    let blocked = ["destination", "block", "phish.example", "--reason", "reported"];
    run(blocked, [("LINKHOP_DATABASE_URL", database.url.as_str())]).printed();

    let (program, url) = Program::serve(database);
    let client = Client::new(&url, &tenant.key);
    for number in 0..12 {
        let wave = [
            json!(number),
            json!("1"),
            json!(2.5),
            json!(1e300),
            json!(-0.0),
            json!(1.0),
            json!({"deep": [{"zz": null, "a": true}]}),
        ];
        let mut input = json!({
            "listId": if number % 3 == 0 { 7 } else { 42 },
            "url": format!("https://example.com/{number}/fox?é=🦊"),
            "metadata": {"wave": wave[number % wave.len()], "big": 1e16, "aa": ["ü"]},
            "idempotencyKey": format!("{}-{number}", if number % 2 == 0 { "Key" } else { "käy" }),
        });
        if number % 4 == 1 {
            input["offerId"] = json!(offer.id.to_string());
            input["contactPhone"] = json!("+14155552671");
        }
        if number == 5 {
            input["maxClicks"] = json!(9);
            input["expiresAt"] = json!("2999-12-24T18:00:00.123Z");
        }
        let made = client.create(input).await.expect("an answer");
        let (host, code) = (text(&made["domain"]), text(&made["linkId"]));
        for person in 0..number % 4 {
            for query in ["", "?sub1=a%20b&source=sms", "?sub1=%C3%A9"] {
                let (path, agent) = (format!("{code}{query}"), agent(person));
                let visited = client.visit_as(host, &path, &agent).await;
                assert_eq!(visited.expect("an answer"), 302);
            }
        }
        client.visit(host, code).await.expect("an answer");
        if number == 8 {
            sum_all(&store).await;
        }
    }
    stop(program);
    let summed = click::Entity::find().count(&store.read).await.expect("clicks");
    assert!(summed > 40, "{summed}");
    tenant
}

fn stop(program: Program) {
    program.terminate();
    let ended = program.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

async fn everything(client: &Client) -> Value {
    let mut all = client.graphql(EVERYTHING, json!({})).await.expect("an answer");
    // Where two rows have the same figure they come in any order; and over SQLite links that are searched for in the one
    // in which they were stored, which is not always that of their times.
    for (list, rows) in [("clickReport", "rows"), ("byDay", "rows"), ("found", "nodes")] {
        let rows = all[list][rows].as_array_mut().expect("rows");
        rows.sort_by_key(ToString::to_string);
    }
    all
}

/// Numbers as a browser reads them: where they go over from one kind of database to the other they may get another form.
fn as_read(value: &mut Value) {
    match value {
        Value::Number(number) => *value = json!(number.as_f64().map(|float| float + 0.0)),
        Value::Array(values) => values.iter_mut().for_each(as_read),
        Value::Object(values) => values.values_mut().for_each(as_read),
        _ => {}
    }
}

fn same(mut found: Value, expected: &Value, goes_over: bool) {
    let mut expected = expected.clone();
    if goes_over {
        as_read(&mut found);
        as_read(&mut expected);
    }
    for (field, expected) in expected.as_object().expect("an object") {
        assert_eq!(&found[field], expected, "{field}");
    }
}
