//! What a stored click is judged to be by today's list alone.

use entity::{
    click::{BotKind, BotReason, Method},
    text_id,
};
use sea_orm::FromQueryResult;

use super::JudgedAgents;
use crate::clicks::import::BROUGHT_LIST;

/// A verdict and what it was reached by, as the columns of a stored click have them.
#[derive(Clone, Copy, Debug, FromQueryResult)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) bot_reason: Option<BotReason>,
    pub(super) bot_kind: Option<BotKind>,
    pub(super) is_prefetch: bool,
    pub(super) user_agent_id: Option<i64>,
    pub(super) agent_list_id: i64,
}

impl Seen {
    /// What the click was judged to be.
    pub(super) const fn verdict(self) -> Verdict {
        (self.bot_reason, self.bot_kind)
    }
}

/// Why a click is a bot's, if it is, and what kind of bot its agent names.
pub(super) type Verdict = (Option<BotReason>, Option<BotKind>);

/// The click's new verdict; `None` where it stays as it is.
///
/// Only the list is tried anew. What was said of an address, or of how many clicks came together, can't be found out again,
/// and so decides for good; nor is there anything to judge where no agent was kept. A `Continue` was tapped by somebody,
/// whatever their browser calls itself. And a verdict that was brought along is kept: whoever brought it knew more.
pub(super) fn judged_anew(seen: Seen, agents: &JudgedAgents) -> Option<Verdict> {
    let agent = seen.user_agent_id?;
    let by_visit = matches!(seen.bot_reason, Some(BotReason::IpRange | BotReason::Burst));
    if seen.method == Method::Post || by_visit || seen.agent_list_id == text_id(BROUGHT_LIST) {
        return None;
    }
    let kind = agents.kind(agent);
    let reason = if seen.method == Method::Head {
        Some(BotReason::Head)
    } else if kind.is_some() {
        Some(BotReason::UserAgent)
    } else if seen.is_prefetch {
        Some(BotReason::Prefetch)
    } else {
        None
    };
    let verdict = (reason, kind);
    (verdict != seen.verdict()).then_some(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOT: i64 = 1;
    const PERSON: i64 = 2;
    const KIND: Option<BotKind> = Some(BotKind::Scanner);

    fn judged(method: Method, is_prefetch: bool, agent: Option<i64>, verdict: Verdict) -> Option<Verdict> {
        let seen = Seen {
            method,
            bot_reason: verdict.0,
            bot_kind: verdict.1,
            is_prefetch,
            user_agent_id: agent,
            agent_list_id: text_id("before"),
        };
        judged_anew(seen, &agents())
    }

    fn agents() -> JudgedAgents {
        JudgedAgents::of([(BOT, BotKind::Scanner)])
    }

    #[test]
    fn the_list_decides_where_nothing_else_does() {
        let bot = (Some(BotReason::UserAgent), KIND);
        let get = |agent, verdict| judged(Method::Get, false, Some(agent), verdict);
        assert_eq!(get(BOT, (None, None)), Some(bot));
        assert_eq!(
            get(BOT, (Some(BotReason::UserAgent), Some(BotKind::Other))),
            Some(bot)
        );
        assert_eq!(get(BOT, bot), None);
        assert_eq!(get(PERSON, bot), Some((None, None)));
        assert_eq!(get(PERSON, (None, None)), None);
    }

    #[test]
    fn of_several_reasons_the_first_is_kept_and_the_kind_beside_it() {
        let head = (Some(BotReason::Head), None);
        assert_eq!(judged(Method::Head, true, Some(BOT), head), Some((head.0, KIND)));
        assert_eq!(
            judged(Method::Head, true, Some(PERSON), (head.0, KIND)),
            Some(head)
        );
        let bot = (Some(BotReason::UserAgent), KIND);
        let prefetch = (Some(BotReason::Prefetch), None);
        assert_eq!(judged(Method::Get, true, Some(BOT), prefetch), Some(bot));
        assert_eq!(judged(Method::Get, true, Some(PERSON), bot), Some(prefetch));
    }

    #[test]
    fn what_the_list_can_t_know_stays() {
        for reason in [BotReason::IpRange, BotReason::Burst] {
            for kind in [None, Some(BotKind::Other)] {
                for agent in [BOT, PERSON] {
                    assert_eq!(
                        judged(Method::Head, true, Some(agent), (Some(reason), kind)),
                        None
                    );
                }
            }
        }
        let blank = (Some(BotReason::EmptyUserAgent), None);
        for verdict in [(None, None), blank, (Some(BotReason::UserAgent), KIND)] {
            assert_eq!(judged(Method::Get, true, None, verdict), None);
        }
        assert_eq!(judged(Method::Post, false, Some(BOT), (None, None)), None);
        for (agent, verdict) in [(BOT, (None, None)), (PERSON, (Some(BotReason::UserAgent), KIND))] {
            let seen = Seen {
                method: Method::Get,
                bot_reason: verdict.0,
                bot_kind: verdict.1,
                is_prefetch: false,
                user_agent_id: Some(agent),
                agent_list_id: text_id(BROUGHT_LIST),
            };
            assert_eq!(judged_anew(seen, &agents()), None, "it was brought along");
        }
    }
}
