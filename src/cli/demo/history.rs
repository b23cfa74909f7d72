//! Thirty days of clicks to look at: what a small sender's account would have by now.
//!
//! All of it is drawn from a seed: only the times differ from one demo to the next, and those by the moments at which they
//! are made. So whoever writes about a figure of it finds the same one.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context as _, Result};
use entity::{
    ClickId, ShortLinkId, Timestamp, account, agent_list,
    click::{self, BotReason, Method},
    offer, sending_list, short_link, user_agent,
};
use sea_orm::{ActiveValue::NotSet, ConnectionTrait, EntityTrait, IntoActiveModel};
use serde_json::json;
use siphasher::sip::SipHasher24;

use crate::{
    clicks::{judge::Judge, visit::Visit},
    links::destination::Destination,
    store::NewClick,
    values::{template::Creation, web_url::WebUrl},
};

/// How many days before the demo's first start its history begins.
pub(super) const DAYS: i64 = 30;

const LINKS: i64 = 40;

const CLICKS: i64 = 5_000;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// How many people the texts went to.
const PEOPLE: u64 = 300;

/// How long before a link is hardly clicked any more.
const CAMPAIGN: i64 = 12 * DAY;

/// Rows of one statement.
const LOT: usize = 500;

const CAMPAIGNS: [&str; 5] = [
    "welcome",
    "spring sale",
    "win back",
    "new arrivals",
    "last chance",
];

const SEGMENTS: [&str; 4] = ["new", "regular", "vip", "lapsed"];

const COUNTRIES: [&str; 10] = ["US", "US", "US", "US", "CA", "CA", "MX", "GB", "DE", "BR"];

const LANGUAGES: [&str; 10] = [
    "en-US", "en-US", "en-US", "es-US", "en-CA", "fr-CA", "es-MX", "en-GB", "de-DE", "pt-BR",
];

/// Where people came from who did not open the text itself.
const REFERRERS: [&str; 4] = [
    "https://www.facebook.com/",
    "https://l.instagram.com/",
    "https://mail.google.com/",
    "https://shop.example.com/deals",
];

const PEOPLES_AGENTS: [&str; 10] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; SM-S921U) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22B83 [FBAN/FBIOS;FBAV/488.0.0.69.103]",
    "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
];

const BOTS_AGENTS: [&str; 8] = [
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "WhatsApp/2.23.20.0",
    "TelegramBot (like TwitterBot)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "curl/8.5.0",
    "python-requests/2.31.0",
];

/// What the links belong to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender<'a> {
    pub(super) account: &'a account::Model,
    pub(super) lists: &'a [sending_list::Model],
    pub(super) offers: &'a [offer::Model],
}

/// Numbers that look random and are the same in each demo.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: u64) -> u64 {
        self.0 += 1;
        SipHasher24::new_with_key(b"linkhop demo, 1.").hash(&self.0.to_be_bytes()) % end
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let at = self.below(all.len() as u64);
        all.get(usize::try_from(at).unwrap_or_default())
    }

    /// A time below `end`: the earlier, the likelier.
    fn soon(&mut self, end: i64) -> i64 {
        let end = end.unsigned_abs().max(1);
        let soonest = (0..4).map(|_| self.below(end)).min();
        soonest.unwrap_or_default().cast_signed()
    }
}

/// Stores links that were made in the days before `now`, and what became of them.
pub(super) async fn seed(
    db: &impl ConnectionTrait,
    sender: Sender<'_>,
    judge: &Judge,
    now: Timestamp,
) -> Result<()> {
    let mut draws = Draws(0);
    let links: Vec<_> = (0..LINKS)
        .map(|number| link(&mut draws, sender, number, now))
        .collect::<Result<_>>()?;
    let rows = links.iter().cloned().map(short_link::Model::into_active_model);
    short_link::Entity::insert_many(rows)
        .exec_without_returning(db)
        .await?;
    let mut clicks = Vec::new();
    for number in 0..CLICKS {
        // The newest links have had the least time.
        let at = draws
            .below(LINKS.unsigned_abs())
            .min(draws.below(LINKS.unsigned_abs()));
        let link = links.get(usize::try_from(at)?).context("a link")?;
        let age = now.millis() - link.created_at.millis();
        let made = link.created_at.millis() + MINUTE + draws.soon((age - 2 * MINUTE).min(CAMPAIGN));
        clicks.push((Timestamp::from_millis(made), number, link));
    }
    clicks.sort_by_key(|(made, number, _)| (*made, *number));
    let clicks: Vec<_> = clicks
        .into_iter()
        .map(|(made, _, link)| click(&mut draws, judge, link, made))
        .collect();
    store(db, &clicks).await
}

fn link(draws: &mut Draws, sender: Sender<'_>, number: i64, now: Timestamp) -> Result<short_link::Model> {
    const CODE: [char; 32] = [
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
        'x', 'y', 'z', '2', '3', '4', '5', '6', '7', '8', '9', 'A',
    ];
    let created_at = Timestamp::from_millis(now.millis() - DAYS * DAY + number * DAYS * DAY / (LINKS + 1));
    let list = draws.one_of(sender.lists).context("a list")?;
    let code: String = (0..7).filter_map(|_| draws.one_of(&CODE)).collect();
    let metadata = json!({"campaign": draws.one_of(&CAMPAIGNS), "segment": draws.one_of(&SEGMENTS)});
    // Numbers that are set aside for stories.
    let contact_phone = (number % 3 == 0).then(|| format!("+12025550{}", 100 + number));
    let offer = if number % 5 == 4 {
        None
    } else {
        draws.one_of(sender.offers)
    };
    let destination = match offer {
        None => Destination::of_url(WebUrl::parse("https://shop.example.com/deals")?),
        Some(offer) => Destination::of_offer(
            offer,
            sender.account,
            &Creation {
                contact_phone: contact_phone.as_deref(),
                code: &code,
                offer_id: offer.id,
                offer_external_id: offer.external_id.as_deref(),
                list_id: list.list_id,
                metadata: &metadata,
            },
        )?,
    };
    Ok(short_link::Model {
        id: ShortLinkId::at(created_at),
        account_id: sender.account.id,
        domain_id: list.domain_id.context("the list's domain")?,
        code,
        destination: destination.into(),
        sending_list_id: list.id,
        offer_id: offer.map(|offer| offer.id),
        contact_phone,
        metadata,
        filter_bots: false,
        status: short_link::Status::Active,
        expires_at: None,
        max_clicks: None,
        fallback_url: None,
        created_at,
        exhausted_at: None,
        api_key_id: None,
    })
}

/// A click of a person, who has one device and lives in one place, or of a bot, as the server would have judged it.
fn click(draws: &mut Draws, judge: &Judge, link: &short_link::Model, at: Timestamp) -> NewClick {
    let person = draws.below(PEOPLE);
    let place = usize::try_from(person % 10).unwrap_or_default();
    let agent = usize::try_from(person / 10 % 37 % 10).unwrap_or_default();
    let [.., second, last] = person.to_be_bytes();
    let address = IpAddr::from(Ipv4Addr::new(198, 18, second, last));
    let sign = draws.below(100);
    let is_of_a_burst = matches!(sign, 20..22);
    let referrer = if draws.below(8) == 0 {
        draws.one_of(&REFERRERS)
    } else {
        None
    };
    let query = match draws.below(12) {
        0 => "source=newsletter",
        1 => "source=partner&sub1=banner",
        2 => "sub1=footer",
        _ => "",
    };
    let visit = Visit {
        id: ClickId::at(at),
        link: link.id,
        destination: &link.destination,
        at,
        method: if matches!(sign, 0..3) {
            Method::Head
        } else {
            Method::Get
        },
        user_agent: match sign {
            3..5 => None,
            5..17 => draws.one_of(&BOTS_AGENTS).copied(),
            _ => Some(PEOPLES_AGENTS[agent]),
        },
        is_prefetch: matches!(sign, 17..19),
        address: Some(address),
        referrer: referrer.copied(),
        languages: Some(LANGUAGES[place]),
        query,
        is_private: sign == 99,
    };
    let (click, _) = visit.click(judge);
    let mut click = std::sync::Arc::unwrap_or_clone(click);
    let row = &mut click.row;
    if row.address.is_some() {
        row.country = Some(COUNTRIES[place].to_owned());
    }
    // What no request says by itself: that its network is a bot's, or that there were many more like it.
    if sign == 19 && row.bot_reason.is_none() {
        row.bot_reason = Some(BotReason::IpRange);
    } else if is_of_a_burst && row.bot_reason.is_none() {
        row.bot_reason = Some(BotReason::Burst);
    }
    click
}

/// Stores clicks in their order, with the texts that they name.
async fn store(db: &impl ConnectionTrait, clicks: &[NewClick]) -> Result<()> {
    let mut agents: Vec<_> = clicks.iter().filter_map(|click| click.agent.as_deref()).collect();
    agents.sort_by_key(|agent| agent.id);
    agents.dedup_by_key(|agent| agent.id);
    let agents = agents
        .into_iter()
        .cloned()
        .map(user_agent::Model::into_active_model);
    user_agent::Entity::insert_many(agents)
        .exec_without_returning(db)
        .await?;
    let list = &clicks.first().context("a click")?.list;
    agent_list::Entity::insert(agent_list::Model::clone(list).into_active_model())
        .exec_without_returning(db)
        .await?;
    for lot in clicks.chunks(LOT) {
        let rows = lot.iter().map(|click| click::ActiveModel {
            seq: NotSet,
            ..click.row.clone().into_active_model()
        });
        click::Entity::insert_many(rows)
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}
