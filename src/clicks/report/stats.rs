//! How often links, offers, lists and domains were clicked: the figures of a page in a statement or two.

use std::collections::{HashMap, HashSet};

use entity::{AccountId, DomainId, OfferId, SendingListId, ShortLinkId, Timestamp};
use foldhash::fast::RandomState;
use sea_orm::{DatabaseBackend, DbErr, QueryResult};
use uuid::Uuid;

use super::{
    Counts, Period, Reports, chunks,
    sieve::Sieve,
    tail::Tail,
    view::{View, places},
};
use crate::{
    clicks::{
        columns::{Chunk, Column, DAY},
        totals::totals,
    },
    store::pad,
};

/// What has figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A short link.
    Link(ShortLinkId),
    /// An offer: its links.
    Offer(OfferId),
    /// A sending list: its links.
    List(SendingListId),
    /// A domain: its links.
    Domain(DomainId),
}

/// What is known of the clicks of one subject, of which there is at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// How many there are.
    pub counts: Counts,
    /// The earliest.
    pub first_clicked_at: Timestamp,
    /// The latest.
    pub last_clicked_at: Timestamp,
}

impl Stats {
    fn add(&mut self, more: &Self) {
        self.counts += more.counts;
        self.first_clicked_at = self.first_clicked_at.min(more.first_clicked_at);
        self.last_clicked_at = self.last_clicked_at.max(more.last_clicked_at);
    }
}

impl Subject {
    /// The column that has it, and what stands there.
    fn word(self) -> (Column, Uuid) {
        match self {
            Self::Link(id) => (Column::Link, id.into()),
            Self::Offer(id) => (Column::Offer, id.into()),
            Self::List(id) => (Column::List, id.into()),
            Self::Domain(id) => (Column::Domain, id.into()),
        }
    }
}

/// The figures of subjects by their ids, which are different whatever they name.
type Found = HashMap<Uuid, Stats, RandomState>;

impl Reports {
    /// The figures of those of these subjects that are the account's and have clicks of the period.
    ///
    /// All clicks are in sums; of a period, those of a link are noted one by one, and those of the others summed by the
    /// quarter of an hour, so that chunks are read for the rest only: less than a quarter at its beginning and one at
    /// its end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn stats(
        &self,
        account: AccountId,
        subjects: &[Subject],
        period: Period,
    ) -> Result<HashMap<Subject, Stats>, DbErr> {
        let mut links = Vec::new();
        let mut others = Vec::new();
        for subject in subjects {
            match subject {
                Subject::Link(link) => links.push(*link),
                _ => others.push(*subject),
            }
        }
        let mut found = Found::default();
        if period.is_open() && !links.is_empty() {
            let totals = totals(&self.store.read, account, &links).await?;
            found.extend(totals.into_values().map(|total| {
                let stats = Stats {
                    counts: Counts {
                        clicks: total.clicks,
                        human_clicks: total.human_clicks,
                        unique_clicks: total.unique_clicks,
                    },
                    first_clicked_at: total.first_clicked_at,
                    last_clicked_at: total.last_clicked_at,
                };
                (total.short_link_id.into(), stats)
            }));
            links.clear();
        }
        if !links.is_empty() || !others.is_empty() {
            let has_edges = !others.is_empty() && !period.parts().edges.is_empty();
            let place = if has_edges {
                Some(self.place(account).await)
            } else {
                None
            };
            let mut view = self.view(account, place).await?;
            if !has_edges && !links.is_empty() && !view.has_each_click(&links, period).await? {
                drop(view);
                let place = self.place(account).await;
                view = self.view(account, Some(place)).await?;
            }
            let mut counting = Counting {
                view: &view,
                period,
                found,
            };
            let each = links
                .iter()
                .copied()
                .map(Subject::Link)
                .chain(others.iter().copied());
            counting.tail(&each.collect::<Vec<_>>()).await?;
            counting.links(&links).await?;
            counting.others(&others).await?;
            found = counting.found;
        }
        let known = |subject: &Subject| Some((*subject, *found.get(&subject.word().1)?));
        Ok(subjects.iter().filter_map(known).collect())
    }
}

/// Figures that are being put together.
struct Counting<'a> {
    view: &'a View,
    period: Period,
    found: Found,
}

impl Counting<'_> {
    async fn links(&mut self, links: &[ShortLinkId]) -> Result<(), DbErr> {
        if links.is_empty() {
            return Ok(());
        }
        let subjects: Vec<_> = links.iter().copied().map(Subject::Link).collect();
        if !self.view.has_each_click(links, self.period).await? {
            return self.chunks(&subjects, self.period).await;
        }
        let links = pad(links.to_vec());
        // By the key of each link: PostgreSQL might else read whatever is noted of all.
        let noted = if self.view.backend() == DatabaseBackend::Postgres {
            "LATERAL (SELECT * FROM link_click WHERE short_link_id = l.id OFFSET 0) AS k ON true"
        } else {
            "link_click AS k ON k.short_link_id = l.id"
        };
        let sql = format!(
            "SELECT k.short_link_id, count(*), count(*) FILTER (WHERE (k.verdict & 7) = 0),
    count(*) FILTER (WHERE (k.verdict & 8) <> 0), min(k.clicked_at), max(k.clicked_at)
FROM short_link AS l JOIN {noted}
WHERE l.account_id = $1 AND l.id IN ({}) AND k.seq <= $2 AND k.clicked_at >= $3 AND k.clicked_at < $4
GROUP BY k.short_link_id",
            places(5, links.len())
        );
        let (from, before) = self.period.millis();
        let values = [self.view.through.into(), from.into(), before.into()];
        let links = links.into_iter().map(Into::into);
        let rows = self.view.rows(sql, values.into_iter().chain(links)).await?;
        self.rows(&rows)
    }

    async fn others(&mut self, subjects: &[Subject]) -> Result<(), DbErr> {
        if subjects.is_empty() {
            return Ok(());
        }
        let parts = self.period.parts();
        let ids: Vec<Uuid> = pad(subjects.iter().map(|subject| subject.word().1).collect());
        let owned = ["offer", "sending_list", "domain"].map(|table| {
            let ids = places(4, ids.len());
            format!("SELECT id FROM {table} WHERE account_id = $1 AND id IN ({ids})")
        });
        let owned = owned.join(" UNION ALL ");
        let sql = if self.period.is_open() {
            format!(
                "SELECT subject_id, clicks, human_clicks, unique_clicks, first_clicked_at, last_clicked_at
FROM subject_total WHERE subject_id IN ({owned}) AND CAST($2 AS integer) < CAST($3 AS integer)"
            )
        } else {
            format!(
                "SELECT subject_id, CAST(sum(clicks) AS bigint), CAST(sum(human_clicks) AS bigint),
    CAST(sum(unique_clicks) AS bigint), min(first_clicked_at), max(last_clicked_at)
FROM subject_quarter WHERE subject_id IN ({owned}) AND quarter >= $2 AND quarter < $3
GROUP BY subject_id"
            )
        };
        let values = [parts.quarters.start.into(), parts.quarters.end.into()];
        let ids = ids.into_iter().map(Into::into);
        let rows = self.view.rows(sql, values.into_iter().chain(ids)).await?;
        self.rows(&rows)?;
        for edge in parts.edges {
            self.chunks(subjects, edge).await?;
        }
        Ok(())
    }

    fn rows(&mut self, rows: &[QueryResult]) -> Result<(), DbErr> {
        for row in rows {
            let stats = Stats {
                counts: Counts {
                    clicks: row.try_get_by_index(1)?,
                    human_clicks: row.try_get_by_index(2)?,
                    unique_clicks: row.try_get_by_index(3)?,
                },
                first_clicked_at: row.try_get_by_index(4)?,
                last_clicked_at: row.try_get_by_index(5)?,
            };
            self.add(row.try_get_by_index(0)?, &stats);
        }
        Ok(())
    }

    fn add(&mut self, subject: Uuid, more: &Stats) {
        self.found
            .entry(subject)
            .and_modify(|stats| stats.add(more))
            .or_insert(*more);
    }

    /// Adds the clicks that nothing else has yet.
    async fn tail(&mut self, subjects: &[Subject]) -> Result<(), DbErr> {
        let sieve = Sieve::of_period(self.period);
        let mut tail = Tail::of(self.view);
        while let Some(chunks) = tail.next().await? {
            for (day, chunk) in chunks {
                self.chunk(day, &chunk, &sieve, subjects);
            }
        }
        Ok(())
    }

    /// Adds the clicks that chunks have of a period. Whoever asks for it has a place.
    async fn chunks(&mut self, subjects: &[Subject], period: Period) -> Result<(), DbErr> {
        let sieve = Sieve::of_period(period);
        let mut columns: Vec<_> = subjects.iter().map(|subject| subject.word().0).collect();
        columns.extend([Column::Verdict, Column::Time]);
        columns.sort_unstable();
        columns.dedup();
        for lot in chunks::lots(self.view, sieve.days()).await? {
            for (day, chunk) in chunks::read(self.view, lot, &columns).await? {
                self.chunk(day, &chunk, &sieve, subjects);
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    fn chunk(&mut self, day: i32, chunk: &Chunk, sieve: &Sieve, subjects: &[Subject]) {
        let mut classes = Vec::new();
        sieve.classify(day, chunk, &mut classes);
        let mut wanted: HashMap<Column, HashSet<Uuid>> = HashMap::new();
        for (column, id) in subjects.iter().map(|subject| subject.word()) {
            wanted.entry(column).or_default().insert(id);
        }
        for (column, ids) in wanted {
            let Some(words) = chunk.words(column) else {
                continue;
            };
            let word = |word: &[u8]| Uuid::from_slice(word).ok().filter(|id| ids.contains(id));
            let wanted: Vec<_> = words.words.iter().map(|bytes| word(bytes)).collect();
            let clicks = words
                .codes
                .iter()
                .zip(&classes)
                .zip(chunk.times())
                .zip(chunk.verdicts());
            for (((code, class), time), verdict) in clicks {
                let subject = (*code as usize).checked_sub(1).and_then(|place| wanted[place]);
                let (Some(subject), true) = (subject, *class > 0) else {
                    continue;
                };
                let time = Timestamp::from_millis(i64::from(day) * DAY + i64::from(*time));
                let counts = Counts {
                    clicks: 1,
                    human_clicks: verdict.is_human().into(),
                    unique_clicks: verdict.is_unique().into(),
                };
                let stats = Stats {
                    counts,
                    first_clicked_at: time,
                    last_clicked_at: time,
                };
                self.add(subject, &stats);
            }
        }
    }
}
