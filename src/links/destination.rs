//! Where a link leads: its own URL, or that of an offer with what its platform needs.

use entity::{account, offer};

use crate::values::{
    query,
    template::{self, Creation, InvalidTemplate, Template},
    web_url::{InvalidUrl, MAX_BYTES, WebUrl},
};

/// The most characters that TUNE takes in a sub parameter.
const TUNE_SUB_CHARACTERS: usize = 500;

/// The sub parameters of TUNE.
const TUNE_SUBS: [&str; 5] = ["aff_sub", "aff_sub2", "aff_sub3", "aff_sub4", "aff_sub5"];

/// What the click parameter of a platform is set to; filled when the link is clicked.
const CLICK_ID: &str = "{{click.id}}";

/// Why an offer gives no destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDestination {
    /// The offer's tracking URL is none.
    #[error(transparent)]
    Template(#[from] InvalidTemplate),
    /// With its macros filled and parameters added, it is no web address.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// A sub parameter is longer than TUNE takes.
    #[error("TUNE takes at most {TUNE_SUB_CHARACTERS} characters in {0}; shorten the value that fills it")]
    TuneSub(&'static str),
}

/// A destination to store: its text, in which macros of click time stand, and the address it has without them.
#[derive(Clone, Debug)]
pub struct Destination {
    text: String,
    address: WebUrl,
}

impl Destination {
    /// The destination that a URL gives by itself.
    #[must_use]
    pub fn of_url(url: WebUrl) -> Self {
        Self {
            text: url.as_str().to_owned(),
            address: url,
        }
    }

    /// The destination that an offer gives a link: macros of creation time, then the account's parameters
    /// where the offer has none of that name, then the platform's link and click parameters.
    ///
    /// # Errors
    /// When what comes out is no web address, too long, or too much for the platform.
    pub fn of_offer(
        offer: &offer::Model,
        account: &account::Model,
        link: &Creation<'_>,
    ) -> Result<Self, InvalidDestination> {
        let mut url = Template::parse(&offer.tracking_url)?.fill(link);
        for (name, value) in &account.global_offer_parameters.0 {
            if !query::has(&url, name) {
                query::append_encoded(&mut url, name, &query::encode(value));
            }
        }
        let parameters = offer.platform.map(|platform| match platform {
            offer::Platform::Tune => (&account.tune_link_parameter, &account.tune_click_parameter),
            offer::Platform::Everflow => (
                &account.everflow_link_parameter,
                &account.everflow_click_parameter,
            ),
        });
        if let Some((link_parameter, click_parameter)) = parameters {
            query::set(&mut url, link_parameter, &query::encode(link.code));
            if !query::has(&url, click_parameter) {
                query::append_encoded(&mut url, click_parameter, CLICK_ID);
            }
        }
        if url.len() > MAX_BYTES {
            return Err(InvalidUrl::TooLong.into());
        }
        if offer.platform == Some(offer::Platform::Tune)
            && let Some(name) = TUNE_SUBS
                .into_iter()
                .find(|name| is_too_long_for_tune(&url, name))
        {
            return Err(InvalidDestination::TuneSub(name));
        }
        // Empty, since a normal URL has no braces: each would count as three bytes.
        let address = WebUrl::parse(&template::without_macros(&url))?;
        Ok(Self { text: url, address })
    }

    /// The address that visitors are sent to, whatever the macros become: those never reach the host.
    #[must_use]
    pub const fn address(&self) -> &WebUrl {
        &self.address
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.text
    }
}

fn is_too_long_for_tune(url: &str, name: &str) -> bool {
    query::pairs(query::of(url))
        .filter(|pair| query::name(pair) == name)
        .any(|pair| query::value(pair).chars().count() > TUNE_SUB_CHARACTERS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use entity::{AccountId, OfferId, Timestamp};
    use serde_json::json;

    use super::*;

    fn destination(
        platform: Option<offer::Platform>,
        tracking_url: &str,
        globals: &[(&str, &str)],
    ) -> String {
        let globals: BTreeMap<_, _> = globals
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let now = Timestamp::from_millis(0);
        let account = account::Model {
            id: AccountId::at(now),
            name: "A".to_owned(),
            status: account::Status::Active,
            products: account::Products::default(),
            default_filter_bots: false,
            tune_link_parameter: "aff_sub".to_owned(),
            tune_click_parameter: "aff_click_id".to_owned(),
            everflow_link_parameter: "sub1".to_owned(),
            everflow_click_parameter: "sub2".to_owned(),
            global_offer_parameters: account::Parameters(globals),
            created_at: now,
        };
        let offer = offer::Model {
            id: OfferId::at(now),
            account_id: account.id,
            name: "O".to_owned(),
            tracking_url: tracking_url.to_owned(),
            platform,
            external_id: None,
            payout: None,
            payout_currency: None,
            payout_type: None,
            filter_bots: None,
            status: offer::Status::Active,
            metadata: json!({}),
            created_at: now,
        };
        let link = Creation {
            contact_phone: Some("+18005551234"),
            code: "Ab3kX9q",
            offer_id: offer.id,
            offer_external_id: None,
            list_id: 42,
            metadata: &json!({"long": "x".repeat(600)}),
        };
        match Destination::of_offer(&offer, &account, &link) {
            Ok(destination) => destination.into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn tune_gets_its_link_and_click_parameters() {
        let tune = Some(offer::Platform::Tune);
        assert_eq!(
            destination(tune, "https://go.tune.example/aff_c?offer_id=7&aff_id=1#top", &[]),
            "https://go.tune.example/aff_c?offer_id=7&aff_id=1&aff_sub=Ab3kX9q&aff_click_id={{click.id}}#top"
        );
        assert_eq!(
            destination(
                tune,
                "https://go.tune.example/aff_c?aff_sub=mine&aff_click_id=own&z=%2F",
                &[]
            ),
            "https://go.tune.example/aff_c?aff_sub=Ab3kX9q&aff_click_id=own&z=%2F"
        );
    }

    #[test]
    fn everflow_s_path_stays_as_it_is() {
        assert_eq!(
            destination(
                Some(offer::Platform::Everflow),
                "https://www.ef.example/6JHXF//2CTPL/?uid=1",
                &[]
            ),
            "https://www.ef.example/6JHXF//2CTPL/?uid=1&sub1=Ab3kX9q&sub2={{click.id}}"
        );
    }

    #[test]
    fn the_account_s_parameters_give_way_to_the_offer_s() {
        assert_eq!(
            destination(
                None,
                "https://t.example/?utm_source=own",
                &[("utm_medium", "a {{b}}"), ("utm_source", "sms")]
            ),
            "https://t.example/?utm_source=own&utm_medium=a%20%7B%7Bb%7D%7D"
        );
        assert_eq!(
            destination(
                Some(offer::Platform::Everflow),
                "https://t.example/",
                &[("sub1", "global"), ("sub2", "global")]
            ),
            "https://t.example/?sub1=Ab3kX9q&sub2=global"
        );
    }

    #[test]
    fn what_is_too_long_for_tune_or_for_us_is_refused() {
        let long = "https://t.example/?aff_sub2={{metadata.long}}";
        assert!(destination(Some(offer::Platform::Tune), long, &[]).contains("aff_sub2"));
        assert!(destination(Some(offer::Platform::Everflow), long, &[]).starts_with("https://"));
        let repeated = format!("https://t.example/?a={}", "{{metadata.long}}".repeat(8));
        assert!(destination(None, &repeated, &[]).contains("4096"));
    }
}
