//! Codes: the ones asked for and the ones drawn.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use entity::{DomainId, domain, short_link};
use linkhop::{app::Options, links::code::CodeSpace};
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _};
use serde_json::{Value, json};

use crate::support::{START, Setup, TestApp};

const URL: &str = "https://example.com/";

/// A server that draws codes of one character at first.
async fn drawing(alphabet: &[char], draws: usize, random: fn(usize) -> Vec<u8>) -> TestApp {
    TestApp::with(Setup {
        options: Options {
            codes: CodeSpace {
                alphabet: alphabet.to_vec(),
                length: 1,
                draws,
                random,
                ..CodeSpace::default()
            },
            ..Options::default()
        },
        ..Setup::default()
    })
    .await
}

fn custom(list_id: i32, code: &str) -> Value {
    json!({"url": URL, "listId": list_id, "code": code})
}

/// How many of these answers are of each type: successes, and those of `kind`; all are one or the other.
fn successes(answers: &[Value], kind: &str) -> usize {
    let made = answers
        .iter()
        .filter(|answer| answer["__typename"] == "CreateShortLinkSuccess");
    let made = made.count();
    let refused = answers.iter().filter(|answer| answer["__typename"] == kind);
    assert_eq!(made + refused.count(), answers.len(), "{answers:?}");
    made
}

#[tokio::test]
async fn a_custom_code_leads_to_its_destination() {
    let app = TestApp::start().await;
    for code in ["abc", "Spring-26_", &"z".repeat(64)] {
        let made = app.create(custom(42, code)).await;
        assert_eq!(made["shortUrl"], format!("https://go.example.com/{code}"));
        let visit = app.get("go.example.com", &format!("/{code}")).await;
        assert_eq!(visit.header("location"), URL);
    }
}

#[tokio::test]
async fn codes_that_differ_in_case_are_two_links() {
    let app = TestApp::start().await;
    for code in ["spring", "Spring", "SPRING"] {
        assert_eq!(app.create(custom(42, code)).await["linkId"], code);
    }
}

#[tokio::test]
async fn a_code_is_unique_on_its_domain_and_free_on_another() {
    let app = TestApp::start().await;
    let second = domain::Model {
        id: DomainId::at(START),
        host: "second.example.com".to_owned(),
        ..app.tenant.domain.clone()
    };
    let second = second.into_active_model().insert(&app.store().write).await;
    let second = second.expect("a domain").id;
    app.tenant
        .more_list(app.store(), 43, "+18005551235", Some(second))
        .await;
    app.tenant
        .more_list(app.store(), 44, "+18005551236", Some(app.tenant.domain.id))
        .await;
    assert_eq!(app.create(custom(42, "spring")).await["domain"], "go.example.com");
    assert_eq!(
        app.create(custom(43, "spring")).await["domain"],
        "second.example.com"
    );
    assert_eq!(app.create(custom(44, "spring")).await["code"], "CODE_TAKEN");
}

#[tokio::test]
async fn a_code_is_never_used_again_whatever_became_of_its_link() {
    let app = TestApp::start().await;
    app.create(custom(42, "spring")).await;
    for status in [short_link::Status::Disabled, short_link::Status::Archived] {
        let mut link = app.stored("spring").await;
        link.status = status;
        app.save(link).await;
        assert_eq!(app.create(custom(42, "spring")).await["code"], "CODE_TAKEN");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_calls_at_once_for_one_code_make_one_link() {
    let app = Arc::new(TestApp::start().await);
    let inputs = (0..200).map(|n| json!({"url": format!("{URL}{n}"), "listId": 42, "code": "spring"}));
    let answers = app.create_at_once(inputs).await;
    assert_eq!(successes(&answers, "CodeTakenError"), 1);
    assert_eq!(app.count_links().await, 1);
    let made = answers.iter().find(|answer| answer["linkId"] == "spring");
    let destination = &made.expect("one success")["destinationUrl"];
    assert_eq!(app.stored("spring").await.destination, *destination);
}

#[tokio::test]
async fn a_drawn_code_that_is_taken_is_drawn_again() {
    static DRAWN: AtomicUsize = AtomicUsize::new(0);
    // The first two draws are `a`, the third is `b`.
    let app = drawing(&['a', 'b'], 64, |bytes| {
        let draw = DRAWN.fetch_add(1, Ordering::SeqCst);
        vec![u8::from(draw >= 2); bytes]
    })
    .await;
    assert_eq!(app.link(URL).await, "a");
    assert_eq!(app.link(URL).await, "b");
    assert_eq!(DRAWN.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_code_grows_by_one_character_when_every_draw_of_its_length_is_taken() {
    static DRAWN: AtomicUsize = AtomicUsize::new(0);
    let app = drawing(&['a', 'b'], 5, |bytes| {
        DRAWN.fetch_add(1, Ordering::SeqCst);
        vec![0; bytes]
    })
    .await;
    let made = |code: &str| (json!(code), Value::Null);
    for (drawn, expected) in [
        (1, made("a")),
        (6, made("aa")),
        (10, (Value::Null, json!("ID_COLLISION"))),
    ] {
        DRAWN.store(0, Ordering::SeqCst);
        let answer = app.create(json!({"url": URL, "listId": 42})).await;
        assert_eq!((answer["linkId"].clone(), answer["code"].clone()), expected);
        assert_eq!(DRAWN.load(Ordering::SeqCst), drawn);
    }
    assert_eq!(app.count_links().await, 2);
}

#[tokio::test]
async fn a_space_of_two_letters_gives_six_codes_and_no_seventh() {
    let app = drawing(&['a', 'b'], 64, nanoid::rngs::default).await;
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(app.link(URL).await);
    }
    let lengths: Vec<_> = codes.iter().map(String::len).collect();
    assert_eq!(lengths, [1, 1, 2, 2, 2, 2]);
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), 6);
    let seventh = app.create(json!({"url": URL, "listId": 42})).await;
    assert_eq!(seventh["__typename"], "IdCollisionError");
    assert_eq!(app.count_links().await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_share_a_small_space_without_a_code_used_twice() {
    let app = Arc::new(drawing(&['a', 'b'], 64, nanoid::rngs::default).await);
    let answers = app
        .create_at_once((0..50).map(|_| json!({"url": URL, "listId": 42})))
        .await;
    assert_eq!(successes(&answers, "IdCollisionError"), 6);
    let codes = answers.iter().filter_map(|answer| answer["linkId"].as_str());
    let expected = ["a", "b", "aa", "ab", "ba", "bb"];
    assert_eq!(codes.collect::<BTreeSet<_>>(), expected.into());
    assert_eq!(app.count_links().await, 6);
}

#[tokio::test]
async fn a_reserved_code_is_never_drawn() {
    static DRAWN: AtomicUsize = AtomicUsize::new(0);
    // `api`, then `API`, then `ipa`.
    let app = TestApp::with(Setup {
        options: Options {
            codes: CodeSpace {
                alphabet: vec!['a', 'p', 'i', 'x', 'A', 'P', 'I', 'X'],
                length: 3,
                draws: 3,
                random: |_| {
                    let draws = [vec![0, 1, 2], vec![4, 5, 6], vec![2, 1, 0]];
                    draws[DRAWN.fetch_add(1, Ordering::SeqCst)].clone()
                },
                ..CodeSpace::default()
            },
            ..Options::default()
        },
        ..Setup::default()
    })
    .await;
    assert_eq!(app.link(URL).await, "ipa");
}
