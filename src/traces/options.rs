//! Where spans are sent, and of how many requests.

use std::{fmt, str::FromStr};

use url::Url;

/// Where OTLP over HTTP takes traces, below the address of a collector.
const PATH: &str = "v1/traces";

/// What is traced, and who is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The collector.
    pub endpoint: Endpoint,
    /// Of how many requests.
    pub ratio: Ratio,
}

/// The address of a collector. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

/// A text is no address of a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "give the address of a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318; what it asks for as a key \
     is given in OTEL_EXPORTER_OTLP_HEADERS"
)]
pub struct EndpointError;

impl Endpoint {
    /// Where traces are sent to: below the address, unless that says so itself.
    #[must_use]
    pub fn of_traces(&self) -> Url {
        let mut url = self.0.clone();
        let path = url.path().trim_end_matches('/');
        if !path.ends_with(PATH) {
            let path = format!("{path}/{PATH}");
            url.set_path(&path);
        }
        url
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text).map_err(|_| EndpointError)?;
        let is_plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if is_plain {
            Ok(Self(url))
        } else {
            Err(EndpointError)
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The share of requests that are traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// Of all numbers of 63 bits those below it are drawn.
    below: u64,
}

/// A text is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give the share of requests that are traced, from 0 for none to 1 for all")]
pub struct RatioError;

impl Ratio {
    /// As many numbers as there are.
    const ALL: u64 = 1 << 63;

    /// Whether a request is traced, by a number that is drawn for it.
    #[must_use]
    pub(super) const fn holds(self, drawn: u64) -> bool {
        (drawn >> 1) < self.below
    }

    /// Whether it is every request, so that nothing need be drawn.
    #[must_use]
    pub(super) const fn is_all(self) -> bool {
        self.below == Self::ALL
    }
}

impl FromStr for Ratio {
    type Err = RatioError;

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "it is between 0 and 2 to the 63rd, and the last bits of a share are nobody's concern"
    )]
    fn from_str(text: &str) -> Result<Self, RatioError> {
        let share: f64 = text.parse().map_err(|_| RatioError)?;
        if !(0.0..=1.0).contains(&share) {
            return Err(RatioError);
        }
        Ok(Self {
            below: (share * Self::ALL as f64) as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_below_the_address_of_the_collector() {
        for (text, url) in [
            ("http://collector:4318", "http://collector:4318/v1/traces"),
            ("http://collector:4318/", "http://collector:4318/v1/traces"),
            (
                "https://o.example.com/otlp",
                "https://o.example.com/otlp/v1/traces",
            ),
            ("http://[::1]:4318/v1/traces", "http://[::1]:4318/v1/traces"),
        ] {
            let endpoint: Endpoint = text.parse().expect("an address");
            assert_eq!(endpoint.of_traces().as_str(), url, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_or_holds_a_secret_is_refused() {
        for text in [
            "",
            "collector:4318",
            "collector",
            "grpc://collector:4317",
            "http://",
            "http://user:s3cret@collector:4318",
            "http://s3cret@collector:4318",
            "http://collector:4318/?key=s3cret",
            "http://collector:4318/#s3cret",
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(EndpointError), "{text}");
        }
    }

    #[test]
    fn a_share_holds_for_as_many_of_the_numbers() {
        let ratio = |text: &str| text.parse::<Ratio>().expect("a share");
        for drawn in [0, 1, u64::MAX / 2, u64::MAX] {
            assert!(ratio("1").holds(drawn), "{drawn}");
            assert!(!ratio("0").holds(drawn), "{drawn}");
        }
        assert!(ratio("0.5").holds(u64::MAX / 2 - 1));
        assert!(!ratio("0.5").holds(u64::MAX / 2 + 1));
        assert!(ratio("1.0").is_all() && !ratio("0.999").is_all());
        for text in ["", "all", "-0.1", "1.01", "NaN", "inf", "1%"] {
            assert_eq!(text.parse::<Ratio>(), Err(RatioError), "{text}");
        }
    }
}
