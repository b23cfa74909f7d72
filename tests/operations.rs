//! The operations that agents and dashboards are given: each is sound, and each runs.

use std::{collections::BTreeSet, convert::Infallible, fs, path::Path};

use async_graphql::{
    Name, Value as Argument,
    parser::{
        parse_query,
        types::{DocumentOperations, OperationDefinition, OperationType, Selection, SelectionSet},
    },
};
use entity::{
    click,
    offer::{self, Platform},
};
use serde_json::{Map, Value, json};

use crate::support::{Schema, TestApp, a_click, items, of_offer, text};

/// A file of `operations/`.
struct Operation {
    /// The file's name without its ending, and the name inside.
    name: String,
    text: String,
    definition: OperationDefinition,
}

impl Operation {
    /// The variables that it declares, or of them only those that no call can leave out.
    fn variables(&self, required: bool) -> BTreeSet<&str> {
        let declared = self.definition.variable_definitions.iter().map(|it| &it.node);
        declared
            .filter(|it| !required || (!it.var_type.node.nullable && it.default_value.is_none()))
            .map(|it| it.name.node.as_str())
            .collect()
    }

    /// The name of a variable's type.
    fn type_of(&self, variable: &str) -> String {
        let mut declared = self.definition.variable_definitions.iter().map(|it| &it.node);
        let found = declared.find(|it| it.name.node == variable).expect("a variable");
        found.var_type.node.base.to_string()
    }
}

/// Every file of `operations/` with the one operation that its name promises.
fn operations() -> Vec<Operation> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("operations");
    let files = fs::read_dir(folder).expect("operations/");
    let mut operations: Vec<_> = files
        .map(|file| {
            let file = file.expect("a file").file_name().into_string().expect("a name");
            let name = file
                .strip_suffix(".graphql")
                .expect("a name that ends in .graphql");
            let path = format!("{}/operations/{file}", env!("CARGO_MANIFEST_DIR"));
            let text = fs::read_to_string(path).expect("a text");
            let document = parse_query(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let DocumentOperations::Multiple(mut named) = document.operations else {
                panic!("{file} has an operation without a name");
            };
            assert_eq!(named.len(), 1, "{file} has one operation");
            let definition = named
                .remove(name)
                .unwrap_or_else(|| panic!("{file} has another operation"));
            Operation {
                name: name.to_owned(),
                text,
                definition: definition.node,
            }
        })
        .collect();
    // By name: what archives and what changes is called before and after what lists.
    operations.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(!operations.is_empty());
    operations
}

#[test]
fn each_operation_says_when_to_use_it_and_takes_every_value_as_a_variable() {
    for Operation {
        name,
        text,
        definition,
    } in operations()
    {
        let comment: Vec<_> = text.lines().take_while(|line| line.starts_with("# ")).collect();
        assert!(comment.join(" ").len() > 100, "{name} says too little");
        assert_no_literals(&name, &definition.selection_set.node);
    }
}

fn assert_no_literals(name: &str, selected: &SelectionSet) {
    for selection in &selected.items {
        match &selection.node {
            Selection::Field(field) => {
                for (argument, value) in &field.node.arguments {
                    // What a report is grouped by is what it is, and why there are several.
                    if argument.node == "groupBy" {
                        continue;
                    }
                    let named = |variable: Name| {
                        Ok::<_, Infallible>(Argument::Enum(Name::new(format!("${variable}"))))
                    };
                    let Ok(value) = value.node.clone().into_const_with(named);
                    assert!(
                        is_made_of_variables(&value),
                        "{name} has a literal in {argument}: {value}"
                    );
                }
                assert_no_literals(name, &field.node.selection_set.node);
            }
            Selection::InlineFragment(fragment) => {
                assert_no_literals(name, &fragment.node.selection_set.node);
            }
            Selection::FragmentSpread(_) => panic!("{name} is in pieces"),
        }
    }
}

/// Whether nothing in an argument's value is written out; variables stand in it as their names, as enum values do.
fn is_made_of_variables(value: &Argument) -> bool {
    match value {
        Argument::Enum(name) => name.starts_with('$'),
        Argument::Object(fields) => fields.values().all(is_made_of_variables),
        _ => false,
    }
}

#[tokio::test]
async fn each_operation_succeeds_with_all_its_variables_and_with_none_but_the_required() {
    let app = TestApp::start().await;
    let schema = Schema::read(&app).await;
    let operations = operations();
    let samples = samples(&app, &operations).await;
    let names: BTreeSet<_> = operations.iter().map(|it| it.name.as_str()).collect();
    let known: BTreeSet<_> = samples.keys().map(String::as_str).collect();
    assert_eq!(
        names, known,
        "this test has variables for each operation, and for no other"
    );
    for operation in &operations {
        let name = &operation.name;
        let all = samples[name].as_object().expect("variables");
        let given: BTreeSet<_> = all.keys().map(String::as_str).collect();
        assert_eq!(operation.variables(false), given, "{name}");
        let needed = operation.variables(true);
        let mut fewest = all.clone();
        fewest.retain(|variable, _| needed.contains(variable.as_str()));
        for variable in ["input", "filter"] {
            if let Some(given) = all.get(variable).and_then(Value::as_object) {
                let fields = &schema.named(&operation.type_of(variable))["inputFields"];
                let fields: BTreeSet<_> = items(fields).map(|field| text(&field["name"])).collect();
                let given: BTreeSet<_> = given.keys().map(String::as_str).collect();
                assert_eq!(fields, given, "{name} says all that there is to say");
            }
        }
        let calls = if fewest == *all {
            vec![fewest]
        } else {
            vec![all.clone(), fewest]
        };
        for variables in calls {
            let answer = app
                .graphql(&operation.text, variables.clone().into())
                .await
                .json();
            assert!(answer.get("errors").is_none(), "{name} {variables:?}: {answer}");
            let fields = answer["data"].as_object().expect("data");
            assert_eq!(fields.len(), 1, "{name} asks for one thing");
            for value in fields.values() {
                let succeeded = match operation.definition.ty {
                    OperationType::Mutation => text(&value["__typename"]).ends_with("Success"),
                    _ => value.is_object() && value["nodes"] != json!([]),
                };
                assert!(succeeded, "{name} {variables:?}: {value}");
            }
        }
    }
}

/// A value for each variable of each operation, and the rows that they name.
async fn samples(app: &TestApp, operations: &[Operation]) -> Map<String, Value> {
    let tracking_url = "https://tune.example.com/aff_c?offer_id={{offer.external_id}}";
    let offer = app
        .tenant
        .offer(app.store(), Some(Platform::Tune), tracking_url)
        .await;
    let mut samples = Map::new();
    for more in [
        of_the_catalogue(app, &offer).await,
        of_links(app, &offer).await,
        of_reports(app, &offer).await,
        of_administration(app).await,
    ] {
        samples.extend(more.as_object().expect("operations").clone());
    }
    for (name, filter, order) in [
        (
            "ListDomains",
            json!({"status": ["ACTIVE"], "host": "example.com"}),
            "HOST",
        ),
        (
            "ListOffers",
            json!({"status": ["ACTIVE", "PAUSED"], "name": "Off"}),
            "NAME",
        ),
        (
            "ListSendingLists",
            json!({"status": ["ACTIVE"], "brandName": "example"}),
            "LIST_ID",
        ),
        (
            "ListShortLinks",
            samples["CountShortLinks"]["filter"].clone(),
            "OLDEST_FIRST",
        ),
        ("ListApiKeys", json!({"status": ["ACTIVE", "REVOKED"]}), ""),
        ("ListAuditLog", samples["ListAuditLog"]["filter"].clone(), ""),
    ] {
        // The page after the first row, so that each list needs two.
        let mut variables = json!({"filter": filter, "first": 1, "after": null});
        if !order.is_empty() {
            variables["orderBy"] = order.into();
        }
        let list = operations.iter().find(|it| it.name == name).expect("a list");
        let answer = app.graphql(&list.text, variables.clone()).await.json();
        let page = answer["data"].as_object().and_then(|data| data.values().next());
        variables["after"] = page.expect("a page")["pageInfo"]["endCursor"].clone();
        samples.insert(name.to_owned(), variables);
    }
    samples
}

async fn of_the_catalogue(app: &TestApp, offer: &offer::Model) -> Value {
    // A row of each that is archived, and one more.
    let (tenant, store) = (&app.tenant, app.store());
    let old_offer = tenant.offer(store, None, "https://offer.example/").await;
    tenant.offer(store, None, "https://offer.example/").await;
    let old_list = tenant.more_list(store, 43, "+18005551235", None).await;
    tenant.more_list(store, 44, "+18005551236", None).await;
    let old_domain = tenant.more_domain(store, "old.example.com").await;
    tenant.more_domain(store, "more.example.com").await;
    let new_offer = json!({
        "name": "Autumn",
        "trackingUrl": "https://everflow.example.com/6JHXF/2CTPL/?sub3={{contact.phone}}",
        "platform": "EVERFLOW",
        "externalId": "202",
        "payout": "12.50",
        "payoutCurrency": "USD",
        "payoutType": "CPA",
        "filterBots": true,
        "status": "PAUSED",
        "metadata": {"vertical": "shoes"},
    });
    let new_list = json!({
        "phoneNumber": "+18005551237",
        "brandName": "Example Outfitters",
        "listId": 45,
        "domainId": tenant.domain.id.to_string(),
        "metadata": {"team": "retention"},
    });
    let new_domain = json!({
        "host": "links.example.org",
        "scheme": "HTTPS",
        "rootUrl": "https://example.com/",
        "fallbackUrl": "https://example.com/too-late",
    });
    let change = |of: &Value, more: Value| json!({"input": merged(of, &more)});
    json!({
        "ArchiveDomain": {"id": old_domain.id.to_string()},
        "ArchiveOffer": {"id": old_offer.id.to_string()},
        "ArchiveSendingList": {"id": old_list.id.to_string()},
        "CreateDomain": {"input": new_domain},
        "CreateOffer": {"input": new_offer},
        "CreateSendingList": {"input": new_list},
        "UpdateAccountSettings": {"input": {
            "defaultFilterBots": true,
            "tuneLinkParameter": "aff_sub4",
            "tuneClickParameter": "aff_sub5",
            "everflowLinkParameter": "sub4",
            "everflowClickParameter": "sub5",
            "globalOfferParameters": {"utm_source": "sms"},
        }},
        "UpdateDomain": change(&new_domain, json!({
            "id": tenant.domain.id.to_string(), "host": "go.example.com", "status": "ACTIVE",
        })),
        "UpdateOffer": change(&new_offer, json!({"id": offer.id.to_string(), "status": "ACTIVE"})),
        "UpdateSendingList": change(&new_list, json!({
            "id": tenant.list.id.to_string(), "phoneNumber": "+18005551234", "listId": 42, "status": "ACTIVE",
        })),
        "Viewer": {},
    })
}

async fn of_administration(app: &TestApp) -> Value {
    let new = json!({"name": "agent", "scopes": ["LINKS_WRITE"], "expiresAt": "2099-01-01T00:00:00Z"});
    let mut keys = Vec::new();
    for _ in 0..2 {
        let made = app.mutate("createApiKey", "{ apiKey { id } }", new.clone()).await;
        keys.push(made["apiKey"]["id"].clone());
    }
    for overlap in [120, 60] {
        let change = json!({"id": keys[0], "overlapSeconds": overlap});
        app.mutate("rotateApiKey", "{ apiKey { id } }", change).await;
    }
    json!({
        "CreateApiKey": {"input": new},
        "EraseContact": {"phoneNumber": "+12025550149"},
        "ListAuditLog": {"filter": {
            "action": ["API_KEY_ROTATED"],
            "subjectId": keys[0],
            "apiKeyId": app.tenant.key_row.id.to_string(),
            "from": "2026-11-23T12:00:00Z",
            "before": "2099-01-01T00:00:00Z",
        }},
        "RevokeApiKey": {"id": keys[1]},
        "RotateApiKey": {"input": {"id": keys[0], "overlapSeconds": 60}},
    })
}

async fn of_links(app: &TestApp, offer: &offer::Model) -> Value {
    for _ in 0..2 {
        let input = json!({"contactPhone": "+12025550144", "metadata": {"campaign": "summer"}});
        app.create(of_offer(offer, input)).await;
    }
    let code = app.link("https://example.com/sale").await;
    let link = json!({
        "listId": 42,
        "contactPhone": "+12025550143",
        "metadata": {"campaign": "spring"},
        "filterBots": true,
        "expiresAt": "2099-01-01T00:00:00Z",
        "maxClicks": 100,
        "fallbackUrl": "https://example.com/too-late",
    });
    let filter = json!({
        "listId": 42,
        "offerId": offer.id.to_string(),
        "domainId": app.tenant.domain.id.to_string(),
        "status": ["ACTIVE"],
        "contactPhone": "+12025550144",
        "createdFrom": "2026-11-23T12:00:00Z",
        "createdBefore": "2099-01-01T00:00:00Z",
        "metadata": {"key": "campaign", "value": "summer"},
        "search": "tune.example.com",
    });
    let old = app.link("https://example.com/old").await;
    let old = app.link_id(&old).await.to_string();
    let mut over = filter.clone();
    over["contactPhone"] = json!("+12025550146");
    // The page after the last of two clicks.
    let clicked = app.link_id(&code).await;
    app.store_clicks(&[a_click(clicked, 0), a_click(clicked, 1)])
        .await;
    let query = "query($id: ID!) {
        shortLink(by: {id: $id}) { clicks(first: 1) { pageInfo { endCursor } } } }";
    let page = app.graphql(query, json!({"id": clicked.to_string()})).await;
    let place = page.data("shortLink")["clicks"]["pageInfo"]["endCursor"].clone();
    json!({
        "ArchiveShortLink": {"id": old},
        "ArchiveShortLinks": {"filter": over},
        "CountShortLinks": {"filter": filter},
        "CheckSms": {"shortUrl": format!("https://go.example.com/{code}"), "body": "It’s spring: {{link}}"},
        "CreateShortLink": {"input": merged(&link, &json!({
            "url": "https://example.com/ignored", "offerId": offer.id.to_string(), "phoneNumber": "+18005551234",
            "code": "from-input", "idempotencyKey": "order-1016",
        }))},
        "CreateShortLinkFromOffer": merged(&link, &json!({
            "offerId": offer.id.to_string(), "code": "from-offer", "idempotencyKey": "order-1017",
        })),
        "CreateShortLinks": {
            "defaults": {"metadata": {"campaign": "autumn"}, "maxClicks": 5},
            "items": [
                {"url": "https://example.com/a", "listId": 42, "contactPhone": "+12025550141"},
                {"url": "https://example.com/b", "listId": 42, "metadata": {"n": 2}},
            ],
            "idempotencyKey": "campaign-7",
        },
        "CreateShortLinkFromUrl": merged(&link, &json!({
            "url": "https://example.com/spring-sale", "code": "from-url", "idempotencyKey": "order-1018",
        })),
        "DisableShortLink": {"id": clicked.to_string()},
        "DrawQrCode": {"shortUrl": format!("https://go.example.com/{code}"), "format": "PNG", "size": 512},
        "EnableShortLink": {"id": clicked.to_string()},
        "FindShortLink": {"shortUrl": format!("https://go.example.com/{code}")},
        "LinkStats": {"shortUrl": format!("https://go.example.com/{code}"), "first": 1, "after": place},
        "UpdateShortLink": {"input": {
            "id": clicked.to_string(),
            "url": "https://example.com/summer-sale",
            "expiresAt": "2099-01-01T00:00:00Z",
            "maxClicks": 100,
            "fallbackUrl": "https://example.com/too-late",
            "filterBots": true,
            "metadata": {"campaign": "summer"},
        }},
    })
}

async fn of_reports(app: &TestApp, offer: &offer::Model) -> Value {
    let input = json!({"contactPhone": "+12025550145", "metadata": {"campaign": "winter"}});
    let made = app.create(of_offer(offer, input)).await;
    let link = app.link_id(text(&made["linkId"])).await;
    let parameters =
        json!({"sub1": "a", "sub2": "b", "sub3": "c", "sub4": "d", "sub5": "e", "source": "sms"});
    let clicks = [0, 1].map(|seconds| click::Model {
        parameters: Some(parameters.clone()),
        ..a_click(link, seconds)
    });
    app.store_clicks(&clicks).await;
    let period = json!({"from": "2026-11-23T00:00:00Z", "before": "2026-11-24T00:00:00Z"});
    let by_time = merged(
        &period,
        &json!({"interval": "HOUR", "timezone": "Asia/Kolkata", "first": 100}),
    );
    let ranking = merged(&period, &json!({"orderBy": "MOST_HUMAN_CLICKS", "first": 10}));
    let filter = merged(
        &period,
        &json!({
            "shortLinkId": link.to_string(),
            "offerId": offer.id.to_string(),
            "listId": 42,
            "domainId": app.tenant.domain.id.to_string(),
            "contactPhone": "+12025550145",
            "metadata": {"key": "campaign", "value": "winter"},
            "isBot": false,
            "botReason": [null],
            "botKind": [null, "SCANNER"],
            "country": ["US", "CA"],
            "device": ["smartphone", "tablet"],
            "os": ["iOS"],
            "browser": ["Safari", null],
            "referrer": ["www.example.com"],
            "sub1": ["a"],
            "sub2": ["b"],
            "sub3": ["c"],
            "sub4": ["d"],
            "sub5": ["e"],
            "source": ["sms", null],
        }),
    );
    // The page after the last of two clicks.
    let query =
        "query($filter: ClickFilter) { clicks(filter: $filter, first: 1) { pageInfo { endCursor } } }";
    let page = app.graphql(query, json!({"filter": filter})).await.data("clicks");
    json!({
        "BotClicks": ranking,
        "ClickReport": {
            "filter": filter,
            "groupBy": [{"metadataKey": "campaign"}],
            "interval": "DAY",
            "timezone": "Asia/Kolkata",
            "orderBy": "VALUE",
            "first": 10,
        },
        "CampaignClicks": merged(&by_time, &json!({"key": "campaign", "value": "winter"})),
        "ClickOverview": by_time,
        "ClicksByCountryAndDevice": ranking,
        "ClicksByMetadata": merged(&ranking, &json!({"key": "campaign"})),
        "LatestClicks": {"filter": filter, "first": 1, "after": page["pageInfo"]["endCursor"]},
        "TopOffers": ranking,
        "TopSendingLists": ranking,
    })
}

/// Both objects in one.
fn merged(object: &Value, more: &Value) -> Value {
    let mut both = object.clone();
    for (name, value) in more.as_object().into_iter().flatten() {
        both[name] = value.clone();
    }
    both
}
