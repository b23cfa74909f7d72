//! What has been moved is what there was.

use entity::{audit_entry, click, short_link};
use linkhop::store::{Store, tables};
use sea_orm::{EntityTrait as _, PaginatorTrait as _, QueryOrder as _};
use serde_json::json;

use super::{HOST, agent, everything, fill, moved, moving, pairs, same, stop, sums, written};
use crate::{
    program::{
        client::Client,
        process::{Program, run},
    },
    support::{Database, text},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_over_the_target_answers_what_the_one_over_the_source_did_and_goes_on_from_there() {
    for (source, target) in pairs().await {
        let tenant = fill(&source).await;
        let first = moved(&source, &target);
        for (name, table) in &first {
            assert!(
                table["rows"].as_i64() > Some(0),
                "{name}: nothing shows that it is moved"
            );
            // The mark is there from the start.
            if name != "click_summing" {
                assert_eq!(table["added"], table["rows"], "{table}");
            }
        }
        if target.is_file() {
            // The file is all there is.
            let log = format!("{}-wal", target.url.trim_start_matches("sqlite://"));
            let waiting = std::fs::metadata(log).map_or(0, |log| log.len());
            assert_eq!(waiting, 0);
        }
        let again = moved(&source, &target);
        assert_eq!(written(&again), 0, "{again:?}");
        assert_eq!(sums(&again), sums(&first));

        let (old, url) = Program::serve(&source);
        let expected = everything(&Client::new(&url, &tenant.key)).await;
        stop(old);
        let (new, url) = Program::serve(&target);
        let client = Client::new(&url, &tenant.key);
        let goes_over = source.is_file() != target.is_file();
        same(everything(&client).await, &expected, goes_over);
        // Of the newest link three people are known, and somebody else is new.
        let link = text(&expected["shortLinks"]["nodes"][0]["shortUrl"]);
        let code = link.rsplit('/').next().expect("a code");
        for person in [0, 1, 99] {
            let visited = client.visit_as(HOST, code, &agent(person)).await;
            assert_eq!(visited.expect("an answer"), 302);
        }
        let query =
            "query($url: String!) { shortLink(by: {shortUrl: $url}) { stats { humanClicks uniqueClicks } } }";
        let found = client.graphql(query, json!({"url": link})).await;
        assert_eq!(
            found.expect("an answer")["shortLink"]["stats"],
            json!({"humanClicks": 9 + 3, "uniqueClicks": 3 + 1})
        );
        let input = json!({"url": "https://example.com/new", "listId": 42});
        let made = client.create(input).await.expect("an answer");
        client
            .visit(HOST, text(&made["linkId"]))
            .await
            .expect("an answer");
        let after = everything(&client).await;
        stop(new);
        // And back, with what has come since.
        let back = moved(&target, &source);
        for (table, added) in [("short_link", 1), ("audit_entry", 1), ("server_secret", 0)] {
            assert_eq!(back[table]["added"], added, "{back:?}");
        }
        // One that waited too long is there twice, and counts once.
        assert!(back["click"]["added"].as_i64() >= Some(4), "{back:?}");
        let (old, url) = Program::serve(&source);
        same(
            everything(&Client::new(&url, &tenant.key)).await,
            &after,
            goes_over,
        );
        stop(old);
    }
}

#[tokio::test]
async fn both_kinds_of_database_hold_the_same_and_have_the_same_checksums() {
    let Some((file, server)) = pairs()
        .await
        .into_iter()
        .find(|(from, to)| from.is_file() && !to.is_file())
    else {
        return;
    };
    fill(&file).await;
    let there = moved(&file, &server);
    let back = Database::file();
    assert_eq!(sums(&moved(&server, &back)), sums(&there));
    // Not what was written is summed, but what is there.
    let (one, other) = (file.store().await, back.store().await);
    let links = async |store: &Store| {
        let links = short_link::Entity::find().order_by_asc(short_link::Column::Id);
        links.all(&store.read).await.expect("links")
    };
    let clicks = async |store: &Store| {
        let clicks = click::Entity::find().order_by_asc(click::Column::Seq);
        clicks.all(&store.read).await.expect("clicks")
    };
    assert_eq!(clicks(&one).await, clicks(&other).await);
    let (one, mut other) = (links(&one).await, links(&other).await);
    for link in &mut other {
        // As PostgreSQL keeps it: the only way in which a row has changed.
        assert_eq!(link.metadata["big"].to_string(), "10000000000000000");
        link.metadata["big"] = json!(1e16);
    }
    assert_eq!(one, other);
}

#[tokio::test]
async fn people_are_shown_every_table_and_told_of_clicks_that_wait() {
    let (source, target) = pairs().await.swap_remove(0);
    fill(&source).await;
    let spool = source.spool();
    std::fs::create_dir_all(&spool).expect("a folder");
    std::fs::write(spool.join("1.ndjson"), "").expect("a file");
    let spool = spool.to_str().expect("UTF-8");
    let arguments = [
        "move",
        "--from",
        &source.url,
        "--to",
        &target.url,
        "--spool",
        spool,
    ];
    let printed = run(arguments, []).printed();
    let here = source.store().await.read;
    let entries = audit_entry::Entity::find().count(&here).await;
    let entries = entries.expect("entries");
    for table in tables() {
        assert!(printed.contains(&format!("\n{} ", table.name)), "{printed}");
    }
    let line = printed
        .lines()
        .find(|line| line.starts_with("audit_entry "))
        .expect("a line");
    let words: Vec<_> = line.split_whitespace().collect();
    let entries = entries.to_string();
    assert_eq!(words[..5], ["audit_entry", &entries, &entries, "0", "0"]);
    assert!(printed.contains("source and target are the same"), "{printed}");
    assert!(printed.contains("1 files of clicks wait in"), "{printed}");
    let said = moving(&source, &target).printed();
    assert!(said.contains("\"spoolFiles\":1"), "{said}");
}
