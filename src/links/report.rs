//! Reports of abuse: what people say is wrong with a link.

use entity::{AbuseReportId, AccountId, ShortLinkId, Timestamp, abuse_report, domain};
use sea_orm::{ActiveModelTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _, QueryOrder as _};

use super::{
    code,
    resolve::{Resolved, Resolver},
};
use crate::{
    catalog,
    store::{ReadError, Store},
    values::{host::Host, web_url::WebUrl},
};

/// The most characters of a reason.
pub const MAX_REASON: usize = 2000;

/// The most characters of an e-mail address.
pub const MAX_EMAIL: usize = 254;

/// What somebody reports, as they wrote it.
#[derive(Clone, Debug, Default)]
pub struct NewReport {
    /// The short URL, or its code on the host that is visited.
    pub link: String,
    /// What is wrong with it.
    pub reason: String,
    /// Where they can be reached; empty where they don't say.
    pub email: String,
}

/// Why a report was not stored.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// There is no such link on this server.
    #[error("no such link")]
    Link,
    /// No reason is given, or more than is taken.
    #[error("no reason, or a long one")]
    Reason,
    /// That is no e-mail address.
    #[error("no e-mail address")]
    Email,
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
    /// The database did not answer one of many readers.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What is reported.
struct Subject {
    url: String,
    link: ShortLinkId,
    account: AccountId,
}

/// Stores what somebody reports at the host that they visit.
///
/// # Errors
/// With the first thing that is wrong. Nothing is stored then.
pub async fn report(
    store: &Store,
    resolver: &Resolver,
    visited: &domain::Model,
    new: &NewReport,
    now: Timestamp,
) -> Result<abuse_report::Model, ReportError> {
    let subject = subject(store, resolver, visited, new.link.trim(), now).await?;
    let subject = subject.ok_or(ReportError::Link)?;
    let row = abuse_report::Model {
        id: AbuseReportId::at(now),
        url: subject.url,
        short_link_id: Some(subject.link),
        account_id: Some(subject.account),
        reason: reason(&new.reason).ok_or(ReportError::Reason)?,
        email: email(new.email.trim())?,
        created_at: now,
    };
    let transaction = store.begin().await?;
    let row = row.into_active_model().insert(&*transaction).await?;
    transaction.commit().await?;
    Ok(row)
}

/// The link that a text names.
async fn subject(
    store: &Store,
    resolver: &Resolver,
    visited: &domain::Model,
    text: &str,
    now: Timestamp,
) -> Result<Option<Subject>, ReportError> {
    let mut named = None;
    let (domain, code) = if code::could_be(text) {
        (visited, text)
    } else {
        // A text message has it without its scheme, as often as not.
        let with_scheme = format!("https://{text}");
        let text = if text.contains("://") { text } else { &with_scheme };
        let Some((url, host)) = WebUrl::parse(text).ok().and_then(|url| {
            let host = Host::parse(&format!("{}:{}", url.host(), url.port()))?;
            Some((url, host))
        }) else {
            return Ok(None);
        };
        let Some(domain) = catalog::domain::of_visit(&store.read, &host).await? else {
            return Ok(None);
        };
        let (domain, url) = named.insert((domain, url));
        (&*domain, url.path().trim_start_matches('/'))
    };
    let link = match resolver.resolve(&domain.host, code, now).await? {
        Resolved::Active(link) | Resolved::Gone(_, link) | Resolved::Blocked(_, link) => link.id,
        Resolved::Unknown => return Ok(None),
    };
    let (scheme, host) = (domain.scheme.as_str(), &domain.host);
    Ok(Some(Subject {
        url: format!("{scheme}://{host}/{code}"),
        link,
        account: domain.account_id,
    }))
}

/// A reason as it is kept: without control characters but for line breaks, which a terminal would take for commands.
fn reason(text: &str) -> Option<String> {
    let kept: String = text
        .trim()
        .replace("\r\n", "\n")
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect();
    (1..=MAX_REASON).contains(&kept.chars().count()).then_some(kept)
}

/// An address as it is kept, if there is one. Whether it works is for whoever writes to it.
fn email(text: &str) -> Result<Option<String>, ReportError> {
    if text.is_empty() {
        return Ok(None);
    }
    let (name, host) = text.split_once('@').ok_or(ReportError::Email)?;
    let plain = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control())
    };
    let is_one = plain(name) && plain(host) && text.chars().count() <= MAX_EMAIL;
    if is_one {
        Ok(Some(text.to_owned()))
    } else {
        Err(ReportError::Email)
    }
}

/// All reports that are not closed, the earliest first.
///
/// # Errors
/// When the database does not answer.
pub async fn all(store: &Store) -> Result<Vec<abuse_report::Model>, DbErr> {
    abuse_report::Entity::find()
        .order_by_asc(abuse_report::Column::Id)
        .all(&store.read)
        .await
}

/// Removes a report, with what it says of whoever made it; `None` where there is none with that id.
///
/// # Errors
/// When the database does not answer.
pub async fn close(store: &Store, id: AbuseReportId) -> Result<Option<abuse_report::Model>, DbErr> {
    let transaction = store.begin().await?;
    let row = abuse_report::Entity::find_by_id(id).one(&*transaction).await?;
    abuse_report::Entity::delete_by_id(id).exec(&*transaction).await?;
    transaction.commit().await?;
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something_and_moves_no_cursor() {
        assert_eq!(
            reason("  phishing\r\n\u{1b}[2Jmy bank\0 "),
            Some("phishing\n[2Jmy bank".to_owned())
        );
        for text in ["", "  \n ", &"x".repeat(MAX_REASON + 1)] {
            assert_eq!(reason(text), None);
        }
        assert!(reason(&"ä".repeat(MAX_REASON)).is_some());
    }

    #[test]
    fn an_e_mail_address_has_the_form_of_one_or_is_not_given() {
        assert_eq!(email("").ok(), Some(None));
        let kept = email("a@b.example").expect("an address");
        assert_eq!(kept.as_deref(), Some("a@b.example"));
        for text in [
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            "a@b\nc",
            &format!("{}@b", "a".repeat(MAX_EMAIL)),
        ] {
            assert!(email(text).is_err(), "{text}");
        }
    }
}
