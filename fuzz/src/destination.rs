//! Where links lead: URLs, templates, their macros, and what visitors add.
//!
//! An input is lines of text, each of which may be missing: a URL, the query of a short link, metadata in JSON, a phone
//! number, a platform, parameters of an account as `name=value&…`, and a host.

use std::collections::BTreeMap;

use axum::http::HeaderValue;
use entity::{AccountId, ClickId, OfferId, Timestamp, account, offer};
use linkhop::{
    links::{code::Code, destination::Destination},
    values::{
        host::Host,
        metadata::Metadata,
        parameters,
        phone::{self, PhoneNumber},
        query,
        template::{Creation, Template, fill_at_click, without_macros},
        web_url::{MAX_BYTES, WebUrl},
    },
};
use serde_json::{Value, json};
use url::Url;

const CODE: &str = "Ab3kX9q";

/// Goes all the ways of a destination.
///
/// # Panics
/// Where what comes out is no absolute URL that can be sent, or has another scheme, host or port than what was stored; where
/// a visitor's query replaces anything; and where a value that passed its check would not pass it again.
pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (url, asked, metadata, number) = (line(), line(), line(), line());
    let (platform, globals, host) = (line(), line(), line());
    if let Ok(address) = WebUrl::parse(url) {
        again(&address);
        let destination = Destination::of_url(address.clone());
        assert_eq!(destination.address(), &address);
        visited(&String::from(destination), &address, asked);
    }
    if let Ok(template) = Template::parse(url) {
        assert_eq!(Template::parse(template.as_str()).as_ref(), Ok(&template));
        let metadata = serde_json::from_str(metadata).ok();
        let metadata = metadata.and_then(|metadata| Metadata::parse(metadata).ok());
        of_offer(
            &template,
            &metadata.unwrap_or_else(Metadata::empty).into_json(),
            (platform, globals, number),
            asked,
        );
    }
    phone(number, url);
    hosts(host);
    code(asked);
    parameter(url, asked);
}

/// What passed is in normal form.
fn again(address: &WebUrl) {
    assert_eq!(WebUrl::parse(address.as_str()).as_ref(), Ok(address));
    assert!(address.as_str().len() <= MAX_BYTES);
    leads_to(address.as_str(), address);
}

/// A URL that can be sent, to the same server as another.
fn leads_to(text: &str, address: &WebUrl) {
    assert!(HeaderValue::from_str(text).is_ok(), "no header: {text:?}");
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"{}".contains(&byte);
    assert!(text.bytes().all(is_plain), "raw: {text:?}");
    let url = Url::parse(text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    let wanted = Url::parse(address.as_str()).expect("a URL");
    assert!(matches!(url.scheme(), "http" | "https"), "{text:?}");
    assert!(
        url.has_host() && url.username().is_empty() && url.password().is_none(),
        "{text:?}"
    );
    assert_eq!(url.origin(), wanted.origin(), "{text:?}");
}

fn of_offer(
    template: &Template,
    metadata: &Value,
    (platform, globals, number): (&str, &str, &str),
    asked: &str,
) {
    let platform = match platform {
        "tune" => Some(offer::Platform::Tune),
        "everflow" => Some(offer::Platform::Everflow),
        _ => None,
    };
    let account = account(globals);
    let offer = an_offer(template, platform, &account);
    let contact = PhoneNumber::parse(number).ok();
    let link = Creation {
        contact_phone: contact.as_ref().map(PhoneNumber::as_str),
        code: CODE,
        offer_id: offer.id,
        offer_external_id: offer.external_id.as_deref(),
        list_id: 42,
        metadata,
    };
    let filled = without_macros(&template.fill(&link));
    leads_to(&filled, template.address());
    let Ok(destination) = Destination::of_offer(&offer, &account, &link) else {
        return;
    };
    let address = destination.address().clone();
    let stored = String::from(destination);
    leads_to(address.as_str(), template.address());
    assert!(stored.len() <= MAX_BYTES);
    for name in account.global_offer_parameters.0.keys() {
        assert!(query::has(&stored, name), "{name} is missing: {stored}");
    }
    let parameters = match platform {
        Some(offer::Platform::Tune) => Some(("aff_sub", "aff_click_id")),
        Some(offer::Platform::Everflow) => Some(("sub1", "sub2")),
        None => None,
    };
    if let Some((of_link, of_click)) = parameters {
        let values: Vec<_> = values(&stored, of_link);
        assert_eq!(values, [CODE], "{stored}");
        assert!(query::has(&stored, of_click), "{stored}");
        let click = ClickId::at(account.created_at);
        let location = fill_at_click(&stored, click, asked);
        assert!(
            self::values(&location, of_link).contains(&CODE.to_owned()),
            "{location}"
        );
    }
    visited(&stored, &address, asked);
}

/// A click on a link with this destination, with this query on the short link.
fn visited(stored: &str, address: &WebUrl, asked: &str) {
    let click = ClickId::at(Timestamp::from_millis(0));
    let bare = fill_at_click(stored, click, "");
    leads_to(&bare, address);
    let location = fill_at_click(stored, click, asked);
    leads_to(&location, address);
    let (_, fragment) = stored.split_once('#').unwrap_or_default();
    if !fragment.contains("{{") {
        assert_eq!(location.split_once('#').unwrap_or_default().1, fragment);
    }
    // A name that a macro makes is the visitor's to choose.
    let own: Vec<_> = query::pairs(query::of(stored)).collect();
    if own.iter().any(|pair| query::name(pair).contains("{{")) {
        return;
    }
    if !stored.contains("{{") {
        let sent: Vec<_> = query::pairs(query::of(&location)).take(own.len()).collect();
        assert_eq!(sent, own, "{location}");
    }
    for pair in &own {
        let name = query::name(pair);
        let count = |url: &str| {
            query::pairs(query::of(url))
                .filter(|pair| query::name(pair) == name)
                .count()
        };
        assert_eq!(count(stored), count(&location), "{name}: {location}");
    }
    for pair in query::short_link_pairs(asked) {
        let name = query::name(pair);
        let fills = linkhop::values::template::parameters(stored).any(|parameter| parameter == name);
        assert!(
            fills || query::has(&location, &name),
            "{name} is lost: {location}"
        );
    }
}

fn values(url: &str, name: &str) -> Vec<String> {
    query::pairs(query::of(url))
        .filter(|pair| query::name(pair) == name)
        .map(|pair| query::value(pair).into_owned())
        .collect()
}

fn phone(number: &str, text: &str) {
    let Ok(phone) = PhoneNumber::parse(number) else {
        return;
    };
    assert_eq!(phone.as_str(), number);
    let digits = number.strip_prefix('+').expect("a plus sign");
    assert!((1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let left = phone::replaced(text, number, "…");
    for spelling in [number.to_owned(), format!("%2B{digits}"), format!("%2b{digits}")] {
        assert!(!left.contains(&spelling), "{spelling} is left: {left}");
    }
    assert_eq!(phone::replaced(&left, number, "…"), left);
}

fn hosts(text: &str) {
    let host = Host::parse(text);
    if let Some(host) = &host {
        assert_eq!(Host::parse(host.as_str()).as_ref(), Some(host));
        assert_eq!(
            host.as_str().len() > host.name().len(),
            host.port().is_some(),
            "{text:?}"
        );
    }
    if Host::is_plain(text) {
        assert_eq!(host.as_ref().map(Host::as_str), Some(text));
    }
}

fn code(text: &str) {
    if let Ok(code) = Code::parse(text) {
        assert_eq!(code.as_str(), text);
        let address = WebUrl::parse(&format!("https://go.example.com/{text}")).expect("a short URL");
        assert_eq!(address.path(), format!("/{text}"), "it would be another path");
    }
}

/// Sets a parameter of a URL, and leaves the others byte for byte.
fn parameter(url: &str, name: &str) {
    if parameters::name(name).is_err() {
        return;
    }
    let others = |url: &str| -> Vec<String> {
        query::pairs(query::of(url))
            .filter(|pair| query::name(pair) != name)
            .map(str::to_owned)
            .collect()
    };
    let mut set = url.to_owned();
    query::set(&mut set, name, "1");
    assert_eq!(values(&set, name), ["1"], "{set:?}");
    assert_eq!(others(&set), others(url), "{set:?}");
}

fn account(globals: &str) -> account::Model {
    let asked: serde_json::Map<_, _> = query::pairs(globals)
        .map(|pair| (query::name(pair).into_owned(), json!(query::value(pair))))
        .collect();
    let mut globals = BTreeMap::new();
    // Without effect where one of them is wrong.
    if parameters::merge(&mut globals, &Value::Object(asked)).is_err() {
        globals.clear();
    }
    let now = Timestamp::from_millis(0);
    account::Model {
        id: AccountId::at(now),
        name: "A".to_owned(),
        status: account::Status::Active,
        products: account::Products::default(),
        default_filter_bots: false,
        tune_link_parameter: "aff_sub".to_owned(),
        tune_click_parameter: "aff_click_id".to_owned(),
        everflow_link_parameter: "sub1".to_owned(),
        everflow_click_parameter: "sub2".to_owned(),
        global_offer_parameters: account::Parameters(globals),
        created_at: now,
    }
}

fn an_offer(
    template: &Template,
    platform: Option<offer::Platform>,
    account: &account::Model,
) -> offer::Model {
    offer::Model {
        id: OfferId::at(account.created_at),
        account_id: account.id,
        name: "O".to_owned(),
        tracking_url: template.as_str().to_owned(),
        platform,
        external_id: Some("101".to_owned()),
        payout: None,
        payout_currency: None,
        payout_type: None,
        filter_bots: None,
        status: offer::Status::Active,
        metadata: json!({}),
        created_at: account.created_at,
    }
}
