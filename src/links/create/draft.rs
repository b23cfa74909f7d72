//! Links on their way to be stored.

use std::sync::Arc;

use entity::{AccountId, ShortLinkId, account, domain, offer, sending_list, short_link};

use super::{CreateError, Created, Field, Making, Parsed, Tools, Wanted, refuse_unwanted};
use crate::{
    catalog::sending_list::{ListLookup, ListWithDomain},
    links::{code::Code, destination::Destination},
    store::{NewLink, ReadError},
    values::{phone::PhoneNumber, template::Creation},
};

/// A list that issues links, and the domain that these live on if it has an active one.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    list: Arc<ListWithDomain>,
    domain: Option<Arc<domain::Model>>,
}

impl Sender {
    /// The list of the account that is so named.
    pub(super) async fn find(
        tools: Tools<'_>,
        account: AccountId,
        by: ListLookup,
    ) -> Result<Option<Self>, ReadError> {
        let list = tools.lists.find(account, by).await?;
        Ok(list.map(|list| {
            let domain = list.1.as_ref();
            let domain = domain.filter(|domain| domain.status == domain::Status::Active);
            let domain = domain.cloned().map(Arc::new);
            Self { list, domain }
        }))
    }

    /// The list and its domain, of a sender that was found by `field`.
    pub(super) fn with_domain(
        sender: Option<&Self>,
        field: Field,
    ) -> Result<(&Self, &Arc<domain::Model>), CreateError> {
        let sender = sender.ok_or(CreateError::ListNotFound(field))?;
        let domain = sender.domain.as_ref();
        let domain = domain.ok_or(CreateError::NoDomainConfigured(field))?;
        Ok((sender, domain))
    }

    fn list(&self) -> &sending_list::Model {
        &self.list.0
    }
}

/// What a link leads to.
enum Target {
    Url(Destination),
    Offer(Arc<offer::Model>),
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
}

/// A link that lacks nothing, and what it takes to give it another code.
pub(super) struct Draft<'a> {
    /// What is to be stored.
    pub(super) link: NewLink,
    plan: Plan<'a>,
}

/// What a link's code and destination come from.
pub(super) struct Plan<'a> {
    sender: Sender,
    domain: Arc<domain::Model>,
    /// The offer whose destination holds the link's code.
    offer: Option<Arc<offer::Model>>,
    is_custom: bool,
    /// Those that are tried next.
    codes: Box<dyn Iterator<Item = Code> + Send + 'a>,
}

impl<'a> Draft<'a> {
    /// What comes of an input whose list and offer were looked up; it has its first code.
    pub(super) async fn of(
        making: Making<'a>,
        parsed: Parsed,
        sender: &Sender,
        domain: &Arc<domain::Model>,
        offer: Option<Arc<offer::Model>>,
    ) -> Result<Self, CreateError> {
        let Making {
            tools, account, now, ..
        } = making;
        let target = match parsed.target {
            Wanted::Url(url) => Target::Url(Destination::of_url(url)),
            Wanted::Offer(_) => Target::Offer(offer.ok_or(CreateError::OfferNotFound)?),
        };
        let mut row = short_link::Model {
            id: ShortLinkId::at(now),
            account_id: account.id,
            domain_id: domain.id,
            code: String::new(),
            destination: String::new(),
            sending_list_id: sender.list().id,
            offer_id: target.offer().map(|offer| offer.id),
            contact_phone: parsed.contact_phone.map(PhoneNumber::into_string),
            metadata: parsed.metadata.into_json(),
            filter_bots: parsed
                .filter_bots
                .or(target.offer().and_then(|offer| offer.filter_bots))
                .unwrap_or(account.default_filter_bots),
            status: short_link::Status::Active,
            expires_at: parsed.expires_at,
            max_clicks: parsed.max_clicks,
            fallback_url: None,
            created_at: now,
            exhausted_at: None,
            api_key_id: making.actor.key,
        };
        if let Some(fallback) = parsed.fallback_url {
            refuse_unwanted(tools.hosts, Field::FallbackUrl, &fallback).await?;
            row.fallback_url = Some(fallback.into());
        }
        let is_custom = parsed.code.is_some();
        let mut codes: Box<dyn Iterator<Item = Code> + Send + 'a> = match parsed.code {
            Some(custom) => Box::new(std::iter::once(custom)),
            None => Box::new(tools.codes.codes()),
        };
        let code = codes.next().ok_or(CreateError::IdCollision)?;
        let field = target.field();
        let (destination, offer) = match target {
            Target::Url(destination) => (destination, None),
            Target::Offer(offer) => {
                let destination = of_offer(&offer, account, sender.list(), &row, &code)?;
                (destination, Some(offer))
            }
        };
        // Its host does not depend on the code, so one look is enough.
        refuse_unwanted(tools.hosts, field, destination.address()).await?;
        row.code = code.into();
        row.destination = destination.into();
        Ok(Self {
            link: NewLink { row, key: None },
            plan: Plan {
                sender: sender.clone(),
                domain: Arc::clone(domain),
                offer,
                is_custom,
                codes,
            },
        })
    }

    /// Gives the link the next code, since the one it has is in use.
    pub(super) fn draw_again(
        &mut self,
        tools: Tools<'_>,
        account: &account::Model,
    ) -> Result<(), CreateError> {
        if !self.plan.is_custom {
            tools.codes.drawn.note_in_use();
        }
        let Some(code) = self.plan.codes.next() else {
            return Err(if self.plan.is_custom {
                CreateError::CodeTaken
            } else {
                CreateError::IdCollision
            });
        };
        let row = &mut self.link.row;
        if let Some(offer) = &self.plan.offer {
            row.destination = of_offer(offer, account, self.plan.sender.list(), row, &code)?.into();
        }
        row.code = code.into();
        Ok(())
    }

    /// Taken apart, so that the link alone can be handed over.
    pub(super) fn into_parts(self) -> (NewLink, Plan<'a>) {
        (self.link, self.plan)
    }

    /// Put together again.
    pub(super) fn from_parts(link: NewLink, plan: Plan<'a>) -> Self {
        Self { link, plan }
    }

    /// Whether its code was asked for.
    pub(super) const fn is_custom(&self) -> bool {
        self.plan.is_custom
    }

    /// What is answered once it is stored. A code that was drawn was free.
    pub(super) fn stored(self, tools: Tools<'_>) -> Created {
        if !self.plan.is_custom {
            tools.codes.drawn.note_free();
        }
        self.created()
    }

    /// What would be answered if it were stored.
    pub(super) fn created(self) -> Created {
        Created {
            link: self.link.row,
            domain: self.plan.domain,
            replayed: false,
        }
    }
}

fn of_offer(
    offer: &offer::Model,
    account: &account::Model,
    list: &sending_list::Model,
    link: &short_link::Model,
    code: &Code,
) -> Result<Destination, CreateError> {
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
