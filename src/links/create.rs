//! Making short links.

use std::sync::Arc;

use chrono::{DateTime, Datelike as _, Utc};
use entity::{
    AccountId, OfferId, ShortLinkId, Timestamp, account, domain, idempotency_key, offer, sending_list,
    short_link,
};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;
use serde_json::Value;

use super::{
    code::{Code, CodeSpace, InvalidCode},
    destination::{Destination, InvalidDestination},
    idempotency::{self, Before, IdempotencyKey, InvalidIdempotencyKey},
    lookup,
};
use crate::{
    catalog::{
        self,
        domain::ServerHosts,
        sending_list::{ActiveLists, ListLookup},
    },
    store::{Outcome, ReadError, Store, UsedKey, WriteError, Writer},
    values::{
        metadata::{InvalidMetadata, Metadata},
        phone::{InvalidPhone, PhoneNumber},
        template::Creation,
        web_url::{InvalidUrl, WebUrl},
    },
};

/// The last year in which a link may expire.
pub(super) const LAST_YEAR: i32 = 9999;

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
    pub domain: domain::Model,
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

/// Makes a short link for the account, or finds the one that an earlier call with the same idempotency key
/// made.
///
/// # Errors
/// With the first reason found, in the order in which the manual lists the checks. Nothing is stored then.
pub async fn create(
    tools: Tools<'_>,
    account: &account::Model,
    new: &NewShortLink,
    now: Timestamp,
) -> Result<Created, CreateError> {
    let db = &tools.store.read;
    let Some(key) = &new.idempotency_key else {
        return make(tools, account, new, None, now)
            .await?
            .ok_or(CreateError::IdempotencyConflict);
    };
    let key = IdempotencyKey::parse(key)?;
    let fingerprint = idempotency::fingerprint(&serde_json::to_value(new).map_err(WriteError::from)?);
    // A key that another call holds may come free again when that call fails: then it is this one's turn. Of
    // all that want a key one has it in each round, and leaves with its own answer.
    for _ in 0..KEY_TRIES {
        match idempotency::look_up(db, account.id, &key, &fingerprint, now).await? {
            Before::Other => return Err(CreateError::IdempotencyConflict),
            Before::Same(link) => {
                let created = replay(db, account.id, link).await?;
                // The call that made it may have been given up before it was told.
                tools.hosts.changes().note_made_link(&created.link.code);
                return Ok(created);
            }
            Before::Unused => {}
        }
        if let Some(created) = make(tools, account, new, Some((&key, &fingerprint)), now).await? {
            return Ok(created);
        }
    }
    Err(DbErr::Custom("an idempotency key was neither free nor in use".to_owned()).into())
}

async fn replay(
    db: &impl ConnectionTrait,
    account: AccountId,
    link: ShortLinkId,
) -> Result<Created, CreateError> {
    let missing = || DbErr::RecordNotFound(format!("{link} of an idempotency key, or its domain"));
    let link = lookup::by_id(db, account, link).await?.ok_or_else(missing)?;
    let domain = catalog::domain::by_ids(db, account, &[link.domain_id])
        .await?
        .pop()
        .ok_or_else(missing)?;
    Ok(Created {
        link,
        domain,
        replayed: true,
    })
}

/// `None` when another call used the idempotency key first.
async fn make(
    tools: Tools<'_>,
    account: &account::Model,
    new: &NewShortLink,
    key: Option<(&IdempotencyKey, &str)>,
    now: Timestamp,
) -> Result<Option<Created>, CreateError> {
    let db = &tools.store.read;
    let parsed = Parsed::of(account, new, now)?;
    let list = tools.lists.find(account.id, parsed.list).await?;
    let list = list.ok_or(CreateError::ListNotFound(parsed.list_field))?;
    let (list, domain) = &*list;
    let domain = domain
        .clone()
        .filter(|domain| domain.status == domain::Status::Active)
        .ok_or(CreateError::NoDomainConfigured(parsed.list_field))?;
    let target = match parsed.target {
        Wanted::Url(url) => Target::Url(Destination::of_url(url)),
        Wanted::Offer(id) => {
            let offer = match id {
                Some(id) => catalog::offer::active(db, account.id, id).await?,
                None => None,
            };
            Target::Offer(Box::new(offer.ok_or(CreateError::OfferNotFound)?))
        }
    };
    let mut link = short_link::Model {
        id: ShortLinkId::at(now),
        account_id: account.id,
        domain_id: domain.id,
        code: String::new(),
        destination: String::new(),
        sending_list_id: list.id,
        offer_id: target.offer().map(|offer| offer.id),
        contact_phone: parsed.contact_phone.map(PhoneNumber::into_string),
        metadata: parsed.metadata.into_json(),
        filter_bots: new
            .filter_bots
            .or(target.offer().and_then(|offer| offer.filter_bots))
            .unwrap_or(account.default_filter_bots),
        status: short_link::Status::Active,
        expires_at: new.expires_at.map(Into::into),
        max_clicks: new.max_clicks,
        fallback_url: None,
        created_at: now,
        exhausted_at: None,
        api_key_id: None,
    };
    if let Some(fallback) = parsed.fallback_url {
        refuse_loop(tools.hosts, Field::FallbackUrl, &fallback).await?;
        link.fallback_url = Some(fallback.into());
    }
    let key = key.map(|(key, fingerprint)| {
        let row = idempotency_key::Model {
            account_id: account.id,
            key: key.clone().into(),
            item: 0,
            fingerprint: fingerprint.to_owned(),
            short_link_id: link.id,
            created_at: now,
        };
        Arc::new(UsedKey {
            row,
            forgotten: now.hours_before(idempotency::HOURS),
        })
    });
    let codes: &mut (dyn Iterator<Item = Code> + Send) = match &parsed.code {
        Some(custom) => &mut std::iter::once(custom.clone()),
        None => &mut tools.codes.codes(),
    };
    let mut is_no_loop = false;
    for code in codes {
        let destination = target.destination(account, list, &link, &code)?;
        if !is_no_loop {
            // Its host does not depend on the code, so one look is enough.
            refuse_loop(tools.hosts, target.field(), destination.address()).await?;
            is_no_loop = true;
        }
        link.code = code.into();
        link.destination = destination.into();
        let candidate = Arc::new(link);
        match tools
            .writer
            .insert_link(Arc::clone(&candidate), key.clone())
            .await?
        {
            Outcome::Stored => {
                tools.hosts.changes().note_made_link(&candidate.code);
                let link = Arc::unwrap_or_clone(candidate);
                return Ok(Some(Created {
                    link,
                    domain,
                    replayed: false,
                }));
            }
            Outcome::KeyTaken => return Ok(None),
            Outcome::CodeTaken => link = Arc::unwrap_or_clone(candidate),
        }
    }
    Err(if parsed.code.is_some() {
        CreateError::CodeTaken
    } else {
        CreateError::IdCollision
    })
}

async fn refuse_loop(hosts: &ServerHosts, field: Field, url: &WebUrl) -> Result<(), CreateError> {
    if hosts.holds(url).await? {
        return Err(CreateError::Loop(field));
    }
    Ok(())
}

/// What the caller wants the link to lead to, by form.
enum Wanted {
    Url(WebUrl),
    /// `None` for an id that no offer could have.
    Offer(Option<OfferId>),
}

/// What the link leads to.
enum Target {
    Url(Destination),
    Offer(Box<offer::Model>),
}

impl Target {
    fn offer(&self) -> Option<&offer::Model> {
        match self {
            Self::Url(_) => None,
            Self::Offer(offer) => Some(offer),
        }
    }

    const fn field(&self) -> Field {
        match self {
            Self::Url(_) => Field::Url,
            Self::Offer(_) => Field::OfferId,
        }
    }

    fn destination(
        &self,
        account: &account::Model,
        list: &sending_list::Model,
        link: &short_link::Model,
        code: &Code,
    ) -> Result<Destination, CreateError> {
        let offer = match self {
            Self::Url(destination) => return Ok(destination.clone()),
            Self::Offer(offer) => offer,
        };
        let macros = Creation {
            contact_phone: link.contact_phone.as_deref(),
            code: code.as_str(),
            offer_id: offer.id,
            offer_external_id: offer.external_id.as_deref(),
            list_id: list.list_id,
            metadata: &link.metadata,
        };
        Destination::of_offer(offer, account, &macros)
            .map_err(|invalid| CreateError::InvalidUrl(Field::OfferId, invalid))
    }
}

/// The input, each field in a type that proves it. Only the value that wins is looked at.
struct Parsed {
    target: Wanted,
    list: ListLookup,
    list_field: Field,
    contact_phone: Option<PhoneNumber>,
    metadata: Metadata,
    code: Option<Code>,
    fallback_url: Option<WebUrl>,
}

impl Parsed {
    fn of(account: &account::Model, new: &NewShortLink, now: Timestamp) -> Result<Self, CreateError> {
        if !account.products.0.contains(&account::Product::Sms) {
            return Err(CreateError::ProductNotEnabled);
        }
        if new.offer_id.is_none() && new.url.is_none() {
            return Err(CreateError::MissingUrlOrOffer);
        }
        if new.list_id.is_none() && new.phone_number.is_none() {
            return Err(CreateError::MissingListIdentifier);
        }
        let target = match (&new.offer_id, &new.url) {
            (None, Some(url)) => Wanted::Url(web_url(Field::Url, url)?),
            (offer, _) => Wanted::Offer(offer.as_ref().and_then(|id| id.parse().ok())),
        };
        let (list, list_field) = match (new.list_id, &new.phone_number) {
            (None, Some(number)) => {
                let number = phone(Field::PhoneNumber, number)?;
                (ListLookup::PhoneNumber(number.into_string()), Field::PhoneNumber)
            }
            (number, _) => (ListLookup::ListId(number.unwrap_or_default()), Field::ListId),
        };
        let contact_phone = new
            .contact_phone
            .as_deref()
            .map(|number| phone(Field::ContactPhone, number));
        let contact_phone = contact_phone.transpose()?;
        let metadata = new
            .metadata
            .clone()
            .map_or_else(|| Ok(Metadata::empty()), Metadata::parse)?;
        let code = new.code.as_deref().map(Code::parse).transpose()?;
        // A later year has no four digits, which a time of RFC 3339 must have.
        if (new.expires_at).is_some_and(|end| Timestamp::from(end) <= now || end.year() > LAST_YEAR) {
            return Err(CreateError::InvalidExpiry(Field::ExpiresAt));
        }
        if new.max_clicks.is_some_and(|most| most < 1) {
            return Err(CreateError::InvalidExpiry(Field::MaxClicks));
        }
        let fallback_url = new
            .fallback_url
            .as_deref()
            .map(|url| web_url(Field::FallbackUrl, url));
        Ok(Self {
            target,
            list,
            list_field,
            contact_phone,
            metadata,
            code,
            fallback_url: fallback_url.transpose()?,
        })
    }
}

fn web_url(field: Field, text: &str) -> Result<WebUrl, CreateError> {
    WebUrl::parse(text).map_err(|invalid: InvalidUrl| CreateError::InvalidUrl(field, invalid.into()))
}

fn phone(field: Field, text: &str) -> Result<PhoneNumber, CreateError> {
    PhoneNumber::parse(text).map_err(|invalid| CreateError::InvalidPhone(field, invalid))
}
