//! Whether requests are traced.

use clap::Args;

use super::Unseen;
use crate::traces::{Endpoint, EndpointError, Options, Ratio};

/// Whether requests are traced, and who is told.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Traces")]
pub struct TracesConfig {
    /// The OpenTelemetry collector that traces are sent to by OTLP over HTTP, such as `http://127.0.0.1:4318`; none are made unless given
    #[arg(
        long,
        env = "LINKHOP_TRACES_ENDPOINT",
        value_name = "URL",
        value_parser = Unseen(endpoint)
    )]
    pub traces_endpoint: Option<Endpoint>,
    /// The share of requests that are traced, from 0 to 1, where the caller does not say
    #[arg(long, env = "LINKHOP_TRACES_RATIO", value_name = "SHARE", default_value = "1")]
    pub traces_ratio: Ratio,
}

impl TracesConfig {
    /// What is traced; `None` for nothing.
    #[must_use]
    pub fn options(&self) -> Option<Options> {
        Some(Options {
            endpoint: self.traces_endpoint.clone()?,
            ratio: self.traces_ratio,
        })
    }
}

// A password may be in it, where none should be: it is not shown.
fn endpoint(text: &str) -> Result<Endpoint, String> {
    text.parse().map_err(|error: EndpointError| error.to_string())
}
