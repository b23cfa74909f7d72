//! Whether one click passes a filter.

use entity::{click, user_agent};
use serde_json::{Number, Value};

use super::read::LinkOf;
use crate::{
    clicks::{
        columns::{Column, PARAMETERS, parameter},
        report::ClickFilter,
    },
    values::metadata::Scalar,
};

/// Whether a click of this link passes the filter, as it would in a report. `agent` is what its agent string says.
pub(super) fn passes(
    filter: &ClickFilter,
    click: &click::Model,
    link: &LinkOf,
    agent: Option<&user_agent::Model>,
) -> bool {
    filter.from.is_none_or(|from| click.clicked_at >= from)
        && filter.before.is_none_or(|before| click.clicked_at < before)
        && filter.link.is_none_or(|id| link.id == id)
        && filter.offer.is_none_or(|id| link.offer_id == Some(id))
        && filter.list.is_none_or(|id| link.sending_list_id == id)
        && filter.domain.is_none_or(|id| link.domain_id == id)
        && (filter.contact_phone.as_ref()).is_none_or(|phone| link.contact_phone.as_ref() == Some(phone))
        && (filter.metadata.as_ref())
            .is_none_or(|(key, value)| link.metadata.get(key).is_some_and(|found| is(found, value)))
        && (filter.is_bot).is_none_or(|is_bot| click.bot_reason.is_some() == is_bot)
        && (filter.bot_reasons.as_ref()).is_none_or(|reasons| reasons.contains(&click.bot_reason))
        && (filter.bot_kinds.as_ref()).is_none_or(|kinds| kinds.contains(&click.bot_kind))
        && filter.texts.iter().all(|(column, texts)| {
            let found = text(column.column(), click, agent);
            texts.iter().any(|text| text.as_deref() == found)
        })
}

/// Whether a filter asks for what only the agent string says.
pub(super) fn needs_agent(filter: &ClickFilter) -> bool {
    let of_agent = [Column::Device, Column::Os, Column::Browser];
    filter
        .texts
        .iter()
        .any(|(column, _)| of_agent.contains(&column.column()))
}

fn text<'a>(
    column: Column,
    click: &'a click::Model,
    agent: Option<&'a user_agent::Model>,
) -> Option<&'a str> {
    match column {
        Column::Country => click.country.as_deref(),
        Column::Referrer => click.referrer.as_deref(),
        Column::Device => agent?.device.as_deref(),
        Column::Os => agent?.os.as_deref(),
        Column::Browser => agent?.browser.as_deref(),
        other => {
            let (_, name) = PARAMETERS.iter().find(|(column, _)| *column == other)?;
            parameter(click.parameters.as_ref(), name)
        }
    }
}

/// Whether metadata has this value; numbers are the same however they are written.
fn is(found: &Value, asked: &Scalar) -> bool {
    match (found, asked) {
        (Value::String(found), Scalar::Text(asked)) => found == asked,
        (Value::Bool(found), Scalar::Flag(asked)) => found == asked,
        (Value::Number(found), Scalar::Number(asked)) => is_same(found, asked),
        _ => false,
    }
}

fn is_same(one: &Number, other: &Number) -> bool {
    // Whole numbers first: two large ones may be the same fraction.
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => one == other,
        _ => one.as_f64() == other.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use entity::{
        AccountId, ClickId, DomainId, OfferId, SendingListId, ShortLinkId, Timestamp,
        click::{BotKind, BotReason, Method},
    };
    use serde_json::json;

    use super::*;
    use crate::clicks::report::TextColumn;

    const TIME: Timestamp = Timestamp::from_millis(1_795_435_200_000);

    fn click(link: ShortLinkId) -> click::Model {
        click::Model {
            seq: 1,
            id: ClickId::at(TIME),
            clicked_at: TIME,
            short_link_id: link,
            method: Method::Get,
            bot_reason: Some(BotReason::UserAgent),
            bot_kind: Some(BotKind::Scanner),
            is_prefetch: false,
            agent_list_id: 1,
            user_agent_id: Some(1),
            address: None,
            visitor: None,
            country: Some("US".to_owned()),
            referrer: None,
            language: None,
            parameters: Some(json!({"sub1": "a", "source": "sms"})),
        }
    }

    fn link() -> LinkOf {
        LinkOf {
            id: ShortLinkId::at(TIME),
            account_id: AccountId::at(TIME),
            domain_id: DomainId::at(TIME),
            sending_list_id: SendingListId::at(TIME),
            offer_id: Some(OfferId::at(TIME)),
            contact_phone: Some("+12025550143".to_owned()),
            metadata: json!({"campaign": "spring", "n": 1, "vip": true, "deep": {"n": 1}}),
        }
    }

    fn agent() -> user_agent::Model {
        user_agent::Model {
            id: 1,
            text: "agent".to_owned(),
            device: Some("smartphone".to_owned()),
            os: Some("iOS".to_owned()),
            browser: None,
        }
    }

    fn texts(column: Column, texts: &[Option<&str>]) -> ClickFilter {
        let column = TextColumn::of(column).expect("a column of texts");
        let texts = texts.iter().map(|text| text.map(str::to_owned)).collect();
        ClickFilter {
            texts: vec![(column, texts)],
            ..ClickFilter::default()
        }
    }

    fn expect(filter: &ClickFilter, link: &LinkOf, passing: bool) {
        let click = click(link.id);
        let found = passes(filter, &click, link, Some(&agent()));
        assert_eq!(found, passing, "{filter:?}");
    }

    /// A filter with these parts alone.
    macro_rules! only {
        ($($part:ident: $value:expr),*) => {
            ClickFilter { $($part: $value,)* ..ClickFilter::default() }
        };
    }

    #[test]
    fn each_part_of_a_filter_lets_through_what_it_says() {
        let link = link();
        let later = Timestamp::from_millis(TIME.millis() + 1);
        for (passing, filter) in [
            (true, ClickFilter::default()),
            (true, only!(from: Some(TIME))),
            (false, only!(from: Some(later))),
            (true, only!(before: Some(later))),
            (false, only!(before: Some(TIME))),
            (true, only!(link: Some(link.id))),
            (false, only!(link: Some(ShortLinkId::at(TIME)))),
            (true, only!(offer: link.offer_id)),
            (false, only!(offer: Some(OfferId::at(TIME)))),
            (true, only!(list: Some(link.sending_list_id))),
            (false, only!(list: Some(SendingListId::at(TIME)))),
            (true, only!(domain: Some(link.domain_id))),
            (false, only!(domain: Some(DomainId::at(TIME)))),
            (true, only!(contact_phone: link.contact_phone.clone())),
            (false, only!(contact_phone: Some("+1202".to_owned()))),
            (true, only!(is_bot: Some(true))),
            (false, only!(is_bot: Some(false))),
            (
                true,
                only!(bot_reasons: Some(vec![None, Some(BotReason::UserAgent)])),
            ),
            (false, only!(bot_reasons: Some(vec![None]))),
            (false, only!(bot_reasons: Some(vec![]))),
            (true, only!(bot_kinds: Some(vec![Some(BotKind::Scanner)]))),
            (false, only!(bot_kinds: Some(vec![Some(BotKind::Feed), None]))),
            // All of a filter together.
            (false, only!(link: Some(link.id), is_bot: Some(false))),
        ] {
            expect(&filter, &link, passing);
        }
    }

    #[test]
    fn texts_are_those_of_the_click_of_its_agent_and_of_its_parameters() {
        let link = link();
        for (passing, column, asked) in [
            (true, Column::Country, &[Some("DE"), Some("US")][..]),
            (false, Column::Country, &[Some("us")]),
            (false, Column::Country, &[None]),
            (true, Column::Referrer, &[None]),
            (true, Column::Device, &[Some("smartphone")]),
            (true, Column::Os, &[Some("iOS")]),
            (true, Column::Browser, &[None]),
            (false, Column::Browser, &[Some("Safari")]),
            (true, Column::Sub1, &[Some("a")]),
            (true, Column::Sub2, &[None]),
            (false, Column::Sub3, &[Some("a")]),
            (true, Column::Source, &[Some("sms")]),
            (false, Column::Source, &[]),
        ] {
            let filter = texts(column, asked);
            expect(&filter, &link, passing);
            let is_agents = matches!(column, Column::Device | Column::Os | Column::Browser);
            assert_eq!(needs_agent(&filter), is_agents);
        }
    }

    #[test]
    fn metadata_is_compared_by_kind_and_value() {
        let link = link();
        for (passing, key, value) in [
            (true, "campaign", json!("spring")),
            (false, "campaign", json!("Spring")),
            (true, "n", json!(1)),
            (true, "n", json!(1.0)),
            (false, "n", json!("1")),
            (false, "n", json!(true)),
            (true, "vip", json!(true)),
            (false, "vip", json!(1)),
            (false, "deep", json!(1)),
            (false, "other", json!("spring")),
        ] {
            let value = Scalar::of(value).expect("a scalar");
            let filter = ClickFilter {
                metadata: Some((key.to_owned(), value)),
                ..ClickFilter::default()
            };
            expect(&filter, &link, passing);
        }
        let large = |number| Number::from(number);
        assert!(!is_same(
            &large(9_007_199_254_740_993_i64),
            &large(9_007_199_254_740_992)
        ));
    }
}
