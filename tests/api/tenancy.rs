//! What belongs to another account is not there.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::{
    AccountId, ApiKeyId, AuditEntryId, DomainId, OfferId, SendingListId, ShortLinkId, api_key::Scope, click,
    short_link,
};
use linkhop::{graphql::Limits, http::Settings};
use serde_json::{Value, json};

use crate::support::{START, Schema, Setup, Tenant, TestApp, a_click, items, text};

/// How rows of one account are named, or rows that never were.
struct Names {
    account: String,
    /// Another than the one that the sweep is sent with, which must not be taken back.
    key: String,
    entry: String,
    domain: String,
    host: String,
    offer: String,
    offer_name: String,
    list: String,
    list_number: i32,
    phone: String,
    brand: String,
    link: String,
    short_url: String,
    contact: String,
}

impl Names {
    fn code(&self) -> &str {
        self.short_url.rsplit('/').next().unwrap_or_default()
    }
}

/// What to say in the arguments of a field.
type Arguments = fn(&Names) -> Value;

/// Every way in which the arguments of a field can name a row. Whoever adds a field, an argument or a field of an
/// input adds the ways that these give; with none, `|_| json!({})`.
fn arguments(signature: &str) -> &'static [Arguments] {
    match signature {
        "viewer()" => &[|_| json!({})],
        "node(id: ID!)" => &[
            |n| json!({"id": n.account}),
            |n| json!({"id": n.key}),
            |n| json!({"id": n.domain}),
            |n| json!({"id": n.offer}),
            |n| json!({"id": n.list}),
            |n| json!({"id": n.link}),
            |n| json!({"id": n.entry}),
        ],
        "shortLink(by: ShortLinkLookup! { id shortUrl })" => &[
            |n| json!({"by": {"id": n.link}}),
            |n| json!({"by": {"shortUrl": n.short_url}}),
        ],
        "shortLinks(filter: ShortLinkFilter { listId offerId domainId status contactPhone createdFrom createdBefore \
         metadata { key value } search }, orderBy: ShortLinkOrder, first: Int, after: String, last: Int, \
         before: String)" => &[
            |_| json!({"first": 100}),
            |n| json!({"after": cursor("-", &n.link)}),
            |n| json!({"orderBy": "OLDEST_FIRST", "before": cursor("+", &n.link)}),
            |n| json!({"filter": {"listId": n.list_number}}),
            |n| json!({"filter": {"offerId": n.offer}}),
            |n| json!({"filter": {"domainId": n.domain}}),
            |n| json!({"filter": {"contactPhone": n.contact}}),
            |n| json!({"filter": {"metadata": {"key": "order", "value": n.contact}}}),
            |n| json!({"filter": {"search": n.code()}}),
        ],
        "offer(id: ID!)" => &[|n| json!({"id": n.offer})],
        "offers(filter: OfferFilter { status name }, orderBy: OfferOrder, first: Int, after: String, last: Int, \
         before: String)" => &[
            |_| json!({"first": 100}),
            |n| json!({"after": cursor("-", &n.offer)}),
            |n| json!({"filter": {"name": n.offer_name}}),
            |n| json!({"orderBy": "NAME", "before": cursor("+name", &format!("{} {}", n.offer, n.offer_name))}),
        ],
        "sendingList(by: SendingListLookup! { id listId phoneNumber })" => &[
            |n| json!({"by": {"id": n.list}}),
            |n| json!({"by": {"listId": n.list_number}}),
            |n| json!({"by": {"phoneNumber": n.phone}}),
        ],
        "sendingLists(filter: SendingListFilter { status brandName }, orderBy: SendingListOrder, first: Int, \
         after: String, last: Int, before: String)" => &[
            |_| json!({"first": 100}),
            |n| json!({"after": cursor("-", &n.list)}),
            |n| json!({"filter": {"brandName": n.brand}}),
            |n| json!({"orderBy": "BRAND_NAME", "before": cursor("+brand_name", &format!("{} {}", n.list, n.brand))}),
        ],
        "domains(filter: DomainFilter { status host }, orderBy: DomainOrder, first: Int, after: String, last: Int, \
         before: String)" => &[
            |_| json!({"first": 100}),
            |n| json!({"after": cursor("-", &n.domain)}),
            |n| json!({"filter": {"host": n.host}}),
            |n| json!({"orderBy": "HOST", "before": cursor("+host", &format!("{} {}", n.domain, n.host))}),
        ],
        // It names no row, and each call makes another one.
        "createOffer(input: CreateOfferInput! { name trackingUrl platform externalId payout payoutCurrency payoutType \
         filterBots status metadata })" => &[],
        "updateOffer(input: UpdateOfferInput! { id name trackingUrl platform externalId payout payoutCurrency \
         payoutType filterBots status metadata })" => {
            &[|n| json!({"input": {"id": n.offer, "name": "Renamed"}})]
        }
        "archiveOffer(id: ID!)" => &[|n| json!({"id": n.offer})],
        // Phone numbers and list numbers have a test of their own below.
        "createSendingList(input: CreateSendingListInput! { listId phoneNumber brandName domainId metadata })" => {
            &[|n| json!({"input": {"phoneNumber": "+18005551299", "brandName": "New", "domainId": n.domain}})]
        }
        "updateSendingList(input: UpdateSendingListInput! { id listId phoneNumber brandName domainId status metadata })" => {
            &[
                |n| json!({"input": {"id": n.list, "brandName": "Renamed"}}),
                |n| json!({"input": {"id": n.list, "domainId": n.domain}}),
            ]
        }
        "archiveSendingList(id: ID!)" => &[|n| json!({"id": n.list})],
        // A host is unique in the server, and that it is taken can't be kept from whoever asks for it.
        "createDomain(input: CreateDomainInput! { host scheme rootUrl fallbackUrl })" => {
            &[|_| json!({"input": {"host": "new.example.com"}})]
        }
        "updateDomain(input: UpdateDomainInput! { id host scheme rootUrl fallbackUrl status })" => {
            &[|n| json!({"input": {"id": n.domain, "rootUrl": "https://example.com/"}})]
        }
        "archiveDomain(id: ID!)" => &[|n| json!({"id": n.domain})],
        _ => of_links(signature),
    }
}

/// The same for fields that make links and change them.
fn of_links(signature: &str) -> &'static [Arguments] {
    match signature {
        // Codes and idempotency keys, which name no row, have a test of their own below.
        "createShortLink(input: CreateShortLinkInput! { url offerId listId phoneNumber contactPhone metadata code \
         filterBots expiresAt maxClicks fallbackUrl idempotencyKey })" => &[
            |n| json!({"input": {"offerId": n.offer, "listId": 42}}),
            |n| json!({"input": {"url": "https://example.com/", "listId": n.list_number}}),
            |n| json!({"input": {"url": "https://example.com/", "phoneNumber": n.phone}}),
        ],
        "createShortLinks(input: CreateShortLinksInput! { defaults { url offerId listId phoneNumber contactPhone metadata \
         code filterBots expiresAt maxClicks fallbackUrl idempotencyKey } items { url offerId listId phoneNumber \
         contactPhone metadata code filterBots expiresAt maxClicks fallbackUrl idempotencyKey } idempotencyKey })" => {
            &[
                |n| json!({"input": {"items": [{"offerId": n.offer, "listId": 42}]}}),
                |n| json!({"input": {"items": [{"url": "https://example.com/", "listId": n.list_number}]}}),
                |n| json!({"input": {"items": [{"url": "https://example.com/", "phoneNumber": n.phone}]}}),
                |n| json!({"input": {"defaults": {"offerId": n.offer, "listId": 42}, "items": [{}]}}),
                |n| json!({"input": {"defaults": {"listId": n.list_number}, "items": [{"url": "https://example.com/"}]}}),
                |n| json!({"input": {"defaults": {"phoneNumber": n.phone}, "items": [{"url": "https://example.com/"}]}}),
            ]
        }
        "updateShortLink(input: UpdateShortLinkInput! { id url expiresAt maxClicks fallbackUrl filterBots metadata })" => {
            &[
                |n| json!({"input": {"id": n.link, "filterBots": true}}),
                |n| json!({"input": {"id": n.link, "maxClicks": 9}}),
            ]
        }
        "disableShortLink(id: ID!)" | "enableShortLink(id: ID!)" | "archiveShortLink(id: ID!)" => {
            &[|n| json!({"id": n.link})]
        }
        // By what the links that `createShortLink` has made before are found by, since each is archived once.
        "archiveShortLinks(filter: ShortLinkFilter! { listId offerId domainId status contactPhone createdFrom \
         createdBefore metadata { key value } search })" => &[
            |n| json!({"filter": {"offerId": n.offer}}),
            |n| json!({"filter": {"listId": n.list_number}}),
        ],
        "eraseContact(phoneNumber: String!)" => &[|n| json!({"phoneNumber": n.contact})],
        _ => of_administration(signature),
    }
}

/// The same for fields of keys, settings and the log.
fn of_administration(signature: &str) -> &'static [Arguments] {
    match signature {
        "apiKeys(filter: ApiKeyFilter { status }, first: Int, after: String, last: Int, before: String)" => {
            &[
                |_| json!({"first": 100}),
                |n| json!({"after": cursor("-", &n.key)}),
            ]
        }
        "auditLog(filter: AuditLogFilter { action subjectId apiKeyId from before }, first: Int, after: String, \
         last: Int, before: String)" => &[
            |_| json!({"first": 100}),
            |n| json!({"after": cursor("-", &n.entry)}),
            |n| json!({"filter": {"subjectId": n.key}}),
        ],
        "updateAccountSettings(input: UpdateAccountSettingsInput! { defaultFilterBots tuneLinkParameter \
         tuneClickParameter everflowLinkParameter everflowClickParameter globalOfferParameters })" => {
            &[|_| json!({"input": {"defaultFilterBots": true}})]
        }
        // It names no row, and each call makes another one.
        "createApiKey(input: CreateApiKeyInput! { name scopes expiresAt })" => &[],
        "rotateApiKey(input: RotateApiKeyInput! { id overlapSeconds })" => {
            &[|n| json!({"input": {"id": n.key, "overlapSeconds": 60}})]
        }
        "revokeApiKey(id: ID!)" => &[|n| json!({"id": n.key})],
        _ => of_clicks(signature),
    }
}

/// The same for fields that are asked for clicks.
fn of_clicks(signature: &str) -> &'static [Arguments] {
    match signature {
        "clickReport(filter: ClickFilter { from before shortLinkId offerId listId domainId contactPhone \
         metadata { key value } isBot botReason botKind country device os browser referrer sub1 sub2 sub3 sub4 sub5 \
         source }, groupBy: [ClickGrouping!] { dimension metadataKey }, interval: ClickInterval, timezone: String, \
         orderBy: ClickReportOrder, first: Int)" => &[
            |_| json!({"groupBy": [{"dimension": "SHORT_LINK"}, {"dimension": "OFFER"}]}),
            |_| json!({"groupBy": [{"dimension": "SENDING_LIST"}, {"dimension": "DOMAIN"}]}),
            |n| json!({"filter": {"shortLinkId": n.link}}),
            |n| json!({"filter": {"offerId": n.offer}}),
            |n| json!({"filter": {"listId": n.list_number}}),
            |n| json!({"filter": {"domainId": n.domain}}),
            |n| json!({"filter": {"contactPhone": n.contact}}),
            |n| json!({"filter": {"metadata": {"key": "order", "value": n.contact}}}),
            |n| json!({"filter": {"sub1": [n.contact]}}),
        ],
        "clicks(filter: ClickFilter { from before shortLinkId offerId listId domainId contactPhone \
         metadata { key value } isBot botReason botKind country device os browser referrer sub1 sub2 sub3 sub4 sub5 \
         source }, first: Int, after: String, last: Int, before: String)" => &[
            |_| json!({"first": 100}),
            |n| json!({"filter": {"shortLinkId": n.link}}),
            |n| json!({"filter": {"offerId": n.offer}}),
            |n| json!({"filter": {"listId": n.list_number}}),
            |n| json!({"filter": {"domainId": n.domain}}),
            |n| json!({"filter": {"contactPhone": n.contact}}),
            |n| json!({"filter": {"metadata": {"key": "order", "value": n.contact}}}),
            |n| json!({"filter": {"sub1": [n.contact]}}),
        ],
        _ => panic!("the sweep does not know {signature}: say how its arguments name rows"),
    }
}

/// The cursor of a row in an order.
fn cursor(order: &str, row: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{order} {row}"))
}

/// Makes a link and an offer of a tenant and answers how all that it has is named.
async fn furnish(app: &TestApp, tenant: &Tenant, offer_name: &str, contact: &str) -> Names {
    let mut offer = tenant.offer(app.store(), None, "https://offer.example/").await;
    offer.name = offer_name.to_owned();
    let offer = app.save(offer).await;
    let input = json!({
        "offerId": offer.id.to_string(),
        "listId": tenant.list.list_id,
        "contactPhone": contact,
        "metadata": {"order": contact},
    });
    let create = "mutation($input: CreateShortLinkInput!) {
        createShortLink(input: $input) { ... on CreateShortLinkSuccess { shortUrl shortLink { id } } } }";
    let made = app
        .graphql_as(Some(&tenant.key), create, json!({"input": input}))
        .await
        .data("createShortLink");
    let key = tenant.key(app.store(), &[Scope::Read], None).await;
    let id = app
        .graphql_as(Some(&key), "{ viewer { apiKey { id } } }", Value::Null)
        .await
        .data("viewer")["apiKey"]["id"]
        .clone();
    let entries = "query($id: ID!) { auditLog(filter: {subjectId: $id}) { nodes { id } } }";
    let entries = app
        .graphql_as(Some(&tenant.key), entries, json!({"id": id}))
        .await
        .data("auditLog");
    let names = Names {
        account: tenant.account.id.to_string(),
        key: text(&id).to_owned(),
        entry: text(&entries["nodes"][0]["id"]).to_owned(),
        domain: tenant.domain.id.to_string(),
        host: tenant.domain.host.clone(),
        offer: offer.id.to_string(),
        offer_name: offer.name,
        list: tenant.list.id.to_string(),
        list_number: tenant.list.list_id,
        phone: tenant.list.phone_number.clone(),
        brand: tenant.list.brand_name.clone(),
        contact: contact.to_owned(),
        link: text(&made["shortLink"]["id"]).to_owned(),
        short_url: text(&made["shortUrl"]).to_owned(),
    };
    app.store_clicks(&[click_of(&names, 1)]).await;
    names
}

/// A click of the link that tells for whom it was.
fn click_of(names: &Names, seconds: i64) -> click::Model {
    click::Model {
        parameters: Some(json!({"sub1": names.contact, "sms": names.offer_name})),
        ..a_click(names.link.parse().expect("an id"), seconds)
    }
}

/// Another tenant with list 43, whose offer and link are there too.
async fn another(app: &TestApp) -> (Tenant, Names) {
    let mut tenant = Tenant::make(app.store(), "go.secret.example", START).await;
    tenant.list.list_id = 43;
    tenant.list.phone_number = "+18005551235".into();
    tenant.list.brand_name = "Secret Brand".into();
    app.save(tenant.list.clone()).await;
    let names = furnish(app, &tenant, "Secret offer", "+18005550192").await;
    (tenant, names)
}

/// Names that no row has, of the same form.
fn never() -> Names {
    Names {
        account: AccountId::at(START).to_string(),
        key: ApiKeyId::at(START).to_string(),
        entry: AuditEntryId::at(START).to_string(),
        domain: DomainId::at(START).to_string(),
        host: "go.never.example".to_owned(),
        offer_name: "Unknown offer".to_owned(),
        brand: "Unknown Brand".to_owned(),
        contact: "+18005550193".to_owned(),
        offer: OfferId::at(START).to_string(),
        list: SendingListId::at(START).to_string(),
        list_number: 44,
        phone: "+18005551236".to_owned(),
        link: ShortLinkId::at(START).to_string(),
        short_url: "https://go.never.example/Ab3kX9q".to_owned(),
    }
}

#[tokio::test]
async fn every_field_answers_for_another_account_s_rows_as_for_rows_that_never_were() {
    // Everything below a hundred links at once is more than one request may ask for.
    let limits = Limits {
        complexity: 40_000,
        ..Limits::default()
    };
    let settings = Settings {
        limits,
        ..Settings::default()
    };
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    let mine = furnish(&app, &app.tenant, "Offer", "+18005550191").await;
    let (_, theirs) = another(&app).await;
    app.sum_all_clicks().await;
    for names in [&mine, &theirs] {
        app.store_clicks(&[click_of(names, 2)]).await;
    }
    // The first use of each key is stored behind the answers, and told from then on.
    app.app.authenticator.flushed().await;
    let never = never();
    let secrets = [
        &theirs.account,
        &theirs.key,
        &theirs.entry,
        &theirs.domain,
        &theirs.offer,
        &theirs.list,
        &theirs.phone,
        &theirs.link,
        &theirs.short_url,
        &theirs.offer_name,
        &theirs.contact,
        "go.secret.example",
        "Secret Brand",
    ];
    let schema = Schema::read(&app).await;
    for (keyword, field) in schema.roots() {
        let (signature, operation) = (schema.signature(field), schema.operation(keyword, field));
        for arguments in arguments(&signature) {
            let ask = async |names| app.graphql(&operation, arguments(names)).await.body;
            let (to_mine, to_theirs) = (ask(&mine).await, ask(&theirs).await);
            assert_eq!(to_theirs, ask(&never).await, "{signature} {}", arguments(&theirs));
            for secret in secrets {
                assert!(!to_mine.contains(secret), "{signature} tells {secret}: {to_mine}");
                assert!(
                    !to_theirs.contains(secret),
                    "{signature} tells {secret}: {to_theirs}"
                );
            }
            // Or else the sweep would prove nothing: what is the account's own is found.
            if arguments(&mine) == arguments(&never) {
                assert!(to_mine.contains("_0"), "{signature} shows no id: {to_mine}");
            } else {
                assert_ne!(to_mine, to_theirs, "{signature} {}", arguments(&mine));
            }
            assert!(!to_mine.contains("\"errors\""), "{signature}: {to_mine}");
        }
    }
}

#[tokio::test]
async fn another_account_s_link_stands_nowhere_among_those_that_are_found() {
    let app = TestApp::start().await;
    furnish(&app, &app.tenant, "Offer", "+18005550191").await;
    let (_, theirs) = another(&app).await;
    let never = never();
    let query = "query($filter: ShortLinkFilter, $after: String, $before: String) {
        shortLinks(filter: $filter, after: $after, before: $before) { nodes { id } } }";
    for filter in [json!({"search": "offer"}), json!({"listId": 42})] {
        for argument in ["after", "before"] {
            let ask = async |names: &Names| {
                let variables = json!({"filter": filter, argument: cursor("-", &names.link)});
                app.graphql(query, variables).await.data("shortLinks")
            };
            assert_eq!(ask(&theirs).await, ask(&never).await, "{filter} {argument}");
        }
    }
}

#[tokio::test]
async fn no_field_below_the_roots_takes_arguments_that_the_sweep_would_miss() {
    let app = TestApp::start().await;
    let schema = Schema::read(&app).await;
    let roots = ["Query", "Mutation"];
    for ty in schema.types().filter(|ty| !roots.contains(&text(&ty["name"]))) {
        for field in items(&ty["fields"]) {
            let name = format!("{}.{}", text(&ty["name"]), text(&field["name"]));
            // They have tests of their own: the first below, the others with what is shown live and with figures. The last
            // two name no rows.
            let tested = [
                "ShortLink.clicks",
                "Subscription.clicks",
                "ShortLink.stats",
                "Offer.stats",
                "SendingList.stats",
                "Domain.stats",
                "ShortLink.qrCode",
                "ShortLink.sms",
            ];
            if !tested.contains(&name.as_str()) {
                assert_eq!(field["args"], json!([]), "{name}: sweep it");
            }
        }
    }
}

#[tokio::test]
async fn another_account_s_click_stands_nowhere_among_those_of_a_link() {
    let app = TestApp::start().await;
    let mine = furnish(&app, &app.tenant, "Offer", "+18005550191").await;
    let (_, theirs) = another(&app).await;
    let (before, after) = (click_of(&theirs, 10), click_of(&theirs, 30));
    app.store_clicks(&[before.clone(), click_of(&mine, 20), after.clone()])
        .await;
    let query = "query($id: ID!, $after: String, $before: String) {
        shortLink(by: {id: $id}) { clicks(after: $after, before: $before) { nodes { id } } } }";
    for is_summed in [false, true] {
        if is_summed {
            app.sum_all_clicks().await;
        }
        for (argument, seconds) in [("after", 10), ("after", 30), ("before", 10), ("before", 30)] {
            let ask = async |click: &click::Model| {
                let place = cursor("-", &click.id.to_string());
                let variables = json!({"id": mine.link, argument: place});
                app.graphql(query, variables).await.data("shortLink")
            };
            let theirs = if seconds == 10 { &before } else { &after };
            let found = ask(theirs).await;
            assert!(found["clicks"]["nodes"].is_array(), "{found}");
            assert_eq!(
                found,
                ask(&click_of(&mine, seconds)).await,
                "{argument} {seconds}"
            );
        }
    }
}

#[tokio::test]
async fn another_account_s_codes_and_idempotency_keys_are_free() {
    let app = TestApp::start().await;
    let (tenant, _) = another(&app).await;
    let input = |list| json!({"url": "https://example.com/", "listId": list, "code": "spring", "idempotencyKey": "key-1"});
    let theirs = app.graphql_as(
        Some(&tenant.key),
        crate::support::CREATE,
        json!({"input": input(43)}),
    );
    let theirs = theirs.await.data("createShortLink");
    assert_eq!(theirs["shortUrl"], "https://go.secret.example/spring");
    let mine = app.create(input(42)).await;
    assert_eq!(
        (&mine["shortUrl"], &mine["replayed"]),
        (&json!("https://go.example.com/spring"), &json!(false))
    );
}

#[tokio::test]
async fn another_account_s_list_numbers_and_phone_numbers_are_free() {
    let app = TestApp::start().await;
    let (_, theirs) = another(&app).await;
    let create = "mutation($input: CreateSendingListInput!) {
        createSendingList(input: $input) { ... on CreateSendingListSuccess { sendingList { listId phoneNumber } } } }";
    let input = json!({"listId": theirs.list_number, "phoneNumber": theirs.phone, "brandName": "Mine"});
    let made = app
        .graphql(create, json!({"input": input}))
        .await
        .data("createSendingList");
    assert_eq!(
        made["sendingList"],
        json!({"listId": theirs.list_number, "phoneNumber": theirs.phone})
    );
}

#[tokio::test]
async fn a_list_can_t_be_moved_to_another_account_s_domain() {
    let app = TestApp::start().await;
    let (_, theirs) = another(&app).await;
    let update =
        "mutation($input: UpdateSendingListInput!) { updateSendingList(input: $input) { __typename } }";
    let input = json!({"id": app.tenant.list.id.to_string(), "domainId": theirs.domain});
    let answer = app
        .graphql(update, json!({"input": input}))
        .await
        .data("updateSendingList");
    assert_eq!(answer["__typename"], "DomainNotFoundError");
}

#[tokio::test]
async fn a_short_url_is_another_account_s_as_long_as_its_host_is() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    another(&app).await;
    let query = "query($url: String!) { shortLink(by: {shortUrl: $url}) { linkId } }";
    for (host, found) in [("go.example.com", true), ("go.secret.example", false)] {
        let variables = json!({"url": format!("https://{host}/{code}")});
        let link = app.graphql(query, variables).await.data("shortLink");
        assert_eq!(link.is_object(), found, "{host}");
    }
}

#[tokio::test]
async fn a_row_that_names_another_account_s_shows_none_of_it() {
    let app = TestApp::start().await;
    let (tenant, theirs) = another(&app).await;
    let link = app.stored(&app.link("https://example.com/").await).await;
    let mut list = app.tenant.list.clone();
    list.domain_id = Some(tenant.domain.id);
    app.save(list).await;
    let answer = app
        .graphql(
            "{ sendingList(by: {listId: 42}) { brandName domain { host } } }",
            Value::Null,
        )
        .await;
    assert_eq!(
        answer.data("sendingList"),
        json!({"brandName": "Example Outfitters", "domain": null})
    );
    let made = app
        .create(json!({"url": "https://example.com/", "listId": 42}))
        .await;
    assert_eq!(made["code"], "NO_DOMAIN_CONFIGURED");

    app.save(short_link::Model {
        domain_id: tenant.domain.id,
        sending_list_id: tenant.list.id,
        offer_id: Some(theirs.offer.parse().expect("an id")),
        ..link
    })
    .await;
    let nothing = Value::Null;
    for (child, data) in [
        ("domain { host }", &nothing),
        ("shortUrl", &nothing),
        ("sendingList { phoneNumber }", &nothing),
        (
            "offer { id }",
            &json!({"shortLinks": {"edges": [{"node": {"offer": null}}]}}),
        ),
    ] {
        let query = format!("{{ shortLinks {{ edges {{ node {{ {child} }} }} }} }}");
        let answer = app.graphql(&query, Value::Null).await;
        assert_eq!(answer.error_code(), "INTERNAL", "{child}");
        assert_eq!(&answer.json()["data"], data, "{child}");
    }
}
