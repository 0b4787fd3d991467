//! The program `bivouac`.

use std::process::ExitCode;

use bivouac::config::Config;
use bivouac::{cli, compose, exit};

#[tokio::main]
async fn main() -> ExitCode {
    exit::exit(cli::main(async |config: &Config| Ok(compose::records(config).await?)).await)
}
