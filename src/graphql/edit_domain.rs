//! Mutations of domains.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Result, SimpleObject, Union};
use entity::{DomainId, api_key::Scope, domain};

use super::{
    domain::{Domain, DomainScheme, DomainStatus},
    error::{internal, principal},
    user_error::{
        Complaint, DomainNotFoundError, HostInUseError, InvalidHostError, InvalidUrlError, blocked,
    },
};
use crate::{
    accounts::Actor,
    app::App,
    catalog::domain::{
        CreateError, DomainChange, InvalidDomain, NewDomain, UpdateError, UrlField, archive, create, update,
    },
};

/// What a domain is to be. `host` is required; all else is optional.
#[derive(Clone, Debug, InputObject)]
pub struct CreateDomainInput {
    /// The host alone, such as `go.example.com`, with a port only where that is not the scheme's own. It must lead to this
    /// server. Stored in lower case and punycode. No wildcard, and no public suffix such as `co.uk`.
    host: String,
    /// What short URLs on it start with; `HTTPS` if null.
    scheme: Option<DomainScheme>,
    /// Where a visitor of the bare host is sent, an absolute http or https URL that leads to no domain of this server; a
    /// plain page if null.
    root_url: Option<String>,
    /// Where a visitor of a link that no longer works is sent, unless the link says; of the same form as `rootUrl`, a plain
    /// page if null.
    fallback_url: Option<String>,
}

impl From<CreateDomainInput> for NewDomain {
    fn from(input: CreateDomainInput) -> Self {
        Self {
            host: input.host,
            scheme: input.scheme.map_or(domain::Scheme::Https, Into::into),
            root_url: input.root_url,
            fallback_url: input.fallback_url,
        }
    }
}

/// What is to be different about a domain. What is left out stays; null clears what may be empty and leaves what may not.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateDomainInput {
    /// Which domain: `domain_` and 32 hexadecimal digits.
    id: ID,
    /// Another host. Links that were sent out stop working under the host before, at once.
    host: Option<String>,
    /// Another start of its short URLs.
    scheme: Option<DomainScheme>,
    /// Another place for visitors of the bare host; null for a plain page.
    root_url: MaybeUndefined<String>,
    /// Another place for visitors of links that no longer work; null for a plain page.
    fallback_url: MaybeUndefined<String>,
    /// Another status: `ACTIVE` allows new links again after archiving.
    status: Option<DomainStatus>,
}

impl From<UpdateDomainInput> for DomainChange {
    fn from(input: UpdateDomainInput) -> Self {
        Self {
            host: input.host,
            scheme: input.scheme.map(Into::into),
            status: input.status.map(Into::into),
            root_url: input.root_url.into(),
            fallback_url: input.fallback_url.into(),
        }
    }
}

/// The domain was made.
#[derive(Debug, SimpleObject)]
pub(super) struct CreateDomainSuccess {
    /// The new domain; its `id` is what `createSendingList` takes as `domainId`.
    domain: Domain,
}

/// The domain was changed.
#[derive(Debug, SimpleObject)]
pub(super) struct UpdateDomainSuccess {
    /// The domain as it is now.
    domain: Domain,
}

/// The domain is archived.
#[derive(Debug, SimpleObject)]
pub(super) struct ArchiveDomainSuccess {
    /// The domain, with the status `ARCHIVED`.
    domain: Domain,
}

/// The new domain, or the first thing that is wrong with the input. Every error is a `UserError`.
#[derive(Debug, Union)]
pub(super) enum CreateDomainResult {
    /// It is made.
    Success(CreateDomainSuccess),
    /// Code `INVALID_HOST`.
    InvalidHost(InvalidHostError),
    /// Code `HOST_IN_USE`.
    HostInUse(HostInUseError),
    /// Code `INVALID_URL`.
    InvalidUrl(InvalidUrlError),
}

/// The changed domain, or the first thing that is wrong with the input. Every error is a `UserError`.
#[derive(Debug, Union)]
pub(super) enum UpdateDomainResult {
    /// It is changed.
    Success(UpdateDomainSuccess),
    /// Code `DOMAIN_NOT_FOUND`.
    DomainNotFound(DomainNotFoundError),
    /// Code `INVALID_HOST`.
    InvalidHost(InvalidHostError),
    /// Code `HOST_IN_USE`.
    HostInUse(HostInUseError),
    /// Code `INVALID_URL`.
    InvalidUrl(InvalidUrlError),
}

/// The archived domain, or that there is none. Every error is a `UserError`.
#[derive(Debug, Union)]
pub(super) enum ArchiveDomainResult {
    /// It is archived.
    Success(ArchiveDomainSuccess),
    /// Code `DOMAIN_NOT_FOUND`.
    DomainNotFound(DomainNotFoundError),
}

/// Makes a domain of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn create_domain(
    context: &Context<'_>,
    input: CreateDomainInput,
) -> Result<CreateDomainResult> {
    let actor = Actor::from(principal(context, Scope::Admin)?);
    let app = context.data_unchecked::<App>();
    match create(&app.store, &app.hosts, actor, &input.into(), app.clock.now()).await {
        Ok(row) => Ok(CreateDomainSuccess { domain: Domain(row) }.into()),
        Err(CreateError::Invalid(reason)) => Ok(invalid(reason)),
        Err(CreateError::Database(error)) => Err(internal(error)),
    }
}

/// Changes a domain of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn update_domain(
    context: &Context<'_>,
    input: UpdateDomainInput,
) -> Result<UpdateDomainResult> {
    let actor = Actor::from(principal(context, Scope::Admin)?);
    let app = context.data_unchecked::<App>();
    let not_found = || Ok(DomainNotFoundError::from(Complaint::new(&["input", "id"], NOT_FOUND)).into());
    let Ok(id) = input.id.parse::<DomainId>() else {
        return not_found();
    };
    match update(&app.store, &app.hosts, actor, id, &input.into(), app.clock.now()).await {
        Ok(row) => Ok(UpdateDomainSuccess { domain: Domain(row) }.into()),
        Err(UpdateError::NotFound) => not_found(),
        Err(UpdateError::Invalid(reason)) => Ok(invalid(reason)),
        Err(UpdateError::Database(error)) => Err(internal(error)),
    }
}

/// Archives a domain of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn archive_domain(context: &Context<'_>, id: &ID) -> Result<ArchiveDomainResult> {
    let actor = Actor::from(principal(context, Scope::Admin)?);
    let app = context.data_unchecked::<App>();
    let row = match id.parse::<DomainId>() {
        Ok(id) => archive(&app.store, &app.hosts, actor, id, app.clock.now())
            .await
            .map_err(internal)?,
        Err(_) => None,
    };
    Ok(match row {
        Some(row) => ArchiveDomainSuccess { domain: Domain(row) }.into(),
        None => DomainNotFoundError::from(Complaint::new(&["id"], NOT_FOUND)).into(),
    })
}

const NOT_FOUND: &str = "The account has no domain with this id; take one from the query domains.";

/// What the caller is told, whether a domain is made or changed.
fn invalid<R>(reason: InvalidDomain) -> R
where
    R: From<InvalidHostError> + From<HostInUseError> + From<InvalidUrlError>,
{
    let name = |field| match field {
        UrlField::RootUrl => "rootUrl",
        UrlField::FallbackUrl => "fallbackUrl",
    };
    match reason {
        InvalidDomain::Host(reason) => InvalidHostError::from(Complaint::of("host", &reason)).into(),
        InvalidDomain::HostInUse => HostInUseError::from(Complaint::new(
            &["input", "host"],
            "This host is a domain of this server already. If it is your own and archived, set its status to ACTIVE with \
             updateDomain; else choose another host.",
        ))
        .into(),
        InvalidDomain::Url(field, reason) => {
            let message = format!("{} can't be used: {reason}.", name(field));
            InvalidUrlError::from(Complaint::new(&["input", name(field)], message)).into()
        }
        InvalidDomain::Blocked(field, list) => {
            InvalidUrlError::from(Complaint::new(&["input", name(field)], blocked(list))).into()
        }
        InvalidDomain::Loop(field) => InvalidUrlError::from(Complaint::new(
            &["input", name(field)],
            "It leads to a domain of this server, so visitors could be sent in a circle; give a page elsewhere.",
        ))
        .into(),
    }
}
