//! `linkhop clicks`.

mod export;
mod import;
mod reclassify;

use anyhow::Result;
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(super) struct Clicks {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Bring clicks along from a file of another system
    #[command(after_help = import::AFTER_HELP)]
    Import(import::Import),
    /// Write an account's clicks into a file that can be brought along elsewhere
    #[command(after_help = export::AFTER_HELP)]
    Export(export::Export),
    /// Judge stored clicks by today's list of bots, and mend all figures
    #[command(after_help = reclassify::AFTER_HELP)]
    Reclassify(reclassify::Reclassify),
}

impl Clicks {
    pub(super) async fn run(self) -> Result<()> {
        match self.action {
            Action::Import(import) => import.run().await,
            Action::Export(export) => export.run().await,
            Action::Reclassify(reclassify) => reclassify.run().await,
        }
    }
}
