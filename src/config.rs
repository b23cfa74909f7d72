//! How Linkhop is set up: each field is a flag, an environment variable and a key of the settings file.
//!
//! The attributes of a field declare all three: `long` and `env`, and the key is the flag with underscores. One that
//! may be given more than once is a `Vec`; in the file it is an array. A secret has `hide_env_values`: then it is
//! masked wherever it is shown.

mod rates;
mod traces;
mod visits;

use std::{
    ffi::OsStr, fmt, fs, io, net::SocketAddr, num::NonZeroU32, path::PathBuf, str::FromStr, sync::Arc,
    time::Duration,
};

use clap::{
    Args, ValueEnum,
    builder::{RangedU64ValueParser, TypedValueParser},
    error::ErrorKind,
};
use secrecy::{ExposeSecret, SecretString};
use url::{Url, form_urlencoded};

use crate::{
    app,
    clicks::recorder::RecorderOptions,
    graphql::{Limits, Trusted, TrustedError},
    http::{Origin, Settings},
    store::{self, Options, Store, Synchronous},
    values::host::Host,
};

pub use self::{
    rates::RateConfig,
    traces::TracesConfig,
    visits::{AgentsConfig, CountriesConfig, DenyListConfig, NetworksConfig, VisitConfig},
};

/// The heading of what one request may ask for.
const LIMITS: &str = "Limits of a GraphQL request";

/// The flag that names the settings file; no key in it.
pub const CONFIG: &str = "config";

/// Where settings are read from.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "All commands")]
pub struct FileConfig {
    /// A TOML file with settings; flags and variables win over it
    #[arg(long, env = "LINKHOP_CONFIG", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
}

/// All that `linkhop serve` can be told.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// Where data is kept.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// What is answered, and where.
    #[command(flatten)]
    pub server: ServerConfig,
}

/// Where data is kept.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseConfig {
    /// The database: `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`
    #[arg(
        long,
        env = "LINKHOP_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        value_parser = Unseen(database_url)
    )]
    pub database_url: DatabaseUrl,
    /// Tuning of the connections.
    #[command(flatten)]
    pub tuning: DatabaseTuning,
}

/// How the database is used.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseTuning {
    /// Connections that read at the same time; three more write
    #[arg(
        long,
        env = "LINKHOP_READ_CONNECTIONS",
        value_name = "NUMBER",
        default_value = "4"
    )]
    pub read_connections: NonZeroU32,
    /// For SQLite: "full" survives a power failure, "normal" may lose the last moments to one
    #[arg(
        long,
        env = "LINKHOP_SQLITE_SYNCHRONOUS",
        value_name = "MODE",
        default_value = "full",
        hide_possible_values = true
    )]
    pub sqlite_synchronous: Synchronous,
}

impl DatabaseTuning {
    /// The options for opening a database; `create` makes an `SQLite` file that is not there.
    #[must_use]
    pub fn options(&self, create: bool) -> Options {
        Options {
            readers: self.read_connections.get(),
            synchronous: self.sqlite_synchronous,
            create,
        }
    }
}

/// What is answered, and where.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub struct ServerConfig {
    /// The address to listen on; port 0 takes a free one
    #[arg(
        long,
        env = "LINKHOP_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,
    /// The address of a listener of its own for /metrics, such as 127.0.0.1:9464; none unless given
    #[arg(long, env = "LINKHOP_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<SocketAddr>,
    /// The one host that answers /graphql and /mcp; every host does unless given
    #[arg(long, env = "LINKHOP_API_HOST", value_name = "HOST", value_parser = host)]
    pub api_host: Option<Host>,
    /// The most bytes of a request's body
    #[arg(
        long,
        env = "LINKHOP_BODY_LIMIT",
        value_name = "BYTES",
        default_value = "5242880"
    )]
    pub body_limit: usize,
    /// The most seconds that a request to the API may take
    #[arg(
        long,
        env = "LINKHOP_REQUEST_TIMEOUT",
        value_name = "SECONDS",
        default_value = "10"
    )]
    pub request_timeout: NonZeroU32,
    /// The most connections that may be open at the same time
    #[arg(
        long,
        env = "LINKHOP_CONNECTIONS",
        value_name = "NUMBER",
        default_value = "10000"
    )]
    pub connections: NonZeroU32,
    /// The most seconds that a connection may take to send a request's headers, also between two requests, and to take any of an answer
    #[arg(
        long,
        env = "LINKHOP_HEADER_TIMEOUT",
        value_name = "SECONDS",
        default_value = "75"
    )]
    pub header_timeout: NonZeroU32,
    /// An origin whose scripts may use the API, as browsers send it, or * for any; may be given more than once
    #[arg(
        long,
        env = "LINKHOP_CORS_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub cors_origin: Vec<Origin>,
    /// Whether the schema may be asked for
    #[arg(
        long,
        env = "LINKHOP_INTROSPECTION",
        value_name = "BOOL",
        default_value = "true",
        action = clap::ArgAction::Set
    )]
    pub introspection: bool,
    /// A folder of .graphql files: only these documents are run, by their text or their SHA-256; read at the start
    #[arg(
        long,
        env = "LINKHOP_TRUSTED_DOCUMENTS",
        value_name = "FOLDER",
        value_parser = folder
    )]
    pub trusted_documents: Option<PathBuf>,
    /// The most levels of fields in a GraphQL request, up to 32
    #[arg(
        long,
        env = "LINKHOP_MAX_DEPTH",
        value_name = "NUMBER",
        default_value = "15",
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=32),
        help_heading = LIMITS
    )]
    pub max_depth: usize,
    /// The most points of complexity in a GraphQL request
    #[arg(
        long,
        env = "LINKHOP_MAX_COMPLEXITY",
        value_name = "NUMBER",
        default_value = "2000",
        help_heading = LIMITS
    )]
    pub max_complexity: usize,
    /// The most aliases in a GraphQL request
    #[arg(
        long,
        env = "LINKHOP_MAX_ALIASES",
        value_name = "NUMBER",
        default_value = "50",
        help_heading = LIMITS
    )]
    pub max_aliases: usize,
    /// The most fragment spreads in a GraphQL request, counted after expansion
    #[arg(
        long,
        env = "LINKHOP_MAX_SPREADS",
        value_name = "NUMBER",
        default_value = "1000",
        help_heading = LIMITS
    )]
    pub max_spreads: usize,
    /// The most tokens in a GraphQL request
    #[arg(
        long,
        env = "LINKHOP_MAX_TOKENS",
        value_name = "NUMBER",
        default_value = "10000",
        help_heading = LIMITS
    )]
    pub max_tokens: usize,
    /// How much keys and accounts may ask for in a time.
    #[command(flatten)]
    pub rates: RateConfig,
    /// The most bytes of links that the redirect keeps in memory
    #[arg(
        long,
        env = "LINKHOP_REDIRECT_CACHE",
        value_name = "BYTES",
        default_value = "16777216"
    )]
    pub redirect_cache: u64,
    /// The most seconds that the redirect keeps a link: changes made by another server are seen after that
    #[arg(
        long,
        env = "LINKHOP_REDIRECT_LIFETIME",
        value_name = "SECONDS",
        default_value = "60"
    )]
    pub redirect_lifetime: NonZeroU32,
    /// The most milliseconds that a visitor waits for their click to be stored; then it goes to the spool
    #[arg(
        long,
        env = "LINKHOP_CLICK_WAIT",
        value_name = "MILLISECONDS",
        default_value = "50"
    )]
    pub click_wait: NonZeroU32,
    /// The folder for clicks that the database does not take in time; beside the SQLite file, or linkhop-spool- and a number of the database here
    #[arg(long, env = "LINKHOP_SPOOL", value_name = "FOLDER")]
    pub spool: Option<PathBuf>,
    /// What is made of visits.
    #[command(flatten)]
    pub visits: VisitConfig,
    /// Whether requests are traced.
    #[command(flatten)]
    pub traces: TracesConfig,
}

impl ServerConfig {
    /// How the server works beside what it answers, over that database.
    #[must_use]
    pub fn options(&self, store: &Store) -> app::Options {
        app::Options {
            redirect_cache: self.redirect_cache,
            redirect_lifetime: Duration::from_secs(self.redirect_lifetime.get().into()),
            recorder: RecorderOptions {
                click_wait: Duration::from_millis(self.click_wait.get().into()),
                spool: self.spool.clone().unwrap_or_else(|| store.beside("spool")),
            },
            judge: self.visits.judge(),
            click_retention: self.visits.click_retention,
            blocked: self.visits.deny_list.options(),
            ..app::Options::default()
        }
    }

    /// How long a connection may take to send a request's headers, and to take any of an answer.
    #[must_use]
    pub fn connection_patience(&self) -> Duration {
        Duration::from_secs(self.header_timeout.get().into())
    }

    /// How the HTTP door is set up; `playground_key` is for a demo only.
    ///
    /// # Errors
    /// Where the documents that are to be trusted can't be read.
    pub fn settings(&self, playground_key: Option<String>) -> Result<Settings, TrustedError> {
        let limits = Limits {
            depth: self.max_depth,
            complexity: self.max_complexity,
            aliases: self.max_aliases,
            spreads: self.max_spreads,
            tokens: self.max_tokens,
        };
        let trusted = self.trusted_documents.as_deref();
        let trusted = trusted.map(|folder| Trusted::read(folder, &limits)).transpose()?;
        Ok(Settings {
            body_limit: self.body_limit,
            request_timeout: Duration::from_secs(self.request_timeout.get().into()),
            connections: self.connections.get(),
            cors_origins: self.cors_origin.clone(),
            api_host: self.api_host.clone(),
            trusted_proxies: self.visits.trusted_proxies(),
            limits,
            quotas: self.rates.quotas(),
            introspection: self.introspection,
            trusted: trusted.map(Arc::new),
            playground_key,
            metrics: self.metrics_listen.is_some(),
            ..Settings::default()
        })
    }
}

/// What is logged, to standard error.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "All commands")]
pub struct LogConfig {
    /// What to log: error, warn, info, debug, or filters such as linkhop=debug,sqlx=warn
    #[arg(long, env = "LINKHOP_LOG", value_name = "FILTER", default_value = "info", global = true, value_parser = filter)]
    pub log: String,
    /// How to write it: "text" for people, "json" for one object a line
    #[arg(
        long,
        env = "LINKHOP_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true,
        global = true
    )]
    pub log_format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The URL of a database; it may hold a password, so it is never shown.
#[derive(Clone, Debug)]
pub struct DatabaseUrl(SecretString);

impl DatabaseUrl {
    /// The URL in plain text.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The URL with `***` for every secret in it, to be shown.
    #[must_use]
    pub fn masked(&self) -> String {
        const MASK: &str = "***";
        let shown = self.expose();
        let Ok(mut url) = Url::parse(shown) else {
            return MASK.to_owned();
        };
        let mut is_masked = url.password().is_some();
        if is_masked && url.set_password(Some(MASK)).is_err() {
            return MASK.to_owned();
        }
        if let Some(query) = url.query() {
            let mut pairs = Vec::new();
            for pair in query.split('&') {
                let name = form_urlencoded::parse(pair.as_bytes()).next();
                let name = name.map(|(name, _)| name.to_lowercase()).unwrap_or_default();
                // PostgreSQL takes its password here too, and a client's key as text; others' names for a password
                // end up here by mistake.
                if name.contains("pass") || name.contains("key") {
                    is_masked = true;
                    pairs.push(format!("{name}={MASK}"));
                } else {
                    pairs.push(pair.to_owned());
                }
            }
            url.set_query(Some(&pairs.join("&")));
        }
        if is_masked { url.into() } else { shown.to_owned() }
    }
}

impl FromStr for DatabaseUrl {
    type Err = UnknownDatabase;

    fn from_str(url: &str) -> Result<Self, UnknownDatabase> {
        if store::is_database_url(url) {
            Ok(Self(url.into()))
        } else {
            Err(UnknownDatabase)
        }
    }
}

pub(crate) fn database_url(text: &str) -> Result<DatabaseUrl, String> {
    text.parse().map_err(|error: UnknownDatabase| error.to_string())
}

/// Refuses what it can't read without showing it, as clap itself would: a password or a key may be in it.
#[derive(Clone, Debug)]
pub(crate) struct Unseen<T>(pub(crate) fn(&str) -> Result<T, String>);

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Unseen<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        // What stands for letters that are none is no part of anything that could be read.
        (self.0)(&value.to_string_lossy()).map_err(|error| {
            let name = argument.map(ToString::to_string).unwrap_or_default();
            let message = format!("invalid value for '{name}': {error}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// The URL is of no database that Linkhop knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownDatabase;

impl fmt::Display for UnknownDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("give sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE")
    }
}

impl std::error::Error for UnknownDatabase {}

fn host(text: &str) -> Result<Host, &'static str> {
    Host::parse(text)
        .ok_or("give a host such as links.example.com, with its port where that is not the scheme's own")
}

/// Takes the name of a folder that can be read; what is in it is looked at when the server starts.
fn folder(name: &str) -> Result<PathBuf, io::Error> {
    fs::read_dir(name)?;
    Ok(PathBuf::from(name))
}

fn filter(text: &str) -> Result<String, tracing_subscriber::filter::ParseError> {
    tracing_subscriber::EnvFilter::try_new(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        for (url, shown) in [
            ("sqlite:///var/lib/linkhop.db", "sqlite:///var/lib/linkhop.db"),
            ("sqlite://linkhop.db", "sqlite://linkhop.db"),
            ("postgres://linkhop@db/linkhop", "postgres://linkhop@db/linkhop"),
            (
                "postgres://linkhop:s3cret@db:5433/linkhop?sslmode=require",
                "postgres://linkhop:***@db:5433/linkhop?sslmode=require",
            ),
            (
                "postgres://db/linkhop?user=linkhop&pass%77ord=s3cret&sslkey=s3cret",
                "postgres://db/linkhop?user=linkhop&password=***&sslkey=***",
            ),
            ("postgres://:s3cret@db/linkhop", "postgres://:***@db/linkhop"),
            (
                "postgres://db/linkhop?pass=s3cret",
                "postgres://db/linkhop?pass=***",
            ),
        ] {
            let url: DatabaseUrl = url.parse().expect("a database");
            assert_eq!(url.masked(), shown);
            assert!(!format!("{url:?}").contains("s3cret"));
        }
    }
}
