//! Rows that are other in the target.

use entity::{domain, offer, sending_list, short_link};
use linkhop::store::Store;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _,
};
use serde_json::json;

use super::{fill, moved, moving, pairs, sums, write, written};

#[tokio::test]
async fn whatever_is_other_in_the_target_is_found_and_mended() {
    for (source, target) in pairs().await {
        fill(&source).await;
        let first = moved(&source, &target);
        let there = target.store().await;
        // The log lets nobody change it, so it is made to.
        if target.is_file() {
            write(&there, "DROP TRIGGER audit_entry_no_update").await;
            write(&there, "DROP TRIGGER audit_entry_no_delete").await;
        } else {
            write(&there, "ALTER TABLE audit_entry DISABLE TRIGGER USER").await;
        }
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
        if !target.is_file() {
            write(&there, "ALTER TABLE audit_entry ENABLE TRIGGER USER").await;
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
        if !target.is_file() {
            let refused = there
                .write
                .execute_unprepared("UPDATE audit_entry SET affected = 5")
                .await;
            assert!(refused.is_err());
        }
        let found = short_link::Entity::find().filter(short_link::Column::Destination.contains("phish"));
        assert_eq!(found.count(&there.read).await.expect("links"), 0);
        let hosts = domain::Entity::find().count(&there.read).await;
        assert_eq!(hosts.expect("domains"), 2);
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
