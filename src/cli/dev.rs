//! `dev`: the embedded system.

use std::io::IsTerminal as _;

use tokio_util::sync::CancellationToken;

use super::args::Dev;
use super::output::Format;
use crate::dev::{DevOptions, Manner, run};
use crate::exit::Failure;

/// Runs the embedded system until it is interrupted or its time is over.
///
/// # Errors
/// When it does not come up.
pub async fn dev(asked: Dev, format: Format, stop: CancellationToken) -> Result<(), Failure> {
    let manner = match format {
        Format::Json => Manner::Json,
        Format::Yaml => return Err(Failure::Usage("dev prints a table or, with -o json, a JSON object a line".into())),
        Format::Table | Format::Wide if std::io::stdout().is_terminal() => Manner::Live,
        Format::Table | Format::Wide => Manner::Lines,
    };
    let options = DevOptions { run_for: asked.run_for, empty: asked.empty, manner };
    run(options, stop).await.map_err(|error| Failure::Part(Box::new(error)))
}
