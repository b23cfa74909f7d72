//! Clicks in the order in which they were stored.

use entity::{
    ShortLinkId, Timestamp, agent_list,
    click::{self, BotReason, Method},
    text_id,
};
use linkhop::clicks::{
    agents::AgentList,
    known_agents::{KnownAgent, KnownAgents},
};
use serde_json::json;

use super::{DAY, DAYS, END, catalog::Link, id, random::Random};

/// Countries, the first the one that most clicks are from.
const COUNTRIES: [&str; 30] = [
    "US", "CA", "MX", "GB", "DE", "FR", "BR", "ES", "IT", "AU", "NL", "PL", "SE", "AT", "CH", "BE", "PT",
    "IE", "DK", "NO", "FI", "CZ", "JP", "KR", "IN", "AR", "CL", "CO", "NZ", "ZA",
];

/// One that two clicks of ten thousand are from.
pub(super) const RARE_COUNTRY: &str = "IN";

const LANGUAGES: [&str; 6] = ["en-US", "es-US", "en-GB", "de-DE", "fr-CA", "pt-BR"];

/// Agents of people: `#` becomes a number, so that there are many of each.
const PEOPLE: [&str; 12] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_# like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.# Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; SM-S9#U) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/#.0.6478.54 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22B83 [FBAN/FBIOS;FBAV/4#.0.0.36.110]",
    "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.0.0 Mobile Safari/537.36 Instagram 300.0.0.29.110 Android",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPad; CPU OS 17_# like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.# Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.# Safari/605.1.15",
    "Mozilla/5.0 (Android 13; Mobile; rv:#.0) Gecko/#.0 Firefox/#.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/#.0.0.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:#.0) Gecko/20100101 Firefox/#.0",
];

/// Agents of bots, the same way.
const BOTS: [&str; 10] = [
    "facebookexternalhit/1.# (+http://www.facebook.com/externalhit_uatext.php)",
    "WhatsApp/2.23.#.0",
    "Mozilla/5.0 (compatible; bingbot/2.#; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.#; +https://openai.com/gptbot)",
    "Slackbot-LinkExpanding 1.# (+https://api.slack.com/robots)",
    "curl/8.#.0",
    "python-requests/2.#.0",
    "Mozilla/5.0 (compatible; AhrefsBot/7.#; +http://ahrefs.com/robot/)",
    "Mozilla/5.0+(compatible; UptimeRobot/2.#; http://www.uptimerobot.com/)",
    "TelegramBot (like TwitterBot) 1.#",
];

/// How many agents there are of each text.
const OF_PEOPLE: usize = 250;
const OF_BOTS: usize = 10;

/// One click of so many is the hottest link's, one one of a hundredth of all links.
const HOTTEST: usize = 100;
const POPULAR: usize = 7;

/// One click of so many is the same visitor's again, or stored late.
const AGAIN: usize = 4;
const LATE: usize = 200;

/// The clicks of some links, made as they are asked for.
pub(super) struct History<'a> {
    links: &'a [Link],
    clicks: u32,
    made: u32,
    random: Random,
    agents: Vec<KnownAgent>,
    list: agent_list::Model,
}

impl<'a> History<'a> {
    pub(super) fn new(links: &'a [Link], clicks: u32, random: Random) -> Self {
        let known = KnownAgents::new(AgentList::embedded());
        let version = known.list().version().to_owned();
        let all = |texts: &[&str], of_each: usize| -> Vec<_> {
            let numbers = (0..of_each).map(|number| number.to_string());
            let texts = |number: String| {
                texts
                    .iter()
                    .map(move |text| text.replace('#', &number))
                    .collect::<Vec<_>>()
            };
            numbers.flat_map(texts).map(|text| known.read(&text)).collect()
        };
        let mut agents = all(&PEOPLE, OF_PEOPLE);
        agents.extend(all(&BOTS, OF_BOTS));
        Self {
            links,
            clicks,
            made: 0,
            random,
            agents,
            list: agent_list::Model {
                id: text_id(&version),
                version,
            },
        }
    }

    /// Every agent that a click may have.
    pub(super) fn agents(&self) -> &[KnownAgent] {
        &self.agents
    }

    /// The list of bots' agents that judged all clicks.
    pub(super) const fn list(&self) -> &agent_list::Model {
        &self.list
    }

    /// A number below `end`: the smaller, the likelier.
    fn skewed(&mut self, end: usize) -> usize {
        let (one, other) = (self.random.below(end), self.random.below(end));
        one * other / end
    }

    /// When the next row was stored: more by day than by night.
    fn time(&self) -> i64 {
        let days = f64::from(self.made) / f64::from(self.clicks)
            * f64::from(i32::try_from(DAYS).unwrap_or(i32::MAX));
        let turn = std::f64::consts::TAU;
        let shifted = days - 0.8 * (turn * days).sin() / turn;
        #[expect(clippy::cast_possible_truncation, reason = "it is below 90 days")]
        let millis = (shifted * 86_400_000.0) as i64;
        END.millis() - DAYS * DAY + millis
    }

    /// Which link is clicked at a moment: mostly one of the days before, and a few again and again.
    fn link(&mut self, at: i64) -> &'a Link {
        let period = u64::try_from(DAYS * DAY).unwrap_or_default();
        let since = u64::try_from(at - (END.millis() - DAYS * DAY)).unwrap_or_default();
        let all = self.links.len();
        let there = usize::try_from(since * all as u64 / period)
            .unwrap_or_default()
            .min(all - 1)
            + 1;
        if self.random.one_in(HOTTEST) {
            return &self.links[0];
        }
        // Half of all clicks within two days, the last one after months.
        let nearer = self.skewed(all).min(self.skewed(all)).min(self.skewed(all));
        let age = if nearer < there {
            nearer
        } else {
            self.random.below(there)
        };
        let mut at = there - 1 - age;
        if self.random.one_in(POPULAR) {
            at -= at % 100;
        }
        &self.links[at]
    }

    /// Why it is a bot's click, and the agent that came with it.
    fn verdict(&mut self) -> (Option<BotReason>, Option<KnownAgent>) {
        let people = PEOPLE.len() * OF_PEOPLE;
        let number = self.skewed(OF_PEOPLE) * PEOPLE.len() + self.skewed(PEOPLE.len());
        let person = Some(self.agents[number].clone());
        if !self.random.one_in(4) {
            return (None, person);
        }
        match self.random.below(100) {
            0..70 => {
                let number = self.random.below(OF_BOTS) * BOTS.len() + self.skewed(BOTS.len());
                (
                    Some(BotReason::UserAgent),
                    Some(self.agents[people + number].clone()),
                )
            }
            70..80 => (Some(BotReason::Head), person),
            80..85 => (Some(BotReason::EmptyUserAgent), None),
            85..93 => (Some(BotReason::Prefetch), person),
            93..97 => (Some(BotReason::IpRange), person),
            _ => (Some(BotReason::Burst), person),
        }
    }

    /// Who clicked, among few or as a new one.
    fn visitor(&mut self, link: ShortLinkId) -> i64 {
        if self.random.one_in(AGAIN) {
            let few = self.random.below(2) as u64;
            let (high, low) = uuid::Uuid::from(link).as_u64_pair();
            return (high ^ low).wrapping_add(few).cast_signed();
        }
        self.random.next().cast_signed()
    }
}

impl Iterator for History<'_> {
    type Item = click::Model;

    fn next(&mut self) -> Option<click::Model> {
        if self.made == self.clicks {
            return None;
        }
        let stored = self.time();
        self.made += 1;
        let link = self.link(stored);
        let late = if self.random.one_in(LATE) {
            self.random.below(7_200_000)
        } else {
            0
        };
        let at = stored - i64::try_from(late).unwrap_or_default();
        let clicked_at = Timestamp::from_millis(at.max(link.created_at.millis()));
        let (bot_reason, agent) = self.verdict();
        let is_private = self.random.one_in(30);
        let network = self.random.below(131_072);
        let parameters = self.random.one_in(5).then(|| {
            let (sub1, source) = (self.skewed(300), self.random.below(12));
            json!({"sub1": format!("set-{sub1}"), "source": format!("source-{source}")})
        });
        let mut click = click::Model {
            seq: 0,
            id: id(&mut self.random, clicked_at).into(),
            clicked_at,
            short_link_id: link.id,
            method: if bot_reason == Some(BotReason::Head) {
                Method::Head
            } else {
                Method::Get
            },
            bot_reason,
            bot_kind: agent.as_ref().and_then(|agent| agent.bot),
            is_prefetch: bot_reason == Some(BotReason::Prefetch),
            agent_list_id: self.list.id,
            user_agent_id: None,
            address: None,
            visitor: None,
            country: None,
            referrer: None,
            language: None,
            parameters,
        };
        if !is_private {
            click.user_agent_id = agent.map(|agent| agent.row.id);
            click.address = Some(format!("198.{}.{}.0", 18 + network / 65_536, network / 256 % 256));
            click.visitor = Some(self.visitor(link.id));
            click.country = Some(COUNTRIES[self.skewed(30).min(self.skewed(30))].to_owned());
            click.referrer = self
                .random
                .one_in(10)
                .then(|| format!("news{}.example.com", self.skewed(40)));
            click.language = Some(LANGUAGES[self.skewed(6)].to_owned());
        }
        Some(click)
    }
}
