//! The program `bivouac`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    bivouac::exit::exit(bivouac::cli::main().await)
}
