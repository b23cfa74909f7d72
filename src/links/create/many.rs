//! Many links by one call.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use entity::{
    DomainId, OfferId, ShortLinkId, Timestamp, account, audit_entry::Action, domain, idempotency_key, offer,
    short_link,
};
use sea_orm::DbErr;
use serde_json::Value;

use super::{
    CreateError, Created, Draft, KEY_TRIES, Making, NewShortLink, Parsed, Sender, Tools, Wanted, missing,
    neither_free_nor_in_use, used_key,
};
use crate::{
    accounts::{Actor, audit},
    catalog::{self, sending_list::ListLookup},
    links::{
        idempotency::{self, Before, IdempotencyKey, InvalidIdempotencyKey, UsedKeys},
        lookup,
    },
    store::{Outcome, ReadError, UsedKey, WriteError},
    values::metadata::Metadata,
};

/// The most links of one call.
pub const MAX_ITEMS: usize = 1000;

/// What a caller asks for who wants many links, unchecked.
#[derive(Clone, Debug, Default)]
pub struct NewShortLinks {
    /// What holds for each link that does not say otherwise.
    pub defaults: Option<NewShortLink>,
    /// The links.
    pub items: Vec<NewShortLink>,
    /// Makes the whole call safe to repeat.
    pub idempotency_key: Option<String>,
}

/// Why none of the links was made, or nobody knows which.
#[derive(Debug, thiserror::Error)]
pub enum CreateManyError {
    /// None, or more than [`MAX_ITEMS`].
    #[error("a call makes 1 to {MAX_ITEMS} links, not {0}")]
    Size(usize),
    /// A code can't be that of each link.
    #[error("a code is one link's")]
    CodeInDefaults,
    /// Nor can an idempotency key.
    #[error("an idempotency key is one link's or the call's")]
    KeyInDefaults,
    /// The call's idempotency key is none.
    #[error(transparent)]
    InvalidIdempotencyKey(#[from] InvalidIdempotencyKey),
    /// The call's idempotency key was used with another input.
    #[error("the idempotency key was used with another input")]
    IdempotencyConflict,
    /// The account has no short links.
    #[error("the account lacks the SMS product")]
    ProductNotEnabled,
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
    /// The database did not answer one of many readers.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Links were not stored; those before them were.
    #[error("links were not stored")]
    Write(#[from] WriteError),
}

/// What became of each link of a call, in the order of the input.
pub type Results = Vec<Result<Created, CreateError>>;

/// Makes many links for the account, each as [`create`](super::create) would with what it and the defaults say: what is
/// wrong with one costs the others nothing. Links that an earlier call with the same idempotency key made are found again,
/// and only the others made.
///
/// They are stored in steps, each with an entry of the audit log: a server that ends in the middle has stored whole steps,
/// and the same call sent again with its key makes the rest.
///
/// # Errors
/// With what is wrong with the call itself. Links may have been made only if the database did not answer.
pub async fn create_many(
    tools: Tools<'_>,
    account: &account::Model,
    actor: Actor,
    new: NewShortLinks,
    now: Timestamp,
) -> Result<Results, CreateManyError> {
    let making = Making {
        tools,
        account,
        actor,
        now,
    };
    let (call, items) = parse(new)?;
    let mut makes = Makes::of(making, call, items.len());
    let left = makes.find_again(items).await?;
    if left.len() == makes.size && making.refuse_without_product().is_err() {
        return Err(CreateManyError::ProductNotEnabled);
    }
    makes.look_up_offers(&left).await?;
    let mut left = left.into_iter();
    loop {
        let mut drafts = Vec::with_capacity(tools.writer.step().min(left.len()));
        for item in left.by_ref() {
            let at = item.at;
            match of_one(makes.draft(item).await)? {
                Ok(draft) => drafts.push((at, draft)),
                Err(error) => makes.done.push((at, Err(error))),
            }
            if drafts.len() == tools.writer.step() {
                break;
            }
        }
        if drafts.is_empty() {
            return Ok(makes.in_order());
        }
        makes.store(drafts).await?;
    }
}

/// The key of a whole call, with what its inputs have in common.
struct CallKey {
    key: IdempotencyKey,
    fingerprint: String,
}

/// A link to be made.
struct Item {
    /// Its place in the input.
    at: usize,
    new: NewShortLink,
    key: Option<ItemKey>,
}

/// What makes one link safe to repeat.
struct ItemKey {
    key: IdempotencyKey,
    /// Which link of those that the key is for.
    item: i32,
    fingerprint: String,
}

fn parse(new: NewShortLinks) -> Result<(Option<CallKey>, Vec<NewShortLink>), CreateManyError> {
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
    if item.contact_phone.is_none() {
        item.contact_phone.clone_from(&defaults.contact_phone);
    }
    if item.fallback_url.is_none() {
        item.fallback_url.clone_from(&defaults.fallback_url);
    }
    item.filter_bots = item.filter_bots.or(defaults.filter_bots);
    item.expires_at = item.expires_at.or(defaults.expires_at);
    item.max_clicks = item.max_clicks.or(defaults.max_clicks);
    item.metadata = match (item.metadata.take(), &defaults.metadata) {
        (Some(Value::Object(changes)), Some(Value::Object(kept))) => {
            Some(Metadata::merged(kept.clone(), changes).into())
        }
        (None, default) => default.clone(),
        // No object: what is wrong with it is told where it is parsed.
        (own, _) => own,
    };
}

/// The links of a call while they are made.
struct Makes<'a> {
    making: Making<'a>,
    call: Option<CallKey>,
    size: usize,
    /// Lists that were looked up.
    senders: HashMap<ListLookup, Option<Sender>>,
    /// Active offers that links are to lead to.
    offers: HashMap<OfferId, Arc<offer::Model>>,
    /// Domains of links that were found again.
    domains: HashMap<DomainId, Arc<domain::Model>>,
    /// What became of links so far, with their places in the input.
    done: Vec<(usize, Result<Created, CreateError>)>,
}

impl<'a> Makes<'a> {
    fn of(making: Making<'a>, call: Option<CallKey>, size: usize) -> Self {
        Self {
            making,
            call,
            size,
            senders: HashMap::new(),
            offers: HashMap::new(),
            domains: HashMap::new(),
            done: Vec::with_capacity(size),
        }
    }

    fn in_order(mut self) -> Results {
        self.done.sort_unstable_by_key(|(at, _)| *at);
        self.done.into_iter().map(|(_, result)| result).collect()
    }

    /// Finds links that earlier calls made with the same keys, and answers what is left to be made.
    async fn find_again(&mut self, items: Vec<NewShortLink>) -> Result<Vec<Item>, CreateManyError> {
        let mut left = Vec::with_capacity(items.len());
        for (at, new) in items.into_iter().enumerate() {
            match of_one(self.key(at, &new))? {
                Ok(key) => left.push(Item { at, new, key }),
                Err(error) => self.done.push((at, Err(error))),
            }
        }
        if left.iter().all(|item| item.key.is_none()) {
            return Ok(left);
        }
        let Making {
            tools, account, now, ..
        } = self.making;
        let keys = left.iter().filter_map(|item| item.key.as_ref());
        let keys: HashSet<&str> = keys.map(|key| key.key.as_str()).collect();
        let used = UsedKeys::read(&tools.store.read, account.id, keys, None, now).await?;
        if let Some(call) = &self.call
            && used.before(call.key.as_str(), 0, &call.fingerprint) == Before::Other
        {
            return Err(CreateManyError::IdempotencyConflict);
        }
        let mut found = Vec::new();
        let mut unused = Vec::with_capacity(left.len());
        for item in left {
            let key = item.key.as_ref();
            match key.map_or(Before::Unused, |key| {
                used.before(key.key.as_str(), key.item, &key.fingerprint)
            }) {
                Before::Unused => unused.push(item),
                Before::Same(link) => found.push((item.at, link)),
                Before::Other => self.done.push((item.at, Err(CreateError::IdempotencyConflict))),
            }
        }
        self.replay(found).await?;
        Ok(unused)
    }

    /// What makes a link of the call safe to repeat: its own key before the call's.
    fn key(&self, at: usize, new: &NewShortLink) -> Result<Option<ItemKey>, CreateError> {
        let Some(own) = &new.idempotency_key else {
            return Ok(self.call.as_ref().map(|call| ItemKey {
                key: call.key.clone(),
                item: i32::try_from(at).unwrap_or(i32::MAX),
                fingerprint: call.fingerprint.clone(),
            }));
        };
        let key = IdempotencyKey::parse(own)?;
        if self.call.as_ref().is_some_and(|call| call.key == key) {
            return Err(CreateError::IdempotencyConflict);
        }
        let input = serde_json::to_value(new).map_err(WriteError::from)?;
        Ok(Some(ItemKey {
            key,
            item: 0,
            fingerprint: idempotency::fingerprint(&input),
        }))
    }

    /// Answers links that were made before, named with their places in the input.
    async fn replay(&mut self, found: Vec<(usize, ShortLinkId)>) -> Result<(), CreateManyError> {
        if found.is_empty() {
            return Ok(());
        }
        let Making { tools, account, .. } = self.making;
        let db = &tools.store.read;
        let ids: Vec<_> = found.iter().map(|(_, link)| *link).collect();
        let links = lookup::by_ids(db, account.id, &ids).await?;
        let unknown: HashSet<_> = links.iter().map(|link| link.domain_id).collect();
        let unknown = unknown.into_iter().filter(|id| !self.domains.contains_key(id));
        let unknown: Vec<_> = unknown.collect();
        if !unknown.is_empty() {
            let domains = catalog::domain::by_ids(db, account.id, &unknown).await?;
            let domains = domains.into_iter();
            self.domains
                .extend(domains.map(|domain| (domain.id, domain.into())));
        }
        let links: HashMap<_, short_link::Model> = links.into_iter().map(|link| (link.id, link)).collect();
        for (at, id) in found {
            let link = links.get(&id).ok_or_else(|| missing(id))?.clone();
            let domain = self.domains.get(&link.domain_id);
            let domain = Arc::clone(domain.ok_or_else(|| missing(id))?);
            // The call that made it may have been given up before it was told.
            tools.hosts.changes().note_made_link(&link.code);
            let created = Created {
                link,
                domain,
                replayed: true,
            };
            self.done.push((at, Ok(created)));
        }
        Ok(())
    }

    async fn look_up_offers(&mut self, items: &[Item]) -> Result<(), DbErr> {
        let ids = items.iter().filter_map(|item| item.new.offer_id.as_deref());
        let ids: HashSet<OfferId> = ids.filter_map(|id| id.parse().ok()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = ids.into_iter().collect();
        let Making { tools, account, .. } = self.making;
        let offers = catalog::offer::by_ids(&tools.store.read, account.id, &ids).await?;
        let active = offers
            .into_iter()
            .filter(|offer| offer.status == offer::Status::Active);
        self.offers = active.map(|offer| (offer.id, offer.into())).collect();
        Ok(())
    }

    /// The link as it is to be stored.
    async fn draft(&mut self, item: Item) -> Result<Draft<'a>, CreateError> {
        let Making {
            tools, account, now, ..
        } = self.making;
        self.making.refuse_without_product()?;
        let parsed = Parsed::of(item.new, now)?;
        let sender = match self.senders.entry(parsed.list.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let sender = Sender::find(tools, account.id, parsed.list.clone()).await?;
                unknown.insert(sender)
            }
        };
        let (sender, domain) = Sender::with_domain(sender.as_ref(), parsed.list_field)?;
        let offer = match &parsed.target {
            Wanted::Offer(Some(id)) => self.offers.get(id).cloned(),
            Wanted::Offer(None) | Wanted::Url(_) => None,
        };
        let mut draft = Draft::of(self.making, parsed, sender, domain, offer).await?;
        draft.link.key = item.key.map(|key| {
            used_key(idempotency_key::Model {
                account_id: account.id,
                key: key.key.into(),
                item: key.item,
                fingerprint: key.fingerprint,
                short_link_id: draft.link.row.id,
                created_at: now,
            })
        });
        Ok(draft)
    }

    /// Stores links together; those whose random code is in use once more with another one, and those whose key was used
    /// meanwhile are found again.
    async fn store(&mut self, mut drafts: Vec<(usize, Draft<'a>)>) -> Result<(), CreateManyError> {
        let Making {
            tools,
            account,
            actor,
            now,
        } = self.making;
        // As with one link: of all that want a key one has it in each round.
        for _ in 0..KEY_TRIES {
            if drafts.is_empty() {
                return Ok(());
            }
            let mut links = Vec::with_capacity(drafts.len());
            let mut plans = Vec::with_capacity(drafts.len());
            for (at, draft) in drafts.drain(..) {
                let (link, plan) = draft.into_parts();
                links.push(link);
                plans.push((at, plan));
            }
            let entry = audit::about(actor, Action::ShortLinksCreated, links.len(), now);
            let stored = tools.writer.insert_links(links, entry).await?;
            let mut in_use = Vec::new();
            for ((link, outcome), (at, plan)) in stored.into_iter().zip(plans) {
                let mut draft = Draft::from_parts(link, plan);
                match outcome {
                    Outcome::Stored => self.done.push((at, Ok(draft.stored(tools)))),
                    Outcome::KeyTaken => in_use.push((at, draft)),
                    Outcome::CodeTaken => match draft.draw_again(account) {
                        Ok(()) => drafts.push((at, draft)),
                        Err(error) => self.done.push((at, Err(error))),
                    },
                }
            }
            if !in_use.is_empty() {
                drafts.append(&mut self.find_used(in_use).await?);
            }
        }
        Err(neither_free_nor_in_use().into())
    }

    /// Finds links whose keys another call used first, or an earlier link of this one, and answers those whose keys have
    /// come free again.
    async fn find_used(
        &mut self,
        in_use: Vec<(usize, Draft<'a>)>,
    ) -> Result<Vec<(usize, Draft<'a>)>, CreateManyError> {
        let Making {
            tools, account, now, ..
        } = self.making;
        let (mut keys, mut items) = (HashSet::new(), HashSet::new());
        for (_, draft) in &in_use {
            if let Some(UsedKey { row, .. }) = &draft.link.key {
                keys.insert(row.key.as_str());
                items.insert(row.item);
            }
        }
        let used = UsedKeys::read(&tools.store.read, account.id, keys, Some(items), now).await?;
        let (mut found, mut free) = (Vec::new(), Vec::new());
        for (at, draft) in in_use {
            let key = draft.link.key.as_ref();
            match key.map_or(Before::Unused, |UsedKey { row, .. }| {
                used.before(&row.key, row.item, &row.fingerprint)
            }) {
                Before::Unused => free.push((at, draft)),
                Before::Same(link) => found.push((at, link)),
                Before::Other => self.done.push((at, Err(CreateError::IdempotencyConflict))),
            }
        }
        self.replay(found).await?;
        Ok(free)
    }
}

/// Parts what is wrong with one link from what is wrong with the server.
fn of_one<T>(made: Result<T, CreateError>) -> Result<Result<T, CreateError>, CreateManyError> {
    match made {
        Err(CreateError::Database(error)) => Err(error.into()),
        Err(CreateError::Read(error)) => Err(error.into()),
        Err(CreateError::Write(error)) => Err(error.into()),
        other => Ok(other),
    }
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
