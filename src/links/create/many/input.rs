//! What a call for many links says of each of them.

use serde_json::Value;

use super::{CreateManyError, MAX_ITEMS, NewShortLinks};
use crate::{
    links::{
        create::NewShortLink,
        idempotency::{self, IdempotencyKey},
    },
    store::WriteError,
    values::metadata::Metadata,
};

/// The key of a whole call, with what its inputs have in common.
pub(super) struct CallKey {
    pub(super) key: IdempotencyKey,
    pub(super) fingerprint: String,
}

/// Checks the call itself, and completes its links by the defaults.
pub(super) fn parse(new: NewShortLinks) -> Result<(Option<CallKey>, Vec<NewShortLink>), CreateManyError> {
    let NewShortLinks {
        defaults,
        mut items,
        idempotency_key,
    } = new;
    if !(1..=MAX_ITEMS).contains(&items.len()) {
        return Err(CreateManyError::Size(items.len()));
    }
    if let Some(defaults) = &defaults {
        if defaults.code.is_some() {
            return Err(CreateManyError::CodeInDefaults);
        }
        if defaults.idempotency_key.is_some() {
            return Err(CreateManyError::KeyInDefaults);
        }
        for item in &mut items {
            complete(item, defaults);
        }
    }
    let Some(key) = idempotency_key else {
        return Ok((None, items));
    };
    let key = IdempotencyKey::parse(&key)?;
    let inputs = items.iter().map(serde_json::to_value);
    let inputs: Vec<Value> = inputs.collect::<Result<_, _>>().map_err(WriteError::from)?;
    let fingerprint = idempotency::fingerprint_of_all(&inputs);
    Ok((Some(CallKey { key, fingerprint }), items))
}

fn fill<T: Clone>(field: &mut Option<T>, default: Option<&T>) {
    if field.is_none() {
        *field = default.cloned();
    }
}

/// Gives a link what it does not say itself. One that says where it leads, or who it is sent from, means that, though the
/// default's way of saying it would win in one input.
fn complete(item: &mut NewShortLink, defaults: &NewShortLink) {
    if item.offer_id.is_none() && item.url.is_none() {
        item.offer_id.clone_from(&defaults.offer_id);
        item.url.clone_from(&defaults.url);
    }
    if item.list_id.is_none() && item.phone_number.is_none() {
        item.list_id = defaults.list_id;
        item.phone_number.clone_from(&defaults.phone_number);
    }
    fill(&mut item.contact_phone, defaults.contact_phone.as_ref());
    fill(&mut item.filter_bots, defaults.filter_bots.as_ref());
    fill(&mut item.expires_at, defaults.expires_at.as_ref());
    fill(&mut item.max_clicks, defaults.max_clicks.as_ref());
    fill(&mut item.fallback_url, defaults.fallback_url.as_ref());
    item.metadata = match (item.metadata.take(), &defaults.metadata) {
        (Some(Value::Object(changes)), Some(Value::Object(kept))) => {
            Some(Metadata::merged(kept.clone(), changes).into())
        }
        (None, default) => default.clone(),
        // No object: what is wrong with it is told where it is parsed.
        (own, _) => own,
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn link(url: Option<&str>, offer: Option<&str>, list: Option<i32>, phone: Option<&str>) -> NewShortLink {
        NewShortLink {
            url: url.map(str::to_owned),
            offer_id: offer.map(str::to_owned),
            list_id: list,
            phone_number: phone.map(str::to_owned),
            ..NewShortLink::default()
        }
    }

    #[test]
    fn a_link_that_says_where_it_leads_or_who_sends_it_means_that() {
        let defaults = link(Some("d"), Some("offer"), Some(1), Some("+1"));
        for (own, expected) in [
            (link(None, None, None, None), defaults.clone()),
            (
                link(Some("u"), None, None, None),
                link(Some("u"), None, Some(1), Some("+1")),
            ),
            (
                link(None, Some("o"), None, None),
                link(None, Some("o"), Some(1), Some("+1")),
            ),
            (
                link(None, None, None, Some("+2")),
                link(Some("d"), Some("offer"), None, Some("+2")),
            ),
            (
                link(None, None, Some(2), None),
                link(Some("d"), Some("offer"), Some(2), None),
            ),
        ] {
            let mut item = own.clone();
            complete(&mut item, &defaults);
            let of = |link: NewShortLink| (link.url, link.offer_id, link.list_id, link.phone_number);
            assert_eq!(of(item), of(expected), "{own:?}");
        }
    }

    #[test]
    fn metadata_is_completed_key_by_key_and_null_leaves_one_out() {
        for (own, default, expected) in [
            (None, Some(json!({"a": 1})), Some(json!({"a": 1}))),
            (Some(json!({"b": 2})), None, Some(json!({"b": 2}))),
            (
                Some(json!({"b": 2, "c": null, "d": {"x": null}})),
                Some(json!({"a": 1, "b": 1, "c": 1})),
                Some(json!({"a": 1, "b": 2, "d": {"x": null}})),
            ),
            (Some(json!([])), Some(json!({"a": 1})), Some(json!([]))),
            (None, Some(json!([])), Some(json!([]))),
            (None, None, None),
        ] {
            let with = |metadata| NewShortLink {
                metadata,
                ..NewShortLink::default()
            };
            let mut item = with(own);
            complete(&mut item, &with(default));
            assert_eq!(item.metadata, expected);
        }
    }
}
