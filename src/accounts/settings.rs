//! How an account's links are made.

use entity::{Timestamp, account, audit_entry::Action};
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, IntoActiveModel, QuerySelect, sea_query::LockType};
use serde_json::Value;

use super::{Actor, audit};
use crate::{
    store::{Store, again, met_another},
    values::parameters::{self, InvalidParameter},
};

/// What is to be different about an account's settings; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the field of that name of an account")]
pub struct SettingsChange {
    pub default_filter_bots: Option<bool>,
    pub tune_link_parameter: Option<String>,
    pub tune_click_parameter: Option<String>,
    pub everflow_link_parameter: Option<String>,
    pub everflow_click_parameter: Option<String>,
    /// Merged into what is there; null removes one.
    pub global_offer_parameters: Option<Value>,
}

/// A setting that names query parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the field of that name")]
pub enum ParameterField {
    TuneLinkParameter,
    TuneClickParameter,
    EverflowLinkParameter,
    EverflowClickParameter,
    /// With the parameter's name, if it is about one.
    GlobalOfferParameters(Option<String>),
}

/// Why settings were not changed.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A name or value is none that a query parameter can have.
    #[error("{1}")]
    Invalid(ParameterField, InvalidParameter),
    /// A platform's link and click parameter are the same, so one would take the other's place.
    #[error("the link's parameter and the click's have the same name")]
    SameName(ParameterField),
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

/// Changes the account's settings. Links that were made before keep their destinations.
///
/// # Errors
/// With the first thing that is wrong. Nothing is stored then.
pub async fn update_settings(
    store: &Store,
    actor: Actor,
    change: &SettingsChange,
    now: Timestamp,
) -> Result<account::Model, SettingsError> {
    let in_the_way =
        |error: &SettingsError| matches!(error, SettingsError::Database(error) if met_another(error));
    let changed = again(in_the_way, async || {
        let transaction = store.begin().await?;
        let before = account::Entity::find_by_id(actor.account)
            .lock(LockType::NoKeyUpdate)
            .one(&*transaction)
            .await?;
        let before = before.ok_or_else(|| DbErr::RecordNotFound(actor.account.to_string()))?;
        let mut row = before.clone();
        apply(&mut row, change)?;
        let changed = row.into_active_model().reset_all().update(&*transaction).await?;
        let action = Action::AccountSettingsUpdated;
        audit::record(&*transaction, actor, action, Some(&before), &changed, now).await?;
        transaction.commit().await?;
        Ok(changed)
    });
    changed.await
}

fn apply(row: &mut account::Model, change: &SettingsChange) -> Result<(), SettingsError> {
    use ParameterField::{
        EverflowClickParameter, EverflowLinkParameter, GlobalOfferParameters, TuneClickParameter,
        TuneLinkParameter,
    };

    row.default_filter_bots = change.default_filter_bots.unwrap_or(row.default_filter_bots);
    for (field, wanted, stored) in [
        (
            TuneLinkParameter,
            &change.tune_link_parameter,
            &mut row.tune_link_parameter,
        ),
        (
            TuneClickParameter,
            &change.tune_click_parameter,
            &mut row.tune_click_parameter,
        ),
        (
            EverflowLinkParameter,
            &change.everflow_link_parameter,
            &mut row.everflow_link_parameter,
        ),
        (
            EverflowClickParameter,
            &change.everflow_click_parameter,
            &mut row.everflow_click_parameter,
        ),
    ] {
        if let Some(name) = wanted {
            let name = parameters::name(name).map_err(|invalid| SettingsError::Invalid(field, invalid))?;
            name.clone_into(stored);
        }
    }
    if row.tune_link_parameter == row.tune_click_parameter {
        let is_click = change.tune_click_parameter.is_some();
        return Err(SettingsError::SameName(if is_click {
            TuneClickParameter
        } else {
            TuneLinkParameter
        }));
    }
    if row.everflow_link_parameter == row.everflow_click_parameter {
        let is_click = change.everflow_click_parameter.is_some();
        return Err(SettingsError::SameName(if is_click {
            EverflowClickParameter
        } else {
            EverflowLinkParameter
        }));
    }
    if let Some(changes) = &change.global_offer_parameters {
        parameters::merge(&mut row.global_offer_parameters.0, changes)
            .map_err(|(name, invalid)| SettingsError::Invalid(GlobalOfferParameters(name), invalid))?;
    }
    Ok(())
}
