//! The commands of the `linkhop` program.

mod accounts;
mod demo;
mod migrate;

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Result;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::{
    config::{Config, LogConfig, LogFormat},
    graphql, http,
    server::Server,
    store::Store,
    values::phone,
};

/// Self-hosted link attribution for SMS: GraphQL in, tracked short links out
#[derive(Debug, Parser)]
#[command(name = "linkhop", version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: LogConfig,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it: a server with its own SQLite database, an account, a key, a list and two offers
    Demo(demo::Demo),
    /// Answer GraphQL and redirects
    Serve(Box<Config>),
    /// Bring the database's schema to this version, or back
    Migrate(migrate::Migrate),
    /// Manage accounts
    Account(accounts::Account),
    /// Manage API keys
    Key(accounts::Key),
    /// Print the GraphQL schema
    Schema,
}

/// Does what the command line says.
///
/// # Errors
/// With what stopped it, for the operator to read.
pub async fn run(cli: Cli) -> Result<()> {
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
        Command::Account(account) => account.run().await,
        Command::Key(key) => key.run().await,
        Command::Schema => print(&graphql::sdl()),
    }
}

async fn serve(config: &Config) -> Result<()> {
    let options = config.database.tuning.options(false);
    let store = Store::connect(config.database.database_url.expose(), &options).await?;
    if store.pending_migrations().await? > 0 {
        tracing::warn!("the database's schema is older than this program: run `linkhop migrate up`");
    }
    let server = Server::bind(store, &config.server).await?;
    print(&format!("Linkhop listens on http://{}\n", server.address()))?;
    server.run(config.server.settings(None), stopped()).await?;
    Ok(())
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
    let filter = EnvFilter::new(&config.log);
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
