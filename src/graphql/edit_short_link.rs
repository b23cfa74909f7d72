//! Mutations of short links that are there.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Result, SimpleObject, Union};
use chrono::{DateTime, Utc};
use entity::{ShortLinkId, api_key::Scope};
use serde_json::Value;

use super::{
    error::{internal, principal},
    filter::ShortLinkFilter,
    short_link::ShortLink,
    user_error::{
        Complaint, InvalidExpiryError, InvalidFilterError, InvalidMetadataError, InvalidUrlError,
        ShortLinkArchivedError, ShortLinkNotFoundError, blocked,
    },
};
use crate::{
    app::App,
    links::edit::{
        Field, LinkChange, SwitchError, UpdateError, archive, archive_all, disable, enable, update,
    },
};

/// What is to be different about a short link. What is left out stays; null clears what may be empty and leaves what may
/// not.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateShortLinkInput {
    /// Which link: `link_` and 32 hexadecimal digits.
    id: ID,
    /// Another destination: an absolute http or https URL of at most 4,096 bytes, and no template. Clicks still count for the
    /// link's offer, if it has one.
    url: Option<String>,
    /// Another end, in the future and in the year 9999 at the latest, which also takes an expired link up again; null for
    /// none.
    expires_at: MaybeUndefined<DateTime<Utc>>,
    /// Another number of people to let through, at least 1; null for any number. An exhausted link redirects again where
    /// more may pass than have, and one that has let through as many or more is exhausted at once. People are counted while
    /// the link has a limit: one that is given to a link without counts from then on.
    max_clicks: MaybeUndefined<i32>,
    /// Another place for visitors of a link that no longer redirects, of the form of `url`; null leaves it to the domain.
    fallback_url: MaybeUndefined<String>,
    /// Whether bots are to see a preview page from now on.
    filter_bots: Option<bool>,
    /// Merged into the link's, key by key: a key's value replaces the one before, a key with null is removed, other keys
    /// stay. Null instead of an object removes all. The destination keeps what it was filled with; clicks that are there
    /// are reported by what the metadata is now.
    metadata: MaybeUndefined<Value>,
}

impl From<UpdateShortLinkInput> for LinkChange {
    fn from(input: UpdateShortLinkInput) -> Self {
        Self {
            url: input.url,
            expires_at: input.expires_at.into(),
            max_clicks: input.max_clicks.into(),
            fallback_url: input.fallback_url.into(),
            filter_bots: input.filter_bots,
            metadata: input.metadata.into(),
        }
    }
}

/// The short link was changed.
#[derive(Debug, SimpleObject)]
pub(super) struct UpdateShortLinkSuccess {
    /// The link as it is now.
    short_link: ShortLink,
}

/// The short link is off.
#[derive(Debug, SimpleObject)]
pub(super) struct DisableShortLinkSuccess {
    /// The link, with the status `DISABLED`.
    short_link: ShortLink,
}

/// The short link is on.
#[derive(Debug, SimpleObject)]
pub(super) struct EnableShortLinkSuccess {
    /// The link, `ACTIVE` unless it is expired or exhausted.
    short_link: ShortLink,
}

/// The short link is archived.
#[derive(Debug, SimpleObject)]
pub(super) struct ArchiveShortLinkSuccess {
    /// The link, with the status `ARCHIVED`.
    short_link: ShortLink,
}

/// The short links are archived, or as many of them as one call takes.
#[derive(Debug, SimpleObject)]
pub(super) struct ArchiveShortLinksSuccess {
    /// How many links this call has archived.
    archived: i32,
    /// Whether more links pass the filter than one call archives: then send the same call again.
    has_more: bool,
}

/// The changed short link, or the first thing that is wrong with the input. Every error is a `UserError`.
#[derive(Debug, Union)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is made once and moved once; a box would cost more"
)]
pub(super) enum UpdateShortLinkResult {
    /// It is changed.
    Success(UpdateShortLinkSuccess),
    /// Code `SHORT_LINK_NOT_FOUND`.
    ShortLinkNotFound(ShortLinkNotFoundError),
    /// Code `SHORT_LINK_ARCHIVED`.
    ShortLinkArchived(ShortLinkArchivedError),
    /// Code `INVALID_URL`.
    InvalidUrl(InvalidUrlError),
    /// Code `INVALID_EXPIRY`.
    InvalidExpiry(InvalidExpiryError),
    /// Code `INVALID_METADATA`.
    InvalidMetadata(InvalidMetadataError),
}

/// The short link, which is off, or why it is not. Every error is a `UserError`.
#[derive(Debug, Union)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is made once and moved once; a box would cost more"
)]
pub(super) enum DisableShortLinkResult {
    /// It is off.
    Success(DisableShortLinkSuccess),
    /// Code `SHORT_LINK_NOT_FOUND`.
    ShortLinkNotFound(ShortLinkNotFoundError),
    /// Code `SHORT_LINK_ARCHIVED`.
    ShortLinkArchived(ShortLinkArchivedError),
}

/// The short link, which is on, or why it is not. Every error is a `UserError`.
#[derive(Debug, Union)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is made once and moved once; a box would cost more"
)]
pub(super) enum EnableShortLinkResult {
    /// It is on.
    Success(EnableShortLinkSuccess),
    /// Code `SHORT_LINK_NOT_FOUND`.
    ShortLinkNotFound(ShortLinkNotFoundError),
    /// Code `SHORT_LINK_ARCHIVED`.
    ShortLinkArchived(ShortLinkArchivedError),
}

/// The archived short link, or that there is none. Every error is a `UserError`.
#[derive(Debug, Union)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is made once and moved once; a box would cost more"
)]
pub(super) enum ArchiveShortLinkResult {
    /// It is archived.
    Success(ArchiveShortLinkSuccess),
    /// Code `SHORT_LINK_NOT_FOUND`.
    ShortLinkNotFound(ShortLinkNotFoundError),
}

/// How many short links were archived, or what is wrong with the filter. Every error is a `UserError`.
#[derive(Debug, Union)]
pub(super) enum ArchiveShortLinksResult {
    /// They are archived.
    Success(ArchiveShortLinksSuccess),
    /// Code `INVALID_FILTER`.
    InvalidFilter(InvalidFilterError),
}

/// Changes a short link of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn update_short_link(
    context: &Context<'_>,
    input: UpdateShortLinkInput,
) -> Result<UpdateShortLinkResult> {
    let principal = principal(context, Scope::LinksWrite)?;
    let app = context.data_unchecked::<App>();
    let Ok(id) = input.id.parse::<ShortLinkId>() else {
        return refusal(UpdateError::NotFound);
    };
    let (tools, now) = (app.edit_tools(), app.clock.now());
    match update(tools, principal.into(), id, &input.into(), now).await {
        Ok(row) => Ok(UpdateShortLinkSuccess {
            short_link: ShortLink(row),
        }
        .into()),
        Err(error) => refusal(error),
    }
}

/// Switches a short link of the caller's account off.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn disable_short_link(context: &Context<'_>, id: &ID) -> Result<DisableShortLinkResult> {
    let principal = principal(context, Scope::LinksWrite)?;
    let app = context.data_unchecked::<App>();
    let Ok(id) = id.parse::<ShortLinkId>() else {
        return not_switched(SwitchError::NotFound);
    };
    match disable(app.edit_tools(), principal.into(), id, app.clock.now()).await {
        Ok(row) => Ok(DisableShortLinkSuccess {
            short_link: ShortLink(row),
        }
        .into()),
        Err(error) => not_switched(error),
    }
}

/// Switches a short link of the caller's account on.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn enable_short_link(context: &Context<'_>, id: &ID) -> Result<EnableShortLinkResult> {
    let principal = principal(context, Scope::LinksWrite)?;
    let app = context.data_unchecked::<App>();
    let Ok(id) = id.parse::<ShortLinkId>() else {
        return not_switched(SwitchError::NotFound);
    };
    match enable(app.edit_tools(), principal.into(), id, app.clock.now()).await {
        Ok(row) => Ok(EnableShortLinkSuccess {
            short_link: ShortLink(row),
        }
        .into()),
        Err(error) => not_switched(error),
    }
}

/// Archives a short link of the caller's account.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, or when the database does not answer.
pub(super) async fn archive_short_link(context: &Context<'_>, id: &ID) -> Result<ArchiveShortLinkResult> {
    let principal = principal(context, Scope::LinksWrite)?;
    let app = context.data_unchecked::<App>();
    let row = match id.parse::<ShortLinkId>() {
        Ok(id) => archive(app.edit_tools(), principal.into(), id, app.clock.now())
            .await
            .map_err(internal)?,
        Err(_) => None,
    };
    Ok(match row {
        Some(row) => ArchiveShortLinkSuccess {
            short_link: ShortLink(row),
        }
        .into(),
        None => not_found(&["id"]).into(),
    })
}

/// Archives the short links of the caller's account that pass a filter.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, `BAD_REQUEST` for what no link could be looked for by, or when the database does not
/// answer.
pub(super) async fn archive_short_links(
    context: &Context<'_>,
    filter: ShortLinkFilter,
) -> Result<ArchiveShortLinksResult> {
    let principal = principal(context, Scope::LinksWrite)?;
    let app = context.data_unchecked::<App>();
    if filter.is_empty() {
        let message = "Give at least one field: an empty filter would archive every link of the account.";
        return Ok(InvalidFilterError::from(Complaint::new(&["filter"], message)).into());
    }
    let (tools, now) = (app.edit_tools(), app.clock.now());
    let archived = archive_all(tools, principal.into(), filter.parse()?, now)
        .await
        .map_err(internal)?;
    Ok(ArchiveShortLinksSuccess {
        archived: archived.links.try_into().unwrap_or(i32::MAX),
        has_more: archived.has_more,
    }
    .into())
}

fn not_found(path: &[&str]) -> ShortLinkNotFoundError {
    let message = "The account has no short link with this id; take one from the query shortLinks.";
    Complaint::new(path, message).into()
}

fn archived(path: &[&str]) -> ShortLinkArchivedError {
    let message =
        "This short link is archived, which is final: nothing can be changed about it; make a new one.";
    Complaint::new(path, message).into()
}

/// What the caller is told where a link is not switched off or on.
fn not_switched<R>(error: SwitchError) -> Result<R>
where
    R: From<ShortLinkNotFoundError> + From<ShortLinkArchivedError>,
{
    match error {
        SwitchError::NotFound => Ok(not_found(&["id"]).into()),
        SwitchError::Archived => Ok(archived(&["id"]).into()),
        SwitchError::Database(error) => Err(internal(error)),
    }
}

const fn name(field: Field) -> &'static str {
    match field {
        Field::Url => "url",
        Field::ExpiresAt => "expiresAt",
        Field::MaxClicks => "maxClicks",
        Field::FallbackUrl => "fallbackUrl",
    }
}

/// What the caller is told where a link is not changed: each reason that they can put right is a member of the union.
fn refusal(error: UpdateError) -> Result<UpdateShortLinkResult> {
    let about = |field, message: String| Complaint::new(&["input", name(field)], message);
    Ok(match error {
        UpdateError::NotFound => not_found(&["input", "id"]).into(),
        UpdateError::Archived => archived(&["input", "id"]).into(),
        UpdateError::InvalidUrl(field, reason) => {
            InvalidUrlError::from(about(field, format!("{} can't be used: {reason}.", name(field)))).into()
        }
        UpdateError::Blocked(field, list) => InvalidUrlError::from(about(field, blocked(list))).into(),
        UpdateError::Loop(field) => InvalidUrlError::from(about(
            field,
            "It leads to a domain of this server, so the link would lead in a circle; give its final destination."
                .to_owned(),
        ))
        .into(),
        UpdateError::InvalidMetadata(reason) => {
            InvalidMetadataError::from(Complaint::of("metadata", &reason)).into()
        }
        UpdateError::InvalidExpiry(field) => {
            let message = match field {
                Field::MaxClicks => "maxClicks must be at least 1; null is for any number, and disableShortLink for none.",
                _ => {
                    "expiresAt must be in the future and no later than the year 9999; null is for a link that does not \
                     expire, and disableShortLink ends one at once."
                }
            };
            InvalidExpiryError::from(about(field, message.to_owned())).into()
        }
        UpdateError::Database(error) => return Err(internal(error)),
    })
}
