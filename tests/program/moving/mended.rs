//! Rows that are other in the target.

use entity::{offer, sending_list, short_link};
use linkhop::store::Store;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, Statement,
};
use serde_json::json;

use super::{everything, fill, moved, moving, pairs, same, stop, sums, write, written};
use crate::program::{client::Client, process::Program};

/// Lets the log be changed, and answers what makes it again what it was.
async fn unguard(store: &Store) -> Vec<String> {
    if store.kind() != "sqlite" {
        write(store, "ALTER TABLE audit_entry DISABLE TRIGGER USER").await;
        return vec!["ALTER TABLE audit_entry ENABLE TRIGGER USER".to_owned()];
    }
    let select = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit_entry'";
    let select = Statement::from_string(store.read.get_database_backend(), select);
    let mut guards = Vec::new();
    for row in store.read.query_all_raw(select).await.expect("triggers") {
        let text = |at| row.try_get_by_index::<String>(at).expect("a text");
        write(store, &format!("DROP TRIGGER {}", text(0))).await;
        guards.push(text(1));
    }
    assert_eq!(guards.len(), 3);
    guards
}

#[tokio::test]
async fn whatever_is_other_in_the_target_is_found_and_mended() {
    for (source, target) in pairs().await {
        let tenant = fill(&source).await;
        let first = moved(&source, &target);
        let there = target.store().await;
        // The log lets nobody change it, so it is made to.
        let guards = unguard(&there).await;
        for statement in [
            "UPDATE offer SET name = 'Other'",
            "UPDATE account SET status = 'SUSPENDED'",
            // What is unique is exchanged.
            "UPDATE domain SET host = 'x' WHERE host = 'go.example.com'",
            "UPDATE domain SET host = 'go.example.com' WHERE host = 'ab.example.com'",
            "UPDATE domain SET host = 'ab.example.com' WHERE host = 'x'",
            "UPDATE sending_list SET phone_number = '+18005551230', list_id = 1 WHERE list_id = 42",
            "UPDATE sending_list SET phone_number = '+18005551234', list_id = 42 WHERE list_id = 7",
            "UPDATE sending_list SET phone_number = '+18005551235', list_id = 7 WHERE list_id = 1",
            // What is more refers to what is more, under the id of something else.
            "INSERT INTO domain (id, account_id, host, scheme, status, created_at) SELECT (SELECT id FROM offer), account_id, \
             'extra.example.com', scheme, status, created_at FROM domain WHERE host = 'go.example.com'",
            "INSERT INTO sending_list (id, account_id, list_id, phone_number, brand_name, status, metadata, domain_id, created_at) \
             SELECT (SELECT id FROM offer), account_id, 99, '+18005551239', brand_name, status, metadata, \
             (SELECT id FROM offer), created_at FROM sending_list WHERE list_id = 42",
            "UPDATE api_key SET last_used_at = 5",
            "UPDATE short_link SET destination = 'https://phish.example/' WHERE max_clicks IS NOT NULL",
            "DELETE FROM link_use",
            "UPDATE audit_entry SET affected = 77 WHERE action = 'SHORT_LINK_CREATED'",
            "DELETE FROM audit_entry WHERE action = 'ACCOUNT_CREATED'",
            "UPDATE click SET visitor = visitor + 1 WHERE seq = 3",
            "DELETE FROM click WHERE seq BETWEEN 5 AND 7",
            "INSERT INTO agent_list (id, version) VALUES (-5, 'none')",
            "UPDATE click_column SET clicks = clicks + 1",
            "DELETE FROM idempotency_key WHERE key < 'a'",
            "UPDATE server_secret SET value = 'none'",
        ] {
            write(&there, statement).await;
        }
        for guard in guards {
            write(&there, &guard).await;
        }
        let mended = moved(&source, &target);
        assert_eq!(sums(&mended), sums(&first));
        for (table, figure, rows) in [
            ("offer", "changed", 1),
            ("account", "changed", 1),
            ("domain", "changed", 2),
            ("sending_list", "changed", 2),
            ("domain", "removed", 1),
            ("sending_list", "removed", 1),
            ("short_link", "changed", 1),
            ("audit_entry", "changed", 12),
            ("audit_entry", "added", 1),
            ("click", "changed", 1),
            ("click", "added", 3),
            ("agent_list", "removed", 1),
            ("idempotency_key", "added", 6),
        ] {
            assert_eq!(mended[table][figure], rows, "{table}: {mended:?}");
        }
        assert_eq!(written(&moved(&source, &target)), 0);
        // The log is as it was: nobody changes it but who moves it.
        let changed = there
            .write
            .execute_unprepared("UPDATE audit_entry SET affected = 5");
        assert!(changed.await.is_err());
        let found = short_link::Entity::find().filter(short_link::Column::Destination.contains("phish"));
        assert_eq!(found.count(&there.read).await.expect("links"), 0);
        // What it is searched by has followed.
        let mut answers = Vec::new();
        for database in [&source, &target] {
            let (program, url) = Program::serve(database);
            answers.push(everything(&Client::new(&url, &tenant.key)).await);
            stop(program);
        }
        same(
            answers.remove(1),
            &answers[0],
            source.is_file() != target.is_file(),
        );
    }
}

#[tokio::test]
async fn lists_that_exchanged_their_numbers_at_the_source_have_them_in_the_target_too() {
    for (source, target) in pairs().await {
        fill(&source).await;
        moved(&source, &target);
        let here = source.store().await;
        for statement in [
            "UPDATE sending_list SET phone_number = 'x', list_id = -1 WHERE list_id = 42",
            "UPDATE sending_list SET phone_number = '+18005551234', list_id = 42 WHERE list_id = 7",
            "UPDATE sending_list SET phone_number = '+18005551235', list_id = 7 WHERE list_id = -1",
        ] {
            write(&here, statement).await;
        }
        let second = moved(&source, &target);
        assert_eq!(
            (&second["sending_list"]["changed"], written(&second)),
            (&json!(2), 2)
        );
        let lists = async |store: &Store| {
            let lists = sending_list::Entity::find().order_by_asc(sending_list::Column::Id);
            lists.all(&store.read).await.expect("lists")
        };
        assert_eq!(lists(&target.store().await).await, lists(&here).await);
    }
}

#[tokio::test]
async fn what_is_not_read_back_as_it_was_written_is_an_error_that_names_the_table() {
    for (source, target) in pairs().await {
        fill(&source).await;
        let there = target.store().await;
        there.migrate_up().await.expect("migrations");
        let meddle = if target.is_file() {
            "CREATE TRIGGER meddles AFTER INSERT ON offer BEGIN UPDATE offer SET name = 'Other'; END"
        } else {
            "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN NEW.name = 'Other'; RETURN NEW; END $$; \
             CREATE TRIGGER meddles BEFORE INSERT ON offer FOR EACH ROW EXECUTE FUNCTION meddle()"
        };
        write(&there, meddle).await;
        let ended = moving(&source, &target);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(
            ended
                .stderr
                .contains("the target is not as the source: offer has 1 rows"),
            "{ended:?}"
        );
        let stored = offer::Entity::find().one(&there.read).await.expect("rows");
        assert_eq!(stored.expect("an offer").name, "Other");
        assert!(there.is_half_moved().await.expect("an answer"));
        // Nobody changes what is there already.
        moved(&source, &target);
        assert!(!there.is_half_moved().await.expect("an answer"));
    }
}
