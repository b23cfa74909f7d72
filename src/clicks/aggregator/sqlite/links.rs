//! Writing clicks by link: which links they are of, who has been there, and what each link's add up to.
//!
//! Most of what this costs is finding the place of a row, and beginning and ending a statement. So rows are written many at
//! a time, and of a link with several clicks its visitors are read together, where they are few.

use std::{collections::HashSet, sync::LazyLock};

use foldhash::fast::RandomState;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Statement, params};

use super::lot::{self, Click};
use crate::clicks::{
    aggregator::facts::{Facts, Sum},
    traces::FORGET,
};

const IS_VISITOR: &str = "SELECT 1 FROM link_visitor WHERE short_link_id = ?1 AND visitor = ?2";

const VISITORS: &str = "SELECT visitor FROM link_visitor WHERE short_link_id = ?1 LIMIT ?2";

const NOTED: &str = "SELECT seq FROM link_click WHERE short_link_id = ?1 AND click_id = ?2";

static FORGET_COPY: LazyLock<String> = LazyLock::new(|| format!("{} WHERE seq = ?1", FORGET.as_str()));

const JUDGE: &str = "UPDATE link_click SET verdict = ?3 WHERE short_link_id = ?1 AND click_id = ?2";

static ADD_CLICKS: LazyLock<Sql> = LazyLock::new(|| {
    let insert = "INSERT INTO link_click (short_link_id, click_id, seq, clicked_at, verdict) VALUES";
    Sql::of(insert, 5, "ON CONFLICT DO NOTHING")
});

static ADD_VISITORS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::of(
        "INSERT INTO link_visitor (short_link_id, visitor, seq) VALUES",
        3,
        "",
    )
});

static ADD_TOTALS: LazyLock<Sql> = LazyLock::new(|| {
    let insert = "INSERT INTO link_total \
        (short_link_id, clicks, human_clicks, unique_clicks, first_clicked_at, last_clicked_at) VALUES";
    let add = "ON CONFLICT (short_link_id) DO UPDATE SET \
        clicks = clicks + excluded.clicks, \
        human_clicks = human_clicks + excluded.human_clicks, \
        unique_clicks = unique_clicks + excluded.unique_clicks, \
        first_clicked_at = min(first_clicked_at, excluded.first_clicked_at), \
        last_clicked_at = max(last_clicked_at, excluded.last_clicked_at)";
    Sql::of(insert, 6, add)
});

/// How many rows are written at a time.
const TOGETHER: usize = 16;

/// How many visitors of a link are read for each click whose visitor is asked for: it costs as much as to look that many up
/// one by one, which is done where there are more.
const VISITORS_A_CLICK: usize = 4;

/// What writes clicks by link.
pub(super) struct Links<'db> {
    is_visitor: CachedStatement<'db>,
    visitors: CachedStatement<'db>,
    noted: CachedStatement<'db>,
    forget_copy: CachedStatement<'db>,
    judge: CachedStatement<'db>,
    add_clicks: Rows<'db>,
    add_visitors: Rows<'db>,
    add_totals: Rows<'db>,
    /// Who is known to have been to the link that is looked at.
    known: HashSet<i64, RandomState>,
}

impl<'db> Links<'db> {
    pub(super) fn of(db: &'db Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            is_visitor: db.prepare_cached(IS_VISITOR)?,
            visitors: db.prepare_cached(VISITORS)?,
            noted: db.prepare_cached(NOTED)?,
            forget_copy: db.prepare_cached(&FORGET_COPY)?,
            judge: db.prepare_cached(JUDGE)?,
            add_clicks: Rows::of(db, &ADD_CLICKS)?,
            add_visitors: Rows::of(db, &ADD_VISITORS)?,
            add_totals: Rows::of(db, &ADD_TOTALS)?,
            known: HashSet::default(),
        })
    }

    /// Notes clicks, sorted by link and row, and adds them up. A click that is noted already was written twice: its copy adds
    /// nothing, and says nothing any longer of who came.
    pub(super) fn sum(mut self, facts: &Facts, clicks: &mut [Click]) -> rusqlite::Result<()> {
        let link = |click: &Click| lot::bytes(facts.link_id(click.link));
        for clicks in clicks.chunk_by_mut(|one, other| one.link == other.link) {
            let of = clicks.first().map(link).unwrap_or_default();
            self.find_firsts(of, clicks)?;
        }
        for clicks in clicks.chunks_mut(TOGETHER) {
            let noted = self.add_clicks.add(clicks, |statement, at, click| {
                statement.raw_bind_parameter(at, link(click))?;
                statement.raw_bind_parameter(at + 1, click.id)?;
                statement.raw_bind_parameter(at + 2, click.seq)?;
                statement.raw_bind_parameter(at + 3, click.clicked_at.millis())?;
                statement.raw_bind_parameter(at + 4, click.verdict.byte())
            })?;
            let are_all_noted = noted == clicks.len();
            for click in clicks {
                click.is_counted = are_all_noted || self.is_noted(link(click), click)?;
                if !click.is_counted {
                    self.forget_copy.execute([click.seq])?;
                }
            }
        }
        self.pass_firsts_on(link, clicks)?;
        let counted = |click: &&Click| click.is_counted;
        let firsts = clicks.iter().filter(counted);
        let firsts = firsts.filter(|click| click.verdict.is_unique());
        let firsts: Vec<_> = firsts
            .filter_map(|click| Some((link(click), click.visitor?, click.seq)))
            .collect();
        self.add_visitors
            .add(&firsts, |statement, at, (link, visitor, seq)| {
                statement.raw_bind_parameter(at, link)?;
                statement.raw_bind_parameter(at + 1, visitor)?;
                statement.raw_bind_parameter(at + 2, seq)
            })?;
        let totals = clicks.chunk_by(|one, other| one.link == other.link);
        let totals = totals.filter_map(|clicks| {
            let sums = clicks.iter().filter(counted);
            let sums = sums.map(|click| Sum::of(click.clicked_at, click.verdict));
            let sum = sums.reduce(Sum::and)?;
            Some((clicks.first().map(link)?, sum))
        });
        let totals: Vec<_> = totals.collect();
        self.add_totals.add(&totals, |statement, at, (link, sum)| {
            statement.raw_bind_parameter(at, link)?;
            statement.raw_bind_parameter(at + 1, sum.clicks)?;
            statement.raw_bind_parameter(at + 2, sum.human_clicks)?;
            statement.raw_bind_parameter(at + 3, sum.unique_clicks)?;
            statement.raw_bind_parameter(at + 4, sum.first_clicked_at.millis())?;
            statement.raw_bind_parameter(at + 5, sum.last_clicked_at.millis())
        })?;
        Ok(())
    }

    /// Finds out which clicks of one link are a visitor's first.
    ///
    /// A click that is noted already has made its visitor known, so this says the same of its copies as of any other click,
    /// and whether it is one need not be asked before. Where the visitor was forgotten since, see [`Self::pass_firsts_on`].
    fn find_firsts(&mut self, link: [u8; 16], clicks: &mut [Click]) -> rusqlite::Result<()> {
        let visitor = |click: &Click| click.visitor.filter(|_| click.verdict.is_human());
        let asked = clicks.iter().filter_map(visitor).count();
        self.known.clear();
        let mut are_all_known = false;
        if asked > 1 {
            let most = VISITORS_A_CLICK * asked;
            let mut rows = self
                .visitors
                .query(params![link, i64::try_from(most).unwrap_or(i64::MAX)])?;
            while let Some(row) = rows.next()? {
                self.known.insert(row.get(0)?);
            }
            are_all_known = self.known.len() < most;
        }
        for click in clicks {
            let Some(visitor) = visitor(click) else { continue };
            let is_first = self.known.insert(visitor)
                && (are_all_known || !self.is_visitor.exists(params![link, visitor])?);
            click.verdict = click.verdict.that_is_unique(is_first);
        }
        Ok(())
    }

    /// Gives what was taken for a first click, and is a copy of one whose visitor is no longer known, to the visitor's next:
    /// the person was forgotten since, or their click judged a bot's. Copies are rare, and such ones hardly ever seen.
    fn pass_firsts_on(
        &mut self,
        link: impl Fn(&Click) -> [u8; 16],
        clicks: &mut [Click],
    ) -> rusqlite::Result<()> {
        for at in 0..clicks.len() {
            let copy = clicks[at];
            if copy.is_counted || !copy.verdict.is_unique() {
                continue;
            }
            let is_next = |click: &&mut Click| {
                click.is_counted
                    && (click.link, click.visitor) == (copy.link, copy.visitor)
                    && click.verdict.is_human()
            };
            if let Some(next) = clicks[at + 1..].iter_mut().find(is_next) {
                next.verdict = next.verdict.that_is_unique(true);
                self.judge
                    .execute(params![link(next), next.id, next.verdict.byte()])?;
            }
        }
        Ok(())
    }

    /// Whether it is this row by which a click is noted.
    fn is_noted(&mut self, link: [u8; 16], click: &Click) -> rusqlite::Result<bool> {
        let noted: Option<i64> = self
            .noted
            .query_row(params![link, click.id], |row| row.get(0))
            .optional()?;
        Ok(noted == Some(click.seq))
    }
}

/// A statement that adds rows, many and one.
struct Sql {
    columns: usize,
    many: String,
    one: String,
}

impl Sql {
    fn of(insert: &str, columns: usize, then: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(", "));
        Self {
            columns,
            many: format!("{insert} {} {then}", vec![&*row; TOGETHER].join(", ")),
            one: format!("{insert} {row} {then}"),
        }
    }
}

/// Adds rows of one kind.
struct Rows<'db> {
    columns: usize,
    many: CachedStatement<'db>,
    one: CachedStatement<'db>,
}

impl<'db> Rows<'db> {
    fn of(db: &'db Connection, sql: &Sql) -> rusqlite::Result<Self> {
        Ok(Self {
            columns: sql.columns,
            many: db.prepare_cached(&sql.many)?,
            one: db.prepare_cached(&sql.one)?,
        })
    }

    /// Adds rows, whose values are bound from a place on, and answers how many there are more or other.
    fn add<T>(
        &mut self,
        rows: &[T],
        bind: impl Fn(&mut Statement<'db>, usize, &T) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<usize> {
        let (many, rest) = rows.as_chunks::<TOGETHER>();
        let mut added = 0;
        for rows in many {
            for (place, row) in rows.iter().enumerate() {
                bind(&mut self.many, 1 + place * self.columns, row)?;
            }
            added += self.many.raw_execute()?;
        }
        for row in rest {
            bind(&mut self.one, 1, row)?;
            added += self.one.raw_execute()?;
        }
        Ok(added)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = "
        CREATE TABLE link_click (short_link_id, click_id, seq, clicked_at, verdict,
            PRIMARY KEY (short_link_id, click_id)) WITHOUT ROWID;
        CREATE TABLE link_visitor (short_link_id, visitor, seq, PRIMARY KEY (short_link_id, visitor)) WITHOUT ROWID;
        CREATE TABLE link_total (short_link_id PRIMARY KEY, clicks, human_clicks, unique_clicks,
            first_clicked_at, last_clicked_at) WITHOUT ROWID;
        CREATE TABLE click (seq INTEGER PRIMARY KEY, user_agent_id, address, visitor, country, referrer, language,
            parameters);";

    /// Sums clicks of one link, each given as its id and its visitor, and answers the rows of those that count, the rows of
    /// visitors' first ones, and the link's total.
    fn sum(
        db: &Connection,
        from: i64,
        clicks: &[(u8, i64)],
    ) -> rusqlite::Result<(Vec<i64>, Vec<i64>, [i64; 3])> {
        let mut facts = Facts::default();
        let link = facts.link(uuid::Uuid::from_bytes([9; 16]).into());
        let clicks = (from..).zip(clicks);
        let mut clicks: Vec<_> = clicks
            .map(|(seq, (id, visitor))| Click::of_person(seq, [*id; 16], link, *visitor))
            .collect();
        Links::of(db)?.sum(&facts, &mut clicks)?;
        let counted = clicks.iter().filter(|click| click.is_counted);
        let counted: Vec<_> = counted.map(|click| click.seq).collect();
        let seqs = |sql: &str| -> rusqlite::Result<Vec<i64>> {
            db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
        };
        let total = db.query_row(
            "SELECT clicks, human_clicks, unique_clicks FROM link_total",
            [],
            |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]),
        )?;
        Ok((counted, seqs("SELECT seq FROM link_visitor ORDER BY seq")?, total))
    }

    #[test]
    fn a_copy_among_many_adds_nothing_and_each_visitor_is_new_once() -> rusqlite::Result<()> {
        let db = Connection::open_in_memory()?;
        db.execute_batch(TABLES)?;
        // Twice as many as are written at a time, of which one stands there twice.
        let mut clicks: Vec<_> = (1..=32).map(|id| (id, i64::from(id % 5))).collect();
        clicks[20] = clicks[3];
        let (counted, firsts, total) = sum(&db, 1, &clicks)?;
        assert_eq!(counted, (1..=32).filter(|seq| *seq != 21).collect::<Vec<_>>());
        assert_eq!(firsts, [1, 2, 3, 4, 5]);
        assert_eq!(total, [31, 31, 5]);
        // Copies of clicks of another lot, and one click more.
        clicks.push((33, 7));
        let (counted, firsts, total) = sum(&db, 101, &clicks[15..])?;
        assert_eq!(counted, [118]);
        assert_eq!(firsts, [1, 2, 3, 4, 5, 118]);
        assert_eq!(total, [32, 32, 6]);
        Ok(())
    }

    #[test]
    fn a_copy_of_a_click_whose_visitor_was_forgotten_takes_no_first_from_the_next() -> rusqlite::Result<()> {
        let db = Connection::open_in_memory()?;
        db.execute_batch(TABLES)?;
        sum(&db, 1, &[(1, 7), (2, 8)])?;
        db.execute("DELETE FROM link_visitor", [])?;
        // Copies of both; then who comes again is new once more, and new once.
        let (counted, firsts, total) = sum(&db, 11, &[(1, 7), (2, 8), (1, 7), (3, 7), (4, 7)])?;
        assert_eq!((counted, firsts, total), (vec![14, 15], vec![14], [4, 4, 3]));
        let uniques = "SELECT count(*) FROM link_click WHERE click_id = ?1 AND verdict = ?2";
        let unique = Click::of_person(0, [3; 16], 0, 7).verdict.that_is_unique(true);
        let noted: i64 = db.query_row(uniques, params![[3_u8; 16], unique.byte()], |row| row.get(0))?;
        assert_eq!(noted, 1, "its link knows it as the first");
        Ok(())
    }

    #[test]
    fn a_copy_alone_says_nothing_any_longer_of_its_visitor() -> rusqlite::Result<()> {
        let db = Connection::open_in_memory()?;
        db.execute_batch(TABLES)?;
        let insert = "INSERT INTO click VALUES (?1, 1, 'a', 7, 'US', 'r', 'en', '{}')";
        for seq in [1, 2, 11] {
            db.execute(insert, [seq])?;
        }
        sum(&db, 1, &[(1, 7), (1, 7)])?;
        sum(&db, 11, &[(1, 7)])?;
        let telling = "SELECT group_concat(seq), count(user_agent_id), count(address), count(visitor), count(country), \
            count(referrer), count(language), count(parameters) FROM click \
            WHERE coalesce(user_agent_id, address, visitor, country, referrer, language, parameters) IS NOT NULL";
        let telling = db.query_row(telling, [], |row| {
            let left: [i64; 7] = [
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
                row.get(7)?,
            ];
            Ok((row.get::<_, String>(0)?, left))
        })?;
        assert_eq!(telling, ("1".to_owned(), [1; 7]));
        Ok(())
    }

    #[test]
    fn a_visitor_is_known_however_many_others_there_are() -> rusqlite::Result<()> {
        let db = Connection::open_in_memory()?;
        db.execute_batch(TABLES)?;
        let many: Vec<_> = (1..=250).map(|id| (id, i64::from(id))).collect();
        let (_, firsts, _) = sum(&db, 1, &many)?;
        assert_eq!(firsts.len(), 250);
        // As few clicks as let one visitor be looked up, and several one by one.
        let (_, firsts, total) = sum(&db, 1001, &[(251, 200)])?;
        assert_eq!((firsts.len(), total), (250, [251, 251, 250]));
        let (_, firsts, total) = sum(&db, 2001, &[(252, 249), (253, 300), (254, 300), (255, 1)])?;
        assert_eq!((firsts.len(), total), (251, [255, 255, 251]));
        assert_eq!(firsts.last(), Some(&2002));
        Ok(())
    }
}
