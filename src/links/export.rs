//! All links of an account, a page at a time: in memory is one page, however many there are.

use std::collections::HashMap;

use entity::{AccountId, DomainId, SendingListId, ShortLinkId, Timestamp, domain, short_link};
use sea_orm::{ConnectionTrait, DbErr};

use super::{
    list::{self, LinkFilter},
    lookup::{State, state},
};
use crate::{
    catalog,
    store::{Direction, Part, page},
};

/// How many links a page has: each may hold twelve kilobytes of texts.
const ROWS: u64 = 500;

/// A link with what its row names.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The link.
    pub link: short_link::Model,
    /// What was sent to recipients.
    pub short_url: String,
    /// The number of its list; `None` where the list is another account's.
    pub list_id: Option<i32>,
    /// Where it stands.
    pub state: State,
}

/// Goes through the links of an account, the oldest first. Those that are made meanwhile come too, at the end.
#[derive(Debug)]
pub struct Links<'a, C> {
    db: &'a C,
    account: AccountId,
    filter: LinkFilter,
    now: Timestamp,
    last: Option<ShortLinkId>,
    lists: HashMap<SendingListId, i32>,
    domains: HashMap<DomainId, domain::Model>,
}

impl<'a, C: ConnectionTrait> Links<'a, C> {
    /// Those of the account that pass the filter at `now`.
    #[must_use]
    pub fn new(db: &'a C, account: AccountId, filter: LinkFilter, now: Timestamp) -> Self {
        Self {
            db,
            account,
            filter,
            now,
            last: None,
            lists: HashMap::new(),
            domains: HashMap::new(),
        }
    }

    /// The next page; empty at the end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn next_page(&mut self) -> Result<Vec<Exported>, DbErr> {
        let backend = self.db.get_database_backend();
        let (rows, key) = list::rows(self.account, self.filter.clone(), self.now, backend);
        let part = Part {
            rows: ROWS,
            from_end: false,
            beyond: self.last.map(|last| vec![last.into()]),
        };
        let links = page(self.db, rows, &[key], Direction::Ascending, part)
            .await?
            .rows;
        self.last = links.last().map(|link| link.id);
        self.learn(&links).await?;
        Ok(links.into_iter().map(|link| self.exported(link)).collect())
    }

    /// Reads what these links name and is not known yet: an account has few of each.
    async fn learn(&mut self, links: &[short_link::Model]) -> Result<(), DbErr> {
        let mut lists: Vec<_> = links.iter().map(|link| link.sending_list_id).collect();
        lists.sort_unstable();
        lists.dedup();
        lists.retain(|id| !self.lists.contains_key(id));
        let mut domains: Vec<_> = links.iter().map(|link| link.domain_id).collect();
        domains.sort_unstable();
        domains.dedup();
        domains.retain(|id| !self.domains.contains_key(id));
        if !lists.is_empty() {
            let lists = catalog::sending_list::by_ids(self.db, self.account, &lists).await?;
            self.lists
                .extend(lists.into_iter().map(|list| (list.id, list.list_id)));
        }
        if !domains.is_empty() {
            let domains = catalog::domain::by_ids(self.db, self.account, &domains).await?;
            self.domains
                .extend(domains.into_iter().map(|domain| (domain.id, domain)));
        }
        Ok(())
    }

    fn exported(&self, link: short_link::Model) -> Exported {
        let domain = self.domains.get(&link.domain_id);
        Exported {
            short_url: domain.map_or_else(String::new, |domain| domain.short_url(&link.code)),
            list_id: self.lists.get(&link.sending_list_id).copied(),
            state: state(
                link.status,
                link.expires_at,
                link.exhausted_at.is_some(),
                self.now,
            ),
            link,
        }
    }
}
