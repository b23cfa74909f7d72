//! Real agents against the built-in list of bots: how many bots it finds, and how many people it accuses.

use entity::click::BotKind;
use linkhop::clicks::judge::{Judge, Options};

/// Agents of bots, as their makers document them.
const BOTS: &str = include_str!("../third_party/crawler-user-agents/instances.json");
/// Agents of browsers, as they were seen.
const BROWSERS: &str = include_str!("../third_party/user-agents/browsers.json");
/// Agents of people that a list may take for bots, most of them of apps that show pages: device, system, browser, agent.
const PEOPLE: &str = include_str!("data/agents/people.tsv");
/// What fetches links to show them in chats and feeds: whose it is, agent.
const PREVIEWERS: &str = include_str!("data/agents/previewers.tsv");

/// The apps that show most pages in themselves.
const APPS: [&str; 12] = [
    "Facebook",
    "Google app",
    "Instagram",
    "LINE",
    "LinkedIn",
    "Messenger",
    "Pinterest",
    "Snapchat",
    "TikTok",
    "Threads",
    "WeChat",
    "X",
];

/// The previewers that most links are sent through.
const MESSENGERS: [&str; 9] = [
    "Bluesky", "Discord", "Mastodon", "Signal", "Slack", "Telegram", "Viber", "WhatsApp", "iMessage",
];

fn judge() -> Judge {
    Judge::new(&Options::default(), &[0; 32]).expect("the built-in lists")
}

fn kind(judge: &Judge, agent: &str) -> Option<BotKind> {
    judge.agent(Some(agent)).expect("an agent").bot
}

fn listed(json: &str) -> Vec<String> {
    serde_json::from_str(json).expect("a list of agents")
}

/// The lines of a list: what is said of the agent, and the agent.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .map(|line| line.rsplit_once('\t').expect("what it is, and the agent"))
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are what this test is for")]
fn nearly_all_bots_are_found_and_nearly_nobody_is_accused() {
    let judge = judge();
    let bots = listed(BOTS);
    let missed: Vec<_> = bots
        .iter()
        .filter(|agent| kind(&judge, agent).is_none())
        .collect();
    let mut people = listed(BROWSERS);
    people.extend(lines(PEOPLE).map(|(_, agent)| agent.to_owned()));
    let accused: Vec<_> = people
        .iter()
        .filter(|agent| kind(&judge, agent).is_some())
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let share = |part: usize, whole: usize| 100.0 * part as f64 / whole as f64;
    let recall = share(bots.len() - missed.len(), bots.len());
    let accusation = share(accused.len(), people.len());
    println!("{}", judge.list_version());
    println!("bots found: {recall:.2} % of {}", bots.len());
    println!("people accused: {accusation:.2} % of {}", people.len());
    assert!(bots.len() > 2_000 && people.len() > 2_000);
    assert!(recall >= 99.5, "{missed:#?}");
    assert!(accusation <= 0.1, "{accused:#?}");
}

#[test]
fn in_app_browsers_are_people() {
    let judge = judge();
    for (said, agent) in lines(PEOPLE) {
        assert_eq!(kind(&judge, agent), None, "{said}: {agent}");
    }
    for app in APPS {
        let is_listed = lines(PEOPLE).any(|(said, _)| said.ends_with(&format!("\t{app}")));
        assert!(is_listed, "{app}");
    }
}

#[test]
fn previewers_are_bots() {
    let judge = judge();
    for (whose, agent) in lines(PREVIEWERS) {
        assert!(kind(&judge, agent).is_some(), "{whose}: {agent}");
    }
    for messenger in MESSENGERS {
        let (_, agent) = lines(PREVIEWERS)
            .find(|(whose, _)| *whose == messenger)
            .expect(messenger);
        assert_eq!(
            kind(&judge, agent),
            Some(BotKind::SocialPreview),
            "{messenger}: {agent}"
        );
    }
}
