//! What clicks are made of: two accounts, and their links.

use anyhow::{Context as _, Result};
use entity::{
    DomainId, OfferId, SendingListId, ShortLinkId, Timestamp, account, api_key, domain, offer, sending_list,
    short_link,
};
use linkhop::{
    accounts::{self, Granter, NewApiKey},
    store::Store,
};
use sea_orm::{EntityTrait as _, IntoActiveModel as _};
use serde_json::json;

use super::{DAY, DAYS, END, id, random::Random};

/// The domain that redirects are asked of, as `scripts/load/server.py` names it.
const HOST: &str = "go.example.com";

/// One link of so many is the second account's.
const OTHERS: usize = 33;

/// How many links on [`HOST`] are named to whoever asks them.
const CODES: usize = 10_000;

/// What is stored, and what reports will be asked about.
pub(super) struct Catalog {
    /// A key of the first account that may read.
    pub(super) key: String,
    /// The links of both accounts, in the order of their making.
    pub(super) links: Vec<Link>,
    pub(super) offer: OfferId,
    /// By its id and by its number.
    pub(super) list: (SendingListId, i32),
    pub(super) domain: DomainId,
    /// Codes of links on [`HOST`].
    pub(super) codes: Vec<String>,
}

/// What a click must know of its link.
pub(super) struct Link {
    pub(super) id: ShortLinkId,
    pub(super) created_at: Timestamp,
}

/// What the links of an account belong to.
struct Owner {
    account: account::Model,
    domains: Vec<domain::Model>,
    lists: Vec<sending_list::Model>,
    offers: Vec<offer::Model>,
}

impl Catalog {
    /// Makes and stores all of it.
    pub(super) async fn make(store: &Store, random: &mut Random, links: u32) -> Result<Self> {
        let one = Owner::make(store, random, "one", [4, 20, 50]).await?;
        let other = Owner::make(store, random, "other", [1, 1, 2]).await?;
        let new = NewApiKey {
            name: "bench".to_owned(),
            scopes: vec![api_key::Scope::Admin],
            expires_at: None,
        };
        let (_, key) = accounts::create_key(
            &store.write,
            Granter::Operator(one.account.id),
            new,
            nanoid::rngs::default,
            END,
        )
        .await?;
        let mut catalog = Self {
            key: key.expose().to_owned(),
            links: Vec::new(),
            offer: one.offers.get(1).context("offers")?.id,
            list: one
                .lists
                .get(1)
                .map(|list| (list.id, list.list_id))
                .context("lists")?,
            domain: one.domains.get(1).context("domains")?.id,
            codes: Vec::new(),
        };
        let begin = END.millis() - DAYS * DAY;
        let mut lot = Vec::with_capacity(1000);
        for number in 0..links {
            let created_at =
                Timestamp::from_millis(begin + DAYS * DAY * i64::from(number) / i64::from(links));
            // The first is the one that most is clicked, the middle one a usual one: reports are asked about both.
            let is_asked_about = number == 0 || number == links / 2;
            let is_other = !is_asked_about && random.one_in(OTHERS);
            let link = if is_other { &other } else { &one }.link(random, number, created_at);
            catalog.links.push(Link {
                id: link.id,
                created_at,
            });
            if link.domain_id == one.domains[0].id && catalog.codes.len() < CODES {
                catalog.codes.push(link.code.clone());
            }
            lot.push(link);
            if lot.len() == 1000 || number + 1 == links {
                let rows = lot.drain(..).map(short_link::Model::into_active_model);
                short_link::Entity::insert_many(rows)
                    .exec_without_returning(&store.write)
                    .await?;
            }
        }
        Ok(catalog)
    }
}

impl Owner {
    /// An account with so many domains, lists and offers, stored.
    async fn make(
        store: &Store,
        random: &mut Random,
        name: &str,
        [domains, lists, offers]: [i32; 3],
    ) -> Result<Self> {
        let now = Timestamp::from_millis(END.millis() - DAYS * DAY - 1);
        let account = accounts::create(&store.write, name, &[account::Product::Sms], now).await??;
        let domains: Vec<_> = (0..domains)
            .map(|number| domain::Model {
                id: id(random, now).into(),
                account_id: account.id,
                host: if (name, number) == ("one", 0) {
                    HOST.to_owned()
                } else {
                    format!("go{number}.{name}.example")
                },
                scheme: domain::Scheme::Http,
                status: domain::Status::Active,
                root_url: None,
                fallback_url: None,
                created_at: now,
            })
            .collect();
        let lists: Vec<_> = (0..lists)
            .map(|number| sending_list::Model {
                id: id(random, now).into(),
                account_id: account.id,
                list_id: number,
                phone_number: format!("+1800555{number:04}"),
                brand_name: format!("Brand {number}"),
                status: sending_list::Status::Active,
                metadata: json!({}),
                domain_id: Some(domains[0].id),
                created_at: now,
            })
            .collect();
        let offers: Vec<_> = (0..offers)
            .map(|number| offer::Model {
                id: id(random, now).into(),
                account_id: account.id,
                name: format!("Offer {number}"),
                tracking_url: "https://shop.example.com/?click={{click.id}}".to_owned(),
                platform: None,
                external_id: None,
                payout: None,
                payout_currency: None,
                payout_type: None,
                filter_bots: None,
                status: offer::Status::Active,
                metadata: json!({}),
                created_at: now,
            })
            .collect();
        let db = &store.write;
        domain::Entity::insert_many(domains.iter().cloned().map(domain::Model::into_active_model))
            .exec_without_returning(db)
            .await?;
        sending_list::Entity::insert_many(lists.iter().cloned().map(sending_list::Model::into_active_model))
            .exec_without_returning(db)
            .await?;
        offer::Entity::insert_many(offers.iter().cloned().map(offer::Model::into_active_model))
            .exec_without_returning(db)
            .await?;
        Ok(Self {
            account,
            domains,
            lists,
            offers,
        })
    }

    /// One link of a campaign: half of them for one recipient, nine of ten of an offer.
    fn link(&self, random: &mut Random, number: u32, created_at: Timestamp) -> short_link::Model {
        const SEGMENTS: [&str; 8] = [
            "new", "regular", "vip", "lapsed", "trial", "partner", "staff", "other",
        ];
        let offer = &self.offers[random.below(self.offers.len())];
        let campaign = random.below(40);
        short_link::Model {
            id: id(random, created_at).into(),
            account_id: self.account.id,
            domain_id: self.domains[random.below(self.domains.len())].id,
            code: random.code(),
            destination: "https://shop.example.com/?click={{click.id}}".to_owned(),
            sending_list_id: self.lists[random.below(self.lists.len())].id,
            offer_id: (number == 0 || !random.one_in(10)).then_some(offer.id),
            contact_phone: random
                .one_in(2)
                .then(|| format!("+1202{:07}", 5_550_000 + number)),
            metadata: json!({"campaign": format!("campaign {campaign}"), "segment": SEGMENTS[random.below(8)]}),
            filter_bots: false,
            status: short_link::Status::Active,
            expires_at: None,
            max_clicks: None,
            fallback_url: None,
            created_at,
            exhausted_at: None,
            api_key_id: None,
        }
    }
}
