//! The `linkhop` program.

use std::process::ExitCode;

use linkhop::{
    cli::{Usage, read, run},
    graphql::error::chain,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let invocation = read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    match run(invocation).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "linkhop: {}", chain(&*error));
            if error.is::<Usage>() {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
