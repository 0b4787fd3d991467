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
use std::sync::Arc;

use bivouac_ports::{RecordStore, SystemClock};
use clap::Parser as _;
use tokio_util::sync::CancellationToken;

use args::{Cli, Command, DEFAULT_CONFIG};
use output::Terminal;
use session::{PACE, Session, user};

use crate::config::{Config, Variables};
use crate::exit::Failure;
use crate::telemetry;

/// What a command logs that a person waits for: only what goes wrong. The daemon says more.
const QUIET: &str = "warn";

/// The whole program: reads the command line, the configuration and the environment of this process, and does what is
/// asked. `open` connects to the table; it makes the one choice that is not the command line's.
///
/// Usage errors and `--help` end the process here, with 2 and 0, as clap does it.
///
/// # Errors
/// [`Failure`] says what, and with which exit code.
pub async fn main<O>(open: O) -> Result<(), Failure>
where
    O: AsyncFnOnce(&Config) -> Result<Arc<dyn RecordStore>, Failure>,
{
    let cli = Cli::parse();
    telemetry::start(QUIET);
    let config = configuration(&cli, &variables())?;
    let store = open(&config).await?;
    let mut session = Session {
        config,
        store,
        clock: Arc::new(SystemClock),
        terminal: Terminal::of_process(),
        format: cli.output,
        user: user(|name| std::env::var(name).ok()),
        pace: PACE,
        interrupt: interrupt(),
    };
    execute(&mut session, cli.command).await
}

/// Cancelled by the first Ctrl-C; the second ends the process, should something not heed the first.
fn interrupt() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if cancelled.is_cancelled() {
                std::process::exit(1);
            }
            cancelled.cancel();
        }
    });
    token
}

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
