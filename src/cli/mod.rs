//! The command line: contract 3.

pub mod args;
mod describe;
mod get;
mod init;
pub mod output;
pub mod plan;
pub mod session;
mod wait;
mod wish;

#[cfg(test)]
mod tests;

use std::path::Path;

use args::{Cli, Command, DEFAULT_CONFIG};
use session::Session;

use crate::config::{Config, Variables};
use crate::exit::Failure;

/// Does what a command that reads or writes the table asks for.
///
/// # Errors
/// [`Failure`] says what, and with which exit code.
pub async fn execute(session: &mut Session, command: Command) -> Result<(), Failure> {
    // These two end in their own way when they are interrupted.
    let patient = match &command {
        Command::Up(up) => up.waiting.wait,
        Command::Down(down) => down.waiting.wait,
        Command::Get(get) => get.watch,
        Command::Describe(_) | Command::Init => false,
    };
    let interrupt = session.interrupt.clone();
    let work = async {
        match command {
            Command::Up(up) => wish::up(session, up).await,
            Command::Down(down) => wish::down(session, down).await,
            Command::Get(get) => get::get(session, get).await,
            Command::Describe(describe) => describe::describe(session, describe).await,
            Command::Init => init::init(session).await,
        }
    };
    tokio::select! {
        outcome = work => outcome,
        () = interrupt.cancelled(), if !patient => Err(Failure::Failed("interrupted".into())),
    }
}

/// The configuration that a command line names, with what the environment overrides.
///
/// # Errors
/// Everything that is wrong with it, or that there is none.
pub fn configuration(cli: &Cli, variables: &Variables) -> Result<Config, Failure> {
    let path = cli.config.as_deref().unwrap_or_else(|| Path::new(DEFAULT_CONFIG));
    if cli.config.is_none() && !path.exists() {
        return Err(Failure::Usage(format!(
            "there is no ./{DEFAULT_CONFIG}; name a configuration with --config FILE or the variable BIVOUAC_CONFIG"
        )));
    }
    Ok(Config::load(path, variables)?)
}

/// The variables of this process. What is no Unicode is shown with replacement characters, and so refused by its key.
pub fn variables() -> Variables {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}
