//! The first verdict of a click: person or bot, and why.
//!
//! It is reached before the answer, from the request alone. Signals that need memory or time (bursts, address ranges)
//! join the reasons later; a reason once given is never taken back by another.

use entity::click::{BotKind, BotReason, Method};
use sea_orm::Iterable as _;

use super::{agents::AgentList, visit::Visit};

const fn bit(reason: BotReason) -> u16 {
    1 << reason as u16
}

/// The reasons of one verdict: a set, so that none hides another, in two bytes, so that a person costs no allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BotReasons(u16);

impl BotReasons {
    /// These reasons and, when `holds`, one more.
    #[must_use]
    pub const fn and(self, reason: BotReason, holds: bool) -> Self {
        if holds { Self(self.0 | bit(reason)) } else { self }
    }

    /// Whether the reason is among them.
    #[must_use]
    pub const fn contains(self, reason: BotReason) -> bool {
        self.0 & bit(reason) != 0
    }

    /// The reasons, by priority.
    pub fn iter(self) -> impl Iterator<Item = BotReason> {
        BotReason::iter().filter(move |reason| self.contains(*reason))
    }
}

/// What a click was judged to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Every signal that spoke against a person; none for a person.
    pub reasons: BotReasons,
    /// What kind of bot the user agent says it is; `None` unless [`BotReason::UserAgent`] is among the reasons.
    pub kind: Option<BotKind>,
}

impl Verdict {
    /// Whether a bot clicked.
    #[must_use]
    pub fn is_bot(self) -> bool {
        self.reasons != BotReasons::default()
    }

    /// The reason to store: the first by priority, `None` for a person.
    #[must_use]
    pub fn reason(self) -> Option<BotReason> {
        self.reasons.iter().next()
    }
}

/// Tells people from bots; made once and shared, since compiling its lists takes milliseconds.
#[derive(Debug)]
pub struct Judge {
    agents: AgentList,
}

impl Judge {
    /// A judge with the lists that are built into the binary.
    #[must_use]
    pub fn embedded() -> Self {
        Self {
            agents: AgentList::embedded(),
        }
    }

    /// Judges a visit, trying each signal on its own.
    ///
    /// Costs about a microsecond and allocates nothing; a bot found by its agent two more, for its kind.
    #[must_use]
    pub fn judge(&self, visit: &Visit<'_>) -> Verdict {
        let agent = visit.user_agent.unwrap_or_default().trim();
        let reasons = BotReasons::default()
            .and(BotReason::Head, visit.method == Method::Head)
            .and(BotReason::EmptyUserAgent, agent.is_empty())
            .and(BotReason::UserAgent, self.agents.is_bot(agent));
        let kind = reasons
            .contains(BotReason::UserAgent)
            .then(|| self.agents.kind_of(agent));
        Verdict { reasons, kind }
    }

    /// Which lists of agents it judges by, to be stored beside [`BotReason::UserAgent`].
    #[must_use]
    pub fn list_version(&self) -> &str {
        self.agents.version()
    }
}

#[cfg(test)]
mod tests {
    use entity::{ClickId, ShortLinkId, Timestamp};
    use sea_orm::ActiveEnum as _;

    use super::*;

    fn judged(method_is_head: bool, user_agent: Option<&str>) -> Verdict {
        static JUDGE: std::sync::LazyLock<Judge> = std::sync::LazyLock::new(Judge::embedded);
        let at = Timestamp::from_millis(0);
        JUDGE.judge(&Visit {
            id: ClickId::at(at),
            link: ShortLinkId::at(at),
            at,
            method: if method_is_head { Method::Head } else { Method::Get },
            user_agent,
            is_private: false,
        })
    }

    fn reasons(verdict: Verdict) -> Vec<BotReason> {
        verdict.reasons.iter().collect()
    }

    #[test]
    fn people_are_not_judged_bots() {
        let accused: Vec<_> = PEOPLE
            .lines()
            .filter(|agent| judged(false, Some(agent)).is_bot())
            .collect();
        assert!(accused.is_empty(), "{accused:#?}");
        assert!(PEOPLE.lines().count() >= 60);
    }

    #[test]
    fn previewers_are_bots_by_their_agent() {
        for agent in PREVIEWERS.lines() {
            assert_eq!(
                judged(false, Some(agent)).reason(),
                Some(BotReason::UserAgent),
                "{agent}"
            );
        }
    }

    #[test]
    fn an_imessage_preview_is_a_social_preview() {
        let verdict = judged(false, PREVIEWERS.lines().next());
        assert_eq!(verdict.kind, Some(BotKind::SocialPreview));
    }

    #[test]
    fn a_person_has_neither_reason_nor_kind() {
        let verdict = judged(false, PEOPLE.lines().next());
        assert_eq!((verdict, verdict.reason()), (Verdict::default(), None));
    }

    #[test]
    fn a_head_with_a_persons_agent_is_a_bot_of_no_kind() {
        let verdict = judged(true, PEOPLE.lines().next());
        assert!(verdict.is_bot());
        assert_eq!((reasons(verdict), verdict.kind), (vec![BotReason::Head], None));
    }

    #[test]
    fn a_missing_an_empty_and_a_blank_agent_are_bots_for_that_alone() {
        for agent in [None, Some(""), Some(" \t ")] {
            let verdict = judged(false, agent);
            assert_eq!(
                (reasons(verdict), verdict.kind),
                (vec![BotReason::EmptyUserAgent], None),
                "{agent:?}"
            );
        }
    }

    #[test]
    fn no_reason_hides_another() {
        let verdict = judged(true, Some("curl/8.5.0"));
        assert_eq!(reasons(verdict), [BotReason::Head, BotReason::UserAgent]);
        assert_eq!(
            (verdict.reason(), verdict.kind),
            (Some(BotReason::Head), Some(BotKind::HttpLibrary))
        );
        assert_eq!(
            reasons(judged(true, None)),
            [BotReason::Head, BotReason::EmptyUserAgent]
        );
    }

    #[test]
    fn reasons_are_listed_by_priority_under_the_names_that_are_stored() {
        assert!(BotReason::iter().is_sorted());
        let names: Vec<_> = BotReason::iter().map(|reason| reason.to_value()).collect();
        let expected = [
            "HEAD",
            "EMPTY_USER_AGENT",
            "USER_AGENT",
            "PREFETCH",
            "IP_RANGE",
            "BURST",
        ];
        assert_eq!(names, expected);
    }

    /// Browsers and in-app browsers, one a line.
    const PEOPLE: &str = "\
Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.144 Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 13; SM-S901U) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 12; moto g power (2022)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 8.1.0; Moto G (5S) Plus Build/OPS28.65-36-14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/92.0.4515.131 Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 7.0; CUBOT_NOTE_S Build/NRD90M) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/63.0.3239.111 Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 12; CUBOT KINGKONG 7 Build/SP1A.210812.016; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/118.0.5993.80 Mobile Safari/537.36 Instagram 305.0.0.34.110 Android (31/12; 480dpi; 1080x2260; CUBOT/CUBOT; KINGKONG 7; KINGKONG_7; mt6771; de_DE; 532277131)
Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918U) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 11; SAMSUNG SM-G973U) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/14.2 Chrome/87.0.4280.141 Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 9; SAMSUNG SM-T510) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/19.0 Chrome/102.0.5005.125 Safari/537.36
Mozilla/5.0 (iPhone; CPU iPhone OS 17_2_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1
Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1
Mozilla/5.0 (iPhone; CPU iPhone OS 12_5_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1
Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1
Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0.6099.119 Mobile/15E148 Safari/604.1
Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/121.0 Mobile/15E148 Safari/605.1.15
Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 EdgiOS/120.0.2210.116 Mobile/15E148 Safari/605.1.15
Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15
Mozilla/5.0 (Linux; Android 13; Pixel 6) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.193 Mobile DuckDuckGo/5 Safari/537.36
Mozilla/5.0 (Android 14; Mobile; rv:121.0) Gecko/121.0 Firefox/121.0
Mozilla/5.0 (Linux; Android 10; Redmi Note 9 Pro) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.144 Mobile Safari/537.36 OPR/79.0.4195.76647
Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16
Mozilla/5.0 (Linux; U; Android 11; en-US; RMX3231 Build/RP1A.201005.001) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 UCBrowser/13.4.0.1306 Mobile Safari/537.36
Mozilla/5.0 (Linux; U; Android 12; en-gb; M2101K6G Build/SKQ1.210908.001) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/112.0.5615.136 Mobile Safari/537.36 XiaoMi/MiuiBrowser/14.4.0-gn
Mozilla/5.0 (Linux; Android 10; VOG-L29) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.88 HuaweiBrowser/13.0.6.303 HMSCore/6.11.0.302 Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 9; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/108.4.6 like Chrome/108.0.5359.220 Safari/537.36
Mozilla/5.0 (Linux; Android 12; SM-A526B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0.6099.144 Mobile Safari/537.36
Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36
Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91
Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0
Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko
Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15
Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 OPR/106.0.0.0
Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0
Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36
Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/443.0.0.23.229;FBBV/543082189;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.1.2;FBSS/3;FBID/phone;FBLC/en_US;FBOP/5;FBRV/545264310]
Mozilla/5.0 (iPhone; CPU iPhone OS 15_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBDV/iPhone12,1;FBMD/iPhone;FBSN/iOS;FBSV/15.6;FBSS/2;FBCR/Google Fi;FBID/phone;FBLC/en_US;FBOP/5]
Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/MessengerForiOS;FBAV/412.0.0.42.110;FBBV/482376561;FBDV/iPhone13,2;FBMD/iPhone;FBSN/iOS;FBSV/16.5;FBSS/3;FBCR/;FBID/phone;FBLC/en_US;FBOP/5]
Mozilla/5.0 (Linux; Android 13; SM-A536U Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.193 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/441.0.0.23.112;]
Mozilla/5.0 (Linux; Android 14; Pixel 7 Pro Build/UQ1A.231205.015; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0.6099.43 Mobile Safari/537.36 [FB_IAB/Orca-Android;FBAV/438.0.0.24.107;]
[FBAN/FB4A;FBAV/567.1.0.52.74;FBBV/1003893689;FBDM/{density=2.6,width=1080,height=2209};FBLC/en_US;FBRV/1012267334;FBCR/Google Fi;FBMF/Google;FBBD/google;FBPN/com.facebook.katana;FBDV/Pixel 7;FBSV/14;FBOP/1;FBCA/arm64-v8a:;]
Mozilla/5.0 (Linux; Android 16; Pixel 10 Pro XL Build/CP1A.260305.018; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/146.0.7680.174 Mobile Safari/537.36 MetaIAB Facebook
Mozilla/5.0 (iPhone; CPU iPhone OS 17_2_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21C66 Instagram 312.0.1.19.124 (iPhone15,2; iOS 17_2_1; en_US; en; scale=3.00; 1179x2556; 548339486)
Mozilla/5.0 (Linux; Android 14; Pixel 7 Build/UQ1A.240105.004; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0.6099.193 Mobile Safari/537.36 Instagram 314.0.0.20.114 Android (34/14; 420dpi; 1080x2205; Google/google; Pixel 7; panther; panther; en_US; 556277220)
Mozilla/5.0 (Linux; Android 15; Pixel 8a Build/AP3A.241005.015; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.6723.86 Mobile Safari/537.36 Instagram 356.0.0.41.101 Android (35/15; 420dpi; 1080x2205; Google; Pixel 8a; akita; akita; en_US; 658190450)
Mozilla/5.0 (Linux; Android 13; SM-S908U Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.163 Mobile Safari/537.36 Instagram 309.1.0.41.113 Android (33/13; 600dpi; 1440x2969; samsung; SM-S908U; b0q; qcom; en_US; 541635890) Barcelona 309.0.0.33.109
Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 musical_ly_32.4.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/en Region/US isDarkMode/0 WKWebView/1 RevealType/Dialog BytedanceWebview/d8a21c6
Mozilla/5.0 (Linux; Android 12; SM-A125F Build/SP1A.210812.016; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/110.0.5481.153 Mobile Safari/537.36 trill_2022803040 JsSdk/1.0 NetType/WIFI Channel/googleplay AppName/musical_ly app_version/28.3.4 ByteLocale/en ByteFullLocale/en Region/US AppId/1233 Spark/1.2.7-alpha.6 AppVersion/28.3.4 BytedanceWebview/d8a21c6
Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari Line/13.18.0
Mozilla/5.0 (Linux; Android 13; SO-51C Build/64.1.A.0.857; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/118.0.5993.111 Mobile Safari/537.36 Line/13.18.1/IAB
Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.42(0x18002a2f) NetType/WIFI Language/zh_CN
Mozilla/5.0 (Linux; Android 12; V2048A Build/SP1A.210812.003; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/107.0.5304.141 Mobile Safari/537.36 XWEB/5169 MMWEBSDK/20230805 MMWEBID/1234 MicroMessenger/8.0.42.2460(0x28002A35) WeChat/arm64 Weixin NetType/4G Language/zh_CN ABI/arm64
Mozilla/5.0 (iPhone; CPU iPhone OS 17_2_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/297.0.595435837 Mobile/15E148 Safari/604.1
Mozilla/5.0 (Linux; Android 13; SM-G991B Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.193 Mobile Safari/537.36 GSA/14.48.26.29.arm64
Mozilla/5.0 (iPhone; CPU iPhone OS 26_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 GoogleWv/1.0 (WKWebView) GeminiiOS/1.2026.2270600
Mozilla/5.0 (iPhone; CPU iPhone OS 16_7_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.7.2 Mobile/15E148 Snapchat/12.61.0.44 (like Safari/8616.2.9.10.10, panda)
Mozilla/5.0 (Linux; Android 11; RMX2001 Build/RP1A.200720.011; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/124.0.6367.179 Mobile Safari/537.36 Snapchat/12.87.0.44 (RMX2001; Android 11#1647528410731#30; gzip; )
Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21B74 Twitter for iPhone/10.17
Mozilla/5.0 (Linux; Android 13; SM-A037U Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.163 Mobile Safari/537.36 TwitterAndroid
Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [Pinterest/iOS]
Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [LinkedInApp]/9.29.5962
Mozilla/5.0 (Linux; Android 13; SM-S911N Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.66 Mobile Safari/537.36;KAKAOTALK 2410430
Mozilla/5.0 (iPhone; CPU iPhone OS 17_2_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/605.1 NAVER(inapp; search; 2000; 12.3.6; 14PRO)";

    /// What fetches a link to show it in a chat or feed, one a line; the first is iMessage.
    const PREVIEWERS: &str = "\
Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0
facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)
facebookexternalhit/1.1
facebookexternalhit/1.1; kakaotalk-scrap/1.0; +https://devtalk.kakao.com/t/scrap/33984
facebookexternalhit/1.1;line-poker/1.0
meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)
meta-externalfetcher/1.1
Facebot/1.0
WhatsApp/2.23.20.0
WhatsApp/2.23.24.82 A
WhatsApp/2.2350.8 N
WhatsApp/2
WhatsApp
Viber/21.5.0.0
Viber
TelegramBot (like TwitterBot)
Twitterbot/1.0
Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)
Slackbot 1.0 (+https://api.slack.com/robots)
Slack-ImgProxy (+https://api.slack.com/robots)
Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)
Mozilla/5.0 (compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app)
Mastodon/4.3.0 (http.rb/5.2.0; +https://mastodon.social/)
http.rb/5.1.1 (Mastodon/4.2.1; +https://mastodon.social/) Bot
Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com
LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)
Mozilla/5.0 (compatible; Pinterestbot/1.0; +https://www.pinterest.com/bot.html)
Mozilla/5.0 (compatible; redditbot/1.0; +https://www.reddit.com/feedback)
Mozilla/5.0 (compatible; Snap URL Preview Service; bot; snapchat; https://developers.snap.com/robots)
Snap URL Preview Service; bot; snapchat; https://developers.snap.com/robots
Iframely/1.3.1 (+https://iframely.com/docs/about)
Mozilla/5.0 (compatible; Embedly/0.2; +http://support.embed.ly/)
Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)
Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)
Google-PageRenderer Google (+https://developers.google.com/+/web/snippet/)
Synapse (bot; +https://github.com/matrix-org/synapse)
Rocket.Chat/6.4 (Url Preview)
Mattermost-Bot/1.1";
}
