//! How often links, offers, lists and domains were clicked, of all time and in a period.

use entity::{DomainId, OfferId, SendingListId, ShortLinkId, click, domain, offer, sending_list, short_link};
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _};
use serde_json::{Value, json};

use crate::support::{Campaign, START, Tenant, TestApp, a_click, items};

const FIGURES: &str = "clicks humanClicks botClicks uniqueClicks firstClickedAt lastClickedAt";

/// The figures of each link, offer, list and domain of the campaign, as their names, numbers, and the seconds of the
/// first and the last click.
async fn figures(app: &TestApp, campaign: &Campaign, period: Value) -> Vec<String> {
    let query = format!(
        "query($from: DateTime, $before: DateTime) {{
            shortLinks {{ nodes {{ id stats(from: $from, before: $before) {{ {FIGURES} }} }} }}
            offers {{ nodes {{ id stats(from: $from, before: $before) {{ {FIGURES} }} }} }}
            sendingLists {{ nodes {{ id stats(from: $from, before: $before) {{ {FIGURES} }} }} }}
            domains {{ nodes {{ id stats(from: $from, before: $before) {{ {FIGURES} }} }} }}
        }}"
    );
    let answer = app.graphql(&query, period).await.json();
    assert!(answer.get("errors").is_none(), "{answer}");
    let pages =
        ["shortLinks", "offers", "sendingLists", "domains"].map(|list| &answer["data"][list]["nodes"]);
    let mut lines: Vec<_> = pages
        .into_iter()
        .flat_map(items)
        .map(|node| {
            let name = campaign.named(app, node["id"].as_str().expect("an id"));
            let stats = &node["stats"];
            let numbers = ["clicks", "humanClicks", "botClicks", "uniqueClicks"]
                .map(|figure| stats[figure].to_string());
            let times = ["firstClickedAt", "lastClickedAt"]
                .map(|time| stats[time].as_str().map_or("-", |time| &time[17..19]).to_owned());
            format!("{name}: {} {}", numbers.join(" "), times.join(" "))
        })
        .collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn figures_are_of_all_time_or_of_a_period() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    let at = |seconds: &str| format!("2026-11-23T12:00:0{seconds}Z");
    for is_summed in [false, true] {
        if is_summed {
            app.app.aggregator.caught_up().await;
        }
        let all = [
            "go: 4 3 1 1 01 06",
            "hats link: 2 1 1 1 04 05",
            "hats: 2 1 1 1 04 05",
            "list 42: 4 3 1 1 01 06",
            "list 43: 2 1 1 1 04 05",
            "outlet: 2 1 1 1 04 05",
            "plain link: 1 1 0 0 06 06",
            "shoes link: 3 2 1 1 01 03",
            "shoes: 3 2 1 1 01 03",
        ];
        let nothing = "0 0 0 0 - -";
        for (period, expected) in [
            (json!({}), all.map(str::to_owned)),
            (json!({"from": at("0")}), all.map(str::to_owned)),
            (json!({"before": at("6.001")}), all.map(str::to_owned)),
            (
                json!({"from": at("2"), "before": at("5")}),
                [
                    "go: 2 1 1 0 02 03",
                    "hats link: 1 1 0 1 04 04",
                    "hats: 1 1 0 1 04 04",
                    "list 42: 2 1 1 0 02 03",
                    "list 43: 1 1 0 1 04 04",
                    "outlet: 1 1 0 1 04 04",
                    &format!("plain link: {nothing}"),
                    "shoes link: 2 1 1 0 02 03",
                    "shoes: 2 1 1 0 02 03",
                ]
                .map(str::to_owned),
            ),
            (
                json!({"from": at("6.0001")}),
                [
                    "go",
                    "hats link",
                    "hats",
                    "list 42",
                    "list 43",
                    "outlet",
                    "plain link",
                    "shoes link",
                    "shoes",
                ]
                .map(|name| format!("{name}: {nothing}")),
            ),
        ] {
            let found = figures(&app, &campaign, period.clone()).await;
            assert_eq!(found, expected, "{period}, summed: {is_summed}");
        }
    }
}

#[tokio::test]
async fn figures_of_several_periods_are_asked_for_at_once() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    for is_summed in [false, true] {
        if is_summed {
            app.app.aggregator.caught_up().await;
        }
        let query = "query($id: ID!, $from: DateTime, $before: DateTime) { offer(id: $id) {
            all: stats { clicks } since: stats(from: $from) { clicks } until: stats(before: $before) { clicks }
            between: stats(from: $from, before: $before) { clicks }
        } }";
        let variables = json!({
            "id": campaign.shoes.id.to_string(), "from": "2026-11-23T12:00:02Z", "before": "2026-11-23T12:00:03Z",
        });
        let offer = app.graphql(query, variables).await.data("offer");
        assert_eq!(
            offer,
            json!({"all": {"clicks": 3}, "since": {"clicks": 2}, "until": {"clicks": 2}, "between": {"clicks": 1}})
        );
    }
}

/// Makes a hundred links, offers, lists and domains of the tenant, with those that are there.
async fn make_a_hundred(app: &TestApp) -> Vec<ShortLinkId> {
    let db = &app.store().write;
    let model = app.stored(&app.link("https://example.com/").await).await;
    let offer_model = app
        .tenant
        .offer(app.store(), None, "https://offer.example/")
        .await;
    let mut links = vec![model.id];
    for number in 1..100 {
        let offer = offer::Model {
            id: OfferId::at(START),
            ..offer_model.clone()
        };
        offer
            .clone()
            .into_active_model()
            .insert(db)
            .await
            .expect("an offer");
        let domain = domain::Model {
            id: DomainId::at(START),
            host: format!("go{number}.example.com"),
            ..app.tenant.domain.clone()
        };
        domain
            .clone()
            .into_active_model()
            .insert(db)
            .await
            .expect("a domain");
        let list = sending_list::Model {
            id: SendingListId::at(START),
            list_id: 1000 + number,
            phone_number: format!("+1800556{number:04}"),
            ..app.tenant.list.clone()
        };
        list.clone().into_active_model().insert(db).await.expect("a list");
        let link = short_link::Model {
            id: ShortLinkId::at(START),
            code: format!("code{number}"),
            offer_id: Some(offer.id),
            sending_list_id: list.id,
            domain_id: domain.id,
            ..model.clone()
        };
        links.push(link.id);
        link.into_active_model().insert(db).await.expect("a link");
    }
    links
}

#[tokio::test]
async fn the_figures_of_a_hundred_of_a_kind_are_read_at_once() {
    let app = TestApp::start().await;
    let links = make_a_hundred(&app).await;
    let clicks: Vec<click::Model> = links.iter().map(|link| a_click(*link, 1)).collect();
    app.store_clicks(&clicks).await;
    for is_summed in [false, true] {
        if is_summed {
            app.app.aggregator.caught_up().await;
        }
        for (list, known) in [
            ("shortLinks", 100),
            ("offers", 99),
            ("sendingLists", 100),
            ("domains", 100),
        ] {
            for arguments in [
                "",
                "(from: \"2026-11-23T12:00:00Z\", before: \"2026-11-23T12:00:30Z\")",
            ] {
                let query = format!(
                    "{{ {list}(first: 100) {{ nodes {{ stats{arguments} {{ clicks uniqueClicks }} }} }} }}"
                );
                let before = app.reads();
                let page = app.graphql(&query, Value::Null).await.data(list);
                let reads = app.reads() - before;
                // The rows; how far clicks are summed, those that are not, and what is: of a period that does not begin
                // and end with a quarter of an hour, clicks one by one too.
                let most = match (list, arguments) {
                    ("shortLinks", "") => 2,
                    (_, "") | ("shortLinks", _) => 4,
                    _ => 6,
                };
                let all: Vec<_> = items(&page["nodes"]).map(|node| &node["stats"]).collect();
                assert_eq!(all.len(), 100);
                let sum = |figure: &str| all.iter().filter_map(|stats| stats[figure].as_i64()).sum::<i64>();
                assert_eq!((sum("clicks"), sum("uniqueClicks")), (known, known), "{query}");
                assert!(reads <= most, "{reads} for {query}, summed: {is_summed}");
            }
        }
    }
}

#[tokio::test]
async fn another_account_s_clicks_are_in_no_figures() {
    let app = TestApp::start().await;
    let campaign = Campaign::make(&app).await;
    let other = Tenant::make(app.store(), "go.other.example", START).await;
    let offer = other.offer(app.store(), None, "https://offer.example/").await;
    let input = json!({"offerId": offer.id.to_string(), "listId": 42});
    let made = app.create_as(&other.key, input).await;
    let link = app.link_id(made["linkId"].as_str().expect("a code")).await;
    app.store_clicks(&[a_click(link, 1), a_click(link, 2)]).await;
    let before = figures(&app, &campaign, json!({})).await;
    assert_eq!(before[3], "list 42: 4 3 1 1 01 06");
    for is_summed in [false, true] {
        if is_summed {
            app.app.aggregator.caught_up().await;
        }
        assert_eq!(figures(&app, &campaign, json!({})).await, before);
        let query = "{ offers { nodes { stats { clicks } } } sendingLists { nodes { stats { clicks } } } }";
        let answer = app.graphql_as(Some(&other.key), query, Value::Null).await.json();
        let two = json!({"nodes": [{"stats": {"clicks": 2}}]});
        assert_eq!(answer["data"], json!({"offers": two, "sendingLists": two}));
    }
}
