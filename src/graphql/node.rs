//! Whatever has an id, by that id.

use async_graphql::{Context, ID, Interface, Result};
use entity::{ApiKeyId, AuditEntryId, DomainId, OfferId, SendingListId, ShortLinkId, api_key::Scope};

use super::{
    account::Account,
    api_key::ApiKey,
    audit_entry::AuditEntry,
    connection::Identified as _,
    domain::Domain,
    error::{internal, principal},
    loader::load,
    offer::Offer,
    sending_list::SendingList,
    short_link::ShortLink,
};
use crate::{accounts::audit, app::App, links::lookup};

/// Whatever has an id of its own in the server.
#[derive(Debug, Interface)]
#[graphql(field(
    name = "id",
    ty = "ID",
    desc = "Names the node in the server: a prefix that says its kind, and 32 hexadecimal digits."
))]
pub(super) enum Node {
    /// The caller's account.
    Account(Account),
    /// A key.
    ApiKey(ApiKey),
    /// An entry of the audit log.
    AuditEntry(AuditEntry),
    /// A domain.
    Domain(Domain),
    /// An offer.
    Offer(Offer),
    /// A sending list.
    SendingList(SendingList),
    /// A short link.
    ShortLink(ShortLink),
}

/// The caller's own node with that id; another account's is as good as none.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn node(context: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let principal = principal(context, Scope::Read)?;
    let id = id.as_str();
    if let Ok(id) = id.parse::<ShortLinkId>() {
        let db = &context.data_unchecked::<App>().store.read;
        let link = lookup::by_id(db, principal.account_id(), id)
            .await
            .map_err(internal)?;
        return Ok(link.map(|row| ShortLink(row).into()));
    }
    if let Ok(id) = id.parse::<OfferId>() {
        return Ok(load(context, id).await?.map(|row| Offer(row).into()));
    }
    if let Ok(id) = id.parse::<SendingListId>() {
        return Ok(load(context, id).await?.map(|row| SendingList(row).into()));
    }
    if let Ok(id) = id.parse::<DomainId>() {
        return Ok(load(context, id).await?.map(|row| Domain(row).into()));
    }
    let is_admin = principal.may(Scope::Admin);
    if let Ok(id) = id.parse::<ApiKeyId>() {
        if id == principal.key.id {
            return Ok(Some(ApiKey(principal.key.clone()).into()));
        }
        let key = if is_admin { load(context, id).await? } else { None };
        return Ok(key.map(|row| ApiKey(row).into()));
    }
    if let Ok(id) = id.parse::<AuditEntryId>() {
        if !is_admin {
            return Ok(None);
        }
        let db = &context.data_unchecked::<App>().store.read;
        let entry = audit::by_id(db, principal.account_id(), id)
            .await
            .map_err(internal)?;
        return Ok(entry.map(|row| AuditEntry(row).into()));
    }
    let account = Account(principal.account.clone());
    Ok((account.node_id() == id).then(|| account.into()))
}
