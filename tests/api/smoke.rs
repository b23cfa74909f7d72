use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_link_is_made_and_leads_to_its_destination() {
    let app = TestApp::start().await;
    let made = app
        .create(json!({"url": "https://example.com/sale?a=1", "listId": 42}))
        .await;
    let code = made["linkId"].as_str().expect("a code").to_owned();
    assert_eq!(
        made,
        json!({
            "__typename": "CreateShortLinkSuccess",
            "shortUrl": format!("https://go.example.com/{code}"),
            "linkId": code,
            "destinationUrl": "https://example.com/sale?a=1",
            "domain": "go.example.com",
            "offerId": null,
            "filterBots": false,
            "replayed": false,
        })
    );
    assert_eq!(code.len(), 7);
    let visit = app.get("go.example.com", &format!("/{code}")).await;
    assert_eq!(
        (visit.status.as_u16(), visit.header("location")),
        (302, "https://example.com/sale?a=1")
    );
    assert_eq!(app.clicks().await.len(), 1);
}
