//! `createShortLink` with an offer: the destination that its tracking URL becomes.

use entity::{account, offer::Platform};
use serde_json::{Value, json};

use crate::support::{TestApp, of_offer, refused, user_error as error};

const TUNE: Option<Platform> = Some(Platform::Tune);
const EVERFLOW: Option<Platform> = Some(Platform::Everflow);

/// Makes a link with the code `Ab3kX9q` for an offer of that platform and tracking URL.
async fn create(app: &TestApp, platform: Option<Platform>, tracking_url: &str, fields: Value) -> Value {
    let offer = app.tenant.offer(app.store(), platform, tracking_url).await;
    app.create(of_offer(&offer, fields)).await
}

async fn destination(platform: Option<Platform>, tracking_url: &str) -> String {
    let app = TestApp::start().await;
    let made = create(&app, platform, tracking_url, json!({"code": "Ab3kX9q"})).await;
    let destination = made["destinationUrl"].as_str();
    let destination = destination.unwrap_or_else(|| panic!("no link: {made}"));
    assert_eq!(app.stored("Ab3kX9q").await.destination, destination);
    destination.to_owned()
}

/// The account's settings, changed.
async fn set(app: &TestApp, change: impl FnOnce(&mut account::Model)) {
    let mut account = app.tenant.account.clone();
    change(&mut account);
    app.save(account).await;
}

fn parameters(pairs: &[(&str, &str)]) -> account::Parameters {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    account::Parameters(pairs.iter().map(owned).collect())
}

#[tokio::test]
async fn an_offer_without_a_platform_gets_no_parameters() {
    for url in [
        "https://t.example/",
        "https://t.example/6JHXF//2C?uid=1&sub1=x#top",
    ] {
        assert_eq!(destination(None, url).await, url);
    }
}

#[tokio::test]
async fn tune_gets_the_code_and_the_click_before_the_fragment() {
    for (tracking_url, expected) in [
        (
            "https://go.tune.example/aff_c?offer_id=7&aff_id=1",
            "https://go.tune.example/aff_c?offer_id=7&aff_id=1&aff_sub=Ab3kX9q&aff_click_id={{click.id}}",
        ),
        (
            "https://go.tune.example/aff_c#top?x",
            "https://go.tune.example/aff_c?aff_sub=Ab3kX9q&aff_click_id={{click.id}}#top?x",
        ),
        (
            "https://go.tune.example/aff_c?aff_sub=mine&s=%2f+x&aff_sub=too&aff_click_id=own",
            "https://go.tune.example/aff_c?aff_sub=Ab3kX9q&s=%2f+x&aff_click_id=own",
        ),
    ] {
        assert_eq!(destination(TUNE, tracking_url).await, expected);
    }
}

#[tokio::test]
async fn everflow_gets_the_code_and_the_click_and_keeps_its_path() {
    for (tracking_url, expected) in [
        (
            "https://www.ef.example/6JHXF//2CTPL/?uid=1",
            "https://www.ef.example/6JHXF//2CTPL/?uid=1&sub1=Ab3kX9q&sub2={{click.id}}",
        ),
        (
            "https://www.ef.example/6JHXF/2CTPL?sub1=mine&sub2=&sub3=z",
            "https://www.ef.example/6JHXF/2CTPL?sub1=Ab3kX9q&sub2=&sub3=z",
        ),
    ] {
        assert_eq!(destination(EVERFLOW, tracking_url).await, expected);
    }
}

#[tokio::test]
async fn the_code_in_the_destination_is_the_one_that_was_drawn() {
    let app = TestApp::start().await;
    let made = create(&app, EVERFLOW, "https://t.example/", json!({})).await;
    let code = made["linkId"].as_str().expect("a code");
    assert_eq!(
        made["destinationUrl"],
        format!("https://t.example/?sub1={code}&sub2={{{{click.id}}}}")
    );
}

#[tokio::test]
async fn the_names_of_the_parameters_are_the_account_s_settings() {
    for (platform, expected) in [
        (TUNE, "https://t.example/?aff_sub=x&s1=Ab3kX9q&c1={{click.id}}"),
        (
            EVERFLOW,
            "https://t.example/?aff_sub=x&s2=Ab3kX9q&c2={{click.id}}",
        ),
    ] {
        let app = TestApp::start().await;
        set(&app, |account| {
            account.tune_link_parameter = "s1".to_owned();
            account.tune_click_parameter = "c1".to_owned();
            account.everflow_link_parameter = "s2".to_owned();
            account.everflow_click_parameter = "c2".to_owned();
        })
        .await;
        let made = create(
            &app,
            platform,
            "https://t.example/?aff_sub=x",
            json!({"code": "Ab3kX9q"}),
        )
        .await;
        assert_eq!(made["destinationUrl"], expected);
    }
}

#[tokio::test]
async fn the_account_s_parameters_are_added_to_offers_that_have_none_of_that_name() {
    let app = TestApp::start().await;
    set(&app, |account| {
        account.global_offer_parameters = parameters(&[
            ("utm_medium", "sms & more"),
            ("utm_source", "us"),
            ("sub1", "gone"),
        ]);
    })
    .await;
    let made = create(
        &app,
        EVERFLOW,
        "https://t.example/?utm_source=own#f",
        json!({"code": "Ab3kX9q"}),
    )
    .await;
    assert_eq!(
        made["destinationUrl"],
        "https://t.example/?utm_source=own&sub1=Ab3kX9q&utm_medium=sms%20%26%20more&sub2={{click.id}}#f"
    );
    let made = app
        .create(json!({"url": "https://example.com/", "listId": 42}))
        .await;
    assert_eq!(
        made["destinationUrl"], "https://example.com/",
        "a URL is no offer"
    );
}

/// Expects that an offer's link is refused for its destination.
async fn unusable(platform: Option<Platform>, tracking_url: &str, fields: Value, message: &str) {
    let app = TestApp::start().await;
    let offer = app.tenant.offer(app.store(), platform, tracking_url).await;
    let error = error("InvalidUrlError", "INVALID_URL", "input.offerId", 400, message);
    refused(&app, of_offer(&offer, fields), error).await;
}

#[tokio::test]
async fn tune_takes_500_characters_in_a_sub_parameter() {
    let tracking_url = "https://t.example/?aff_sub2={{metadata.x}}&free={{metadata.x}}";
    let metadata = |characters: usize| json!({"metadata": {"x": "é".repeat(characters)}});
    let app = TestApp::start().await;
    let url = "https://t.example/?aff_sub5={{metadata.x}}";
    let made = create(&app, TUNE, url, metadata(500)).await;
    assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
    let url = "https://t.example/?free={{metadata.x}}";
    let made = create(&app, TUNE, url, metadata(501)).await;
    assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
    let made = create(&app, EVERFLOW, url, metadata(501)).await;
    assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
    unusable(
        TUNE,
        &tracking_url.replace("&free={{metadata.x}}", ""),
        metadata(501),
        "The offer's tracking URL gives no usable destination: TUNE takes at most 500 characters in aff_sub2; \
         shorten the value that fills it.",
    )
    .await;
}

#[tokio::test]
async fn a_destination_has_4096_bytes_at_most() {
    let prefix = "https://t.example/?x=";
    let tracking_url = format!("{prefix}{{{{metadata.x}}}}{{{{click.id}}}}");
    let room = 4096 - prefix.len() - "{{click.id}}".len();
    let fields = |bytes: usize| json!({"metadata": {"x": "x".repeat(bytes)}});
    let app = TestApp::start().await;
    let made = create(&app, None, &tracking_url, fields(room)).await;
    let destination = made["destinationUrl"].as_str().unwrap_or_default();
    assert_eq!(destination.len(), 4096, "{made}");
    unusable(
        None,
        &tracking_url,
        fields(room + 1),
        "The offer's tracking URL gives no usable destination: shorten the URL to at most 4096 bytes.",
    )
    .await;
}

#[tokio::test]
async fn an_offer_that_leads_back_to_this_server_is_refused() {
    for tracking_url in [
        "https://go.example.com/{{link.id}}",
        "https://GO.EXAMPLE.COM.:443?x={{click.id}}",
    ] {
        unusable(
            TUNE,
            tracking_url,
            json!({}),
            "It leads to a domain of this server, so the link would lead in a circle; give its final destination.",
        )
        .await;
    }
}

/// What the database should not hold, since the catalogue refuses it.
#[tokio::test]
async fn a_stored_tracking_url_that_is_none_is_refused() {
    for (tracking_url, reason) in [
        (
            "nowhere",
            "give an absolute URL, such as https://example.com/sale",
        ),
        ("https://t.example/?x={{nobody}}", "no such macro: nobody"),
        (
            "https://{{sub1}}.example/",
            "macros may stand only after the host and port",
        ),
    ] {
        let message = format!("The offer's tracking URL gives no usable destination: {reason}.");
        unusable(None, tracking_url, json!({}), &message).await;
    }
}
