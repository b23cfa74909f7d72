//! The links of a call on their way.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use entity::{
    DomainId, OfferId, ShortLinkId, audit_entry::Action, domain, idempotency_key, offer, short_link,
};
use sea_orm::DbErr;

use super::{CreateManyError, Results, input::CallKey};
use crate::{
    accounts::audit,
    apart::give_way,
    catalog::{self, sending_list::ListLookup},
    links::{
        create::{
            CreateError, Created, Draft, KEY_TRIES, LastUrl, Making, NewShortLink, Parsed, Sender, Wanted,
            missing, neither_free_nor_in_use, used_key,
        },
        idempotency::{self, Before, IdempotencyKey, UsedKeys},
        lookup,
    },
    store::{Outcome, UsedKey, WriteError},
};

/// A link to be made.
pub(super) struct Item {
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

/// The links of a call while they are made.
pub(super) struct Makes<'a> {
    making: Making<'a>,
    call: Option<CallKey>,
    size: usize,
    /// Lists that were looked up.
    senders: HashMap<ListLookup, Option<Sender>>,
    last_url: LastUrl,
    /// Active offers that links are to lead to.
    offers: HashMap<OfferId, Arc<offer::Model>>,
    /// Domains of links that were found again.
    domains: HashMap<DomainId, Arc<domain::Model>>,
    /// What became of links so far, with their places in the input.
    done: Vec<(usize, Result<Created, CreateError>)>,
}

impl<'a> Makes<'a> {
    pub(super) fn of(making: Making<'a>, call: Option<CallKey>, size: usize) -> Self {
        Self {
            making,
            call,
            size,
            senders: HashMap::new(),
            last_url: LastUrl::default(),
            offers: HashMap::new(),
            domains: HashMap::new(),
            done: Vec::with_capacity(size),
        }
    }

    pub(super) fn in_order(mut self) -> Results {
        self.done.sort_unstable_by_key(|(at, _)| *at);
        self.done.into_iter().map(|(_, result)| result).collect()
    }

    /// Looks up what holds for many of the links at once, and answers those that are to be made.
    pub(super) async fn begin(&mut self, items: Vec<NewShortLink>) -> Result<Vec<Item>, CreateManyError> {
        let left = self.find_again(items).await?;
        if left.len() == self.size && self.making.refuse_without_product().is_err() {
            return Err(CreateManyError::ProductNotEnabled);
        }
        self.look_up_offers(&left).await?;
        Ok(left)
    }

    /// Makes links, so many of them together as the writer wants.
    pub(super) async fn make(&mut self, items: Vec<Item>, action: Action) -> Result<(), CreateManyError> {
        let step = self.making.tools.writer.step();
        let mut items = items.into_iter();
        while items.len() > 0 {
            give_way().await;
            let mut drafts = Vec::with_capacity(step.min(items.len()));
            while drafts.len() < step
                && let Some(item) = items.next()
            {
                let at = item.at;
                match of_one(self.draft(item).await)? {
                    Ok(draft) => drafts.push((at, draft)),
                    Err(error) => self.done.push((at, Err(error))),
                }
            }
            self.store(drafts, action).await?;
        }
        Ok(())
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
            // Another node may have made it, of which this one was not told.
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
        let parsed = Parsed::of(item.new, &mut self.last_url, now)?;
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
    async fn store(
        &mut self,
        mut drafts: Vec<(usize, Draft<'a>)>,
        action: Action,
    ) -> Result<(), CreateManyError> {
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
            let entry = audit::about(actor, action, links.len(), now);
            let stored = tools.writer.insert_links(links, entry, tools.tell()).await?;
            let mut in_use = Vec::new();
            for ((link, outcome), (at, plan)) in stored.into_iter().zip(plans) {
                let mut draft = Draft::from_parts(link, plan);
                match outcome {
                    Outcome::Stored => self.done.push((at, Ok(draft.stored(tools)))),
                    Outcome::KeyTaken => in_use.push((at, draft)),
                    Outcome::CodeTaken => match draft.draw_again(tools, account) {
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

    /// What would become of links if they were stored.
    pub(super) async fn try_out(&mut self, items: Vec<Item>) -> Result<(), CreateManyError> {
        let mut drafts = Vec::with_capacity(items.len());
        for item in items {
            let at = item.at;
            match of_one(self.draft(item).await)? {
                Ok(draft) => drafts.push((at, draft)),
                Err(error) => self.done.push((at, Err(error))),
            }
        }
        let Making { tools, account, .. } = self.making;
        let wanted = drafts.iter().filter(|(_, draft)| draft.is_custom());
        let wanted = wanted.map(|(_, draft)| draft.link.row.code.as_str());
        let in_use = lookup::codes_in_use(&tools.store.read, account.id, wanted).await?;
        let mut in_use: HashSet<_> = in_use.into_iter().collect();
        for (at, draft) in drafts {
            let row = &draft.link.row;
            let is_free = !draft.is_custom() || in_use.insert((row.domain_id, row.code.clone()));
            let result = if is_free {
                Ok(draft.created())
            } else {
                Err(CreateError::CodeTaken)
            };
            self.done.push((at, result));
        }
        Ok(())
    }

    fn is_of_call(&self, key: Option<&UsedKey>) -> bool {
        let call = self.call.as_ref().map(|call| call.key.as_str());
        key.is_some_and(|key| call == Some(key.row.key.as_str()))
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
                // Another call has it since this one began: what is left of this one is not made.
                Before::Other if self.is_of_call(key) => return Err(CreateManyError::IdempotencyConflict),
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
