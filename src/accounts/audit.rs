//! The audit log: who changed what of an account, and when.
//!
//! An entry is stored by the transaction that makes the change, so that there is never one without the other. It holds
//! what differs and nothing that is secret or names a recipient: the log can't be changed, and a person must be able to
//! be forgotten.

use entity::{
    AccountId, ApiKeyId, AuditEntryId, Timestamp, account, api_key,
    audit_entry::{self, Action},
};
use sea_orm::{
    ActiveEnum as _, ColumnTrait as _, ConnectionTrait, DatabaseBackend, DbErr, EntityTrait as _, ExprTrait,
    IntoActiveModel as _, QueryFilter as _, QueryTrait as _, Select,
    sea_query::{Expr, Func},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Principal, rows_of};

/// How many entries one statement stores: `SQLite` takes 32,766 values.
const ROWS: usize = 1000;

/// Who changes something of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Whose rows are changed.
    pub account: AccountId,
    /// With which key; `None` is the operator of the server.
    pub key: Option<ApiKeyId>,
}

impl Actor {
    /// The operator of the server.
    #[must_use]
    pub const fn operator(account: AccountId) -> Self {
        Self { account, key: None }
    }
}

impl From<&Principal> for Actor {
    fn from(principal: &Principal) -> Self {
        Self {
            account: principal.account.id,
            key: Some(principal.key.id),
        }
    }
}

/// A row whose changes are written down.
pub trait Audited {
    /// Its id.
    fn subject(&self) -> Uuid;

    /// What of it is worth knowing later, by the names of the API: an object.
    fn facts(&self) -> Value;
}

impl Audited for account::Model {
    fn subject(&self) -> Uuid {
        self.id.into()
    }

    fn facts(&self) -> Value {
        json!({
            "name": self.name,
            "status": self.status,
            "products": self.products,
            "defaultFilterBots": self.default_filter_bots,
            "tuneLinkParameter": self.tune_link_parameter,
            "tuneClickParameter": self.tune_click_parameter,
            "everflowLinkParameter": self.everflow_link_parameter,
            "everflowClickParameter": self.everflow_click_parameter,
            "globalOfferParameters": self.global_offer_parameters,
        })
    }
}

impl Audited for api_key::Model {
    fn subject(&self) -> Uuid {
        self.id.into()
    }

    fn facts(&self) -> Value {
        json!({
            "name": self.name,
            "scopes": self.scopes,
            "expiresAt": self.expires_at.map(Timestamp::utc),
            "revokedAt": self.revoked_at.map(Timestamp::utc),
        })
    }
}

/// The entry for a change of one row, with what differs; `None` where nothing does. A row that was made has no `before`.
pub fn entry<M: Audited>(
    actor: Actor,
    action: Action,
    before: Option<&M>,
    after: &M,
    now: Timestamp,
) -> Option<audit_entry::Model> {
    let (before, after_facts) = differences(before.map(Audited::facts), after.facts());
    if after_facts.is_empty() {
        return None;
    }
    Some(audit_entry::Model {
        subject_id: Some(after.subject()),
        before: before.map(Into::into),
        after: Some(after_facts.into()),
        ..about(actor, action, 1, now)
    })
}

/// An entry for something that was done to so many rows at once, or to none that can be named.
#[must_use]
pub fn about(actor: Actor, action: Action, affected: usize, now: Timestamp) -> audit_entry::Model {
    audit_entry::Model {
        account_id: actor.account,
        id: AuditEntryId::at(now),
        api_key_id: actor.key,
        action,
        subject_id: None,
        affected: affected.try_into().unwrap_or(i32::MAX),
        before: None,
        after: None,
        created_at: now,
    }
}

/// Writes down a change of one row, unless nothing differs. Call it in the transaction that makes the change.
///
/// # Errors
/// When the database does not answer.
pub async fn record<M: Audited>(
    db: &impl ConnectionTrait,
    actor: Actor,
    action: Action,
    before: Option<&M>,
    after: &M,
    now: Timestamp,
) -> Result<(), DbErr> {
    store(db, entry(actor, action, before, after, now)).await
}

/// Stores entries. Call it in the transaction that makes the changes.
///
/// # Errors
/// When the database does not answer.
pub async fn store(
    db: &impl ConnectionTrait,
    entries: impl IntoIterator<Item = audit_entry::Model>,
) -> Result<(), DbErr> {
    let mut entries = entries.into_iter().peekable();
    while entries.peek().is_some() {
        let rows = entries
            .by_ref()
            .take(ROWS)
            .map(audit_entry::Model::into_active_model);
        audit_entry::Entity::insert_many(rows)
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// What entries must be to be listed: all that is given here together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// One of these was done.
    pub actions: Option<Vec<Action>>,
    /// It was done to this row.
    pub subject: Option<Uuid>,
    /// It was done with this key.
    pub key: Option<ApiKeyId>,
    /// It was done then or later.
    pub from: Option<Timestamp>,
    /// It was done earlier.
    pub before: Option<Timestamp>,
}

/// The account's entries that pass the filter, for a database of this kind.
#[must_use]
pub fn entries(
    account: AccountId,
    filter: AuditFilter,
    backend: DatabaseBackend,
) -> Select<audit_entry::Entity> {
    use audit_entry::Column;
    // SQLite thinks as much of an account's whole log as of a key's part in it, which takes a look-up an entry. Of a row
    // there are fewer entries than of a key.
    let is_helped = backend == DatabaseBackend::Sqlite && filter.subject.is_none();
    let id = |time| AuditEntryId::first_at(time);
    rows_of::<audit_entry::Entity>(account)
        .apply_if(filter.actions, |mut rows, actions| {
            if !actions.contains(&Action::ShortLinkCreated) {
                // Written out, or the index of all others could not be used.
                let created = Expr::Constant(Action::ShortLinkCreated.to_value().into());
                rows = rows.filter(ExprTrait::ne(Column::Action.into_expr(), created));
            }
            rows.filter(Column::Action.is_in(actions))
        })
        .apply_if(filter.subject, |rows, subject| {
            rows.filter(Column::SubjectId.eq(subject))
        })
        .apply_if(filter.key, |rows, key| {
            let of_key = Column::ApiKeyId.eq(key);
            if is_helped {
                rows.filter(Expr::from(Func::cust("unlikely").arg(of_key)))
            } else {
                rows.filter(of_key)
            }
        })
        .apply_if(filter.from, |rows, from| rows.filter(Column::Id.gt(id(from))))
        .apply_if(filter.before, |rows, before| {
            rows.filter(Column::Id.lt(id(before)))
        })
}

/// The account's entry with that id.
///
/// # Errors
/// When the database does not answer.
pub async fn by_id(
    db: &impl ConnectionTrait,
    account: AccountId,
    id: AuditEntryId,
) -> Result<Option<audit_entry::Model>, DbErr> {
    let named = audit_entry::Column::Id.eq(id);
    rows_of::<audit_entry::Entity>(account)
        .filter(named)
        .one(db)
        .await
}

/// What is no longer as it was, as it was and as it is.
fn differences(before: Option<Value>, after: Value) -> (Option<Map<String, Value>>, Map<String, Value>) {
    let (Some(Value::Object(mut before)), Value::Object(mut after)) = (before, after.clone()) else {
        let Value::Object(mut made) = after else {
            return (None, Map::new());
        };
        made.retain(|_, value| *value != Value::Null);
        return (None, made);
    };
    before.retain(|name, value| after.get(name) != Some(value));
    after.retain(|name, _| before.contains_key(name));
    (Some(before), after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_written_down() {
        let (before, after) = differences(
            Some(json!({"name": "a", "status": "ACTIVE", "url": null})),
            json!({"name": "a", "status": "ARCHIVED", "url": "x"}),
        );
        assert_eq!(
            before.map(Value::from),
            Some(json!({"status": "ACTIVE", "url": null}))
        );
        assert_eq!(Value::from(after), json!({"status": "ARCHIVED", "url": "x"}));
    }

    #[test]
    fn of_a_new_row_all_that_it_has_is_written_down() {
        let (before, after) = differences(None, json!({"name": "a", "url": null}));
        assert_eq!(before, None);
        assert_eq!(Value::from(after), json!({"name": "a"}));
    }
}
