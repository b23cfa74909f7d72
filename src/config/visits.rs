//! What is made of visits: whose they are, and whether of people or of bots.

use std::{fs, io, path::PathBuf};

use clap::{Args, builder::RangedU64ValueParser};

use crate::{
    catalog::blocked,
    clicks::{agents::AgentList, burst::MOST_CLICKS, file_error::FileError, judge},
    values::network::{Network, Networks},
};

/// By whose names bots are known.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Visits")]
pub struct AgentsConfig {
    /// A file in place of the built-in list of bots' user agents: one regular expression a line, # begins a comment
    #[arg(
        long,
        env = "LINKHOP_BOT_AGENTS",
        value_name = "FILE",
        value_parser = file
    )]
    pub bot_agents: Option<PathBuf>,
}

impl AgentsConfig {
    /// The list, compiled.
    ///
    /// # Errors
    /// When the file can't be used.
    pub fn list(&self) -> Result<AgentList, FileError> {
        let list = self.bot_agents.as_deref().map(AgentList::read).transpose()?;
        Ok(list.unwrap_or_else(AgentList::embedded))
    }
}

/// Which networks are bots'.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Visits")]
pub struct NetworksConfig {
    /// A file of networks whose every click is a bot's: one such as 203.0.113.0/24 a line, # begins a comment
    #[arg(
        long,
        env = "LINKHOP_BOT_NETWORKS",
        value_name = "FILE",
        value_parser = file
    )]
    pub bot_networks: Option<PathBuf>,
}

/// Where visitors are.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Visits")]
pub struct CountriesConfig {
    /// A database of countries in the MMDB format, for the countries of visitors; none are kept unless given
    #[arg(
        long,
        env = "LINKHOP_GEO_DATABASE",
        value_name = "FILE",
        value_parser = file
    )]
    pub geo_database: Option<PathBuf>,
}

/// Which hosts nobody is sent to.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Visits")]
pub struct DenyListConfig {
    /// A file of hosts that no link may lead to, with all below them: one a line, # begins a comment; read again when it changes
    #[arg(
        long,
        env = "LINKHOP_DENY_LIST",
        value_name = "FILE",
        value_parser = file
    )]
    pub deny_list: Option<PathBuf>,
}

impl DenyListConfig {
    /// How hosts are blocked.
    #[must_use]
    pub fn options(&self) -> blocked::Options {
        blocked::Options {
            deny_list: self.deny_list.clone(),
            ..blocked::Options::default()
        }
    }
}

/// What is made of visits.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Visits")]
pub struct VisitConfig {
    /// By whose names bots are known.
    #[command(flatten)]
    pub agents: AgentsConfig,
    /// Which networks are bots'.
    #[command(flatten)]
    pub networks: NetworksConfig,
    /// The most clicks in 10 seconds from one address that are people's, up to 10000; 0 for any number
    #[arg(
        long,
        env = "LINKHOP_BURST_ADDRESS",
        value_name = "CLICKS",
        default_value = "300",
        value_parser = RangedU64ValueParser::<u16>::new().range(..=u64::from(MOST_CLICKS))
    )]
    pub burst_address: u16,
    /// The most clicks in 10 seconds on one link that are people's, up to 10000; 0 for any number
    #[arg(
        long,
        env = "LINKHOP_BURST_LINK",
        value_name = "CLICKS",
        default_value = "0",
        value_parser = RangedU64ValueParser::<u16>::new().range(..=u64::from(MOST_CLICKS))
    )]
    pub burst_link: u16,
    /// Where visitors are.
    #[command(flatten)]
    pub countries: CountriesConfig,
    /// Which hosts nobody is sent to.
    #[command(flatten)]
    pub deny_list: DenyListConfig,
    /// A proxy whose X-Forwarded-For is believed, as a network such as 10.0.0.0/8 or an address; may be given more than once
    #[arg(
        long,
        env = "LINKHOP_TRUSTED_PROXY",
        value_name = "NETWORK",
        value_delimiter = ','
    )]
    pub trusted_proxy: Vec<Network>,
    /// The days for which clicks are kept one by one, up to 36500; for ever unless given. Figures always stay
    #[arg(
        long,
        env = "LINKHOP_CLICK_RETENTION",
        value_name = "DAYS",
        value_parser = RangedU64ValueParser::<u32>::new().range(1..=36_500)
    )]
    pub click_retention: Option<u32>,
}

impl VisitConfig {
    /// How visits are judged.
    #[must_use]
    pub fn judge(&self) -> judge::Options {
        judge::Options {
            agents: self.agents.bot_agents.clone(),
            networks: self.networks.bot_networks.clone(),
            countries: self.countries.geo_database.clone(),
            burst_address: self.burst_address,
            burst_link: self.burst_link,
        }
    }

    /// The proxies whose word on addresses is taken.
    #[must_use]
    pub fn trusted_proxies(&self) -> Networks {
        self.trusted_proxy.iter().copied().collect()
    }
}

/// Takes the name of a file that can be read; what is in it is looked at when the server starts.
fn file(name: &str) -> Result<PathBuf, io::Error> {
    let path = PathBuf::from(name);
    if fs::File::open(&path)?.metadata()?.is_file() {
        Ok(path)
    } else {
        Err(io::Error::other("not a file"))
    }
}
