//! Sending lists.

use async_graphql::{Context, Description, Enum, ID, Object, OneofObject, Result};
use chrono::{DateTime, Utc};
use entity::sending_list;
use serde_json::Value;

use super::{
    click::{ClickStats, stats},
    connection::Identified,
    domain::Domain,
    loader::load,
    usage::{LinkUsage, USAGE, usage},
};
use crate::{clicks::report::Subject, links::usage::Through};

/// Whether links may be made for a sending list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "sending_list::Status")]
pub enum SendingListStatus {
    /// Links may be made.
    Active,
    /// No new links for now; those that were sent out still work.
    Paused,
    /// Deleted, until it is made `ACTIVE` again: no new links; those that were sent out still work.
    Archived,
}

/// The one way in which a sending list is named.
#[derive(Clone, Debug, OneofObject)]
pub(super) enum SendingListLookup {
    /// By its id: `list_` and 32 hexadecimal digits.
    Id(ID),
    /// By its number in the account, such as `42`.
    ListId(i32),
    /// By the number it sends from, E.164 such as `+18005551234`.
    PhoneNumber(String),
}

/// Who a text message is sent from: a phone number with its brand, and the domain that its links live on.
#[derive(Clone, Debug, Description)]
pub(super) struct SendingList(pub sending_list::Model);

impl From<sending_list::Model> for SendingList {
    fn from(row: sending_list::Model) -> Self {
        Self(row)
    }
}

impl Identified for SendingList {
    fn node_id(&self) -> String {
        self.0.id.to_string()
    }
}

#[Object(use_type_description)]
impl SendingList {
    /// Names the list in the server: `list_` and 32 hexadecimal digits.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Names the list in the account; what `createShortLink` takes.
    async fn list_id(&self) -> i32 {
        self.0.list_id
    }

    /// The number that messages come from, E.164; unique in the account.
    async fn phone_number(&self) -> &str {
        &self.0.phone_number
    }

    /// The brand that recipients know.
    async fn brand_name(&self) -> &str {
        &self.0.brand_name
    }

    /// Whether links may be made for it.
    async fn status(&self) -> SendingListStatus {
        self.0.status.into()
    }

    /// What the account keeps with it: a JSON object.
    async fn metadata(&self) -> &Value {
        &self.0.metadata
    }

    /// Where its links live; none can be made while it is null or archived.
    async fn domain(&self, context: &Context<'_>) -> Result<Option<Domain>> {
        match self.0.domain_id {
            Some(id) => Ok(load(context, id).await?.map(Domain)),
            None => Ok(None),
        }
    }

    /// How often links that were made for it were clicked, by people and by bots, as of now.
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
        stats(context, Subject::List(self.0.id), from, before).await
    }

    /// What was sent from it and still redirects, also once it is archived.
    #[graphql(complexity = "USAGE + child_complexity")]
    async fn usage(&self, context: &Context<'_>) -> Result<LinkUsage> {
        usage(context, Through::List, self.0.id).await
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at.utc()
    }
}
