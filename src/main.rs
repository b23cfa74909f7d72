//! The `linkhop` program.

use std::process::ExitCode;

use clap::Parser as _;
use linkhop::cli::{Cli, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            // The alternate form is the error and all it came from.
            let _ = writeln!(std::io::stderr(), "linkhop: {error:#}");
            ExitCode::FAILURE
        }
    }
}
