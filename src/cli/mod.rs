//! The commands of the `linkhop` program.

mod accounts;
mod backup;
mod check;
mod clicks;
mod demo;
mod destinations;
mod domains;
mod export;
mod file;
mod format;
mod help;
mod import;
mod keys;
mod links;
mod mcp;
mod migrate;
mod moving;
mod output;
mod reports;
mod settings;

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Parser, Subcommand};
use clap_complete::Shell;
use entity::AccountId;
use tracing_subscriber::EnvFilter;

pub use self::settings::{Invocation, read};
use crate::{
    accounts::UnknownAccount,
    apart,
    config::{Config, DatabaseConfig, FileConfig, LogConfig, LogFormat, ServerConfig},
    graphql,
    http::{self, Settings},
    server::Server,
    store::Store,
    traces::{self, Sending},
    values::phone,
};

/// Self-hosted link attribution for SMS: GraphQL in, tracked short links out
#[derive(Debug, Parser)]
#[command(
    name = "linkhop",
    version,
    propagate_version = true,
    after_help = "First steps:
  linkhop demo                        a server to play with; it prints how to make a link

  export LINKHOP_DATABASE_URL=sqlite://linkhop.db
  linkhop migrate up                  make the database
  linkhop account create --name \"Example Outfitters\"
  linkhop key create --account acct_… --name dashboard --scope admin
  linkhop serve                       answer at http://127.0.0.1:8080

Then, over GraphQL and with that key, the mutations createDomain and
createSendingList make what short links stand on. The README has both.

`linkhop COMMAND --help` says more of each command."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    file: FileConfig,
    #[command(flatten)]
    log: LogConfig,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a server to try, with an account, a key, a list and two offers
    #[command(
        after_help = "The database and the key are kept in the folder: the next start goes on where this one was.\n\n\
        Example:\n  linkhop demo --listen 127.0.0.1:0 --data-dir /tmp/linkhop-demo"
    )]
    Demo(Box<demo::Demo>),
    /// Answer GraphQL and redirects until it is stopped
    #[command(after_help = SOURCES)]
    Serve(Box<Config>),
    /// Make the database's tables, or bring them to this version
    Migrate(migrate::Migrate),
    /// Write a copy of an SQLite database while the server runs
    #[command(after_help = backup::AFTER_HELP)]
    Backup(backup::Backup),
    /// Move all that a database holds to another one, also of the other kind
    #[command(after_help = moving::AFTER_HELP)]
    Move(moving::Move),
    /// Show the settings and where each is from
    Config(check::Settings),
    /// Make, show, suspend and resume accounts, and give them products
    Account(accounts::Account),
    /// Make, show and revoke API keys
    Key(keys::Key),
    /// Show the hosts that short links live on
    Domain(domains::Domain),
    /// Block and unblock hosts that links may lead to
    Destination(destinations::Destination),
    /// Show and close what people have reported about links
    Report(reports::Report),
    /// Make links from a file, and write them into one
    Links(links::Links),
    /// Bring clicks along, write them into a file, and judge stored ones anew
    Clicks(clicks::Clicks),
    /// Give an agent on this machine the tools of a running server (MCP)
    Mcp(mcp::Mcp),
    /// Print the GraphQL schema, the manual of the API
    Schema,
    /// Print the OpenAPI document of the REST call that makes links
    Openapi,
    /// Print a script that makes a shell complete commands and flags
    #[command(after_help = "Examples, each for one shell:
  linkhop completions bash > ~/.local/share/bash-completion/completions/linkhop
  linkhop completions zsh > ~/.zfunc/_linkhop     # a folder of your $fpath
  linkhop completions fish > ~/.config/fish/completions/linkhop.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

const SOURCES: &str = "\
Each setting is a flag, a variable and, with underscores, a key of the file that --config names. The flag wins over the \
variable, the variable over the file; an empty variable sets nothing. `linkhop config check` shows what came of it.

Example, /etc/linkhop.toml:
  database_url = \"postgres://linkhop:PASSWORD@127.0.0.1/linkhop\"
  listen = \"127.0.0.1:8080\"
  max_depth = 12

  linkhop serve --config /etc/linkhop.toml";

/// The command line asks for what can't be, whatever the database holds.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(String);

/// Does what the command line says.
///
/// # Errors
/// With what stopped it, for the operator to read.
pub async fn run(invocation: Invocation) -> Result<()> {
    let Invocation { cli, settings, file } = invocation;
    log_to_stderr(&cli.log);
    if matches!(cli.command, Command::Demo(_) | Command::Serve(_)) {
        // The first number would otherwise wait for it. Before all else and on this thread: what loading
        // leaves behind, half of the memory of an idle server, is then used again by all that follows.
        phone::warm_up();
    }
    match cli.command {
        Command::Demo(demo) => demo.run().await,
        Command::Serve(config) => serve(&config).await,
        Command::Migrate(migrate) => migrate.run().await,
        Command::Backup(backup) => backup.run().await,
        Command::Move(moving) => moving.run().await,
        Command::Config(config) => config.run(&settings, file.as_deref()),
        Command::Account(account) => account.run().await,
        Command::Key(key) => key.run().await,
        Command::Domain(domain) => domain.run().await,
        Command::Destination(destination) => destination.run().await,
        Command::Report(report) => report.run().await,
        Command::Links(links) => links.run().await,
        Command::Clicks(clicks) => clicks.run().await,
        Command::Mcp(mcp) => mcp.run().await,
        Command::Schema => print(&graphql::sdl()),
        Command::Openapi => print(&http::openapi()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut help::command(), "linkhop", &mut script);
            print(&String::from_utf8(script)?)
        }
    }
}

async fn serve(config: &Config) -> Result<()> {
    let store = connect(&config.database, false).await?;
    if store.pending_migrations().await? > 0 {
        tracing::warn!("the database's schema is older than this program: run `linkhop migrate up`");
    }
    expect_whole(&store).await?;
    let settings = config.server.settings(None)?;
    let traced = trace(&config.server, &store)?;
    let server = Server::bind(store, &config.server).await?;
    print(&format!("Linkhop listens on http://{}\n", server.address()))?;
    tell_of_metrics(&server)?;
    run_to_the_end(server, settings, traced).await;
    Ok(())
}

/// Traces requests to that database, if the settings name a collector.
fn trace(config: &ServerConfig, store: &Store) -> Result<Option<Sending>> {
    let options = config.traces.options();
    Ok(options
        .map(|options| traces::start(&options, store.kind()))
        .transpose()?)
}

/// Answers requests until the process is asked to stop, and sends the last spans after all that is stored.
async fn run_to_the_end(server: Server, settings: Settings, traced: Option<Sending>) {
    if let Err(error) = apart::start() {
        tracing::warn!(%error, "there are no threads for large requests, and visitors wait for them");
    }
    server.run(settings, stopped()).await;
    if let Some(sending) = traced {
        sending.finish().await;
    }
}

/// Says where metrics are, if they are anywhere.
fn tell_of_metrics(server: &Server) -> Result<()> {
    match server.metrics_address() {
        Some(address) => print(&format!("Metrics are at http://{address}/metrics\n")),
        None => Ok(()),
    }
}

/// Opens the database; `create` makes an `SQLite` file that is not there.
async fn connect(config: &DatabaseConfig, create: bool) -> Result<Store> {
    let url = config.database_url.expose();
    let store = Store::connect(url, &config.tuning.options(create)).await;
    if !create && url.starts_with("sqlite:") {
        return store.context("is the SQLite file there? `linkhop migrate up` makes it");
    }
    Ok(store?)
}

/// Opens the database for a command that needs its tables.
async fn open(config: &DatabaseConfig) -> Result<Store> {
    let store = connect(config, false).await?;
    if store.pending_migrations().await? > 0 {
        bail!("the database's schema is older than this program, or not there: run `linkhop migrate up`");
    }
    expect_whole(&store).await?;
    Ok(store)
}

/// Refuses a database into which not all has been moved yet.
async fn expect_whole(store: &Store) -> Result<()> {
    if store.is_half_moved().await? {
        bail!("a move into this database is not finished: run that `linkhop move` again, to its end");
    }
    Ok(())
}

/// Reads an account's id, and says where to find one.
fn account_id(text: &str) -> Result<AccountId, String> {
    text.parse().map_err(|_| {
        "an account's id is acct_ and 32 hexadecimal digits; `linkhop account list` shows it".to_owned()
    })
}

/// Says which accounts there are instead.
fn known_account(unknown: UnknownAccount) -> anyhow::Error {
    anyhow!("{unknown}; `linkhop account list` shows those there are")
}

/// Writes to standard output at once, also where it is a pipe.
fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Returns once the process is asked to stop.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM can't be waited for");
                let _ = interrupt.await;
            }
        }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}

fn log_to_stderr(config: &LogConfig) {
    // The libraries of MCP and of traces tell of each step; who wants that names them.
    let filter = EnvFilter::new(format!("rmcp=warn,opentelemetry_sdk=warn,{}", config.log));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Colours are for people at a terminal, not for files.
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    // A second one in the same process, as in a test, is no reason to stop.
    let _ = match config.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    http::log_panics();
}
