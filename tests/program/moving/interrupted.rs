//! A move that is killed, and one beside a server that goes on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use entity::short_link;
use linkhop::store::{Options, Store};
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use serde_json::json;
use tokio::task::JoinSet;

use super::{HOST, agent, begin, everything, fill, moved, moving, pairs, same, stop, write, written};
use crate::{
    program::{client::Client, process::Program},
    support::{Database, text},
};

/// Copies of one link, so many that they are moved in more than one transaction.
const MANY: usize = 30_000;

async fn add_many(store: &Store) {
    let numbers = if store.kind() == "sqlite" {
        "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {many})"
    } else {
        "WITH counted(n) AS (SELECT generate_series(1, {many}))"
    };
    let id = if store.kind() == "sqlite" {
        "randomblob(16)"
    } else {
        "gen_random_uuid()"
    };
    let columns =
        "account_id, domain_id, destination, sending_list_id, metadata, filter_bots, status, created_at";
    let numbers = numbers.replace("{many}", &MANY.to_string());
    let insert = format!(
        "INSERT INTO short_link (id, code, {columns}) {numbers} SELECT {id}, 'many' || n, {columns} \
         FROM counted CROSS JOIN (SELECT {columns} FROM short_link LIMIT 1) AS link"
    );
    write(store, &insert).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_was_killed_is_run_again_and_goes_on_where_it_was() {
    for (source, target) in pairs().await {
        let tenant = fill(&source).await;
        add_many(&source.store().await).await;
        let program = begin(&source, &target);
        let there = async || {
            let store = Store::connect(&target.url, &Options::default()).await.ok()?;
            short_link::Entity::find().count(&store.read).await.ok()
        };
        let mut killed_at = 0;
        while killed_at == 0 {
            killed_at = there().await.unwrap_or_default();
        }
        program.kill();
        let killed_at = there().await.expect("a count");
        let here = source.store().await.read;
        let all = short_link::Entity::find().count(&here).await.expect("a count");
        assert!(killed_at > 0 && killed_at < all, "{killed_at} of {all}");
        // What is there half is served to nobody, and looked after by nobody.
        for command in [["serve", "--listen=127.0.0.1:0"].as_slice(), &["account", "list"]] {
            let variables = [("LINKHOP_DATABASE_URL", target.url.as_str())];
            let program = Program::start(command.iter().copied(), variables);
            let ended = program.end_within(Duration::from_mins(1)).await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
            assert!(
                ended.stderr.contains("run that `linkhop move` again"),
                "{ended:?}"
            );
        }
        let onwards = moving(&target, &Database::file());
        assert!(onwards.stderr.contains("is not finished"), "{onwards:?}");

        let second = moved(&source, &target);
        assert_eq!(second["short_link"]["added"], all - killed_at, "{second:?}");
        assert_eq!(second["account"]["added"], 0, "{second:?}");
        assert_eq!(written(&moved(&source, &target)), 0);
        let (_program, url) = Program::serve(&target);
        let count =
            "{ shortLinks { totalCount } found: shortLinks(filter: {search: \"many29999\"}) { totalCount } }";
        let client = Client::new(&url, &tenant.key);
        let found = client.graphql(count, json!({})).await.expect("an answer");
        assert_eq!(
            found,
            json!({"shortLinks": {"totalCount": all}, "found": {"totalCount": 1}})
        );
    }
}

/// How many entries of the log are of something else than a link that was made: the account and its key.
const OTHERS: i64 = 2;

/// Makes links and clicks until it is told to stop.
async fn work(client: Client, person: usize, stop: Arc<AtomicBool>, answers: Arc<AtomicUsize>) {
    while !stop.load(Ordering::Relaxed) {
        let input = json!({"url": "https://example.com/", "listId": 42, "idempotencyKey": format!("{person}-{}", answers.load(Ordering::Relaxed))});
        let made = client.create(input).await.expect("an answer");
        for _ in 0..3 {
            let visited = client.visit_as(HOST, text(&made["linkId"]), &agent(person)).await;
            assert_eq!(visited.expect("an answer"), 302);
        }
        answers.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_writes_meanwhile_comes_with_the_run_after_it_has_stopped() {
    for (source, target) in pairs().await {
        let tenant = fill(&source).await;
        let (program, url) = Program::serve(&source);
        let (halt, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut clients = JoinSet::new();
        for person in 0..3 {
            let client = Client::new(&url, &tenant.key);
            clients.spawn(work(client, person, Arc::clone(&halt), Arc::clone(&answers)));
        }
        for _ in 0..3 {
            let before = answers.load(Ordering::Relaxed);
            let ends = (source.shared(), target.shared());
            let run = tokio::task::spawn_blocking(move || moved(&ends.0, &ends.1));
            let run = run.await.expect("an end");
            assert!(answers.load(Ordering::Relaxed) > before, "nobody wrote meanwhile");
            // Of one moment: whoever made a link has its entry in the log.
            let links = run["short_link"]["rows"].as_i64();
            let entries = run["audit_entry"]["rows"].as_i64();
            let others = entries.zip(links).map(|(entries, links)| entries - links);
            assert_eq!(others, Some(OTHERS), "{run:?}");
        }
        halt.store(true, Ordering::Relaxed);
        clients.join_all().await;
        let client = Client::new(&url, &tenant.key);
        let expected = everything(&client).await;
        stop(program);
        let last = moved(&source, &target);
        assert!(written(&last) > 0, "{last:?}");
        let (_program, url) = Program::serve(&target);
        let goes_over = source.is_file() != target.is_file();
        same(
            everything(&Client::new(&url, &tenant.key)).await,
            &expected,
            goes_over,
        );
    }
}
