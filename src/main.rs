//! The `linkhop` program.

use std::process::ExitCode;

use linkhop::cli::{Usage, read, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let invocation = read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    match run(invocation).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            // The alternate form is the error and all it came from.
            let _ = writeln!(std::io::stderr(), "linkhop: {error:#}");
            if error.is::<Usage>() {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
