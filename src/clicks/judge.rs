//! Who clicks: every signal that tells people from bots, and what is known of a visitor.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use entity::{
    agent_list,
    click::{BotReason, Method},
    text_id,
};
use uuid::Uuid;

use super::{
    address::{Address, VisitorKey},
    agents::AgentList,
    burst::Bursts,
    country::Countries,
    file_error::{FileError, WrongLine},
    known_agents::{KnownAgent, KnownAgents},
    verdict::{BotReasons, Verdict},
    visit::Visit,
};
use crate::{store::Secret, values::network::Networks};

/// How visits are judged.
#[derive(Clone, Debug)]
pub struct Options {
    /// A file in place of the built-in list of bots' agents.
    pub agents: Option<PathBuf>,
    /// A file of networks whose every click is a bot's.
    pub networks: Option<PathBuf>,
    /// A database of countries.
    pub countries: Option<PathBuf>,
    /// The most clicks in ten seconds that an address may make and still be a person's; 0 for any number.
    pub burst_address: u16,
    /// The most clicks in ten seconds that a link may get and still be clicked by people; 0 for any number.
    pub burst_link: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            agents: None,
            networks: None,
            countries: None,
            burst_address: 300,
            burst_link: 0,
        }
    }
}

/// Tells people from bots, and what is known of who came; made once and shared, since its lists take milliseconds to
/// compile.
#[derive(Debug)]
pub struct Judge {
    agents: KnownAgents,
    list: Arc<agent_list::Model>,
    bot_networks: Networks,
    bursts: Bursts,
    burst_address: u16,
    burst_link: u16,
    countries: Option<Countries>,
    visitors: VisitorKey,
}

impl Judge {
    /// Reads and compiles what the options name. Of `secret`, the first half makes visitors' numbers and the second
    /// decides where bursts are counted, so that nobody outside can aim at another's counter.
    ///
    /// # Errors
    /// When a file can't be used.
    pub fn new(options: &Options, secret: &Secret) -> Result<Self, FileError> {
        let agents = options.agents.as_deref().map(AgentList::read).transpose()?;
        let agents = KnownAgents::new(agents.unwrap_or_else(AgentList::embedded));
        let version = agents.list().version().to_owned();
        let bot_networks = options.networks.as_deref().map(networks).transpose()?;
        let countries = options.countries.as_deref().map(Countries::read).transpose()?;
        let [mut of_visitors, mut of_bursts] = [[0; 16]; 2];
        of_visitors.copy_from_slice(&secret[..16]);
        of_bursts.copy_from_slice(&secret[16..]);
        Ok(Self {
            agents,
            list: Arc::new(agent_list::Model {
                id: text_id(&version),
                version,
            }),
            bot_networks: bot_networks.unwrap_or_default(),
            bursts: Bursts::new(of_bursts),
            burst_address: options.burst_address,
            burst_link: options.burst_link,
            countries,
            visitors: VisitorKey::new(&of_visitors),
        })
    }

    /// Judges a visit with this agent, trying each signal on its own but a link's burst. Counts it too: a visit is judged once.
    #[must_use]
    pub fn judge(&self, visit: &Visit<'_>, agent: Option<&KnownAgent>) -> Verdict {
        let address = visit.address.map(Address::from);
        let kind = agent.and_then(|agent| agent.bot);
        let reasons = BotReasons::default()
            .and(BotReason::Head, visit.method == Method::Head)
            .and(BotReason::EmptyUserAgent, agent.is_none())
            .and(BotReason::UserAgent, kind.is_some())
            .and(BotReason::Prefetch, visit.is_prefetch)
            .and(
                BotReason::IpRange,
                address.is_some_and(|address| self.bot_networks.contain(address.ip())),
            )
            .and(BotReason::Burst, self.is_burst_of_address(visit, address));
        // The previews of a text must not make a burst of the person who opens it after them.
        let is_burst_of_link = reasons.iter().next().is_none() && self.is_burst_of_link(visit);
        Verdict {
            reasons: reasons.and(BotReason::Burst, is_burst_of_link),
            kind,
        }
    }

    /// Counts a visit by its address, where there is a limit. An address that is no visitor's own is not counted: it is a
    /// proxy's that nobody named, and everybody would be a burst.
    fn is_burst_of_address(&self, visit: &Visit<'_>, address: Option<Address>) -> bool {
        let counted = address.filter(|address| self.burst_address > 0 && address.is_public());
        counted.is_some_and(|address| {
            let mut key = [0; 17];
            key[1..].copy_from_slice(&address.own());
            self.bursts.is_over(&key, self.burst_address, visit.at)
        })
    }

    /// Counts a visit by its link, where there is a limit.
    fn is_burst_of_link(&self, visit: &Visit<'_>) -> bool {
        let mut key = [1; 17];
        key[1..].copy_from_slice(Uuid::from(visit.link).as_bytes());
        self.burst_link > 0 && self.bursts.is_over(&key, self.burst_link, visit.at)
    }

    /// What an agent string means, if it says anything.
    #[must_use]
    pub fn agent(&self, text: Option<&str>) -> Option<KnownAgent> {
        let text = text?.trim();
        (!text.is_empty()).then(|| self.agents.read(text))
    }

    /// The country that an address is in.
    #[must_use]
    pub fn country(&self, address: Address) -> Option<String> {
        self.countries.as_ref()?.of(address)
    }

    /// The visitor with this address and this agent.
    #[must_use]
    pub fn visitor(&self, address: Address, agent: Option<&KnownAgent>) -> i64 {
        let agent = agent.map_or(0, |agent| agent.row.id);
        self.visitors.visitor(address, agent)
    }

    /// The row of the list of agents that it judges by, to be stored beside a verdict.
    #[must_use]
    pub const fn list(&self) -> &Arc<agent_list::Model> {
        &self.list
    }

    /// Which lists of agents it judges by.
    #[must_use]
    pub fn list_version(&self) -> &str {
        &self.list.version
    }
}

fn networks(file: &Path) -> Result<Networks, FileError> {
    let text = fs::read_to_string(file).map_err(|error| FileError::read(file, error))?;
    Networks::read(&text)
        .map_err(|(line, text, error)| FileError::line(file, line, &text, WrongLine::Network(error)))
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, sync::LazyLock};

    use entity::{ClickId, ShortLinkId, Timestamp, click::BotKind};

    use super::*;

    const BROWSER: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
        Chrome/131.0.0.0 Mobile Safari/537.36";

    fn judge(options: &Options) -> Judge {
        Judge::new(options, &[7; 32]).expect("a judge")
    }

    fn visit(method: Method, user_agent: Option<&str>) -> Visit<'_> {
        let at = Timestamp::from_millis(0);
        Visit {
            id: ClickId::at(at),
            link: ShortLinkId::from(Uuid::nil()),
            destination: "https://example.com/",
            at,
            method,
            user_agent,
            is_prefetch: false,
            address: None,
            referrer: None,
            languages: None,
            query: "",
            is_private: false,
        }
    }

    fn judged(judge: &Judge, visit: &Visit<'_>) -> Verdict {
        judge.judge(visit, judge.agent(visit.user_agent).as_ref())
    }

    fn reasons(verdict: Verdict) -> Vec<BotReason> {
        verdict.reasons.iter().collect()
    }

    type Give = fn(&mut Visit<'_>);

    static EMBEDDED: LazyLock<Judge> = LazyLock::new(|| judge(&Options::default()));

    #[test]
    fn a_person_has_neither_reason_nor_kind() {
        let verdict = judged(&EMBEDDED, &visit(Method::Get, Some(BROWSER)));
        assert_eq!((verdict, verdict.reason()), (Verdict::default(), None));
        assert!(!verdict.is_bot());
    }

    #[test]
    fn a_missing_an_empty_and_a_blank_agent_are_bots_for_that_alone() {
        for agent in [None, Some(""), Some(" \t ")] {
            let verdict = judged(&EMBEDDED, &visit(Method::Get, agent));
            assert_eq!(
                (reasons(verdict), verdict.kind),
                (vec![BotReason::EmptyUserAgent], None),
                "{agent:?}"
            );
        }
    }

    #[test]
    fn no_reason_hides_another() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let networks = folder.path().join("networks.txt");
        fs::write(&networks, "203.0.113.0/24\n").expect("a file");
        let judge = judge(&Options {
            networks: Some(networks),
            burst_address: 1,
            ..Options::default()
        });
        let address: Option<IpAddr> = Some("203.0.113.7".parse().expect("an address"));
        let person = Visit {
            address: Some("198.51.100.1".parse().expect("an address")),
            ..visit(Method::Get, Some(BROWSER))
        };
        // What each says of itself, and the reason it gives.
        let signals: [(BotReason, Give); 4] = [
            (BotReason::Head, |visit| visit.method = Method::Head),
            (BotReason::UserAgent, |visit| {
                visit.user_agent = Some("curl/8.5.0");
            }),
            (BotReason::EmptyUserAgent, |visit| visit.user_agent = None),
            (BotReason::Prefetch, |visit| visit.is_prefetch = true),
        ];
        for (reason, give) in signals {
            // Each time from another address, so that none is a burst of the last.
            let mut visit = person;
            visit.address = Some(IpAddr::from([198, 51, 100, 10 + reason as u8]));
            give(&mut visit);
            assert_eq!(reasons(judged(&judge, &visit)), [reason]);
        }
        let in_range = Visit { address, ..person };
        assert_eq!(reasons(judged(&judge, &in_range)), [BotReason::IpRange]);
        assert_eq!(
            reasons(judged(&judge, &in_range)),
            [BotReason::IpRange, BotReason::Burst]
        );
        assert_eq!(reasons(judged(&judge, &person)), []);
        assert_eq!(reasons(judged(&judge, &person)), [BotReason::Burst]);

        let all = Visit {
            method: Method::Head,
            user_agent: Some("curl/8.5.0"),
            is_prefetch: true,
            address,
            ..person
        };
        let verdict = judged(&judge, &all);
        assert_eq!(
            reasons(verdict),
            [
                BotReason::Head,
                BotReason::UserAgent,
                BotReason::Prefetch,
                BotReason::IpRange,
                BotReason::Burst,
            ]
        );
        assert_eq!(
            (verdict.reason(), verdict.kind),
            (Some(BotReason::Head), Some(BotKind::HttpLibrary))
        );
    }

    #[test]
    fn bursts_are_counted_by_address_and_by_link_each_with_its_own_limit() {
        let judge = judge(&Options {
            burst_address: 1,
            burst_link: 3,
            ..Options::default()
        });
        let from = |last: u8| Visit {
            address: Some(IpAddr::from([198, 51, 100, last])),
            ..visit(Method::Get, Some(BROWSER))
        };
        let elsewhere = Visit {
            link: ShortLinkId::from(Uuid::max()),
            ..from(5)
        };
        let bursts: Vec<_> = [from(1), from(1), from(2), from(3), from(4), elsewhere, elsewhere]
            .iter()
            .map(|visit| judged(&judge, visit).is_bot())
            .collect();
        assert_eq!(bursts, [false, true, false, false, true, false, true]);
    }

    #[test]
    fn previews_make_no_burst_of_the_people_after_them() {
        let judge = judge(&Options {
            burst_address: 1,
            burst_link: 1,
            ..Options::default()
        });
        let person = Visit {
            address: Some(IpAddr::from([198, 51, 100, 1])),
            ..visit(Method::Get, Some(BROWSER))
        };
        for agent in ["WhatsApp/2.23.20.0", ""] {
            let preview = visit(Method::Get, Some(agent));
            assert!((0..5).all(|_| judged(&judge, &preview).is_bot()));
        }
        assert!(!judged(&judge, &person).is_bot());
        // Nor does what is an address's own burst use up the link's count.
        let other = ShortLinkId::from(Uuid::max());
        assert!(
            judged(
                &judge,
                &Visit {
                    link: other,
                    ..person
                }
            )
            .is_bot()
        );
        let next = Visit {
            address: None,
            link: other,
            ..person
        };
        assert!(!judged(&judge, &next).is_bot());
        assert!(judged(&judge, &next).is_bot());
    }

    #[test]
    fn no_address_and_an_address_of_a_proxy_make_no_burst_of_their_own() {
        let judge = judge(&Options {
            burst_address: 1,
            ..Options::default()
        });
        for address in [
            None,
            Some(IpAddr::from([127, 0, 0, 1])),
            Some(IpAddr::from([10, 0, 0, 5])),
        ] {
            let visit = Visit {
                address,
                ..visit(Method::Get, Some(BROWSER))
            };
            let bots = (0..3).filter(|_| judged(&judge, &visit).is_bot()).count();
            assert_eq!(bots, 0, "{address:?}");
        }
    }
}
