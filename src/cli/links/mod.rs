//! `linkhop links`.

mod export;
mod import;

use anyhow::Result;
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(super) struct Links {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write an account's links and their figures into a file
    #[command(after_help = export::AFTER_HELP)]
    Export(export::Export),
    /// Make links from a file, also one that another shortener exported
    #[command(after_help = import::AFTER_HELP)]
    Import(Box<import::Import>),
}

impl Links {
    pub(super) async fn run(self) -> Result<()> {
        match self.action {
            Action::Export(export) => export.run().await,
            Action::Import(import) => import.run().await,
        }
    }
}
