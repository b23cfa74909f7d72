//! Making and changing offers.

use entity::{OfferId, Timestamp, audit_entry::Action, offer};
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, IntoActiveModel};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    accounts::{Actor, Audited, audit, locked},
    catalog::{
        blocked::List,
        domain::{ServerHosts, Unwanted},
        set,
    },
    store::{Store, again, met_another},
    values::{
        metadata::{InvalidMetadata, Metadata},
        name::{InvalidName, Name},
        payout::{InvalidPayout, Payout},
        template::{InvalidTemplate, Template},
    },
};

/// What a new offer is to be.
#[derive(Clone, Debug)]
pub struct NewOffer {
    /// What people call it.
    pub name: String,
    /// The URL that links lead to, with macros.
    pub tracking_url: String,
    /// All else.
    pub rest: OfferChange,
}

/// What is to be different about an offer; `None` leaves it as it is, an inner one clears it.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the field of that name of an offer")]
pub struct OfferChange {
    pub name: Option<String>,
    pub tracking_url: Option<String>,
    pub platform: Option<Option<offer::Platform>>,
    pub external_id: Option<Option<String>>,
    pub payout: Option<Option<String>>,
    pub payout_currency: Option<Option<String>>,
    pub payout_type: Option<Option<offer::PayoutType>>,
    pub filter_bots: Option<Option<bool>>,
    pub status: Option<offer::Status>,
    /// Merged into what is there; cleared altogether by an inner `None`.
    pub metadata: Option<Option<Value>>,
}

/// What is wrong with an offer as it is to be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidOffer {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The tracking URL is none.
    #[error(transparent)]
    TrackingUrl(#[from] InvalidTemplate),
    /// The tracking URL leads to a domain of this server, so each of its links would lead in a circle.
    #[error("the tracking URL leads to a domain of this server")]
    Loop,
    /// The tracking URL leads to a host that is blocked.
    #[error("{0}")]
    Blocked(List),
    /// The id on the platform is none.
    #[error("an external id has the form of a name: {0}")]
    ExternalId(InvalidName),
    /// The payout is none.
    #[error(transparent)]
    Payout(#[from] InvalidPayout),
    /// The metadata can't be kept.
    #[error(transparent)]
    Metadata(#[from] InvalidMetadata),
}

/// Why no offer was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// It can't be as it is to be.
    #[error(transparent)]
    Invalid(#[from] InvalidOffer),
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

/// Why an offer was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The account has no offer with that id.
    #[error("no such offer")]
    NotFound,
    /// It can't be as it is to be.
    #[error(transparent)]
    Invalid(#[from] InvalidOffer),
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

/// Makes an offer of the account.
///
/// # Errors
/// With the first thing that is wrong. Nothing is stored then.
pub async fn create(
    store: &Store,
    hosts: &ServerHosts,
    actor: Actor,
    new: NewOffer,
    now: Timestamp,
) -> Result<offer::Model, CreateError> {
    let mut change = OfferChange {
        name: Some(new.name),
        tracking_url: Some(new.tracking_url),
        ..new.rest
    };
    let mut row = offer::Model {
        id: OfferId::at(now),
        account_id: actor.account,
        name: String::new(),
        tracking_url: String::new(),
        platform: None,
        external_id: None,
        payout: None,
        payout_currency: None,
        payout_type: None,
        filter_bots: None,
        status: offer::Status::Active,
        metadata: json!({}),
        created_at: now,
    };
    let metadata = change.metadata.take().flatten();
    let template = template::<CreateError>(hosts, &change).await?;
    apply(&mut row, &change, template)?;
    if let Some(metadata) = metadata {
        row.metadata = Metadata::parse(metadata).map_err(InvalidOffer::from)?.into_json();
    }
    let transaction = store.begin().await?;
    let made = row.into_active_model().insert(&*transaction).await?;
    audit::record(&*transaction, actor, Action::OfferCreated, None, &made, now).await?;
    transaction.commit().await?;
    Ok(made)
}

/// Changes an offer of the account. Links that were made before keep their destinations.
///
/// # Errors
/// With the first thing that is wrong. Nothing is stored then.
pub async fn update(
    store: &Store,
    hosts: &ServerHosts,
    actor: Actor,
    id: OfferId,
    change: &OfferChange,
    now: Timestamp,
) -> Result<offer::Model, UpdateError> {
    let template = template::<UpdateError>(hosts, change).await?;
    let in_the_way =
        |error: &UpdateError| matches!(error, UpdateError::Database(error) if met_another(error));
    let changed = again(in_the_way, async || {
        let transaction = store.begin().await?;
        let which = offer::Column::Id.eq(id);
        let before = locked::<offer::Entity>(&transaction, actor.account, which).await?;
        let before = before.ok_or(UpdateError::NotFound)?;
        let mut row = before.clone();
        apply(&mut row, change, template.clone())?;
        let changed = row.into_active_model().reset_all().update(&*transaction).await?;
        let action = Action::OfferUpdated;
        audit::record(&*transaction, actor, action, Some(&before), &changed, now).await?;
        transaction.commit().await?;
        Ok(changed)
    });
    changed.await
}

/// Archives an offer of the account; one that is archived stays so. `None` where the account has none with that id.
///
/// # Errors
/// When the database does not answer.
pub async fn archive(
    store: &Store,
    actor: Actor,
    id: OfferId,
    now: Timestamp,
) -> Result<Option<offer::Model>, DbErr> {
    let which = offer::Column::Id.eq(id);
    let archived = (offer::Column::Status, offer::Status::Archived.into());
    let what = (actor, Action::OfferArchived, now);
    set::<offer::Entity>(store, what, which, archived, || {}).await
}

impl Audited for offer::Model {
    fn subject(&self) -> Uuid {
        self.id.into()
    }

    fn facts(&self) -> Value {
        json!({
            "name": self.name,
            "trackingUrl": self.tracking_url,
            "platform": self.platform,
            "externalId": self.external_id,
            "payout": self.payout,
            "payoutCurrency": self.payout_currency,
            "payoutType": self.payout_type,
            "filterBots": self.filter_bots,
            "status": self.status,
            "metadata": self.metadata,
        })
    }
}

/// The tracking URL, if there is to be another.
async fn template<E: From<InvalidOffer> + From<DbErr>>(
    hosts: &ServerHosts,
    change: &OfferChange,
) -> Result<Option<Template>, E> {
    let Some(text) = &change.tracking_url else {
        return Ok(None);
    };
    let template = Template::parse(text).map_err(InvalidOffer::from)?;
    match hosts.unwanted(template.address()).await? {
        None => Ok(Some(template)),
        Some(Unwanted::Loop) => Err(InvalidOffer::Loop.into()),
        Some(Unwanted::Blocked(list)) => Err(InvalidOffer::Blocked(list).into()),
    }
}

fn apply(
    row: &mut offer::Model,
    change: &OfferChange,
    tracking_url: Option<Template>,
) -> Result<(), InvalidOffer> {
    if let Some(name) = &change.name {
        row.name = Name::parse(name)?.into();
    }
    if let Some(template) = tracking_url {
        row.tracking_url = template.into();
    }
    if let Some(external_id) = &change.external_id {
        let external_id = external_id.as_deref().map(Name::parse).transpose();
        row.external_id = external_id.map_err(InvalidOffer::ExternalId)?.map(Into::into);
    }
    row.platform = change.platform.unwrap_or(row.platform);
    row.filter_bots = change.filter_bots.unwrap_or(row.filter_bots);
    row.status = change.status.unwrap_or(row.status);
    apply_payout(row, change)?;
    if let Some(metadata) = &change.metadata {
        row.metadata = match metadata {
            Some(changes) => Metadata::merge(row.metadata.take(), changes.clone())?,
            None => Metadata::empty(),
        }
        .into_json();
    }
    Ok(())
}

fn apply_payout(row: &mut offer::Model, change: &OfferChange) -> Result<(), InvalidPayout> {
    if change.payout.is_none() && change.payout_currency.is_none() && change.payout_type.is_none() {
        return Ok(());
    }
    if change.payout == Some(None) {
        // What is paid nothing for is paid in no currency either.
        (row.payout_currency, row.payout_type) = (None, None);
    }
    let currency = change.payout_currency.as_ref().unwrap_or(&row.payout_currency);
    let payout = Payout::parse(
        change.payout.as_ref().unwrap_or(&row.payout).as_deref(),
        currency.as_deref(),
        change.payout_type.unwrap_or(row.payout_type),
    )?;
    row.payout_type = payout.as_ref().map(|payout| payout.of);
    let texts = payout.map(|payout| (payout.amount, payout.currency));
    (row.payout, row.payout_currency) = texts.unzip();
    Ok(())
}
