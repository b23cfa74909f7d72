//! `createShortLinks`: many links by one call.

use std::{collections::HashSet, sync::Arc};

use entity::{account, api_key::Scope, audit_entry, offer, short_link};
use linkhop::{app::Options, links::code::CodeSpace};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{START, Setup, Tenant, TestApp, items, user_error as error};

const RESULTS: &str = "{ created failed results { __typename
    ... on CreateShortLinkSuccess { linkId destinationUrl offerId replayed shortLink { id } }
    ... on UserError { code message path httpStatus retryable } } }";

async fn create(app: &TestApp, input: Value) -> Value {
    app.mutate("createShortLinks", RESULTS, input).await
}

/// The results of a call, each in short: its error's code, or its code.
fn outline(answer: &Value) -> Vec<&str> {
    items(&answer["results"])
        .map(|result| {
            let said = if result["code"].is_null() {
                "linkId"
            } else {
                "code"
            };
            result[said].as_str().unwrap_or_else(|| panic!("{result}"))
        })
        .collect()
}

fn counts(answer: &Value) -> (u64, u64) {
    let count = |field: &str| answer[field].as_u64().unwrap_or_else(|| panic!("{answer}"));
    (count("created"), count("failed"))
}

fn replayed(answer: &Value) -> usize {
    let results = items(&answer["results"]);
    results.filter(|result| result["replayed"] == true).count()
}

/// So many links with the codes `link-0`, `link-1` and so on.
fn numbered(count: usize) -> Vec<Value> {
    (0..count).map(|n| json!({"code": format!("link-{n}")})).collect()
}

fn defaults() -> Value {
    json!({"url": "https://example.com/", "listId": 42})
}

async fn entries(app: &TestApp) -> Vec<audit_entry::Model> {
    app.audit_log_without(&[]).await
}

#[tokio::test]
async fn each_link_is_made_and_the_results_are_in_the_order_of_the_input() {
    let app = TestApp::start().await;
    let items: Vec<_> = (0..1000)
        .map(|n| json!({"code": format!("link-{n}"), "url": format!("https://example.com/{n}")}))
        .collect();
    let answer = create(&app, json!({"defaults": {"listId": 42}, "items": items})).await;
    assert_eq!(counts(&answer), (1000, 0));
    for (n, result) in crate::support::items(&answer["results"]).enumerate() {
        let made = (&result["linkId"], &result["destinationUrl"], &result["replayed"]);
        let expected = (
            &json!(format!("link-{n}")),
            &json!(format!("https://example.com/{n}")),
            &json!(false),
        );
        assert_eq!(made, expected);
    }
    assert_eq!(app.count_links().await, 1000);
    let visit = app.get("go.example.com", "/link-999").await;
    assert_eq!(visit.location(), "https://example.com/999");
    let stored = app.stored("link-500").await;
    assert_eq!(stored.api_key_id, Some(app.tenant.key_row.id));
}

#[tokio::test]
async fn a_link_is_the_same_whether_it_is_made_alone_or_with_others() {
    let app = TestApp::start().await;
    let offer = app
        .tenant
        .offer(app.store(), None, "https://t.example/{{link.id}}/{{metadata.a}}")
        .await;
    let input = |code: &str| {
        json!({
            "offerId": offer.id.to_string(), "phoneNumber": "+18005551234", "contactPhone": "+14155552671",
            "metadata": {"a": "x", "b": [1, null]}, "code": code, "filterBots": true,
            "expiresAt": "2026-12-24T18:00:00Z", "maxClicks": 3, "fallbackUrl": "https://example.com/over",
        })
    };
    app.create(input("alone")).await;
    create(&app, json!({"items": [input("among")]})).await;
    let (alone, among) = (app.stored("alone").await, app.stored("among").await);
    assert_eq!(among.destination, "https://t.example/among/x");
    let expected = short_link::Model {
        id: among.id,
        code: among.code.clone(),
        destination: among.destination.clone(),
        ..alone
    };
    assert_eq!(among, expected);
}

#[tokio::test]
async fn what_a_link_does_not_say_the_defaults_do() {
    let app = TestApp::start().await;
    let offer = app.tenant.offer(app.store(), None, "https://t.example/").await;
    let other = app
        .tenant
        .more_list(app.store(), 43, "+18005551235", Some(app.tenant.domain.id))
        .await;
    let answer = create(
        &app,
        json!({
            "defaults": {
                "offerId": offer.id.to_string(), "listId": 42, "metadata": {"campaign": "spring", "a": 1}, "maxClicks": 5,
                "contactPhone": "+14155552671", "filterBots": true, "expiresAt": "2026-12-24T18:00:00Z",
                "fallbackUrl": "https://example.com/over",
            },
            "items": [
                {"code": "all"},
                {"code": "url", "url": "https://example.com/", "maxClicks": 1, "filterBots": false},
                {"code": "phone", "phoneNumber": "+18005551235", "metadata": {"a": null, "b": 2}},
                {"code": "nulls", "url": null, "listId": null, "maxClicks": null, "metadata": null},
            ],
        }),
    )
    .await;
    assert_eq!(counts(&answer), (4, 0), "{answer}");
    let all = app.stored("all").await;
    assert_eq!(
        (all.offer_id, all.max_clicks, all.filter_bots),
        (Some(offer.id), Some(5), true)
    );
    assert_eq!(all.metadata, json!({"campaign": "spring", "a": 1}));
    assert_eq!(all.contact_phone.as_deref(), Some("+14155552671"));
    assert_eq!(all.fallback_url.as_deref(), Some("https://example.com/over"));
    assert!(all.expires_at.is_some());
    let url = app.stored("url").await;
    assert_eq!(
        (url.offer_id, url.max_clicks, url.filter_bots),
        (None, Some(1), false)
    );
    assert_eq!(url.destination, "https://example.com/");
    let phone = app.stored("phone").await;
    assert_eq!(
        (phone.offer_id, phone.sending_list_id),
        (Some(offer.id), other.id)
    );
    assert_eq!(phone.metadata, json!({"campaign": "spring", "b": 2}));
    let nulls = app.stored("nulls").await;
    assert_eq!((nulls.offer_id, nulls.max_clicks), (Some(offer.id), Some(5)));
    assert_eq!(nulls.metadata, all.metadata);
}

#[tokio::test]
async fn a_wrong_link_costs_its_neighbours_nothing_and_is_told_what_it_would_be_alone() {
    let app = TestApp::start().await;
    let other = Tenant::make(app.store(), "other.example.com", START).await;
    let theirs = other.offer(app.store(), None, "https://t.example/").await;
    let mut archived = app.tenant.offer(app.store(), None, "https://t.example/").await;
    archived.status = offer::Status::Archived;
    let archived = app.save(archived).await;
    app.tenant.more_list(app.store(), 44, "+18005551236", None).await;
    app.create(json!({"url": "https://example.com/", "listId": 42, "code": "taken"}))
        .await;
    let good = json!({"url": "https://example.com/", "listId": 42});
    let with = |more: Value| {
        let mut input = good.clone();
        for (name, value) in more.as_object().expect("fields") {
            input[name] = value.clone();
        }
        input
    };
    let wrong = [
        with(json!({"url": null})),
        with(json!({"listId": null})),
        with(json!({"url": "nowhere"})),
        with(json!({"url": "https://other.example.com/x"})),
        with(json!({"fallbackUrl": "https://go.example.com/x"})),
        with(json!({"contactPhone": "123"})),
        with(json!({"listId": null, "phoneNumber": "x"})),
        with(json!({"metadata": []})),
        with(json!({"code": "graphql"})),
        with(json!({"maxClicks": 0})),
        with(json!({"expiresAt": "2020-01-01T00:00:00Z"})),
        with(json!({"idempotencyKey": ""})),
        with(json!({"offerId": theirs.id.to_string()})),
        with(json!({"offerId": archived.id.to_string()})),
        with(json!({"offerId": "offer_x"})),
        with(json!({"listId": 43})),
        with(json!({"listId": 44})),
        with(json!({"code": "taken"})),
    ];
    let mut links = Vec::new();
    for wrong in &wrong {
        links.extend([good.clone(), wrong.clone()]);
    }
    let answer = create(&app, json!({"items": links})).await;
    let count = u64::try_from(wrong.len()).expect("a few");
    assert_eq!(counts(&answer), (count, count), "{answer}");
    for (at, (result, input)) in items(&answer["results"]).zip(&links).enumerate() {
        if at % 2 == 0 {
            assert_eq!(result["__typename"], "CreateShortLinkSuccess", "{result}");
            continue;
        }
        let mut alone = app.create(input.clone()).await;
        let mut path = vec![json!("input"), json!("items"), json!(at.to_string())];
        path.extend(items(&alone["path"]).skip(1).cloned());
        alone["path"] = path.into();
        assert_eq!(*result, alone, "{input}");
    }
    assert_eq!(app.count_links().await, count + 1);
}

#[tokio::test]
async fn of_two_links_with_one_code_the_first_one_has_it() {
    let app = TestApp::start().await;
    let mut links = numbered(200);
    links[3]["code"] = json!("twice");
    links[5]["code"] = json!("twice");
    links[190]["code"] = json!("twice");
    let answer = create(&app, json!({"defaults": defaults(), "items": links})).await;
    let outline = outline(&answer);
    assert_eq!(
        (outline[3], outline[5], outline[190]),
        ("twice", "CODE_TAKEN", "CODE_TAKEN")
    );
    assert_eq!(counts(&answer), (198, 2));
    assert_eq!(
        answer["results"][5]["path"],
        json!(["input", "items", "5", "code"])
    );
}

#[tokio::test]
async fn a_random_code_in_use_is_drawn_again_for_that_link_alone() {
    let codes = CodeSpace {
        alphabet: ('a'..='h').collect(),
        length: 3,
        ..CodeSpace::default()
    };
    let app = TestApp::with(Setup {
        options: Options {
            codes,
            ..Options::default()
        },
        ..Setup::default()
    })
    .await;
    // 512 codes of three letters, and 4,096 of four: most of the first are used up, and each link finds one.
    let links = vec![json!({}); 480];
    let answer = create(&app, json!({"defaults": defaults(), "items": links})).await;
    assert_eq!(counts(&answer), (480, 0), "{answer}");
    let codes: HashSet<_> = outline(&answer).into_iter().collect();
    assert_eq!(codes.len(), 480);
    let told: i32 = entries(&app).await.iter().map(|entry| entry.affected).sum();
    assert_eq!(told, 480);
}

#[tokio::test]
async fn a_code_for_which_there_is_no_place_is_a_collision_of_that_link() {
    let app = TestApp::with(Setup {
        options: Options {
            codes: CodeSpace {
                random: |bytes| vec![0; bytes],
                ..CodeSpace::default()
            },
            ..Options::default()
        },
        ..Setup::default()
    })
    .await;
    let answer = create(
        &app,
        json!({"defaults": defaults(), "items": [{}, {}, {"code": "own"}, {}]}),
    )
    .await;
    assert_eq!(outline(&answer), ["0000000", "00000000", "own", "ID_COLLISION"]);
    assert_eq!(answer["results"][3]["retryable"], true);
}

#[tokio::test]
async fn a_call_of_no_links_or_too_many_is_refused() {
    let app = TestApp::start().await;
    for (count, message) in [
        (
            0,
            "A call makes 1 to 1000 links, not 0; send more in several calls.",
        ),
        (
            1001,
            "A call makes 1 to 1000 links, not 1001; send more in several calls.",
        ),
    ] {
        let answer = create(
            &app,
            json!({"defaults": defaults(), "items": vec![json!({}); count]}),
        )
        .await;
        let expected = error(
            "InvalidBatchSizeError",
            "INVALID_BATCH_SIZE",
            "input.items",
            400,
            message,
        );
        assert_eq!(answer, expected);
    }
    assert_eq!(app.count_links().await, 0);
}

#[tokio::test]
async fn what_belongs_to_one_link_can_t_be_the_default_of_all() {
    let app = TestApp::start().await;
    let call = async |defaults: Value, key: Value| {
        let input = json!({"defaults": defaults, "items": [{"url": "https://example.com/", "listId": 42}],
            "idempotencyKey": key});
        create(&app, input).await
    };
    assert_eq!(
        call(json!({"code": "spring"}), Value::Null).await,
        error(
            "InvalidCodeError",
            "INVALID_CODE",
            "input.defaults.code",
            400,
            "A code belongs to one link; move it to an item.",
        )
    );
    assert_eq!(
        call(json!({"idempotencyKey": "k"}), Value::Null).await,
        error(
            "InvalidIdempotencyKeyError",
            "INVALID_IDEMPOTENCY_KEY",
            "input.defaults.idempotencyKey",
            400,
            "A key for one link belongs to an item; for the whole call, move it out of the defaults.",
        )
    );
    assert_eq!(
        call(json!({}), json!("")).await,
        error(
            "InvalidIdempotencyKeyError",
            "INVALID_IDEMPOTENCY_KEY",
            "input.idempotencyKey",
            400,
            "An idempotency key has 1 to 255 characters and no control characters.",
        )
    );
    assert_eq!(app.count_links().await, 0);
}

#[tokio::test]
async fn an_account_without_the_product_makes_none_and_still_finds_those_it_made() {
    let app = TestApp::start().await;
    let call = json!({"defaults": defaults(), "items": [{"code": "spring"}, {"url": "nowhere"}], "idempotencyKey": "k"});
    let first = create(&app, call.clone()).await;
    assert_eq!(counts(&first), (1, 1));
    let mut account = app.tenant.account.clone();
    account.products = account::Products::default();
    app.save(account).await;
    let again = create(&app, call).await;
    assert_eq!(outline(&again), ["spring", "PRODUCT_NOT_ENABLED"]);
    let other = create(&app, json!({"defaults": defaults(), "items": [{}]})).await;
    let message = "This account lacks the SMS product; ask the operator of the server to enable it.";
    assert_eq!(
        other,
        error(
            "ProductNotEnabledError",
            "PRODUCT_NOT_ENABLED",
            "input",
            403,
            message
        )
    );
}

#[tokio::test]
async fn the_same_call_again_finds_what_was_made_and_tries_the_rest_once_more() {
    let app = TestApp::start().await;
    let mut links = numbered(300);
    links[7]["listId"] = json!(43);
    links[250]["listId"] = json!(43);
    let call = json!({"defaults": defaults(), "items": links, "idempotencyKey": "campaign"});
    let first = create(&app, call.clone()).await;
    assert_eq!((counts(&first), replayed(&first)), ((298, 2), 0));
    let again = create(&app, call.clone()).await;
    assert_eq!((counts(&again), replayed(&again)), ((298, 2), 298));
    app.tenant
        .more_list(app.store(), 43, "+18005551235", Some(app.tenant.domain.id))
        .await;
    let mended = create(&app, call.clone()).await;
    assert_eq!((counts(&mended), replayed(&mended)), ((300, 0), 298));
    let whole = create(&app, call).await;
    assert_eq!((counts(&whole), replayed(&whole)), ((300, 0), 300));
    for (at, result) in items(&whole["results"]).enumerate() {
        assert_eq!(result["shortLink"], mended["results"][at]["shortLink"]);
        if at != 7 && at != 250 {
            assert_eq!(result["shortLink"], first["results"][at]["shortLink"]);
        }
    }
    assert_eq!(app.count_links().await, 300);
}

#[tokio::test]
async fn a_call_s_key_with_other_links_is_a_conflict_of_the_call() {
    let app = TestApp::start().await;
    let call =
        |defaults: Value, links: Value| json!({"defaults": defaults, "items": links, "idempotencyKey": "k"});
    create(&app, call(defaults(), json!([{"code": "one"}, {"code": "two"}]))).await;
    let message = "This key was used with another input within 24 hours; use a new key for another call.";
    let path = "input.idempotencyKey";
    let conflict = error(
        "IdempotencyConflictError",
        "IDEMPOTENCY_CONFLICT",
        path,
        422,
        message,
    );
    for other in [
        call(defaults(), json!([{"code": "two"}, {"code": "one"}])),
        call(defaults(), json!([{"code": "one"}])),
        call(defaults(), json!([{"code": "one"}, {"code": "two"}, {}])),
        call(
            json!({"url": "https://example.com/x", "listId": 42}),
            json!([{"code": "one"}, {"code": "two"}]),
        ),
    ] {
        assert_eq!(create(&app, other.clone()).await, conflict, "{other}");
    }
    // What the defaults say and what a link says itself is the same.
    let same = json!([
        {"code": "one", "url": "https://example.com/", "listId": 42},
        {"code": "two", "url": "https://example.com/", "listId": 42},
    ]);
    assert_eq!(replayed(&create(&app, call(json!({}), same)).await), 2);
    assert_eq!(app.count_links().await, 2);
    let alone = app
        .create(json!({"url": "https://example.com/", "listId": 42, "idempotencyKey": "k"}))
        .await;
    assert_eq!(alone["code"], "IDEMPOTENCY_CONFLICT");
    app.create(json!({"url": "https://example.com/", "listId": 42, "idempotencyKey": "single"}))
        .await;
    let call = json!({"defaults": defaults(), "items": [{}], "idempotencyKey": "single"});
    assert_eq!(create(&app, call).await, conflict);
}

#[tokio::test]
async fn a_link_s_own_key_works_as_if_it_were_made_alone() {
    let app = TestApp::start().await;
    let alone = app
        .create(json!({"url": "https://example.com/", "listId": 42, "code": "alone", "idempotencyKey": "a"}))
        .await;
    let links = json!([
        {"code": "alone", "idempotencyKey": "a"},
        {"code": "b", "idempotencyKey": "a"},
        {"idempotencyKey": "c"},
        {"idempotencyKey": "c"},
        {"idempotencyKey": "c", "maxClicks": 1},
        {"idempotencyKey": "call"},
        {},
    ]);
    let call = json!({"defaults": defaults(), "items": links, "idempotencyKey": "call"});
    let first = create(&app, call.clone()).await;
    let results: Vec<_> = items(&first["results"]).collect();
    assert_eq!(
        (&results[0]["linkId"], &results[0]["replayed"]),
        (&alone["linkId"], &json!(true))
    );
    assert_eq!(results[1]["code"], "IDEMPOTENCY_CONFLICT");
    assert_eq!(
        results[1]["path"],
        json!(["input", "items", "1", "idempotencyKey"])
    );
    assert_eq!(
        (&results[2]["replayed"], &results[3]["replayed"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(results[2]["linkId"], results[3]["linkId"]);
    assert_eq!(results[4]["code"], "IDEMPOTENCY_CONFLICT");
    assert_eq!(results[5]["code"], "IDEMPOTENCY_CONFLICT");
    assert_eq!(results[6]["replayed"], false);
    let again = create(&app, call).await;
    assert_eq!(replayed(&again), 4);
    assert_eq!(app.count_links().await, 3);
    let single = app
        .create(json!({"url": "https://example.com/", "listId": 42, "idempotencyKey": "c"}))
        .await;
    assert_eq!(
        (&single["linkId"], &single["replayed"]),
        (&results[2]["linkId"], &json!(true))
    );
}

#[tokio::test]
async fn a_call_s_key_is_forgotten_after_24_hours() {
    let app = TestApp::start().await;
    let call = json!({"defaults": defaults(), "items": [{}, {}], "idempotencyKey": "k"});
    create(&app, call.clone()).await;
    app.advance_hours(24);
    let later = create(&app, call).await;
    assert_eq!((counts(&later), replayed(&later)), ((2, 0), 0));
    assert_eq!(app.count_links().await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_calls_at_once_with_one_key_make_one_set_of_links() {
    let app = Arc::new(TestApp::start().await);
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let app = Arc::clone(&app);
        calls.spawn(async move {
            let call = json!({"defaults": defaults(), "items": vec![json!({}); 150], "idempotencyKey": "k"});
            create(&app, call).await
        });
    }
    let answers = calls.join_all().await;
    let ids = |answer: &Value| -> Vec<Value> {
        items(&answer["results"])
            .map(|result| result["shortLink"].clone())
            .collect()
    };
    for answer in &answers {
        assert_eq!(counts(answer), (150, 0));
        assert_eq!(ids(answer), ids(&answers[0]));
    }
    let made: usize = answers.iter().map(|answer| 150 - replayed(answer)).sum();
    assert_eq!(made, 150);
    assert_eq!(app.count_links().await, 150);
    let told: i32 = entries(&app).await.iter().map(|entry| entry.affected).sum();
    assert_eq!(told, 150);
}

#[tokio::test]
async fn the_log_says_how_many_links_were_made_and_with_which_key() {
    let app = TestApp::start().await;
    let mut links = numbered(1000);
    links[0]["url"] = json!("nowhere");
    links[900]["code"] = json!("link-1");
    create(&app, json!({"defaults": defaults(), "items": links})).await;
    let entries = entries(&app).await;
    let told: i32 = entries.iter().map(|entry| entry.affected).sum();
    assert_eq!(told, 998);
    for entry in entries {
        assert_eq!(entry.action, audit_entry::Action::ShortLinksCreated);
        assert_eq!(entry.account_id, app.tenant.account.id);
        assert_eq!(entry.api_key_id, Some(app.tenant.key_row.id));
        assert_eq!((entry.subject_id, entry.before, entry.after), (None, None, None));
    }
}

#[tokio::test]
async fn the_log_says_who_made_a_link_and_nothing_of_its_recipient() {
    let app = TestApp::start().await;
    let offer = app.tenant.offer(app.store(), None, "https://t.example/").await;
    let key = app.tenant.key(app.store(), &[Scope::LinksWrite], None).await;
    let input = json!({"offerId": offer.id.to_string(), "listId": 42, "contactPhone": "+14155552671", "code": "spring",
        "metadata": {"name": "Ada"}, "idempotencyKey": "k"});
    app.create_as(&key, input.clone()).await;
    app.create_as(&key, input).await;
    app.create(json!({"url": "https://example.com/", "listId": 42, "code": "spring"}))
        .await;
    app.create(json!({"url": "https://example.com/", "listId": 42, "code": "autumn"}))
        .await;
    let entries = entries(&app).await;
    assert_eq!(
        entries.len(),
        2,
        "a replay and a refusal change nothing: {entries:?}"
    );
    let link = app.stored("spring").await;
    let first = &entries[0];
    assert_eq!(first.action, audit_entry::Action::ShortLinkCreated);
    assert_eq!((first.subject_id, first.affected), (Some(link.id.into()), 1));
    assert_eq!((first.api_key_id, first.created_at), (link.api_key_id, START));
    assert!(link.api_key_id.is_some_and(|id| id != app.tenant.key_row.id));
    assert_eq!(first.before, None);
    assert_eq!(
        first.after,
        Some(json!({
            "code": "spring",
            "domainId": link.domain_id.to_string(),
            "sendingListId": link.sending_list_id.to_string(),
            "offerId": offer.id.to_string(),
        }))
    );
    assert!(
        entries[1]
            .after
            .as_ref()
            .is_some_and(|after| after.get("offerId").is_none())
    );

    let query = "{ shortLinks(orderBy: OLDEST_FIRST) { nodes { linkId createdBy { id name } } } }";
    let mut unknown = app.stored("autumn").await;
    unknown.api_key_id = None;
    app.save(unknown).await;
    let links = app.graphql(query, Value::Null).await.data("shortLinks");
    let id = link.api_key_id.expect("a key").to_string();
    assert_eq!(links["nodes"][0]["createdBy"]["id"], id);
    assert_eq!(links["nodes"][1], json!({"linkId": "autumn", "createdBy": null}));
}

#[tokio::test]
async fn a_call_is_as_complex_as_what_it_asks_for() {
    let app = TestApp::start().await;
    let links = vec![json!({}); 1000];
    let wide = "{ created results { ... on CreateShortLinkSuccess { shortUrl linkId shortLink {
        id offer { name } sendingList { brandName } domain { host } createdBy { name } } }
        ... on UserError { code message path } } }";
    let before = app.reads();
    let answer = app
        .mutate(
            "createShortLinks",
            wide,
            json!({"defaults": defaults(), "items": links}),
        )
        .await;
    assert_eq!(answer["created"], 1000);
    let reads = app.reads() - before;
    assert!(reads <= 8, "{reads} statements for a thousand links");
}
