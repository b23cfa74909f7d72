//! Two databases that were the same, and have been worked with since.

use entity::{ClickId, ShortLinkId, Timestamp, click, click_summing, short_link};
use linkhop::store::Store;
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::NotSet, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _,
};
use serde_json::json;

use super::{moved, moving, pairs, written};
use crate::{
    program::process::run,
    support::{Database, START, Tenant, a_click},
};

const AHEAD: &str = "To bring those along move the other way";
const APART: &str = "neither can be moved onto the other without losing rows";

fn refused(from: &Database, to: &Database, why: &str) {
    let ended = moving(from, to);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.stderr.contains(why), "{why}: {ended:?}");
    // No advice that would lose what the other one has.
    assert_eq!(ended.stderr.contains(AHEAD), why == AHEAD, "{ended:?}");
}

async fn click_at(store: &Store, seconds: i64) -> i64 {
    let click = click::ActiveModel {
        seq: NotSet,
        ..a_click(ShortLinkId::at(START), seconds).into_active_model()
    };
    click.insert(&store.write).await.expect("a click").seq
}

async fn clicks(store: &Store) -> Vec<(i64, ClickId)> {
    let clicks = click::Entity::find().order_by_asc(click::Column::Seq);
    let clicks = clicks.all(&store.read).await.expect("clicks");
    clicks.iter().map(|click| (click.seq, click.id)).collect()
}

async fn link(store: &Store, tenant: &Tenant, code: &str, seconds: i64) {
    let created_at = START.millis() + seconds * 1000;
    let created_at = Timestamp::from_millis(created_at);
    let row = short_link::Model {
        id: ShortLinkId::at(created_at),
        account_id: tenant.account.id,
        domain_id: tenant.domain.id,
        code: code.to_owned(),
        destination: "https://example.com/".to_owned(),
        sending_list_id: tenant.list.id,
        offer_id: None,
        contact_phone: None,
        metadata: json!({}),
        filter_bots: false,
        status: short_link::Status::Active,
        expires_at: None,
        max_clicks: None,
        fallback_url: None,
        created_at,
        exhausted_at: None,
        api_key_id: None,
    };
    let row = row.into_active_model().insert(&store.write);
    row.await.expect("a link");
}

/// Writes an entry of the log.
fn enter(database: &Database, tenant: &Tenant, action: &str) {
    let id = tenant.account.id.to_string();
    run(["account", action, &id, "--database-url", &database.url], []).printed();
}

#[tokio::test]
async fn clicks_of_the_new_server_are_not_overwritten_with_those_that_the_old_one_still_took() {
    for (source, target) in pairs().await {
        let here = source.store().await;
        Tenant::make(&here, "go.example.com", START).await;
        click_at(&here, 1).await;
        moved(&source, &target);
        let there = target.store().await;
        // The last move is forgotten, and both give the same numbers.
        let last = [click_at(&here, 2).await, click_at(&here, 3).await];
        assert_eq!(click_at(&there, 9).await, last[0]);
        let kept = (clicks(&here).await, clicks(&there).await);
        refused(&source, &target, APART);
        refused(&target, &source, APART);
        assert_eq!((clicks(&here).await, clicks(&there).await), kept);
        assert!(!there.is_half_moved().await.expect("an answer"));
        // As many on both sides are no better.
        click_at(&there, 10).await;
        refused(&source, &target, APART);
    }
}

#[tokio::test]
async fn neither_of_two_that_have_both_been_worked_with_is_moved_onto_the_other() {
    for (source, target) in pairs().await {
        let (here, there) = (source.store().await, target.store().await);
        let tenant = Tenant::make(&here, "go.example.com", START).await;
        moved(&source, &target);
        // The new one has the newer rows throughout: links first, and then the log.
        link(&here, &tenant, "here", 1).await;
        link(&there, &tenant, "there", 2).await;
        refused(&source, &target, APART);
        refused(&target, &source, APART);
        let deleted = short_link::Entity::delete_many().exec(&there.write).await;
        assert_eq!(deleted.expect("links").rows_affected, 1);
        enter(&source, &tenant, "suspend");
        enter(&target, &tenant, "suspend");
        refused(&source, &target, APART);
        refused(&target, &source, APART);
        // One has clicks, and the other links and entries.
        let fresh = Database::file();
        moved(&source, &fresh);
        enter(&source, &tenant, "resume");
        click_at(&fresh.store().await, 1).await;
        refused(&source, &fresh, APART);
        refused(&fresh, &source, APART);
    }
}

#[tokio::test]
async fn what_only_one_of_them_has_is_moved_from_there() {
    for (source, target) in pairs().await {
        let (here, there) = (source.store().await, target.store().await);
        let tenant = Tenant::make(&here, "go.example.com", START).await;
        moved(&source, &target);
        click_at(&there, 1).await;
        refused(&source, &target, AHEAD);
        moved(&target, &source);
        link(&there, &tenant, "there", 2).await;
        refused(&source, &target, AHEAD);
        moved(&target, &source);
        enter(&target, &tenant, "suspend");
        refused(&source, &target, AHEAD);
        moved(&target, &source);
        // And onwards, whatever the rows hold by then.
        link(&here, &tenant, "here", 3).await;
        enter(&source, &tenant, "resume");
        click_at(&here, 4).await;
        let erased = short_link::Entity::update_many()
            .col_expr(short_link::Column::Status, short_link::Status::Archived.into())
            .exec(&here.write);
        erased.await.expect("links");
        assert!(written(&moved(&source, &target)) > 4);
        assert_eq!(clicks(&here).await, clicks(&there).await);
    }
}

#[tokio::test]
async fn a_click_that_the_source_has_removed_for_its_age_may_go_but_none_behind_its_last() {
    for (source, target) in pairs().await {
        let (here, there) = (source.store().await, target.store().await);
        Tenant::make(&here, "go.example.com", START).await;
        for seconds in 1..=3 {
            click_at(&here, seconds).await;
        }
        moved(&source, &target);
        for seconds in 104..=106 {
            click_at(&here, seconds).await;
        }
        let kept_from = Timestamp::from_millis(START.millis() + 100_000);
        let remove = async || {
            let old = click::Entity::delete_many().filter(click::Column::ClickedAt.lt(kept_from));
            old.exec(&here.write).await.expect("clicks");
        };
        remove().await;
        // No retention has said that it removes clicks.
        refused(&source, &target, APART);
        click_summing::Entity::update_many()
            .col_expr(click_summing::Column::KeptFrom, kept_from.into())
            .exec(&here.write)
            .await
            .expect("the mark");
        moved(&source, &target);
        assert_eq!(clicks(&there).await, clicks(&here).await);
        assert_eq!(clicks(&there).await.len(), 3);
        // One that waited in a spool is old when it is stored.
        click_at(&there, 5).await;
        refused(&source, &target, AHEAD);
    }
}

/// A host that is blocked.
const HOST: &str = "phish.example";

fn block(database: &Database, action: &str, host: &str) {
    let database = ["--database-url", database.url.as_str()];
    let arguments = ["destination", action, host];
    run(arguments.into_iter().chain(database), []).printed();
}

#[tokio::test]
async fn a_host_that_was_blocked_or_freed_in_the_target_stays_so() {
    for (source, target) in pairs().await {
        block(&source, "block", HOST);
        moved(&source, &target);
        block(&target, "block", "other.example");
        refused(&source, &target, AHEAD);
        moved(&target, &source);
        block(&target, "unblock", HOST);
        refused(&source, &target, AHEAD);
        moved(&target, &source);
        block(&source, "block", HOST);
        moved(&source, &target);
        // As often changed, and not the same.
        block(&source, "unblock", HOST);
        block(&target, "block", HOST);
        refused(&source, &target, APART);
        refused(&target, &source, APART);
    }
}
