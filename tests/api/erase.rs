//! A person who is forgotten.

use entity::{ShortLinkId, audit_entry, click, link_visitor, short_link};
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel, QueryFilter as _, sea_query::Expr};
use serde_json::{Value, json};

use crate::support::{START, Tenant, TestApp, a_click, of_offer, text, untraced, user_error};

const NUMBER: &str = "+14155552671";
const OTHER: &str = "+14155552672";

async fn erase(app: &TestApp, number: &str) -> Value {
    let query = "mutation($number: String!) { eraseContact(phoneNumber: $number) { __typename
        ... on EraseContactSuccess { links clicks }
        ... on UserError { code message path httpStatus retryable } } }";
    app.graphql(query, json!({"number": number}))
        .await
        .data("eraseContact")
}

fn erased(links: usize, clicks: usize) -> Value {
    json!({"__typename": "EraseContactSuccess", "links": links, "clicks": clicks})
}

/// A link for the person that says so wherever it can.
async fn a_link(app: &TestApp, number: &str) -> short_link::Model {
    let offer = app
        .tenant
        .offer(
            app.store(),
            None,
            "https://offer.example/?p={{contact.phone}}&c={{click.id}}",
        )
        .await;
    let input = json!({
        "contactPhone": number,
        "metadata": {"to": number, "campaign": "spring"},
        "fallbackUrl": format!("https://gone.example/{}", &number[1..]),
    });
    let made = app.create(of_offer(&offer, input)).await;
    app.stored(text(&made["linkId"])).await
}

/// The raw rows of a link's clicks.
async fn raw(app: &TestApp, link: ShortLinkId) -> Vec<click::Model> {
    let clicks = app.clicks().await;
    clicks
        .into_iter()
        .filter(|click| click.short_link_id == link)
        .collect()
}

#[tokio::test]
async fn nothing_tells_of_somebody_who_is_forgotten() {
    let app = TestApp::start().await;
    let (link, other) = (a_link(&app, NUMBER).await, a_link(&app, OTHER).await);
    assert_eq!(
        link.destination,
        "https://offer.example/?p=%2B14155552671&c={{click.id}}"
    );
    let clicks = [a_click(link.id, 1), a_click(link.id, 2), a_click(other.id, 3)];
    app.store_clicks(&clicks).await;
    assert_eq!(erase(&app, NUMBER).await, erased(1, 2));

    let stored = app.stored_by_id(link.id).await;
    assert_eq!(stored.contact_phone, None);
    assert_eq!(stored.destination, "https://offer.example/?p=&c={{click.id}}");
    assert_eq!(stored.fallback_url.as_deref(), Some("https://gone.example/"));
    assert_eq!(stored.metadata, json!({"to": "", "campaign": "spring"}));
    assert_eq!(raw(&app, link.id).await.len(), 2);
    for (row, was) in raw(&app, link.id).await.iter().zip(&clicks) {
        let forgotten = click::Model {
            seq: row.seq,
            ..untraced(was)
        };
        assert_eq!(*row, forgotten);
    }
    let visitors = link_visitor::Entity::find().filter(link_visitor::Column::ShortLinkId.eq(link.id));
    assert_eq!(visitors.all(&app.store().read).await.expect("rows"), []);
    // Whoever else there is stays as they were.
    assert_eq!(app.stored_by_id(other.id).await, other);
    let row = &raw(&app, other.id).await[0];
    assert_eq!(
        *row,
        click::Model {
            seq: row.seq,
            ..clicks[2].clone()
        }
    );
    assert_eq!(erase(&app, NUMBER).await, erased(0, 0));
}

/// Whether a row says something of who came.
fn tells(row: &click::Model) -> bool {
    untraced(row) != *row
}

#[tokio::test]
async fn no_copy_of_a_click_tells_of_who_is_forgotten_whenever_it_was_stored() {
    let app = TestApp::start().await;
    let (link, other) = (a_link(&app, NUMBER).await, a_link(&app, OTHER).await);
    let [summed, late, others] = [a_click(link.id, 1), a_click(link.id, 2), a_click(other.id, 3)];
    // One that was summed before its copy came, and one that stands there twice at once.
    app.store_clicks(&[summed.clone(), late.clone(), late.clone(), others.clone()])
        .await;
    app.app.aggregator.caught_up().await;
    app.store_clicks(&[summed.clone(), others.clone()]).await;
    assert_eq!(erase(&app, NUMBER).await, erased(1, 2));
    let rows = raw(&app, link.id).await;
    assert_eq!((rows.len(), rows.iter().any(tells)), (4, false), "{rows:?}");
    let told: Vec<_> = raw(&app, other.id).await.iter().map(tells).collect();
    assert_eq!(told, [true, false], "of others it is told once");

    // A spool that was found again, and in the same lot a visit of the same person.
    let total = app.summed(link.id).await.expect("a total");
    let again = a_click(link.id, 60);
    app.store_clicks(&[summed, late, again.clone()]).await;
    let after = app.summed(link.id).await.expect("a total");
    let rows = raw(&app, link.id).await;
    let told: Vec<_> = rows.iter().filter(|row| tells(row)).map(|row| row.id).collect();
    assert_eq!((rows.len(), told), (7, vec![again.id]));
    assert_eq!(
        (after.clicks, after.human_clicks, after.unique_clicks),
        (total.clicks + 1, total.human_clicks + 1, total.unique_clicks + 1),
        "who comes again after that is new once more"
    );
}

#[tokio::test]
async fn figures_stay_as_they_were() {
    let app = TestApp::start().await;
    let link = a_link(&app, NUMBER).await;
    app.store_clicks(&[a_click(link.id, 1), a_click(link.id, 2)])
        .await;
    let query = "query($id: ID!) {
        shortLink(by: {id: $id}) { stats { clicks humanClicks uniqueClicks firstClickedAt lastClickedAt } }
        country: clickReport(groupBy: [{dimension: COUNTRY}]) { rows { keys { value } counts { clicks uniqueClicks } } }
        device: clickReport(groupBy: [{dimension: DEVICE}]) { rows { keys { value } counts { clicks uniqueClicks } } } }";
    let ask = async || {
        app.graphql(query, json!({"id": link.id.to_string()}))
            .await
            .json()
    };
    // Clicks are not summed yet: a sum over what is left of them would be another.
    let before = ask().await;
    assert_eq!(before["data"]["shortLink"]["stats"]["clicks"], 2, "{before}");
    assert_eq!(erase(&app, NUMBER).await, erased(1, 2));
    assert_eq!(ask().await, before);
}

#[tokio::test]
async fn the_very_next_visitor_is_sent_on_without_the_number() {
    let app = TestApp::start().await;
    let link = a_link(&app, NUMBER).await;
    let visit = async || {
        let path = format!("/{}", link.code);
        let answer = app.get("go.example.com", &path).await;
        answer.location().to_owned()
    };
    assert!(
        visit()
            .await
            .starts_with("https://offer.example/?p=%2B14155552671&c=click_")
    );
    assert_eq!(erase(&app, NUMBER).await, erased(1, 1));
    assert!(visit().await.starts_with("https://offer.example/?p=&c=click_"));
}

#[tokio::test]
async fn the_log_says_that_it_happened_and_not_to_whom() {
    let app = TestApp::start().await;
    let link = a_link(&app, NUMBER).await;
    app.store_clicks(&[a_click(link.id, 1)]).await;
    erase(&app, NUMBER).await;
    let entries = audit_entry::Entity::find()
        .all(&app.store().read)
        .await
        .expect("rows");
    let entry = entries.last().expect("an entry");
    assert_eq!(entry.action, audit_entry::Action::ContactErased);
    assert_eq!(entry.api_key_id, Some(app.tenant.key_row.id));
    assert_eq!((entry.subject_id, entry.affected), (None, 1));
    assert_eq!(entry.after, Some(json!({"links": 1, "clicks": 1})));
    let all = format!("{entries:?}");
    assert!(!all.contains("4155552671"), "{all}");
}

#[tokio::test]
async fn many_links_of_one_person_are_all_forgotten_and_nobody_else_s() {
    let app = TestApp::start().await;
    let stranger = Tenant::make(app.store(), "go.other.example", START).await;
    let input = json!({"url": "https://example.com/", "listId": 42, "contactPhone": NUMBER});
    let theirs = app.create_as(&stranger.key, input.clone()).await;
    for _ in 0..205 {
        app.create(input.clone()).await;
    }
    assert_eq!(erase(&app, NUMBER).await, erased(205, 0));
    let query = "query($filter: ShortLinkFilter) { shortLinks(filter: $filter) { totalCount } }";
    let filter = json!({"filter": {"contactPhone": NUMBER}});
    let left = app.graphql(query, filter.clone()).await.data("shortLinks");
    assert_eq!(left["totalCount"], 0);
    let left = app
        .graphql_as(Some(&stranger.key), query, filter)
        .await
        .data("shortLinks");
    assert_eq!(left["totalCount"], 1, "{theirs}");
}

#[tokio::test]
async fn a_person_is_forgotten_on_links_that_lead_nowhere_any_more_too() {
    let app = TestApp::start().await;
    let mut links = Vec::new();
    for status in [
        short_link::Status::Active,
        short_link::Status::Disabled,
        short_link::Status::Archived,
    ] {
        for is_over in [false, true] {
            let link = short_link::Model {
                status,
                expires_at: is_over.then_some(START),
                exhausted_at: is_over.then_some(START),
                ..a_link(&app, NUMBER).await
            };
            links.push(app.save(link).await.id);
        }
    }
    assert_eq!(erase(&app, NUMBER).await, erased(6, 0));
    for link in links {
        assert_eq!(app.stored_by_id(link).await.contact_phone, None);
    }
}

#[tokio::test]
async fn a_number_that_was_taken_out_of_its_plan_is_forgotten_where_links_have_it() {
    let app = TestApp::start().await;
    let taken_out = "+14150000000";
    let told = erase(&app, taken_out).await;
    assert_eq!(told["code"], "INVALID_PHONE", "{told}");
    let link = short_link::Model {
        contact_phone: Some(taken_out.to_owned()),
        ..a_link(&app, NUMBER).await
    };
    let link = app.save(link).await.id;
    assert_eq!(erase(&app, taken_out).await, erased(1, 0));
    assert_eq!(app.stored_by_id(link).await.contact_phone, None);
}

#[tokio::test]
async fn a_click_that_comes_while_its_link_is_forgotten_tells_of_nobody() {
    for _ in 0..10 {
        let app = TestApp::start().await;
        let first = a_link(&app, NUMBER).await;
        let more = (1..400).map(|at| short_link::Model {
            id: ShortLinkId::at(START),
            code: format!("more{at}"),
            ..first.clone()
        });
        let insert = short_link::Entity::insert_many(more.map(IntoActiveModel::into_active_model));
        insert
            .exec_without_returning(&app.store().write)
            .await
            .expect("links");
        let one = async |which: Expr| {
            let link = short_link::Entity::find().filter(which);
            link.one(&app.store().read).await.expect("rows")
        };
        // As soon as one link is forgotten, and with it the clicks that it had; whether another one is not yet.
        let visit = async {
            loop {
                if let Some(link) = one(short_link::Column::ContactPhone.is_null()).await {
                    app.store_clicks(&[a_click(link.id, 1)]).await;
                    return one(short_link::Column::ContactPhone.is_not_null())
                        .await
                        .is_some();
                }
            }
        };
        let (answer, was_meanwhile) = tokio::join!(erase(&app, NUMBER), visit);
        if was_meanwhile {
            assert_eq!(answer, erased(400, 1));
            assert!(!app.clicks().await.iter().any(tells));
            return;
        }
    }
    panic!("erasing is always done before a click can come");
}

#[tokio::test]
async fn what_is_no_number_is_told() {
    let app = TestApp::start().await;
    let told = erase(&app, "0415 5552671").await;
    assert_eq!(
        told,
        user_error(
            "InvalidPhoneError",
            "INVALID_PHONE",
            "phoneNumber",
            400,
            "A phone number is written in E.164 form: a plus sign, then up to 15 digits that begin with the country code, \
             without spaces or any other character, such as +14155552671."
        )
    );
}
