//! What of an offer's tracking URL is changed on the way to the destination, and what is not.

use entity::offer::Platform;
use serde_json::json;

use crate::support::{TestApp, of_offer};

#[tokio::test]
async fn macros_of_creation_are_filled_and_those_of_the_click_stay() {
    let app = TestApp::start().await;
    let tracking_url = "https://t.example/{{list.id}}/{{link.id}}?o={{offer.id}}&e={{offer.external_id}}\
        &p={{contact.phone}}&c={{metadata.cohort}}&n={{metadata.n}}&none={{metadata.none}}\
        &k={{click.id}}&k2={{click_id}}&q={{query.utm}}&s={{sub1}}&src={{source}}#{{metadata.n}}";
    let offer = app.tenant.offer(app.store(), None, tracking_url).await;
    let fields = json!({
        "code": "Ab3kX9q",
        "contactPhone": "+14155552671",
        "metadata": {"cohort": "a/b?c=d&e#f {{click.id}} ü", "n": 1.5},
    });
    let made = app.create(of_offer(&offer, fields)).await;
    assert_eq!(
        made["destinationUrl"],
        format!(
            "https://t.example/42/Ab3kX9q?o={}&e=101&p=%2B14155552671\
             &c=a%2Fb%3Fc%3Dd%26e%23f%20%7B%7Bclick.id%7D%7D%20%C3%BC&n=1.5&none=\
             &k={{{{click.id}}}}&k2={{{{click_id}}}}&q={{{{query.utm}}}}&s={{{{sub1}}}}&src={{{{source}}}}#1.5",
            offer.id
        )
    );
}

#[tokio::test]
async fn no_value_of_a_macro_changes_where_an_offer_leads() {
    for value in [
        "../../..",
        "//evil.example",
        "@evil.example",
        "\\evil.example:1",
        "\r\n",
    ] {
        let app = TestApp::start().await;
        let tracking_url = "https://t.example/{{metadata.x}}";
        let offer = app.tenant.offer(app.store(), None, tracking_url).await;
        let fields = json!({"code": "Ab3kX9q", "metadata": {"x": value}});
        let made = app.create(of_offer(&offer, fields)).await;
        let destination = made["destinationUrl"].as_str().unwrap_or_default();
        let rest = destination.strip_prefix("https://t.example/").unwrap_or("@");
        assert!(!rest.contains(['/', '@', '\\', ':', '\r', '\n']), "{made}");
        let visit = app.get("go.example.com", "/Ab3kX9q").await;
        assert_eq!(visit.header("location"), destination);
    }
}

#[tokio::test]
async fn a_visit_of_an_offer_s_link_carries_its_click() {
    let app = TestApp::start().await;
    let tune = Some(Platform::Tune);
    let offer = app.tenant.offer(app.store(), tune, "https://t.example/").await;
    app.create(of_offer(&offer, json!({"code": "Ab3kX9q"}))).await;
    let visit = app.get("go.example.com", "/Ab3kX9q").await;
    let click = app.clicks().await.pop().expect("a click").id;
    assert_eq!(
        visit.header("location"),
        format!("https://t.example/?aff_sub=Ab3kX9q&aff_click_id={click}")
    );
}

/// Pairs that a library would write otherwise than they are: a signature over them would break.
const PAIRS: [&str; 14] = [
    "a=1",
    "sig=%2f+x%2B",
    "",
    "x",
    "=",
    "b==c",
    "%zz=%",
    "q='y'",
    "m[]=1",
    "z=%7B1%7D",
    "a=1",
    "u=/?:@!$()*,;~",
    "AFF_SUB=kept",
    "%C3%BC=%c3%bc",
];

#[tokio::test]
async fn the_other_pairs_of_an_offer_s_query_stay_byte_for_byte() {
    let app = TestApp::start().await;
    let mut offer = app
        .tenant
        .offer(app.store(), Some(Platform::Tune), "https://t.example/")
        .await;
    // Any sequence will do as long as each run has the same.
    let mut state = 1_u32;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(state >> 16).expect("small") % below
    };
    for round in 0..60 {
        let mut pairs: Vec<&str> = (0..=draw(8)).map(|_| PAIRS[draw(PAIRS.len())]).collect();
        // Something last, or the question mark and an ampersand at the end would be the whole of it.
        pairs.push("end");
        let expected = pairs.join("&");
        if round % 2 == 0 {
            pairs.insert(draw(pairs.len()), "aff_sub=old");
        }
        offer.tracking_url = format!("https://t.example/p?{}#f?aff_sub=f", pairs.join("&"));
        offer = app.save(offer).await;
        let made = app.create(of_offer(&offer, json!({}))).await;
        let url = made["destinationUrl"].as_str().expect("a destination");
        let code = made["linkId"].as_str().expect("a code");
        let ours = format!("aff_sub={code}");
        let query = url
            .strip_prefix("https://t.example/p?")
            .and_then(|rest| rest.strip_suffix("&aff_click_id={{click.id}}#f?aff_sub=f"))
            .unwrap_or_else(|| panic!("{url}"));
        let others: Vec<_> = query.split('&').filter(|pair| *pair != ours).collect();
        assert_eq!(others.join("&"), expected, "{}", offer.tracking_url);
        assert!(query.contains(&ours), "{url}");
    }
}
