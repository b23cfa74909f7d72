//! Clicks as they are stored and summed, without visits.

use std::collections::{BTreeMap, btree_map::Entry};

use entity::{
    ClickId, ShortLinkId, StoredVerdict, Timestamp, agent_list, click, click_column, click_summing,
    link_click, link_total, link_visitor, subject_quarter, subject_total, text_id, user_agent,
};
use sea_orm::{
    ActiveValue::NotSet, ConnectionTrait as _, DatabaseBackend, DatabaseTransaction, EntityTrait,
    IntoActiveModel, TransactionTrait as _, sea_query::OnConflict,
};
use serde_json::json;

use super::{BROWSER, START, TestApp};

/// The version of the list that judged [`a_click`].
pub const LIST: &str = "isbot 5.2.3 + crawler-user-agents 1.60.0";

/// A person's click that was made some seconds after the test began, with all that is kept of one.
pub fn a_click(link: ShortLinkId, seconds: i64) -> click::Model {
    let clicked_at = Timestamp::from_millis(START.millis() + seconds * 1000);
    click::Model {
        seq: 0,
        id: ClickId::at(clicked_at),
        clicked_at,
        short_link_id: link,
        method: click::Method::Get,
        bot_reason: None,
        bot_kind: None,
        is_prefetch: false,
        agent_list_id: text_id(LIST),
        user_agent_id: Some(text_id(BROWSER)),
        address: Some("203.0.113.0".to_owned()),
        visitor: Some(1),
        country: Some("US".to_owned()),
        referrer: Some("www.example.com".to_owned()),
        language: Some("en-US".to_owned()),
        parameters: Some(json!({"sub1": "a", "source": "sms", "size": "xl"})),
    }
}

/// A click without what it says of its visitor.
pub fn untraced(click: &click::Model) -> click::Model {
    click::Model {
        user_agent_id: None,
        address: None,
        visitor: None,
        country: None,
        referrer: None,
        language: None,
        parameters: None,
        ..click.clone()
    }
}

impl TestApp {
    /// Stores these clicks in this order, and what they name.
    pub async fn store_clicks(&self, clicks: &[click::Model]) {
        let db = &self.store().write;
        let list = agent_list::Model {
            id: text_id(LIST),
            version: LIST.to_owned(),
        };
        let agent = user_agent::Model {
            id: text_id(BROWSER),
            text: BROWSER.to_owned(),
            device: Some("smartphone".to_owned()),
            os: Some("iOS".to_owned()),
            browser: Some("Safari".to_owned()),
        };
        let once = || OnConflict::new().do_nothing().to_owned();
        let list = agent_list::Entity::insert(list.into_active_model()).on_conflict(once());
        list.exec_without_returning(db).await.expect("a list");
        let agent = user_agent::Entity::insert(agent.into_active_model()).on_conflict(once());
        agent.exec_without_returning(db).await.expect("an agent");
        for lot in clicks.chunks(1000) {
            let rows = lot.iter().map(|click| click::ActiveModel {
                seq: NotSet,
                ..click.clone().into_active_model()
            });
            let insert = click::Entity::insert_many(rows);
            insert.exec_without_returning(db).await.expect("clicks");
        }
    }

    /// Sums the clicks that are stored as far as `done` says, from the first one on.
    pub async fn sum_clicks(&self, done: click_summing::Model) {
        let (mut totals, mut clicks, mut visitors) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for click in self.clicks().await {
            let link = click.short_link_id;
            let part = done.link.zip(done.link_through);
            let is_upcoming =
                click.seq <= done.upcoming && part.is_some_and(|part| (link, click.seq) <= part);
            if click.seq > done.through && !is_upcoming {
                continue;
            }
            let Entry::Vacant(place) = clicks.entry((link, click.id)) else {
                continue;
            };
            let place = place.insert((click.seq, click.clicked_at, StoredVerdict::default()));
            let total = totals.entry(link).or_insert(link_total::Model {
                short_link_id: link,
                clicks: 0,
                human_clicks: 0,
                unique_clicks: 0,
                first_clicked_at: click.clicked_at,
                last_clicked_at: click.clicked_at,
            });
            total.clicks += 1;
            total.first_clicked_at = total.first_clicked_at.min(click.clicked_at);
            total.last_clicked_at = total.last_clicked_at.max(click.clicked_at);
            let mut is_unique = false;
            total.human_clicks += i64::from(click.bot_reason.is_none());
            if let (None, Some(visitor)) = (click.bot_reason, click.visitor)
                && let Entry::Vacant(place) = visitors.entry((link, visitor))
            {
                place.insert(click.seq);
                total.unique_clicks += 1;
                is_unique = true;
            }
            place.2 = StoredVerdict::new(click.bot_reason, click.bot_kind, is_unique);
        }
        let clicks = clicks.into_iter();
        let clicks = clicks.map(|((link, click), (seq, clicked_at, verdict))| link_click::Model {
            short_link_id: link,
            click_id: click,
            seq,
            clicked_at,
            verdict,
        });
        let visitors = visitors
            .into_iter()
            .map(|((link, visitor), seq)| link_visitor::Model {
                short_link_id: link,
                visitor,
                seq,
            });
        let sums = self.recount(done.through).await;
        let db = self.store().write.begin().await.expect("a transaction");
        replace::<link_total::Entity, _>(&db, totals.into_values()).await;
        replace::<link_click::Entity, _>(&db, clicks).await;
        replace::<link_visitor::Entity, _>(&db, visitors).await;
        replace::<click_column::Entity, click_column::Model>(&db, []).await;
        replace::<subject_total::Entity, subject_total::Model>(&db, []).await;
        replace::<subject_quarter::Entity, subject_quarter::Model>(&db, []).await;
        sums.write(&db).await;
        replace::<click_summing::Entity, _>(&db, [done]).await;
        db.commit().await.expect("sums");
    }

    /// Makes this link one of a thousand that were clicked, with half of 8,000 clicks, all but the last ten of which are
    /// summed; and the database knows how many rows there are.
    pub async fn be_busy(&self, link: ShortLinkId) {
        let others: Vec<_> = (0..1000).map(|_| ShortLinkId::at(START)).collect();
        let clicks = (0..8000_i64)
            .zip(others.iter().cycle())
            .map(|(at, other)| click::Model {
                visitor: Some(at % 500),
                ..a_click(if at % 2 == 0 { link } else { *other }, at)
            });
        self.store_clicks(&clicks.collect::<Vec<_>>()).await;
        let rows = self.clicks().await;
        self.sum_clicks(summed_through(rows[7989].seq)).await;
        let db = &self.store().write;
        if db.get_database_backend() == DatabaseBackend::Postgres {
            db.execute_unprepared("ANALYZE").await.expect("figures");
        }
    }

    /// Sums every click that is stored.
    pub async fn sum_all_clicks(&self) {
        let last = self.clicks().await.last().map_or(0, |click| click.seq);
        self.sum_clicks(summed_through(last)).await;
    }
}

/// How far clicks are summed where no lot is under way.
pub fn summed_through(last: i64) -> click_summing::Model {
    click_summing::Model {
        id: 1,
        through: last,
        upcoming: last,
        link: None,
        link_through: None,
        kept_from: Timestamp::from_millis(0),
    }
}

/// Makes these the only rows of a table.
async fn replace<E, M>(db: &DatabaseTransaction, rows: impl IntoIterator<Item = M>)
where
    E: EntityTrait<Model = M>,
    M: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: Send,
{
    E::delete_many().exec(db).await.expect("no rows");
    let rows: Vec<_> = rows.into_iter().map(IntoActiveModel::into_active_model).collect();
    for lot in rows.chunks(1000) {
        let insert = E::insert_many(lot.iter().cloned());
        insert.exec_without_returning(db).await.expect("rows");
    }
}
