//! Making short links.

mod draft;
mod many;
mod parsed;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::{
    AccountId, ShortLinkId, Timestamp, account,
    audit_entry::{self, Action},
    domain, idempotency_key, short_link,
};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;
use serde_json::{Value, json};

pub use self::many::{CreateManyError, MAX_ITEMS, NewShortLinks, Results, create_many};
pub(super) use self::many::{bring_many, try_many};
pub(super) use self::parsed::LAST_YEAR;
use self::{
    draft::{Draft, Sender},
    parsed::{LastUrl, Parsed, Wanted},
};
use super::{
    code::{CodeSpace, InvalidCode},
    destination::InvalidDestination,
    idempotency::{self, Before, IdempotencyKey, InvalidIdempotencyKey},
    lookup,
};
use crate::{
    accounts::{Actor, audit},
    catalog::{
        self,
        blocked::List,
        domain::{ServerHosts, Unwanted},
        sending_list::ActiveLists,
    },
    store::{Outcome, ReadError, Store, UsedKey, WriteError, Writer},
    values::{metadata::InvalidMetadata, phone::InvalidPhone, web_url::WebUrl},
};

/// How often a call whose idempotency key was in use, and then not, is tried: more often than calls with one
/// key can reasonably fail at once.
const KEY_TRIES: usize = 1000;

/// What a caller asks for, unchecked: every field may be absent, and what is wrong is told field by field.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewShortLink {
    /// Where the link leads, unless an offer says.
    pub url: Option<String>,
    /// The offer it leads to; wins over `url`.
    pub offer_id: Option<String>,
    /// The list it is sent from; wins over `phone_number`.
    pub list_id: Option<i32>,
    /// The number of the list it is sent from.
    pub phone_number: Option<String>,
    /// The recipient.
    pub contact_phone: Option<String>,
    /// What clicks are attributed to.
    pub metadata: Option<Value>,
    /// The code it is to have.
    pub code: Option<String>,
    /// Whether bots see the preview page.
    pub filter_bots: Option<bool>,
    /// From when on it is gone.
    pub expires_at: Option<DateTime<Utc>>,
    /// How many people it lets through.
    pub max_clicks: Option<i32>,
    /// Where visitors are sent once it is gone.
    pub fallback_url: Option<String>,
    /// Makes the call safe to repeat.
    #[serde(skip)]
    pub idempotency_key: Option<String>,
}

/// A link that was made, or found again by its idempotency key.
#[derive(Clone, Debug)]
pub struct Created {
    /// The link.
    pub link: short_link::Model,
    /// The domain it lives on.
    pub domain: Arc<domain::Model>,
    /// Whether an earlier call with the same key made it.
    pub replayed: bool,
}

/// A field of [`NewShortLink`], where an error could be about more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the field of that name")]
pub enum Field {
    Url,
    OfferId,
    ListId,
    PhoneNumber,
    ContactPhone,
    ExpiresAt,
    MaxClicks,
    FallbackUrl,
}

impl Field {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::OfferId => "offerId",
            Self::ListId => "listId",
            Self::PhoneNumber => "phoneNumber",
            Self::ContactPhone => "contactPhone",
            Self::ExpiresAt => "expiresAt",
            Self::MaxClicks => "maxClicks",
            Self::FallbackUrl => "fallbackUrl",
        }
    }
}

/// Why no link was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Neither `url` nor `offer_id`.
    #[error("neither url nor offerId was given")]
    MissingUrlOrOffer,
    /// Neither `list_id` nor `phone_number`.
    #[error("neither listId nor phoneNumber was given")]
    MissingListIdentifier,
    /// A URL, or what an offer makes of it, is no web address to send people to.
    #[error("{1}")]
    InvalidUrl(Field, InvalidDestination),
    /// A URL, or what an offer makes of it, leads to a domain of this server.
    #[error("the URL leads to a domain of this server")]
    Loop(Field),
    /// A URL, or what an offer makes of it, leads to a host that is blocked.
    #[error("{1}")]
    Blocked(Field, List),
    /// A phone number is none.
    #[error("{1}")]
    InvalidPhone(Field, InvalidPhone),
    /// The metadata can't be kept.
    #[error(transparent)]
    InvalidMetadata(#[from] InvalidMetadata),
    /// The custom code is none.
    #[error(transparent)]
    InvalidCode(#[from] InvalidCode),
    /// The link would be gone from the start.
    #[error("the link would be gone from the start")]
    InvalidExpiry(Field),
    /// The idempotency key is none.
    #[error(transparent)]
    InvalidIdempotencyKey(#[from] InvalidIdempotencyKey),
    /// The account has no short links.
    #[error("the account lacks the SMS product")]
    ProductNotEnabled,
    /// No active offer of the account has that id.
    #[error("no such active offer")]
    OfferNotFound,
    /// No active list of the account is so named.
    #[error("no such active sending list")]
    ListNotFound(Field),
    /// The list has nowhere to put links.
    #[error("the list has no active domain")]
    NoDomainConfigured(Field),
    /// The custom code is in use on the domain.
    #[error("the code is in use")]
    CodeTaken,
    /// The idempotency key was used with another input.
    #[error("the idempotency key was used with another input")]
    IdempotencyConflict,
    /// Every code that was drawn is in use.
    #[error("every code that was drawn is in use")]
    IdCollision,
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
    /// The database did not answer one of many readers.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The link was not stored.
    #[error("the link was not stored")]
    Write(#[from] WriteError),
}

/// What making a link needs of its surroundings.
#[derive(Clone, Copy, Debug)]
pub struct Tools<'a> {
    /// Where rows are read.
    pub store: &'a Store,
    /// Where they are written.
    pub writer: &'a Writer,
    /// Finds lists.
    pub lists: &'a ActiveLists,
    /// Knows the server's own hosts.
    pub hosts: &'a ServerHosts,
    /// Which codes are drawn.
    pub codes: &'a CodeSpace,
}

impl Tools<'_> {
    /// Tells whoever remembers that there was no link with a code that there is one now.
    fn tell(&self) -> impl Fn(&str) + Send + Sync + use<> {
        let changes = self.hosts.changes().clone();
        move |code| changes.note_made_link(code)
    }
}

/// Whose links are made, by whom, and when.
#[derive(Clone, Copy, Debug)]
struct Making<'a> {
    tools: Tools<'a>,
    account: &'a account::Model,
    actor: Actor,
    now: Timestamp,
}

impl<'a> Making<'a> {
    const fn by_operator(tools: Tools<'a>, account: &'a account::Model, now: Timestamp) -> Self {
        Self {
            tools,
            account,
            actor: Actor::operator(account.id),
            now,
        }
    }

    fn refuse_without_product(&self) -> Result<(), CreateError> {
        if self.account.products.0.contains(&account::Product::Sms) {
            return Ok(());
        }
        Err(CreateError::ProductNotEnabled)
    }

    /// What the audit log says of a link: neither where it leads nor for whom it is.
    fn told(&self, link: &short_link::Model) -> audit_entry::Model {
        let mut after = json!({
            "code": link.code,
            "domainId": link.domain_id.to_string(),
            "sendingListId": link.sending_list_id.to_string(),
        });
        if let Some(offer) = link.offer_id {
            after["offerId"] = offer.to_string().into();
        }
        audit_entry::Model {
            subject_id: Some(link.id.into()),
            after: Some(after),
            ..audit::about(self.actor, Action::ShortLinkCreated, 1, self.now)
        }
    }
}

/// Makes a short link for the account, or finds the one that an earlier call with the same idempotency key
/// made.
///
/// # Errors
/// With the first reason found, in the order in which the manual lists the checks. Nothing is stored then.
pub async fn create(
    tools: Tools<'_>,
    account: &account::Model,
    actor: Actor,
    new: NewShortLink,
    now: Timestamp,
) -> Result<Created, CreateError> {
    let making = Making {
        tools,
        account,
        actor,
        now,
    };
    let db = &tools.store.read;
    let Some(key) = &new.idempotency_key else {
        return make(making, new, None)
            .await?
            .ok_or(CreateError::IdempotencyConflict);
    };
    let key = IdempotencyKey::parse(key)?;
    let fingerprint = idempotency::fingerprint(&serde_json::to_value(&new).map_err(WriteError::from)?);
    // A key that another call holds may come free again when that call fails: then it is this one's turn. Of
    // all that want a key one has it in each round, and leaves with its own answer.
    for _ in 0..KEY_TRIES {
        match idempotency::look_up(db, account.id, &key, &fingerprint, now).await? {
            Before::Other => return Err(CreateError::IdempotencyConflict),
            Before::Same(link) => {
                let created = replay(db, account.id, link).await?;
                // Another node may have made it, of which this one was not told.
                tools.hosts.changes().note_made_link(&created.link.code);
                return Ok(created);
            }
            Before::Unused => {}
        }
        if let Some(created) = make(making, new.clone(), Some((&key, &fingerprint))).await? {
            return Ok(created);
        }
    }
    Err(neither_free_nor_in_use().into())
}

fn neither_free_nor_in_use() -> DbErr {
    DbErr::Custom("an idempotency key was neither free nor in use".to_owned())
}

fn missing(link: ShortLinkId) -> DbErr {
    DbErr::RecordNotFound(format!("{link} of an idempotency key, or its domain"))
}

async fn replay(
    db: &impl ConnectionTrait,
    account: AccountId,
    link: ShortLinkId,
) -> Result<Created, CreateError> {
    let found = lookup::by_id(db, account, link).await?;
    let found = found.ok_or_else(|| missing(link))?;
    let domain = catalog::domain::by_ids(db, account, &[found.domain_id])
        .await?
        .pop()
        .ok_or_else(|| missing(link))?;
    Ok(Created {
        link: found,
        domain: domain.into(),
        replayed: true,
    })
}

/// `None` when another call used the idempotency key first.
async fn make(
    making: Making<'_>,
    new: NewShortLink,
    key: Option<(&IdempotencyKey, &str)>,
) -> Result<Option<Created>, CreateError> {
    let Making {
        tools, account, now, ..
    } = making;
    making.refuse_without_product()?;
    let parsed = Parsed::of(new, &mut LastUrl::default(), now)?;
    let sender = Sender::find(tools, account.id, parsed.list.clone()).await?;
    let (sender, domain) = Sender::with_domain(sender.as_ref(), parsed.list_field)?;
    let offer = match &parsed.target {
        Wanted::Offer(Some(id)) => catalog::offer::active(&tools.store.read, account.id, *id).await?,
        Wanted::Offer(None) | Wanted::Url(_) => None,
    };
    let mut draft = Draft::of(making, parsed, sender, domain, offer.map(Arc::new)).await?;
    draft.link.key = key.map(|(key, fingerprint)| {
        let row = idempotency_key::Model {
            account_id: account.id,
            key: key.clone().into(),
            item: 0,
            fingerprint: fingerprint.to_owned(),
            short_link_id: draft.link.row.id,
            created_at: now,
        };
        used_key(row)
    });
    loop {
        let entry = making.told(&draft.link.row);
        let (link, outcome) = tools.writer.insert_link(draft.link, entry, tools.tell()).await?;
        draft.link = link;
        match outcome {
            Outcome::Stored => return Ok(Some(draft.stored(tools))),
            Outcome::KeyTaken => return Ok(None),
            Outcome::CodeTaken => draft.draw_again(tools, account)?,
        }
    }
}

fn used_key(row: idempotency_key::Model) -> UsedKey {
    let forgotten = row.created_at.hours_before(idempotency::HOURS);
    UsedKey { row, forgotten }
}

async fn refuse_unwanted(hosts: &ServerHosts, field: Field, url: &WebUrl) -> Result<(), CreateError> {
    match hosts.unwanted(url).await? {
        None => Ok(()),
        Some(Unwanted::Loop) => Err(CreateError::Loop(field)),
        Some(Unwanted::Blocked(list)) => Err(CreateError::Blocked(field, list)),
    }
}
