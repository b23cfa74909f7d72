//! Making and changing sending lists.

use entity::{
    AccountId, DomainId, SendingListId, Timestamp, account, audit_entry::Action, domain, sending_list,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    SqlErr, sea_query::LockType,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    accounts::{Actor, Audited, audit, locked, rows_of},
    catalog::{Changes, set},
    store::{Store, WriteTransaction, again, met_another},
    values::{
        metadata::{InvalidMetadata, Metadata},
        name::{InvalidName, Name},
        phone::{InvalidPhone, PhoneNumber},
    },
};

/// What a new list is to be.
#[derive(Clone, Debug)]
pub struct NewList {
    /// Its number in the account; one more than the highest if `None`.
    pub list_id: Option<i32>,
    /// The number that messages come from.
    pub phone_number: String,
    /// The brand that recipients know.
    pub brand_name: String,
    /// Where its links are to live.
    pub domain: Option<String>,
    /// What the account keeps with it.
    pub metadata: Option<Value>,
}

/// What is to be different about a list; `None` leaves it as it is, an inner one clears it.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the field of that name of a list")]
pub struct ListChange {
    pub list_id: Option<i32>,
    pub phone_number: Option<String>,
    pub brand_name: Option<String>,
    pub status: Option<sending_list::Status>,
    pub domain: Option<Option<String>>,
    /// Merged into what is there; cleared altogether by an inner `None`.
    pub metadata: Option<Option<Value>>,
}

/// What is wrong with a list as it is to be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidList {
    /// The number in the account is below 1.
    #[error("a list's number is at least 1")]
    ListId,
    /// The highest number that there can be is in use, so none can follow it.
    #[error("no number follows the highest one in use")]
    NoListIdLeft,
    /// Another list of the account has the number.
    #[error("the list's number is in use")]
    ListIdInUse,
    /// The phone number is none.
    #[error(transparent)]
    Phone(#[from] InvalidPhone),
    /// Another list of the account has the phone number.
    #[error("the phone number is in use")]
    PhoneInUse,
    /// The brand name is none.
    #[error(transparent)]
    BrandName(#[from] InvalidName),
    /// The account has no active domain with that id.
    #[error("no such active domain")]
    DomainNotFound,
    /// The metadata can't be kept.
    #[error(transparent)]
    Metadata(#[from] InvalidMetadata),
}

/// Why no list was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// It can't be as it is to be.
    #[error(transparent)]
    Invalid(#[from] InvalidList),
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

/// Why a list was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The account has no list with that id.
    #[error("no such list")]
    NotFound,
    /// It can't be as it is to be.
    #[error(transparent)]
    Invalid(#[from] InvalidList),
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

/// Makes a list of the account.
///
/// # Errors
/// With the first thing that is wrong. Nothing is stored then.
pub async fn create(
    store: &Store,
    actor: Actor,
    new: NewList,
    now: Timestamp,
) -> Result<sending_list::Model, CreateError> {
    let account = actor.account;
    let mut blank = sending_list::Model {
        id: SendingListId::at(now),
        account_id: account,
        list_id: 0,
        phone_number: String::new(),
        brand_name: String::new(),
        status: sending_list::Status::Active,
        metadata: json!({}),
        domain_id: None,
        created_at: now,
    };
    let change = ListChange {
        list_id: new.list_id,
        phone_number: Some(new.phone_number),
        brand_name: Some(new.brand_name),
        status: None,
        domain: Some(new.domain),
        metadata: None,
    };
    apply(&mut blank, &change)?;
    if let Some(metadata) = new.metadata {
        blank.metadata = Metadata::parse(metadata).map_err(InvalidList::from)?.into_json();
    }
    let in_the_way = |error: &CreateError| match error {
        CreateError::Database(error) => met_another(error),
        // Whoever asked for that number was faster; the next one is another.
        CreateError::Invalid(InvalidList::ListIdInUse) => change.list_id.is_none(),
        CreateError::Invalid(_) => false,
    };
    let made = again(in_the_way, async || {
        let transaction = store.begin().await?;
        let mut row = blank.clone();
        row.domain_id = domain::<CreateError>(&transaction, account, &change)
            .await?
            .flatten();
        if change.list_id.is_none() {
            row.list_id = next_list_id(&transaction, account)
                .await?
                .ok_or(InvalidList::NoListIdLeft)?;
        }
        let made = row.into_active_model().insert(&*transaction).await;
        let made = made.map_err(in_use::<CreateError>)?;
        let action = Action::SendingListCreated;
        audit::record(&*transaction, actor, action, None, &made, now).await?;
        transaction.commit().await?;
        Ok(made)
    });
    made.await
}

/// Changes a list of the account. Links that were made before stay on the domain that they were made on.
///
/// # Errors
/// With the first thing that is wrong. Nothing is stored then.
pub async fn update(
    store: &Store,
    counts: &Changes,
    actor: Actor,
    id: SendingListId,
    change: &ListChange,
    now: Timestamp,
) -> Result<sending_list::Model, UpdateError> {
    let in_the_way =
        |error: &UpdateError| matches!(error, UpdateError::Database(error) if met_another(error));
    let changed = again(in_the_way, async || {
        let transaction = store.begin().await?;
        let which = sending_list::Column::Id.eq(id);
        let before = locked::<sending_list::Entity>(&transaction, actor.account, which).await?;
        let before = before.ok_or(UpdateError::NotFound)?;
        let mut row = before.clone();
        apply(&mut row, change)?;
        if let Some(domain) = domain::<UpdateError>(&transaction, actor.account, change).await? {
            row.domain_id = domain;
        }
        let changed = row.into_active_model().reset_all().update(&*transaction).await;
        let changed = changed.map_err(in_use::<UpdateError>)?;
        let action = Action::SendingListUpdated;
        audit::record(&*transaction, actor, action, Some(&before), &changed, now).await?;
        let counts = counts.clone();
        // The brand is all that visitors see of a list: what else is synchronised every minute costs no link its place.
        let is_seen = changed.brand_name != before.brand_name;
        let note = move || {
            if is_seen {
                counts.note_catalog();
            }
        };
        transaction.commit_then(note).await?;
        Ok(changed)
    });
    changed.await
}

/// Archives a list of the account; one that is archived stays so. `None` where the account has none with that id.
///
/// # Errors
/// When the database does not answer.
pub async fn archive(
    store: &Store,
    actor: Actor,
    id: SendingListId,
    now: Timestamp,
) -> Result<Option<sending_list::Model>, DbErr> {
    let which = sending_list::Column::Id.eq(id);
    let archived = (
        sending_list::Column::Status,
        sending_list::Status::Archived.into(),
    );
    let what = (actor, Action::SendingListArchived, now);
    set::<sending_list::Entity>(store, what, which, archived, || {}).await
}

impl Audited for sending_list::Model {
    fn subject(&self) -> Uuid {
        self.id.into()
    }

    fn facts(&self) -> Value {
        json!({
            "listId": self.list_id,
            "phoneNumber": self.phone_number,
            "brandName": self.brand_name,
            "status": self.status,
            "domainId": self.domain_id.map(|id| id.to_string()),
            "metadata": self.metadata,
        })
    }
}

/// All that can be said without the database.
fn apply(row: &mut sending_list::Model, change: &ListChange) -> Result<(), InvalidList> {
    if let Some(list_id) = change.list_id {
        if list_id < 1 {
            return Err(InvalidList::ListId);
        }
        row.list_id = list_id;
    }
    if let Some(number) = &change.phone_number {
        row.phone_number = PhoneNumber::parse(number)?.into_string();
    }
    if let Some(name) = &change.brand_name {
        row.brand_name = Name::parse(name)?.into();
    }
    row.status = change.status.unwrap_or(row.status);
    if let Some(metadata) = &change.metadata {
        row.metadata = match metadata {
            Some(changes) => Metadata::merge(row.metadata.take(), changes.clone())?,
            None => Metadata::empty(),
        }
        .into_json();
    }
    Ok(())
}

/// The domain, if there is to be another or none: an active one of the account.
async fn domain<E: From<InvalidList> + From<DbErr>>(
    transaction: &WriteTransaction,
    account: AccountId,
    change: &ListChange,
) -> Result<Option<Option<DomainId>>, E> {
    let id = match &change.domain {
        None => return Ok(None),
        Some(None) => return Ok(Some(None)),
        Some(Some(id)) => id,
    };
    let Ok(id) = id.parse::<DomainId>() else {
        return Err(InvalidList::DomainNotFound.into());
    };
    let found = rows_of::<domain::Entity>(account)
        .filter(domain::Column::Id.eq(id))
        .filter(domain::Column::Status.eq(domain::Status::Active))
        .one(&**transaction)
        .await?;
    match found {
        Some(domain) => Ok(Some(Some(domain.id))),
        None => Err(InvalidList::DomainNotFound.into()),
    }
}

/// One more than the highest number of the account's lists, archived ones too; `None` where there is none.
async fn next_list_id(transaction: &WriteTransaction, account: AccountId) -> Result<Option<i32>, DbErr> {
    // Two lists that are made at once would else want the same number.
    account::Entity::find_by_id(account)
        .lock(LockType::NoKeyUpdate)
        .one(&**transaction)
        .await?;
    let highest: Option<i32> = rows_of::<sending_list::Entity>(account)
        .select_only()
        .column(sending_list::Column::ListId)
        .order_by_desc(sending_list::Column::ListId)
        .limit(1)
        .into_tuple()
        .one(&**transaction)
        .await?;
    Ok(highest.map_or(Some(1), |highest| highest.max(0).checked_add(1)))
}

fn in_use<E: From<InvalidList> + From<DbErr>>(error: DbErr) -> E {
    match error.sql_err() {
        // Both databases name the columns, or the index that is named after them.
        Some(SqlErr::UniqueConstraintViolation(what)) if what.contains("phone_number") => {
            InvalidList::PhoneInUse.into()
        }
        Some(SqlErr::UniqueConstraintViolation(what)) if what.contains("list_id") => {
            InvalidList::ListIdInUse.into()
        }
        _ => error.into(),
    }
}
