//! The tools of agents, called by the SDK's own client through the router.

use entity::{api_key::Scope, click};
use rmcp::model::{CallToolRequestParams, CallToolResult};
use serde_json::{Value, json};

use crate::support::{Agent, Campaign, START, Tenant, TestApp, a_click, call, text};

/// Each tool with arguments that it takes, and whether it only reads.
fn tools() -> [(&'static str, Value, bool); 6] {
    let link = json!({"url": "https://example.com/", "listId": 42});
    [
        ("create_short_link", link.clone(), false),
        ("create_short_links", json!({"items": [link]}), false),
        ("find_short_links", json!({"first": 1}), true),
        ("click_report", json!({}), true),
        ("list_offers", json!({}), true),
        ("list_sending_lists", json!({}), true),
    ]
}

/// What a call that succeeded has answered; the text says the same.
fn answered(result: CallToolResult) -> Value {
    let data = result.structured_content.expect("structured content");
    assert_eq!(result.is_error, Some(false), "{data}");
    let said: Value = serde_json::from_str(&result.content[0].as_text().expect("a text").text).expect("JSON");
    assert_eq!(said, data);
    data
}

/// The only error of a call that was refused; the text has its code and message too.
fn refused(result: CallToolResult) -> Value {
    let mut content = result.structured_content.expect("structured content");
    assert_eq!(result.is_error, Some(true), "{content}");
    let errors = content["errors"].as_array_mut().expect("errors");
    assert_eq!(errors.len(), 1, "{errors:?}");
    let error = errors.remove(0);
    let said = &result.content[0].as_text().expect("a text").text;
    let begins = format!("{}: {}", text(&error["code"]), text(&error["message"]));
    assert!(said.starts_with(&begins), "{said}");
    error
}

async fn create(agent: &Agent, arguments: Value) -> Value {
    answered(call(agent, "create_short_link", arguments).await)["createShortLink"].take()
}

#[tokio::test]
async fn a_client_is_told_what_each_tool_does_and_takes() {
    let app = TestApp::start().await;
    let agent = app.agent(&app.tenant.key).await;
    let server = agent.peer_info().expect("a handshake");
    let name = server.server_info.as_ref().map(|it| it.name.as_str());
    assert_eq!(name, Some("linkhop"));
    assert!(
        server
            .instructions
            .as_ref()
            .is_some_and(|it| it.contains("list_sending_lists"))
    );
    let listed = agent.list_all_tools().await.expect("tools");
    let names: Vec<_> = listed.iter().map(|tool| tool.name.as_ref()).collect();
    assert_eq!(names, tools().map(|(name, ..)| name));
    for (tool, (_, _, is_read_only)) in listed.iter().zip(tools()) {
        let description = tool.description.as_deref().expect("a description");
        assert!(description.len() > 100, "{}: {description}", tool.name);
        let hints = tool.annotations.as_ref().expect("annotations");
        assert_eq!(hints.read_only_hint, Some(is_read_only), "{}", tool.name);
        assert_eq!(hints.idempotent_hint, Some(is_read_only), "{}", tool.name);
        assert_eq!(
            (hints.destructive_hint, hints.open_world_hint),
            (Some(false), Some(false))
        );
        let schema = Value::Object((*tool.input_schema).clone());
        assert_eq!(schema["type"], "object");
        assert_described(&tool.name, &schema);
    }
    let schema = |tool: usize| Value::Object((*listed[tool].input_schema).clone());
    let required = [0, 1, 2, 3, 4, 5].map(|tool| schema(tool)["required"].clone());
    assert_eq!(
        required,
        [
            json!([]),
            json!(["items"]),
            json!([]),
            json!([]),
            json!([]),
            json!([])
        ]
    );
    assert_eq!(schema(0)["properties"]["listId"]["type"], "integer");
    let item = &schema(1)["properties"]["items"]["items"];
    assert_eq!(item["properties"]["expiresAt"]["format"], "date-time");
    let status = &schema(2)["properties"]["filter"]["properties"]["status"]["items"];
    assert!(
        status["enum"]
            .as_array()
            .is_some_and(|it| it.contains(&json!("EXHAUSTED")))
    );
    assert!(schema(2)["properties"]["shortUrl"].is_object());
    let by = &schema(3)["properties"]["groupBy"]["items"];
    assert_eq!(
        (&by["minProperties"], &by["maxProperties"]),
        (&json!(1), &json!(1))
    );
}

/// Every property says what it is, all the way down.
fn assert_described(place: &str, schema: &Value) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        let description = property["description"].as_str().unwrap_or_default();
        assert!(description.len() > 10, "{place}: {property}");
        assert_described(&place, property);
        assert_described(&place, &property["items"]);
    }
}

#[tokio::test]
async fn agents_with_and_without_a_handshake_can_call_every_tool() {
    let app = TestApp::start().await;
    let agents = [
        app.agent(&app.tenant.key).await,
        app.new_agent(&app.tenant.key).await,
    ];
    for agent in agents {
        assert_eq!(agent.list_all_tools().await.expect("tools").len(), tools().len());
        for (tool, arguments, _) in tools() {
            answered(call(&agent, tool, arguments).await);
        }
        agent.cancel().await.expect("an end");
    }
    assert_eq!(app.count_links().await, 4);
}

#[tokio::test]
async fn an_agent_makes_links_finds_them_and_counts_their_clicks() {
    let app = TestApp::start().await;
    let agent = app.agent(&app.tenant.key).await;
    let lists = answered(
        call(
            &agent,
            "list_sending_lists",
            json!({"filter": {"status": ["ACTIVE"]}}),
        )
        .await,
    );
    let list = lists["sendingLists"]["nodes"][0]["listId"].clone();
    assert_eq!(list, 42);
    let offer = app
        .tenant
        .offer(app.store(), None, "https://offer.example/")
        .await;
    let offers = answered(call(&agent, "list_offers", json!({"first": 5, "orderBy": "NAME"})).await);
    assert_eq!(offers["offers"]["nodes"][0]["id"], offer.id.to_string());

    let input = json!({"offerId": offer.id.to_string(), "listId": list, "idempotencyKey": "once"});
    let made = create(&agent, input.clone()).await;
    assert_eq!(made["destinationUrl"], "https://offer.example/");
    let again = create(&agent, input).await;
    assert_eq!(
        (&again["linkId"], &again["replayed"]),
        (&made["linkId"], &json!(true))
    );

    let items = json!([{"url": "https://example.com/a"}, {"url": "nonsense"}]);
    let many = json!({"defaults": {"listId": list}, "items": items, "idempotencyKey": "all"});
    let many = answered(call(&agent, "create_short_links", many).await);
    let results = &many["createShortLinks"]["results"];
    assert_eq!(many["createShortLinks"]["created"], 1);
    assert_eq!(results[1]["path"], json!(["input", "items", "1", "url"]));

    let found = answered(call(&agent, "find_short_links", json!({"shortUrl": made["shortUrl"]})).await);
    assert_eq!(found["shortLink"]["id"], made["shortLink"]["id"]);
    let page = json!({"filter": {"listId": 42}, "first": 1, "orderBy": "OLDEST_FIRST"});
    let page = answered(call(&agent, "find_short_links", page).await);
    assert_eq!(page["shortLinks"]["nodes"][0]["shortUrl"], made["shortUrl"]);
    assert_eq!(page["shortLinks"]["pageInfo"]["hasNextPage"], true);

    let link = app.link_id(text(&made["linkId"])).await;
    let bot = click::Model {
        bot_reason: Some(click::BotReason::Head),
        ..a_click(link, 1)
    };
    app.store_clicks(&[a_click(link, 0), bot]).await;
    let ask = json!({"filter": {"offerId": offer.id.to_string()}, "groupBy": [{"dimension": "SHORT_LINK"}]});
    let report = answered(call(&agent, "click_report", ask).await);
    let report = &report["clickReport"];
    assert_eq!(report["total"]["clicks"], 2);
    assert_eq!(report["total"]["humanClicks"], 1);
    assert_eq!(
        report["rows"][0]["keys"][0]["shortLink"]["shortUrl"],
        made["shortUrl"]
    );
}

#[tokio::test]
async fn a_report_of_a_campaign_is_the_one_that_graphql_gives() {
    let app = TestApp::start().await;
    Campaign::make(&app).await;
    let agent = app.agent(&app.tenant.key).await;
    let ask = json!({"groupBy": [{"metadataKey": "campaign"}, {"dimension": "COUNTRY"}], "orderBy": "VALUE", "first": 2});
    let report = answered(call(&agent, "click_report", ask.clone()).await);
    let operation = include_str!("../../operations/ClickReport.graphql");
    assert_eq!(
        report["clickReport"],
        app.graphql(operation, ask).await.data("clickReport")
    );
    assert_eq!(report["clickReport"]["total"]["clicks"], 6);
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_a_result_that_says_what_to_change() {
    let app = TestApp::start().await;
    let agent = app.agent(&app.tenant.key).await;
    let link = |more: Value| {
        let mut link = json!({"url": "https://example.com/", "listId": 42});
        link.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        link
    };
    for (tool, arguments, code, path) in [
        (
            "create_short_link",
            json!({}),
            "MISSING_URL_OR_OFFER",
            json!(["input"]),
        ),
        (
            "create_short_link",
            link(json!({"url": "nonsense"})),
            "INVALID_URL",
            json!(["input", "url"]),
        ),
        (
            "create_short_link",
            link(json!({"listId": 43})),
            "LIST_NOT_FOUND",
            json!(["input", "listId"]),
        ),
        (
            "create_short_link",
            link(json!({"listId": "all"})),
            "BAD_REQUEST",
            json!([]),
        ),
        (
            "create_short_link",
            link(json!({"list": 42})),
            "BAD_REQUEST",
            json!([]),
        ),
        ("create_short_links", json!({}), "BAD_REQUEST", json!([])),
        ("find_short_links", json!({"limit": 5}), "BAD_REQUEST", json!([])),
        (
            "find_short_links",
            json!({"shortUrl": "https://go.example.com/x", "first": 5}),
            "BAD_REQUEST",
            json!([]),
        ),
        (
            "find_short_links",
            json!({"first": 101}),
            "BAD_REQUEST",
            json!(["shortLinks"]),
        ),
        (
            "click_report",
            json!({"interval": "DAY", "timezone": "Moon"}),
            "INVALID_TIMEZONE",
            json!(["clickReport"]),
        ),
    ] {
        let error = refused(call(&agent, tool, arguments.clone()).await);
        assert_eq!(
            (&error["code"], &error["path"]),
            (&json!(code), &path),
            "{tool} {arguments}: {error}"
        );
        assert_eq!(error.get("__typename"), None);
    }
    let unknown = refused(call(&agent, "find_short_links", json!({"limit": 5})).await);
    let message = "There is no argument limit; give only those that there are: after, filter, first, orderBy, shortUrl.";
    assert_eq!(unknown["message"], message);
    assert_eq!(app.count_links().await, 0);

    let no_tool = agent.call_tool(CallToolRequestParams::new("drop_tables")).await;
    let no_tool = no_tool.expect_err("no such tool").to_string();
    assert!(no_tool.contains("There is no tool drop_tables"), "{no_tool}");
}

#[tokio::test]
async fn a_key_may_do_with_tools_what_it_may_do_without() {
    let app = TestApp::start().await;
    for (scope, may_create) in [
        (Scope::Read, false),
        (Scope::CatalogWrite, false),
        (Scope::LinksWrite, true),
        (Scope::Admin, true),
    ] {
        let key = app.tenant.key(app.store(), &[scope], None).await;
        let agent = app.agent(&key).await;
        for (tool, arguments, is_read_only) in tools() {
            let links = app.count_links().await;
            let result = call(&agent, tool, arguments).await;
            if is_read_only || may_create {
                answered(result);
            } else {
                let error = refused(result);
                assert_eq!(error["code"], "FORBIDDEN", "{tool} with {scope:?}");
                assert_eq!(
                    error["message"],
                    "This key lacks the scope LINKS_WRITE; use one that has it."
                );
                assert_eq!(app.count_links().await, links);
            }
        }
    }
}

#[tokio::test]
async fn what_belongs_to_another_account_is_not_found() {
    let app = TestApp::start().await;
    let other = Tenant::make(app.store(), "other.example.com", START).await;
    let offer = other.offer(app.store(), None, "https://offer.example/").await;
    let theirs = app
        .create_as(&other.key, json!({"offerId": offer.id.to_string(), "listId": 42}))
        .await;
    let link = app.link_id(text(&theirs["linkId"])).await;
    app.store_clicks(&[a_click(link, 0)]).await;
    let agent = app.agent(&app.tenant.key).await;
    let found = answered(
        call(
            &agent,
            "find_short_links",
            json!({"shortUrl": theirs["shortUrl"]}),
        )
        .await,
    );
    assert_eq!(found, json!({"shortLink": null}));
    let found = answered(call(&agent, "find_short_links", json!({})).await);
    assert_eq!(found["shortLinks"]["nodes"], json!([]));
    let offers = answered(call(&agent, "list_offers", json!({})).await);
    assert_eq!(offers["offers"]["nodes"], json!([]));
    let report = json!({"filter": {"shortLinkId": link.to_string()}});
    let report = call(&agent, "click_report", report).await;
    let never = json!({"filter": {"shortLinkId": "link_00000000000000000000000000000000"}});
    assert_eq!(report, call(&agent, "click_report", never).await);
    let input = json!({"offerId": offer.id.to_string(), "listId": 42});
    let error = refused(call(&agent, "create_short_link", input).await);
    assert_eq!(error["code"], "OFFER_NOT_FOUND");
    // Their own agent sees it.
    let agent = app.agent(&other.key).await;
    let found = answered(
        call(
            &agent,
            "find_short_links",
            json!({"shortUrl": theirs["shortUrl"]}),
        )
        .await,
    );
    assert_eq!(found["shortLink"]["id"], link.to_string());
}
