//! An account's look at its own links.

use entity::{AccountId, DomainId, ShortLinkId, Timestamp, domain, short_link};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, QueryFilter, QuerySelect as _};

use super::code;
use crate::{
    accounts::rows_of,
    catalog,
    values::{host::Host, web_url::WebUrl},
};

/// Where a link stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It redirects.
    Active,
    /// It is switched off.
    Disabled,
    /// It is deleted.
    Archived,
    /// Its time is over.
    Expired,
    /// It has let through as many people as it may.
    Exhausted,
}

impl State {
    /// Every state that there is.
    pub const ALL: [Self; 5] = [
        Self::Active,
        Self::Disabled,
        Self::Archived,
        Self::Expired,
        Self::Exhausted,
    ];
}

/// Where a link with these facts stands at `now`. What somebody decided goes before what time has done, and that before
/// what visitors have.
#[must_use]
pub fn state(
    status: short_link::Status,
    expires_at: Option<Timestamp>,
    is_exhausted: bool,
    now: Timestamp,
) -> State {
    match status {
        short_link::Status::Archived => State::Archived,
        short_link::Status::Disabled => State::Disabled,
        short_link::Status::Active if expires_at.is_some_and(|end| end <= now) => State::Expired,
        short_link::Status::Active if is_exhausted => State::Exhausted,
        short_link::Status::Active => State::Active,
    }
}

/// The link of the account with that id.
///
/// # Errors
/// When the database does not answer.
pub async fn by_id(
    db: &impl ConnectionTrait,
    account: AccountId,
    id: ShortLinkId,
) -> Result<Option<short_link::Model>, DbErr> {
    rows_of::<short_link::Entity>(account)
        .filter(short_link::Column::Id.eq(id))
        .one(db)
        .await
}

/// The account's links with these ids.
///
/// # Errors
/// When the database does not answer.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    account: AccountId,
    ids: &[ShortLinkId],
) -> Result<Vec<short_link::Model>, DbErr> {
    let ids = ids.iter().copied();
    rows_of::<short_link::Entity>(account)
        .filter(short_link::Column::Id.is_in(ids))
        .all(db)
        .await
}

/// Which of these codes links of the account have, with the domains that they are on.
///
/// # Errors
/// When the database does not answer.
pub async fn codes_in_use(
    db: &impl ConnectionTrait,
    account: AccountId,
    codes: impl Iterator<Item = &str>,
) -> Result<Vec<(DomainId, String)>, DbErr> {
    let codes: Vec<_> = codes.collect();
    if codes.is_empty() {
        return Ok(Vec::new());
    }
    let domains: Vec<DomainId> = rows_of::<domain::Entity>(account)
        .select_only()
        .column(domain::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    rows_of::<short_link::Entity>(account)
        .select_only()
        .columns([short_link::Column::DomainId, short_link::Column::Code])
        // What the index begins with.
        .filter(short_link::Column::DomainId.is_in(domains))
        .filter(short_link::Column::Code.is_in(codes))
        .into_tuple()
        .all(db)
        .await
}

/// The link of the account that a short URL leads to.
///
/// # Errors
/// When the database does not answer.
pub async fn by_short_url(
    db: &impl ConnectionTrait,
    account: AccountId,
    short_url: &str,
) -> Result<Option<short_link::Model>, DbErr> {
    let Some((url, host)) = WebUrl::parse(short_url).ok().and_then(|url| {
        let host = Host::parse(&format!("{}:{}", url.host(), url.port()))?;
        Some((url, host))
    }) else {
        return Ok(None);
    };
    let code = url.path().trim_start_matches('/');
    if !code::could_be(code) {
        return Ok(None);
    }
    let Some(domain) = catalog::domain::by_host(db, account, &host).await? else {
        return Ok(None);
    };
    on_domain(db, account, &domain, code).await
}

async fn on_domain(
    db: &impl ConnectionTrait,
    account: AccountId,
    domain: &domain::Model,
    code: &str,
) -> Result<Option<short_link::Model>, DbErr> {
    rows_of::<short_link::Entity>(account)
        .filter(short_link::Column::DomainId.eq(domain.id))
        .filter(short_link::Column::Code.eq(code))
        .one(db)
        .await
}
