//! Writing, and callers who go away in the middle of it.

use entity::short_link;
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn who_goes_away_while_a_transaction_begins_leaves_nothing_half_done_behind() {
    let app = TestApp::start().await;
    let neighbour = app.neighbour().await;
    for links in 1..=40 {
        // Dropped a little later each time: as a request is whose client hangs up.
        let hangs_up = async {
            for _ in 0..links {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            transaction = app.store().begin() => drop(transaction.expect("a transaction")),
            () = hangs_up => {}
        }
        app.link("https://example.com/").await;
        // What is stored for others is stored.
        let stored = short_link::Entity::find().count(&neighbour.store().read).await;
        assert_eq!(stored.expect("a count"), links);
        let list = json!({"phoneNumber": format!("+1800555{links:04}"), "brandName": "A"});
        let made = app
            .mutate("createSendingList", "{ sendingList { id } }", list)
            .await;
        assert_eq!(made["__typename"], "CreateSendingListSuccess");
    }
}
