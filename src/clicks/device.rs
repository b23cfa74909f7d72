//! What an agent string says of its sender: device, operating system, browser.
//!
//! A table of our own, since what counts in SMS is which app shows the page, and the parsers that are crates know
//! browsers only, or cost a hundred microseconds and a second of start. Names may be added, never renamed: they are stored.

/// What is read off an agent string; what it doesn't say is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// `smartphone`, `tablet`, `desktop`, `tv` or `console`.
    pub device: Option<&'static str>,
    /// The operating system's family.
    pub os: Option<&'static str>,
    /// The browser's family, or the app that shows the page.
    pub browser: Option<&'static str>,
}

/// Words and what they stand for, the first that is found. Apps come before the browsers that they are built on, and
/// browsers before those that they claim to be.
const BROWSERS: &[(&str, &str)] = &[
    ("FBAN/Messenger", "Messenger"),
    ("FBAN/Orca", "Messenger"),
    ("FB_IAB/Orca", "Messenger"),
    ("FB_IAB/MESSENGER", "Messenger"),
    ("MessengerLite", "Messenger"),
    ("Barcelona ", "Threads"),
    ("Instagram", "Instagram"),
    ("FBAN/", "Facebook"),
    ("FBAV/", "Facebook"),
    ("FB_IAB/", "Facebook"),
    ("MetaIAB", "Facebook"),
    ("musical_ly", "TikTok"),
    ("trill_", "TikTok"),
    ("BytedanceWebview", "TikTok"),
    ("TikTok", "TikTok"),
    ("Snapchat", "Snapchat"),
    (" Line/", "LINE"),
    ("MicroMessenger", "WeChat"),
    ("[Pinterest/", "Pinterest"),
    ("Pinterest for", "Pinterest"),
    ("Twitter for", "X"),
    ("TwitterAndroid", "X"),
    ("LinkedInApp", "LinkedIn"),
    ("KAKAOTALK", "KakaoTalk"),
    ("NAVER(", "NAVER"),
    ("Telegram-Android", "Telegram"),
    ("Viber", "Viber"),
    ("Reddit/", "Reddit"),
    (" GSA/", "Google app"),
    ("GeminiiOS", "Google app"),
    ("GoogleApp/", "Google app"),
    ("DuckDuckGo/", "DuckDuckGo"),
    (" Ddg/", "DuckDuckGo"),
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edge/", "Edge"),
    ("Opera Mini", "Opera Mini"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("OPiOS/", "Opera"),
    ("OPX/", "Opera"),
    ("Opera", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("UCBrowser/", "UC Browser"),
    ("UCWEB", "UC Browser"),
    ("YaBrowser/", "Yandex Browser"),
    ("YaApp_", "Yandex"),
    ("MiuiBrowser/", "Mi Browser"),
    ("HuaweiBrowser/", "Huawei Browser"),
    ("VivoBrowser/", "Vivo Browser"),
    ("HeyTapBrowser/", "HeyTap Browser"),
    ("QQBrowser/", "QQ Browser"),
    ("Ecosia", "Ecosia"),
    ("Vivaldi/", "Vivaldi"),
    ("Brave/", "Brave"),
    ("Whale/", "Whale"),
    ("Silk/", "Silk"),
    ("Puffin/", "Puffin"),
    ("KAIOS/", "KaiOS Browser"),
    ("FxiOS/", "Firefox"),
    ("Focus/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("; wv)", "Android WebView"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chrome"),
    ("MSIE ", "Internet Explorer"),
    ("Trident/", "Internet Explorer"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("Windows Phone", "Windows Phone"),
    ("Windows", "Windows"),
    ("iPad", "iPadOS"),
    ("iPhone", "iOS"),
    ("iPod", "iOS"),
    ("FBSN/iOS", "iOS"),
    ("iOS;", "iOS"),
    ("KAIOS/", "KaiOS"),
    ("OpenHarmony", "HarmonyOS"),
    ("HarmonyOS", "HarmonyOS"),
    ("Tizen", "Tizen"),
    ("Web0S", "webOS"),
    ("webOS", "webOS"),
    ("Android", "Android"),
    ("FBAN/FB4A", "Android"),
    ("FBAN/Orca-Android", "Android"),
    ("PlayStation", "PlayStation"),
    ("Nintendo", "Nintendo"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
    ("X11", "Linux"),
];

/// What of an Android agent means a television.
const TELEVISIONS: &[&str] = &[
    "Android TV",
    "GoogleTV",
    "BRAVIA",
    "AFT",
    "SmartTV",
    "SMART-TV",
    "Smart TV",
    "SHIELD Android",
];

/// Reads an agent string. Costs a few microseconds, once for each string.
#[must_use]
pub fn device_of(agent: &str) -> Device {
    let has = |word: &str| agent.contains(word);
    let first =
        |table: &[(&str, &'static str)]| table.iter().find(|(word, _)| has(word)).map(|(_, name)| *name);
    let os = first(SYSTEMS);
    let is_tv =
        TELEVISIONS.iter().any(|word| has(word)) || (matches!(os, Some("Tizen" | "webOS")) && !has("Mobile"));
    let device = match os {
        _ if has("Xbox") => Some("console"),
        Some("PlayStation" | "Nintendo") => Some("console"),
        Some("Android" | "Linux" | "Tizen" | "webOS") if is_tv => Some("tv"),
        Some("iPadOS") => Some("tablet"),
        Some("Android") if has("FBAN/") && has("FBDV/") && !has("Mobile") => Some("smartphone"),
        // Phones say so, tablets say nothing.
        Some("Android") if !(has("Mobile") || has("Opera Mini")) => Some("tablet"),
        Some("HarmonyOS") if has("Tablet") => Some("tablet"),
        Some("Windows Phone" | "iOS" | "KaiOS" | "HarmonyOS" | "Android" | "Tizen" | "webOS") => {
            Some("smartphone")
        }
        Some("Windows" | "macOS" | "ChromeOS" | "Linux") => Some("desktop"),
        _ => None,
    };
    let browser = first(BROWSERS).or_else(|| match os {
        Some("Android") if has("AppleWebKit") => Some("Android Browser"),
        Some("iOS" | "iPadOS" | "macOS") if has("Version/") && has("Safari/") => Some("Safari"),
        Some("iOS" | "iPadOS") if has("AppleWebKit") => Some("iOS WebView"),
        _ => None,
    });
    Device { device, os, browser }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_have_the_devices_that_they_are_listed_with() {
        // Device, operating system, browser, agent; `-` for what it doesn't say.
        let people = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/data/agents/people.tsv"
        ));
        let mut read = 0;
        for line in people.lines() {
            let [device, os, browser, agent] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let some = |text: &'static str| (text != "-").then_some(text);
            let wanted = Device {
                device: some(device),
                os: some(os),
                browser: some(browser),
            };
            assert_eq!(device_of(agent), wanted, "{agent}");
            read += 1;
        }
        assert!(read >= 60, "{read}");
    }

    #[test]
    fn what_is_no_browser_says_nothing() {
        for agent in ["", "curl/8.5.0", "WhatsApp/2.23.20.0", "\u{1f980}"] {
            assert_eq!(device_of(agent), Device::default(), "{agent}");
        }
    }
}
