//! What links lead to.

use entity::{account, offer, sending_list, short_link};

use super::{CreateError, Field};
use crate::{
    links::{code::Code, destination::Destination},
    values::template::Creation,
};

/// What the link leads to.
pub(super) enum Target {
    Url(Destination),
    Offer(Box<offer::Model>),
}

impl Target {
    pub(super) fn offer(&self) -> Option<&offer::Model> {
        match self {
            Self::Url(_) => None,
            Self::Offer(offer) => Some(offer),
        }
    }

    pub(super) const fn field(&self) -> Field {
        match self {
            Self::Url(_) => Field::Url,
            Self::Offer(_) => Field::OfferId,
        }
    }

    pub(super) fn destination(
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
