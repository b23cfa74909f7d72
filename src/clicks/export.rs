//! The clicks of an account, as a file of clicks has them: what is written here can be brought along elsewhere.

use std::collections::HashMap;

use chrono::SecondsFormat;
use entity::{
    AccountId, ClickId, DomainId, OfferId, SendingListId, ShortLinkId, Timestamp, click, domain, short_link,
};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, DatabaseConnection, DbErr, EntityTrait as _,
    FromQueryResult, QueryFilter as _, QueryOrder as _, QuerySelect as _, Statement,
};
use serde_json::Value;

use super::{import::Fields, list};
use crate::{
    accounts::rows_of,
    catalog,
    store::{pad, value_rows},
    values::query,
};

/// How many row numbers are looked at together.
const SLICE: i64 = 2_000;

/// How many links, and how many agents, are remembered.
const REMEMBERED: usize = 20_000;

/// The parameters that a file names; all others are in its `query`.
const NAMED: [&str; 6] = ["sub1", "sub2", "sub3", "sub4", "sub5", "source"];

/// What clicks must be to be exported: all that is said here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Made then or later.
    pub from: Option<Timestamp>,
    /// Made earlier.
    pub before: Option<Timestamp>,
    /// Of links of this list.
    pub list: Option<SendingListId>,
    /// Of links to this offer.
    pub offer: Option<OfferId>,
    /// Of links on this domain.
    pub domain: Option<DomainId>,
}

/// What is remembered of a link.
#[derive(Clone, Debug, FromQueryResult)]
struct Clicked {
    id: ShortLinkId,
    domain_id: DomainId,
    code: String,
}

/// Goes through the clicks that were stored when it began, in the order of their storing: in memory are a few, however
/// many there are.
#[derive(Debug)]
pub struct Clicks<'a> {
    db: &'a DatabaseConnection,
    account: AccountId,
    wanted: Wanted,
    /// The number of the last row that was looked at, and of the last there is.
    at: i64,
    end: i64,
    /// `None` for a link that is not wanted, or another account's.
    links: HashMap<ShortLinkId, Option<Clicked>>,
    agents: HashMap<i64, String>,
    domains: HashMap<DomainId, domain::Model>,
}

impl<'a> Clicks<'a> {
    /// Begins with the oldest row.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(
        db: &'a DatabaseConnection,
        account: AccountId,
        wanted: Wanted,
    ) -> Result<Self, DbErr> {
        let seq = || click::Entity::find().select_only().column(click::Column::Seq);
        let first = seq()
            .order_by_asc(click::Column::Seq)
            .into_tuple::<i64>()
            .one(db)
            .await?;
        let last = seq()
            .order_by_desc(click::Column::Seq)
            .into_tuple::<i64>()
            .one(db)
            .await?;
        Ok(Self {
            db,
            account,
            wanted,
            at: first.map_or(0, |first| first - 1),
            end: last.unwrap_or_default(),
            links: HashMap::new(),
            agents: HashMap::new(),
            domains: HashMap::new(),
        })
    }

    /// Some more clicks, maybe none; `None` at the end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Fields>>, DbErr> {
        if self.at >= self.end {
            return Ok(None);
        }
        let to = self.end.min(self.at + SLICE);
        let mut rows = self.rows(self.at, to).await?;
        self.at = to;
        self.learn_links(&rows).await?;
        rows.retain(|row| self.links.get(&row.short_link_id).is_some_and(Option::is_some));
        if rows.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let noted = self.noted(&rows).await?;
        // Written twice and counted once.
        rows.retain(|row| {
            noted
                .get(&(row.short_link_id, row.id))
                .is_none_or(|seq| *seq == row.seq)
        });
        self.learn_agents(&rows).await?;
        Ok(Some(
            rows.into_iter().filter_map(|row| self.fields(row)).collect(),
        ))
    }

    async fn rows(&self, from: i64, to: i64) -> Result<Vec<click::Model>, DbErr> {
        use click::Column::{ClickedAt, Seq};

        let Wanted {
            from: since, before, ..
        } = self.wanted;
        click::Entity::find()
            .filter(Seq.gt(from))
            .filter(Seq.lte(to))
            .filter(
                Condition::all()
                    .add_option(since.map(|since| ClickedAt.gte(since)))
                    .add_option(before.map(|before| ClickedAt.lt(before))),
            )
            .order_by_asc(Seq)
            .all(self.db)
            .await
    }

    /// Looks up the links of these clicks that are not known yet, and their domains.
    async fn learn_links(&mut self, rows: &[click::Model]) -> Result<(), DbErr> {
        use short_link::Column::{Code, DomainId, Id, OfferId, SendingListId};

        if self.links.len() > REMEMBERED {
            self.links.clear();
        }
        let unknown = rows
            .iter()
            .map(|row| row.short_link_id)
            .filter(|id| !self.links.contains_key(id));
        let mut unknown: Vec<_> = unknown.collect();
        unknown.sort_unstable();
        unknown.dedup();
        if unknown.is_empty() {
            return Ok(());
        }
        self.links.extend(unknown.iter().map(|id| (*id, None)));
        let Wanted {
            list, offer, domain, ..
        } = self.wanted;
        let links: Vec<Clicked> = rows_of::<short_link::Entity>(self.account)
            .filter(Id.is_in(pad(unknown)))
            .filter(
                Condition::all()
                    .add_option(list.map(|list| SendingListId.eq(list)))
                    .add_option(offer.map(|offer| OfferId.eq(offer)))
                    .add_option(domain.map(|domain| DomainId.eq(domain))),
            )
            .select_only()
            .columns([Id, DomainId, Code])
            .into_model()
            .all(self.db)
            .await?;
        let mut domains: Vec<_> = links.iter().map(|link| link.domain_id).collect();
        domains.sort_unstable();
        domains.dedup();
        domains.retain(|id| !self.domains.contains_key(id));
        if !domains.is_empty() {
            let domains = catalog::domain::by_ids(self.db, self.account, &domains).await?;
            self.domains
                .extend(domains.into_iter().map(|domain| (domain.id, domain)));
        }
        self.links
            .extend(links.into_iter().map(|link| (link.id, Some(link))));
        Ok(())
    }

    async fn learn_agents(&mut self, rows: &[click::Model]) -> Result<(), DbErr> {
        if self.agents.len() > REMEMBERED {
            self.agents.clear();
        }
        let unknown = rows
            .iter()
            .filter_map(|row| row.user_agent_id)
            .filter(|id| !self.agents.contains_key(id));
        let mut unknown: Vec<_> = unknown.collect();
        unknown.sort_unstable();
        unknown.dedup();
        if !unknown.is_empty() {
            let agents = list::user_agents(self.db, unknown).await?;
            self.agents
                .extend(agents.into_iter().map(|agent| (agent.id, agent.text)));
        }
        Ok(())
    }

    /// The rows by which these clicks are noted, where they are.
    async fn noted(&self, rows: &[click::Model]) -> Result<HashMap<(ShortLinkId, ClickId), i64>, DbErr> {
        // Pair by pair: two sets would be gone through in all their combinations.
        let pairs = rows.iter().map(|row| [row.short_link_id.into(), row.id.into()]);
        let (asked, values) = value_rows(pairs);
        let sql = format!(
            "WITH asked (link, click) AS (VALUES {asked}) \
             SELECT k.short_link_id, k.click_id, k.seq FROM asked CROSS JOIN link_click AS k \
             WHERE k.short_link_id = asked.link AND k.click_id = asked.click"
        );
        let backend = self.db.get_database_backend();
        let noted = self
            .db
            .query_all_raw(Statement::from_sql_and_values(backend, sql, values))
            .await?;
        let noted = noted.iter().map(|row| {
            let key = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            Ok((key, row.try_get_by_index(2)?))
        });
        noted.collect()
    }

    /// `None` for a click whose link is on another account's domain, and so has no name.
    fn fields(&self, row: click::Model) -> Option<Fields> {
        let link = self.links.get(&row.short_link_id)?.as_ref()?;
        let short_url = self.domains.get(&link.domain_id)?.short_url(&link.code);
        let agent = row.user_agent_id.and_then(|id| self.agents.get(&id));
        let (mut named, query) = parameters(row.parameters);
        let mut parameter = |name: &str| named.remove(name);
        Some(Fields {
            id: Some(row.id.to_string()),
            short_url: Some(short_url),
            clicked_at: Some(row.clicked_at.utc().to_rfc3339_opts(SecondsFormat::Millis, true)),
            method: Some(row.method.as_str().to_owned()),
            user_agent: agent.cloned(),
            network: row.address,
            visitor: row.visitor.map(written),
            country: row.country,
            referrer: row.referrer,
            language: row.language,
            is_prefetch: row.is_prefetch.then_some(true),
            sub1: parameter("sub1"),
            sub2: parameter("sub2"),
            sub3: parameter("sub3"),
            sub4: parameter("sub4"),
            sub5: parameter("sub5"),
            source: parameter("source"),
            query,
            is_bot: Some(row.bot_reason.is_some()),
            bot_reason: row.bot_reason.map(|reason| reason.as_str().to_owned()),
            // A person's agent may be of a kind, which is no verdict.
            bot_kind: row
                .bot_reason
                .and(row.bot_kind)
                .map(|kind| kind.as_str().to_owned()),
            ..Fields::default()
        })
    }
}

/// A visitor's number as a file has it: sixteen hexadecimal digits.
fn written(visitor: i64) -> String {
    format!("{:016x}", visitor.cast_unsigned())
}

/// What was kept of a short link's query: the parameters that a file names, and a query of all others. An empty one is
/// there too, since an empty cell of CSV says nothing.
fn parameters(kept: Option<Value>) -> (HashMap<String, String>, Option<String>) {
    let mut named = HashMap::new();
    let mut query = Vec::new();
    if let Some(Value::Object(kept)) = kept {
        for (name, value) in kept {
            let Value::String(value) = value else { continue };
            if NAMED.contains(&name.as_str()) && !value.is_empty() {
                named.insert(name, value);
            } else {
                query.push(format!("{}={}", query::encode(&name), query::encode(&value)));
            }
        }
    }
    (named, (!query.is_empty()).then(|| query.join("&")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clicks::said;

    #[test]
    fn parameters_are_written_so_that_they_are_read_as_they_were() {
        let destination = "https://example.com/?a={{query.utm}}";
        let kept = json!({"sub1": "a b&c", "sub2": "", "source": "ä", "utm": "x=y"});
        let (named, query) = parameters(Some(kept.clone()));
        assert_eq!(
            (named["sub1"].as_str(), named["source"].as_str(), named.len()),
            ("a b&c", "ä", 2)
        );
        assert_eq!(query.as_deref(), Some("sub2=&utm=x%3Dy"));
        let pairs = named
            .iter()
            .map(|(name, value)| format!("{name}={}", query::encode(value)));
        let whole: Vec<_> = pairs.chain(query).collect();
        assert_eq!(said::parameters(&whole.join("&"), destination), Some(kept));
        assert_eq!(parameters(None), (HashMap::new(), None));
    }

    #[test]
    fn a_visitor_is_sixteen_digits() {
        assert_eq!(written(-1), "ffffffffffffffff");
        assert_eq!(written(10), "000000000000000a");
    }
}
