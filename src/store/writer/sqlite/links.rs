//! The links of a lot, stored a few at a time.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{
    super::{
        Done,
        lot::{Asked, Write},
    },
    rows::insert_links,
};

/// How many links are stored before it is looked whether clicks have come meanwhile: a row with its indexes takes as long
/// as those of five clicks. With fewer, each has more of the pages that every transaction with links writes, and the disk is
/// what clicks wait for then.
pub(super) const PART: usize = 32;

pub(in crate::store) const LAST_LINK: &str = "SELECT coalesce(max(seq), 0) FROM short_link";

pub(in crate::store) const INDEX_LINKS: &str = "INSERT INTO short_link_index (rowid, terms) \
    SELECT seq, terms FROM short_link_terms WHERE seq > ?1";

/// The links that a transaction stores.
#[derive(Default)]
pub(super) struct LinksOfLot {
    /// How many there are.
    pub(super) count: usize,
    /// How long it took to store them, but for the commit.
    pub(super) took: Duration,
    /// Where to look for a lone link that is left, by the place of its write in the lot.
    lone: usize,
    /// And where for a set.
    set: usize,
    /// The last row before them; `None` while there are none.
    after: Option<i64>,
}

impl LinksOfLot {
    /// Stores some of the links that are left, and adds what became of them to the outcomes of their writes; answers whether
    /// there were any.
    pub(super) fn store_part(
        &mut self,
        db: &Connection,
        writes: &[Asked],
        outcomes: &mut [Done],
    ) -> rusqlite::Result<bool> {
        let begin = Instant::now();
        let mut room = PART;
        while room > 0
            && let Some(at) = self.next(writes, outcomes)
            && let (Write::Links(new, before, _), Done::Links(now)) = (&writes[at].write, &mut outcomes[at])
        {
            if self.after.is_none() {
                self.after = Some(db.prepare_cached(LAST_LINK)?.query_row([], |row| row.get(0))?);
            }
            let left = &new.links[before.len() + now.len()..];
            let part = &left[..left.len().min(room)];
            now.append(&mut insert_links(db, part, &new.entry)?);
            room -= part.len();
        }
        if room == PART {
            return Ok(false);
        }
        self.count += PART - room;
        self.took += begin.elapsed();
        Ok(true)
    }

    /// The next write of which links are left. Lone ones come first: who makes one doesn't wait for those who make hundreds.
    fn next(&mut self, writes: &[Asked], outcomes: &[Done]) -> Option<usize> {
        for (at, is_for_lone) in [(&mut self.lone, true), (&mut self.set, false)] {
            while let (Some(asked), Some(outcome)) = (writes.get(*at), outcomes.get(*at)) {
                if let (Write::Links(new, before, _), Done::Links(now)) = (&asked.write, outcome)
                    && (new.links.len() == 1) == is_for_lone
                    && before.len() + now.len() < new.links.len()
                {
                    return Some(*at);
                }
                *at += 1;
            }
        }
        None
    }

    /// Adds them to the index of words.
    pub(super) fn index(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let begin = Instant::now();
        if let Some(after) = self.after {
            db.prepare_cached(INDEX_LINKS)?.execute([after])?;
            self.took += begin.elapsed();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            super::{
                Kept,
                lot::{Lot, Message},
                made::{click, links},
            },
            tests::writer,
        },
        *,
    };

    fn lot(messages: impl IntoIterator<Item = Message>) -> Vec<Asked> {
        let mut lot = Lot::default();
        for message in messages {
            lot.add(message);
        }
        lot.writes
    }

    #[tokio::test]
    async fn lone_links_come_before_those_of_a_set_and_none_twice() {
        let folder = tempfile::tempdir().expect("a folder");
        let writer = writer(&folder).await;
        let asked = lot([links(PART + 3), click(), links(1), links(1)]);
        let nothing = || Done::Links(Vec::new());
        let mut outcomes = vec![nothing(), Done::Click(Kept::Stored), nothing(), nothing()];
        let mut stored = LinksOfLot::default();
        let mut counts = Vec::new();
        while stored
            .store_part(&writer.db, &asked, &mut outcomes)
            .expect("stored")
        {
            let count = |done: &Done| match done {
                Done::Links(part) => part.len(),
                Done::Click(_) => 0,
            };
            counts.push(outcomes.iter().map(count).collect::<Vec<_>>());
        }
        assert_eq!(counts, [[PART - 2, 0, 1, 1], [PART + 3, 0, 1, 1]]);
        assert_eq!(stored.count, PART + 5);
    }
}
