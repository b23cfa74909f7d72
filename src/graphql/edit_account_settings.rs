//! The mutation of an account's settings.

use async_graphql::{Context, InputObject, Result, SimpleObject, Union};
use entity::api_key::Scope;
use serde_json::Value;

use super::{
    account::Account,
    error::{internal, principal},
    user_error::{Complaint, InvalidParameterError},
};
use crate::{
    accounts::{Actor, ParameterField, SettingsChange, SettingsError, update_settings},
    app::App,
};

/// What is to be different about an account's settings. What is left out, or null, stays.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateAccountSettingsInput {
    /// Whether bots are to see a preview page on links where neither the call nor the offer says.
    default_filter_bots: Option<bool>,
    /// Query parameter that TUNE destinations get with the link's code, such as `aff_sub`: 1 to 64 of
    /// `A-Z a-z 0-9 _ - . [ ]`.
    tune_link_parameter: Option<String>,
    /// Query parameter that TUNE destinations get with the click's id, such as `aff_click_id`: formed like
    /// `tuneLinkParameter`, and another than it.
    tune_click_parameter: Option<String>,
    /// Query parameter that Everflow destinations get with the link's code, such as `sub1`: 1 to 64 of
    /// `A-Z a-z 0-9 _ - . [ ]`.
    everflow_link_parameter: Option<String>,
    /// Query parameter that Everflow destinations get with the click's id, such as `sub2`: formed like
    /// `everflowLinkParameter`, and another than it.
    everflow_click_parameter: Option<String>,
    /// Merged into the query parameters that every offer's destination gets, name by name: a string of at most 500
    /// characters sets one, null removes one, others stay; at most 20 in all. Names
    /// are 1 to 64 of `A-Z a-z 0-9 _ - . [ ]`. Such as `{"utm_source": "sms"}`. Values are
    /// sent as they are: no macros.
    global_offer_parameters: Option<Value>,
}

impl From<UpdateAccountSettingsInput> for SettingsChange {
    fn from(input: UpdateAccountSettingsInput) -> Self {
        Self {
            default_filter_bots: input.default_filter_bots,
            tune_link_parameter: input.tune_link_parameter,
            tune_click_parameter: input.tune_click_parameter,
            everflow_link_parameter: input.everflow_link_parameter,
            everflow_click_parameter: input.everflow_click_parameter,
            global_offer_parameters: input.global_offer_parameters,
        }
    }
}

/// The settings were changed.
#[derive(Debug, SimpleObject)]
pub(super) struct UpdateAccountSettingsSuccess {
    /// The account with its settings as they are now.
    account: Account,
}

/// The account with its changed settings, or the first thing that is wrong with the input. Every error is a `UserError`.
#[derive(Debug, Union)]
pub(super) enum UpdateAccountSettingsResult {
    /// They are changed.
    Success(UpdateAccountSettingsSuccess),
    /// Code `INVALID_PARAMETER`.
    InvalidParameter(InvalidParameterError),
}

/// Changes the settings of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn update_account_settings(
    context: &Context<'_>,
    input: UpdateAccountSettingsInput,
) -> Result<UpdateAccountSettingsResult> {
    let actor = Actor::from(principal(context, Scope::Admin)?);
    let app = context.data_unchecked::<App>();
    let invalid = |field: &ParameterField, reason: String| {
        Ok(InvalidParameterError::from(Complaint::of_path(&path(field), &reason)).into())
    };
    match update_settings(&app.store, actor, &input.into(), app.clock.now()).await {
        Ok(row) => Ok(UpdateAccountSettingsSuccess { account: Account(row) }.into()),
        Err(SettingsError::Invalid(field, reason)) => invalid(&field, reason.to_string()),
        Err(SettingsError::SameName(field)) => invalid(
            &field,
            "the link's parameter and the click's have the same name, so one would take the other's place; give another"
                .to_owned(),
        ),
        Err(SettingsError::Database(error)) => Err(internal(error)),
    }
}

fn path(field: &ParameterField) -> Vec<&str> {
    let (name, parameter) = match field {
        ParameterField::TuneLinkParameter => ("tuneLinkParameter", None),
        ParameterField::TuneClickParameter => ("tuneClickParameter", None),
        ParameterField::EverflowLinkParameter => ("everflowLinkParameter", None),
        ParameterField::EverflowClickParameter => ("everflowClickParameter", None),
        ParameterField::GlobalOfferParameters(parameter) => ("globalOfferParameters", parameter.as_deref()),
    };
    ["input", name].into_iter().chain(parameter).collect()
}
