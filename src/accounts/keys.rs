//! Keys of an account: making, replacing and taking them back.

use entity::{AccountId, ApiKeyId, Timestamp, api_key, audit_entry::Action};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, ExprTrait as _, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Select,
    sea_query::{Expr, LockType},
};

use super::{Actor, ApiKey, Changed, Principal, audit, locked, rows_of};
use crate::{
    store::{Store, again, met_another},
    values::name::{InvalidName, Name},
};

/// The longest that a key may go on working beside the one that replaces it: 30 days, in seconds.
pub const MAX_OVERLAP: u32 = 30 * 24 * 60 * 60;

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<api_key::Scope>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// Who hands out a key: nobody can give more than they have.
#[derive(Clone, Copy, Debug)]
pub enum Granter<'a> {
    /// The operator of the server, who has all.
    Operator(AccountId),
    /// The holder of another key.
    Key(&'a Principal),
}

impl Granter<'_> {
    fn actor(self) -> Actor {
        match self {
            Self::Operator(account) => Actor::operator(account),
            Self::Key(principal) => principal.into(),
        }
    }

    fn may(self, scope: api_key::Scope) -> bool {
        match self {
            Self::Operator(_) => true,
            Self::Key(principal) => principal.may(scope),
        }
    }

    /// Whether the granter's key still works, which stays so until the transaction ends: it may have been taken back since
    /// the request was let in, and must not leave another behind.
    async fn still_works(self, db: &impl ConnectionTrait, now: Timestamp) -> Result<bool, DbErr> {
        let Self::Key(principal) = self else {
            return Ok(true);
        };
        let own = rows_of::<api_key::Entity>(principal.account.id)
            .filter(api_key::Column::Id.eq(principal.key.id))
            .lock(LockType::NoKeyUpdate)
            .one(db)
            .await?;
        Ok(own.is_some_and(|key| works(&key, now)))
    }

    /// Whether a key that is refused from `end` on works longer than the granter's own.
    fn is_outlived_by(self, end: Option<Timestamp>) -> bool {
        let own = match self {
            Self::Operator(_) => None,
            Self::Key(principal) => principal.key.expires_at,
        };
        own.is_some_and(|own| end.is_none_or(|end| end > own))
    }
}

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateKeyError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// It would have no scope at all.
    #[error("a key needs at least one scope")]
    NoScope,
    /// It would have a scope that its granter lacks.
    #[error("a key can't grant a scope that it lacks")]
    MoreThanGranter,
    /// It would be refused from the start, or for longer than there are years with four digits.
    #[error("the key would be refused from the start, or never")]
    Expired,
    /// It would work longer than its granter's.
    #[error("a key can't grant one that works longer than itself")]
    OutlivesGranter,
    /// Its granter's was taken back meanwhile.
    #[error("the granter's key was taken back meanwhile")]
    GranterRevoked,
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

/// Why a key was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum RotateKeyError {
    /// The account has no key with that id that still works.
    #[error("no such key that works")]
    NotFound,
    /// The old key would work for too long beside the new one.
    #[error("an overlap is at most {MAX_OVERLAP} seconds")]
    Overlap,
    /// The new key would have a scope that its granter lacks.
    #[error("a key can't grant a scope that it lacks")]
    MoreThanGranter,
    /// The new key would work longer than its granter's.
    #[error("a key can't grant one that works longer than itself")]
    OutlivesGranter,
    /// Its granter's was taken back meanwhile.
    #[error("the granter's key was taken back meanwhile")]
    GranterRevoked,
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

/// A key that replaces another.
#[derive(Debug)]
pub struct Rotated {
    /// The row of the new key.
    pub row: api_key::Model,
    /// The new key itself, which nobody can show again.
    pub key: ApiKey,
    /// The key that is replaced, with the end that it has now.
    pub replaced: api_key::Model,
}

/// Which keys are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFilter {
    /// Those that work.
    pub active: bool,
    /// Those whose end has come.
    pub expired: bool,
    /// Those that were taken back.
    pub revoked: bool,
}

/// The keys of an account that pass the filter.
#[must_use]
pub fn keys_of(account: AccountId, filter: KeyFilter, now: Timestamp) -> Select<api_key::Entity> {
    use api_key::Column::{ExpiresAt, RevokedAt};
    let mut any = Condition::any();
    if filter.revoked {
        any = any.add(RevokedAt.is_not_null());
    }
    if filter.expired {
        any = any.add(RevokedAt.is_null().and(ExpiresAt.lte(now)));
    }
    if filter.active {
        let goes_on = ExpiresAt.is_null().or(ExpiresAt.gt(now));
        any = any.add(RevokedAt.is_null().and(goes_on));
    }
    if any.is_empty() {
        any = any.add(Expr::value(false));
    }
    rows_of(account).filter(any)
}

/// The keys with these ids that the account has.
///
/// # Errors
/// When the database does not answer.
pub async fn keys_by_ids(
    db: &impl ConnectionTrait,
    account: AccountId,
    ids: &[ApiKeyId],
) -> Result<Vec<api_key::Model>, DbErr> {
    let named = api_key::Column::Id.is_in(ids.iter().copied());
    rows_of::<api_key::Entity>(account).filter(named).all(db).await
}

/// The keys of an account, in the order of their making, those that no longer work among them.
///
/// # Errors
/// When the database does not answer.
pub async fn keys(db: &impl ConnectionTrait, account: AccountId) -> Result<Vec<api_key::Model>, DbErr> {
    rows_of::<api_key::Entity>(account)
        .order_by_asc(api_key::Column::Id)
        .all(db)
        .await
}

fn works(key: &api_key::Model, now: Timestamp) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|end| end > now)
}

/// Makes a key of an account. The key itself is in no row: whoever calls must show it now. Key and audit entry are two
/// rows, so `db` is a transaction wherever a server may stop in between.
///
/// # Errors
/// With the first thing that is wrong. Nothing is stored then.
pub async fn create_key(
    db: &impl ConnectionTrait,
    granter: Granter<'_>,
    new: NewApiKey,
    random: fn(usize) -> Vec<u8>,
    now: Timestamp,
) -> Result<(api_key::Model, ApiKey), CreateKeyError> {
    let name = Name::parse(&new.name)?;
    if !granter.still_works(db, now).await? {
        return Err(CreateKeyError::GranterRevoked);
    }
    if new.scopes.is_empty() {
        return Err(CreateKeyError::NoScope);
    }
    let mut scopes: Vec<api_key::Scope> = Vec::new();
    for scope in new.scopes {
        if !granter.may(scope) {
            return Err(CreateKeyError::MoreThanGranter);
        }
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if new
        .expires_at
        .is_some_and(|end| end <= now || end > Timestamp::LAST)
    {
        return Err(CreateKeyError::Expired);
    }
    if granter.is_outlived_by(new.expires_at) {
        return Err(CreateKeyError::OutlivesGranter);
    }
    let key = ApiKey::draw(random);
    let row = api_key::Model {
        id: ApiKeyId::at(now),
        account_id: granter.actor().account,
        name: name.into(),
        hash: key.hash(),
        scopes: api_key::Scopes(scopes),
        expires_at: new.expires_at,
        revoked_at: None,
        last_used_at: None,
        created_at: now,
    };
    let row = row.into_active_model().insert(db).await?;
    audit::record(db, granter.actor(), Action::ApiKeyCreated, None, &row, now).await?;
    Ok((row, key))
}

/// Replaces a key by a new one of the same name, scopes and end. The old one works for `overlap` more seconds, so that
/// whoever uses it has time to take the new one.
///
/// # Errors
/// With the first thing that is wrong. Nothing is stored then.
pub async fn rotate_key(
    store: &Store,
    granter: Granter<'_>,
    id: ApiKeyId,
    overlap: u32,
    random: fn(usize) -> Vec<u8>,
    now: Timestamp,
) -> Result<Rotated, RotateKeyError> {
    if overlap > MAX_OVERLAP {
        return Err(RotateKeyError::Overlap);
    }
    let actor = granter.actor();
    let in_the_way =
        |error: &RotateKeyError| matches!(error, RotateKeyError::Database(error) if met_another(error));
    let rotated = again(in_the_way, async || {
        let transaction = store.begin().await?;
        if !granter.still_works(&*transaction, now).await? {
            return Err(RotateKeyError::GranterRevoked);
        }
        let which = api_key::Column::Id.eq(id);
        let old = locked::<api_key::Entity>(&transaction, actor.account, which).await?;
        let old = old
            .filter(|key| works(key, now))
            .ok_or(RotateKeyError::NotFound)?;
        if !old.scopes.0.iter().all(|scope| granter.may(*scope)) {
            return Err(RotateKeyError::MoreThanGranter);
        }
        if granter.is_outlived_by(old.expires_at) {
            return Err(RotateKeyError::OutlivesGranter);
        }
        let key = ApiKey::draw(random);
        let row = api_key::Model {
            id: ApiKeyId::at(now),
            hash: key.hash(),
            last_used_at: None,
            created_at: now,
            ..old.clone()
        };
        let row = row.into_active_model().insert(&*transaction).await?;
        let end = now.seconds_after(overlap.into());
        let mut ending = old.clone().into_active_model();
        ending.expires_at = Set(Some(old.expires_at.map_or(end, |old| Ord::min(old, end))));
        let replaced = ending.update(&*transaction).await?;
        audit::record(&*transaction, actor, Action::ApiKeyCreated, None, &row, now).await?;
        let action = Action::ApiKeyRotated;
        audit::record(&*transaction, actor, action, Some(&old), &replaced, now).await?;
        transaction.commit().await?;
        Ok(Rotated { row, key, replaced })
    });
    rotated.await
}

/// Takes a key of the account back for good: the next request with it is refused. One that was taken back before stays
/// as it is. `None` where the account has none with that id.
///
/// # Errors
/// When the database does not answer.
pub async fn revoke_key(
    store: &Store,
    actor: Actor,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<Option<Changed<api_key::Model>>, DbErr> {
    let revoked = again(met_another, async || {
        let transaction = store.begin().await?;
        let which = api_key::Column::Id.eq(id);
        let Some(before) = locked::<api_key::Entity>(&transaction, actor.account, which).await? else {
            return Ok(None);
        };
        if before.revoked_at.is_some() {
            return Ok(Some(Changed {
                row: before,
                is_new: false,
            }));
        }
        let mut row = before.clone().into_active_model();
        row.revoked_at = Set(Some(now));
        let row = row.update(&*transaction).await?;
        audit::record(
            &*transaction,
            actor,
            Action::ApiKeyRevoked,
            Some(&before),
            &row,
            now,
        )
        .await?;
        transaction.commit().await?;
        Ok(Some(Changed { row, is_new: true }))
    });
    revoked.await
}
