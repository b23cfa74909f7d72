//! Forgetting a person: what links and clicks say of whoever a link was sent to.
//!
//! Figures stay: all that they need is summed before the first trace goes. So a click keeps its time, its link and its
//! verdict, and loses who made it and with what; a link keeps its code, and loses for whom it was.

use entity::{
    AccountId, ClickId, ShortLinkId, Timestamp, audit_entry::Action, click, link_click, link_visitor,
    short_link,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};
use serde_json::json;

use super::{aggregator::Aggregator, traces::TRACES};
use crate::{
    accounts::{Actor, audit, rows_of},
    catalog::Changes,
    links::{self, list::LinkFilter, lookup::State},
    store::{Store, WriteTransaction, again, met_another, pad},
    values::phone::{InvalidPhone, PhoneNumber, replace_within, replaced},
};

/// How many links are forgotten together: their rows are locked meanwhile.
const LINKS: u64 = 100;

/// How many clicks are forgotten together: in `SQLite` all else that is stored waits for it.
const CLICKS: u64 = 1000;

/// How much was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// How many links were for the person.
    pub links: usize,
    /// How many clicks of those links lost what they knew of their visitors.
    pub clicks: usize,
}

/// Why nobody was forgotten, or not altogether. The same call again goes on where this one stopped.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The number is none.
    #[error(transparent)]
    Phone(#[from] InvalidPhone),
    /// Clicks can't be summed now, and what is not summed would be missing in figures.
    #[error("clicks are not summed yet")]
    NotSummed,
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

/// Forgets a recipient in all links of the account and in the clicks of these: the phone number, also where destinations,
/// fallback URLs and metadata hold it, and of each click address, visitor, agent, referrer, language, country and
/// parameters. Counts stay as they are. A click that was written twice has two rows: here it loses the traces of the one by
/// which its link knows it, and whoever sums has removed those of the other, or will once it comes.
///
/// It is done a few links at a time, each time with its entry in the audit log. A link keeps the number until all else
/// of it is forgotten, so that who stops in between finds it again.
///
/// # Errors
/// When the number is none, or the database does not answer.
pub async fn erase_contact(
    store: &Store,
    aggregator: &Aggregator,
    changes: &Changes,
    actor: Actor,
    number: &str,
    now: Timestamp,
) -> Result<Erased, EraseError> {
    let parsed = PhoneNumber::parse(number);
    if parsed == Err(InvalidPhone::Form) {
        return Err(InvalidPhone::Form.into());
    }
    let mut links = links_for(store, actor.account, number, now).await?;
    if links.is_empty() {
        // One that links have may have been taken out of its country's plan since.
        parsed?;
        return Ok(Erased::default());
    }
    let mut erased = Erased::default();
    let mut done = Vec::new();
    summed(store, aggregator).await?;
    while !links.is_empty() {
        let mut clicks = 0;
        for link in &links {
            clicks += erase_clicks(store, *link).await?;
        }
        erased.clicks += clicks;
        erased.links += erase_links(store, changes, actor, &links, number, clicks, now).await?;
        done.append(&mut links);
        links = links_for(store, actor.account, number, now).await?;
    }
    // Those who came meanwhile.
    summed(store, aggregator).await?;
    for link in done {
        erased.clicks += erase_clicks(store, link).await?;
    }
    Ok(erased)
}

async fn summed(store: &Store, aggregator: &Aggregator) -> Result<(), EraseError> {
    match aggregator.caught_up_for_certain(store).await? {
        Some(_) => Ok(()),
        None => Err(EraseError::NotSummed),
    }
}

/// Some links that are for the person.
async fn links_for(
    store: &Store,
    account: AccountId,
    number: &str,
    now: Timestamp,
) -> Result<Vec<ShortLinkId>, DbErr> {
    let filter = LinkFilter {
        states: Some(State::ALL.to_vec()),
        contact_phone: Some(number.to_owned()),
        ..LinkFilter::default()
    };
    let (rows, _) = links::list::rows(account, filter, now, store.read.get_database_backend());
    let ids = rows.select_only().column(short_link::Column::Id).limit(LINKS);
    ids.into_tuple().all(&store.read).await
}

/// Removes what the summed clicks of a link say of their visitors, and answers how many clicks said something.
async fn erase_clicks(store: &Store, link: ShortLinkId) -> Result<usize, DbErr> {
    let mut erased = 0;
    let mut last = None;
    loop {
        let mut entries = link_click::Entity::find()
            .select_only()
            .columns([link_click::Column::ClickId, link_click::Column::Seq])
            .filter(link_click::Column::ShortLinkId.eq(link))
            .order_by_asc(link_click::Column::ClickId)
            .limit(CLICKS);
        if let Some(last) = last {
            entries = entries.filter(link_click::Column::ClickId.gt(last));
        }
        let entries: Vec<(ClickId, i64)> = entries.into_tuple().all(&store.read).await?;
        let Some((end, _)) = entries.last() else {
            return Ok(erased);
        };
        last = Some(*end);
        let telling = telling(store, entries.iter().map(|(_, seq)| *seq).collect()).await?;
        if telling.is_empty() {
            continue;
        }
        erased += telling.len();
        let rows = pad(telling);
        again(met_another, async || {
            let transaction = store.begin().await?;
            let mut update = click::Entity::update_many();
            for trace in TRACES {
                update = update.col_expr(trace, Expr::cust("NULL"));
            }
            let update = update.filter(click::Column::Seq.is_in(rows.clone()));
            let updated = update.exec(&*transaction).await;
            transaction.end(updated).await
        })
        .await?;
    }
}

/// Which of these rows say something of their visitors: who goes on where another stopped writes no row again.
async fn telling(store: &Store, rows: Vec<i64>) -> Result<Vec<i64>, DbErr> {
    let any = TRACES
        .into_iter()
        .fold(Condition::any(), |any, trace| any.add(trace.is_not_null()));
    click::Entity::find()
        .select_only()
        .column(click::Column::Seq)
        .filter(click::Column::Seq.is_in(pad(rows)))
        .filter(any)
        .into_tuple()
        .all(&store.read)
        .await
}

/// Removes what links say of the person, and who has been to them.
async fn erase_links(
    store: &Store,
    changes: &Changes,
    actor: Actor,
    links: &[ShortLinkId],
    number: &str,
    clicks: usize,
    now: Timestamp,
) -> Result<usize, DbErr> {
    again(met_another, async || {
        let transaction = store.begin().await?;
        match forget_links(&transaction, actor, links, number, clicks, now).await {
            Ok(codes) => {
                let (erased, changes) = (codes.len(), changes.clone());
                let note = move || codes.iter().for_each(|code| changes.note_edited_link(code));
                transaction.commit_then(note).await?;
                Ok(erased)
            }
            Err(error) => transaction.end(Err(error)).await,
        }
    })
    .await
}

/// The same in a transaction; answers the codes of the links.
async fn forget_links(
    transaction: &WriteTransaction,
    actor: Actor,
    links: &[ShortLinkId],
    number: &str,
    clicks: usize,
    now: Timestamp,
) -> Result<Vec<String>, DbErr> {
    let rows = rows_of::<short_link::Entity>(actor.account)
        .filter(short_link::Column::Id.is_in(links.iter().copied()))
        .filter(short_link::Column::ContactPhone.eq(number))
        .order_by_asc(short_link::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(&**transaction)
        .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    link_visitor::Entity::delete_many()
        .filter(link_visitor::Column::ShortLinkId.is_in(rows.iter().map(|row| row.id)))
        .exec(&**transaction)
        .await?;
    let codes: Vec<_> = rows.iter().map(|row| row.code.clone()).collect();
    for row in rows {
        forgetful(row, number).update(&**transaction).await?;
    }
    let mut entry = audit::about(actor, Action::ContactErased, codes.len(), now);
    entry.after = Some(json!({"links": codes.len(), "clicks": clicks}));
    audit::store(&**transaction, [entry]).await?;
    Ok(codes)
}

/// The link without the person.
fn forgetful(row: short_link::Model, number: &str) -> short_link::ActiveModel {
    let mut link = row.clone().into_active_model();
    link.contact_phone = Set(None);
    link.destination = Set(without(&row.destination, number));
    link.fallback_url = Set(row.fallback_url.map(|url| without(&url, number)));
    let mut metadata = row.metadata;
    replace_within(&mut metadata, number, "");
    link.metadata = Set(metadata);
    link
}

/// A URL without the number; its host, which could be another's without it, stays.
fn without(url: &str, number: &str) -> String {
    let path = url.find("://").and_then(|scheme| {
        url[scheme + 3..]
            .find(['/', '?', '#'])
            .map(|host| scheme + 3 + host)
    });
    let (host, rest) = url.split_at(path.unwrap_or(url.len()));
    host.to_owned() + &replaced(rest, number, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_loses_the_number_and_keeps_its_host() {
        for (url, left) in [
            (
                "https://a.example/?p=%2B14155552671&q=1",
                "https://a.example/?p=&q=1",
            ),
            ("https://a.example/14155552671/x", "https://a.example//x"),
            (
                "https://14155552671.example/+14155552671",
                "https://14155552671.example/",
            ),
            ("https://a.example", "https://a.example"),
        ] {
            assert_eq!(without(url, "+14155552671"), left);
        }
    }
}
