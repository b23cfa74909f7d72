//! Offers.

use async_graphql::{Context, Description, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use entity::offer;
use serde_json::Value;

use super::{
    click::{ClickStats, stats},
    connection::Identified,
    usage::{LinkUsage, USAGE, usage},
};
use crate::{clicks::report::Subject, links::usage::Through};

/// A platform that tracks conversions; decides which parameters a destination gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "offer::Platform")]
pub enum OfferPlatform {
    /// TUNE, formerly `HasOffers`: the link's code as `aff_sub` and the click's id as `aff_click_id`, unless the
    /// account's settings say otherwise.
    Tune,
    /// Everflow: the link's code as `sub1` and the click's id as `sub2`, unless the account's settings say otherwise.
    Everflow,
}

/// What a payout is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "offer::PayoutType")]
pub enum PayoutType {
    /// Per action, such as a sale or a sign-up.
    Cpa,
    /// Per click.
    Cpc,
}

/// Whether links may be made for an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "offer::Status")]
pub enum OfferStatus {
    /// Links may be made.
    Active,
    /// No new links for now; those that were sent out still work.
    Paused,
    /// Deleted, until it is made `ACTIVE` again: no new links; those that were sent out still work.
    Archived,
}

/// Something that a link can lead to by name instead of by URL: a tracking URL with macros, and the platform
/// that counts its conversions.
#[derive(Clone, Debug, Description)]
pub(super) struct Offer(pub offer::Model);

impl From<offer::Model> for Offer {
    fn from(row: offer::Model) -> Self {
        Self(row)
    }
}

impl Identified for Offer {
    fn node_id(&self) -> String {
        self.0.id.to_string()
    }
}

#[Object(use_type_description)]
impl Offer {
    /// Names the offer: `offer_` and 32 hexadecimal digits. What `createShortLink` takes as `offerId`.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Where its links lead: an http or https URL with macros. `{{contact.phone}}`, `{{link.id}}`, `{{offer.id}}`,
    /// `{{offer.external_id}}`, `{{list.id}}` and `{{metadata.KEY}}` are filled when a link is made; `{{click.id}}` when it
    /// is clicked, and `{{query.NAME}}`, `{{sub1}}` to `{{sub5}}` and `{{source}}` then too, from the query that the
    /// visitor brings. One without a value becomes empty. Links that were made keep the destination that they have.
    async fn tracking_url(&self) -> &str {
        &self.0.tracking_url
    }

    /// Whose tracking parameters the destination gets; none if null.
    async fn platform(&self) -> Option<OfferPlatform> {
        self.0.platform.map(Into::into)
    }

    /// The offer's id on that platform, which `{{offer.external_id}}` becomes; null if none was given.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// What a conversion earns, a decimal number such as `12.50`; null if nobody said.
    async fn payout(&self) -> Option<&str> {
        self.0.payout.as_deref()
    }

    /// The currency of the payout, an ISO 4217 code such as `USD`; null if there is no payout.
    async fn payout_currency(&self) -> Option<&str> {
        self.0.payout_currency.as_deref()
    }

    /// What the payout is paid for; null if there is no payout.
    async fn payout_type(&self) -> Option<PayoutType> {
        self.0.payout_type.map(Into::into)
    }

    /// Whether bots see a preview page on its links; the account's default decides if null.
    async fn filter_bots(&self) -> Option<bool> {
        self.0.filter_bots
    }

    /// Whether links may be made for it.
    async fn status(&self) -> OfferStatus {
        self.0.status.into()
    }

    /// What the account keeps with it: a JSON object.
    async fn metadata(&self) -> &Value {
        &self.0.metadata
    }

    /// How often its links were clicked, archived ones too; what is archived keeps its clicks.
    async fn stats(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only clicks at this time or later; all from the first on unless given.")]
        from: Option<DateTime<Utc>>,
        #[graphql(
            desc = "Only clicks before this time, at most ten years after `from`; all up to now unless given."
        )]
        before: Option<DateTime<Utc>>,
    ) -> Result<ClickStats> {
        stats(context, Subject::Offer(self.0.id), from, before).await
    }

    /// What still leads to it: links that redirect keep its destination, also once it is archived.
    #[graphql(complexity = "USAGE + child_complexity")]
    async fn usage(&self, context: &Context<'_>) -> Result<LinkUsage> {
        usage(context, Through::Offer, self.0.id).await
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at.utc()
    }
}
