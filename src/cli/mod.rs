//! The command line: contract 3.

pub mod args;
mod audit;
mod change;
pub mod collection;
mod describe;
mod dev;
mod doctor;
mod exec;
mod generated;
mod get;
mod init;
mod logs;
mod open;
pub mod output;
pub mod plan;
mod reap;
mod run;
pub mod session;
pub mod suspects;
mod tasks;
mod wait;
mod wish;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use bivouac_ports::SystemClock;
use clap::Parser as _;
use tokio_util::sync::CancellationToken;

use bivouac_model::command::Command as Says;
use change::change;

use args::{Cli, Command, DEFAULT_CONFIG};
use output::Terminal;
use session::{PACE, Session, Workload, browser, user};

use crate::compose::Tables;
use crate::config::{Config, Variables};
use crate::exit::Failure;
use crate::{compose, telemetry};

/// What a command logs that a person waits for: only what goes wrong. The daemon says more.
const QUIET: &str = "warn";

/// What `dev` logs: of the embedded DynamoDB nothing, since what it refuses is told by whoever asked.
const DEV: &str = "warn,dynoxide=off,octocrab=off";
/// What `doctor` logs: it tells itself what others would warn of.
const DOCTOR: &str = "error,octocrab=off";
/// What the daemon logs by itself. octocrab tells of every answer that is an error, which the door tells too.
const DAEMON: &str = "info,octocrab=off";

/// The whole program: reads the command line, the configuration and the environment of this process, and does what is
/// asked.
///
/// Usage errors and `--help` end the process here, with 2 and 0, as clap does it.
///
/// # Errors
/// [`Failure`] says what, and with which exit code.
pub async fn main() -> Result<(), Failure> {
    let cli = Cli::parse();
    let stop = interrupt();
    match cli.command {
        Command::Dev(dev) => {
            telemetry::start(DEV);
            return dev::dev(dev, cli.output, stop).await;
        }
        Command::Doctor(_) => {
            telemetry::start(DOCTOR);
            let variables = variables();
            let config = configuration(&cli, &variables)?;
            let mut terminal = Terminal::of_process();
            return doctor::doctor(&config, path(&cli), &variables, &mut terminal, cli.output, stop).await;
        }
        Command::Run(_) => {
            telemetry::start(DAEMON);
            return run::run(&configuration(&cli, &variables())?, cli.output, stop).await;
        }
        Command::Completions(asked) => return generated::completions(&asked),
        Command::Man(asked) => return generated::man(&asked),
        _ => telemetry::start(QUIET),
    }
    let config = configuration(&cli, &variables())?;
    let Tables { records: store, journal, spending, cluster, logs, region } = compose::tables(&config).await?;
    let mut session = Session {
        config,
        store,
        journal,
        spending,
        workload: Workload { cluster, logs, region, browser },
        clock: Arc::new(SystemClock),
        terminal: Terminal::of_process(),
        format: cli.output,
        user: user(|name| std::env::var(name).ok()),
        pace: PACE,
        interrupt: stop,
    };
    execute(&mut session, cli.command).await
}

/// Cancelled by the first Ctrl-C or SIGTERM; the second ends the process, should something not heed the first.
fn interrupt() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        while asked_to_stop().await.is_ok() {
            if cancelled.is_cancelled() {
                std::process::exit(1);
            }
            cancelled.cancel();
        }
    });
    token
}

/// Waits for a person or a supervisor to ask.
async fn asked_to_stop() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// Does what a command that reads or writes the table asks for.
///
/// # Errors
/// [`Failure`] says what, and with which exit code.
pub async fn execute(session: &mut Session, command: Command) -> Result<(), Failure> {
    // These end in their own way when they are interrupted.
    let patient = match &command {
        Command::Up(up) => up.waiting.wait,
        Command::Down(down) => down.waiting.wait,
        Command::Sleep(asked) | Command::Wake(asked) | Command::Restart(asked) => asked.waiting.wait,
        Command::Get(get) => get.watch,
        Command::Logs(logs) => logs.follow,
        _ => false,
    };
    let interrupt = session.interrupt.clone();
    let work = async {
        match command {
            Command::Up(up) => wish::up(session, up).await,
            Command::Down(down) => wish::down(session, down).await,
            Command::Extend(asked) => change(session, &asked.env, &Says::Extend(asked.by), None).await,
            Command::Pin(asked) => change(session, &asked.env, &Says::Pin, None).await,
            Command::Unpin(asked) => change(session, &asked.env, &Says::Unpin, None).await,
            Command::Sleep(asked) => change(session, &asked.env, &Says::Sleep, Some(asked.waiting)).await,
            Command::Wake(asked) => change(session, &asked.env, &Says::Wake, Some(asked.waiting)).await,
            Command::Restart(asked) => change(session, &asked.env, &Says::Restart, Some(asked.waiting)).await,
            Command::Get(get) => get::get(session, get).await,
            Command::Describe(describe) => describe::describe(session, describe).await,
            Command::Logs(asked) => logs::logs(session, asked).await,
            Command::Exec(asked) => exec::exec(session, asked).await,
            Command::Open(asked) => open::open(session, asked).await,
            Command::Plan(asked) => plan::plan(session, asked).await,
            Command::Reap(asked) => reap::reap(session, asked).await,
            Command::Init => init::init(session).await,
            // These need no table, or make it themselves, or look whether it is there.
            Command::Dev(_) | Command::Run(_) | Command::Doctor(_) | Command::Completions(_) | Command::Man(_) => {
                Ok(())
            }
        }
    };
    tokio::select! {
        outcome = work => outcome,
        () = interrupt.cancelled(), if !patient => Err(Failure::Failed("interrupted".into())),
    }
}

/// Where the configuration is.
fn path(cli: &Cli) -> &Path {
    cli.config.as_deref().unwrap_or_else(|| Path::new(DEFAULT_CONFIG))
}

/// The configuration that a command line names, with what the environment overrides.
///
/// # Errors
/// Everything that is wrong with it, or that there is none.
pub fn configuration(cli: &Cli, variables: &Variables) -> Result<Config, Failure> {
    let path = path(cli);
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
