//! Who is asking: the account and the key.

use std::collections::BTreeMap;

use async_graphql::{Description, Enum, ID, Json, Object, SimpleObject};
use chrono::{DateTime, Utc};
use entity::account;

use super::{api_key::ApiKey, connection::Identified};
use crate::accounts::Principal;

/// Whether an account's keys work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "account::Status")]
pub enum AccountStatus {
    /// The account works.
    Active,
    /// Every request with its keys is refused; links that were sent out still work.
    Suspended,
}

/// Something an account can have bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "account::Product")]
pub enum Product {
    /// Short links for text messages.
    Sms,
}

/// Who is asking: what a key opens, and the key itself.
#[derive(Debug, SimpleObject)]
pub(super) struct Viewer {
    /// The account that the key opens. Whatever is read or made with the key belongs to it.
    pub account: Account,
    /// The key that the request was sent with.
    pub api_key: ApiKey,
}

impl From<&Principal> for Viewer {
    fn from(principal: &Principal) -> Self {
        Self {
            account: Account(principal.account.clone()),
            api_key: ApiKey(principal.key.clone()),
        }
    }
}

/// A tenant of this server. Accounts see nothing of each other.
#[derive(Clone, Debug, Description)]
pub(super) struct Account(pub account::Model);

impl Identified for Account {
    fn node_id(&self) -> String {
        self.0.id.to_string()
    }
}

#[Object(use_type_description)]
impl Account {
    /// Names the account: `acct_` and 32 hexadecimal digits.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether its keys work.
    async fn status(&self) -> AccountStatus {
        self.0.status.into()
    }

    /// What it has bought. `createShortLink` needs `SMS`. The operator of the server gives products, by the command
    /// `linkhop account enable`.
    async fn products(&self) -> Vec<Product> {
        self.0
            .products
            .0
            .iter()
            .map(|product| (*product).into())
            .collect()
    }

    /// How its links are made.
    async fn settings(&self) -> AccountSettings {
        let row = &self.0;
        AccountSettings {
            default_filter_bots: row.default_filter_bots,
            tune_link_parameter: row.tune_link_parameter.clone(),
            tune_click_parameter: row.tune_click_parameter.clone(),
            everflow_link_parameter: row.everflow_link_parameter.clone(),
            everflow_click_parameter: row.everflow_click_parameter.clone(),
            global_offer_parameters: Json(row.global_offer_parameters.0.clone()),
        }
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at.utc()
    }
}

/// How an account's links are made.
#[derive(Clone, Debug, SimpleObject)]
pub(super) struct AccountSettings {
    /// Whether bots see a preview page on links where neither the call nor the offer said so; false unless changed.
    pub default_filter_bots: bool,
    /// Query parameter that a TUNE offer's destination gets with the link's code; `aff_sub` unless changed.
    pub tune_link_parameter: String,
    /// Query parameter that a TUNE offer's destination gets with the click's id; `aff_click_id` unless changed.
    pub tune_click_parameter: String,
    /// Query parameter that an Everflow offer's destination gets with the link's code; `sub1` unless changed.
    pub everflow_link_parameter: String,
    /// Query parameter that an Everflow offer's destination gets with the click's id; `sub2` unless changed.
    pub everflow_click_parameter: String,
    /// Query parameters that every offer's destination gets, unless the offer has one of that name: a JSON object
    /// of names and texts, such as `{"utm_source": "sms"}`.
    pub global_offer_parameters: Json<BTreeMap<String, String>>,
}
