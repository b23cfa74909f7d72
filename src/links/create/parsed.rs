//! What a caller asks for, checked by itself.

use chrono::Datelike as _;
use entity::{OfferId, Timestamp};

use super::{CreateError, Field, NewShortLink};
use crate::{
    catalog::sending_list::ListLookup,
    links::code::Code,
    values::{
        metadata::Metadata,
        phone::PhoneNumber,
        web_url::{InvalidUrl, WebUrl},
    },
};

/// The last year in which a link may expire.
pub(in crate::links) const LAST_YEAR: i32 = 9999;

/// What the caller wants the link to lead to, by form.
pub(super) enum Wanted {
    Url(WebUrl),
    /// `None` for an id that no offer could have.
    Offer(Option<OfferId>),
}

/// The input, each field in a type that proves it. Only the value that wins is looked at.
pub(super) struct Parsed {
    pub(super) target: Wanted,
    pub(super) list: ListLookup,
    pub(super) list_field: Field,
    pub(super) contact_phone: Option<PhoneNumber>,
    pub(super) metadata: Metadata,
    pub(super) code: Option<Code>,
    pub(super) filter_bots: Option<bool>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) max_clicks: Option<i32>,
    pub(super) fallback_url: Option<WebUrl>,
}

/// The URL that was read last: many links of a call lead to the same one.
#[derive(Default)]
pub(super) struct LastUrl(Option<(String, WebUrl)>);

impl LastUrl {
    fn read(&mut self, text: String) -> Result<WebUrl, CreateError> {
        if let Some((known, url)) = &self.0
            && *known == text
        {
            return Ok(url.clone());
        }
        let url = web_url(Field::Url, &text)?;
        self.0 = Some((text, url.clone()));
        Ok(url)
    }
}

impl Parsed {
    pub(super) fn of(new: NewShortLink, known: &mut LastUrl, now: Timestamp) -> Result<Self, CreateError> {
        if new.offer_id.is_none() && new.url.is_none() {
            return Err(CreateError::MissingUrlOrOffer);
        }
        if new.list_id.is_none() && new.phone_number.is_none() {
            return Err(CreateError::MissingListIdentifier);
        }
        let target = match (new.offer_id, new.url) {
            (None, Some(url)) => Wanted::Url(known.read(url)?),
            (offer, _) => Wanted::Offer(offer.and_then(|id| id.parse().ok())),
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
            filter_bots: new.filter_bots,
            expires_at: new.expires_at.map(Into::into),
            max_clicks: new.max_clicks,
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
