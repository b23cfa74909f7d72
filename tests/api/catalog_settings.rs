//! An account's settings.

use entity::offer::Platform;
use serde_json::{Value, json};

use crate::support::{TestApp, of_offer, user_error};

const ALL: &str = "{ account { id settings { defaultFilterBots tuneLinkParameter tuneClickParameter
    everflowLinkParameter everflowClickParameter globalOfferParameters } } }";

async fn changed(app: &TestApp, change: Value) -> Value {
    let changed = app.mutate("updateAccountSettings", ALL, change).await;
    assert_eq!(changed["__typename"], "UpdateAccountSettingsSuccess", "{changed}");
    changed["account"]["settings"].clone()
}

#[tokio::test]
async fn settings_change_one_by_one() {
    let app = TestApp::start().await;
    let mut expected = json!({
        "defaultFilterBots": false, "tuneLinkParameter": "aff_sub", "tuneClickParameter": "aff_click_id",
        "everflowLinkParameter": "sub1", "everflowClickParameter": "sub2", "globalOfferParameters": {},
    });
    assert_eq!(changed(&app, json!({})).await, expected);
    for (field, value) in [
        ("defaultFilterBots", json!(true)),
        ("tuneLinkParameter", json!("aff_sub3")),
        ("tuneClickParameter", json!("aff_sub4")),
        ("everflowLinkParameter", json!("sub3")),
        ("everflowClickParameter", json!("sub[4]")),
        (
            "globalOfferParameters",
            json!({"utm_source": "sms", "utm_medium": "text & more"}),
        ),
    ] {
        expected[field] = value.clone();
        assert_eq!(changed(&app, json!({field: value})).await, expected);
        assert_eq!(changed(&app, json!({field: null})).await, expected);
    }
    let change = json!({"globalOfferParameters": {"utm_source": null, "brand": ""}});
    let merged = changed(&app, change).await;
    assert_eq!(
        merged["globalOfferParameters"],
        json!({"utm_medium": "text & more", "brand": ""})
    );
    let viewer = app.graphql(
        "{ viewer { account { settings { globalOfferParameters } } } }",
        Value::Null,
    );
    let viewer = viewer.await.data("viewer");
    assert_eq!(
        viewer["account"]["settings"]["globalOfferParameters"],
        merged["globalOfferParameters"]
    );
}

#[tokio::test]
async fn the_next_link_is_made_with_them() {
    let app = TestApp::start().await;
    let offer = app
        .tenant
        .offer(app.store(), Some(Platform::Tune), "https://offer.example/")
        .await;
    changed(
        &app,
        json!({"defaultFilterBots": true, "tuneLinkParameter": "l", "tuneClickParameter": "c",
            "globalOfferParameters": {"utm_source": "sms & mms"}}),
    )
    .await;
    let made = app.create(of_offer(&offer, json!({"code": "spring"}))).await;
    assert_eq!(made["filterBots"], true);
    assert_eq!(
        made["destinationUrl"],
        "https://offer.example/?utm_source=sms%20%26%20mms&l=spring&c={{click.id}}"
    );
}

#[tokio::test]
async fn what_is_wrong_with_settings_is_told_and_nothing_is_changed() {
    let app = TestApp::start().await;
    let before = changed(&app, json!({})).await;
    let name = "A parameter's name has 1 to 64 of the characters A-Z a-z 0-9 _ - . [ ].";
    let value = "A parameter's value is a string of at most 500 characters without control characters; null removes it.";
    let object = "Give an object of names and values, such as {\"utm_source\": \"sms\"}.";
    let same = "The link's parameter and the click's have the same name, so one would take the other's place; give \
                another.";
    let many: serde_json::Map<_, _> = (0..21).map(|number| (format!("p{number}"), json!("x"))).collect();
    for (change, path, message) in [
        (json!({"tuneLinkParameter": ""}), "tuneLinkParameter", name),
        (json!({"tuneClickParameter": "a=b"}), "tuneClickParameter", name),
        (
            json!({"everflowLinkParameter": "a\0"}),
            "everflowLinkParameter",
            name,
        ),
        (
            json!({"everflowClickParameter": "x".repeat(65)}),
            "everflowClickParameter",
            name,
        ),
        (
            json!({"tuneLinkParameter": "aff_click_id"}),
            "tuneLinkParameter",
            same,
        ),
        (
            json!({"everflowClickParameter": "sub1"}),
            "everflowClickParameter",
            same,
        ),
        (
            json!({"globalOfferParameters": ["a"]}),
            "globalOfferParameters",
            object,
        ),
        (
            json!({"globalOfferParameters": {"a b": "x"}}),
            "globalOfferParameters.a b",
            name,
        ),
        (
            json!({"globalOfferParameters": {"a": 1}}),
            "globalOfferParameters.a",
            value,
        ),
        (
            json!({"globalOfferParameters": {"a": "\0"}}),
            "globalOfferParameters.a",
            value,
        ),
        (
            json!({"globalOfferParameters": many}),
            "globalOfferParameters",
            "At most 20 parameters can be set.",
        ),
    ] {
        let mut input = json!({"defaultFilterBots": true});
        for (field, value) in change.as_object().expect("an object") {
            input[field] = value.clone();
        }
        let expected = user_error(
            "InvalidParameterError",
            "INVALID_PARAMETER",
            &format!("input.{path}"),
            400,
            message,
        );
        assert_eq!(app.mutate("updateAccountSettings", ALL, input).await, expected);
    }
    assert_eq!(changed(&app, json!({})).await, before);
}
